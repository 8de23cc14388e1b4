"""Which checkpoints count, and which are deleted, where the files that name them are damaged."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy import STAGE, TOY, TinyClassifier, draw_squares

from engine.bundle.files import (
    BEST_FILE,
    CONFIG_FILE,
    EVALUATION_FILE,
    LATEST_FILE,
    MODEL_FILE,
    best_checkpoint,
    latest_checkpoint,
    stage_end,
)
from engine.errors import RunError
from engine.events import CheckpointSaved, EpochFinished, RunResumed, StageFinished, Warned
from engine.recipe import Recipe
from engine.training.checkpoint import (
    OPTIMIZER_FILE,
    PROGRESS_FILE,
    Progress,
    damage_of,
    read_progress,
    save_checkpoint,
)
from engine.training.recipe_loop import train_recipe

DAMAGES = (
    None,
    "",
    "{",
    "[]",
    '{"folder": 5}',
    '{"folder": "../elsewhere"}',
    '{"folder": "stage9-step000001"}',
    "[" * 10**5,
)


def save(folder: Path, step: int, *, stage: int = 0, best: bool = False, figures: bool = True) -> str:
    model = TinyClassifier(3)
    return save_checkpoint(
        folder,
        model=model,
        optimizer=torch.optim.AdamW(model.parameters()),
        progress=Progress(stage=stage, step=step, batch_size=4, precision="fp32"),
        config={},
        evaluation={"metrics": {}} if figures else None,
        best=best,
    )


def damage(file: Path, content: str | None) -> None:
    if content is None:
        file.unlink()
    else:
        file.write_text(content)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def test_the_latest_the_one_before_and_the_best_are_kept(tmp_path: Path) -> None:
    assert latest_checkpoint(tmp_path / "none") is None and best_checkpoint(tmp_path / "none") is None
    save(tmp_path, 1, figures=False)
    save(tmp_path, 2, best=True)
    assert names(tmp_path) == ["stage0-step000001", "stage0-step000002"]
    for step in (3, 4, 5):
        save(tmp_path, step)
    assert names(tmp_path) == ["stage0-step000002", "stage0-step000004", "stage0-step000005"]
    assert latest_checkpoint(tmp_path) == tmp_path / "stage0-step000005"
    assert best_checkpoint(tmp_path) == tmp_path / "stage0-step000002"


@pytest.mark.parametrize("content", DAMAGES, ids=range(len(DAMAGES)))
def test_without_a_pointer_the_latest_is_the_one_that_came_furthest(tmp_path: Path, content: str | None) -> None:
    save(tmp_path, 900, best=True)
    best, latest = tmp_path / "stage0-step000900", tmp_path / save(tmp_path, 20, stage=1)
    (tmp_path / ".partial-x").mkdir()
    for name in ("stage2-step000001", "stage3-step1-copy", "holiday"):  # without weights, or none of ours
        (tmp_path / name).mkdir()
    for name in ("stage3-step1-copy", "holiday", ".partial-x"):
        (tmp_path / name / MODEL_FILE).touch()
    damage(tmp_path / LATEST_FILE, content)
    assert latest_checkpoint(tmp_path) == latest and best_checkpoint(tmp_path) == best
    damage(tmp_path / BEST_FILE, content)
    assert latest_checkpoint(tmp_path) == latest == best_checkpoint(tmp_path)


def test_steps_are_compared_as_numbers(tmp_path: Path) -> None:
    for name in ("stage0-step999999", "stage0-step1000000", "stage10-step000001", "stage9-step000001"):
        (tmp_path / name).mkdir()
        (tmp_path / name / MODEL_FILE).touch()
    assert latest_checkpoint(tmp_path) == tmp_path / "stage10-step000001"


@pytest.mark.parametrize("content", DAMAGES, ids=range(len(DAMAGES)))
def test_no_checkpoint_that_may_be_the_best_is_deleted_until_there_is_a_new_best(
    tmp_path: Path, content: str | None
) -> None:
    best = save(tmp_path, 1, best=True)
    latest = save(tmp_path, 2)
    for file in (LATEST_FILE, BEST_FILE):
        damage(tmp_path / file, content)
    inside = save(tmp_path, 3, figures=False)
    assert names(tmp_path) == [best, latest, inside]
    later = [save(tmp_path, step) for step in (4, 5)]
    assert names(tmp_path) == [best, latest, *later], "one inside an epoch has no figures to be the best by"
    new = save(tmp_path, 6, best=True)
    assert names(tmp_path) == [later[-1], new], "the new one, and the one before it in case that is damaged"
    assert best_checkpoint(tmp_path) == latest_checkpoint(tmp_path) == tmp_path / new


def test_a_run_goes_on_from_the_checkpoint_that_nobody_names(tmp_path: Path) -> None:
    objective, folder = TOY.build_objective(), tmp_path / "c"
    squares = objective.open_data(draw_squares(tmp_path / "toy"))
    recipe = Recipe(name="toy", backbone="tiny", stages=(STAGE,))
    asked = []

    def train(**more) -> list:
        events = []
        for event in train_recipe(
            objective, recipe, model=TinyClassifier(3), data=squares, folder=folder, workers=0, **more
        ):
            events.append(event)
            asked.extend([event.step] if isinstance(event, EpochFinished) else [])
        return events

    train(should_stop=lambda: bool(asked))
    (folder / LATEST_FILE).write_text("")
    (folder / BEST_FILE).write_text("")
    assert RunResumed(stage=0, step=asked[0]) in train(should_stop=lambda: True)
    assert names(folder) == [f"stage0-step{asked[0]:06d}"]


def test_a_damaged_progress_is_told(tmp_path: Path) -> None:
    checkpoint = tmp_path / save(tmp_path, 1)
    for content in ("", "[]", '{"a": 1}', "[" * 10**5):
        (checkpoint / PROGRESS_FILE).write_text(content)
        with pytest.raises(RunError, match="is damaged"):
            read_progress(checkpoint)


def test_the_end_of_every_stage_is_kept_without_its_optimiser(tmp_path: Path) -> None:
    for stage, step in ((0, 4), (0, 8), (1, 4), (1, 8), (1, 9), (2, 4), (2, 8)):
        save(tmp_path, step, stage=stage)
    (tmp_path / BEST_FILE).write_text('{"folder": "stage2-step000008"}')
    save(tmp_path, 12, stage=2)
    ends = ["stage0-step000008", "stage1-step000009"]
    assert names(tmp_path) == [*ends, "stage2-step000008", "stage2-step000012"]
    assert [(tmp_path / name / OPTIMIZER_FILE).is_file() for name in names(tmp_path)] == [False, False, True, True]
    assert [stage_end(tmp_path, stage) for stage in (0, 1, 3)] == [*(tmp_path / name for name in ends), None]


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


RUINED = {
    "weights cut": lambda checkpoint: cut(checkpoint / MODEL_FILE),
    "no weights": lambda checkpoint: (checkpoint / MODEL_FILE).unlink(),
    "optimiser cut": lambda checkpoint: cut(checkpoint / OPTIMIZER_FILE),
    "no optimiser": lambda checkpoint: (checkpoint / OPTIMIZER_FILE).unlink(),
    "progress empty": lambda checkpoint: (checkpoint / PROGRESS_FILE).write_text(""),
    "progress of another kind": lambda checkpoint: (checkpoint / PROGRESS_FILE).write_text('{"a": 1}'),
    "config empty": lambda checkpoint: (checkpoint / CONFIG_FILE).write_text(""),
    "figures empty": lambda checkpoint: (checkpoint / EVALUATION_FILE).write_text(""),
}


@pytest.fixture
def stopped(tmp_path: Path) -> Callable[..., list]:
    """Trains two stages of two epochs each on squares; the first call stops after three epochs, each other goes on."""
    objective, folder = TOY.build_objective(), tmp_path / "c"
    squares = objective.open_data(draw_squares(tmp_path / "toy"))
    epochs: list = []

    def train(config: dict | None = None) -> list:
        torch.manual_seed(0)
        model, recipe, events, is_first = TinyClassifier(3), TOY.recipes[0], [], not epochs
        asked = lambda: is_first and len(epochs) == 3  # noqa: E731
        for event in train_recipe(
            objective,
            recipe,
            model=model,
            data=squares,
            folder=folder,
            config=config or {},
            workers=0,
            should_stop=asked,
        ):
            events.append(event)
            epochs.extend([event] if isinstance(event, EpochFinished) else [])
        return events

    train()
    return train


@pytest.mark.parametrize("ruin", RUINED.values(), ids=RUINED)
def test_a_damaged_latest_checkpoint_costs_what_came_after_the_one_before(
    stopped, tmp_path: Path, ruin: Callable[[Path], None]
) -> None:
    folder = tmp_path / "c"
    latest = latest_checkpoint(folder)
    assert latest and latest.name == "stage1-step000004"
    ruin(latest)
    warned, resumed, *events = stopped()
    assert isinstance(warned, Warned) and "stage1-step000004 is damaged" in warned.message
    assert "goes on from stage0-step000008" in warned.message
    assert resumed == RunResumed(stage=0, step=8)
    assert [(e.stage, e.epoch) for e in events if isinstance(e, EpochFinished)] == [(1, 1), (1, 2)]
    assert damage_of(folder / "stage1-step000004") == "", "written anew"


def test_where_all_are_damaged_training_begins_anew_and_says_so(stopped, tmp_path: Path) -> None:
    for checkpoint in (tmp_path / "c").glob("stage*"):
        cut(checkpoint / MODEL_FILE)
    warned, *events = stopped()
    assert isinstance(warned, Warned) and warned.message.endswith("No other is left: training begins anew.")
    assert [(e.stage, e.epoch) for e in events if isinstance(e, EpochFinished)] == [(0, 1), (0, 2), (1, 1), (1, 2)]


def test_a_damaged_best_one_is_forgotten(stopped, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    best = best_checkpoint(folder)
    assert best
    cut(best / MODEL_FILE)
    events = stopped()
    assert next(event.best for event in events if isinstance(event, CheckpointSaved))
    again = best_checkpoint(folder)
    assert again and damage_of(again) == ""


def test_a_folder_of_another_training_is_refused(stopped, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"another training: its seed is None, not 7\. Give another folder"):
        stopped({"seed": 7})


def test_the_best_is_the_runs_as_long_as_the_inputs_have_one_size(tmp_path: Path) -> None:
    """A second stage that is no better has no best epoch; one at another size begins anew."""
    objective = TOY.build_objective()
    squares = objective.open_data(draw_squares(tmp_path / "toy"))

    def bests(size: int, accuracies: list[float]) -> list[bool]:
        figures = iter(accuracies)

        class Told:
            def __init__(self, data) -> None:
                pass

            def to(self, device):
                return self

            def update(self, logits, target) -> None:
                pass

            def compute(self) -> dict[str, float]:
                return {"accuracy": next(figures)}

            def details(self) -> dict:
                return {}

        told = replace(objective, build_metrics=Told)
        recipe = Recipe(name="two", backbone="tiny", stages=(STAGE, replace(STAGE, image_size=size)))
        folder = tmp_path / f"c{size}"
        events = train_recipe(told, recipe, model=TinyClassifier(3), data=squares, folder=folder, workers=0)
        return [event.best for event in events if isinstance(event, CheckpointSaved)]

    assert bests(32, [0.5, 0.8, 0.7, 0.9]) == [True, True, False, True]
    before = 0.9  # measured before the first step at the new size, and never the best of anything
    assert bests(32 + 4, [0.5, 0.8, before, 0.7, 0.6]) == [True, True, True, False]


def test_who_may_read_files_here_may_read_the_weights(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    save(tmp_path / "checkpoints", 1, best=True)
    bundle = tmp_path / "checkpoints" / "stage0-step000001"
    assert bundle.stat().st_mode == (tmp_path / "folder").stat().st_mode
    assert (bundle / "model.safetensors").stat().st_mode == (tmp_path / "file").stat().st_mode


def train_toy(tmp_path: Path, *, epochs: int, stop: Callable[[list], bool] = lambda seen: False) -> list:
    """The events of a toy run, gone on with where `tmp_path` holds one; its generator is dropped where `stop` raises."""
    torch.manual_seed(0)
    toy = tmp_path / "toy"
    squares = toy if toy.exists() else draw_squares(toy)
    objective, seen = TOY.build_objective(), []
    recipe = Recipe(name="toy", backbone="tiny", stages=(replace(STAGE, epochs=epochs),))
    for event in train_recipe(
        objective,
        recipe,
        model=TinyClassifier(3),
        data=objective.open_data(squares),
        folder=tmp_path / "c",
        workers=0,
        should_stop=lambda: stop(seen),
    ):
        seen.append(event)
    return seen


def ends(events: list) -> list[EpochFinished]:
    return [event for event in events if isinstance(event, EpochFinished)]


def test_epochs_that_end_soon_after_one_another_are_kept_without_the_optimiser(tmp_path: Path) -> None:
    train_toy(tmp_path, epochs=5, stop=lambda seen: len(ends(seen)) == 4)  # asked to stop: the fourth gets it after all
    at = {read_progress(tmp_path / "c" / name).step: tmp_path / "c" / name for name in names(tmp_path / "c")}
    per_epoch = min(at)
    assert (at[per_epoch] / OPTIMIZER_FILE).is_file(), "the first"
    assert (at[4 * per_epoch] / OPTIMIZER_FILE).is_file() and (at[4 * per_epoch] / EVALUATION_FILE).is_file()
    (resumed, *_, finished) = train_toy(tmp_path, epochs=5)
    assert resumed == RunResumed(stage=0, step=4 * per_epoch) and isinstance(finished, StageFinished)
    assert (latest_checkpoint(tmp_path / "c") / OPTIMIZER_FILE).is_file(), "a stage's end"  # pyright: ignore[reportOptionalOperand]


def test_a_killed_run_goes_on_from_the_newest_with_an_optimiser_and_comes_out_the_same(tmp_path: Path) -> None:
    def killed(seen: list) -> bool:
        if len(ends(seen)) == 3:
            raise KeyboardInterrupt
        return False

    whole = train_toy(tmp_path / "whole", epochs=5)
    with pytest.raises(KeyboardInterrupt):
        train_toy(tmp_path / "killed", epochs=5, stop=killed)
    folder = tmp_path / "killed" / "c"
    latest = latest_checkpoint(folder)
    assert latest and not (latest / OPTIMIZER_FILE).exists() and not read_progress(latest).has_moments
    assert damage_of(latest) == "", "nothing is missing that was ever there"
    resumed, *rest = train_toy(tmp_path / "killed", epochs=5)
    per_epoch = ends(whole)[0].step
    assert resumed == RunResumed(stage=0, step=per_epoch)
    assert [(end.step, end.valid_loss) for end in ends(rest)] == [(end.step, end.valid_loss) for end in ends(whole)[1:]]
