"""From 2 × 20 pictures to an answer, as Home teaches it: seconds, and accuracy on other people; the full recipe beside.

    LESSON_LAB_MIRROR=… python -m benchmarks.teach_yours [--no-recipe]

Streets against portraits (CamVid frames, Pointing'04), and heads turned left against right (by 45 degrees and more), judged on
people 11 and 12, of whom nothing was learnt. Grid and size of the body's maps were chosen on people 9 and 10.
"""

import argparse
import random
import re
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from engine.data.own.plain import Row, write_labels
from engine.data.sources.fetching import fetch
from engine.fitting import fitted
from engine.serving.teaching import add_shots, answer, new_lesson, teach
from engine.task import plan_model
from engine.tasks.own_ways import open_plain
from engine.tasks.registry import get_task
from engine.training.evaluate import evaluate
from engine.training.recipe_loop import train_recipe

EACH = 20
HELD_OUT = ("11", "12")
TURNED = 45
_NAME = re.compile(r"person(\d\d)\d\d\d[+-]\d+([+-]\d+)")


def sets(chance: random.Random) -> dict[str, tuple[dict[str, list[Path]], dict[str, list[Path]]]]:
    """For each question, pictures to learn from by class, and others to be judged on."""
    heads = [
        (path, *found.groups())
        for path in sorted(fetch("pointing04").rglob("*.jpg"))
        if (found := _NAME.search(path.stem))
    ]
    streets = sorted((fetch("camvid-tiramisu") / "train").iterdir())
    portraits = [path for path, _, _ in heads]
    chance.shuffle(streets)
    chance.shuffle(portraits)
    turned = {
        "left": [(path, who) for path, who, pan in heads if int(pan) <= -TURNED],
        "right": [(path, who) for path, who, pan in heads if int(pan) >= TURNED],
    }
    learnt = {name: [path for path, who in some if who not in HELD_OUT] for name, some in turned.items()}
    judged = {name: [path for path, who in some if who in HELD_OUT] for name, some in turned.items()}
    for some in learnt.values():
        chance.shuffle(some)
    return {
        "street or portrait": (
            {"street": streets[:EACH], "portrait": portraits[:EACH]},
            {"street": streets[EACH:120], "portrait": portraits[EACH:120]},
        ),
        "turned left or right": ({name: some[:EACH] for name, some in learnt.items()}, judged),
    }


def small(path: Path) -> np.ndarray:
    """A picture as the page sends it: its shorter side at most 256 pixels."""
    with Image.open(path) as opened:
        opened.thumbnail((round(256 * 4 / 3), 256))
        return np.asarray(opened.convert("RGB"))


def taught(learnt: dict[str, list[Path]], judged: dict[str, list[Path]]) -> dict[str, float]:
    """Seconds of each part, and the accuracy on what is judged."""
    key, began = new_lesson(), time.perf_counter()
    for label, paths in learnt.items():
        add_shots(key, label, "", [small(path) for path in paths])
    added = time.perf_counter()
    result = teach(key, {})
    first = time.perf_counter()
    answer(key, small(next(iter(judged.values()))[0]))
    answered = time.perf_counter()
    right = [
        max(shares, key=shares.__getitem__) == label
        for label, paths in judged.items()
        for path in paths
        for shares in [answer(key, small(path))]
    ]
    return {
        "looking at 40 pictures, s": added - began,
        "learning, s": result.seconds,
        "a first answer, s": answered - first,
        "accuracy": sum(right) / len(right),
    }


def by_recipe(learnt: dict[str, list[Path]], judged: dict[str, list[Path]], recipe: str) -> dict[str, float]:
    """The same pictures through a recipe of the one-label task."""
    task = get_task("weather")
    objective = task.aims[0].plain_objective()
    with tempfile.TemporaryDirectory() as scratch:
        folders = {name: Path(scratch) / name for name in ("learnt", "judged")}
        for folder, some in zip(folders.values(), (learnt, judged), strict=True):
            folder.mkdir()
            write_labels(folder, [Row(picture=path, label=label) for label, paths in some.items() for path in paths])
        data, other = open_plain("label", folders["learnt"]), open_plain("label", folders["judged"])
        plan = fitted(task.recipe(recipe), len(data.train))
        torch.manual_seed(42)
        model, began = objective.build_model(plan_model(plan, data)), time.perf_counter()
        for _ in train_recipe(objective, plan, model=model, data=data):
            pass
        seconds = time.perf_counter() - began
        found = evaluate(objective, model, data=other, items=other.items("all"), stage=plan.stages[-1])
    return {"learning, s": seconds, "accuracy": found.metrics["accuracy"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-recipe", action="store_true")
    given = parser.parse_args()
    for question, (learnt, judged) in sets(random.Random(7)).items():
        print(question, {name: round(value, 3) for name, value in taught(learnt, judged).items()}, flush=True)
        for recipe in () if given.no_recipe else ("quick", "cpu-progressive"):
            found = by_recipe(learnt, judged, recipe)
            print(f"  {recipe}", {name: round(value, 3) for name, value in found.items()}, flush=True)


if __name__ == "__main__":
    main()
