from engine.host.turns import REMEMBERED, Turns


def served(turns: Turns, waiting: list[str], count: int) -> str:
    """Who is served, one letter each, one after the other; a letter is a person."""
    order = ""
    for _ in range(count):
        person = turns.first(waiting, [], str)
        turns.serve(person)
        waiting.remove(person)
        order += person
    return order


def test_whoever_sends_many_delays_nobody_else() -> None:
    assert served(Turns(), list("aaaabb"), 6) == "ababaa"
    turns = Turns()
    assert served(turns, list("aaaaaaaa"), 2) == "aa"
    assert served(turns, list("aaaaaab"), 2) == "ba"


def test_whoever_has_something_under_way_comes_after_the_others() -> None:
    turns = Turns()
    turns.serve("b")
    assert turns.first(list("ab"), ["a"], str) == "b"
    assert turns.first(list("ab"), ["a", "b", "b"], str) == "a"


def test_people_are_forgotten_at_last() -> None:
    turns = Turns()
    for number in range(2 * REMEMBERED):
        turns.serve(str(number))
    assert turns.first(["0", str(2 * REMEMBERED - 1)], [], str) == "0"
    assert len(turns._served) == REMEMBERED
