"""The real page in headless Chromium: from drawn data to a prediction, with a reload, a stop and a resume on the way."""

import re
import shutil
from pathlib import Path

import pytest
from browsing import bring, draw_and_train, expect_quiet, keep, number, set_number, step, visit
from legible import expect_legible
from PIL import Image

from engine.tasks.registry import TASKS

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
# What stands out as given has the style of it alone: no class.
TAGS_GIVEN = "[...document.querySelectorAll('.lab-tag-bars button')].filter(bar => getComputedStyle(bar).fontWeight > 500).length"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium"),
]
expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


def test_a_person_can_do_the_lesson(page, address: str, tmp_path: Path, request: pytest.FixtureRequest):
    request.node.failed = True
    expect(page.get_by_role("heading", name="Lesson 3 Lab")).to_be_visible()
    expect(page.get_by_text("CPU cores")).to_be_visible()
    expect_legible(page, "Home, before anything")

    visit(page, "CamVid")
    page.locator("button:visible", has_text="Draw it now").click()
    expect(page.locator(".lab-card .lab-pill:visible")).to_have_text("on this machine")
    expect(page.locator("figure.lab-figure:visible")).to_have_count(12)
    expect(page.locator(".lab-legend:visible")).to_contain_text("Road")
    expect(page.locator(".lab-questions li:visible")).to_have_count(6)

    step(page, "2 Find a rate")
    set_number(page, "Resolution (px)", 32)
    set_number(page, "Batch size", 4)
    page.get_by_role("button", name="Find a rate", exact=True).click()
    expect(page.locator(".lab-reading:visible")).to_contain_text("The head alone learns")
    page.get_by_role("button", name=re.compile(r"^Use \d")).click()
    expect(page.get_by_text("is in the Train form now")).to_be_visible()
    taken = page.get_by_text("is in the Train form now").inner_text().split()[0]

    step(page, "3 Train")
    expect(page.get_by_label("Learning rate").first).to_have_value(taken)
    expect(number(page, "Resolution (px)")).to_have_value("32")
    set_number(page, "Epochs", 6)  # it must not end while the page is loaded anew
    page.get_by_role("radio", name="fp32").check()
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator(".lab-table:visible")).to_contain_text("frozen-32")

    assert page.problems == []
    page.reload()
    page.problems.clear()  # the page that left broke off its open requests and said so
    expect(chosen_tabs(page)).to_have_text("3 Train")
    expect(page.locator(".lab-table:visible")).to_contain_text("frozen-32")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".lab-live:visible .lab-pill.stopped")).to_have_text("stopped")
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.locator(".lab-live:visible .lab-pill")).to_have_text("finished")
    expect(page.locator(".lab-progress-label:visible")).to_contain_text("epoch 6 of 6")
    expect_quiet(page)

    step(page, "4 Results")
    expect(page.locator("figure.lab-figure:visible")).to_have_count(9)
    expect(page.get_by_text("Overlap with the truth (IoU) by class")).to_be_visible()
    expect(page.locator(".lab-figures:visible")).to_contain_text("Pixel accuracy")

    step(page, "5 Try it")
    upload = page.locator("input[type=file]").last
    upload.set_input_files(ROOT / "assets" / "examples" / "camvid" / "drawn-street.jpg")
    expect(page.locator(".lab-stack img.mask:visible")).to_have_count(1)
    expect(page.get_by_text("480×360 pixels")).to_be_visible()
    page.locator(".lab-classes button:visible").first.click()
    expect(page.locator('.lab-classes button[aria-pressed="true"]')).to_have_count(1)

    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 this is no picture")
    page.get_by_role("button", name="Remove Image").or_(page.get_by_label("Clear")).first.click()
    page.locator("input[type=file]").last.set_input_files(broken)
    expect(page.locator(".lab-note.bad:visible")).to_contain_text("broken.jpg")

    visit(page, "Home")
    expect(page.locator(".lab-run:visible")).to_have_count(2)
    expect_quiet(page)
    expect_legible(page, "Home, after two runs")
    assert page.outside == []
    assert page.problems == []
    request.node.failed = False


def test_tags_from_a_chip_and_a_table_from_many(page, tmp_path: Path, request: pytest.FixtureRequest):
    request.node.failed = True
    draw_and_train(page, "Planet", "Drawn chips", "frozen-64")
    for name in ("1 Data", "2 Find a rate", "3 Train"):
        step(page, name)
        expect(page.locator(".lab-lesson:visible")).to_have_count(1)
        expect_legible(page, f"Planet, {name}")

    # Up in resolution by hand, from the run that has just ended: it is offered without leaving the step.
    page.get_by_label("Start from").locator("visible=true").click()
    page.get_by_role("option", name=re.compile("frozen-64")).locator("visible=true").click()
    set_number(page, "Resolution (px)", 96)
    page.get_by_role("button", name="Start", exact=True).locator("visible=true").click()
    expect(page.locator(".lab-table:visible")).to_contain_text("frozen-96")
    expect(page.locator(".lab-live:visible .lab-pill")).to_have_text("finished")

    step(page, "4 Results")
    expect(page.locator(".lab-tags:visible").first).to_be_visible()
    expect(page.get_by_text("F2 against the threshold")).to_be_visible()
    page.get_by_label("Order").locator("visible=true").click()
    page.get_by_role("option", name="Highest loss first").click()
    expect(page.locator(".lab-figure figcaption:visible").first).to_contain_text("loss")
    expect_legible(page, "Planet, 4 Results")

    step(page, "5 Try it")
    chip = tmp_path / "chip.jpg"
    Image.new("CMYK", (96, 80), (200, 60, 160, 40)).save(chip)
    page.locator("input[type=file]").last.set_input_files(chip)
    bars = page.locator(".lab-tag-bars button")
    expect(bars.first).to_be_visible()
    page.wait_for_function(f"{TAGS_GIVEN} > 0")
    page.get_by_label("number input for Threshold").fill("0.99")
    page.get_by_label("number input for Threshold").press("Tab")
    page.wait_for_function(f"{TAGS_GIVEN} === 0")
    bars.first.click()
    expect(page.get_by_text("(Grad-CAM)")).to_be_visible()
    # An offered picture takes the upload's place; the threshold stays where it was set.
    expect(page.get_by_text("Drop Image Here").locator("visible=true")).to_have_count(0)
    page.locator(".lab-offered:visible button").first.click()
    expect(page.get_by_text("Drop Image Here").locator("visible=true")).to_have_count(1)
    expect(page.get_by_label("number input for Threshold")).to_have_value("0.99")
    page.get_by_role("button", name="Many pictures at once").click()
    page.locator("input[type=file][multiple]").set_input_files([chip, chip])
    page.get_by_role("button", name="Give them tags").click()
    expect(page.locator(".lab-table:visible")).to_contain_text("chip.jpg")
    expect(page.get_by_role("button", name="Download as CSV")).to_be_visible()
    expect_legible(page, "Planet, 5 Try it")
    assert page.problems == []
    request.node.failed = False


def test_a_head_is_found_in_a_picture_and_by_the_camera(page, tmp_path: Path, request: pytest.FixtureRequest):
    request.node.failed = True
    draw_and_train(page, "Head centres", "Drawn heads", "frozen-32")

    step(page, "4 Results")
    expect(page.locator(".lab-pointed:visible .lab-cross.guess")).to_have_count(3)
    # The figures come above the button and push it down: a click in that moment would go beside it.
    expect(page.get_by_text("Share of the pictures within a distance").locator("visible=true")).to_be_visible()
    page.get_by_role("button", name="Look into every picture").click()
    expect(page.get_by_text("By person").locator("visible=true").first).to_be_visible()

    step(page, "5 Try it")
    page.locator(".lab-offered:visible button").first.click()
    pointed = page.locator(".lab-pointed.large:visible")
    expect(pointed.locator(".lab-cross.guess")).to_have_count(1)
    pointed.click(position={"x": 40, "y": 40})
    expect(pointed.locator(".lab-cross.yours")).to_have_count(1)
    expect(page.get_by_text("of the width").last).to_be_visible()
    # One frame of the camera; the click belonged to the picture before it.
    page.get_by_role("button", name="Capture from camera").locator("visible=true").click()
    take_photo(page)
    expect(pointed.locator(".lab-cross.yours")).to_have_count(0)
    expect(pointed.locator(".lab-cross.guess")).to_have_count(1)

    step(page, "Live camera")
    sent: list[str] = []
    page.on("request", lambda asked: sent.append(asked.post_data or "") if "/queue/join" in asked.url else None)
    hide = "Object.defineProperty(document, 'hidden', {value: true}); document.dispatchEvent(new Event('visibilitychange'))"
    for leave in (
        lambda: page.get_by_role("button", name="Stop the camera").click(),
        lambda: step(page, "4 Results"),
        lambda: page.evaluate(hide),
    ):
        page.get_by_role("button", name="Start the camera").click()
        expect(page.locator(".lab-camera.on .lab-cross.guess:not([hidden])")).to_have_count(1)
        expect(page.get_by_text("camera on", exact=True)).to_be_visible()
        expect(page.get_by_text(re.compile(r"column \d+\.\d, row")).locator("visible=true")).to_have_count(1)
        page.wait_for_function("document.querySelector('.lab-camera').dataset.side === '32'")
        page.evaluate("window.track = document.querySelector('.lab-camera video').srcObject.getVideoTracks()[0]")
        leave()
        page.wait_for_function("window.track.readyState === 'ended'")
        page.wait_for_timeout(500)
        frames = [post for post in sent if "data:image/jpeg" in post]
        page.wait_for_timeout(1500)
        assert frames and [post for post in sent if "data:image/jpeg" in post] == frames
        step(page, "5 Try it")
    assert page.problems == []
    request.node.failed = False


def test_texts_are_judged_written_on_and_brought_along(page, request: pytest.FixtureRequest, tmp_path):
    request.node.failed = True
    visit(page, "IMDB")
    page.get_by_label("Data set").locator("visible=true").click()
    page.get_by_role("option", name=re.compile("Drawn reviews")).first.click()
    page.locator("button:visible", has_text="Draw it now").click()
    expect(page.locator(".lab-review:visible")).to_have_count(6)
    # Both ways to turn a text into numbers, while it is written.
    expect(page.locator(".lab-tokens:visible")).to_have_count(2)
    page.get_by_label("A text, to be changed as you like").fill("An unbelievable film zzyzx")
    expect(page.locator(".lab-token.unknown:visible")).to_contain_text(["zzyzx"])
    expect_legible(page, "IMDB, 1 Data")
    step(page, "2 Find a rate")
    expect_legible(page, "IMDB, 2 Find a rate")

    step(page, "3 Train")
    choose(page, "What to train", "Language model: one stage, from the form below")
    train_once(page, length=32, layers="Frozen")
    choose(page, "What to train", "Classifier: one stage, from the form below")
    page.get_by_label("Start from").locator("visible=true").click()
    page.get_by_role("option", name=re.compile("Language model")).locator("visible=true").click()
    train_once(page, length=32, layers="Frozen")
    expect_legible(page, "IMDB, 3 Train")

    step(page, "4 Results")
    expect(page.locator(".lab-review:visible")).to_have_count(3)
    expect(page.get_by_text("How far the probabilities can be trusted")).to_be_visible()
    expect_legible(page, "IMDB, 4 Results")

    step(page, "5 Try it")
    page.get_by_label("A text of your own").press_sequentially("I liked this film", delay=30)
    expect(page.locator(".lab-verdict:visible")).to_be_visible()
    expect(page.locator("[data-testid=highlighted-text]:visible")).to_contain_text("liked")
    expect_legible(page, "IMDB, Judge a text")
    step(page, "Finish a sentence")
    page.get_by_role("button", name="Write on").click()
    expect(page.get_by_text(re.compile("^Before: "))).to_be_visible()
    expect(page.get_by_text(re.compile("^After: "))).to_be_visible()
    expect_legible(page, "IMDB, Finish a sentence")

    step(page, "A table of texts")
    table = tmp_path / "mine.csv"
    rows = [f'{"glad" if number % 2 else "sad"};"Sentence {number}; with a semicolon"\n' for number in range(20)]
    table.write_text("mood;text\n" + "".join(rows))
    page.locator(".tabitem:visible input[type=file]").last.set_input_files(table)
    page.get_by_role("button", name="Judge them").click()
    expect(page.locator(".lab-answers:visible tbody tr")).to_have_count(20)
    expect_legible(page, "IMDB, A table of texts")

    # The same table as a data set of one's own.
    step(page, "1 Data")
    page.get_by_role("link", name="Bring data of your own").click()
    bring(page, table)
    expect(page.get_by_label("Column with the labels").locator("visible=true")).to_have_value("mood")
    expect_legible(page, "Your data, a table of texts")
    keep(page, "My moods")
    expect(page.get_by_text("2 classes: glad, sad")).to_be_visible()
    expect(page.locator(".lab-review:visible").first).to_contain_text("with a semicolon")

    page.set_viewport_size({"width": 390, "height": 844})
    for name in ("1 Data", "3 Train", "4 Results", "5 Try it"):
        step(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") == 390, name
    assert page.problems == []
    request.node.failed = False


def test_a_model_that_comes_with_the_app_is_looked_at_offered_and_tried(
    page, address: str, request: pytest.FixtureRequest
):
    request.node.failed = True
    visit(page, "Models")
    expect(page.locator(".lab-model:visible")).to_have_count(len(TASKS))
    page.locator(".lab-model:visible", has_text="IMDB").click()
    expect(page.locator('.lab-model[aria-pressed="true"]')).to_have_count(1)
    expect(page.locator(".lab-card:visible")).to_contain_text("sample-imdb")
    page.get_by_role("button", name="Its card").click()
    expect(page.locator(".lab-model-card.prose:visible").first).to_contain_text("The data's terms")
    page.get_by_role("button", name="Publish it on the Hugging Face Hub").click()
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Say what it shall be called on the Hub")).to_be_visible()
    page.get_by_label("Name on the Hub").fill("my-first-model")
    page.get_by_role("button", name="What would be sent").click()
    expect(page.locator(".lab-table:visible")).to_contain_text("model.safetensors")
    page.locator("input[type=password]:visible").first.fill("hf_NobodyMaySeeThis")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator(".lab-note.bad:visible")).to_contain_text("Could not publish my-first-model")
    expect(page.locator("input[type=password]:visible").first).to_have_value("")
    assert "hf_NobodyMaySeeThis" not in page.content()
    expect_legible(page, "Models, one of them")

    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_role("link", name="Try it", exact=True).locator("visible=true").click()
    expect(chosen_tabs(page)).to_contain_text(["5 Try it"])
    model = page.get_by_label("Model").locator("visible=true")
    expect(model).to_have_value(re.compile("^Sample · "))
    model.focus()
    expect(page.locator("[role=listbox]:visible")).to_have_count(1)
    page.keyboard.press("Tab")
    expect(page.locator("[role=listbox]:visible")).to_have_count(0)
    page.locator(".lab-example:visible").first.click()
    expect(page.locator(".lab-verdict:visible")).to_contain_text("Positive")
    page.get_by_role("button", name="Use it from a program").locator("visible=true").click()
    expect(page.locator(".cm-content:visible").last).to_contain_text(f"{address}/gradio_api/call/imdb")
    page.get_by_role("tab", name="MCP", exact=True).locator("visible=true").click()
    expect(page.locator(".cm-content:visible").last).to_contain_text(f'"{address}/gradio_api/mcp/"')
    assert page.problems == [] and page.outside == []
    request.node.failed = False


def choose(page, label: str, option: str) -> None:
    """Take an option of the list that is in sight."""
    page.get_by_label(label).locator("visible=true").click()
    page.get_by_role("option", name=option).locator("visible=true").click()


def train_once(page, *, length: int, layers: str) -> None:
    """One epoch of the form's stage on the beginnings of some texts."""
    samples = page.get_by_label("Training samples").and_(page.locator(":visible"))
    if not samples.count():
        page.get_by_role("button", name="More knobs").locator("visible=true").click()
    samples.fill("96")
    page.get_by_role("radio", name=re.compile(layers)).locator("visible=true").check()
    set_number(page, "Length of a text (tokens)", length)
    set_number(page, "Epochs", 1)
    page.get_by_role("radio", name="fp32").locator("visible=true").check()
    before = page.locator(".lab-live:visible strong").all_inner_texts()
    page.get_by_role("button", name="Start", exact=True).locator("visible=true").click()
    expect(page.locator(".lab-live:visible strong")).not_to_have_text(before[0] if before else "none")
    expect(page.locator(".lab-live:visible .lab-pill")).to_have_text("finished")


def test_the_address_says_which_step_is_open(page, address: str, request: pytest.FixtureRequest):
    request.node.failed = True
    page.locator(".lab-task-card", has_text="Planet").click()
    expect(page).to_have_url(f"{address}/planet#data")
    expect(page).to_have_title("Planet · Lesson 3 Lab")
    step(page, "5 Try it")
    expect(page).to_have_url(f"{address}/planet#try")
    visit(page, "Models")
    expect(page).to_have_url(f"{address}/models")
    page.go_back()
    expect(chosen_tabs(page)).to_have_text("5 Try it")
    page.go_back()
    expect(chosen_tabs(page)).to_have_text("1 Data")
    page.go_forward()
    expect(chosen_tabs(page)).to_have_text("5 Try it")

    page.goto(f"{address}/camvid#data")
    choose(page, "Data set", "CamVid, tiramisu")
    expect(
        page.locator(".lab-card:visible", has_text="the set that papers compare on")
    ).to_be_visible()  # it is noted by then
    page.reload()
    expect(chosen_tabs(page)).to_have_text("1 Data")
    expect(page.get_by_label("Data set").locator("visible=true")).to_have_value("CamVid, tiramisu")

    page.goto(f"{address}/planet")
    for name in ("rate", "try"):
        page.goto(f"{address}/planet#{name}")
        expect(page).to_have_url(f"{address}/planet#{name}")
    expect(chosen_tabs(page)).to_have_text("5 Try it")
    page.evaluate("history.back(); setTimeout(() => history.back(), 120)")  # perhaps before the page is there
    expect(chosen_tabs(page)).to_have_text("1 Data")
    expect(page).to_have_url(f"{address}/planet#data")
    page.goto(f"{address}/planet#no-such-step")
    expect(chosen_tabs(page)).to_have_text("1 Data")
    expect(page).to_have_url(f"{address}/planet#data")

    page.problems.clear()  # pages that left broke off their open requests and said so
    # What is set up and not yet started is there again when one comes back.
    step(page, "3 Train")
    set_number(page, "Epochs", 7)
    page.get_by_label("Learning rate").first.fill("2e-5, 2e-3")
    page.get_by_label("Learning rate").first.press("Tab")
    visit(page, "Models")
    visit(page, "Planet")
    step(page, "3 Train")
    expect(number(page, "Epochs")).to_have_value("7")
    expect(page.get_by_label("Learning rate").first).to_have_value("2e-5, 2e-3")
    expect(page.get_by_label("A slice: slower for the earliest layers")).to_be_checked()

    page.goto(f"{address}/?__theme=dark")
    visit(page, "Planet")
    expect(page).to_have_url(f"{address}/planet?__theme=dark#data")
    page.goto(f"{address}/planet?model=gone&__theme=dark#try")
    expect(page.get_by_text("There is no model 'gone' here any more")).to_be_visible()
    step(page, "4 Results")
    expect(page).to_have_url(f"{address}/planet?model=gone&__theme=dark#results")
    page.get_by_role("button", name="Why this step").locator("visible=true").click()
    expect(page).to_have_url(f"{address}/planet?__theme=dark#results")
    request.node.failed = False


@pytest.mark.parametrize("page", [{"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}], indirect=True)
def test_nothing_sticks_out_of_a_phone_in_the_dark(page, request: pytest.FixtureRequest):
    request.node.failed = True
    expect(page.get_by_text("CPU cores")).to_be_visible()

    def width() -> int:
        return page.evaluate("document.documentElement.scrollWidth")

    assert page.evaluate("document.body.classList.contains('dark')")
    assert width() == 390
    for task in ("Planet", "CamVid", "Head centres", "IMDB"):
        visit(page, task)
        for name in ("1 Data", "2 Find a rate", "3 Train", "4 Results", "5 Try it"):
            step(page, name)
            expect(page.locator(".lab-lesson:visible")).to_have_count(1)
            assert width() == 390, f"{task}, {name}"
    assert page.problems == []
    request.node.failed = False


def take_photo(page) -> None:
    """Open the camera that is in sight, and press its button once it shows something: before that a press is lost."""
    page.get_by_text("Click to Access Webcam").locator("visible=true").click()
    page.wait_for_function("[...document.querySelectorAll('video')].some(v => v.offsetParent && v.videoWidth)")
    page.get_by_role("button", name="capture photo").locator("visible=true").click()


def chosen_tabs(page):
    return page.locator("[role=tab][aria-selected=true]:visible")
