"""From the Find-a-rate step to the Train step: a rate is taken into the form, with the settings that it was found for."""

from typing import Any, NamedTuple

import gradio as gr

from engine.errors import RunError
from engine.library.listing import model_name
from engine.recipe import checked_value, knob_fields
from engine.task import Task
from engine.tasks.registry import get_task
from tabs.door.paths import shown_name
from tabs.drawing.markup import note
from tabs.panels.plan import plan_of
from tabs.panels.rate import RatePanel
from tabs.panels.stage_form import RATE, WrittenRate, rate_as_text, rate_values
from tabs.panels.suggested import NAMES, rate_of
from tabs.panels.train import TrainPanel
from tabs.reading.opened import snapshot_of, spec_of
from tabs.wiring import ACTION, flat, tells_errors


class Taken(NamedTuple):
    """What is written into the Train step: a rate, the settings and model that it was found for; and a line that says so."""

    rate: WrittenRate
    train_from: Any
    size: Any
    batch_size: Any
    plan: Any
    backbone: Any
    new_channels: Any
    init_from: Any
    said: Any


@tells_errors
def take_suggestion(run: str, name: str) -> Taken:
    """A suggestion, by name ("" is the lesson's reading), for the stage form; see `taken`."""
    snapshot = snapshot_of(run)
    rate = snapshot.suggestions.get(name) if name else rate_of(snapshot.reading_lr)
    if not rate:
        raise RunError("This run has no such suggestion yet. Wait until its curve is done.")
    return taken(run, rate)


@tells_errors
def take_clicked(run: str, rate: float) -> Taken:
    """The rate under the pointer, for the stage form; see `taken`."""
    return taken(run, float(f"{float(rate):.2g}"))


def taken(run: str, rate: float | tuple[float, float]) -> Taken:
    """For the Train step: the rate's fields, the settings and model for which it was found; last a line that says so.

    The finder tries rates beyond what a stage may have; such a one becomes the nearest that it may.
    """
    spec, declared = spec_of(run), dict(knob_fields())[RATE]
    stage = spec.recipe.stages[0]
    parts = rate if isinstance(rate, tuple) else (rate,)
    allowed = tuple(min(max(part, declared.minimum), declared.maximum) for part in parts)
    rate = checked_value(RATE, declared, allowed if isinstance(rate, tuple) else allowed[0])
    task = get_task(spec.task)
    said = f"{rate_as_text(rate)} is in the Train form now, with the layers, size and batch it was found for."
    return Taken(
        rate=rate_values(rate),
        train_from=stage.train_from,
        size=getattr(stage, task.aims[0].size_knob),
        batch_size=stage.batch_size,
        plan=plan_of(task, spec.recipe.objective),
        backbone=shown_name(spec.recipe.backbone),
        new_channels=spec.recipe.new_channels,
        init_from=model_name(spec.init_from),
        said=note(said, "good"),
    )


def wire_taking(task: Task, rate: RatePanel, train: TrainPanel) -> None:
    """A click on the curve, on a suggestion or on the reading writes into the Train step's form."""
    planned, fields = train.planned, train.planned.form.fields
    written = Taken(
        rate=planned.form.rate_outputs,
        train_from=fields.train_from,
        size=getattr(fields, task.aims[0].size_knob),
        batch_size=fields.batch_size,
        plan=planned.plan,
        backbone=planned.backbone,
        new_channels=planned.new_channels,
        init_from=planned.init_from,
        said=rate.said,
    )
    for name, button in zip(("", *NAMES), (rate.shown.reading, *rate.shown.suggested), strict=True):
        button.click(lambda run, name=name: flat(take_suggestion(run, name)), rate.run, flat(written), **ACTION)

    def clicked(run: str, event: gr.EventData) -> list[Any]:
        return flat(take_clicked(run, event.rate))

    rate.shown.curve.select(clicked, rate.run, flat(written), **ACTION)
