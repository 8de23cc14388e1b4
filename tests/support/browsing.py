"""What a person does on the page, as one line each."""

import re

import pytest

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


def draw_and_train(page, task: str, drawn: str, stage: str) -> None:
    """Draw the task's data set and train its head for one epoch."""
    visit(page, task)
    page.get_by_label("Data set").locator("visible=true").click()
    page.get_by_role("option", name=re.compile(drawn)).first.click()
    page.locator("button:visible", has_text="Draw it now").click()
    expect(page.locator(".lab-card .lab-pill:visible")).to_have_text("on this machine")
    expect(page.locator(".lab-questions li:visible")).to_have_count(6)
    step(page, "3 Train")
    set_number(page, "Resolution (px)", int(stage.rpartition("-")[2]))
    set_number(page, "Epochs", 1)
    page.get_by_role("radio", name="fp32").locator("visible=true").check()
    page.get_by_role("button", name="Start", exact=True).locator("visible=true").click()
    expect(page.locator(".lab-live:visible .lab-pill")).to_have_text("finished")
    expect(page.locator(".lab-table:visible")).to_contain_text(stage)


def visit(page, name: str) -> None:
    """Follow a link on top to another page. What the one that leaves says of its open requests is nobody's problem."""
    problems = list(page.problems)
    page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()
    expect(page.locator("nav a[aria-current=page]")).to_have_text(name)
    page.problems[:] = problems


def step(page, name: str) -> None:
    page.get_by_role("tab", name=name).locator("visible=true").click()


def number(page, label: str):
    return page.get_by_label(f"number input for {label}").and_(page.locator(":visible"))


def set_number(page, label: str, value: int) -> None:
    number(page, label).fill(str(value))
    number(page, label).press("Tab")


def expect_quiet(page, seconds: float = 3) -> None:
    """The page asks the server for nothing any more, soon after nothing is under way."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for _ in range(20):
        asked.clear()
        page.wait_for_timeout(1000 * seconds)
        if not asked:
            return
    raise AssertionError(f"the page goes on asking: {asked}")


def bring(page, *files, selector: str = "input.files") -> None:
    """Bring files on the page "Your data", and wait until it has looked at them."""
    from playwright.sync_api import expect

    page.locator(selector).set_input_files([str(file) for file in files] if len(files) > 1 else str(files[0]))
    expect(page.locator(".lab-account:visible, .lab-note:visible").first).to_be_visible()
    expect(page.locator(".lab-drop-said")).to_have_text("")


def keep(page, name: str) -> None:
    """Keep what was brought under a name, and open it where it belongs."""
    page.get_by_label("Its name").first.fill(name)
    from playwright.sync_api import expect

    page.get_by_role("button", name="Keep it as a data set").click()
    expect(page.get_by_text("Nothing brought yet")).to_be_visible()
    page.locator(".lab-card .lab-go").first.click()
