"""Home: what this is, what the machine has, what is on disk, what is running."""

import os
from typing import Any, NamedTuple

import gradio as gr

from engine.data.sources.fetching import Source, get_source, may_fetch
from engine.errors import EngineError
from engine.host.access import asker, visitor_limits
from engine.host.home import HOME_NOTE, free_space, home
from engine.runs.devices import card_warning
from engine.runs.fetches import FETCHES
from engine.runs.queue import queue_position
from engine.runs.remarks import in_short
from engine.runs.snapshot import RunSnapshot
from engine.runs.store import find_run
from engine.task import Task
from engine.tasks.registry import get_task
from tabs.door.address import link
from tabs.door.paths import without_paths
from tabs.door.space import has_sign_in
from tabs.drawing.live_run import progress_text, status_pill
from tabs.drawing.markup import LOADING, empty_state, facts, metric_text, note, text
from tabs.panels.dataset_picker import fetch_label, fetch_line
from tabs.panels.people_form import build_people_form
from tabs.panels.teach import build_teach
from tabs.reading.heavy import IMPORTING
from tabs.reading.opened import owner_name, remarks_of, run_time, run_title, runs_of, snapshot_of, spec_of
from tabs.views.registry import view_of
from tabs.wiring import ACTION, POLL, flat, polls, skipped, tells_errors, wakes

SHOWN_RUNS = 8
WELCOME = """
<section class="lab-hero">
  <h1>Lesson 3 Lab</h1>
  <p>Do fast.ai's third lesson instead of reading it: look at the data, find a learning rate, train the head, unfreeze,
  train again at a higher resolution, see what is still wrong, and try the model on something of your own. Everything
  runs on this machine, and every button shows the Python behind it.</p>
</section>
"""
FORGETFUL = "This page may forget data, runs and models when it restarts: publish or download what you want to keep."
RUNS = f'<h3>Runs</h3><p class="lab-small"><a class="lab-go" href="{link("compare")}">Compare runs →</a></p>'
NO_RUNS = empty_state("Nothing has been trained yet", "Open a task, look at its data, and start with “Find a rate”.")


def show_machine() -> str:
    """Device, memory, cores and number formats; imports torch, so the first call takes a while."""
    with IMPORTING:
        from engine.host.machine import describe_machine

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
    notes = note(said if is_host else FORGETFUL, "warn") if said else ""
    cards = card_warning()
    return f'<div class="lab-card">{listed}{notes}{note(cards, "warn") if cards else ""}</div>'


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
    """A card for each task, which opens its page."""
    cards = "".join(
        f'<a class="lab-task-card" href="{link(task.name)}"><strong>{text(task.title)}</strong>'
        f"<span>{text(task.question)}</span><em>Open →</em></a>"
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
    """The data sets, task by task, each where it comes first."""
    return [get_source(name) for name in dict.fromkeys(name for task in tasks for name in task.datasets)]


class SourceRow(NamedTuple):
    """What shows for a data set: where it stands, and the button that fetches it."""

    line: Any
    button: Any


class SourcesPolled(NamedTuple):
    """What a poll may change: a row for each of the `listed_sources`, in their order."""

    rows: tuple[SourceRow, ...]
    seen: Any


def poll_sources(tasks: tuple[Task, ...], seen: str) -> SourcesPolled:
    """How each data set stands; nothing changes where that is what was `seen`."""
    sources = listed_sources(tasks)
    lines = [show_source(source) for source in sources]
    now = "".join(lines)
    if now == seen:
        return SourcesPolled(rows=tuple(skipped(SourceRow) for _ in sources), seen=gr.skip())
    rows = (
        SourceRow(
            line=line,
            button=gr.update(
                visible=may_fetch(source.name) and FETCHES.state(source.name).status in ("absent", "failed")
            ),
        )
        for source, line in zip(sources, lines, strict=True)
    )
    return SourcesPolled(rows=tuple(rows), seen=now)


@tells_errors
def start_fetch(name: str) -> None:
    """Begin to fetch a data set in the background."""
    FETCHES.start(get_source(name).name)


class RunsPolled(NamedTuple):
    """What a poll may change: the newest runs, and what was seen of them."""

    runs: Any
    seen: Any


def poll_runs(seen: str) -> RunsPolled:
    """The newest runs with how they stand; nothing changes where that is what was `seen`."""
    html = show_runs()
    return skipped(RunsPolled) if html == seen else RunsPolled(runs=html, seen=html)


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
        position, spec = queue_position(find_run(run)), spec_of(run)
        shown_at = link(spec.task, "rate" if spec.job == "lr-find" else "train", run=run)
        share, line = (
            progress_text(snapshot) if snapshot.status in ("running", "queued") else (0.0, last_figures(run, snapshot))
        )
        bar = f'<span class="thin"><span style="width:{100 * max(share, 0):.0f}%"></span></span>' if share > 0 else ""
        rows.append(
            f'<a class="lab-run" href="{text(shown_at)}">{status_pill(snapshot, position)}'
            f"<strong>{text(run_title(run))}</strong><small>{text(run_time(run))} {text(owner_name(spec.owner))}</small>"
            f'<span class="line">{text(line)}</span>{bar}</a>'
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


def build_home(tasks: tuple[Task, ...], page: gr.Blocks) -> None:
    """The page's components, wired."""
    timer = gr.Timer(2)
    gr.HTML(WELCOME)
    rights = gr.HTML()
    build_people_form(page)
    gr.HTML(show_tasks(tasks))
    build_teach(page)
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            gr.HTML(RUNS)
            runs = RunsPolled(runs=gr.HTML(LOADING), seen=gr.State(""))
            gr.HTML("<h3>This machine</h3>")
            machine = gr.HTML(LOADING)
        with gr.Column(scale=2, min_width=320):
            gr.HTML("<h3>Data on this machine</h3>")
            rows, fetching = _build_sources(tasks)
            sources = SourcesPolled(rows=rows, seen=gr.State(""))

    def poll(runs_seen: str, sources_seen: str) -> tuple[Any, ...]:
        return poll_runs(runs_seen), poll_sources(tasks, sources_seen)

    seen, shown = [runs.seen, sources.seen], (runs, sources)
    page.load(lambda *values: flat(poll(*values)), seen, flat(shown), **POLL)
    polls(timer, poll, seen, shown)
    wakes(timer, "", fetching)
    page.load(show_machine, None, machine, **POLL)
    page.load(show_rights, None, rights, **POLL)


def _build_sources(tasks: tuple[Task, ...]) -> tuple[tuple[SourceRow, ...], list[Any]]:
    """A row for each data set, and what begins to fetch them."""
    built, fetching, shown = [], [], set[str]()
    for task in tasks:
        own = [source for source in listed_sources((task,)) if source.name not in shown]
        shown.update(source.name for source in own)
        if own:
            gr.HTML(f"<h4>{text(task.title)}</h4>")
        for source in own:
            with gr.Row(elem_classes="lab-source-row"):
                line = gr.HTML(show_source(source))
                is_here = FETCHES.state(source.name).status == "ready"
                button = gr.Button(fetch_label(source.name), size="sm", visible=not is_here, scale=0, min_width=130)
            fetching.append(button.click(lambda name=source.name: start_fetch(name), None, None, **ACTION))
            built.append(SourceRow(line=line, button=button))
    return tuple(built), fetching
