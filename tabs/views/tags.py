"""How tags are shown: pictures with their tags under them, right, missed or made up; figures by tag. No Gradio, HTML only."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.recipe import Stage
from tabs.drawing.charts import Mark, Series, bar_list, heat_map, line_chart
from tabs.drawing.markup import empty_state, facts, figure_grid, table, tag_list, text
from tabs.reading.heavy import load_engine
from tabs.views.pictures import augmented_grid, fitted_tag, sample_grid
from tabs.views.sureness import show_calibration

if TYPE_CHECKING:
    from engine.data.pictures.block import Data
    from engine.serving.inspect import Shown
    from engine.serving.predictor import Predictor

# Of an evaluation.
NEEDED = {"classes", "tags", "curve", "decision", "f2_tuned_by_tag", "missed_and_given", "samples"}


def show_legend(classes: tuple[str, ...]) -> str:
    """The tags there are."""
    return f'<p class="lab-small">{len(classes)} tags: {text(", ".join(classes))}</p>'


def show_samples(data: "Data", split: str, start: int, count: int) -> str:
    """Pictures of a split with their tags."""
    return sample_grid(data, split, start, count, _tagged)


def show_augmented(data: "Data", stage: Stage, index: int, seed: int) -> str:
    """One picture untouched, and then as training may see it; its tags stay."""
    return augmented_grid(data, stage, index, seed, lambda sample, _: fitted_tag(sample.picture, sample.name))


def show_frequencies(data: "Data") -> str:
    """How many training pictures have each tag, the most common first."""
    load_engine()
    from engine.kinds.tags import tag_counts

    counts = tag_counts(data)
    total = len(data.train)
    order = sorted(counts, key=lambda name: -counts[name])
    return bar_list([(name, counts[name] / total, f"{counts[name]} ({counts[name] / total:.0%})") for name in order])


def show_comparisons(predictor: "Predictor", data: "Data", items: Sequence[Path]) -> str:
    """Pictures with the tags that are right, missed, and given without being there."""
    load_engine()
    from engine.serving.inspect import compare_predictions

    figures = []
    for case in compare_predictions(predictor, data, items):
        there = {name for name, is_there in zip(data.classes, case.target.tolist(), strict=True) if is_there}
        given = set(case.prediction.tags())
        marked = [
            *((name, "right") for name in sorted(there & given)),
            *((name, "missed") for name in sorted(there - given)),
            *((name, "extra") for name in sorted(given - there)),
        ]
        picture = fitted_tag(case.picture, case.name)
        figures.append((f"{picture}{tag_list(marked)}", f"{case.name} · loss {case.loss:.3f}"))
    key = tag_list([("right", "right"), ("missed: it is there", "missed"), ("given: it is not there", "extra")])
    return f'{figure_grid(figures, columns=3, keeps_rows=True)}<div class="lab-small">{key}</div>'


def show_evaluation(evaluation: Mapping[str, Any]) -> str:
    """F2 against the threshold, figures by tag, and which tags are given in place of which."""
    if not evaluation.keys() >= NEEDED or "threshold" not in evaluation["decision"]:
        return empty_state("No figures by tag", "This run's validation has written none. Train it for one whole epoch.")
    classes, tags, decision = tuple(evaluation["classes"]), evaluation["tags"], evaluation["decision"]
    chart = line_chart(
        "F2 against the threshold",
        [Series(name="F2, one threshold for all tags", points=[tuple(point) for point in evaluation["curve"]])],
        x_label="threshold",
        marks=[Mark(name="the lesson's 0.2", x=0.2), Mark(name="best on these pictures", x=decision["threshold"])],
        kind="tall",
    )
    tuned = facts(
        [
            ("Best threshold for all", f"{decision['threshold']:.2f}"),
            ("F2 with a threshold a tag", f"{evaluation['f2_tuned_by_tag']:.4f}"),
            ("Validation pictures", str(evaluation["samples"])),
        ]
    )
    said = (
        '<p class="lab-small">A threshold flatters itself on the pictures it was tuned on. The tuned F2s are honest: each half '
        "of the validation pictures is judged with thresholds from the other half. All of these thresholds are of the figures as "
        "the model gives them, as the lesson's 0.2 is; where a model is calibrated, Try it shows them calibrated.</p>"
    )
    heat = heat_map(evaluation["missed_and_given"], classes, corner="missed ↓ · given →", joined="missed, and given")
    return (
        f'<div class="lab-two"><section>{chart}{tuned}{said}</section>'
        f"<section><h4>By tag, at threshold 0.2</h4>{_by_tag(classes, tags, decision['thresholds'])}</section></div>"
        f"{show_calibration(evaluation, answers='tags', right='there')}"
        f"<h4>Errors that come together: how often one tag was missed where another was given and is not there</h4>{heat}"
    )


def _by_tag(classes: Sequence[str], tags: Sequence[Mapping[str, Any]], thresholds: Sequence[float]) -> str:
    rows = [
        (
            text(name),
            str(tag["count"]),
            *(_share(tag[figure]) for figure in ("precision", "recall", "f2", "average_precision")),
            f"{threshold:.2f}",
        )
        for name, tag, threshold in sorted(
            zip(classes, tags, thresholds, strict=True), key=lambda row: -row[1]["count"]
        )
    ]
    return table(("Tag", "Pictures", "Precision", "Recall", "F2", "Av. prec.", "Tuned"), rows)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _tagged(sample: "Shown", classes: tuple[str, ...]) -> str:
    names = [classes[index] for index in np.flatnonzero(sample.target)]
    return fitted_tag(sample.picture, sample.name) + tag_list([(name, "plain") for name in names])
