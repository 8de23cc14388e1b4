"""The Train step: one stage from the form or a whole recipe, started, stopped and resumed; and the run, live."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from engine.errors import EngineError, RunError
from engine.host.access import asker, may_steer
from engine.library.listing import known_model
from engine.library.trash import delete_model
from engine.runs.queue import queue_position, resume, start, stop
from engine.runs.snapshot import RunSnapshot
from engine.runs.store import RunSpec, find_run
from engine.task import Task
from tabs.door.address import chosen_of
from tabs.door.paths import without_paths
from tabs.drawing.findings import marks_of
from tabs.drawing.live_run import RESUMABLE, UNDER_WAY, epoch_table, show_run, signature
from tabs.drawing.markup import LOADING, empty_state, note
from tabs.panels import findings as said
from tabs.panels.copied import CopiedSettings, copy_settings
from tabs.panels.foretold import foretold
from tabs.panels.kept_form import keep_form, note_form
from tabs.panels.plan import (
    PlanForm,
    build_plan_form,
    fitted_plan,
    planned_code,
    planned_recipe,
    restored_plan,
    whole_seed,
)
from tabs.reading.diagnosed import diagnosis_of, moment_of
from tabs.reading.lineage import compare_link, lineage_of
from tabs.reading.opened import remarks_of, run_choices, run_dataset, run_title, runs_of, snapshot_of, spec_of
from tabs.views.view import View
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
    "No run yet", "Choose a recipe or set up one stage, then press Start. The run goes on when this page is closed."
)
NONE = "none"  # what was seen where there is no run


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainPanel:
    """What the page and other panels need of this one."""

    timer: gr.Timer
    planned: PlanForm


@tells_errors
def start_run(
    task: Task,
    opened: str,
    plan: str,
    backbone: str,
    new_channels: str,
    init_from: str,
    seed: float | None,
    *values: Any,
) -> Any:
    """Queue a training run and show it in the picker."""
    if not opened:
        raise RunError("No data set is open. Choose one in the Data step, and fetch it if it is not here.")
    recipe = fitted_plan(task, opened, planned_recipe(task, plan, backbone, new_channels, values))
    source = str(known_model(init_from).source) if init_from else ""
    title = f"{recipe.title} · {run_dataset(opened)}"
    spec = RunSpec(task=task.name, dataset=opened, recipe=recipe, init_from=source, seed=whole_seed(seed), title=title)
    run_dir = start(spec)
    return gr.update(choices=run_choices(runs_of(task, "train")), value=run_dir.name)


@tells_errors
def stop_run(run: str | None) -> None:
    """Ask a run to stop at its next batch; its checkpoint is kept."""
    if run:
        stop(find_run(run))


@tells_errors
def resume_run(run: str | None) -> None:
    """Put a run that ended early back in the queue."""
    if run:
        resume(find_run(run))


@tells_errors
def delete_run(run: str | None) -> None:
    """Move a run into the trash."""
    if run:
        delete_model(run)
        gr.Info("It is in the trash. “Undo” under Models brings it back for a week.")


def may_delete(snapshot: RunSnapshot) -> bool:
    """Whether whoever is asking may delete a run, and it has ended."""
    return asker().is_host and snapshot.status not in UNDER_WAY


class RunPolled(NamedTuple):
    """What a poll may change; each field is called as the component is."""

    run: Any
    live: Any
    findings: Any
    epochs: Any
    stopper: Any
    resumer: Any
    copier: Any
    remover: Any
    log: Any
    log_fold: Any
    seen: Any


def poll_run(task: Task, metrics: Mapping[str, str], chosen: str | None, seen: str) -> RunPolled:
    """The chosen run, or else the newest, as it stands now; nothing changes where that is what was `seen`."""
    runs = runs_of(task, "train")
    same = skipped(RunPolled)._replace(findings=said.same_findings())
    run = chosen_of(runs, chosen, "run")
    if run is None:
        return same if seen == NONE else without_runs(chosen)
    try:
        snapshot, position = snapshot_of(run), queue_position(find_run(run))
    except EngineError as error:
        return same._replace(live=note(without_paths(error), "bad"), seen="")
    moment = f"{run} {moment_of(snapshot)}"
    now = f"{signature(run, snapshot, position)}|{runs[0]}|{len(runs)}|{moment}"
    if now == seen:
        return same
    spec, found = spec_of(run), diagnosis_of(run, snapshot)
    steers, aim = may_steer(spec.owner), task.aim(spec.recipe.objective)
    # What is said of the run does not change with every step, and what was unfolded there stays so.
    is_new = seen.rpartition("|")[2] != moment
    worse, origin = lineage_of(run, snapshot, aim)
    remarks = (*worse, *said.small_setbacks(snapshot, spec.recipe, aim, found), *remarks_of(run))
    live = show_run(
        run_title(run),
        snapshot,
        position,
        metrics,
        remarks,
        main_metric=aim.metric.name,
        origin=origin,
        marks=marks_of(found.findings),
    )
    return RunPolled(
        run=picked(runs, run, chosen),
        live=live,
        findings=said.findings_shown(found, snapshot, steers=steers, is_warned=bool(worse))
        if is_new
        else same.findings,
        epochs=epoch_table(snapshot.epoch_rows, metrics) + compare_link(run, runs),
        stopper=gr.update(visible=steers and snapshot.status in UNDER_WAY and not snapshot.stopping),
        # One that diverged would do so again, at the same step: its settings have to change.
        resumer=gr.update(visible=steers and snapshot.status in RESUMABLE and not snapshot.divergence),
        copier=gr.update(visible=True),
        remover=gr.update(visible=may_delete(snapshot)),
        log=without_paths(snapshot.log_tail),
        log_fold=gr.update(visible=bool(snapshot.log_tail)),
        seen=now,
    )


def poll_flat(task: Task, metrics: Mapping[str, str], chosen: str | None, seen: str) -> tuple[Any, ...]:
    """The same, a value for each component."""
    return tuple(flat(poll_run(task, metrics, chosen, seen)))


def without_runs(chosen: str | None) -> RunPolled:
    """The panel while nothing was trained."""
    hidden = gr.update(visible=False)
    return RunPolled(
        run=picked([], None, chosen),
        live=NOTHING_YET,
        findings=said.no_findings(),
        epochs="",
        stopper=hidden,
        resumer=hidden,
        copier=hidden,
        remover=hidden,
        log="",
        log_fold=hidden,
        seen=NONE,
    )


def build_train_panel(task: Task, view: View, page: gr.Blocks, tab: gr.Tab, opened: gr.State) -> TrainPanel:
    """The panel's components, wired."""
    timer = gr.Timer(1, active=False)
    build_lesson(task, "train")
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            planned = build_plan_form(task, opened)
            ahead = gr.HTML()
            starter = gr.Button("Start", variant="primary", size="lg", elem_classes="lab-start")
        with gr.Column(scale=3, min_width=320):
            shown = _build_run()
    code = build_code()
    offer_starts(task, planned.init_from, tab)
    changing = [planned.chosen if part is planned.plan else part for part in planned.inputs]
    changes, kept = [part.change for part in changing], f"lesson-lab-{task.name}-train"
    noted = note_form(kept, changes, planned.inputs)

    def told(*values: Any) -> tuple[str, str]:
        return planned_code(task, *values), foretold(task, *values)

    noted.change(told, planned.inputs, [code, ahead], **POLL)
    keep_form(page, kept, [*planned.inputs[1:], *planned.form.ways], partial(restored_plan, task))
    _wire_run(task, view, tab, timer, starter, planned, shown)
    return TrainPanel(timer=timer, planned=planned)


def _build_run() -> RunPolled:
    run = build_run_picker("Runs")
    with gr.Row():
        stopper = gr.Button("Stop", visible=False, size="sm")
        resumer = gr.Button("Resume", visible=False, variant="primary", size="sm")
        copier = gr.Button("Copy its settings to the form", visible=False, size="sm")
        remover = gr.Button("Delete", visible=False, variant="stop", size="sm")
    live = gr.HTML(LOADING)
    findings = said.build_findings()
    epochs = gr.HTML()
    with gr.Accordion("Last lines of the log", open=False, visible=False) as log_fold:
        log = gr.Code(language=None, interactive=False, show_label=False, wrap_lines=True)
    return RunPolled(
        run=run,
        live=live,
        findings=findings,
        epochs=epochs,
        stopper=stopper,
        resumer=resumer,
        copier=copier,
        remover=remover,
        log=log,
        log_fold=log_fold,
        seen=gr.State(""),
    )


def _wire_run(
    task: Task, view: View, tab: gr.Tab, timer: gr.Timer, starter: gr.Button, planned: PlanForm, shown: RunPolled
) -> None:
    poll, asked = partial(poll_flat, task, view.metrics), [shown.run, shown.seen]
    gr.on([tab.select, shown.run.change], poll, asked, flat(shown), **POLL)
    polls(timer, poll, asked, shown)
    starting = starter.click(partial(start_run, task), planned.inputs, shown.run, **ACTION)
    acting = [starting.success(poll, asked, flat(shown), **POLL)]
    for button, handler in ((shown.stopper, stop_run), (shown.resumer, resume_run), (shown.remover, delete_run)):
        acting.append(button.click(handler, shown.run, None, **ACTION).success(poll, asked, flat(shown), **POLL))
    for repeated in said.remedies_started(task, shown.findings, shown.run):
        acting.append(repeated.success(poll, asked, flat(shown), **POLL))
    wakes(timer, "train", acting)
    copied = CopiedSettings(
        plan=planned.plan, backbone=planned.backbone, new_channels=planned.new_channels, form=planned.form.outputs
    )
    shown.copier.click(lambda run: flat(copy_settings(task, run)), shown.run, flat(copied), **ACTION)
