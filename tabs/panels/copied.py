"""A run's settings, copied into the Train step's form."""

from typing import Any, NamedTuple

from engine.errors import RunError
from engine.task import Task
from tabs.door.paths import shown_name
from tabs.panels.plan import plan_of
from tabs.panels.stage_form import StageValues, form_values, train_from_choices
from tabs.reading.opened import spec_of
from tabs.wiring import tells_errors


class CopiedSettings(NamedTuple):
    """A run's last stage for the form: what to train (one stage), the model, and the form's values."""

    plan: Any
    backbone: Any
    new_channels: Any
    form: StageValues


@tells_errors
def copy_settings(task: Task, run: str | None) -> CopiedSettings:
    """A run's last stage, as the form would say it."""
    if not run:
        raise RunError("There is no run to copy from yet.")
    recipe = spec_of(run).recipe
    stage = recipe.stages[-1]
    if stage.train_from not in [group for _, group in train_from_choices(task)]:
        raise RunError(f"This run trains from layer group {stage.train_from}, which the form does not offer.")
    return CopiedSettings(
        plan=plan_of(task, recipe.objective),
        backbone=shown_name(recipe.backbone),
        new_channels=recipe.new_channels,
        form=form_values(stage),
    )
