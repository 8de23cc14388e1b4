"""Texts with classes, such as film reviews: a memory-mapped table, and which of its rows are for what.

Texts that come as a CSV file or as folders of files are copied into such a table once; the copy's name is a hash of the files'
paths, sizes and times, so changed files get a new copy.
"""

import hashlib
import json
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.data.account import Account, Findings
from engine.data.dataset import ALL, SummaryStep, items_of, nothing_to_learn, some_classes
from engine.data.reading.values import storable
from engine.data.splits import SPLIT_SEED, split_randomly
from engine.data.texts.counting import account_of_texts
from engine.data.texts.files import TextLayout, find_layout
from engine.data.texts.labelled_table import AS_NAMED, VALID_SHARE, Columns
from engine.data.texts.tables import LIST, UNLABELLED, SavedTexts, check_saved, open_tables, write_tables
from engine.data.texts.words import tokenize
from engine.data.whole_folder import making_whole
from engine.errors import DataError
from engine.host.home import cache_folder
from engine.recipe import Stage

if TYPE_CHECKING:
    from datasets import Dataset

FORMAT = 4
FINDINGS = "findings.json"
MOST_CLASSES = 253
MOST_LETTERS = 40  # of a folder's name that its copy has in its own

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f]")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TextData:
    """A `DataSet` of texts. `table` has the columns text, label (-1 where nobody has said) and name; labels index `classes`.

    `train`, `valid`, `test`, `unlabelled` and `unlabelled_test` are row numbers of the table; the last are texts of a test split
    whose labels somebody else keeps. `title` says how they were split, in one line.
    `numbers` are the places in `classes` of the labels as they are written, where these are not the same. `fingerprint` changes
    whenever the table does, and stays when only the split is another.
    """

    root: Path
    table: "Dataset"
    classes: tuple[str, ...]
    train: tuple[int, ...]
    valid: tuple[int, ...]
    test: tuple[int, ...]
    unlabelled: tuple[int, ...]
    unlabelled_test: tuple[int, ...]
    title: str
    findings: Findings
    fingerprint: str
    channels: int = 1
    numbers: tuple[int, ...] | None = None

    def items(self, split: str) -> tuple[int, ...]:
        """The rows of "train", "valid" or "test"."""
        return items_of(self, split)

    def account(self) -> Account:
        """What was found, with the classes' numbers and the copies across the split."""
        return account_of_texts(self)

    def texts(self, rows: Sequence[int]) -> list[str]:
        """The texts of `rows`, read from the disk, without control characters."""
        return [clean_text(text or "") for text in self._column("text", rows)]

    def labels(self, rows: Sequence[int]) -> list[int]:
        """The class numbers of `rows`; -1 where nobody has said."""
        written = [UNLABELLED if label is None else label for label in self._column("label", rows)]
        if self.numbers is None:
            return written
        return [label if label == UNLABELLED else self.numbers[label] for label in written]

    def label(self, row: int) -> str:
        """The name of a row's class; "" where nobody has said."""
        number = self.labels([row])[0]
        return "" if number == UNLABELLED else self.classes[number]

    def name(self, row: int) -> str:
        """What the row is called: a file's name, or its split or file with the number in it."""
        return self._column("name", [row])[0]

    def _column(self, name: str, rows: Sequence[int]) -> list[Any]:
        return self.table[name][list(rows)]  # pyright: ignore[reportCallIssue, reportArgumentType]

    def summary(self, stage: Stage) -> list[SummaryStep]:
        """The six questions walked on the first training text, as `stage` would see it."""
        first = self.items(ALL)[0]
        tokens = tokenize(self.texts([first])[0][:300])[:12]
        test = f"{len(self.test)} test texts, never used to tune" if self.test else "none: validation figures only"
        more = f", and {len(self.unlabelled)} that nobody has labelled" if self.unlabelled else ""
        return [
            SummaryStep(
                question="Where are the inputs?",
                answer=f"{len(self.train) + len(self.valid)} texts{more}, the first {self.name(first)}",
                code="data.texts(data.train[:1])",
            ),
            SummaryStep(
                question="How are they split?",
                answer=f"{len(self.train)} to train, {len(self.valid)} to validate ({self.title})",
                code="(data.train, data.valid)",
            ),
            SummaryStep(
                question="How are they labelled?",
                answer=f"{self.label(first)}; the model learns: {some_classes(self.classes)}",
                code="data.label(data.train[0])",
            ),
            SummaryStep(question="Is there a test set?", answer=test, code="data.test"),
            SummaryStep(
                question="Which transforms?",
                answer=f"none, for a text: it becomes tokens, and they become numbers. It begins: {' '.join(tokens)}",
                code="tokenize(data.texts(data.train[:1])[0])",
            ),
            SummaryStep(
                question="How are they batched?",
                answer=f"cut to {stage.text_length} tokens, sorted by length into batches of {stage.batch_size}, and "
                "padded to the longest of the batch",
                code=f"data.texts(data.train[:{stage.batch_size}])",
            ),
        ]


def clean_text(text: str) -> str:
    """The text with plain line ends and no control characters but these and tabs: a null ends a text for some programs."""
    if _CONTROLS.search(text):
        text = _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return text


def open_texts(
    root: Path, *, split_seed: int = SPLIT_SEED, encoding: str = "", columns: Columns = AS_NAMED
) -> TextData:
    """The texts in the folder `root`, in one of the layouts that are recognised; else a `LayoutError` that lists these.

    The first time, tables or folders of files are copied into a table under the cache folder. Where nothing says which texts
    validate, that is a random tenth of the training texts. `encoding` and `columns` are for what is not clear: see `find_layout`.
    """
    if not root.exists():
        raise DataError(f"There is no {root}. Give a CSV file, or the folder that holds the texts.")
    if (root / LIST).is_file():
        check_saved(root)
        states = (_state(path, root) for path in sorted(root.glob("*/*")) if path.suffix in (".arrow", ".json"))
        return _open(root, root, _digest(states), split_seed=split_seed)
    layout = find_layout(root, encoding, columns)
    return open_text_layout(
        root, layout, said=(encoding, *columns) if encoding or any(columns) else (), split_seed=split_seed
    )


def open_text_layout(
    root: Path, layout: TextLayout, *, said: Sequence[str] = (), split_seed: int = SPLIT_SEED
) -> TextData:
    """The texts of a layout in `root`. `said` is what somebody chose of how they are read: another choice is another copy."""
    digest = _digest((*(_state(path, root.parent) for path in layout.files), *((word, 0, 0) for word in said)))
    folder = cache_folder() / f"{storable(root.stem[:MOST_LETTERS])}-texts-{digest}"
    if not folder.exists():
        copy_texts(layout, folder)
    return _open(folder, root, digest, split_seed=split_seed)


def copy_texts(layout: TextLayout, folder: Path) -> None:
    """Makes a table of somebody's texts in `folder`, whole or not at all, with what was found beside it."""
    try:
        with making_whole(folder) as partial:
            reading = layout.read()
            _check_classes(reading.classes, layout.files[0].parent)
            write_tables(partial, reading.classes, reading.rows())
            kept = {"source": reading.source, **asdict(reading.findings)}
            (partial / FINDINGS).write_text(json.dumps(kept), "utf-8")
    except OSError as error:
        raise DataError(f"The texts could not be copied to {folder} ({error}). Make room, then try again.") from None


def _findings_in(folder: Path, saved: SavedTexts, *, is_ours: bool) -> tuple[str, Findings]:
    """What tells the validation texts, and what was found when the copy was made; of a saved `DatasetDict`, what it holds."""
    rows = sum(map(len, saved.rows.values())) + len(saved.unlabelled_test)
    file = folder / FINDINGS
    if not file.exists():
        return "its split validation", Findings(layout="tables as the library datasets saves them", found=rows)
    try:
        kept = json.loads(file.read_text("utf-8"))
        return str(kept["source"]), Findings(
            layout=str(kept["layout"]),
            found=int(kept["found"]),
            left_out={why: tuple(map(str, names)) for why, names in kept["left_out"].items()},
            notes=tuple(map(str, kept["notes"])),
            warnings=tuple(map(str, kept["warnings"])),
            parts=kept["parts"] if is_ours else {},  # code that people may run is never taken from a stranger's file
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as problem:
        raise DataError(
            f"{file}, which says what was found in the texts, is damaged ({problem}). Delete it, and get the texts again."
        ) from None


def _open(folder: Path, root: Path, fingerprint: str, *, split_seed: int) -> TextData:
    """The tables in `folder` as the data set `root`."""
    saved = open_tables(folder, is_strange=folder == root)
    _check_classes(saved.classes, root)
    title, findings = _findings_in(folder, saved, is_ours=folder != root)
    train, valid, test = saved.rows["train"], saved.rows["validation"], saved.rows["test"]
    if not valid and train:
        title = f"a random {VALID_SHARE:.0%}, seed {split_seed}"
        train, valid = split_randomly(train, seed=split_seed, share=VALID_SHARE)
    if not (test or train or valid):
        raise nothing_to_learn(root, 0, 0, title, findings.left_out)
    return TextData(
        root=root,
        table=saved.table,
        classes=saved.classes,
        train=mixed(train, split_seed),
        valid=mixed(valid, split_seed),
        test=mixed(test, split_seed),
        unlabelled=tuple(saved.rows["unsupervised"]),
        unlabelled_test=tuple(saved.unlabelled_test),
        title=title,
        findings=findings,
        fingerprint=fingerprint,
    )


def _check_classes(classes: Sequence[str], root: Path) -> None:
    if not 2 <= len(classes) <= MOST_CLASSES:
        found = ", ".join(classes[:5]) or "none"
        raise DataError(
            f"The texts in {root} have {len(classes)} classes ({found}). They need 2 to {MOST_CLASSES}: check the column "
            "with the labels, or the folders."
        )


def mixed(rows: list[int], seed: int) -> tuple[int, ...]:
    """The rows in another order, always the same: files come sorted by class, and the first ones would show one class alone."""
    return tuple(random.Random(seed).sample(rows, len(rows)))


def _state(file: Path, root: Path) -> tuple[str, int, int]:
    state = file.stat()
    return file.relative_to(root).as_posix(), state.st_size, state.st_mtime_ns


def _digest(states: Iterable[tuple[str, int, int]]) -> str:
    digest = hashlib.blake2b(str(FORMAT).encode(), digest_size=8)
    for state in states:
        digest.update(repr(state).encode())
    return digest.hexdigest()
