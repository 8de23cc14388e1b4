"""Tables of texts on the disk, in the layout of `DatasetDict.save_to_disk`: one for each split.

They are written text by text and opened as memory-mapped Arrow files, so that not all texts are ever in memory.
"""

import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.data.reading.values import storable
from engine.errors import DataError

if TYPE_CHECKING:
    from datasets import Dataset

MAX_TEXT = 5_000_000  # characters of one text, or bytes of its file: a long novel has 3 million
MAX_TEXTS = 2_000_000
UNLABELLED = -1  # as `datasets` writes a class that nobody has said
LIST = "dataset_dict.json"  # the file that tells such a folder
SPLITS = ("train", "validation", "test", "unsupervised")  # by the names that the Hugging Face Hub gives them
# What else they may be called.
SPLIT_NAMES = {split: split for split in SPLITS} | {
    **dict.fromkeys(("valid", "val", "dev"), "validation"),
    "unsup": "unsupervised",
}

# What is raised for files that are damaged.
DAMAGE = (
    OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError, MemoryError,
    AssertionError,
)  # fmt: skip

_WAITING = 4_000_000  # characters in memory before they are written


class TextRow(NamedTuple):
    """One text: the split that it is of (see `SPLITS`), its name there, its content, and its class's number."""

    split: str
    name: str
    text: str
    label: int = UNLABELLED


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedTexts:
    """All splits as one `table` with the columns text, label and name; `rows` are the numbers of its rows for each of `SPLITS`.

    A row that nobody has labelled counts as unsupervised, but for those of the test split: they are `unlabelled_test`, which is
    not to be learnt from. A label is a place in `classes`.
    """

    table: "Dataset"
    classes: tuple[str, ...]
    rows: dict[str, list[int]]
    unlabelled_test: list[int]


def decode_text(content: bytes) -> str:
    """A file's bytes as text; what is not UTF-8 becomes U+FFFD, and a byte order mark goes."""
    return content.decode("utf-8-sig", errors="replace")


def write_tables(folder: Path, classes: Sequence[str], rows: Iterable[TextRow]) -> Counter[str]:
    """Fills the new `folder` with `rows`, in their order within each split; returns how many each split has.

    `DataError` for a text or a number of texts that is too large. Whatever goes wrong, the folder is the caller's to remove.
    """
    import datasets  # takes most of a second, for which the page need not wait

    features = datasets.Features(
        {
            "text": datasets.Value("string"),
            "label": datasets.ClassLabel(names=list(classes)),
            "name": datasets.Value("string"),
        }
    )
    unfinished = folder / "unfinished"
    unfinished.mkdir(parents=True)
    counts = _write_streams(unfinished, features.arrow_schema, rows)
    tables = datasets.DatasetDict()
    for split in SPLITS:
        if counts[split]:
            tables[split] = datasets.Dataset.from_file(str(unfinished / split))
    with without_bars():
        tables.save_to_disk(str(folder))
    del tables  # their files are mapped into memory
    shutil.rmtree(unfinished)
    return counts


def check_saved(folder: Path) -> None:
    """`DataError` for a saved `DatasetDict` that names files outside of it, or in which a link leads nowhere."""
    for path in sorted((*folder.glob("*"), *folder.glob("*/*"))):
        if path.suffix in (".json", ".arrow") and not path.is_file():
            raise DataError(f"{path} is no file, but a folder, or a link to nothing. Save the DatasetDict again.")
    for state in sorted(folder.glob("*/state.json")):
        try:
            names = [file["filename"] for file in json.loads(state.read_text("utf-8"))["_data_files"]]
            is_inside = all(Path(name).name == name for name in names)
        except DAMAGE as problem:
            raise DataError(
                f"{state} cannot be read ({problem}). Save the DatasetDict again with save_to_disk."
            ) from None
        if not is_inside:
            raise DataError(f"{state} names files that lie elsewhere ({names[0]!r}). Save the DatasetDict again.")


def open_tables(folder: Path, *, is_strange: bool = False) -> SavedTexts:
    """What `write_tables` or `save_to_disk` made; a `DataError` for what is damaged, or is no texts with labels.

    Of a strange one, which somebody else has written, all is read first: where a text begins is a number in the file, and a
    wrong one would lead out of the memory.
    """
    import datasets

    tables = _load_splits(folder, is_strange)
    classes = _class_names(tables[0][1].features["label"], folder)
    try:
        with without_bars():
            table = datasets.concatenate_datasets([_with_names(split, table) for split, table in tables])
    except DAMAGE as error:  # columns of different types
        raise DataError(
            f"The splits of {folder} do not fit together ({error}). Save them with the same columns."
        ) from None
    labels = [UNLABELLED if label is None else label for label in table["label"][:]]
    if labels and not UNLABELLED <= min(labels) <= max(labels) < len(classes):
        raise DataError(
            f"{folder} has labels from {min(labels)} to {max(labels)} for {len(classes)} classes. Save it again."
        )
    rows: dict[str, list[int]] = {split: [] for split in SPLITS}
    splits = (SPLIT_NAMES[split] for split, part in tables for _ in range(len(part)))
    unlabelled_test: list[int] = []
    for row, (split, label) in enumerate(zip(splits, labels, strict=True)):
        if label != UNLABELLED:
            rows[split].append(row)
        else:
            (unlabelled_test if split == "test" else rows["unsupervised"]).append(row)
    return SavedTexts(table=table, classes=classes, rows=rows, unlabelled_test=unlabelled_test)


def _load_splits(folder: Path, is_strange: bool) -> list[tuple[str, "Dataset"]]:
    """The saved splits whose names are known, in their order, as plain tables with a text and a label."""
    import datasets

    try:
        names = json.loads((folder / LIST).read_text("utf-8"))["splits"]
        # A list that somebody sent may name anything, even an address; only known names are opened.
        known = [name for name in names if SPLIT_NAMES.get(name)]
        with without_bars():
            # A saved set may ask for another format than plain values.
            tables = [(name, datasets.Dataset.load_from_disk(str(folder / name)).with_format(None)) for name in known]
        for _, table in tables if is_strange else ():
            table.data.validate(full=True)
    except DAMAGE as error:  # Arrow's are of these kinds too
        raise DataError(f"{folder} is no whole DatasetDict ({error}). Save it again with save_to_disk.") from None
    if not known:
        raise DataError(f"{folder} has the splits {', '.join(map(str, names)) or '(none)'}. One must be called train.")
    for name, table in tables:
        missing = [column for column in ("text", "label") if column not in table.column_names]
        if missing or getattr(table.features["text"], "dtype", "") not in ("string", "large_string"):
            raise DataError(
                f"The split {name} of {folder} has the columns {', '.join(table.column_names)}. It needs a column text of "
                "strings and a column label: rename them with rename_column, and save it again."
            )
        _check_sizes(name, table)
    if sum(len(table) for _, table in tables) > MAX_TEXTS:
        raise DataError(f"{folder} has more than {MAX_TEXTS:,} texts. Take some of them.")
    return tables


def _check_sizes(name: str, table: "Dataset") -> None:
    from pyarrow import compute

    # From where each text begins in the file: none is read.
    lengths = compute.call_function("binary_length", [table.data.column("text")])
    longest = compute.call_function("max", [lengths]).as_py()
    if (longest or 0) > 4 * MAX_TEXT:  # a character has at most 4 bytes
        raise too_long(f"A text in {name}")


def _class_names(label: Any, folder: Path) -> tuple[str, ...]:
    names = getattr(label, "names", None)
    if not names or not all(isinstance(name, str) for name in names):
        raise DataError(
            f"The labels of {folder} have no names. Give them some with class_encode_column('label'), and save it again."
        )
    return tuple(map(storable, names))


def _with_names(split: str, table: "Dataset") -> "Dataset":
    """The three columns; texts without a name get their split's and a number."""
    if "name" not in table.column_names:
        table = table.add_column("name", [f"{split}#{number}" for number in range(1, len(table) + 1)])  # pyright: ignore
    return table.select_columns(["text", "label", "name"])


def _write_streams(folder: Path, schema: Any, rows: Iterable[TextRow]) -> Counter[str]:
    import pyarrow

    counts: Counter[str] = Counter()
    waiting: defaultdict[str, list[TextRow]] = defaultdict(list)
    writers: dict[str, Any] = {}
    size = 0
    with ExitStack() as files:

        def write() -> None:
            for split, some in waiting.items():
                if split not in writers:
                    writers[split] = files.enter_context(pyarrow.ipc.new_stream(str(folder / split), schema))
                columns = [[getattr(row, name) for row in some] for name in schema.names]
                writers[split].write_batch(pyarrow.record_batch(columns, schema=schema))
            waiting.clear()

        for number, row in enumerate(rows, start=1):
            if number > MAX_TEXTS:
                raise DataError(f"There are more than {MAX_TEXTS:,} texts. Take some of them.")
            if len(row.text) > MAX_TEXT:
                raise too_long(row.name)
            counts[row.split] += 1
            waiting[row.split].append(row)
            size += len(row.text) + len(row.name) + 100  # what a row of Python objects weighs beside its letters
            if size > _WAITING:
                write()
                size = 0
        write()
    return counts


def too_long(name: str) -> DataError:
    """What to raise for a text that is no text."""
    return DataError(f"{name} has more than {MAX_TEXT:,} characters. Cut it in several texts, or leave it out.")


@contextmanager
def without_bars() -> Iterator[None]:
    """Keeps `datasets` from drawing its progress bars into the log."""
    from datasets import utils

    if utils.are_progress_bars_disabled():
        yield
        return
    utils.disable_progress_bars()
    try:
        yield
    finally:
        utils.enable_progress_bars()
