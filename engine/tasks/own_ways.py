"""What somebody brought: the ways in which it may be read, and the data set that one of them gives, to be looked at and kept."""

import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import filelock

from engine.data.dataset import DataSet, check_can_train
from engine.data.own.draft_ways import draft_ways
from engine.data.own.exports import exported_ways
from engine.data.own.mask_keys import mask_ways
from engine.data.own.store import PLAIN, OwnSet, keep_own
from engine.data.own.tables import table_ways
from engine.data.own.text_ways import text_ways
from engine.data.own.unlabelled import find_texts
from engine.data.own.way import Answers, Question, Way
from engine.data.pictures.files import list_all_pictures
from engine.data.pictures.transforms import CHANGES
from engine.data.sources.bringing import brought_folder, found_in
from engine.data.whole_folder import link_file
from engine.errors import DataError, LayoutError, LettersError
from engine.task import Task
from engine.tasks.checking import kinds_to_try
from engine.tasks.own_kinds import is_learnt, task_for


class UnlabelledError(DataError):
    """Pictures of which nothing says what they are: nothing is wrong with them."""


CHANGED = Question(
    name="changes",
    asked="What may change a picture and leave its label?",
    choices={
        "unmirrored": "light, zoom and a little turn; no mirror: left is not right",
        "mirrored": "a mirror too: most things look alike from both sides",
        "any way up": "a mirror and any turn: seen from above, or through a microscope",
    },
    value="unmirrored",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """What was brought, read in one way: the data set, the task that it is for, and what is to be said."""

    task: Task
    data: DataSet
    notes: tuple[str, ...]


def ways_of(key: str, encoding: str = "") -> list[Way]:
    """The ways to read what was brought under a key, the likeliest first; `DataError` where there is none.

    What was labelled here comes before anything else. `encoding` is that of texts that are not UTF-8; `LettersError` where it
    has to be said.
    """
    folder = found_in(key)
    drafted = draft_ways(brought_folder(key))
    try:
        found = _ways_in(folder, encoding)
    except DataError:
        if not drafted:
            raise
        found = []
    return [_with_changes(way) for way in [*drafted, *_named(found)] if is_learnt(way.kind)]


def _ways_in(folder: Path, encoding: str) -> list[Way]:
    found: list[Way] = []
    refusals: list[DataError] = []
    finders: tuple[Callable[[Path], list[Way]], ...] = (exported_ways, table_ways, _as_it_is, mask_ways)
    for find in finders:
        try:
            # Two exports of one kind are two data sets; a table and the folders that it lies in are one.
            kinds = {way.kind for way in found}
            found += [way for way in find(folder) if way.kind not in kinds]
        except DataError as problem:
            refusals.append(problem)
    if not found:
        try:
            found = text_ways(folder, encoding)
        except LettersError:
            raise
        except DataError as problem:
            refusals.append(problem)
    if not found:
        _refuse(folder, encoding, [one for one in refusals if not isinstance(one, LayoutError)])
    return found


def _refuse(folder: Path, encoding: str, plain: Sequence[DataError]) -> NoReturn:
    """Say why nothing can be read, or that nothing says what it is."""
    if plain:
        raise plain[0]
    pictures = list_all_pictures(folder)
    if pictures:
        raise UnlabelledError(
            f"These are {len(pictures)} pictures, and nothing says what they are. Label them here, or bring them in a folder for "
            "each label, or with a table or masks."
        )
    if found := find_texts(folder, encoding):
        raise UnlabelledError(
            f"These are texts, {found.said}, and nothing says what they are. Label them here, or bring a table with a column of "
            "texts and one of labels."
        )
    raise DataError(
        "Nothing here is known as data: no folder of pictures for each label, no table beside pictures, no pictures with "
        "masks, and no table of texts with labels."
    )


def _named(ways: Sequence[Way]) -> list[Way]:
    """The ways with a name each: the kind, and a number for the second of a kind."""
    counts = Counter[str]()
    named: list[Way] = []
    for way in ways:
        counts[way.kind] += 1
        many = counts[way.kind]
        named.append(replace(way, name=way.kind if many == 1 else f"{way.kind} {many}"))
    return named


def stage_way(key: str, way: Way, answers: Answers) -> Staged:
    """Write what was brought in one way, and open that; `DataError` with what to put right."""
    with _staging(key):
        notes = _stage(key, way, answers)
        return Staged(task=task_for(way.kind), data=open_plain(way.kind, brought_folder(key) / PLAIN), notes=notes)


def keep_way(key: str, way: Way, answers: Answers, title: str) -> OwnSet:
    """Keep what was brought, read in one way, as a data set of whoever asks; `DataError` where nothing can be trained on it.

    It is written anew: what was looked at last may be of other answers, or of before more was labelled.
    """
    with _staging(key):
        _stage(key, way, answers)
        kept = _keep(brought_folder(key) / PLAIN, way.kind, title)
        shutil.rmtree(brought_folder(key), ignore_errors=True)
        return kept


def _stage(key: str, way: Way, answers: Answers) -> tuple[str, ...]:
    target = brought_folder(key) / PLAIN
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    return way.write(target, answers)


@contextmanager
def _staging(key: str) -> Iterator[None]:
    """One at a time for each key: two tabs may look at the same."""
    with filelock.FileLock(brought_folder(key).with_suffix(".lock")):
        yield


def keep_written(kind: str, title: str, write: Callable[[Path], object]) -> OwnSet:
    """Keep what `write` puts into a folder, in the plain layout of a kind, as a data set of whoever asks."""
    target = brought_folder(uuid.uuid4().hex) / PLAIN
    target.mkdir(parents=True)
    try:
        write(target)
        return _keep(target, kind, title)
    finally:
        shutil.rmtree(target.parent, ignore_errors=True)


def _keep(folder: Path, kind: str, title: str) -> OwnSet:
    data = open_plain(kind, folder)
    check_can_train(data)
    return keep_own(folder, kind=kind, title=title, samples=len(data.train) + len(data.valid) + len(data.test))


def open_plain(kind: str, folder: Path) -> DataSet:
    """A folder in a kind's plain layout as a data set."""
    return task_for(kind).aims[0].plain_objective().open_data(folder)


def _with_changes(way: Way) -> Way:
    """A way that also asks what may change a picture, where that may change its label."""
    if way.kind not in ("label", "tags"):
        return way

    def write(target: Path, answers: Answers) -> tuple[str, ...]:
        notes = way.write(target, answers)
        (target / CHANGES).write_text(asking.answered(answers)[CHANGED.name] + "\n", "utf-8")
        return notes

    asking = replace(way, questions=(*way.questions, CHANGED), write=write)
    return asking


def _as_it_is(folder: Path) -> list[Way]:
    """The kinds that read the folder without a question, such as a folder of pictures for each label."""
    found: list[Way] = []
    refusal: DataError | None = None
    for aim in kinds_to_try():
        try:
            data = aim.plain_objective().open_data(folder)
        except LayoutError:
            continue
        except DataError as problem:
            refusal = refusal or problem
            continue
        found.append(
            Way(kind=aim.kind, said=data.account().layout, write=lambda target, answers: _linked(folder, target))
        )
    if refusal and not found:
        raise refusal
    return found


def _linked(folder: Path, target: Path) -> tuple[str, ...]:
    shutil.copytree(
        folder, target, copy_function=lambda source, copy: link_file(Path(source), Path(copy)), dirs_exist_ok=True
    )
    return ()
