"""The runs of `benchmarks.planted_faults`: 20 with one fault each, 10 healthy ones, and ten more that judge the finished rules.

A healthy run is one of the kinds' plain trainings below. A faulty one is that training with one thing changed.
`LATER` was written down before any rule was judged on a run, but for its overfitting and its plateau: the first 30 had shown
that 24 epochs of 64 chips do not overfit, and that 50 epochs of a head at 1e-2 do. None of its runs was made before the rules
were final.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.recipe import Recipe, Stage
from engine.tasks.registry import get_task

MOMENTUM = (0.8, 0.7)
HEAD = Stage(name="head", epochs=4, max_lr=1e-2, image_size=64, batch_size=32, train_from=-1, precision="fp32")
FULL = Stage(name="full", epochs=8, max_lr=(1e-4, 2e-3), image_size=64, batch_size=32, precision="fp32")
SOME_HEADS = {"train_items": 640}
# At 64 pixels, or with fewer frames, cyclists are never found: no healthy training.
FRAMES = {"image_size": 80, "batch_size": 8}
PLAIN: dict[str, tuple[Stage, ...]] = {
    "planet": (HEAD, FULL),
    "weather": (HEAD, FULL),
    "heads": (replace(HEAD, **SOME_HEADS), replace(FULL, max_lr=(3e-4, 3e-3), **SOME_HEADS)),
    "camvid": (replace(HEAD, epochs=2, max_lr=4e-3, **FRAMES), replace(FULL, max_lr=(3e-4, 3e-3), epochs=12, **FRAMES)),
    "imdb": (
        replace(HEAD, epochs=2, max_lr=2e-3, text_length=64, momentum=MOMENTUM),
        replace(FULL, epochs=2, max_lr=(2e-5, 3e-4), text_length=64, momentum=MOMENTUM),
    ),
}
DATASETS = {
    "planet": "planet_sample",
    "weather": "planet_sample",
    "heads": "pointing04",
    "camvid": "camvid-tiramisu",
    "imdb": "imdb_sample",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A run. `fault` is the rule that should name what was planted, "" for a healthy one; `what` says it in words.

    `dataset` is a registered one, or one of `benchmarks.planted_data`. `stages` are the numbers of the plain stages that it
    has, `knobs` what is changed in all of them, `last` what is changed in the last alone.
    """

    name: str
    task: str
    fault: str = ""
    what: str = ""
    dataset: str = ""
    stages: tuple[int, ...] = (0, 1)
    knobs: Mapping[str, Any] = field(default_factory=dict)
    last: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 42

    @property
    def recipe(self) -> Recipe:
        """What is trained."""
        stages = [replace(PLAIN[self.task][number], **self.knobs) for number in self.stages]
        stages[-1] = replace(stages[-1], **self.last)
        task = get_task(self.task)
        return Recipe(name="planted", stages=tuple(stages), backbone=task.backbones[0], objective=task.before)


def _healthy(name: str, task: str, **changed: Any) -> Planted:
    return Planted(name=f"healthy-{name}", task=task, what="nothing", **changed)


HEALTHY = (
    _healthy("planet", "planet"),
    _healthy("planet-80", "planet", knobs={"image_size": 80}, seed=7),
    _healthy("weather", "weather"),
    _healthy("weather-80", "weather", knobs={"image_size": 80}, seed=7),
    _healthy("heads", "heads"),
    _healthy("heads-80", "heads", knobs={"image_size": 80}, seed=7),
    _healthy("camvid", "camvid"),
    _healthy("camvid-again", "camvid", seed=7),
    _healthy("imdb", "imdb"),
    _healthy("imdb-96", "imdb", knobs={"text_length": 96}, seed=7),
)

HIGH, LOW, ALWAYS = "rate-too-high", "rate-too-low", "no-better-than-always"
UNDER, OVER, PLATEAU = "underfitting", "overfitting", "plateau"
WORSE, THRESHOLD, NEVER = "stage-made-it-worse", "threshold-far-off", "never-predicted"
LONG = {"epochs": 40}

FAULTY = (
    Planted(name="high-planet", task="planet", fault=HIGH, what="all layers at 0.3", last={"max_lr": (1e-2, 0.3)}),
    Planted(name="high-heads", task="heads", fault=HIGH, what="all layers at 0.5", last={"max_lr": (2e-2, 0.5)}),
    Planted(name="high-imdb", task="imdb", fault=HIGH, what="all layers at 1e-2", last={"max_lr": (1e-3, 1e-2)}),
    Planted(name="low-planet", task="planet", fault=LOW, what="the head at 3e-5", stages=(0,), last={"max_lr": 3e-5}),
    Planted(name="low-weather", task="weather", fault=LOW, what="the head at 1e-5", stages=(0,), last={"max_lr": 1e-5}),
    Planted(name="low-camvid", task="camvid", fault=LOW, what="the head at 2e-5", stages=(0,), last={"max_lr": 2e-5}),
    Planted(name="under-camvid", task="camvid", fault=UNDER, what="two epochs", stages=(1,), last={"epochs": 2}),
    Planted(
        name="under-heads",
        task="heads",
        fault=UNDER,
        what="three epochs with strong augmentation",
        stages=(1,),
        last={"augmentation": "strong", "epochs": 3},
    ),
    Planted(name="over-weather", task="weather", fault=OVER, what="40 epochs of the head", stages=(0,), last=LONG),
    Planted(
        name="over-imdb",
        task="imdb",
        fault=OVER,
        what="ten epochs of 200 reviews",
        stages=(1,),
        last={"train_items": 200, "epochs": 10},
    ),
    Planted(
        name="plateau-weather",
        task="weather",
        fault=PLATEAU,
        what="30 epochs of the head at 5e-4 with more dropout",
        stages=(0,),
        last={"epochs": 30, "max_lr": 5e-4, "drop_mult": 1.5},
    ),
    Planted(
        name="plateau-planet",
        task="planet",
        fault=PLATEAU,
        what="40 epochs of the head at 1e-3",
        stages=(0,),
        last=LONG | {"max_lr": 1e-3},
    ),
    Planted(
        name="worse-weather",
        task="weather",
        fault=WORSE,
        what="a last stage on 24 chips",
        last={"train_items": 24, "batch_size": 8},
    ),
    Planted(
        name="worse-heads",
        task="heads",
        fault=WORSE,
        what="a last stage on 24 faces",
        last={"train_items": 24, "batch_size": 8},
    ),
    Planted(
        name="threshold-planet",
        task="planet",
        fault=THRESHOLD,
        what="7 in 10 tags forgotten",
        dataset="planet-tags-forgotten",
    ),
    Planted(
        name="threshold-planet-80",
        task="planet",
        fault=THRESHOLD,
        what="7 in 10 tags forgotten, others",
        dataset="planet-tags-forgotten-again",
        knobs={"image_size": 80},
    ),
    Planted(
        name="never-weather",
        task="weather",
        fault=NEVER,
        what="partly cloudy is called clear",
        dataset="weather-without-partly-cloudy",
    ),
    Planted(
        name="never-camvid", task="camvid", fault=NEVER, what="cars are painted as road", dataset="streets-without-cars"
    ),
    Planted(
        name="always-weather", task="weather", fault=ALWAYS, what="labels of other chips", dataset="weather-shuffled"
    ),
    Planted(name="always-heads", task="heads", fault=ALWAYS, what="points of other faces", dataset="heads-shuffled"),
)

LATER = (
    _healthy("later-planet", "planet", knobs={"image_size": 72, "batch_size": 24}, seed=11),
    _healthy("later-heads", "heads", last={"epochs": 8, "batch_size": 24}, seed=12),
    _healthy("later-weather", "weather", knobs={"image_size": 88}, seed=13),
    Planted(
        name="later-high-weather", task="weather", fault=HIGH, what="all layers at 0.2", last={"max_lr": 0.2}, seed=14
    ),
    Planted(
        name="later-low-heads",
        task="heads",
        fault=LOW,
        what="the head at 2e-5",
        stages=(0,),
        last={"max_lr": 2e-5},
        seed=15,
    ),
    Planted(
        name="later-over-heads",
        task="heads",
        fault=OVER,
        what="40 epochs of the head",
        stages=(0,),
        knobs={"image_size": 80},
        last=LONG,
        seed=16,
    ),
    Planted(
        name="later-plateau-planet",
        task="planet",
        fault=PLATEAU,
        what="50 epochs of the head at 1e-3 and 96 px",
        stages=(0,),
        knobs={"image_size": 96},
        last={"epochs": 50, "max_lr": 1e-3},
        seed=17,
    ),
    Planted(
        name="later-worse-planet",
        task="planet",
        fault=WORSE,
        what="a last stage on 24 chips",
        last={"train_items": 24, "batch_size": 8},
        seed=18,
    ),
    Planted(
        name="later-never-camvid",
        task="camvid",
        fault=NEVER,
        what="trees are painted as road",
        dataset="streets-without-trees",
        seed=19,
    ),
    Planted(
        name="later-always-imdb",
        task="imdb",
        fault=ALWAYS,
        what="labels of other reviews",
        dataset="reviews-shuffled",
        seed=20,
    ),
)
