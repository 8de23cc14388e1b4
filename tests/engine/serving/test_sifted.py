"""What is known of judged samples, kind by kind; and how many of them are ordered, chosen and grouped."""

import pytest
import torch

from engine.kinds.sifting import Sifted, sift_class, sift_mask, sift_numbers, sift_point, sift_tags
from engine.serving.sifted import Row, as_written, chosen, grouped, groups_of, mixed_up, ordered, pair_of

ABC = ("a", "b", "c")


def test_a_class_is_right_or_taken_for_another() -> None:
    logits = torch.tensor([2.0, 1.0, -9.0])
    right, wrong = (sift_class(logits, torch.tensor(number), ABC, {}) for number in (0, 1))
    assert right.is_right and right.pairs == {("a", "a"): 1.0}
    assert not wrong.is_right and wrong.pairs == {("b", "a"): 1.0} and wrong.truth == ("b",)
    first, second = logits.softmax(0)[:2].tolist()
    assert wrong.margin == pytest.approx(first - second) and wrong.unsure == pytest.approx(1 - first)


def test_tags_pair_what_was_missed_with_what_was_given_instead() -> None:
    logits = torch.tensor([4.0, -4.0, 4.0])
    wrong = sift_tags(logits, torch.tensor([1.0, 1.0, 0.0]), ABC, {})
    assert wrong.pairs == {("b", "c"): 1.0} and wrong.truth == ("a", "b") and not wrong.is_right
    extra = sift_tags(logits, torch.tensor([1.0, 0.0, 0.0]), ABC, {})
    assert extra.pairs == {("(nothing missed)", "c"): 1.0}
    high = sift_tags(logits, torch.tensor([0.0, 0.0, 0.0]), ABC, {"threshold": 0.99})
    assert (
        high.is_right
        and high.pairs == {}
        and high.margin == pytest.approx(0.99 - torch.tensor(4.0).sigmoid().item(), abs=1e-5)
    )


def test_a_mask_counts_shares_of_its_pixels_and_none_of_those_without_a_class() -> None:
    target = torch.zeros(10, 10, dtype=torch.uint8)
    target[5:] = 1
    target[0] = 255
    answer = torch.zeros(10, 10, dtype=torch.long)
    answer[6:] = 1
    logits = torch.nn.functional.one_hot(answer, 3).permute(2, 0, 1).float() * 9
    found = sift_mask(logits, target, ABC, {})
    assert found.pairs == {
        ("a", "a"): pytest.approx(40 / 90),
        ("b", "b"): pytest.approx(40 / 90),
        ("b", "a"): pytest.approx(10 / 90),
    }
    assert found.truth == ("a", "b") and not found.is_right
    assert sift_mask(logits, torch.full((10, 10), 255, dtype=torch.uint8), ABC, {}).is_right


def test_a_point_and_numbers_have_an_error() -> None:
    near = sift_point(torch.tensor([[0.0, 0.0]]), torch.tensor([[0.03, 0.04]]), ABC, {})
    assert near.is_right and near.error == pytest.approx(0.025)
    assert not sift_point(torch.tensor([[0.0, 0.0]]), torch.tensor([[0.6, 0.8]]), ABC, {}).is_right
    target = torch.tensor([[10.0, float("nan")], [5.0, 1.0]])
    assert sift_numbers(torch.tensor([12.0, 3.0]), target, ABC, {}).error == pytest.approx(0.4)
    assert not sift_numbers(torch.tensor([20.0, 3.0]), target, ABC, {}).is_right


def row(item: str, loss: float, truth: str, answer: str, person: str, unsure: float = 0.1) -> Row:
    sifted = Sifted(
        is_right=truth == answer, margin=1 - unsure, unsure=unsure, truth=(truth,), pairs={(truth, answer): 1.0}
    )
    return Row(item=item, loss=loss, sifted=sifted, facts={"person": person})


ROWS = [
    row("1", 0.1, "a", "a", "x"),
    row("2", 3.0, "a", "b", "x", 0.4),
    row("3", 1.0, "b", "b", "y", 0.6),
    row("4", 2.0, "a", "b", "y"),
]


def names(rows: list[Row]) -> str:
    return "".join(row.item for row in rows)


def test_samples_are_ordered_and_chosen() -> None:
    assert names(ordered(ROWS, "worst")) == "2431" and names(ordered(ROWS, "unsure")) == "3214"
    assert names(ordered(ROWS, "closest")) == "3214" and names(ordered(ROWS, "listed")) == "1234"
    mixed = names(ordered(ROWS, "random"))
    assert sorted(mixed) == list("1234") and mixed == names(ordered(ROWS, "random"))
    assert names(chosen(ROWS, show="wrong")) == "24" and names(chosen(ROWS, show="right")) == "13"
    assert names(chosen(ROWS, group="person: y")) == "34" and names(chosen(ROWS, pair=("a", "b"))) == "24"
    assert names(chosen(ROWS, show="right", pair=("a", "b"))) == ""


def test_groups_are_counted_the_worst_first() -> None:
    found = grouped(ROWS)
    assert [(one.name, one.count, one.right) for one in found["class"]] == [("class: a", 3, 1), ("class: b", 1, 1)]
    assert [one.name for one in found["person"]] == ["person: x", "person: y"]
    assert groups_of(ROWS[0]) == ["class: a", "person: x"]
    assert mixed_up(ROWS) == {("a", "a"): 1, ("a", "b"): 2, ("b", "b"): 1}
    assert grouped([ROWS[0]]) == {}


def test_a_pair_is_written_and_read() -> None:
    assert pair_of(as_written(("a b", "c"))) == ("a b", "c") and pair_of("nothing") is None


def test_figures_of_any_form_are_taken() -> None:
    assert isinstance(sift_class(torch.zeros(3, dtype=torch.bfloat16), torch.tensor(1), ABC, {}), Sifted)
