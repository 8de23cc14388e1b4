"""The Find-a-rate step: an LR finder run and its curve."""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from engine.errors import EngineError, RunError
from engine.host.access import may_steer
from engine.library.listing import known_model
from engine.recipe import knob_fields
from engine.runs.queue import queue_position, start, stop
from engine.runs.store import RunSpec, find_run
from engine.task import Task
from tabs.door.address import chosen_of
from tabs.door.paths import without_paths
from tabs.drawing.live_run import UNDER_WAY, show_rates, signature
from tabs.drawing.markup import LOADING, empty_state, note
from tabs.panels.kept_form import keep_form, note_form
from tabs.panels.rate_form import build_rate_form, planned_code, planned_finder, restored_finder
from tabs.panels.stage_form import rate_as_text
from tabs.panels.suggested import Suggested, build_suggested, rate_of, suggestion_buttons
from tabs.panels.train import delete_run, may_delete
from tabs.reading.opened import (
    run_choices,
    run_dataset,
    run_title,
    runs_of,
    snapshot_of,
    spec_of,
)
from tabs.scripts import script
from tabs.wiring import (
    ACTION,
    POLL,
    build_code,
    build_lesson,
    build_run_picker,
    flat,
    offer_starts,
    picked,
    polls,
    skipped,
    tells_errors,
    wakes,
)

NOTHING_YET = empty_state(
    "No curve yet",
    "Press “Find a rate”. One batch after the other is trained at a larger rate, from tiny to far too large; "
    "nothing of it stays in the model.",
)
NONE = "none"  # what was seen where there is no run


class RatePolled(NamedTuple):
    """What a poll may change; each field is called as the component is."""

    run: Any
    curve: Any
    suggested: Suggested
    reading: Any
    stopper: Any
    remover: Any
    seen: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePanel:
    """What the page needs of this panel: what polls it, which run it shows and how, and a line for what was taken from it."""

    timer: gr.Timer
    shown: RatePolled
    said: gr.HTML

    @property
    def run(self) -> gr.Dropdown:
        """The picker of runs."""
        return self.shown.run


@tells_errors
def start_finder(task: Task, opened: str, backbone: str, new_channels: str, init_from: str, *settings: Any) -> Any:
    """Queue an LR finder run and show it in the picker."""
    if not opened:
        raise RunError("No data set is open. Choose one in the Data step, and fetch it if it is not here.")
    recipe, steps = planned_finder(task, backbone, new_channels, *settings)
    stage, aim = recipe.stages[0], task.aim(recipe.objective)
    where = "frozen" if stage.is_frozen else "unfrozen"
    unit = dict(knob_fields())[aim.size_knob].unit
    what = f"{aim.title.lower()}, " if recipe.objective else ""
    title = f"LR finder, {what}{where}, {getattr(stage, aim.size_knob)} {unit} · {run_dataset(opened)}"
    source = str(known_model(init_from).source) if init_from else ""
    run_dir = start(
        RunSpec(
            task=task.name,
            dataset=opened,
            recipe=recipe,
            job="lr-find",
            init_from=source,
            title=title,
            lr_steps=steps,
        )
    )
    return gr.update(choices=run_choices(runs_of(task, "lr-find")), value=run_dir.name)


@tells_errors
def stop_run(run: str | None) -> None:
    """Ask a run to stop at its next batch."""
    if run:
        stop(find_run(run))
        gr.Info("It stops at its next batch.")


def poll_rates(task: Task, chosen: str | None, seen: str) -> RatePolled:
    """The chosen finder run, or else the newest, as it stands now; nothing changes where that is what was `seen`."""
    runs = runs_of(task, "lr-find")
    same = skipped(RatePolled)._replace(suggested=skipped(Suggested))
    run = chosen_of(runs, chosen, "run")
    if run is None:
        return same if seen == NONE else without_runs(chosen)
    try:
        snapshot, position = snapshot_of(run), queue_position(find_run(run))
    except EngineError as error:
        return same._replace(curve=note(without_paths(error), "bad"), seen="")
    now = signature(run, snapshot, position) + f"|{runs[0]}|{len(runs)}"
    if now == seen:
        return same
    return RatePolled(
        run=picked(runs, run, chosen),
        curve=show_rates(run_title(run), snapshot, position),
        suggested=suggestion_buttons(snapshot.suggestions),
        reading=gr.update(visible=bool(snapshot.reading_lr), value=f"Use {rate_as_text(rate_of(snapshot.reading_lr))}"),
        stopper=gr.update(visible=snapshot.status in UNDER_WAY and may_steer(spec_of(run).owner)),
        remover=gr.update(visible=may_delete(snapshot)),
        seen=now,
    )


def without_runs(chosen: str | None) -> RatePolled:
    """The panel while no rate was looked for."""
    hidden = gr.update(visible=False)
    return RatePolled(
        run=picked([], None, chosen),
        curve=NOTHING_YET,
        suggested=suggestion_buttons({}),
        reading=hidden,
        stopper=hidden,
        remover=hidden,
        seen=NONE,
    )


def build_rate_panel(task: Task, page: gr.Blocks, tab: gr.Tab, opened: gr.State) -> RatePanel:
    """The panel's components, wired but for the stage form, which comes later; see `taking.wire_taking`."""
    timer = gr.Timer(1, active=False)
    build_lesson(task, "rate")
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            planned = build_rate_form(task, opened)
            with gr.Row():
                finder = gr.Button("Find a rate", variant="primary")
                stopper = gr.Button("Stop", visible=False)
        with gr.Column(scale=2, min_width=320):
            run = build_run_picker("LR finder runs")
            remover = gr.Button("Delete", visible=False, variant="stop", size="sm")
            curve = gr.HTML(LOADING, js_on_load=script("click-rate"))
            said = gr.HTML()
            reading = gr.Button("Use this", variant="primary", visible=False)
            with gr.Row(elem_classes="lab-suggestions"):
                suggested = build_suggested()
    code = build_code()

    shown = RatePolled(
        run=run,
        curve=curve,
        suggested=suggested,
        reading=reading,
        stopper=stopper,
        remover=remover,
        seen=gr.State(""),
    )
    asked = [shown.run, shown.seen]

    def poll(chosen: str | None, seen: str) -> list[Any]:
        return flat(poll_rates(task, chosen, seen))

    gr.on([tab.select, run.change], poll, asked, flat(shown), **POLL)
    polls(timer, partial(poll_rates, task), asked, shown)
    finding = finder.click(partial(start_finder, task), list(planned), run, **ACTION)
    removing = remover.click(delete_run, run, None, **ACTION)
    stopping = stopper.click(stop_run, run, None, **ACTION)
    wakes(timer, "rate", [action.success(poll, asked, flat(shown), **POLL) for action in (finding, stopping, removing)])
    changes, kept = [part.change for part in planned], f"lesson-lab-{task.name}-rate"
    noted = note_form(kept, changes, list(planned))
    noted.change(partial(planned_code, task), list(planned), code, **POLL)
    keep_form(page, kept, list(planned)[1:], partial(restored_finder, task))
    offer_starts(task, planned.init_from, tab)
    return RatePanel(timer=timer, shown=shown, said=said)
