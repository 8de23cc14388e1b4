"""Setting a stage up: all that lies between "train this" and its first step, for training and for the LR finder alike."""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace

import torch
from accelerate import Accelerator
from accelerate.state import PartialState
from torch import nn
from torch.optim import AdamW, Optimizer

from engine.data.dataset import D, DataSet
from engine.data.loaders import Loaders, Share
from engine.errors import RecipeError
from engine.events import CacheProgressed, Event
from engine.recipe import Stage
from engine.task import Objective
from engine.training.checkpoint import Progress, load_checkpoint_optimizer
from engine.training.distributed import synchronise_batch_norm
from engine.training.dropout import scale_dropout
from engine.training.events_kept import Kept
from engine.training.frozen import Activations, keep_activations, kept_views
from engine.training.layer_groups import (
    ADAM_BETA2,
    ADAM_EPS,
    Groups,
    freeze,
    layer_groups,
    parameter_groups,
    set_train_mode,
)
from engine.training.mean_weights import MeanOfWeights
from engine.training.precision import (
    Choice,
    build_accelerator,
    check_precision,
    fastest_precision,
    this_device,
)
from engine.training.ready import Place, Ready


def never() -> bool:
    """Nobody asks to stop."""
    return False


def prepare_stage(
    objective: Objective,
    stage: Stage,
    *,
    model: nn.Module,
    data: DataSet,
    seed: int,
    place: Place | None = None,
    should_stop: Callable[[], bool] = never,
    workers: int | None = None,
    keeps_activations: bool = True,
) -> Generator[Event, None, Ready | None]:
    """Checks, caches, batches, precision, optimiser: in this order, so that what is refused has taken no time.

    Returns None when it was asked to stop; `RecipeError` for a stage that cannot be. Few steps need no `keeps_activations`.
    """
    began, place = time.perf_counter(), place or Place()
    prepare_device(objective)
    data = some_of(data, stage.train_items)
    check_precision(stage.precision)
    check_batch_size(stage, model, data)
    freeze(layer_groups(model), stage.train_from)
    scale_dropout(model, stage.drop_mult)
    for event in prepare_caches(objective, stage, model, data):
        yield event
        # Several processes are only asked together, and only one of them writes the cache.
        if PartialState().num_processes == 1 and should_stop():
            return None

    loaders = objective.feed.build_loaders(data, stage, model, seed=seed, share=this_share(workers))
    chosen = choose_precision(objective, stage, place, model, loaders)
    yield chosen.said(place.stage)

    accelerator = build_accelerator(chosen.precision)
    groups = layer_groups(synchronise_batch_norm(model))
    mean = MeanOfWeights(model.to(accelerator.device), stage.ema) if stage.ema else None
    prepared, optimizer = prepare_optimizer(model.to(accelerator.device), stage, place, accelerator, mean)
    activations = yield from frozen_activations(
        objective, stage, model, groups, loaders, accelerator, should_stop=should_stop, is_worth_it=keeps_activations
    )
    return Ready(
        objective=objective,
        stage=stage,
        place=place,
        data=data,
        loaders=activations.loaders if activations else loaders,
        model=model,
        prepared=prepared,
        learner=activations.model if activations else prepared,
        judged=activations.model if activations else model,
        activations=activations,
        groups=groups,
        optimizer=optimizer,
        accelerator=accelerator,
        seed=seed,
        progress=place.start
        or Progress(stage=place.stage, step=0, batch_size=stage.batch_size, precision=chosen.precision),
        mean=mean,
        began=began,
    )


def prepare_device(objective: Objective) -> None:
    """What a CUDA device is told before a stage: whether to look for the fastest way, and to count memory anew."""
    torch.backends.cudnn.benchmark = objective.feed.has_one_size
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def frozen_activations(
    objective: Objective,
    stage: Stage,
    model: nn.Module,
    groups: Groups,
    loaders: Loaders,
    accelerator: Accelerator,
    *,
    should_stop: Callable[[], bool],
    is_worth_it: bool,
) -> Generator[Event, None, Activations | None]:
    """What the frozen body of a stage gives, computed once; None where that is not done, or it was asked to stop."""
    views = kept_views(model, groups, stage, is_changed=objective.feed.changes(stage))
    if not views or not is_worth_it or PartialState().num_processes > 1:
        return None
    set_train_mode(model, groups, stage.train_from)
    making = keep_activations(
        model, stage, loaders, views=views, device=accelerator.device, precision=accelerator.mixed_precision
    )
    for event in (kept := Kept(making)):
        yield event
        if should_stop():
            making.close()
            return None
    return kept.result


def choose_precision(objective: Objective, stage: Stage, place: Place, model: nn.Module, loaders: Loaders) -> Choice:
    """One for a run: the recipe's, that of the checkpoint or of an earlier stage, or, the first time, the fastest."""
    if place.start:
        return Choice(precision=place.start.precision, seconds={}, reason="As before the run was resumed.")
    if stage.precision != "auto":
        return Choice(precision=stage.precision, seconds={}, reason="As the recipe says.")
    if place.precision:
        return Choice(precision=place.precision, seconds={}, reason="As in the run's earlier stages.")
    set_train_mode(model, layer_groups(model), stage.train_from)
    inputs, target = next(iter(loaders.valid))
    return fastest_precision(objective.loss, model, inputs, target, shares=place.shares)


def this_share(workers: int | None) -> Share:
    """What this process takes of every batch, and how it loads it."""
    state = PartialState()
    return Share(
        process=state.process_index,
        processes=state.num_processes,
        workers=workers,
        pin_memory=this_device().type == "cuda",
    )


def prepare_optimizer(
    model: nn.Module, stage: Stage, place: Place, accelerator: Accelerator, mean: MeanOfWeights | None = None
) -> tuple[nn.Module, Optimizer]:
    """The model and its optimiser as accelerate wraps them, with the moments of the checkpoint to go on from.

    A checkpoint's weights are the `mean`, where there is one; the last step's, which the optimiser goes on from, lie beside it.
    """
    optimizer = build_optimizer(model, stage)
    if place.start and place.checkpoint:
        own = load_checkpoint_optimizer(place.checkpoint, model, optimizer)
        if mean and own:
            mean.take(own)
    prepared, optimizer = accelerator.prepare(model, optimizer)
    if place.start and accelerator.scaler and place.start.scaler:
        accelerator.scaler.load_state_dict(place.start.scaler)
    return prepared, optimizer


def check_batch_size(stage: Stage, model: nn.Module, data: DataSet) -> None:
    """`RecipeError` for a batch that leaves a process without a sample, or a BatchNorm over whole samples with one alone."""
    processes = PartialState().num_processes
    if stage.batch_size < processes:
        raise RecipeError(
            f"The batch size is {stage.batch_size}, but {processes} processes need at least one sample each. Choose "
            f"{processes} or more."
        )
    is_alone = min(stage.batch_size, len(data.train)) == 1
    if is_alone and any(isinstance(module, nn.BatchNorm1d) for module in model.modules()):
        raise RecipeError(
            "The batches have one sample each, and this model's head has a BatchNorm, which needs at least two to learn from. "
            "Choose a batch size of 2 or more, and at least two training samples."
        )


def some_of(data: D, count: int) -> D:
    """A data set with `count` of its training samples, spread over all of them; with all where that is 0 or more than it has."""
    total = len(data.train)
    if not 0 < count < total:
        return data
    return replace(data, train=tuple(data.train[index * total // count] for index in range(count)))


def prepare_caches(objective: Objective, stage: Stage, model: nn.Module, data: DataSet) -> Iterator[CacheProgressed]:
    """What a stage reads of both splits; made by one process while the others wait."""
    if PartialState().is_local_main_process:
        for items in (data.train, data.valid):
            for done, total in objective.feed.prepare(data, items, stage, model):
                yield CacheProgressed(done=done, total=total)
    PartialState().wait_for_everyone()


def build_optimizer(model: nn.Module, stage: Stage) -> AdamW:
    """AdamW (Loshchilov and Hutter 2019) over the layer groups that learn."""
    parameters = parameter_groups(layer_groups(model), stage.train_from, stage.weight_decay)
    return AdamW(parameters, lr=stage.lr_slice[1], betas=(stage.momentum[0], ADAM_BETA2), eps=ADAM_EPS, fused=True)
