"""How sure an answer is, in words and drawn: verdicts, and how far probabilities can be trusted. No Gradio, HTML only."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tabs.drawing.charts import Series, line_chart
from tabs.drawing.markup import facts, text

if TYPE_CHECKING:
    from engine.kinds.classes import ClassPrediction

# What people read in the place of a name that files and programs go on using.
TITLES = {"pos": "positive", "neg": "negative"}
TOLD, NEAR = 0.8, 0.15  # the probability that a sentence is said of, and how near to it a bin has to be
HOW = (
    "A network is mostly surer than it is right. Its figures are divided by one number, the temperature, fitted on validation, "
    "which changes no answer. Before and after are measured on halves: each half of the validation {} with the "
    "temperature of the other. Every dot stands for about as many of them."
)
KEPT = (
    "Here a temperature of {:.2f} was tried and helped by no more than chance may, so the probabilities stay as the model gives "
    "them."
)


def class_title(name: str) -> str:
    """What a class is called where people read it."""
    return TITLES.get(name, name.replace("_", " "))


def answer_words(prediction: "ClassPrediction") -> str:
    """The answer with its probability, or what a model that is not sure leans to."""
    title, share = class_title(prediction.answer), f"{prediction.probability:.0%}".replace("%", " %")
    return f"{title}, {share}" if prediction.is_sure else f"not sure: leaning {title}, {share}"


def verdict(prediction: "ClassPrediction") -> str:
    """The same as a headline; under one that is not sure, from where on it would be."""
    words = answer_words(prediction)
    said = f'<p class="lab-verdict"><strong>{text(words[0].upper() + words[1:])}</strong></p>'
    if prediction.is_sure:
        return said
    level = f"{prediction.sure_from:.0%}".replace("%", " %")
    return f'{said}<p class="lab-small">An answer of this model counts as sure from {level} on.</p>'


def show_calibration(evaluation: Mapping[str, Any], *, answers: str = "answers", right: str = "right") -> str:
    """The reliability diagram before and after calibration, in words too; nothing where a model was not calibrated."""
    told = evaluation.get("calibration")
    if not told:
        return ""
    helps = told["temperature"] != 1
    chart = reliability_chart(told["before"], told["after"] if helps else (), answers=answers, right=right)
    pairs = [
        ("Off by, on average", f"{told['error_before']:.1%}"),
        ("Off by, calibrated" if helps else "With the temperature that was tried", f"{told['error_after']:.1%}"),
        ("Temperature", f"{told['temperature']:.2f}"),
        (f"Validation {answers}", f"{sum(int(count) for _, _, count in told['after']):,}"),
    ]
    sentences = [
        said_of(told["before"], "As the model gives them", answers, right),
        *([said_of(told["after"], "Calibrated", answers, right)] if helps else []),
        said_of_sure(told, answers),
    ]
    said = " ".join(filter(None, sentences))
    how = HOW.format(answers) + ("" if helps else f" {KEPT.format(told['tried'])}")
    return f'<section>{chart}{facts(pairs)}<p>{text(said)}</p><p class="lab-small">{text(how)}</p></section>'


def reliability_chart(
    before: Sequence[Sequence[float]],
    after: Sequence[Sequence[float]],
    *,
    answers: str = "answers",
    right: str = "right",
) -> str:
    """Share that was right against probability; each row is [mean probability, share, number]."""
    rows = [*before, *after]
    low = min((sure for sure, _, _ in rows), default=0.0)
    lines = [
        Series(
            name="as the model gives them" if after else f"{right}, of the {answers} that are so sure",
            points=[(sure, share) for sure, share, _ in before],
            color="valid" if after else "train",
            dots=True,
        ),
        *([Series(name="calibrated", points=[(sure, share) for sure, share, _ in after], dots=True)] if after else []),
        Series(name="as it should be", points=[(low, low), (1.0, 1.0)], color="faint"),
    ]
    return line_chart(
        "How far the probabilities can be trusted", lines, x_label=f"how sure the {answers} are", kind="tall"
    )


def said_of(rows: Sequence[Sequence[float]], which: str, answers: str, right: str) -> str:
    """“Of the answers with about 80 %, 71 % were right”, of the bin nearest to that; "" where none is near."""
    sure, share, count = min(rows, key=lambda row: abs(row[0] - TOLD))
    if not abs(sure - TOLD) <= NEAR:
        return ""
    return f"{which}: of the {int(count):,} {answers} with about {100 * sure:.0f} %, {100 * share:.0f} % were {right}."


def said_of_sure(told: Mapping[str, Any], answers: str) -> str:
    """From where on answers count as sure, and what came of that on halves; "" for kinds with no such level."""
    level, share, correct = (told.get(name) for name in ("sure_from", "sure_share", "sure_right"))
    if level is None or share is None:
        return ""
    was = "" if correct is None else f", and {100 * correct:.0f} % of these were right"
    return f"From {100 * level:.0f} % on they count as sure: so were {100 * share:.0f} % of the {answers}{was}."


def show_spread(evaluation: Mapping[str, Any], names: Sequence[str], unit: str) -> str:
    """Within which distance most answers lie, and whether that held on the other half; nothing where it is not known."""
    within = evaluation.get("within")
    if not within or len(within["by"]) != len(names):
        return ""
    asked = f"at least {100 * within['share']:.0f} of 100 validation pictures"
    found = [
        f"{f'{name}: ' if name else ''}within {by:.3g}{unit} of the truth in {asked} (a distance from one half of them held for "
        f"{100 * covered:.0f} of 100 in the other)"
        for name, by, covered in zip(names, within["by"], within["covered"], strict=True)
    ]
    how = (
        "It is the larger distance of the two halves, in the order of the files, which may show other people. It holds for "
        "pictures like these, and for many of them together: it says nothing of a single one."
    )
    said = "; ".join(found)
    return f'<p>{text(said[0].upper() + said[1:])}.</p><p class="lab-small">{how}</p>'
