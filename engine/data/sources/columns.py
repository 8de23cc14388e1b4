"""Columns of a table as the Hugging Face Hub has them: pictures, classes, numbers and texts, from Parquet or from files.

Of Parquet the library `datasets` says what a column holds. In other tables all is text, and a picture is named by its file.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engine.data.pictures.files import may_be_picture
from engine.data.reading.rows import Table
from engine.data.reading.tables import open_table
from engine.data.reading.typed import DAMAGE
from engine.data.reading.values import as_number, is_missing
from engine.errors import DataError

if TYPE_CHECKING:
    pass

Holds = Literal["picture", "class", "classes", "text", "texts", "number", "numbers", "other"]
PICTURE_COLUMNS = ("file_name", "image", "img", "picture", "image_name", "filename", "file", "image_path", "path")
BATCH = 64  # rows of Parquet at once: each may hold a picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What a column is called and what it holds; `classes` are the names behind the numbers of a class."""

    name: str
    holds: Holds
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitTable:
    """The rows of one split. A picture's cell is the file's name and its bytes, or None; a class's is its name, or None.

    `is_by_path` is whether a picture's name tells it from all others, as the path of a file does.
    """

    split: str
    columns: tuple[Column, ...]
    rows: Callable[[], Iterator[Mapping[str, Any]]]
    is_by_path: bool = False


def parquet_split(split: str, files: Sequence[Path]) -> SplitTable:
    """The Parquet files of a split, which all have the same columns; `DataError` for damaged ones."""
    import pyarrow
    from datasets import Features
    from pyarrow import parquet

    damage = (pyarrow.ArrowException, RecursionError, *DAMAGE)
    found: list[tuple[Column, ...]] = []
    for file in files:
        try:
            features = Features.from_arrow_schema(parquet.read_schema(file))
            found.append(tuple(_column(name, feature) for name, feature in features.items()))
        except damage as problem:
            raise DataError(f"{file.name} is no whole Parquet file ({problem}). Get it again.") from None
    columns = found[0]
    other = next((file for file, some in zip(files, found, strict=True) if some != columns), None)
    if other:  # the same numbers may stand for other classes there
        raise DataError(
            f"{other.name} has other columns, or other classes in them, than {files[0].name}. Both are {split}."
        )

    def rows() -> Iterator[Mapping[str, Any]]:
        for file in files:
            try:
                with parquet.ParquetFile(file) as content:
                    for batch in content.iter_batches(batch_size=BATCH):
                        for row in batch.to_pylist():
                            yield {column.name: _value(row.get(column.name), column) for column in columns}
            except damage as problem:
                raise DataError(f"{file.name} cannot be read as Parquet ({problem}). Get it again.") from None

    return SplitTable(split=split, columns=columns, rows=rows)


def _column(name: str, feature: Any) -> Column:
    """What a feature of `datasets` is to us."""
    from datasets import ClassLabel, Image, Value

    inner = getattr(feature, "feature", feature[0] if isinstance(feature, list) and feature else None)
    if isinstance(feature, Image):
        return Column(name=name, holds="picture")
    if isinstance(feature, ClassLabel):
        return Column(name=name, holds="class", classes=tuple(feature.names or ()))
    if isinstance(inner, ClassLabel):
        return Column(name=name, holds="classes", classes=tuple(inner.names or ()))
    if isinstance(feature, Value):
        return Column(name=name, holds=_value_holds(feature.dtype))
    if isinstance(inner, Value):
        return Column(name=name, holds="texts" if _value_holds(inner.dtype) == "text" else "numbers")
    return Column(name=name, holds="other")


def _value_holds(dtype: str) -> Holds:
    if "string" in dtype or dtype == "bool":
        return "text"
    return "number" if dtype.startswith(("int", "uint", "float")) else "other"


def _value(cell: Any, column: Column) -> Any:
    if cell is None:
        return None
    if column.holds == "picture":
        return (str(cell.get("path") or ""), cell.get("bytes")) if isinstance(cell, dict) else None
    if column.holds == "class":
        return _class_name(cell, column)
    if column.holds == "classes":
        return [name for name in (_class_name(one, column) for one in cell) if name is not None]
    return cell


def _class_name(number: Any, column: Column) -> str | None:
    if not isinstance(number, int) or number < 0:
        return None  # as test sets say that the label is kept back
    if number >= len(column.classes):
        raise DataError(
            f"The column {column.name} has the class {number}, and names for {len(column.classes)} of them."
        )
    name = column.classes[number].strip()
    if is_missing(name):
        raise DataError(
            f"The column {column.name} has a class called {name!r}, and in a table that stands for no label. Choose another "
            "column, or rename the class in a copy of the data set."
        )
    return name


def text_split(split: str, file: Path, root: Path) -> SplitTable:
    """A table of texts; a column that names pictures beside the table, in the folder `root`, is one of pictures, and one that has
    numbers alone is one of numbers."""
    table = open_table(file)
    numbers = _number_columns(table)
    columns = []
    for at, name in enumerate(table.columns):
        head = [row.cells[at] for row in table.head()]
        named = name.strip().lower() in PICTURE_COLUMNS and any(may_be_picture(Path(cell).name) for cell in head)
        columns.append(Column(name=name, holds="picture" if named else "number" if at in numbers else "text"))

    def rows() -> Iterator[Mapping[str, Any]]:
        for row in table.rows():
            cells = zip(columns, row.cells, strict=True)
            yield {column.name: _cell(said, column, file.parent, root) for column, said in cells}

    return SplitTable(split=split, columns=tuple(columns), rows=rows, is_by_path=True)


def _number_columns(table: Table) -> set[int]:
    """The places of the columns that have a number in some row, and nothing else in any."""
    left, seen = set(range(len(table.columns))), set[int]()
    for row in table.rows():
        said = {at for at in left if not is_missing(row.cells[at])}
        odd = {at for at in said if as_number(row.cells[at]) is None}
        left, seen = left - odd, seen | said
        if not left:
            break
    return left & seen


def _cell(said: str, column: Column, beside: Path, root: Path) -> Any:
    """A text; or the picture at a path, which a stranger's table may have lead anywhere."""
    if column.holds != "picture":
        return said or None
    try:
        path = (beside / said).resolve()
        if not path.is_relative_to(root.resolve()) or not path.is_file():
            return None
        return path.relative_to(root.resolve()).as_posix(), path.read_bytes()
    except (OSError, ValueError):  # too long, a null
        return None
