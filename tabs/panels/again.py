"""A run again with one change, and the known-good and known-bad settings: what starts new runs to be compared."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from engine.data.own.store import own_sets
from engine.data.sources.fetching import is_ready, own_name
from engine.errors import EngineError, RunError
from engine.fitting import fitted
from engine.recipe import knob_fields
from engine.runs.again import PRETRAINED, SEED, Change, changeable, changed, values_now
from engine.runs.queue import start
from engine.runs.store import RunSpec
from engine.task import Task
from engine.tasks.presets import BASELINE, Preset, preset_of, presets_of
from engine.tasks.registry import get_task
from tabs.door.paths import shown_name, without_paths
from tabs.drawing.markup import note, pill, text
from tabs.panels.comparing import present, with_run
from tabs.panels.missing_data import show_missing
from tabs.reading.opened import dataset_title, open_dataset, run_dataset, runs_of, snapshot_of, spec_of
from tabs.wiring import tells_errors

VERDICTS = {
    "good": ("known to be good", "finished"),
    "bad": ("known to be bad", "failed"),
    "even": ("costs time alone", "new"),
}
WHOLE = 0  # all stages
DEFAULT_SEED = 42
GIVES_A_MODEL = ("finished", "running", "queued", "stopped")


def stage_choices(run: str | None) -> Any:
    """All of a run's stages, or one of them."""
    stages = spec_of(run).recipe.stages if run and present([run]) else ()
    choices = [("All of them", WHOLE), *((f"{number}: {stage.name}", number) for number, stage in enumerate(stages, 1))]
    return gr.update(choices=choices, value=WHOLE, visible=len(stages) > 1)


def knob_choices(run: str | None, chosen: str | None) -> Any:
    """What can be changed in a run."""
    if not run or not present([run]):
        return gr.update(choices=[], value=None)
    spec = spec_of(run)
    choices = changeable(get_task(spec.task).aim(spec.recipe.objective))
    kept = chosen if chosen in [name for _, name in choices] else "max_lr"
    return gr.update(choices=choices, value=kept)


def said_now(run: str | None, knob: str | None) -> str:
    """What a setting is in a run, and what may be given for it."""
    if not run or not knob or not present([run]):
        return ""
    spec = spec_of(run)
    now = " · ".join(dict.fromkeys(shown_name(value) for value in values_now(spec, knob)))
    declared = dict(knob_fields()).get(knob)
    if declared is None:
        hint = {SEED: "A whole number.", PRETRAINED: "yes or no."}.get(
            knob, "A timm model, or a text model of the Hub."
        )
    elif declared.choices:
        hint = f"One of: {', '.join(declared.choices)}."
    else:
        pair = {"never": "", "may": ", or two with a comma", "always": ", two with a comma"}[declared.pair]
        hint = f"A number{pair}; or ×10 for ten times what it is, ×0.1 for a tenth."
    return f'<p class="lab-small">Now: <strong>{text(now)}</strong>. {text(hint)}</p>'


@tells_errors
def do_again(
    names: list[str] | None, run: str | None, knob: str | None, value: str | None, stage: int | None
) -> tuple[Any, str]:
    """Start a run again with one change, and take it into the comparison."""
    if not run or not present([run]):
        raise RunError("Choose the run to do again first.")
    if not knob:
        raise RunError("Choose what to change first.")
    spec = changed(spec_of(run), Change(knob=knob, value=value or "", stage=stage or WHOLE))
    open_dataset(
        get_task(spec.task), spec.dataset
    )  # that it is not here, or somebody else's own, is told before anything starts
    made = start(spec)
    return with_run(names, made.name), note(f"Started: {spec.title}.", "good")


def preset_choices(task: str) -> Any:
    """A task's presets but the baseline."""
    choices = [(preset.title, preset.name) for preset in presets_of(get_task(task)) if preset.name != BASELINE]
    return gr.update(choices=choices, value=choices[0][1])


def preset_datasets(task: str) -> Any:
    """The task's data sets that are here, and those of its kind that whoever asks has brought."""
    known = get_task(task)
    here = [(dataset_title(name), name) for name in known.datasets if is_ready(name)]
    own = [(f"{one.title} (yours)", one.name) for one in own_sets(known.kind)]
    choices = [*here, *own]
    return gr.update(choices=choices, value=choices[0][1] if choices else None)


def said_of(task: str, name: str | None) -> str:
    """What is known of a preset, and of the baseline that it is compared with."""
    known = get_task(task)
    chosen, baseline = preset_of(known, name or ""), preset_of(known, BASELINE)
    if chosen is None or baseline is None:
        return ""
    return "".join(_card(preset) for preset in (baseline, chosen))


def _card(preset: Preset) -> str:
    words, kind = VERDICTS[preset.verdict]
    return f'<div class="lab-card"><strong>{text(preset.title)}</strong> {pill(words, kind)}<p>{text(preset.reason)}</p></div>'


@tells_errors
def run_both(names: list[str] | None, task: str, dataset: str | None, name: str | None) -> tuple[Any, str]:
    """Start the baseline and a preset on the same data from the same seed, and compare them alone.

    A run of the baseline that is there already is taken as it is.
    """
    known = get_task(task)
    if not dataset:
        raise RunError("No data set of this task is here. Fetch or draw one on the task's page first.")
    chosen, baseline = preset_of(known, name or ""), preset_of(known, BASELINE)
    if chosen is None or baseline is None:
        raise RunError("Choose a setting to run first.")
    missing = show_missing(dataset)
    if missing:
        raise RunError("That data set is not here any more. Fetch it on the task's page.")
    samples = len(open_dataset(known, dataset).train)
    specs = [_spec(known, dataset, preset, samples) for preset in (baseline, chosen)]
    found, said = [], []
    for spec in specs:
        there = same_run(spec)
        try:
            found.append(there or start(spec).name)
        except EngineError as problem:
            if not found:
                raise
            said.append(note(f"{spec.title} was not started: {without_paths(problem)}", "warn"))
            continue
        said.append(note(f"{spec.title}: {'there already, and taken as it is' if there else 'started'}.", "good"))
    return with_run([], *found), "".join(said)


def _spec(task: Task, dataset: str, preset: Preset, samples: int) -> RunSpec:
    recipe = fitted(preset.recipe, samples)
    title = f"{recipe.title} · {run_dataset(dataset)}"
    return RunSpec(task=task.name, dataset=dataset, recipe=recipe, seed=DEFAULT_SEED, title=title)


def same_run(spec: RunSpec) -> str | None:
    """The newest run that does the same and has come, or may come, to something."""
    for name in runs_of(get_task(spec.task), "train"):
        try:
            if _bare(spec_of(name)) == _bare(spec) and snapshot_of(name).status in GIVES_A_MODEL[:3]:
                return name
        except EngineError:  # deleted meanwhile
            continue
    return None


def _bare(spec: RunSpec) -> RunSpec:
    recipe = replace(spec.recipe, name="", title="", note="", least_steps=0)
    return replace(spec, recipe=recipe, dataset=own_name(spec.dataset), title="", owner="", minutes=0.0)


def redo_choices(choices: Sequence[tuple[str, str]], chosen: str | None) -> Any:
    """The runs that can be done again: those that are compared."""
    names = [name for _, name in choices]
    return gr.update(choices=list(choices), value=chosen if chosen in names else (names[0] if names else None))
