"""Records the LR finder's curves on the real data, and reads them: how the rule is held against people's readings and recipes.

    LESSON_LAB_MIRROR=… python -m benchmarks.lr_curves record        # the curves to tune on and to judge, each an LR finder run
    python -m benchmarks.lr_curves plot                              # those that a person read, with what was read, as pictures
    python -m benchmarks.lr_curves read                              # the tables, by the rule as it is now
    LESSON_LAB_MIRROR=… python -m benchmarks.lr_curves train heads-fresh 1e-3    # a short stage with the recipe's rates and these
    .venv-bench/bin/python -m benchmarks.lr_curves fastai            # what fastai's own functions say of the same curves

A curve is kept as the rates and the losses as they came, so that another rule can be tried on it without training again. The
table beside the recipes has all seeds. The curves of seed 11 were read by eye before the rule was written,
from their plots and without the recipes beside them: `readings.json` has the rate where the loss turns up for good, and the rate
that one would train with, which is the lowest of the slice where all layers learn. Two curves of seed 1 were read so too. Five
of seed 2 were read so afterwards and kept back, and the rule was held against these once, at the end.
"""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from engine.bundle.config import read_config
from engine.data.sources.fetching import fetch
from engine.events import CheckpointSaved, EpochFinished, RatesSuggested, RateTried
from engine.host.home import home
from engine.recipe import LR_STEPS, Recipe, Stage
from engine.runs.start import head_rate_of
from engine.runs.store import RunSpec, create_run, read_events
from engine.tasks.registry import get_task
from engine.training.lr_reading import LEAST_STEPS, SKIPPED_END, read_curve, smoothed, suggest

FOLDER = Path(__file__).parent / "lr_curves"
SAMPLES = Path(__file__).parent.parent / "assets" / "models"
SEEDS, READ_SEED = (1, 2, 3), 11
SHORT = 2  # epochs by which two rates are compared
A_PAGE = 12  # curves on one picture


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a curve is of: a stage of a task's recipe, and where its weights come from ("", "sample" or "frozen": a run of the
    stages before it)."""

    name: str
    task: str
    dataset: str
    recipe: str
    stage: int
    start: str = ""


TABLE = tuple(
    Case(name=f"{task}-{start or 'fresh'}", task=task, dataset=dataset, recipe=recipe, stage=at, start=start)
    for task, dataset, recipe, unfrozen in (
        ("planet", "planet_sample", "cpu-progressive", 1),
        ("heads", "pointing04", "cpu", 1),
        ("camvid", "camvid-tiramisu", "cpu-half", 1),
        ("imdb", "imdb", "cpu", 2),
    )
    for at, start in ((0, ""), (unfrozen, "sample"), (unfrozen, "frozen"))
)
MORE = (
    Case(name="planet-drawn", task="planet", dataset="drawn-chips", recipe="quick", stage=0),
    Case(name="planet-128", task="planet", dataset="planet_sample", recipe="cpu-progressive", stage=2, start="sample"),
    Case(name="planet-unfrozen-fresh", task="planet", dataset="planet_sample", recipe="quick", stage=1),
    Case(name="camvid-quick", task="camvid", dataset="camvid_tiny", recipe="quick", stage=0),
    Case(name="camvid-drawn", task="camvid", dataset="drawn-streets", recipe="quick", stage=1),
    Case(name="imdb-language-head", task="imdb", dataset="imdb_sample", recipe="cpu-language", stage=0),
    Case(name="imdb-language-full", task="imdb", dataset="imdb_sample", recipe="cpu-language", stage=1),
    Case(name="imdb-awd-language", task="imdb", dataset="imdb_sample", recipe="cpu-awd-language", stage=0),
)


def record() -> None:
    """Every curve that is not there yet; the seed that a person reads first, then the table's."""
    FOLDER.mkdir(exist_ok=True)
    wanted = [(case, READ_SEED) for case in (*TABLE, *MORE)] + [(case, seed) for seed in SEEDS for case in TABLE]
    for case, seed in wanted:
        target = FOLDER / f"{case.name}-{seed}.json"
        if not target.exists():
            curve = _curve(case, seed)
            target.write_text(json.dumps({**dataclasses.asdict(case), "seed": seed, **curve}), encoding="utf-8")
            print(target.name, len(curve["rates"]), flush=True)


def _curve(case: Case, seed: int) -> dict[str, list[float]]:
    spec = dataclasses.replace(_spec(case, get_task(case.task).recipe(case.recipe).stages[case.stage]), job="lr-find")
    tried = [event for event in _run(create_run(dataclasses.replace(spec, seed=seed))) if isinstance(event, RateTried)]
    return {"rates": [event.lr for event in tried], "losses": [event.loss for event in tried]}


def _spec(case: Case, stage: Stage) -> RunSpec:
    """A run of one stage from where the case starts."""
    fetch(case.dataset)
    recipe = get_task(case.task).recipe(case.recipe)
    start = {"": "", "sample": str(SAMPLES / case.task), "frozen": _frozen_run(case, recipe)}[case.start]
    one = dataclasses.replace(recipe, name="one-stage", stages=(stage,))
    return RunSpec(task=case.task, dataset=case.dataset, recipe=one, init_from=start)


def train() -> None:
    """A short stage with the recipe's rates and with those given, over the three seeds: the figures on validation."""
    case = next(case for case in (*TABLE, *MORE) if case.name == sys.argv[2])
    stage = get_task(case.task).recipe(case.recipe).stages[case.stage]
    short = dataclasses.replace(stage, epochs=min(stage.epochs, SHORT))
    low, _, high = sys.argv[3].rpartition(",")
    for rates in (stage.max_lr, (float(low), float(high)) if low else float(high)):
        spec = _spec(case, dataclasses.replace(short, max_lr=rates))
        for seed in SEEDS:
            events = _run(create_run(dataclasses.replace(spec, seed=seed)))
            epochs = [event for event in events if isinstance(event, EpochFinished)]
            print(
                case.name,
                rates,
                f"seed {seed}",
                *(epoch.metrics | {"loss": epoch.valid_loss} for epoch in epochs),
                flush=True,
            )


def _frozen_run(case: Case, recipe: Recipe) -> str:
    """A run of the recipe's first stage alone, with another seed than the readings'; "" where none is asked for."""
    if case.start != "frozen":
        return ""
    folder = home() / f"{case.task}-frozen"
    if not folder.exists():
        spec = RunSpec(
            task=case.task, dataset=case.dataset, recipe=dataclasses.replace(recipe, stages=recipe.stages[:1])
        )
        assert any(isinstance(event, CheckpointSaved) for event in _run(create_run(spec, folder=folder)))
    return str(folder)


def _run(folder: Path) -> list:
    with (folder / "worker.log").open("ab") as log:
        command = [sys.executable, "-m", "engine.runs.worker", str(folder)]
        subprocess.run(command, check=True, stdout=log, stderr=log, env={**os.environ})
    return read_events(folder)[0]


def plot() -> None:
    """The curves that a person reads, a page for each dozen; with what was read: dashed the turn, whole the rate."""
    from matplotlib import pyplot

    readings = json.loads((FOLDER / "readings.json").read_text("utf-8"))
    curves = [curve for curve in _curves(READ_SEED, *SEEDS) if curve["file"] in readings or curve["seed"] == READ_SEED]
    for page, first in enumerate(range(0, len(curves), A_PAGE), start=1):
        shown = curves[first : first + A_PAGE]
        figure, axes = pyplot.subplots(
            (len(shown) + 2) // 3, 3, figsize=(18, 4 * ((len(shown) + 2) // 3)), squeeze=False
        )
        for place, curve in zip(axes.flat, shown, strict=False):
            _draw(place, curve, readings.get(curve["file"]))
        for place in axes.flat[len(shown) :]:
            place.axis("off")
        figure.tight_layout()
        figure.savefig(FOLDER / f"read-{page}.png", dpi=60)


def _draw(place: Any, curve: dict[str, Any], read: dict[str, Any] | None) -> None:
    """The losses as they came and their average over the neighbours on both sides, as far as it is of interest."""
    rates, losses = np.array(curve["rates"]), np.array(curve["losses"])
    average = smoothed(rates, losses)
    start, bottom = np.quantile(losses[: len(losses) // 2], 0.95), average.min()
    place.semilogx(rates, losses, ".", color="#aaaaaa")
    place.semilogx(rates, average, color="#0f766e")
    place.set_ylim(bottom - 0.2 * (start - bottom), start + 0.6 * (start - bottom))
    place.set_xticks([10.0**power for power in range(-7, 2)])
    place.grid(alpha=0.4)
    place.set_title(f"{curve['file']}: stage {curve['stage']} of {curve['recipe']}")
    if read:
        place.axvline(read["turn"], color="#c2410c", linestyle="--")
        place.axvline(read["rate"], color="#4f46e5")
        place.set_title(f"{place.get_title()}\n{read['why']}", fontsize=10)


def _curves(*seeds: int) -> list[dict[str, Any]]:
    """The recorded curves of these seeds, in the order in which they were recorded."""
    files = [FOLDER / f"{case.name}-{seed}.json" for seed in seeds for case in (*TABLE, *MORE)]
    return [{"file": file.stem, **json.loads(file.read_text("utf-8"))} for file in files if file.exists()]


def read() -> None:
    """Two tables: the rule's readings beside the recipes' rates, and beside those of a person."""
    print("| curve | the recipe's | read | low, or the one rate | high |\n|---|---|---|---|---|")
    cases = {case.name for case in TABLE}
    for curve in (one for one in _curves(*SEEDS, READ_SEED) if one["name"] in cases):
        stage = _stage_of(curve)
        verdict = _verdict(curve)
        wanted = (stage.lr_slice[1],) if stage.is_frozen else stage.lr_slice
        off = [_apart(one, other) for one, other in zip(verdict.reading_lr, wanted, strict=False)] or ["no reading"]
        print("|", " | ".join([curve["file"], _rates(wanted), _rates(verdict.reading_lr), *off]), "|")
    print(
        "\n| curve | a person's turn | read | apart | a person's rate for the head | read | apart |\n"
        + "|---" * 7
        + "|"
    )
    readings = json.loads((FOLDER / "readings.json").read_text("utf-8"))
    for curve in _curves(READ_SEED, *SEEDS):
        if curve["file"] in readings:
            said, found = readings[curve["file"]], _verdict(curve).reading_lr
            turn = read_curve(np.array(curve["rates"]), np.array(curve["losses"])).turn
            row = [curve["file"] + (" (kept back)" if said["kept_back"] else "")]
            row += [_rates((said["turn"],)), _rates((turn,)), _apart(turn, said["turn"])]
            if said["layers"] == "head":
                row += [
                    _rates((said["rate"],)),
                    _rates(found),
                    _apart(found[0], said["rate"]) if found else "no reading",
                ]
            print("|", " | ".join(row + [""] * (7 - len(row))), "|")


def _verdict(curve: dict[str, Any]) -> RatesSuggested:
    """A recorded curve as the finder would read it now."""
    rates, losses, stage = np.array(curve["rates"]), np.array(curve["losses"]), _stage_of(curve)
    head_rate = {"": None, "sample": head_rate_of(read_config(SAMPLES / curve["task"])), "frozen": _head_stage(curve)}
    return suggest(rates, losses, is_frozen=stage.is_frozen, head_rate=head_rate[curve["start"]])


def _stage_of(curve: dict[str, Any]) -> Stage:
    return get_task(curve["task"]).recipe(curve["recipe"]).stages[curve["stage"]]


def _head_stage(curve: dict[str, Any]) -> float:
    return get_task(curve["task"]).recipe(curve["recipe"]).stages[0].lr_slice[1]


def _rates(rates: tuple[float, ...]) -> str:
    return ", ".join(f"{rate:.0e}".replace("e-0", "e-") for rate in rates) or "none"


def _apart(one: float, other: float) -> str:
    return f"×{max(one / other, other / one):.1f}"


def fastai() -> None:
    """What fastai's functions say of the curves of seed 11, averaged as ours are: the tests hold ours against it."""
    import torch
    from fastai.callback.schedule import minimum, slide, steep, valley  # pyright: ignore[reportMissingImports]

    found = {}
    for curve in _curves(READ_SEED):
        rates, losses = np.array(curve["rates"]), np.array(curve["losses"])
        shown = slice(LEAST_STEPS, -SKIPPED_END)
        seen = torch.tensor(rates)[shown], torch.tensor(smoothed(rates, losses))[shown]
        functions = {"valley": valley, "slide": slide, "steep": steep, "minimum/10": minimum}
        found[curve["file"]] = {name: function(*seen, LR_STEPS)[0] for name, function in functions.items()}
    (FOLDER / "fastai.json").write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    {"record": record, "plot": plot, "read": read, "train": train, "fastai": fastai}[sys.argv[1]]()
