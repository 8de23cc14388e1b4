"""How handlers are joined to the page: quiet polls, told errors, lesson texts, and what several panels must share."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import gradio as gr

from engine.errors import EngineError
from engine.task import Task
from tabs.components.markup import note, text
from tabs.components.models import FRESH, start_choices
from tabs.components.opened import dataset_title, run_choices
from tabs.components.paths import without_paths
from tabs.views.view import View

P = ParamSpec("P")
R = TypeVar("R")
LESSONS = Path(__file__).parent.parent.parent / "assets" / "lessons"

# A poll must be neither seen nor held up by others; an action shows that it is under way.
POLL: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": None, "api_visibility": "private"}
ACTION: dict[str, Any] = {"show_progress": "minimal", "api_visibility": "private"}
# Forward passes share one line, so that a class of thirty does not start thirty at once.
PREDICT: dict[str, Any] = {**ACTION, "concurrency_limit": 2, "concurrency_id": "predict"}
# What holds its place for minutes has a line of its own, or two cameras would keep everybody else from predicting.
STREAM: dict[str, Any] = {**POLL, "concurrency_limit": 4, "concurrency_id": "camera"}
# Judging a whole split takes minutes: one at a time, and nobody who predicts waits for it.
RANK: dict[str, Any] = {**ACTION, "concurrency_limit": 1, "concurrency_id": "rank"}
BATCH: dict[str, Any] = {**ACTION, "show_progress": "full", "concurrency_limit": 1, "concurrency_id": "batch"}

PAUSE_MILLISECONDS = 350

CLICK_RATE = """
const rateAt = (area, x) => {
  const box = area.getBoundingClientRect();
  const share = Math.min(1, Math.max(0, (x - box.left) / box.width));
  const low = Math.log10(+area.dataset.low), high = Math.log10(+area.dataset.high);
  return [share, 10 ** (low + share * (high - low))];
};
element.addEventListener('click', event => {
  const area = event.target.closest('.area[data-log="1"]');
  if (area) trigger('select', {rate: rateAt(area, event.clientX)[1]});
});
element.addEventListener('pointermove', event => {
  const area = event.target.closest('.area[data-log="1"]');
  if (!area) return;
  let line = area.querySelector('.cursor');
  if (!line) { line = document.createElement('div'); line.className = 'cursor'; area.append(line); }
  const [share, rate] = rateAt(area, event.clientX);
  line.style.left = 100 * share + '%';
  line.dataset.rate = rate.toExponential(1).replace('e+', 'e');
});
"""
CLICK_CHOICE = """
element.addEventListener('click', event => {
  const chosen = event.target.closest('[data-choice]');
  if (chosen) trigger('select', {choice: chosen.dataset.choice});
});
"""
CLICK_PLACE = """
element.addEventListener('click', event => {
  const box = event.target.closest('.lab-pointed')?.getBoundingClientRect();
  if (box) trigger('select', {x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height});
});
"""
# Gradio's lists of choices stay open over the page when the Tab key leaves them; one more blur closes them.
CLOSE_LISTS = """
() => { document.addEventListener('focusout', event => {
  if (event.target.matches('[role=combobox], [role=listbox]'))
    setTimeout(() => event.target !== document.activeElement && event.target.dispatchEvent(new FocusEvent('blur')), 50);
}); }
"""
# The address says which tab and step are open, "#camvid/train": a reload stays there, Back goes back, and a link can name one.
KEEP_PLACE = """
() => {
  const shown = where => [...document.querySelectorAll(where + ' [role=tab]')].filter(tab => tab.offsetParent);
  const chosen = where => shown(where).find(tab => tab.matches('[aria-selected=true]'))?.dataset.tabId;
  const place = () => [chosen('#lab-tabs'), chosen('.lab-steps')].filter(Boolean).join('/');
  const open = (where, id) => {
    if (!id || chosen(where) === id) return true;
    shown(where).find(tab => tab.dataset.tabId === id)?.click();
    return false;
  };
  let heard = null, tries = 0, isThere = true, later;
  const keep = () => {
    const [here, said] = [place(), location.hash.slice(1) || 'home'];
    if (tries || location.hash !== heard || !here || here === said) return;  // or a new address is about to be gone to
    history[isThere && !here.startsWith(said + '/') ? 'pushState' : 'replaceState'](null, '', '#' + here);
    heard = location.hash;
    isThere = true;
  };
  const changed = () => { clearTimeout(later); later = setTimeout(keep, 150); };
  const go = async () => {
    const isUnderWay = tries > 0;
    tries = 60;
    if (isUnderWay) return;  // it reads the address anew
    for (isThere = false; tries > 0 && !isThere; tries--) {
      const [task, step] = location.hash.slice(1).split('/');
      isThere = open('#lab-tabs', task || 'home') && open('.lab-steps', step);
      if (!isThere) await new Promise(done => setTimeout(done, 50));
    }
    [tries, heard] = [0, location.hash];
    changed();
  };
  document.addEventListener('click', event => {  // somebody's own choice ends a search
    if (event.isTrusted && event.target.closest('[role=tab]')) tries = Math.min(tries, 1);
  }, true);
  new MutationObserver(changed).observe(document.getElementById('lab-tabs'), {subtree: true, attributeFilter: ['aria-selected']});
  addEventListener('hashchange', go);
  go();
}
"""
CLICK_ENLARGE = """
element.addEventListener('click', event => event.target.closest('.lab-figure')?.classList.toggle('large'));
"""


def tells_errors(handler: Callable[P, R]) -> Callable[P, R]:
    """A handler whose `EngineError`s are told to the user in a toast; bugs go through."""

    @functools.wraps(handler)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return handler(*args, **kwargs)
        except EngineError as error:
            raise gr.Error(without_paths(error), title="That did not work", print_exception=False) from None

    return told


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


def picked(runs: list[str], run: str, chosen: str | None) -> Any:
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
    line = gr.HTML(data_line(""))
    opened.change(data_line, opened, line, **POLL)


def build_overlay_slider(view: View, panel_id: str, value: int) -> None:
    """A slider for how strong what lies over a panel's pictures is; nothing where nothing does."""
    if view.overlay:
        slider = gr.Slider(0, 100, value=value, step=1, label=f"How strong the {view.overlay} is", buttons=[])
        slider.input(None, slider, None, js=set_css_variable(panel_id, "--mask-opacity"))


def after_pause(name: str, dims: str = "") -> str:
    """JavaScript for a live handler: it waits until nobody has typed for a moment, and drops what was overtaken.

    Meanwhile the element whose id is `dims` is dimmed, until `undim` is run: what stands there is of another input.
    """
    dim = f"document.getElementById('{dims}')?.classList.add('lab-stale'); " if dims else ""
    return (
        f"(...values) => new Promise(go => {{ {dim}clearTimeout(window.pause_{name}); "
        f"window.pause_{name} = setTimeout(() => go(values), {PAUSE_MILLISECONDS}); }})"
    )


def undim(dims: str) -> str:
    """JavaScript that ends what `after_pause` began."""
    return f"() => {{ document.getElementById('{dims}')?.classList.remove('lab-stale'); }}"


def set_css_variable(panel: str, variable: str, *, whole: int = 100) -> str:
    """JavaScript for a slider (0 to `whole`) that sets a share on a panel: no server is asked."""
    return f"(value) => {{ document.getElementById('{panel}').style.setProperty('{variable}', value / {whole}); }}"
