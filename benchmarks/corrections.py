"""Does a model get better at what it was corrected for, on inputs that nobody corrected, and does it forget anything?

    LESSON_LAB_MIRROR=… python -m benchmarks.corrections [planet camvid heads imdb] [--seeds 3] [--out FILE]

Training samples are set aside before the first model is trained: chips and reviews by chance, in CamVid one of the three
sequences (frames at dusk), of the portraits three people. Its faults are found among them: of chips the tag that is most often
wrong in one way, of reviews the label that is more often taken for the other, of frames and portraits the worst answers. Ten of
those, by chance, are corrected: their labels in the archive stand in for the person. Forty others of the same faults, which no
training sees, are judged beside them, and so is the validation split. The fine-tuning is the app's own, in a process of its
own, and its seconds are counted from the last of the ten corrections to the end of that process.

What a model has wrong gets better by whatever changes it. So the same is done once more with ten of the samples set aside that
were no faults in place of the ten that were: "control" is what the forty others are then. Of chips and reviews, errors are the
share in which the fault is still there; of the other kinds, they are in the kind's own unit.
"""

import argparse
import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.planted_data import opened
from engine.bundle.config import read_evaluation
from engine.data.dataset import DataSet, Item
from engine.data.own.edits import label_of, write_edited
from engine.data.pictures.block import Data
from engine.data.pictures.files import picture_size
from engine.data.texts.dataset import TextData
from engine.diagnosis.case import UNDER_WAY
from engine.host.home import home
from engine.host.machine import fit_threads
from engine.library.corrections import Correction, Wrong, keep_correction
from engine.library.listing import Model, known_model
from engine.library.mending import start_mending
from engine.recipe import Recipe, Stage
from engine.runs.runner import Runner
from engine.runs.store import RunSpec, create_run
from engine.runs.watch import load_snapshot
from engine.runs.worker import main as work
from engine.serving.mended import UNITS, answer_of, mended
from engine.serving.predictor import load_predictor
from engine.tasks.registry import get_task

CORRECTED, ALIKE = 10, 40
DUSK = "0001TP"
PEOPLE_ASIDE = 3
ASIDE_SEED = 7
HEAD = Stage(name="head", epochs=4, max_lr=1e-2, batch_size=32, train_from=-1, precision="fp32")
FULL = replace(HEAD, name="full", epochs=6, max_lr=(1e-4, 2e-3), train_from=0)
TEXT = {"text_length": 96, "momentum": (0.8, 0.7), "epochs": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A task's data, what is trained on them first, and which training samples are set aside."""

    task: str
    dataset: str
    stages: tuple[Stage, ...]
    aside: Callable[[DataSet], Sequence[Item]]
    fewer: Callable[[DataSet], DataSet] = lambda data: data


def by_chance(share: float) -> Callable[[DataSet], Sequence[Item]]:
    """A share of the training samples."""
    return lambda data: random.Random(ASIDE_SEED).sample(list(data.train), round(share * len(data.train)))


def of_three_people(data: DataSet) -> Sequence[Item]:
    """All training portraits of the last three people."""
    people = sorted({item.parent.name for item in data.train})[-PEOPLE_ASIDE:]
    return [item for item in data.train if item.parent.name in people]


def some_reviews(data: DataSet) -> DataSet:
    """A subset: 1,600 training reviews, half of which are set aside, and 500 others that validate."""
    assert isinstance(data, TextData)
    chosen = random.Random(ASIDE_SEED).sample(list(data.train), 2100)
    return replace(data, train=tuple(chosen[:1600]), valid=tuple(chosen[1600:]), test=(), unlabelled=())


def sized(size: int, head: dict[str, Any] | None = None, full: dict[str, Any] | None = None) -> tuple[Stage, ...]:
    """The head alone, then all layers."""
    return replace(HEAD, image_size=size, **head or {}), replace(FULL, image_size=size, **full or {})


TRIALS = {
    "planet": Trial(task="planet", dataset="planet_sample", stages=sized(96), aside=by_chance(0.5)),
    "camvid": Trial(
        task="camvid",
        dataset="camvid-tiramisu",
        stages=sized(
            96, {"epochs": 2, "max_lr": 4e-3, "batch_size": 8}, {"epochs": 8, "max_lr": (3e-4, 3e-3), "batch_size": 8}
        ),
        aside=lambda data: [item for item in data.train if item.name.startswith(DUSK)],
    ),
    "heads": Trial(
        task="heads",
        dataset="pointing04",
        stages=sized(80, {"train_items": 640}, {"train_items": 640, "max_lr": (3e-4, 3e-3), "epochs": 8}),
        aside=of_three_people,
    ),
    "imdb": Trial(
        task="imdb",
        dataset="imdb",
        stages=(replace(HEAD, max_lr=2e-3, **TEXT), replace(FULL, max_lr=(2e-5, 3e-4), **TEXT)),
        aside=by_chance(0.5),
        fewer=some_reviews,
    ),
}


def run_of(spec: RunSpec) -> Model:
    """Train it here."""
    run_dir = create_run(spec)
    work(run_dir)
    return known_model(run_dir.name)


def as_given(data: DataSet, item: Item) -> tuple[Any, dict[str, Any]]:
    """A sample's truth and its input, as `keep_correction` takes them."""
    truth = label_of(data, item)
    if isinstance(data, TextData):
        return truth, {"text": data.texts([item])[0]}
    assert isinstance(data, Data)
    if data.kind == "point":
        height, width = picture_size(item)
        truth = [truth[0] / width, truth[1] / height]
    return truth, {"picture": np.asarray(Image.open(item).convert("RGB"))}


def kept_aside(model: Model, data: DataSet, aside: Sequence[Item]) -> list[Correction]:
    """The samples set aside, as corrections of what the model says of them."""
    predictor = load_predictor(model.folder)
    as_label = predictor.objective.as_label
    assert as_label is not None
    plan, kind, kept = model.config.plan, get_task(model.config.task).kind, []
    for item in aside:
        right, given = as_given(data, item)
        answer = as_label(predictor.predict(given.get("text") or given["picture"]))
        said = None if kind == "mask" else answer
        wrong = Wrong(task=model.config.task, kind=kind, model=model.name, classes=plan.classes, given=said)
        kept.append(keep_correction(wrong, right, **given))
    return kept


def faults_in(one: Correction, given: Any) -> set[Any]:
    """What is wrong with an answer, each fault so that others may have the same; of masks and points nothing is."""
    if one.kind == "tags":
        missed, extra = set(one.right) - set(given), set(given) - set(one.right)
        return {(name, "missed") for name in missed} | {(name, "not there") for name in extra}
    return {(one.right, "taken for", given)} if one.kind == "text" and one.right != given else set()


def alike_in(model: Model, kept: Sequence[Correction]) -> tuple[Any, list[Correction], list[Correction]]:
    """A fault of the model, the samples set aside that have it, and those that have none."""
    errors = {one.name: one.before or 0.0 for one in mended(model, kept)}
    counts = Counter(fault for one in kept for fault in faults_in(one, one.given))
    if counts:
        fault, _ = counts.most_common(1)[0]
        having = [one for one in kept if fault in faults_in(one, one.given)]
        return fault, having, [one for one in kept if not errors[one.name]]
    ordered = sorted(kept, key=lambda one: -errors[one.name])
    return None, ordered[: CORRECTED + ALIKE], ordered[CORRECTED + ALIKE :]


def error_of(model: Model, corrections: Sequence[Correction], fault: Any) -> float:
    """The share that still has a fault, or the mean error in the kind's unit."""
    if fault is None:
        return statistics.fmean(one.after for one in mended(model, corrections))
    return statistics.fmean(
        fault in faults_in(one, answer_of(load_predictor(model.folder), one)) for one in corrections
    )


def figure_of(model: Model, metric: str) -> float:
    """On validation, as its training found it."""
    return (read_evaluation(model.source) or {})["metrics"][metric]


def learnt_from(model: Model, corrections: Sequence[Correction]) -> tuple[Model, float]:
    """The model that the app makes of another one and corrections, and the seconds that it takes."""
    began = time.perf_counter()
    run_dir = start_mending(model, corrections)
    while load_snapshot(run_dir).status in UNDER_WAY:
        time.sleep(0.2)
    return known_model(run_dir.name), time.perf_counter() - began


def trial(name: str, seed: int) -> dict[str, Any]:
    """One first model, its faults, ten corrections, and the model that learnt from them."""
    told = TRIALS[name]
    task = get_task(told.task)
    data = told.fewer(opened(told.task, told.dataset))
    aside = list(told.aside(data))
    folder = home() / "aside" / name
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        out = set(aside)
        rest = replace(data, train=tuple(item for item in data.train if item not in out), test=())
        folder.mkdir()
        write_edited(task.kind, rest, {}, folder)
    recipe = Recipe(name="first", stages=told.stages, backbone=task.backbones[0])
    first = run_of(RunSpec(task=told.task, dataset=str(folder), recipe=recipe, seed=seed))
    return {"set aside": len(aside)} | measured(first, kept_aside(first, data, aside), seed)


def measured(first: Model, kept: Sequence[Correction], seed: int) -> dict[str, Any]:
    """What ten corrections make of a model, and what ten other samples do."""
    task = get_task(first.config.task)
    fault, faulty, others = alike_in(first, kept)
    random.Random(seed).shuffle(faulty)
    corrected, alike = faulty[:CORRECTED], faulty[CORRECTED : CORRECTED + ALIKE]
    second, seconds = learnt_from(first, corrected)
    control, _ = learnt_from(first, random.Random(seed).sample(others, min(CORRECTED, len(others))))
    metric = task.aim("").metric.name
    return {
        "seed": seed,
        "fault": fault,
        "alike": len(alike),
        "unit": UNITS[task.kind] if fault is None else "share that has the fault",
        "corrected": (error_of(first, corrected, fault), error_of(second, corrected, fault)),
        "unseen alike": (error_of(first, alike, fault), error_of(second, alike, fault)),
        f"validation {metric}": (figure_of(first, metric), figure_of(second, metric)),
        "control": error_of(control, alike, fault),
        f"control {metric}": figure_of(control, metric),
        "seconds": seconds,
    }


def main() -> None:
    """Run what was asked for, and print a line for each trial."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", default=list(TRIALS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    given = parser.parse_args()
    fit_threads()
    found: dict[str, list[dict[str, Any]]] = {}
    Runner().start()
    for name in given.tasks:
        for seed in range(1, given.seeds + 1):
            found.setdefault(name, []).append(trial(name, seed))
            print(name, json.dumps(found[name][-1]), flush=True)
            if given.out:
                given.out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
