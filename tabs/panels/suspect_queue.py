"""What the page of labels that look wrong answers: the queue at a place, a decision kept, the cleaned data set made."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import gradio as gr

from engine.data.own.store import read_own
from engine.data.sources.fetching import own_name, resolve_dataset
from engine.errors import DataError, EngineError
from engine.noise.decisions import CORRECT, DROP, KEEP, Decision, counted, decide, decisions_of, undo
from engine.noise.searches import Searches, SearchState
from engine.noise.suspects import KINDS, Suspect, Suspicion, fingerprint, item_of, read_suspicion
from engine.task import Task
from engine.tasks.own_kinds import task_for
from engine.tasks.registry import TASKS, get_task
from tabs.door.address import link
from tabs.door.paths import without_paths
from tabs.drawing.markup import empty_state, note, pill, progress_bar, table, text
from tabs.reading.heavy import load_engine
from tabs.reading.opened import dataset_title, open_dataset
from tabs.views.suspected import label_words, show_suspect, show_why
from tabs.wiring import tells_errors

NONE = empty_state("No data set chosen", "Open one in the Data step of a task, and follow “Which labels look wrong?”.")
DONE = empty_state("All of them decided", "Make the cleaned data set below, or look at what you decided.")
WORDS = {CORRECT: "corrected", DROP: "dropped", KEEP: "kept as they are"}
SHOWN = 30  # decisions, the last ones


class Shown(NamedTuple):
    """What stands on the page: how far it is, the sample in question, what is right, and what was decided."""

    status: Any
    looking: Any
    queue: Any
    place: Any
    card: Any
    why: Any
    at: Any
    choice: Any
    ticks: Any
    numbers: Any
    point: Any
    name: Any
    decided: Any
    timer: Any


class Given(NamedTuple):
    """What somebody says is right: a class, tags, numbers or a point, of which the kind takes its own."""

    choice: Any
    ticks: Any
    numbers: Any
    point: Any


def _search(kind: str, data: Any, told: Any) -> None:
    load_engine()
    from engine.noise.finding import find_suspects

    find_suspects(kind, data, on_progress=told)


SEARCHES = Searches(_search)


def task_of(dataset: str, task: str = "") -> Task:
    """The task that a data set is looked at with: the one that is named, that of its kind, or the first that lists it."""
    if task:
        return get_task(task)
    own = read_own(own_name(dataset))
    if own:
        return task_for(own.kind)
    found = next((one for one in TASKS if dataset in one.datasets), None)
    if found is None:
        raise DataError(f"No task lists the data set {dataset[:60]!r}. Open it in a task's Data step first.")
    return found


def looked_at(task: str, dataset: str, order: str, at: int, said: str = "") -> Shown:
    """The page for a data set as it is now: the queue at one place, or why there is none."""
    if not dataset:
        return _shown(status=NONE)
    try:
        chosen = task_of(dataset, task)
        data = open_dataset(chosen, dataset)
        mark = f"{chosen.kind}-{fingerprint(data)}"
        found = read_suspicion(mark)
        if chosen.kind not in KINDS:
            return _shown(status=note("Wrong labels are found for tags, labels, texts, points and numbers.", "warn"))
        state = SEARCHES.state(mark)
        if found is None or state.status == "running":
            return _not_yet(dataset, state, len(data.items("all")), said)
        return _queued(chosen.kind, data, found, order, at, f"{_title(dataset)}{said}")
    except EngineError as error:
        return _shown(status=note(without_paths(error), "bad"))


@tells_errors
def look(task: str, dataset: str) -> Shown:
    """Begin to look for wrong labels."""
    chosen = task_of(dataset, task)
    data = open_dataset(chosen, dataset)
    SEARCHES.start(f"{chosen.kind}-{fingerprint(data)}", chosen.kind, data)
    return looked_at(task, dataset, "suspicion", 0)


@tells_errors
def settle(what: str, task: str, dataset: str, order: str, at: int, name: str, *, given: Given) -> Shown:
    """Keep what somebody decided about the sample that was shown, and go on to the next."""
    chosen, data, found = _found(task, dataset)
    suspect = next((one for one in found.suspects if one.name == name), None)
    if suspect is None:
        raise DataError("This sample is not in the list any more. Reload the page.")
    label = right_label(chosen.kind, data, suspect, given) if what == CORRECT else None
    if what == CORRECT and label_words(label) == label_words(suspect.given):
        raise DataError("That is the label that it has. Choose another, or keep it.")
    decide(chosen.kind, data.root, name, Decision(what=what, given=suspect.given, label=label))  # pyright: ignore[reportArgumentType]
    return looked_at(task, dataset, order, at)


@tells_errors
def take_back(task: str, dataset: str, order: str, at: int, name: str = "") -> Shown:
    """Undo one decision, or the last."""
    chosen = task_of(dataset, task)
    data = open_dataset(chosen, dataset)
    undone = undo(chosen.kind, data.root, name)
    said = note(f"{undone}: to be decided again.") if undone else note("There is nothing to undo.")
    return looked_at(task, dataset, order, at, said)


def right_label(kind: str, data: Any, suspect: Suspect, given: Given) -> Any:
    """What somebody says is right, as an `Edit` has it; `DataError` for what is no label of this kind."""
    if kind in ("label", "text") and given.choice in data.classes:
        return given.choice
    if kind == "tags" and isinstance(given.ticks, list) and set(given.ticks) <= set(data.classes):
        return [name for name in data.classes if name in given.ticks]
    if kind == "number":
        return _numbers(str(given.numbers or ""), data.classes)
    if kind == "point":
        return tuple(given.point or suspect.proposed)
    raise DataError("That is no label here. Choose one of those that are offered.")


def clicked(task: str, dataset: str, name: str, x: Any, y: Any) -> tuple[Any, Any]:
    """The picture with a cross where somebody clicked, and that place in pixels; nothing for other kinds."""
    chosen, data, found = _found(task, dataset)
    suspect = next((one for one in found.suspects if one.name == name), None)
    if chosen.kind != "point" or suspect is None or not all(isinstance(part, int | float) for part in (x, y)):
        return gr.skip(), gr.skip()
    from engine.data.pictures.files import picture_size

    height, width = picture_size(item_of(data, suspect))
    point = (round(min(max(x, 0), 1) * width, 1), round(min(max(y, 0), 1) * height, 1))
    return show_suspect("point", data, suspect, yours=point), point


def make_cleaned(task: str, dataset: str, title: str) -> str:
    """Write the data set as it was decided, as one of one's own; where it is, and what was changed."""
    load_engine()
    from engine.noise.cleaning import changes_of, write_cleaned
    from engine.tasks.own_ways import keep_written

    try:
        chosen = task_of(dataset, task)
        data = open_dataset(chosen, dataset)
        decisions = decisions_of(chosen.kind, data.root)
        changes, stale = changes_of(data, decisions)
        kept = keep_written(chosen.kind, title, lambda target: write_cleaned(chosen.kind, data, decisions, target))
    except EngineError as error:
        return note(without_paths(error), "bad")
    gone = f"{stale:,} decisions say nothing of the data as they are now, and were left out." if stale else ""
    dropped = sum(one.is_dropped for one in changes)
    rows = [
        [text(one.sample), text(label_words(one.was)), "dropped" if one.is_dropped else text(label_words(one.now))]
        for one in changes
    ]
    return (
        f'<div class="lab-card">{pill("made", "finished")} <p>“{text(kept.title)}” has {kept.samples:,} samples; '
        f'{len(changes) - dropped:,} labels were corrected, {dropped:,} samples dropped. <a class="lab-go" '
        f'href="{text(link(chosen.name, "data", dataset=kept.name))}">Open it →</a></p>'
        f"{note(gone, 'warn') if gone else ''}{table(('Sample', 'Label before', 'Now'), rows, numbers_from=3)}</div>"
    )


def _found(task: str, dataset: str) -> tuple[Task, Any, Suspicion]:
    chosen = task_of(dataset, task)
    data = open_dataset(chosen, dataset)
    found = read_suspicion(f"{chosen.kind}-{fingerprint(data)}")
    if found is None:
        raise DataError("The data set has changed since it was looked at. Look again.")
    return chosen, data, found


def _not_yet(dataset: str, state: SearchState, total: int, said: str) -> Shown:
    title = _title(dataset)
    if state.status in ("waiting", "running"):
        share = state.done / state.total if state.total else -1
        bar = progress_bar(share, f"Judged: {share:.0%}" if state.total else "Waiting for its turn …")
        return _shown(status=f'<div class="lab-card">{title}{bar}</div>', timer=gr.Timer(active=True))
    failed = note(state.message, "bad") if state.status == "failed" else ""
    words = f"<p>{total:,} labelled samples. To judge each by models that have not seen it takes seconds to some minutes.</p>"
    return _shown(status=f'<div class="lab-card">{title}{words}{failed}{said}</div>', looking=gr.update(visible=True))


def _queued(kind: str, data: Any, found: Suspicion, order: str, at: int, head: str) -> Shown:
    decisions = decisions_of(kind, data.root)
    left = [one for one in found.ordered(order) if one.name not in decisions]
    notes = "".join(f'<p class="lab-small">{text(one)}</p>' for one in found.notes)
    status = f'<div class="lab-card">{head}<p>{text(found.said())}</p>{notes}</div>'
    decided = _decided(decisions)
    if not left:
        return _shown(status=status, card=DONE, queue=gr.update(visible=True), decided=decided)
    at %= len(left)
    suspect = left[at]
    likely = sum(one.is_confident for one in left)
    place = (
        f'<p class="lab-small" role="status">{at + 1:,} of {len(left):,} to decide; {likely:,} of them look wrong</p>'
    )
    shown = {"visible": True, "choices": list(data.classes), "value": suspect.proposed}
    return _shown(
        status=status,
        queue=gr.update(visible=True),
        place=place,
        card=show_suspect(kind, data, suspect),
        why=show_why(data, suspect),
        at=at,
        choice=gr.update(**shown) if kind in ("label", "text") else gr.update(visible=False),
        ticks=gr.update(**shown) if kind == "tags" else gr.update(visible=False),
        numbers=gr.update(visible=kind == "number", value=label_words(suspect.proposed) if kind == "number" else ""),
        name=suspect.name,
        decided=decided,
    )


def _decided(decisions: Mapping[str, Decision]) -> str:
    if not decisions:
        return '<p class="lab-small">Nothing decided yet.</p>'
    words = ", ".join(f"{count:,} {WORDS[what]}" for what, count in counted(decisions).items() if count)
    rows = [
        [
            text(name),
            text(label_words(one.given)),
            {KEEP: "kept", DROP: "dropped"}.get(one.what, text(label_words(one.label))),
            f'<button type="button" class="lab-button" data-choice="{text(name)}">Take back</button>',
        ]
        for name, one in list(decisions.items())[::-1][:SHOWN]
    ]
    return f"<p>{words}.</p>{table(('Sample', 'Label', 'Decided', ''), rows, numbers_from=4)}"


def _numbers(written: str, classes: tuple[str, ...]) -> dict[str, float]:
    """ "pan 30, tilt -15" as numbers by name."""
    found: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in written.split(","))):
        name, _, number = part.rpartition(" ")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            raise DataError(f"{part[:40]!r} is no name with a number. Write it as “{classes[0]} 12.5”.") from None
    if set(found) != set(classes):
        raise DataError(f"Write a number for each of: {', '.join(classes)}.")
    return {name: found[name] for name in classes}


def _title(dataset: str) -> str:
    return (
        f"<h3>{text(dataset_title(str(resolve_dataset(dataset))) if '/' in dataset else dataset_title(dataset))}</h3>"
    )


def _shown(**said: Any) -> Shown:
    empty: dict[str, Any] = {
        **dict.fromkeys(("status", "place", "card", "why", "name", "decided"), ""),
        **dict.fromkeys(("looking", "queue", "choice", "ticks", "numbers"), gr.update(visible=False)),
        "at": 0,
        "point": None,
        "timer": gr.Timer(active=False),
    }
    return Shown(**{**empty, **said})
