"""What a Start will do, said above it: steps, what validation can tell, sizes, and what it starts from."""

from typing import Any

from engine.errors import EngineError
from engine.fitting import foretell, in_words
from engine.library.listing import known_model
from engine.recipe import Recipe
from engine.task import Task
from tabs.door.paths import without_paths
from tabs.drawing.markup import metric_text, note, text
from tabs.panels.plan import fitted_plan, planned_recipe
from tabs.reading.models import model_label
from tabs.reading.opened import open_dataset
from tabs.views.registry import view_of

FEW_STEPS, FEW_JUDGED = 30, 20  # below which a training, and a figure, say little
ENLARGED = 1.5  # times its own size, from which on a picture holds nothing more


def foretold(
    task: Task,
    opened: str,
    plan: str,
    backbone: str,
    new_channels: str,
    init_from: str,
    seed: float | None,
    *values: Any,
) -> str:
    """HTML for what the form says now; nothing while a field is wrong, which the start says."""
    if not opened:
        return ""
    try:
        asked = planned_recipe(task, plan, backbone, new_channels, values)
        data = open_dataset(task, opened)
        given = fitted_plan(task, opened, asked)
    except EngineError as error:
        return note(without_paths(error), "warn")
    if task.aim(given.objective).kind == "language":
        return ""  # its steps are counted in words, once the texts are words
    said, doubts = _steps(given, len(data.train))
    said += [f"{sentence}." for sentence in in_words(asked, given, len(data.train))]
    judged, doubtful = _judged(len(data.valid))
    sized, enlarged = _size(given, data)
    start, doubted = _start(task, init_from, backbone)
    lines = "".join(f"<li>{text(one)}</li>" for one in (*said, judged, *sized, start))
    amber = "".join(note(one, "warn") for one in (*doubts, *doubtful, *enlarged, *doubted))
    return f'<div class="lab-foretold"><ul>{lines}</ul>{amber}</div>'


def _steps(recipe: Recipe, samples: int) -> tuple[list[str], list[str]]:
    stages = [foretell(stage, samples) for stage in recipe.stages]
    total = sum(one.steps for one in stages)
    each = "; ".join(f"{one.stage.name} {one.steps_per_epoch:,} × {one.stage.epochs}" for one in stages)
    said = [f"{total:,} steps in all, on {samples:,} training samples ({each}: steps an epoch × epochs)."]
    doubts = [f"{total} steps are hardly enough to learn anything. Take smaller batches, or more epochs."]
    return said, doubts if total < FEW_STEPS else []


def _judged(valid: int) -> tuple[str, list[str]]:
    said = f"{valid:,} samples validate: one more that is right moves a share by {100 / max(valid, 1):.2g} points."
    return said, [f"{valid} validation samples tell little: read its figures as a guess."] if valid < FEW_JUDGED else []


def _size(recipe: Recipe, data: Any) -> tuple[list[str], list[str]]:
    """How large pictures are read, beside their own size; nothing for what has no shape."""
    shape = getattr(data, "shape", None)
    if not shape:
        return [], []
    largest = max(stage.image_size for stage in recipe.stages)
    said = [f"Pictures of {shape[1]}×{shape[0]} pixels are read at {largest} on the shorter side."]
    doubts = [f"At {largest} pixels they are enlarged: nothing more is to be seen in them, and it takes longer."]
    return said, doubts if largest > ENLARGED * min(shape) else []


def _start(task: Task, init_from: str, backbone: str) -> tuple[str, list[str]]:
    if not init_from:
        return f"It starts from what {backbone} has learnt elsewhere, with a new head.", []
    try:
        config = known_model(init_from).config
    except EngineError as error:
        return f"It starts from {init_from}.", [without_paths(error)]
    metric = task.aim(config.objective).metric.name
    figure = config.metrics.get(metric)
    known = (
        f", whose {view_of(task).metric_title(metric)} was {metric_text(metric, figure)}" if figure is not None else ""
    )
    return f"It starts from {model_label(init_from)}{known}.", []
