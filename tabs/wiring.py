"""How handlers are joined to the page: quiet polls, told errors, lesson texts, and what several panels must share."""

import functools
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

import gradio as gr

from engine.errors import EngineError
from engine.runs.fetches import FETCHES
from engine.runs.queue import anything_under_way
from engine.task import Task
from tabs.door.paths import APP, without_paths
from tabs.drawing.markup import LOADING, note, text
from tabs.reading.models import FRESH, start_choices
from tabs.reading.opened import dataset_title, run_choices
from tabs.scripts import called, script

P = ParamSpec("P")
R = TypeVar("R")
N = TypeVar("N", bound=tuple[Any, ...])
LESSONS = APP / "assets" / "lessons"

# For each event, the page renews the state of every component that has ever shown progress, even hidden progress.
QUIET: dict[str, Any] = {"show_progress": "hidden", "show_progress_on": []}
# A poll must be neither seen nor held up by others; an action shows that it is under way.
POLL: dict[str, Any] = {**QUIET, "concurrency_limit": None, "api_visibility": "private"}
ACTION: dict[str, Any] = {"show_progress": "minimal", "api_visibility": "private"}
# Forward passes share one line, so that a class of thirty does not start thirty at once. One at a time has the device; the
# others read their pictures meanwhile.
PREDICT: dict[str, Any] = {**ACTION, "concurrency_limit": 6, "concurrency_id": "predict"}
# Frames of cameras have a line of their own, or whoever shows themselves would keep everybody else from predicting.
FRAME: dict[str, Any] = {**POLL, "concurrency_limit": 2, "concurrency_id": "camera"}
# Judging a whole split takes minutes: one at a time, and nobody who predicts waits for it.
RANK: dict[str, Any] = {**ACTION, "concurrency_limit": 1, "concurrency_id": "rank"}
BATCH: dict[str, Any] = {**ACTION, "show_progress": "full", "concurrency_limit": 1, "concurrency_id": "batch"}

PAUSE_MILLISECONDS = 350


def tells_errors(handler: Callable[P, R]) -> Callable[P, R]:
    """A handler whose `EngineError`s are told to the user in a toast; bugs go through."""

    @functools.wraps(handler)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return handler(*args, **kwargs)
        except EngineError as error:
            raise gr.Error(without_paths(error), title="That did not work", print_exception=False) from None

    return told


def polls(timer: gr.Timer, poll: Callable[..., tuple[Any, ...]], inputs: list[Any], shown: tuple[Any, ...]) -> None:
    """At each tick `poll` what is `shown`. The timer rests once nothing is under way that could change it."""

    def tick(*values: Any) -> list[Any]:
        return [*flat(poll(*values)), gr.skip() if is_busy() else gr.Timer(active=False)]

    timer.tick(tick, inputs, [*flat(shown), timer], **POLL)


def wakes(timer: gr.Timer, step: str, actions: Iterable[Any] = ()) -> None:
    """The timer runs again after the `actions`, such as a start, and when somebody comes back to the page, at this step."""
    waker = gr.HTML(js_on_load=script("awake"), elem_classes="lab-waker")
    for event in (waker.select, *(action.then for action in actions)):
        event(None, None, timer, js=called("wake", step), **POLL)


def is_busy() -> bool:
    """Whether a run waits or trains, or data are fetched."""
    return anything_under_way() or FETCHES.is_busy()


def skipped(named: type[N]) -> N:
    """Updates of that kind that change nothing."""
    return named(*(gr.skip() for _ in getattr(named, "_fields")))  # noqa: B009 (every `NamedTuple` has them)


def flat(named: tuple[Any, ...]) -> list[Any]:
    """The values of named updates one after the other, of those inside them too.

    A `NamedTuple` that holds a panel's components, one in each field, is what its handlers write to; the same one holds what
    they write. So a component more is a field more, and whoever leaves it out, here or there, hears of it at once.
    """
    return [part for value in named for part in (flat(value) if isinstance(value, tuple) else [value])]


def html_or_reason(make: Callable[[], str]) -> str:
    """HTML from `make`, or the `EngineError`'s own words in its place."""
    try:
        return make()
    except EngineError as error:
        return note(without_paths(error), "bad")


def lesson_text(task: Task, step: str) -> str:
    """The lesson's words for one step, or nothing where there is no text."""
    path = LESSONS / task.lesson / f"{step}.md"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def build_lesson(task: Task, step: str) -> None:
    """The lesson's words, folded under a heading."""
    words = lesson_text(task, step)
    if words:
        with gr.Accordion("Why this step", open=False, elem_classes="lab-lesson"):
            gr.Markdown(words)


def as_state(component: Any) -> gr.State:
    """A component's value as a state, where several functions have to hear that it changed.

    When one listener of a component's event has to wait for its last run, Gradio's page repeats every listener of that event
    and not that one alone; two such rounds that overlap go on for ever. A state's listeners are called one by one.
    """
    value = gr.State(component.value)
    component.change(lambda value: value, component, value, **POLL)
    return value


def counted(event: Any) -> gr.State:
    """How often an event happened, as a state: the same for what has no value, such as a tab that is opened."""
    count = gr.State(0)
    event(lambda count: count + 1, count, count, **POLL)
    return count


def build_code() -> gr.Code:
    """The folded-away program under an action."""
    with gr.Accordion("Show the code", open=False, elem_classes="lab-code"):
        return gr.Code(language="python", interactive=False, show_label=False)


def build_start_picker() -> gr.Dropdown:
    """Where a run's weights come from."""
    info = "A trained run whose weights to go on from, for example the language model behind a classifier."
    return build_run_picker("Start from", [FRESH], "", info=info)


def build_run_picker(
    label: str, choices: list[tuple[str, str]] | None = None, value: str | None = None, *, info: str | None = None
) -> gr.Dropdown:
    """A list of runs. Its choices change while people look, so that a name it does not list yet must be no error."""
    return gr.Dropdown(
        choices or [],
        value=value,
        label=label,
        info=info,
        allow_custom_value=True,
        min_width=260,
        elem_classes="lab-runs",
    )


def picked(runs: list[str], run: str | None, chosen: str | None) -> Any:
    """A picker's choices, and its value only where that has to change: a poll must not undo what somebody just picked."""
    choices = run_choices(runs)
    return gr.update(choices=choices) if run == chosen else gr.update(choices=choices, value=run)


def offer_starts(task: Task, init_from: gr.Dropdown, tab: gr.Tab) -> None:
    """Keep "Start from" up to date: whenever its step is opened, and whenever somebody looks into it."""
    gr.on([tab.select, init_from.focus], lambda: gr.update(choices=start_choices(task)), None, init_from, **POLL)


def data_line(opened: str) -> str:
    """Which data set a step would use."""
    if not opened:
        return note("No data set is open. Choose one in the first step.", "warn")
    return f'<p class="lab-small">Data set: {text(dataset_title(opened))}</p>'


def build_data_line(opened: gr.State) -> None:
    """The line that says which data set a step would use."""
    line = gr.HTML(LOADING)
    opened.change(data_line, opened, line, **POLL)


def build_overlay_slider(overlay: str, panel_id: str, value: int) -> None:
    """A slider for how strong the `overlay` over a panel's pictures is ("mask"); nothing where it is ""."""
    if overlay:
        slider = gr.Slider(0, 100, value=value, step=1, label=f"How strong the {overlay} is", buttons=[])
        slider.input(None, slider, None, js=called("set-share", panel_id, "--mask-opacity", 100))
