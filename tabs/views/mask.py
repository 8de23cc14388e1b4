"""How masks are shown: pictures under a see-through mask, legends, and per-class figures. No Gradio, HTML only."""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from engine.recipe import Stage
from tabs.drawing.charts import bar_list, heat_map
from tabs.drawing.markup import empty_state, figure_grid, picture_tag, text
from tabs.reading.heavy import load_engine
from tabs.views.colors import class_colors, confidence_palette, css_color, mask_palette
from tabs.views.pictures import SHOWN_WIDTH, augmented_grid, sample_grid, smaller
from tabs.views.sureness import show_calibration

if TYPE_CHECKING:
    from engine.data.pictures.block import Data
    from engine.serving.inspect import Shown
    from engine.serving.predictor import Predictor


NO_CLASS = 255  # in a mask
NEEDED = {"classes", "iou", "confusion"}  # of an evaluation


def show_legend(classes: tuple[str, ...]) -> str:
    """The classes with their colours."""
    keys = "".join(
        f'<li><i style="background:{css_color(color)}"></i>{text(name)}</li>'
        for name, color in zip(classes, class_colors(classes), strict=True)
    )
    return f'<ul class="lab-legend">{keys}</ul>'


def show_samples(data: "Data", split: str, start: int, count: int) -> str:
    """Pictures of a split under their masks."""
    return sample_grid(data, split, start, count, _stacked)


def show_augmented(data: "Data", stage: Stage, index: int, seed: int) -> str:
    """One picture untouched, and then as training may see it; the mask goes with it."""
    return augmented_grid(data, stage, index, seed, _stacked)


def show_frequencies(data: "Data") -> str:
    """The share of pixels that each class has, the most common first."""
    load_engine()
    from engine.kinds.mask import class_frequencies

    shares = class_frequencies(data)
    order = sorted(shares, key=lambda name: -shares[name])
    colors = dict(zip(data.classes, class_colors(data.classes), strict=True))
    top = max(shares.values(), default=1.0) or 1.0
    rows = [(name, shares[name] / top, share_text(shares[name])) for name in order]
    return bar_list(rows, colors=[css_color(colors.get(name, (120, 120, 120))) for name in order])


def show_comparisons(predictor: "Predictor", data: "Data", items: "Sequence[Path]") -> str:
    """Pictures with what is there and what the model sees."""
    load_engine()
    from engine.serving.inspect import compare_predictions

    figures = []
    for case in compare_predictions(predictor, data, items):
        picture, guess = _fitted(case.picture), case.prediction.mask
        figures.append((_picture(picture, case.name), case.name))
        figures.append((stack(picture, _fitted_mask(case.target), data.classes), "truth"))
        right = f"prediction · {accuracy_text(case.target, guess)}"
        figures.append((stack(picture, _fitted_mask(guess), data.classes), right))
    return figure_grid(figures, columns=3, keeps_rows=True)


def accuracy_text(truth: np.ndarray, guess: np.ndarray) -> str:
    """The share of pixels that are right, of those (H, W) that have a class."""
    counted = truth != NO_CLASS
    return f"{(truth == guess)[counted].mean():.1%} right" if counted.any() else "no pixel has a class"


def show_evaluation(evaluation: Mapping[str, Any]) -> str:
    """Intersection over union by class, and the confusion matrix."""
    if not evaluation.keys() >= NEEDED:
        return empty_state(
            "No figures by class", "This run's validation has written none. Train it for one whole epoch."
        )
    classes = tuple(evaluation["classes"])
    measured = list(zip(classes, evaluation["iou"], strict=True))
    measured.sort(key=lambda pair: -1.0 if pair[1] is None else pair[1], reverse=True)
    colors = dict(zip(classes, class_colors(classes), strict=True))
    bars = bar_list(
        [(name, value or 0.0, "not in the data" if value is None else f"{value:.1%}") for name, value in measured],
        colors=[css_color(colors[name]) for name, _ in measured],
    )
    heat = heat_map(evaluation["confusion"], classes, in_percent=True)
    return (
        '<div class="lab-two"><section><h4>Overlap with the truth (IoU) by class</h4>'
        f"{bars}</section><section><h4>Where each pixel goes, in % of the true class</h4>{heat}</section></div>"
        f"{show_calibration(evaluation, answers='pixels')}"
    )


def stack(
    picture: np.ndarray, mask: np.ndarray, classes: tuple[str, ...], *, highlight: int | None = None, alt: str = ""
) -> str:
    """A picture (H, W, 3) with its mask (H, W) laid over it; `highlight` leaves only one class visible."""
    return f'<div class="lab-stack">{_picture(picture, alt)}{mask_tag(mask, classes, highlight=highlight)}</div>'


def mask_tag(mask: np.ndarray, classes: tuple[str, ...], *, highlight: int | None = None) -> str:
    """The mask (H, W) of class indices as a see-through palette picture; void and unknown codes stay clear."""
    seen = range(len(classes)) if highlight is None else (highlight,)
    alpha = bytes(255 if code in seen else 0 for code in range(256))
    return _palette_tag(mask, mask_palette(classes), "mask", alpha)


def confidence_tag(confidence: np.ndarray) -> str:
    """How sure the model is of each pixel: (H, W) in 0..1 as dark violet to yellow."""
    levels = (np.clip(np.nan_to_num(confidence), 0, 1) * 255).astype(np.uint8)
    return _palette_tag(levels, confidence_palette(), "confidence", None)


def share_text(share: float) -> str:
    """A share in per cent, with a decimal where it is small."""
    return f"{share:.0%}" if share >= 0.1 else f"{share:.2%}" if share >= 0.0001 else ("0" if share == 0 else "<0.01%")


def _stacked(sample: "Shown", classes: tuple[str, ...]) -> str:
    return stack(_fitted(sample.picture), _fitted_mask(sample.target), classes, alt=sample.name)


def _fitted(picture: np.ndarray) -> np.ndarray:
    return smaller(picture, SHOWN_WIDTH)


def _fitted_mask(mask: np.ndarray) -> np.ndarray:
    return smaller(mask, SHOWN_WIDTH, exact=True)


def _picture(picture: np.ndarray, alt: str) -> str:
    return picture_tag(picture, alt=alt, kind="picture")


def _palette_tag(values: np.ndarray, palette: bytes, kind: str, alpha: bytes | None) -> str:
    image = Image.fromarray(values.astype(np.uint8)).convert("L")
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette(palette)
    buffer = io.BytesIO()
    options: dict[str, Any] = {} if alpha is None else {"transparency": alpha}
    image.save(buffer, "PNG", **options)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f'<img class="{kind}" alt="" src="data:image/png;base64,{data}">'


def ordered_shares(shares: Mapping[str, float]) -> Sequence[tuple[str, float]]:
    """Classes and their shares, the largest first."""
    return sorted(shares.items(), key=lambda pair: -pair[1])
