"""What is in a folder, a table or an archive: which kind of data set, and what is in it, before anything is trained."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.data.account import Account
from engine.data.dataset import DataSet
from engine.data.sources.fetching import place_of, resolve_dataset
from engine.data.sources.own_archives import is_archive, looked_into
from engine.errors import DataError, LayoutError
from engine.host.access import require_host
from engine.inputs import TEXT
from engine.task import Aim, Objective
from engine.tasks.registry import TASKS, get_task

# A folder of masks holds folders of pictures, as one of classes does; one label a picture is a special case of tags. A column of
# numbers may be read as one of tags, too.
ORDER = ("mask", "point", "label", "number", "tags", "text")


def check(dataset: str, task: str = "", encoding: str = "") -> Account:
    """The account of a data set, by its name, or of a folder, table or archive; its `refused` says why it cannot be used.

    Without a `task` the first kind is taken that can read it. `encoding` is that of texts that are not UTF-8.
    """
    aims = kinds_to_try(task)
    try:
        with _opened(dataset) as root:
            _, data = open_kind(root, aims, encoding)
            return data.account()
    except _Refused as problem:
        return Account(kind=problem.kind, refused=str(problem))
    except DataError as problem:
        return Account(refused=str(problem))


def open_kind(root: Path, aims: Sequence[Aim], encoding: str = "") -> tuple[Aim, DataSet]:
    """The first of these aims that can read what is in `root`, and the data set; of several each reads what its kind does.

    Where none can, the `DataError` is that of the first whose layout it has, or says what is known.
    """
    refusals: list[_Refused] = []

    def build(aim: Aim) -> Objective[Any]:
        return aim.plain_objective() if len(aims) > 1 else aim.build()

    for aim in aims:
        said = {"encoding": encoding} if encoding and aim.input_kind is TEXT else {}
        try:
            return aim, build(aim).open_data(root, **said)
        except LayoutError as problem:
            if len(aims) == 1:
                raise _Refused(aim.kind, str(problem)) from None
        except DataError as problem:
            refusals.append(_Refused(aim.kind, str(problem)))
    if refusals:
        raise refusals[0]
    raise LayoutError(
        f"{root.name} holds no data set that is known: no pictures with masks (images/, labels/, codes.txt), no pictures "
        "with points (centres.csv, images/), no pictures with tags (labels.csv, train/, or a folder for each class) or "
        "numbers (a table with columns of numbers beside them), and no texts with labels (a table with the columns text and "
        "label, or pos/*.txt and neg/*.txt). docs/own-data.md shows each."
    )


class _Refused(DataError):
    """A data set of one kind that cannot be used."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind


def kinds_to_try(task: str = "") -> list[Aim]:
    """The aim of a task, or one of each kind, in the order in which a data set is tried."""
    if task:
        return [get_task(task).aims[0]]
    return sorted((task.aims[0] for task in TASKS), key=lambda aim: ORDER.index(aim.kind))


@contextmanager
def _opened(dataset: str) -> Iterator[Path]:
    archive = place_of(dataset)
    if is_archive(archive):
        require_host("open an archive of this machine")
        with looked_into(archive) as folder:
            yield folder
    else:
        yield resolve_dataset(dataset)
