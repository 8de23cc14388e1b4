"""Names that are programs, planted wherever somebody's words are shown: they are seen as they are written, and do nothing."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from browsing import bring, keep, step, visit
from PIL import Image
from untrained import STREET_STAGE, save_untrained

from engine.events import EpochFinished, RunFinished, RunStarted, StageStarted
from engine.host.home import HOME_VARIABLE
from engine.recipe import Recipe
from engine.runs.store import RunSpec, append_event, create_run

PLANTED = "<img src=x onerror=window.fired=1>"
CLASSES = (PLANTED, "road")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        shutil.which("chromium") is None, reason="no chromium on this machine: apt-get install chromium"
    ),
]
expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


def plant_data(folder: Path) -> Path:
    """A segmentation data set whose name, classes and pictures' names are planted."""
    root = folder / PLANTED
    for name in ("images", "labels"):
        (root / name).mkdir(parents=True)
    (root / "codes.txt").write_text("\n".join(CLASSES))
    names = [f"{PLANTED} {number}" for number in range(6)]
    for name in names:
        Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(root / "images" / f"{name}.png")
        Image.fromarray(np.tile(np.arange(64, dtype=np.uint8) // 32, (48, 1))).save(root / "labels" / f"{name}_P.png")
    (root / "valid.txt").write_text("\n".join(f"{name}.png" for name in names[4:]))
    return root


def plant_run(data: Path) -> str:
    """A finished run of a planted title by a planted person, with a model of planted classes."""
    recipe = Recipe(name=PLANTED, title=PLANTED, backbone="mobilenetv3_small_100", stages=(STREET_STAGE,))
    run = create_run(RunSpec(task="camvid", dataset=str(data), recipe=recipe, title=PLANTED, owner=PLANTED))
    save_untrained(run / "checkpoints", CLASSES, dataset=str(data))
    for event in (
        RunStarted(device="cpu", device_name=PLANTED, processes=1, backbone=recipe.backbone, parameters=1),
        StageStarted(
            stage=0,
            stages=1,
            name=PLANTED,
            epochs=1,
            steps_per_epoch=1,
            batch_size=4,
            train_items=4,
            valid_items=2,
            trainable_parameters=1,
            input_size=PLANTED,
        ),
        EpochFinished(
            stage=0,
            epoch=1,
            step=1,
            train_loss=1.0,
            valid_loss=1.0,
            metrics={"pixel_accuracy": 0.5},
            train_seconds=1.0,
            valid_seconds=1.0,
        ),
        RunFinished(seconds=1.0),
    ):
        append_event(run, event)
    return run.name


def is_seen(page, where: str, at_least: int = 1) -> None:
    """The planted words stand in sight, as words, and were not run."""
    seen = page.get_by_text(PLANTED, exact=False).locator("visible=true")
    expect(seen.nth(at_least - 1)).to_be_visible()
    page.wait_for_timeout(300)
    assert page.evaluate("window.fired === undefined && !document.querySelector('img[src=x]')"), f"it ran: {where}"


def test_planted_names_are_seen_and_do_nothing(
    page, address: str, served: tuple[str, Path], tmp_path: Path, request: pytest.FixtureRequest, monkeypatch
):
    request.node.failed = True
    monkeypatch.setenv(HOME_VARIABLE, str(served[1]))
    data = plant_data(tmp_path)
    run = plant_run(data)
    page.goto(address)
    expect(page.locator(".lab-run:visible")).to_have_count(1)
    is_seen(page, "Home")

    page.goto(f"{address}/camvid?run={run}#train")
    expect(page.locator(".lab-live:visible .lab-pill")).to_have_text("finished")
    is_seen(page, "a run", 2)
    page.goto(f"{address}/camvid?model={run}#results")
    expect(page.locator("figure.lab-figure:visible").first).to_be_visible()
    is_seen(page, "results", 2)
    step(page, "5 Try it")
    picture = tmp_path / f"{PLANTED}.png"
    picture.write_bytes(b"no picture")
    page.locator("input[type=file]").last.set_input_files(picture)
    expect(page.locator(".lab-note.bad:visible")).to_be_visible()
    page.get_by_role("button", name="Remove Image").or_(page.get_by_label("Clear")).first.click()
    page.locator(".lab-offered:visible button").first.click()
    expect(page.locator(".lab-stack img.mask:visible")).to_have_count(1)
    is_seen(page, "a prediction")

    step(page, "1 Data")
    page.get_by_label("Data set").locator("visible=true").fill(str(data))
    page.get_by_label("Data set").locator("visible=true").press("Enter")
    expect(page.locator(".lab-legend:visible")).to_contain_text(PLANTED)
    is_seen(page, "data", 3)

    visit(page, "Models")
    page.locator(".lab-model:visible").first.click()
    expect(page.locator('.lab-model[aria-pressed="true"]')).to_have_count(1)
    is_seen(page, "models", 2)

    table = tmp_path / "mine.csv"
    rows = "".join(f'{PLANTED if number % 2 else "road"};"{PLANTED} {number}"\n' for number in range(20))
    table.write_text(f"{PLANTED};words\n{rows}")
    visit(page, "Your data")
    bring(page, table)
    is_seen(page, "a table", 2)
    keep(page, f"My {PLANTED}")
    expect(page.get_by_text("2 classes: ")).to_be_visible()
    is_seen(page, "texts", 3)
    page.get_by_label("A text, to be changed as you like").fill(PLANTED)
    expect(page.locator(".lab-tokens:visible").first).to_contain_text("window")
    step(page, "5 Try it")
    page.get_by_label("A text of your own").fill(f"I liked {PLANTED} very much")
    expect(page.locator("[data-testid=highlighted-text]:visible")).to_contain_text("window")
    step(page, "A table of texts")
    judged = tmp_path / "judged.csv"
    judged.write_text("text\n" + "".join(f'"{PLANTED} {number}"\n' for number in range(3)))
    page.locator(".tabitem:visible input[type=file]").last.set_input_files(judged)
    page.get_by_role("button", name="Judge them").click()
    expect(page.locator(".lab-answers:visible tbody tr")).to_have_count(3)
    is_seen(page, "judged texts", 3)
    request.node.failed = False
