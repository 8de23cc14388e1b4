"""How points are shown: a cross on the picture, truth and prediction together, distances in pixels. No Gradio, HTML only."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.recipe import Stage
from tabs.drawing.charts import Mark, Series, bar_list, line_chart
from tabs.drawing.markup import empty_state, figure_grid, text
from tabs.reading.heavy import load_engine
from tabs.views.pictures import augmented_grid, fitted_tag, sample_grid
from tabs.views.sureness import show_spread

if TYPE_CHECKING:
    from engine.data.pictures.block import Data
    from engine.serving.inspect import Shown
    from engine.serving.predictor import Predictor

TRUTH, GUESS, YOURS = "truth", "guess", "yours"


def show_legend(classes: tuple[str, ...]) -> str:
    """What the crosses are."""
    return (
        '<ul class="lab-legend"><li><i class="lab-key truth"></i>the point, as labelled</li>'
        '<li><i class="lab-key guess"></i>the model\'s guess</li></ul>'
    )


def show_samples(data: "Data", split: str, start: int, count: int) -> str:
    """Pictures of a split with their point."""
    return sample_grid(data, split, start, count, _pointed)


def show_augmented(data: "Data", stage: Stage, index: int, seed: int) -> str:
    """One picture untouched, and then as training may see it; the point goes with it, and may leave the picture."""
    return augmented_grid(data, stage, index, seed, _pointed)


def show_frequencies(data: "Data") -> str:
    """Where in the picture the training points are, as a scatter of dots."""
    height, width = data.shape
    points = [data.label(item) for item in data.train[:: max(1, len(data.train) // 400)]]
    dots = "".join(f'<i style="left:{100 * x / width:.1f}%;top:{100 * y / height:.1f}%"></i>' for x, y in points)
    return f'<div class="lab-scatter" style="aspect-ratio:{width}/{height}">{dots}</div>'


def show_comparisons(predictor: "Predictor", data: "Data", items: Sequence[Path]) -> str:
    """Pictures with the true and the predicted point."""
    load_engine()
    from engine.serving.inspect import compare_predictions

    figures = []
    for case in compare_predictions(predictor, data, items):
        (column, row), guess = case.target[0].tolist(), case.prediction
        crosses = [(column, row, TRUTH), (guess.column, guess.row, GUESS)]
        figures.append(
            (
                with_crosses(case.picture, crosses, alt=case.name),
                f"{case.name} · {guess.distance(column, row):.1f} px apart",
            )
        )
    return figure_grid(figures, columns=3, keeps_rows=True) + show_legend(())


def show_evaluation(evaluation: Mapping[str, Any]) -> str:
    """How many of the points are within which distance."""
    distances = evaluation.get("distances", ())
    if not distances or not evaluation.keys() >= {"width", "height"}:
        return empty_state("No distances", "This run's validation has written none. Train it for one whole epoch.")
    count, width = len(distances), evaluation["width"]
    chart = line_chart(
        "Share of the pictures within a distance",
        [Series(name="share", points=[(0.0, 0.0), *((d, (i + 1) / count) for i, d in enumerate(distances))])],
        x_label="distance in pixels",
        y_range=(0.0, 1.02),
        marks=[Mark(name="5 % of the width", x=0.05 * width)],
        kind="tall",
    )
    size = f"{width}×{evaluation['height']}"
    said = f"{count} pictures; distances are in pixels of the data set's typical picture, {size}."
    near = show_spread(evaluation, [""], " px")
    return f'{chart}{near}<p class="lab-small">{text(said)}</p>'


def show_breakdown(predictor: "Predictor", data: "Data") -> str:
    """The mean distance by whatever is known of the pictures: who is in them, how the head is turned."""
    load_engine()
    from engine.serving.inspect import judge

    height, width = data.shape
    half = np.array([width / 2, height / 2])
    groups: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for judged in judge(predictor, data, data.valid):
        distance = float(np.linalg.norm((judged.logits.clamp(-1, 1) - judged.target).numpy() * half))
        if not np.isfinite(distance):  # the point lies outside its picture, and does not count
            continue
        for name, value in data.block.facts(judged.item).items():
            groups[name][value].append(distance)
    if not groups:
        return empty_state("Nothing to group by", "This data set says nothing of a picture but where the point is.")
    sections = "".join(f"<section><h4>By {text(name)}</h4>{_bars(found)}</section>" for name, found in groups.items())
    return f'<p class="lab-small">Mean distance in pixels (median, pictures).</p><div class="lab-two">{sections}</div>'


def with_crosses(
    picture: np.ndarray, crosses: Sequence[tuple[float, float, str]], *, alt: str, large: bool = False
) -> str:
    """A picture (H, W, 3) with crosses at (column, row) in its pixels, each of a kind; those outside are left out."""
    height, width = picture.shape[:2]
    marks = "".join(
        f'<i class="lab-cross {kind}" style="left:{100 * x / width:.2f}%;top:{100 * y / height:.2f}%"></i>'
        for x, y, kind in crosses
        if 0 <= x <= width and 0 <= y <= height
    )
    return f'<div class="lab-pointed{" large" if large else ""}">{fitted_tag(picture, alt)}{marks}</div>'


def _pointed(sample: "Shown", classes: tuple[str, ...]) -> str:
    column, row = sample.target[0].tolist()
    height, width = sample.picture.shape[:2]
    drawn = with_crosses(sample.picture, [(column, row, TRUTH)], alt=sample.name)
    is_inside = 0 <= column <= width and 0 <= row <= height
    return drawn if is_inside else f'{drawn}<span class="lab-small">the point has left the picture: not counted</span>'


def _bars(groups: Mapping[str, Sequence[float]]) -> str:
    most = max(fmean(distances) for distances in groups.values()) or 1.0
    rows = [
        (name, fmean(d) / most, f"{fmean(d):.1f} ({median(d):.1f}, {len(d)})")
        for name, d in sorted(groups.items(), key=lambda pair: _place(pair[0]))
    ]
    return bar_list(rows)


def _place(name: str) -> tuple[float, str]:
    """Angles in the order of numbers."""
    try:
        return float(name), name
    except ValueError:
        return 0.0, name
