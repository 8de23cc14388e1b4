"""Runs with events that nobody trained for: what a comparison is shown on."""

from pathlib import Path

from engine.events import CheckpointSaved, EpochFinished, Event, RunFinished, RunStarted, StageStarted, StepFinished
from engine.recipe import Recipe, Stage
from engine.runs.store import RunSpec, append_event, create_run

STEPS = 5  # in an epoch
STAGES = (
    Stage(name="frozen", epochs=1, max_lr=1e-2, image_size=64, train_from=-1),
    Stage(name="full", epochs=2, max_lr=(1e-4, 1e-3), image_size=64),
)
RECIPE = Recipe(name="made", title="Made", backbone="tf_efficientnet_lite0", stages=STAGES)
SPEC = RunSpec(task="planet", dataset="planet_sample", recipe=RECIPE)


def events_of(best: float, *, epochs: int = 3, loss: float = 1.0, seconds: float = 10.0) -> list[Event]:
    """One stage of some epochs, whose F2 rises to `best`; each epoch takes `seconds`, and its validation two more."""
    made: list[Event] = [
        RunStarted(device="cpu", device_name="a CPU", processes=1, backbone="lite0", parameters=1),
        StageStarted(
            stage=0,
            stages=1,
            name="frozen",
            epochs=epochs,
            steps_per_epoch=STEPS,
            input_size="64×64 px",
            batch_size=8,
            train_items=40,
            valid_items=8,
            trainable_parameters=1,
        ),
    ]
    for epoch in range(1, epochs + 1):
        for step in range((epoch - 1) * STEPS + 1, epoch * STEPS + 1):
            made.append(
                StepFinished(
                    stage=0, epoch=epoch, step=step, loss=loss / step, lr=(1e-3,), momentum=0.9, seconds=seconds / STEPS
                )
            )
        made += [
            EpochFinished(
                stage=0,
                epoch=epoch,
                step=epoch * STEPS,
                train_loss=loss / epoch,
                valid_loss=1.1 * loss / epoch,
                metrics={"f2": best * epoch / epochs},
                train_seconds=seconds,
                valid_seconds=2.0,
            ),
            CheckpointSaved(stage=0, step=epoch * STEPS, folder="checkpoints/x", best=True),
        ]
    return made


def make_run(spec: RunSpec, events: list[Event], *, is_over: bool = True) -> str:
    """A run with these events, by its name."""
    folder: Path = create_run(spec)
    for event in (*events, *([RunFinished(seconds=40.0)] if is_over else [])):
        append_event(folder, event)
    return folder.name
