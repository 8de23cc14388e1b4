"""Home: what this is, what the machine has, what is on disk, what is running."""

import os
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from engine.access import asker, visitor_limits
from engine.data.sources import Source, get_source, may_fetch
from engine.errors import EngineError
from engine.home import HOME_NOTE, free_space, home
from engine.runs.fetches import FETCHES
from engine.runs.queue import queue_position
from engine.runs.remarks import in_short
from engine.runs.snapshot import RunSnapshot
from engine.runs.store import find_run
from engine.task import Task
from engine.tasks.registry import get_task
from tabs.components.data_panel import fetch_label, fetch_line
from tabs.components.heavy import IMPORTING
from tabs.components.live_run import progress_text, status_pill
from tabs.components.markup import empty_state, facts, metric_text, note, text
from tabs.components.opened import owner_name, remarks_of, run_time, run_title, runs_of, snapshot_of, spec_of
from tabs.components.paths import without_paths
from tabs.components.space import has_sign_in
from tabs.components.wiring import ACTION, CLICK_CHOICE, POLL, tells_errors
from tabs.views.registry import view_of

SHOWN_RUNS = 8
WELCOME = """
<section class="lab-hero">
  <h1>Lesson 3 Lab</h1>
  <p>Do fast.ai's third lesson instead of reading it: look at the data, find a learning rate, train the head, unfreeze,
  train again at a higher resolution, see what is still wrong, and try the model on something of your own. Everything
  runs on this machine, and every button shows the Python behind it.</p>
</section>
"""
LOOKING = '<p class="lab-small">Looking …</p>'
FORGETFUL = "This page may forget data, runs and models when it restarts: publish or download what you want to keep."
NO_RUNS = empty_state("Nothing has been trained yet", "Open a task, look at its data, and start with “Find a rate”.")


@dataclass(frozen=True, slots=True, kw_only=True)
class HomePanel:
    """What the page needs of Home: the lists that are clicked, and what polls."""

    tab: gr.Tab
    timer: gr.Timer
    tasks: gr.HTML
    runs: gr.HTML


def show_machine() -> str:
    """Device, memory, cores and number formats; imports torch, so the first call takes a while."""
    with IMPORTING:
        from engine.machine import describe_machine

    machine, is_host = describe_machine(), asker().is_host
    kind = {"cuda": "GPU", "mps": "GPU"}.get(machine.device, "CPU")
    memory = "GPU memory" if machine.device == "cuda" else "Memory"
    listed = facts(
        [
            (kind, machine.name),
            (memory, f"{machine.memory / 2**30:.1f} GiB"),
            ("CPU cores", str(machine.cores)),
            ("Precision", ", ".join(machine.precisions)),
            ("PyTorch", machine.torch_version),
            *([("Everything is kept in", f"{home()} ({free_space() / 2**30:.0f} GiB free)")] if is_host else []),
        ]
    )
    said = os.environ.get(HOME_NOTE, "")
    return f'<div class="lab-card">{listed}{note(said if is_host else FORGETFUL, "warn") if said else ""}</div>'


def show_rights() -> str:
    """For a visitor of a shared page, what they may do; nothing for the host."""
    limits = visitor_limits()
    if asker().is_host:
        return ""
    where = (
        " Sign in under Models to publish under your own account, and to find your runs again from any browser: "
        "before you train, as runs do not move to an account."
        if has_sign_in()
        else ""
    )
    return note(
        "You are a visitor here. Look at everything, try every model, and train: up to "
        f"{limits.minutes:g} minutes at a time, {limits.image_size} pixels or {limits.text_length} tokens, {limits.runs} runs at "
        f"once. Fetching data and deleting are the host's.{where}"
    )


def show_tasks(tasks: tuple[Task, ...]) -> str:
    """A card for each task, which opens its tab."""
    cards = "".join(
        f'<button type="button" class="lab-task-card" data-choice="{text(task.name)}"><strong>{text(task.title)}</strong>'
        f"<span>{text(task.question)}</span><em>Open →</em></button>"
        for task in tasks
    )
    return f'<div class="lab-task-cards">{cards}</div>'


def show_source(source: Source) -> str:
    """One data set: title, where it stands, and the first sentence of what is known of it; the Data step has the rest."""
    first, _, _ = source.note.partition(". ")
    state = FETCHES.state(source.name)
    where = "" if state.status == "absent" else fetch_line(state)  # its button says that it is not here
    return (
        f'<div class="lab-source"><strong>{text(source.title)}</strong>{where}'
        f'<p class="lab-small">{text(first.rstrip("."))}.</p></div>'
    )


def listed_sources(tasks: tuple[Task, ...]) -> list[Source]:
    """The data sets, task by task."""
    return [get_source(name) for task in tasks for name in task.datasets]


def poll_sources(tasks: tuple[Task, ...], seen: str) -> tuple[Any, ...]:
    """For each data set its line and its button; the last value is what was seen."""
    sources = listed_sources(tasks)
    lines = [show_source(source) for source in sources]
    now = "".join(lines)
    if now == seen:
        return (gr.skip(),) * (2 * len(sources) + 1)
    buttons = [
        gr.update(visible=may_fetch(source.name) and FETCHES.state(source.name).status in ("absent", "failed"))
        for source in sources
    ]
    return (*(part for pair in zip(lines, buttons, strict=True) for part in pair), now)


@tells_errors
def start_fetch(name: str) -> None:
    """Begin to fetch a data set in the background."""
    FETCHES.start(get_source(name).name)


def poll_runs(seen: str) -> tuple[Any, Any]:
    """The newest runs with how they stand, and what was seen."""
    html = show_runs()
    return (gr.skip(), gr.skip()) if html == seen else (html, html)


def show_runs() -> str:
    """The newest runs, one a line; a click opens one."""
    found = []
    for run in runs_of():
        try:
            found.append((run, snapshot_of(run)))
        except EngineError:  # deleted meanwhile
            continue
    # What runs or waits comes first, however many have been started since.
    found.sort(key=lambda pair: pair[1].status not in ("running", "queued"))
    rows = []
    for run, snapshot in found[:SHOWN_RUNS]:
        position = queue_position(find_run(run))
        share, line = (
            progress_text(snapshot) if snapshot.status in ("running", "queued") else (0.0, last_figures(run, snapshot))
        )
        bar = f'<span class="thin"><span style="width:{100 * max(share, 0):.0f}%"></span></span>' if share > 0 else ""
        rows.append(
            f'<button type="button" class="lab-run" data-choice="{text(run)}">{status_pill(snapshot, position)}'
            f"<strong>{text(run_title(run))}</strong><small>{text(run_time(run))} {text(owner_name(spec_of(run).owner))}</small>"
            f'<span class="line">{text(line)}</span>{bar}</button>'
        )
    return f'<div class="lab-runs-list">{"".join(rows)}</div>' if rows else NO_RUNS


def last_figures(run: str, snapshot: RunSnapshot) -> str:
    """What a run that has ended came to."""
    if spec_of(run).job == "lr-find":
        return snapshot.reading or "no reading"
    if not snapshot.epoch_rows:
        return without_paths(snapshot.message) or "ended before its first epoch"
    row = snapshot.best_row or snapshot.epoch_rows[-1]
    view = view_of(get_task(spec_of(run).task))
    figures = ", ".join(f"{view.metric_title(name)} {metric_text(name, value)}" for name, value in row.metrics.items())
    epochs = len(snapshot.epoch_rows)
    return f"{epochs} epoch{'s' * (epochs != 1)}; {figures}{in_short(remarks_of(run))}"


def build_home(tasks: tuple[Task, ...], page: gr.Blocks) -> HomePanel:
    """The Home tab's components, wired but for what opens other tabs."""
    with gr.Tab("Home", id="home") as tab:
        # Inside the tab: anything but tabs between tabs confuses the row of their titles.
        timer, seen_runs, seen_sources = gr.Timer(2), gr.State(""), gr.State("")
        gr.HTML(WELCOME)
        rights = gr.HTML()
        task_cards = gr.HTML(show_tasks(tasks), js_on_load=CLICK_CHOICE)
        with gr.Row():
            with gr.Column(scale=3, min_width=320):
                gr.HTML("<h3>Runs</h3>")
                runs = gr.HTML(LOOKING, js_on_load=CLICK_CHOICE)
                gr.HTML("<h3>This machine</h3>")
                machine = gr.HTML(LOOKING)
            with gr.Column(scale=2, min_width=320):
                gr.HTML("<h3>Data on this machine</h3>")
                sources = _build_sources(tasks)
    changing = [page.load, tab.select, timer.tick]
    gr.on(changing, poll_runs, seen_runs, [runs, seen_runs], **POLL)
    parts = [part for pair in sources for part in pair]
    gr.on(changing, partial(poll_sources, tasks), seen_sources, [*parts, seen_sources], **POLL)
    page.load(show_machine, None, machine, **POLL)
    page.load(show_rights, None, rights, **POLL)
    return HomePanel(tab=tab, timer=timer, tasks=task_cards, runs=runs)


def _build_sources(tasks: tuple[Task, ...]) -> list[tuple[gr.HTML, gr.Button]]:
    built = []
    for task in tasks:
        gr.HTML(f"<h4>{text(task.title)}</h4>")
        for source in listed_sources((task,)):
            with gr.Row(elem_classes="lab-source-row"):
                line = gr.HTML(show_source(source))
                is_here = FETCHES.state(source.name).status == "ready"
                button = gr.Button(fetch_label(source.name), size="sm", visible=not is_here, scale=0, min_width=130)
            button.click(lambda name=source.name: start_fetch(name), None, None, **ACTION)
            built.append((line, button))
    return built
