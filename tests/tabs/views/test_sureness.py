"""What is said of how sure an answer is: leaning ones are not given as answers, and figures stand in sentences."""

from typing import Any

from engine.kinds.classes import ClassPrediction
from tabs.views.label import class_bars
from tabs.views.sureness import answer_words, class_title, show_calibration, show_spread, verdict
from tabs.views.tags import show_evaluation as show_tags
from tabs.views.text import show_evaluation

BEFORE, AFTER = (
    [[0.6, 0.55, 20], [0.78, 0.7, 20], [0.97, 0.9, 20]],
    [[0.57, 0.55, 20], [0.79, 0.75, 20], [0.9, 0.9, 20]],
)
TOLD: dict[str, Any] = {
    **{
        "temperature": 1.3,
        "tried": 1.3,
        "loss_before": 0.3,
        "loss_after": 0.2,
        "error_before": 0.123,
        "error_after": 0.045,
    },
    **{"before": BEFORE, "after": AFTER, "sure_from": 0.8, "sure_share": 0.5, "sure_right": 0.96},
}


def said(positive: float, sure_from: float = 0.75) -> ClassPrediction:
    return ClassPrediction(shown="", probabilities={"neg": 1 - positive, "pos": positive}, sure_from=sure_from)


def test_a_review_at_59_percent_is_not_positive() -> None:
    assert answer_words(said(0.59)) == "not sure: leaning positive, 59 %"
    headline = verdict(said(0.59))
    assert "<strong>Not sure: leaning positive, 59 %</strong>" in headline and "counts as sure from 75 % on" in headline
    assert answer_words(said(0.2)) == "negative, 80 %"
    assert "sure" not in verdict(said(0.9)) and "sure from 95 % on" in verdict(said(0.9, 0.95))


def test_titles_are_for_people_and_names_stay_names() -> None:
    assert [class_title(name) for name in ("pos", "neg", "partly_cloudy", "Sky")] == [
        "positive",
        "negative",
        "partly cloudy",
        "Sky",
    ]
    bars = class_bars({"partly_cloudy": 1.0}, "")
    assert 'data-choice="partly_cloudy"' in bars and ">partly cloudy<" in bars
    assert said(0.9).summary()["class"] == "pos"


def test_before_and_after_stand_in_the_chart_and_in_sentences() -> None:
    shown = show_calibration({"calibration": TOLD})
    assert "of the 20 answers with about 78 %, 70 % were right" in shown
    assert "of the 20 answers with about 79 %, 75 % were right" in shown
    assert "with about" not in show_calibration(
        {"calibration": TOLD | {"before": [[0.5, 0.5, 20]], "after": [[0.96, 0.9, 20]]}}
    )
    assert "From 80 % on they count as sure: so were 50 % of the answers, and 96 % of these were right" in shown
    assert shown.count('class="dots') == 2 and "12.3%" in shown and "4.5%" in shown and "1.30" in shown


def test_a_temperature_that_was_not_kept_is_told_and_changes_no_chart() -> None:
    shown = show_calibration({"calibration": TOLD | {"temperature": 1.0, "sure_right": None}})
    assert (
        "A temperature" not in shown and "temperature of 1.30 was tried and helped by no more than chance may" in shown
    )
    assert shown.count('class="dots') == 1 and "were right. From 80 % on" in shown and "of these" not in shown


def test_an_older_evaluation_says_nothing_of_calibration() -> None:
    older = {"classes": ["neg", "pos"], "confusion": [[3, 1], [0, 4]], "reliability": [[0.6, 0.5, 4], [0.9, 1.0, 4]]}
    shown = show_evaluation(older)
    assert "Expected calibration error" in shown and "emperature" not in shown and "negative" in shown
    assert show_calibration({}) == show_spread({}, [""], " px") == ""


def test_tags_with_another_kind_of_decision_have_no_figures() -> None:
    needed = {"classes": [], "tags": [], "curve": [], "f2_tuned_by_tag": 0.5, "missed_and_given": [], "samples": 1}
    assert "No figures by tag" in show_tags({**needed, "decision": {"temperature": 1.2}})


def test_a_spread_says_what_it_held_for_on_the_other_half() -> None:
    point = show_spread({"within": {"share": 0.8, "by": [11.86], "covered": [0.7285]}}, [""], " px")
    assert (
        "Within 11.9 px of the truth in at least 80 of 100 validation pictures" in point
        and "held for 73 of 100" in point
    )
    numbers = show_spread({"within": {"share": 0.8, "by": [1.0, 2.0], "covered": [0.8, 0.6]}}, ["pan", "<b>"], "")
    assert "Pan: within 1 of the truth" in numbers and "; &lt;b&gt;: within 2" in numbers
