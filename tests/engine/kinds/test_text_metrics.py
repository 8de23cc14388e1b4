"""Figures of texts, counted by hand."""

import json
import math

import pytest
import torch
from torch import Tensor, nn

from engine.data.texts.language_feed import IGNORED, guesses
from engine.kinds.class_metrics import ClassMetrics, reliability
from engine.kinds.language import guess_cross_entropy
from engine.kinds.text_metrics import GuessMetrics
from engine.models.awd_lstm import LanguageOutput, regularisation


def sure(answers: list[int], by: list[float] | None = None) -> Tensor:
    """Logits of two classes; `by` is how far the answer is in front."""
    fronts = by or [1.0] * len(answers)
    return torch.tensor(
        [[front, 0.0] if answer == 0 else [0.0, front] for answer, front in zip(answers, fronts, strict=True)]
    )


def test_accuracy_f1_and_confusion_by_hand() -> None:
    metrics = ClassMetrics(("neg", "pos"))
    truth = torch.tensor([0, 0, 0, 1, 1])
    logits = sure([0, 0, 1, 1, 0])
    metrics.update(logits[:2], truth[:2])
    metrics.update(logits[2:], truth[2:])
    figures = metrics.compute()
    assert figures["accuracy"] == pytest.approx(3 / 5)
    # neg: 2 right of 3 answers and of 3 texts; pos: 1 right of 2 and of 2.
    assert figures["f1"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    details = metrics.details()
    assert details["confusion"] == [[2, 1], [1, 1]], "rows are the truth"
    assert details["classes"] == ["neg", "pos"]
    json.dumps(details)


def test_the_area_under_the_curve_counts_pairs_in_order() -> None:
    metrics = ClassMetrics(("neg", "pos"))
    # Scores for pos: texts of neg have 1 and 3, texts of pos 2 and 4: three pairs of four are in order.
    metrics.update(torch.tensor([[0.0, 1.0], [0.0, 3.0], [0.0, 2.0], [0.0, 4.0]]), torch.tensor([0, 0, 1, 1]))
    assert metrics.compute()["roc_auc"] == pytest.approx(3 / 4)


def test_three_classes_count_alike_however_rare() -> None:
    metrics = ClassMetrics(("a", "b", "c"))
    truth = torch.tensor([0] * 8 + [1, 2])
    metrics.update(torch.tensor([[1.0, 0.0, 0.0]] * 9 + [[0.0, -1.0, 2.0]]), truth)
    figures = metrics.compute()
    assert figures["accuracy"] == pytest.approx(0.9)
    assert figures["f1"] == pytest.approx((16 / 17 + 0 + 1) / 3)
    # a: its 8 beat c's 1 and tie with b's; b: its 1 ties with 8 and beats 1; c: all in order.
    assert figures["roc_auc"] == pytest.approx(((8 + 4) / 16 + (4 + 1) / 9 + 1) / 3)


def test_a_class_without_texts_has_no_part_in_the_area() -> None:
    metrics = ClassMetrics(("a", "b", "c"))
    metrics.update(torch.tensor([[3.0, 0.0, 0.0], [0.0, 3.0, 0.0]]), torch.tensor([0, 1]))
    assert metrics.compute()["roc_auc"] == 1
    alone = ClassMetrics(("a", "b"))
    alone.update(sure([0, 1]), torch.tensor([0, 0]))
    figures = alone.compute()
    assert figures["accuracy"] == 0.5 and math.isnan(figures["roc_auc"]), "one class cannot be told from another"


def test_reliability_groups_answers_of_like_confidence() -> None:
    probabilities = torch.tensor([[0.52, 0.48], [0.46, 0.54], [0.97, 0.03], [0.01, 0.99], [1.0, 0.0]])
    rows = reliability(probabilities, torch.tensor([0, 0, 0, 1, 1]))
    assert rows == [
        pytest.approx([0.53, 0.5, 2]),
        pytest.approx([(0.97 + 0.99 + 1.0) / 3, 2 / 3, 3]),
    ]


def test_no_answer_of_four_classes_is_less_sure_than_a_quarter() -> None:
    rows = reliability(torch.tensor([[0.25, 0.25, 0.25, 0.25], [0.31, 0.29, 0.2, 0.2]]), torch.tensor([0, 1]))
    assert rows == [pytest.approx([0.28, 0.5, 2])]


def test_guesses_are_right_or_surprising() -> None:
    metrics = GuessMetrics()
    logits = torch.log(torch.tensor([[[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]]]))
    metrics.update(logits, torch.tensor([[0, 1]]))
    metrics.update(logits[:, :1], torch.tensor([[2]]))
    assert metrics.compute() == {"next_word_accuracy": pytest.approx(1 / 3)}
    assert metrics.of_loss(-math.log(0.5 * 0.2 * 0.25) / 3)["perplexity"] == pytest.approx(
        (1 / (0.5 * 0.2 * 0.25)) ** (1 / 3)
    )
    assert metrics.details() == {"guesses": 3}
    loss, count = guess_cross_entropy(logits, torch.tensor([[0, 1]]))
    assert (loss.item(), count.item()) == (pytest.approx(-math.log(0.5 * 0.2)), 2)


def test_only_places_that_are_asked_for_count() -> None:
    target = torch.tensor([[IGNORED, 1], [2, IGNORED]])
    asked = torch.log(torch.tensor([[0.2, 0.6, 0.2], [0.3, 0.3, 0.4]]))
    logits, expected = guesses(asked, target)
    assert torch.equal(logits, asked) and expected.tolist() == [1, 2]
    metrics = GuessMetrics()
    metrics.update(asked, target)
    assert (metrics.compute(), metrics.details()) == ({"next_word_accuracy": 1}, {"guesses": 2})
    nothing = guess_cross_entropy(asked[:0], torch.full((1, 2), IGNORED))
    assert [value.item() for value in nothing] == [0, 0]


def test_a_model_that_knows_nothing_is_as_surprised_as_there_are_words_and_no_more_than_can_be_told() -> None:
    loss, count = guess_cross_entropy(torch.zeros(2, 5, 40), torch.randint(0, 40, (2, 5)))
    assert GuessMetrics().of_loss((loss / count).item())["perplexity"] == pytest.approx(40)
    assert GuessMetrics().of_loss(1e6)["perplexity"] == pytest.approx(math.exp(20))


def test_an_awd_lstm_that_learns_is_regularised_and_one_that_is_measured_is_not() -> None:
    raw = nn.Parameter(torch.ones(1, 2, 4))
    output = LanguageOutput(logits=torch.zeros(1, 2, 3), raw=raw, dropped=raw)
    target = torch.tensor([[0, 1]])
    loss, _ = guess_cross_entropy(output, target)
    assert loss.item() == pytest.approx(2 * math.log(3) + 2 * regularisation(output).item())
    with torch.inference_mode():
        measured = LanguageOutput(output.logits, raw * 1, raw * 1)
        assert guess_cross_entropy(measured, target)[0].item() == pytest.approx(2 * math.log(3))
