"""Every text on the page is large enough and stands out from its ground, by day and by night."""

import shutil
from pathlib import Path

import pytest
from browsing import draw_and_train, step, visit

SUPPORT = Path(__file__).parents[1] / "support"
SMALLEST = 12.5  # pixels
CONTRAST, CONTRAST_OF_LARGE = 4.5, 3.0  # WCAG 2.2, 1.4.3 at level AA
FOLDED = "button.label-wrap:not(.open):visible"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        shutil.which("chromium") is None, reason="no chromium on this machine: apt-get install chromium"
    ),
]
expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


def hard_to_read(page, where: str) -> list[str]:
    """The texts in sight that are too small or too pale, with where they are."""
    page.add_style_tag(content="* { transition: none !important }")  # a colour on its way is neither theme's
    folds = page.locator(FOLDED)
    while folds.count():
        before = folds.count()
        folds.first.click()
        expect(folds).not_to_have_count(before)
    found = []
    for theme in ("light", "dark"):
        page.evaluate("isDark => document.body.classList.toggle('dark', isDark)", theme == "dark")  # as Gradio does
        seen = page.evaluate((SUPPORT / "legible.js").read_text("utf-8"))
        assert seen, f"{where}: no text was found"
        found += [
            f"{where}, {theme}: {text['text']!r} has {text['size']:g} px and a contrast of {text['contrast']:.2f}:1 "
            f"({text['path']})"
            for text in seen
            if text["size"] < SMALLEST or text["contrast"] < (CONTRAST_OF_LARGE if text["isLarge"] else CONTRAST)
        ]
    return found


def test_every_text_can_be_read(page, request: pytest.FixtureRequest):
    request.node.failed = True
    expect(page.get_by_text("CPU cores")).to_be_visible()
    found = hard_to_read(page, "Home, before anything")
    draw_and_train(page, "Planet", "Drawn chips", "frozen-64")
    for name in ("1 Data", "2 Find a rate", "3 Train", "4 Results"):
        step(page, name)
        expect(page.locator(".lab-lesson:visible")).to_have_count(1)
        if name == "4 Results":
            expect(page.locator(".lab-tags:visible").first).to_be_visible()
        found += hard_to_read(page, f"Planet, {name}")
    step(page, "5 Try it")
    page.locator(".lab-offered:visible button").first.click()
    expect(page.locator(".lab-tag-bars:visible")).to_be_visible()
    found += hard_to_read(page, "Planet, 5 Try it")

    visit(page, "IMDB")
    for name in ("1 Data", "2 Find a rate", "3 Train", "4 Results"):
        step(page, name)
        expect(page.locator(".lab-lesson:visible")).to_have_count(1)
        found += hard_to_read(page, f"IMDB, {name}")
    step(page, "5 Try it")
    page.locator(".lab-example:visible").first.click()
    expect(page.locator(".lab-verdict:visible")).to_be_visible()
    for name in ("Judge a text", "Finish a sentence", "A table of texts"):
        step(page, name)
        found += hard_to_read(page, f"IMDB, 5 Try it, {name}")

    visit(page, "Models")
    page.locator(".lab-model:visible").first.click()
    expect(page.locator('.lab-model[aria-pressed="true"]')).to_have_count(1)
    found += hard_to_read(page, "Models")
    visit(page, "Home")
    expect(page.locator(".lab-run:visible")).to_have_count(1)
    found += hard_to_read(page, "Home, after a run")
    assert not found, "\n".join(dict.fromkeys(found))
    request.node.failed = False
