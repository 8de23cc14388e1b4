"""Draw the pictures that the Try-it steps offer again, in assets/examples, with the truth of each beside them.

    python -m tools.examples            draw them, and say how the sample models do on them
    python -m tools.examples --search planet     the same for other seeds, to choose from

An example is either one that the sample model gets right, or it says in `wrong` what goes wrong and where to look.
`tests/test_examples.py` judges each by `is_right`. The texts for IMDB are written by hand.
"""

import argparse
import io
import json
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from engine.data.drawn.canvas import STREET_CLASSES
from engine.data.drawn.chips import draw_chip
from engine.data.drawn.heads import draw_head, make_person
from engine.data.drawn.streets import draw_street
from engine.library.listing import SAMPLES_FOLDER
from engine.serving.predictor import load_predictor
from engine.tasks.weather import WEATHER
from tabs.reading.examples import EXAMPLES, EXAMPLES_FILE, Example, examples_of

LEAST_RIGHT = 0.85  # of a street's pixels; on real validation pictures the sample model has 0.93
MOST_AWAY = 0.05  # of a picture's width, as the metric "within 5 %" has it
MOST_DEGREES = 15  # of either angle: the step in which the photographs that the sample model learnt from were taken
QUALITY = 92
SEARCHED = 120  # seeds
NO_CLASS = 255  # in a mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """An example to be drawn: the seed of its drawing, and what the sample model gets wrong in it, if anything."""

    name: str
    seed: int
    wrong: str = ""


DRAWINGS = {
    "planet": (
        Drawing(name="drawn-river", seed=8),
        Drawing(name="drawn-village", seed=15),
        Drawing(
            name="drawn-fields",
            seed=23,
            wrong="The sample model gives the tag road, and there is none. Click the tag to see what it takes for one.",
        ),
    ),
    "weather": (
        Drawing(name="drawn-clear", seed=56),
        Drawing(name="drawn-clouds", seed=32),
        Drawing(
            name="drawn-haze",
            seed=47,
            wrong="This is haze, and the sample model says clear, and is sure of it: drawn haze is not quite like the real one.",
        ),
    ),
    "camvid": (
        Drawing(name="drawn-street", seed=10),
        Drawing(name="drawn-houses", seed=12),
        Drawing(
            name="drawn-dusk",
            seed=43,
            wrong="The sample model finds no sky here: it learnt from pictures taken in daylight. See what it finds instead.",
        ),
    ),
    "heads": (
        Drawing(name="drawn-glasses", seed=38),
        Drawing(name="drawn-cap", seed=61),
        Drawing(
            name="drawn-looking-up",
            seed=20,
            wrong="The sample model misses the head by about 60 pixels: it learnt from photographs, so a drawing can fool it. "
            "Click the middle of the head to see how far off it is.",
        ),
    ),
    "turns": (
        Drawing(name="drawn-left-and-up", seed=451),
        Drawing(name="drawn-looking-down", seed=571),
        Drawing(
            name="drawn-stripes",
            seed=46,
            wrong="The sample model gets the side right, and takes this head to look up by 50 degrees too much, as it does with "
            "most drawings: it learnt from photographs.",
        ),
    ),
}


def draw_example(task: str, seed: int) -> tuple[Image.Image, Any]:
    """A picture and its truth: tags, a label, a mask (H, W) of STREET_CLASSES' numbers, (column, row), or (pan, tilt)."""
    rng = random.Random(f"example {seed}")
    if task == "planet":
        chip, tags = draw_chip(rng, 256)
        return Image.fromarray(chip[..., :3]), list(tags)
    if task == "weather":
        chip, tags = draw_chip(rng, 256)
        return Image.fromarray(chip[..., :3]), next(tag for tag in tags if tag in WEATHER)
    if task == "camvid":
        picture, mask = draw_street(rng, (360, 480))
        return picture, mask
    picture, pose = draw_head(rng, make_person(random.Random(f"{seed} person"), seed), (240, 320))
    if task == "turns":
        return picture, [pose.pan, pose.tilt]
    return picture, [round(pose.column, 1), round(pose.row, 1)]


def is_right(task: str, predictor: Any, prediction: Any, truth: Any) -> tuple[bool, str]:
    """Whether a sample model's prediction for an example is right, and how right in words."""
    if task in ("imdb", "weather"):
        return prediction.answer == truth, prediction.in_words()
    if task == "planet":
        given = set(prediction.tags())
        missed, extra = sorted(set(truth) - given), sorted(given - set(truth))
        return not missed and not extra, f"missed {missed}, given without being there {extra}"
    if task == "camvid":
        share = _pixels_right(prediction, np.asarray(truth))
        return share >= LEAST_RIGHT, f"{share:.1%} of the pixels"
    if task == "turns":
        apart = [abs(said - is_so) for said, is_so in zip(prediction.numbers.values(), truth, strict=True)]
        return max(apart) <= MOST_DEGREES, f"{prediction.in_words()}: {apart[0]:.0f}° and {apart[1]:.0f}° off"
    away = float(np.hypot(prediction.column - truth[0], prediction.row - truth[1]))
    return away <= MOST_AWAY * prediction.picture.width, f"{away:.1f} px away"


def _pixels_right(prediction: Any, mask: np.ndarray) -> float:
    """Of the pixels whose drawn class the model knows, the share that it gets right."""
    numbers = np.full(256, NO_CLASS)
    for drawn, name in enumerate(STREET_CLASSES):
        if name in prediction.classes:
            numbers[drawn] = prediction.classes.index(name)
    truth = numbers[mask]
    counted = truth != NO_CLASS
    return float((prediction.mask == truth)[counted].mean())


def load_truth(task: str, example: Example) -> Any:
    """What `is_right` compares with: an example's truth, or the mask that it names."""
    return Image.open(EXAMPLES / task / example.truth) if task == "camvid" else example.truth


def draw_all(task: str) -> None:
    """Write the task's pictures, their truths and the file that lists them."""
    folder, listed = EXAMPLES / task, []
    for old in (*folder.glob("drawn-*.jpg"), *folder.glob("drawn-*.png")):
        old.unlink()
    for drawing in DRAWINGS[task]:
        picture, truth = draw_example(task, drawing.seed)
        picture.save(folder / f"{drawing.name}.jpg", quality=QUALITY)
        if isinstance(truth, Image.Image):
            truth.save(folder / f"{drawing.name}.png", optimize=True)
            truth = f"{drawing.name}.png"
        listed.append({"given": f"{drawing.name}.jpg", "truth": truth, "wrong": drawing.wrong})
    (folder / EXAMPLES_FILE).write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")


def search(task: str) -> None:
    """How the sample model does on the drawings of other seeds."""
    predictor = load_predictor(SAMPLES_FOLDER / task)
    for seed in range(SEARCHED):
        picture, truth = draw_example(task, seed)
        packed = io.BytesIO()  # as it will be on disk
        picture.save(packed, "JPEG", quality=QUALITY)
        right, words = is_right(task, predictor, predictor.predict(Image.open(packed).convert("RGB")), truth)
        print(seed, "right" if right else "wrong", words, flush=True)


def report(task: str) -> None:
    """How the sample model does on the examples."""
    predictor = load_predictor(SAMPLES_FOLDER / task)
    for example in examples_of(task):
        right, words = is_right(task, predictor, predictor.predict(example.given), load_truth(task, example))
        print(
            f"{task}, {example.title}: {'right' if right else 'wrong'}, {words}; said to be wrong: {bool(example.wrong)}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the pictures that the Try-it steps offer again.")
    parser.add_argument("--search", choices=list(DRAWINGS), help="print how the sample model does on other seeds")
    searched = parser.parse_args().search
    if searched:
        search(searched)
        return
    for task in DRAWINGS:
        draw_all(task)
    for task in (*DRAWINGS, "imdb"):
        report(task)


if __name__ == "__main__":
    main()
