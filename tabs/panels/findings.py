"""Under the curves: what is wrong with the run, and a button for each that starts it again with one thing changed."""

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from engine.diagnosis.diagnose import Diagnosis
from engine.diagnosis.finding import STAGE_WORSE
from engine.errors import RunError
from engine.host.access import check_owner
from engine.recipe import MAX_LETTERS, Recipe
from engine.runs.queue import start
from engine.runs.setbacks import setbacks_of
from engine.runs.snapshot import RunSnapshot
from engine.task import Aim, Task
from tabs.drawing.findings import finding_card, said_of_none
from tabs.drawing.live_run import ENDED
from tabs.reading.diagnosed import diagnosis_of
from tabs.reading.opened import run_choices, run_dataset, runs_of, snapshot_of, spec_of
from tabs.wiring import ACTION, skipped, tells_errors

MOST_SHOWN = 3  # with a button; more are rare, and follow from the first ones


class FindingShown(NamedTuple):
    """A finding's place: its words, its button, and its name for the button."""

    words: Any
    button: Any
    name: Any


class FindingsShown(NamedTuple):
    """All places, and what is said below them."""

    first: FindingShown
    second: FindingShown
    third: FindingShown
    rest: Any


def build_findings() -> FindingsShown:
    """The places, empty."""
    places: list[FindingShown] = []
    for _ in range(MOST_SHOWN):
        words = gr.HTML(visible=False, elem_classes="lab-found")
        button = gr.Button(visible=False, size="sm", elem_classes="lab-remedy")
        places.append(FindingShown(words=words, button=button, name=gr.State("")))
    return FindingsShown(*places, rest=gr.HTML(visible=False))


def findings_shown(
    diagnosis: Diagnosis, snapshot: RunSnapshot, *, steers: bool, is_warned: bool = False
) -> FindingsShown:
    """A diagnosis in its places; buttons only for somebody who may steer the run. `is_warned`: something was said already."""
    places: list[FindingShown] = []
    for number in range(MOST_SHOWN):
        if number >= len(diagnosis.findings):
            places.append(FindingShown(words=_hidden(), button=_hidden(), name=""))
            continue
        finding = diagnosis.findings[number]
        does = finding.remedy.what if finding.remedy else ""
        button = gr.update(value=f"Do that: {does}", visible=bool(does) and steers)
        words = gr.update(value=finding_card(number + 1, finding), visible=True)
        places.append(FindingShown(words=words, button=button, name=finding.name))
    more = "".join(
        finding_card(number, finding)
        for number, finding in enumerate(diagnosis.findings[MOST_SHOWN:], start=MOST_SHOWN + 1)
    )
    is_clean, has_begun = not is_warned and not diagnosis.findings, bool(snapshot.train_points)
    below = said_of_none(diagnosis.unclear, is_clean=is_clean, is_over=snapshot.status in ENDED) if has_begun else ""
    return FindingsShown(*places, rest=gr.update(value=more + below, visible=bool(more + below)))


def no_findings() -> FindingsShown:
    """The places while there is no run."""
    empty = FindingShown(words=_hidden(), button=_hidden(), name="")
    return FindingsShown(empty, empty, empty, rest=_hidden())


def same_findings() -> FindingsShown:
    """Updates that change nothing."""
    same = skipped(FindingShown)
    return FindingsShown(same, same, same, rest=gr.skip())


def small_setbacks(snapshot: RunSnapshot, recipe: Recipe, aim: Aim, found: Diagnosis) -> list[str]:
    """The stages that made the model worse, unless that is among the findings."""
    is_found = any(finding.name == STAGE_WORSE for finding in found.findings)
    return [] if is_found else setbacks_of(snapshot, recipe, aim)


@tells_errors
def start_remedy(task: Task, run: str | None, name: str) -> Any:
    """Queue a run again with what a finding advises, and show it in the picker."""
    if not run:
        raise RunError("There is no run to start from.")
    spec = spec_of(run)
    check_owner(spec.owner, "repeat")
    findings = diagnosis_of(run, snapshot_of(run)).findings
    remedy = next((finding.remedy for finding in findings if finding.name == name), None)
    if remedy is None:
        raise RunError("The run has gone on, and this is not advised any more. Look at what is said of it now.")
    title = titled(spec.recipe.title or spec.recipe.name, remedy.what, run_dataset(spec.dataset))
    # Whose it is, and how long it may take, is settled anew.
    again = replace(spec, recipe=remedy.recipe, title=title, owner="", minutes=0.0)
    run_dir = start(again)
    return gr.update(choices=run_choices(runs_of(task, "train")), value=run_dir.name)


def titled(recipe: str, what: str, dataset: str) -> str:
    """A run's title that says what was changed; the data set is its end, and is never cut."""
    said = f"{recipe}, {what}"
    most = MAX_LETTERS - len(dataset) - 5
    return f"{said if len(said) <= most else said[:most] + ' …'} · {dataset}"


def remedies_started(task: Task, shown: FindingsShown, run: gr.Dropdown) -> list[Any]:
    """The clicks on the places' buttons, wired: each starts a run and chooses it."""
    places = (shown.first, shown.second, shown.third)
    return [place.button.click(partial(start_remedy, task), [run, place.name], run, **ACTION) for place in places]


def _hidden() -> Any:
    return gr.update(value="", visible=False)
