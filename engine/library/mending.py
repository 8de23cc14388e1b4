"""Fine-tuning on corrections: what was put right, mixed with what the model has learnt from, so that it does not forget that."""

import itertools
import math
import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from engine.data.dataset import DataSet, Item
from engine.data.own.drafts import size_of
from engine.data.own.edits import (
    Edit,
    TextLine,
    label_of,
    name_of,
    picture_rows,
    text_rows,
    write_pictures,
    write_rows,
    write_texts,
)
from engine.data.own.plain import Row
from engine.data.pictures.block import Data
from engine.data.sources.fetching import resolve_dataset
from engine.data.texts.dataset import TextData
from engine.data.whole_folder import link_file
from engine.errors import DataError
from engine.inputs import PICTURE
from engine.inputs import TEXT as TEXT_INPUT
from engine.library.corrections import TEXT, Correction
from engine.library.listing import Model
from engine.recipe import Recipe, Stage
from engine.runs.queue import start
from engine.runs.store import RunSpec
from engine.tasks.own_ways import keep_written
from engine.tasks.registry import get_task

SHARE = 0.3  # of the training samples that are corrections
STEPS, EPOCHS = 60, 3
RATE = 0.3  # of the last stage's: at that one, too much of what was learnt is lost (benchmarks/RESULTS.md)
BATCH = {PICTURE.name: 32, TEXT_INPUT.name: 8}  # at most, and so that ten corrections take about a minute on two cores
SEED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixed:
    """How corrections are mixed with others: each comes so many times, beside so many samples that the model learnt from."""

    times: int
    others: int
    epochs: int


def start_mending(model: Model, corrections: Sequence[Correction]) -> Path:
    """Queue a fine-tuning of a model on corrections; the run's folder. The mixture is a data set of whoever asks.

    Raises `DataError` where the model's data set is not here, or the corrections are of other classes.
    """
    config = model.config
    strange = next((one for one in corrections if one.classes != config.plan.classes), None)
    if not corrections or strange:
        what = "are of a model with other classes" if strange else "there are none"
        raise DataError(
            f"This model cannot learn from the corrections: {what}. Choose another model, or correct its answers."
        )
    task = get_task(config.task)
    data = task.build_objective(config.objective).open_data(resolve_dataset(config.dataset))
    mixed = mixture_of(model, corrections, data)
    recipe = mending_recipe(model, len(corrections), mixed)
    title = f"{len(corrections)} corrections among samples of {Path(config.dataset).name}"
    kept = keep_written(task.kind, title[:60], lambda target: write_mixed(model, corrections, data, mixed, target))
    spec = RunSpec(task=task.name, dataset=kept.name, recipe=recipe, init_from=str(model.source), seed=SEED, title="")
    return start(spec)


def mixture_of(model: Model, corrections: Sequence[Correction], data: DataSet) -> Mixed:
    """The mixture of a model's corrections and training samples of `data`."""
    taught = sum(not one.is_dropped for one in corrections)
    return mix(taught or 1, batch_of(model), len(data.train))


def mix(corrections: int, batch: int, there: int, *, share: float = SHARE) -> Mixed:
    """A mixture of that share, as large as an epoch is to be, or as `there` training samples allow; then it has more epochs."""
    seen = STEPS * batch
    total = min(math.ceil(seen / EPOCHS), there / (1 - share))
    times = max(1, round(share * total / max(corrections, 1)))
    others = max(0, round(times * corrections * (1 - share) / share))
    return Mixed(times=times, others=others, epochs=max(EPOCHS, round(seen / (times * corrections + others))))


def batch_of(model: Model) -> int:
    """The batch size of its last stage, or what is quick enough."""
    return min(model.config.stage.batch_size, BATCH[get_task(model.config.task).input_kind.name])


def mending_recipe(model: Model, corrections: int, mixed: Mixed) -> Recipe:
    """One short stage from the model's own last one: all of it learns, at a share of the rates there, over the mixture."""
    last = checked_rates(model.config.stage)
    low, high = last.lr_slice
    stage = replace(
        last,
        name="corrections",
        epochs=mixed.epochs,
        batch_size=batch_of(model),
        train_from=0,
        max_lr=(RATE * low, RATE * high),
    )
    title = f"Fine-tune on {corrections} correction{'s' if corrections != 1 else ''}"
    plan = model.config.plan
    return Recipe(
        name="corrections",
        title=title,
        backbone=plan.backbone,
        objective=model.config.objective,
        stages=(stage,),
        new_channels=plan.new_channels,
    )


def checked_rates(stage: Stage) -> Stage:
    """The stage with a slice of rates: early layers learn a tenth as fast as the head, or as it was."""
    low, high = stage.lr_slice
    return stage if low < high else replace(stage, max_lr=(high / 10, high))


def write_mixed(model: Model, corrections: Sequence[Correction], data: DataSet, mixed: Mixed, target: Path) -> None:
    """Fill the new folder `target` with a data set: corrections among training samples of `data`, whose validation stays.

    What was corrected does not come as it was. Raises `DataError` where nothing can be learnt from the corrections.
    """
    there = {name_of(data, item) for split in (data.train, data.valid) for item in split}
    gone = {one.sample for one in corrections if one.dataset and one.sample in there}
    taught = [one for one in corrections if not one.is_dropped]
    if not taught and not gone:
        raise DataError("None of the corrections is of these data, or says what is right. Correct something first.")
    held = tuple(item for item in data.valid if name_of(data, item) not in gone)  # what is learnt from judges nothing
    few = replace(data, train=_some(data, gone, mixed.others, model.config.plan.classes), valid=held, test=())
    if isinstance(few, TextData):
        few = replace(few, unlabelled=())
        corrected = [TextLine(one.path.read_text("utf-8"), one.right, "train") for one in taught]
        write_texts([*corrected * mixed.times, *text_rows(few, {})], target)
        return
    assert isinstance(few, Data)
    kind = taught[0].kind if taught else few.kind
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        again = _repeated(taught, mixed.times, Path(scratch))
        write_pictures(kind, itertools.chain(again, picture_rows(few, {})), few, target)


def _repeated(taught: Sequence[Correction], times: int, scratch: Path) -> Iterator[Row]:
    """Each correction so many times, as files of their own: a picture that is named twice in a table is one sample."""
    for number, one in enumerate(taught):
        label = _label(one)
        for time in range(times):
            copy = scratch / f"corrected-{number:04}-{time:02}{one.path.suffix}"
            link_file(one.path, copy)
            yield Row(picture=copy, label=label, split="train")


def _label(one: Correction) -> Any:
    """What is right, as an `Edit` has it: a point in pixels, a mask in the picture's size."""
    if one.kind == "point":
        width, height = size_of(one.path)
        return one.right[0] * width, one.right[1] * height
    if one.kind == "mask":
        size = size_of(one.path)
        mask = Image.fromarray(one.mask())
        return np.asarray(mask if mask.size == size else mask.resize(size, Image.Resampling.NEAREST))
    return one.right


def write_corrections(corrections: Sequence[Correction], target: Path) -> None:
    """Fill the new folder `target` with corrections of one kind and nothing else, as a data set; a fifth of it validates."""
    first = next(iter(corrections), None)
    if first is None:
        raise DataError("There are no corrections that say what is right.")
    if first.input == TEXT:
        write_texts((TextLine(one.path.read_text("utf-8"), one.right, "") for one in corrections), target)
        return
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        rows = (replace(row, split="") for row in _repeated(corrections, 1, Path(scratch)))
        write_rows(first.kind, rows, first.classes, target)


def edits_of(corrections: Sequence[Correction], data: DataSet) -> dict[str, Edit]:
    """The corrections of a data set's own samples as edits of it; the latest of a sample counts."""
    names = {name_of(data, item) for split in (data.train, data.valid, data.test) for item in split}
    ordered = sorted(corrections, key=lambda one: one.at)
    own = [one for one in ordered if one.sample in names]
    return {one.sample: Edit(is_dropped=True) if one.is_dropped else Edit(label=_label(one)) for one in own}


def _some(data: DataSet, gone: set[str], count: int, classes: Sequence[str]) -> tuple[Item, ...]:
    """So many training samples by chance, and more where a class would have none: a model must not lose one."""
    left = [item for item in data.train if name_of(data, item) not in gone]
    random.Random(SEED).shuffle(left)
    chosen, rest = left[:count], left[count:]
    seen = Counter(name for item in chosen for name in _names(data, item))
    missing = set(classes) & {name for item in rest for name in _names(data, item)} - seen.keys()
    for item in rest:
        new = missing & set(_names(data, item))
        if new:
            chosen.append(item)
            missing -= new
    return tuple(chosen)


def _names(data: DataSet, item: Item) -> Sequence[str]:
    """The classes that a sample's label names; () where classes are not named sample by sample."""
    if isinstance(data, TextData) or (isinstance(data, Data) and data.kind == "label"):
        return (label_of(data, item),)
    return label_of(data, item) if isinstance(data, Data) and data.kind == "tags" else ()
