"""Which checkpoints count, and which are deleted, where the files that name them are damaged."""

from pathlib import Path

import pytest
import torch
from toy import STAGE, TOY, TinyClassifier, draw_squares

from engine.bundle_files import BEST_FILE, LATEST_FILE, MODEL_FILE, best_checkpoint, latest_checkpoint
from engine.errors import RunError
from engine.events import EpochFinished, RunResumed
from engine.recipe import Recipe
from engine.training.checkpoint import PROGRESS_FILE, Progress, read_progress, save_checkpoint
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


def test_the_latest_and_the_best_are_kept(tmp_path: Path) -> None:
    assert latest_checkpoint(tmp_path / "none") is None and best_checkpoint(tmp_path / "none") is None
    save(tmp_path, 1, figures=False)
    save(tmp_path, 2, best=True)
    assert names(tmp_path) == ["stage0-step000002"]
    for step in (3, 4):
        save(tmp_path, step)
    assert names(tmp_path) == ["stage0-step000002", "stage0-step000004"]
    assert latest_checkpoint(tmp_path) == tmp_path / "stage0-step000004"
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
    assert names(tmp_path) == [new]
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


def test_who_may_read_files_here_may_read_the_weights(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    save(tmp_path / "checkpoints", 1, best=True)
    bundle = tmp_path / "checkpoints" / "stage0-step000001"
    assert bundle.stat().st_mode == (tmp_path / "folder").stat().st_mode
    assert (bundle / "model.safetensors").stat().st_mode == (tmp_path / "file").stat().st_mode
