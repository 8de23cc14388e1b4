"""What models say of the samples that were put right: how far off each is, before and after it has learnt from them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from engine.data.own.drafts import size_of
from engine.data.pictures.bands import count_bands, open_bands
from engine.errors import BundleError
from engine.library.corrections import TEXT, Correction
from engine.library.listing import Model, known_model
from engine.serving.predictor import Predictor, load_predictor

# What an error is counted in, by kind.
UNITS: Mapping[str, str] = {
    "label": "wrong answers",
    "text": "wrong answers",
    "tags": "wrong tags a picture",
    "point": "pixels off",
    "mask": "of the pixels wrong",
    "number": "off on average",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """One corrected sample's error, by the model that was corrected (None where that is gone) and by the one that is asked."""

    name: str
    before: float | None
    after: float


def mended(model: Model, corrections: Sequence[Correction]) -> list[Mended]:
    """What a model's answers on corrected samples are worth, in `UNITS` of their kind; those thrown out say nothing."""
    asked = load_predictor(model.folder)
    found = []
    for one in corrections:
        if not one.is_dropped:
            after = error_of(one, answer_of(asked, one))
            found.append(Mended(name=one.name, before=_before(one), after=after))
    return found


def error_of(one: Correction, label: Any) -> float:
    """How far a label is from what is right."""
    return _ERRORS[one.kind](one, label)


def _before(one: Correction) -> float | None:
    if one.given is not None:
        return error_of(one, one.given)
    try:
        return error_of(one, answer_of(load_predictor(known_model(one.model).folder), one))
    except BundleError:  # deleted since
        return None


def answer_of(predictor: Predictor, one: Correction) -> Any:
    """A model's answer on a corrected sample, as a label."""
    as_label = predictor.objective.as_label
    assert as_label is not None
    if one.input == TEXT:
        return as_label(predictor.predict(one.path.read_text("utf-8")))
    return as_label(predictor.predict(open_bands(one.path, count_bands(one.path))))


def _point_error(one: Correction, label: Sequence[float]) -> float:
    width, height = size_of(one.path)
    return float(np.hypot((label[0] - one.right[0]) * width, (label[1] - one.right[1]) * height))


def _mask_error(one: Correction, label: np.ndarray) -> float:
    right = one.mask()
    if right.shape != label.shape:
        resized = Image.fromarray(right).resize(label.shape[::-1], Image.Resampling.NEAREST)
        right = np.asarray(resized)
    known = right != 255
    return float((label != right)[known].mean()) if known.any() else 0.0


def _number_error(one: Correction, label: Mapping[str, float]) -> float:
    return float(np.mean([abs(label[name] - right) for name, right in one.right.items()]))


_ERRORS: Mapping[str, Callable[[Correction, Any], float]] = {
    "label": lambda one, label: float(label != one.right),
    "text": lambda one, label: float(label != one.right),
    "tags": lambda one, label: float(len(set(label) ^ set(one.right))),
    "point": _point_error,
    "mask": _mask_error,
    "number": _number_error,
}
