"""Data sets with one planted fault in their *training* samples, made of real ones; the validation samples stay as they are.

They are plain layouts of one's own data: a table beside a folder of pictures, with the column `is_valid`.
"""

import csv
import random
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from engine.data.sources.fetching import fetch
from engine.host.home import data_folder
from engine.tasks.registry import get_task

SEED = 18
FORGOTTEN = 0.7  # of the training tags that nobody wrote down
KEPT_OF_RARE = 2  # training samples of a class that is all but missing


def opened(task: str, dataset: str) -> Any:
    """A task's data set, opened."""
    return get_task(task).build_objective().open_data(fetch(dataset))


def _table(folder: Path, name: str, heading: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    folder.mkdir(parents=True)
    with (folder / name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows((heading, *rows))


def _pictures(folder: Path, inside: str, files: Iterable[Path]) -> None:
    (folder / inside).mkdir()
    for file in files:
        shutil.copyfile(file, folder / inside / _flat(file))


def _flat(file: Path) -> str:
    """A name that is the only one of its kind: Pointing'04 has the same in several folders."""
    return f"{file.parent.name}-{file.name}"


def tags_forgotten(folder: Path, *, seed: int = SEED) -> None:
    """planet_sample, seven in ten of its training tags forgotten: what a model learns is far too unsure."""
    data, chance = opened("planet", "planet_sample"), random.Random(seed)
    rows: list[tuple[str, str, int]] = []
    for item in data.train:
        tags = [tag for tag in data.label(item) if chance.random() > FORGOTTEN]
        rows.append((_flat(item), " ".join(tags) or "primary", 0))
    rows += [(_flat(item), " ".join(data.label(item)), 1) for item in data.valid]
    _table(folder, "labels.csv", ("image_name", "tags", "is_valid"), rows)
    _pictures(folder, "train", (*data.train, *data.valid))


def weather_shuffled(folder: Path) -> None:
    """planet_sample's weather, each training picture with the label of another."""
    data = opened("weather", "planet_sample")
    labels = [data.label(item) for item in data.train]
    random.Random(SEED).shuffle(labels)
    _weather(folder, data, list(zip(data.train, labels, strict=True)))


def weather_without(folder: Path, missing: str) -> None:
    """planet_sample's weather, where all but two training pictures of one class are called clear."""
    data, left, rows = opened("weather", "planet_sample"), KEPT_OF_RARE, []
    for item in data.train:
        label = data.label(item)
        if label == missing and left <= 0:
            label = "clear"
        left -= label == missing
        rows.append((item, label))
    _weather(folder, data, rows)


def _weather(folder: Path, data: Any, training: Sequence[tuple[Path, str]]) -> None:
    rows = [(_flat(item), label, 0) for item, label in training]
    rows += [(_flat(item), data.label(item), 1) for item in data.valid]
    _table(folder, "labels.csv", ("image_name", "label", "is_valid"), rows)
    _pictures(folder, "train", (*data.train, *data.valid))


def heads_shuffled(folder: Path) -> None:
    """A third of Pointing'04, each training picture with the point of another."""
    data = opened("heads", "pointing04")
    training, judged = data.train[::3], data.valid[::2]
    points = [data.label(item) for item in training]
    random.Random(SEED).shuffle(points)
    rows = [(_flat(item), *point, 0) for item, point in zip(training, points, strict=True)]
    rows += [(_flat(item), *data.label(item), 1) for item in judged]
    _table(folder, "centres.csv", ("image", "column", "row", "is_valid"), rows)
    _pictures(folder, "images", (*training, *judged))


def reviews_shuffled(folder: Path) -> None:
    """imdb_sample, each training review with the label of another."""
    with (fetch("imdb_sample") / "texts.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    training = [row for row in rows if row["is_valid"] != "True"]
    labels = [row["label"] for row in training]
    random.Random(SEED).shuffle(labels)
    mixed = [(label, row["text"], "False") for label, row in zip(labels, training, strict=True)]
    kept = [(row["label"], row["text"], "True") for row in rows if row["is_valid"] == "True"]
    _table(folder, "texts.csv", ("label", "text", "is_valid"), [*mixed, *kept])


def streets_without(folder: Path, missing: str) -> None:
    """CamVid, one class of whose training masks is painted over as road."""
    root = fetch("camvid-tiramisu")
    codes = (root / "codes.txt").read_text(encoding="utf-8").split()
    shutil.copytree(root, folder, ignore=shutil.ignore_patterns("source.json"))
    for file in (folder / "trainannot").iterdir():
        mask = np.array(Image.open(file))
        mask[mask == codes.index(missing)] = codes.index("Road")
        Image.fromarray(mask).save(file)


MADE: dict[str, Callable[[Path], None]] = {
    "planet-tags-forgotten": tags_forgotten,
    "planet-tags-forgotten-again": lambda folder: tags_forgotten(folder, seed=SEED + 1),
    "weather-shuffled": weather_shuffled,
    "weather-without-partly-cloudy": lambda folder: weather_without(folder, "partly_cloudy"),
    "heads-shuffled": heads_shuffled,
    "reviews-shuffled": reviews_shuffled,
    "streets-without-cars": lambda folder: streets_without(folder, "Car"),
    "streets-without-trees": lambda folder: streets_without(folder, "Tree"),
}


def dataset_for(name: str) -> str:
    """What a run is given as its data set: a registered name, or the folder of one that is made here, once."""
    if name not in MADE:
        fetch(name)
        return name
    folder = data_folder().parent / "planted" / name
    if not folder.is_dir():
        partial = folder.with_name(f"{name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.parent.mkdir(parents=True, exist_ok=True)
        MADE[name](partial)
        partial.rename(folder)
    return str(folder)
