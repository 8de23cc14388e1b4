"""Every text on the page is large enough and stands out from its ground, by day and by night: looked at on the way."""

from pathlib import Path

import pytest

SMALLEST = 12.5  # pixels
CONTRAST, CONTRAST_OF_LARGE = 4.5, 3.0  # WCAG 2.2, 1.4.3 at level AA
FOLDED = "button.label-wrap:not(.open):visible"
UNFOLDED = "button.label-wrap[data-unfolded]:visible"
LOOK = (Path(__file__).parent / "legible.js").read_text("utf-8")
expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


def expect_legible(page, where: str) -> None:
    """No text in sight is too small or too pale, in folds neither; these are folded again."""
    page.add_style_tag(content="* { transition: none !important }")  # a colour on its way is neither theme's
    folds = page.locator(FOLDED)
    while folds.count():
        before = folds.count()
        folds.first.evaluate("fold => { fold.dataset.unfolded = ''; fold.click() }")
        expect(folds).not_to_have_count(before)
    found = []
    for theme in ("dark", "light"):
        page.evaluate("isDark => document.body.classList.toggle('dark', isDark)", theme == "dark")  # as Gradio does
        seen = page.evaluate(LOOK)
        assert seen, f"{where}: no text was found"
        found += [
            f"{where}, {theme}: {text['text']!r} has {text['size']:g} px and a contrast of {text['contrast']:.2f}:1 "
            f"({text['path']})"
            for text in seen
            if text["size"] < SMALLEST or text["contrast"] < (CONTRAST_OF_LARGE if text["isLarge"] else CONTRAST)
        ]
    assert not found, "\n".join(dict.fromkeys(found))
    unfolded = page.locator(UNFOLDED)
    while unfolded.count():  # the innermost first: an outer one would hide it
        unfolded.last.evaluate("fold => { delete fold.dataset.unfolded; fold.click() }")
