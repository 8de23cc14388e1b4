"""Charts under the pointer, and the page that compares runs, in headless Chromium: on runs whose events are made up."""

import csv
import io
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from browsing import number
from legible import expect_legible
from made_runs import SPEC, events_of, make_run

from engine.recipe import Stage

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium"),
]
expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
HIGH = "chart => chart.querySelector('.area').dataset.high"


@pytest.fixture
def runs(served: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two runs in the app's home, of another rate."""
    monkeypatch.setenv("LESSON_LAB_HOME", str(served[1]))
    faster = replace(SPEC.recipe, stages=(Stage(max_lr=0.1), *SPEC.recipe.stages[1:]))
    return [make_run(SPEC, events_of(0.8)), make_run(replace(SPEC, recipe=faster), events_of(0.5, loss=2.0))]


def problems(page) -> list[str]:
    """What went wrong on the page, but for answers that were on their way when it was left."""
    return [said for said in page.problems if "abort" not in said.lower() and "errored out" not in said]


def chart(page, title: str):
    found = page.locator(f'.lab-chart[data-title="{title}"]:visible')
    expect(found.locator(".area.live")).to_have_count(1)
    return found


def drag(page, area, start: float, end: float) -> None:
    box = area.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + start * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], middle, steps=4)
    page.mouse.up()


def test_a_chart_is_read_zoomed_thinned_out_and_taken_along(
    page, address: str, runs: list[str], request: pytest.FixtureRequest
):
    request.node.failed = True
    page.goto(f"{address}/compare?runs={','.join(runs)}")
    loss = chart(page, "Validation loss")
    area = loss.locator(".area")
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.66, box["y"] + 40)
    expect(loss.locator(".tip")).to_have_text(re.compile(r"step 10.*0\.55 A.*1\.1 B"))

    whole = loss.evaluate(HIGH)
    drag(page, area, 0.2, 0.5)
    expect(loss.get_by_role("button", name="Zoom out")).to_be_visible()
    zoomed = loss.evaluate(HIGH)
    assert float(zoomed) < float(whole)
    key = loss.get_by_role("button", name="B", exact=True)
    key.click()
    expect(key).to_have_attribute("aria-pressed", "false")

    # What was zoomed and hidden stays when all of the HTML is new.
    number(page, "Smoothing of the training loss").fill("0")
    number(page, "Smoothing of the training loss").press("Tab")
    chart(page, "Training loss")
    expect(loss.get_by_role("button", name="B", exact=True)).to_have_attribute("aria-pressed", "false")
    assert loss.evaluate(HIGH) == zoomed
    page.get_by_role("radio", name="Epoch").check()  # along which it was not zoomed
    expect(loss.locator(".x-label")).to_contain_text("epoch")
    expect(loss.get_by_role("button", name="Zoom out")).to_be_hidden()
    page.get_by_role("radio", name="Step").check()
    expect(loss.get_by_role("button", name="Zoom out")).to_be_visible()
    loss.locator(".area").dblclick()
    expect(loss.get_by_role("button", name="Zoom out")).to_be_hidden()
    assert loss.evaluate(HIGH) == whole

    loss.get_by_role("button", name="Table").click()
    expect(loss.locator("tbody tr")).to_have_count(3)
    with page.expect_download() as saved:
        loss.get_by_role("button", name="CSV").click()
    rows = list(csv.reader(io.StringIO(saved.value.path().read_text("utf-8"))))
    assert (
        rows[:2] == [["step", "A", "B"], ["5", "1.1", "2.2"]]
        and saved.value.suggested_filename == "validation-loss.csv"
    )
    with page.expect_download() as saved:
        loss.get_by_role("button", name="PNG").click()
    assert saved.value.path().read_bytes().startswith(b"\x89PNG")

    # By keyboard alone.
    loss.locator(".area").focus()
    page.keyboard.press("ArrowRight")
    expect(loss.locator(".tip")).to_contain_text("step 5")
    page.keyboard.press("+")
    expect(loss.get_by_role("button", name="Zoom out")).to_be_visible()
    page.keyboard.press("0")
    expect(loss.get_by_role("button", name="Zoom out")).to_be_hidden()
    assert problems(page) == [] and page.outside == []
    request.node.failed = False


def test_runs_are_compared_by_a_link_and_one_is_done_again(
    page, address: str, runs: list[str], request: pytest.FixtureRequest
):
    request.node.failed = True
    page.goto(f"{address}/compare")
    expect(page.get_by_text("Nothing to compare yet")).to_be_visible()
    page.goto(f"{address}/compare?runs={runs[0]},gone,{runs[1]}")
    expect(page.get_by_text("1 of the 3 runs that the address names is not here any more")).to_be_visible()
    expect(page.locator(".lab-table").first).to_contain_text("−0.3000")
    settings = page.locator(".lab-settings")
    expect(settings).to_contain_text("Learning rate")
    expect(settings).not_to_contain_text("Weight decay")
    page.get_by_label("Show those that are the same too").check()
    expect(settings).to_contain_text("Weight decay")
    page.wait_for_function("runs => location.search === `?runs=${runs.join(',')}`", arg=runs)
    chart(page, "F2 at 0.2")
    page.get_by_role("radio", name="Time").check()
    expect(page.get_by_text("seconds of training and validation").first).to_be_visible()
    expect_legible(page, "Compare")

    page.get_by_role("button", name="Do one of them again with one change").click()
    page.get_by_label("New value").fill("×3")
    page.get_by_role("button", name="Start it again with this change").click()
    said = page.get_by_test_id("toast-text").filter(has_text=re.compile("planet_sample.*not"))
    expect(said).to_be_visible()  # its data are not on this machine
    page.get_by_role("button", name="Known-good and known-bad").click()
    expect(page.get_by_text("Steps overshoot")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert problems(page) == [] and page.outside == []
    request.node.failed = False
