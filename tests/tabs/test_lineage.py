"""What the Train step says of where a run came from, and where it leads."""

from tabs.reading.lineage import compare_link


def test_a_run_leads_to_a_comparison_with_the_newest_other_one() -> None:
    assert "compare?runs=b%2Cc" in compare_link("b", ["c", "b", "a"])
    assert "compare?runs=c%2Cb" in compare_link("c", ["c", "b", "a"])
    assert compare_link("a", ["a"]) == "" == compare_link("a", [])
