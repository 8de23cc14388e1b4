"""The model that a run trains, from what it starts from: the backbone's own weights, or those of a bundle.

The worker, the programs that the page prints and the notebooks all begin here.
"""

import warnings
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from engine.bundle.config import BundleConfig, build_config, read_config, resolve_bundle
from engine.bundle.weights import build_checked, fitting_tensors, init_weights
from engine.data.dataset import DataSet, check_can_train
from engine.events import Event, Warned
from engine.recipe import Recipe
from engine.task import ModelPlan, Task
from engine.training.planning import planned


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A model about to be trained, the plan that it was built by, and what each of its checkpoints says of it.

    `head_rate` is the rate that trained the head of the weights it starts from: the LR finder's reading goes by it. `is_trained`
    is whether these weights, all of them, have learnt the same already.
    """

    model: nn.Module
    plan: ModelPlan
    config: dict[str, Any]
    head_rate: float | None
    is_trained: bool = False


def starting(
    task: Task,
    recipe: Recipe,
    data: DataSet,
    *,
    dataset: str,
    seed: int,
    init_from: Path | None = None,
    checkpoint: Path | None = None,
) -> Generator[Event, None, Start]:
    """Builds the model that `recipe` trains on `data`, which is called `dataset`.

    Its weights are those of the bundle `init_from`; without one the backbone's own, or random ones where the recipe says so. A
    `checkpoint` of the same training says how to build it, and `train_recipe` loads its weights. Yields `Warned` for what the
    user should know of the start.
    """
    check_can_train(data)
    aim = task.aim(recipe.objective)
    objective = aim.build()
    bundle = checkpoint or init_from
    before = read_config(bundle) if bundle else None
    torch.manual_seed(seed)  # for the layers that start at random
    plan = yield from planned(objective, recipe, data, bundle)
    build = partial(objective.build_model, plan, pretrained=bundle is None and recipe.pretrained)
    is_trained = False
    if bundle is None or checkpoint:
        model = build()
    else:
        model = build_checked(build, bundle, check=partial(fitting_tensors, bundle=bundle, classes=data.classes))
        fresh = init_weights(model, bundle, data.classes)
        same_objective = before is not None and before.objective == objective.name
        is_trained = same_objective and not fresh
        yield from _remarks_on_start(before, dataset, fresh if same_objective else ())
    inherited = before.remarks if before else ()
    starts = (before.starts if checkpoint else before.trainings) if before else ()
    config = build_config(
        task=task.name,
        objective=objective.name,
        recipe=recipe,
        plan=plan,
        dataset=dataset,
        seed=seed,
        remarks=tuple(dict.fromkeys(remark for remark in (*inherited, aim.remark) if remark)),
        starts=starts,
    )
    head_rate = head_rate_of(before) if before else None
    return Start(model=model, plan=plan, config=config, head_rate=head_rate, is_trained=is_trained)


def start_model(
    task: Task, recipe: Recipe, data: DataSet, *, dataset: str, seed: int = 42, init_from: str | Path = ""
) -> Start:
    """`starting` for a program: what is to be known of the start comes as a Python warning.

    `init_from` is the folder of a bundle or of a run. Raises `BundleError` where its weights do not fit.
    """
    bundle = resolve_bundle(init_from) if init_from else None
    events = starting(task, recipe, data, dataset=dataset, seed=seed, init_from=bundle)
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            return end.value
        if isinstance(event, Warned):
            warnings.warn(event.message, stacklevel=2)


def head_rate_of(config: BundleConfig) -> float | None:
    """The rate that trained a bundle's head alone, the last time that was done; None where it never was."""
    stages = [stage for training in config.trainings for stage in training.recipe.stages]
    rates = [stage.lr_slice[1] for stage in stages if stage.train_from == -1]
    return rates[-1] if rates else None


def _remarks_on_start(before: BundleConfig | None, dataset: str, fresh: Sequence[str]) -> Iterator[Warned]:
    """What to know of weights that come from another model: layers that start afresh, and another data set."""
    if fresh:
        print("Not taken over:", *fresh)  # into the worker's log
        yield Warned(
            message="The model that this one starts from has other classes. All of it was taken over but for the layers that "
            f"tell classes apart ({len(fresh)} tensors): they start afresh."
        )
    if before and not _may_be_same(before.dataset, dataset):
        learnt, now = (Path(name).name for name in (before.dataset, dataset))
        yield Warned(
            message=f"These weights have learnt from {learnt}, and are now measured on {now}. If some of the same samples "
            "are in both, the figures promise too much."
        )


def _may_be_same(one: str, other: str) -> bool:
    """Whether two data sets may be the same: what is handed on names a folder by its last part alone."""
    both_are_paths = Path(one).is_absolute() and Path(other).is_absolute()
    return one == other or (Path(one).name == Path(other).name and not both_are_paths)
