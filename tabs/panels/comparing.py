"""The comparison of several runs: figures, curves and settings as they stand now, and the same samples through each."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import gradio as gr

from engine.data.dataset import DataSet, Item
from engine.data.sources.fetching import own_name
from engine.errors import EngineError, RunError
from engine.runs.axes import Axis
from engine.runs.compared import (
    MOST_RUNS,
    compare_settings,
    differing,
    figures_of,
    same_but_for_seed,
    spread_of,
)
from engine.runs.snapshot import RunSnapshot
from engine.runs.store import RunSpec, list_runs
from engine.task import Task
from engine.tasks.registry import get_task
from tabs.door.address import asked_for, link
from tabs.door.paths import shown_name, without_paths
from tabs.drawing.live_run import signature
from tabs.drawing.markup import empty_state, note
from tabs.drawing.side_by_side import (
    LETTERS,
    Shown,
    figures_table,
    metrics_of,
    overlaid,
    samples_of,
    settings_table,
    spread_line,
)
from tabs.reading.heavy import load_engine
from tabs.reading.models import predictor_of
from tabs.reading.opened import open_dataset, run_dataset, run_label, runs_of, snapshot_of, spec_of
from tabs.views.registry import view_of
from tabs.wiring import skipped

SAMPLES = 3  # through each run's model
NONE = "none"  # what was seen where no run is chosen
NOTHING_CHOSEN = empty_state(
    "Nothing to compare yet",
    "Choose two runs or more above. Or let the known-good and known-bad settings below make some.",
)
ONE_ALONE = "This is one run alone: choose another above, or start one below with a single change."
ALL_THE_SAME = "Nothing differs: the same settings, and the same seed."
CHANCE = (
    "How much chance alone moves these figures is not known: no two of these runs differ in nothing but their seed. Do one of "
    "them again with another seed to see it."
)
OTHER_DATA = (
    "These runs are of different tasks or data: their figures do not say which is better, and no differences are given."
)


class Compared(NamedTuple):
    """What shows for the chosen runs; each field is called as the component is."""

    figures: Any
    curves: Any
    settings: Any
    rest: Any  # all of the page that needs a run
    seen: Any


def listed_runs(chosen: Sequence[str] = ()) -> list[tuple[str, str]]:
    """(label, name) of the trainings to choose from: the newest, and those that are chosen."""
    names = present((*chosen, *runs_of(None, "train")))
    return [(f"{get_task(spec_of(name).task).title}: {run_label(name)}", name) for name in names]


def asked_runs() -> tuple[list[str], str]:
    """The trainings that the address names, at most as many as can be compared, and what has to be said of the others."""
    asked = list(dict.fromkeys(name for name in asked_for("runs").split(",") if name))
    found = present(asked)
    said = []
    if len(found) < len(asked):
        gone = len(asked) - len(found)
        said.append(
            f"{gone} of the {len(asked)} runs that the address names {'is' if gone == 1 else 'are'} not here any more."
        )
    if len(found) > MOST_RUNS:
        said.append(f"The first {MOST_RUNS} are shown.")
    return found[:MOST_RUNS], " ".join(said)


def present(names: Sequence[str] | None) -> list[str]:
    """Those that are names of trainings here, once each; a path is no name, whoever sends it."""
    here = {run_dir.name for run_dir in list_runs()}
    return [name for name in dict.fromkeys(names or ()) if name in here and _is_training(name)]


def _is_training(name: str) -> bool:
    try:
        return spec_of(name).job == "train" and bool(get_task(spec_of(name).task))
    except EngineError:  # damaged, or another version's
        return False


def read_runs(names: Sequence[str] | None) -> list[tuple[str, RunSpec, RunSnapshot]]:
    """Those of the runs that are still here, as they stand."""
    found = []
    for name in present(names)[:MOST_RUNS]:
        try:
            found.append((name, spec_of(name), snapshot_of(name)))
        except EngineError:  # deleted meanwhile
            continue
    return found


def poll_compared(names: Sequence[str] | None, axis: Axis, smoothing: float, is_whole: bool, seen: str) -> Compared:
    """The chosen runs side by side as they stand now; nothing changes where that is what was `seen`."""
    runs = read_runs(names)
    if not runs:
        shown = Compared(figures=NOTHING_CHOSEN, curves="", settings="", rest=gr.update(visible=False), seen=NONE)
        return skipped(Compared) if seen == NONE else shown
    lost = len(names or ()) - len(runs)
    marks = [signature(name, snapshot, None) for name, _, snapshot in runs]
    now = "|".join((axis, str(smoothing), str(is_whole), str(lost), *marks))
    if now == seen:
        return skipped(Compared)
    gone = (
        note(f"{lost} of the chosen runs {'was' if lost == 1 else 'were'} deleted meanwhile.", "warn") if lost else ""
    )
    return Compared(
        figures=gone + show_figures(runs),
        curves=show_curves(runs, axis, smoothing),
        settings=show_settings([spec for _, spec, _ in runs], is_whole),
        rest=gr.update(visible=True),
        seen=now,
    )


def show_figures(runs: Sequence[tuple[str, RunSpec, RunSnapshot]]) -> str:
    """What the runs have come to, with differences and their spread."""
    specs = [spec for _, spec, _ in runs]
    aim = get_task(specs[0].task).aim(specs[0].recipe.objective)
    title = view_of(get_task(specs[0].task)).metric_title(aim.metric.name)
    is_alike = len({_measured_by(spec) for spec in specs}) == 1
    shown = [
        Shown(
            label=run_label(name),
            link=link(spec.task, "train", run=name),
            snapshot=snapshot,
            figures=figures_of(snapshot, get_task(spec.task).aim(spec.recipe.objective).metric),
        )
        for name, spec, snapshot in runs
    ]
    said = "" if is_alike else note(OTHER_DATA, "warn")
    drawn = figures_table(shown, aim.metric, title if is_alike else "main metric", is_alike=is_alike)
    if len(runs) == 1:
        return drawn + note(ONE_ALONE)
    groups = same_but_for_seed(specs)
    for group in groups:
        spread = spread_of([shown[place].figures.best for place in group])
        if spread:
            said += spread_line(group, f"best {title}", aim.metric.name, spread)
    if is_alike and not groups:
        said += f'<p class="lab-small">{CHANCE}</p>'
    return drawn + said


def _measured_by(spec: RunSpec) -> tuple[str, str, str]:
    """What figures have to have in common to be compared."""
    return spec.task, get_task(spec.task).aim(spec.recipe.objective).name, own_name(spec.dataset)


def show_curves(runs: Sequence[tuple[str, RunSpec, RunSnapshot]], axis: Axis, smoothing: float) -> str:
    """The runs' curves over each other."""
    spec = runs[0][1]
    task = get_task(spec.task)
    main = task.aim(spec.recipe.objective).metric.name
    snapshots = [snapshot for _, _, snapshot in runs]
    if not any(snapshot.train_points for snapshot in snapshots):
        return note("There are no curves yet: none of these runs has taken a step.")
    return overlaid(snapshots, axis, smoothing, metrics_of(snapshots, main), view_of(task).metric_title)


def show_settings(specs: Sequence[RunSpec], is_whole: bool) -> str:
    """The settings side by side: only what differs, or all."""

    def shown(name: str, value: str) -> str:
        if name == "Data set":
            return run_dataset(value)
        return shown_name(value) if name in ("Backbone", "Starts from") else value

    settings = compare_settings(specs, shown)
    if len(specs) > 1 and not is_whole:
        settings = differing(settings)
        if not settings:
            return note(ALL_THE_SAME)
    return settings_table(settings, len(specs))


def show_samples(names: Sequence[str] | None) -> str:
    """The same few validation samples through each run's best model."""
    runs = read_runs(names)
    if not runs:
        raise RunError("Choose a run above first.")
    first = runs[0][1]
    task = get_task(first.task)
    same = [(place, name) for place, (name, spec, _) in enumerate(runs) if _measured_by(spec) == _measured_by(first)]
    load_engine()
    data = open_dataset(task, first.dataset)
    items = spread_items(data)
    shown = [(place, run_label(name), _through(task, name, data, items)) for place, name in same]
    others = len(runs) - len(same)
    said = (
        note(f"{others} of the runs are of another task or on other data, and are left out.", "warn") if others else ""
    )
    few = f'<p class="lab-small">{len(items)} of {len(data.valid):,} validation {task.plural}, spread evenly over the split.</p>'
    return few + samples_of(shown) + said


def _through(task: Task, name: str, data: DataSet, items: Sequence[Item]) -> str:
    from engine.bundle.weights import learns_classes

    try:
        predictor = predictor_of(name)
        if predictor.classes != data.classes and learns_classes(predictor.model):
            return note("The data set has other classes now than this model was trained on.", "bad")
        return view_of(task).show_comparisons(predictor, data, items)
    except EngineError as error:
        return note(without_paths(error), "warn")


def spread_items(data: DataSet, count: int = SAMPLES) -> list[Item]:
    """A few of the validation samples, spread evenly over all."""
    items = data.items("valid")
    step = max(1, len(items) // count)
    return list(items[::step][:count])


def letters_of(names: Sequence[str] | None) -> list[tuple[str, str]]:
    """(letter and label, name) of the chosen runs that are here."""
    found = read_runs(names)
    return [(f"{LETTERS[place]} · {run_label(name)}", name) for place, (name, _, _) in enumerate(found)]


def with_run(names: Sequence[str] | None, *new: str) -> Any:
    """The picker with more runs in the comparison; where it is full, the last of those that were there give way."""
    kept = [name for name in present(names) if name not in new][: MOST_RUNS - len(new)]
    chosen = [*kept, *new]
    return gr.update(choices=listed_runs(chosen), value=chosen)
