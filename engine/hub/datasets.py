"""Data sets of the Hugging Face Hub, by name and revision: their tables and pictures, and never a program that lies beside them.

What comes is written out in the app's plain layouts, beside the data sets that people bring, so that every step can use it.
"""

import hashlib
import json
import os
import re
import shlex
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from engine.data.pictures.files import may_be_picture
from engine.data.pictures.mask_layouts import CODES, read_classes
from engine.data.reading.litter import is_in_litter
from engine.data.reading.tables import SUFFIXES as TABLE_SUFFIXES
from engine.data.reading.typed import DAMAGE
from engine.data.sources.columns import SplitTable, parquet_split, text_split
from engine.data.sources.hub_origin import HubOrigin, write_origin
from engine.data.sources.meant_columns import AS_FOUND, Chosen
from engine.data.sources.own_archives import NOTES, innermost
from engine.data.sources.plain_layout import write_plain
from engine.data.texts.own import OWN_FOLDER
from engine.data.whole_folder import ABANDONED_SECONDS, making_whole
from engine.errors import DataError, HubError
from engine.host.access import require_host
from engine.host.home import cache_folder, data_folder, disk_told
from engine.hub.client import build_api, hub_told
from engine.hub.dataset_splits import CARD, split_word, tables_by_split
from engine.hub.remote import OnProgress, Reference, alone, counted, parse_reference

LABELS = "id2label.json"
NO_TABLES = frozenset({LABELS, CODES, "dataset_info.json", "dataset_infos.json", "state.json"})
METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
READ = "What is read: Parquet, CSV, JSON lines, and pictures as files."
SCRATCH = "hub-data"
MAX_BYTES = 20_000_000_000
MAX_FILES = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A data set of the Hub, and what of it: one of its parts, and which columns are the inputs and the labels."""

    reference: Reference
    config: str = ""
    columns: Chosen = AS_FOUND


def parse_wanted(text: str) -> Wanted:
    """What somebody writes into one line, as behind the command: OWNER/NAME, then --config, --input and --target where needed."""
    try:
        name, *rest = shlex.split(text)
        options = dict(zip(rest[::2], rest[1::2], strict=True))
    except ValueError:
        raise HubError(f"{text[:100]!r} is not clear. Write OWNER/NAME --input COLUMN --target COLUMN.") from None
    strange = options.keys() - {"--config", "--input", "--target"}
    if strange:
        raise HubError(f"There is no {min(strange)}. Write OWNER/NAME --config NAME --input COLUMN --target COLUMN.")
    columns = Chosen(input=options.get("--input", ""), target=options.get("--target", ""))
    return Wanted(reference=parse_reference(name), config=options.get("--config", ""), columns=columns)


def fetch_dataset(
    wanted: Wanted | str, *, token: str | None = None, on_progress: OnProgress = lambda done, total: None
) -> Path:
    """The folder of a data set of the Hub, fetched once a commit; `on_progress(done, total)` counts bytes.

    Raises `HubError` where it cannot be had, `DataError` where what is there cannot be read: what was downloaded is then kept for
    a while, for another try with another column.
    """
    require_host("fetch a data set of the Hub")
    if isinstance(wanted, str):
        wanted = Wanted(reference=parse_reference(wanted))
    name, api = wanted.reference.repo_id, build_api(token)
    doing = f"fetch {wanted.reference}"
    with hub_told(doing, token):
        info = api.dataset_info(name, revision=wanted.reference.revision, files_metadata=True)
    commit = str(info.sha)
    sizes = {part.rfilename: part.size or 0 for part in info.siblings or () if _is_data(part.rfilename)}
    _check_size(wanted, sizes, [part.rfilename for part in info.siblings or ()])
    folder = data_folder() / OWN_FOLDER / _folder_name(wanted, commit)
    scratch = cache_folder() / SCRATCH / _slug(f"{name}-{commit}")
    total = sum(sizes.values())
    with disk_told(doing), alone(scratch):
        if folder.is_dir():
            os.utime(folder)  # the one that was asked for last
        else:
            _drop_abandoned(scratch)
            scratch.mkdir(parents=True, exist_ok=True)
            with counted(scratch, total, on_progress):
                for file in sorted(sizes, key=lambda file: sizes[file]):
                    with hub_told(doing, token):
                        api.hf_hub_download(name, file, repo_type="dataset", revision=commit, local_dir=scratch)
            with making_whole(folder) as fresh:
                _write(scratch, fresh, wanted)
                asked = (wanted.reference.revision, wanted.config, *wanted.columns)
                write_origin(fresh, HubOrigin(repository=name, commit=commit, asked=asked))
            shutil.rmtree(scratch, ignore_errors=True)
    on_progress(total, total)
    return folder


def _is_data(file: str) -> bool:
    """Whether a file of a repository is fetched: tables, pictures, texts and the card; no programs, no archives."""
    path = Path(file)
    if path.is_absolute() or ".." in path.parts or is_in_litter(path.parts):
        return False
    return file == CARD or path.suffix.lower() in TABLE_SUFFIXES or may_be_picture(path.name)


def _check_size(wanted: Wanted, sizes: Mapping[str, int], there: Sequence[str]) -> None:
    name = wanted.reference
    if not sizes.keys() - {CARD}:
        programs = [file for file in there if file.endswith(".py")]
        if programs:
            raise HubError(
                f"{name} is made by a program, {programs[0]}, and a stranger's program is not run here. Most such data sets "
                f"have their tables beside it: try {name.repo_id}@refs/convert/parquet."
            )
        raise HubError(f"{name} has no tables and no pictures. {READ}")
    if sum(sizes.values()) > MAX_BYTES or len(sizes) > MAX_FILES:
        raise HubError(
            f"{name} has {len(sizes):,} files with {sum(sizes.values()) / 1e9:,.1f} GB. At most {MAX_FILES:,} files and "
            f"{MAX_BYTES / 1e9:.0f} GB are fetched: make a data set of a part of it."
        )


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _folder_name(wanted: Wanted, commit: str) -> str:
    """A name that says what it is, and differs where anything does."""
    said = (wanted.reference.repo_id, commit, wanted.config, wanted.columns)
    digest = hashlib.blake2b(repr(said).encode(), digest_size=6).hexdigest()
    return f"{_slug(f'{wanted.reference.repo_id}-{wanted.config}')[:60].strip('-')}-{digest}"


def _drop_abandoned(scratch: Path) -> None:
    """Delete downloads that nobody has gone on with for a day."""
    for other in scratch.parent.glob("*/") if scratch.parent.is_dir() else ():
        if other != scratch and time.time() - other.stat().st_mtime > ABANDONED_SECONDS:
            shutil.rmtree(other, ignore_errors=True)


def _write(source: Path, folder: Path, wanted: Wanted) -> None:
    """What was downloaded, in the app's layouts: tables are written out, and pictures that lie in folders stay as they are."""
    files = sorted(
        path for path in source.rglob("*") if path.is_file() and _is_data(path.relative_to(source).as_posix())
    )
    pictures = [path for path in files if may_be_picture(path.name)]
    tables = [path for path in files if path.suffix.lower() in TABLE_SUFFIXES - NOTES and path.name not in NO_TABLES]
    metadata = [path for path in tables if path.name.lower() in METADATA]
    parquet = [path for path in tables if path.suffix.lower() == ".parquet" and path not in metadata]
    is_chosen = bool(wanted.config or any(wanted.columns))
    if pictures and not parquet and not metadata and not (is_chosen and tables) and _are_of_pictures(tables, source):
        if is_chosen:
            raise DataError(f"{wanted.reference} has no tables, so that there are no parts and no columns to choose.")
        _keep_files(source, folder)
        return
    tables = parquet or metadata or tables
    if not tables:
        raise DataError(f"{wanted.reference} has no tables and no pictures in folders. {READ}")
    by_split = tables_by_split(source, tables, str(wanted.reference), wanted.config)
    read = [table for split, some in by_split.items() for table in _split_tables(split, some, source)]
    write_plain(
        sorted(read, key=lambda table: table.split != "train"), folder, wanted.columns, partial(_codes_in, source)
    )
    if metadata and (folder / "images").is_dir():
        _keep_unnamed(source, pictures, read, folder / "images")


def _keep_unnamed(source: Path, pictures: Sequence[Path], tables: Sequence[SplitTable], folder: Path) -> None:
    """Pictures that no row names are kept too: the account then says how many there are."""
    columns = [(table, column.name) for table in tables for column in table.columns if column.holds == "picture"]
    named = {cell[0] for table, name in columns for row in table.rows() if (cell := row.get(name))}
    for path in pictures:
        place = path.relative_to(source).as_posix()
        if place not in named:
            shutil.copyfile(path, folder / f"no-row-{_slug(str(Path(place).with_suffix('')))}{path.suffix.lower()}")


def _are_of_pictures(tables: Sequence[Path], root: Path) -> bool:
    """Whether tables beside pictures name these; texts may have a picture beside them that is only for show."""
    return not tables or any(
        column.holds == "picture" for table in tables for column in text_split("train", table, root).columns
    )


def _keep_files(source: Path, folder: Path) -> None:
    """The files as they lie, from the innermost folder that holds them all."""
    (source / CARD).unlink(missing_ok=True)
    inner = innermost(source)
    for path in sorted(inner.rglob("*")):
        if path.is_file() and _is_data(path.relative_to(inner).as_posix()):
            there = folder / path.relative_to(inner)
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, there)


def _split_tables(split: str, files: Sequence[Path], root: Path) -> list[SplitTable]:
    if all(file.suffix.lower() == ".parquet" and file.name.lower() not in METADATA for file in files):
        return [parquet_split(split, files)]
    if len(files) > 1:
        named = ", ".join(file.name for file in files[:4])
        raise DataError(f"Several tables are of the split {split}: {named}. Only Parquet may come in several files.")
    table = text_split(split, files[0], root)
    return _by_folder(table, files[0]) if files[0].name.lower() in METADATA and files[0].parent == root else [table]


def _by_folder(table: SplitTable, file: Path) -> list[SplitTable]:
    """A table of pictures that lie in folders for the splits, as a table for each split."""
    named = next((column.name for column in table.columns if column.holds == "picture"), "")

    def side(row: Mapping[str, Any]) -> str:
        cell = row.get(named)
        return split_word(Path(cell[0]).parts[0]) if cell and len(Path(cell[0]).parts) > 1 else ""

    sides = {side(row) for row in table.rows()} if named else {""}
    if sides <= {""}:
        return [table]
    if "" in sides:
        raise DataError(
            f"{file.name} names pictures in folders for the splits, and others. Put all of them into such folders."
        )
    return [
        replace(table, split=one, rows=lambda one=one: (row for row in table.rows() if side(row) == one))
        for one in sorted(sides)
    ]


def _codes_in(source: Path) -> tuple[str, ...]:
    """The classes of masks, in a file of names or as many repositories keep them: {"0": "wall", …}."""
    if (source / CODES).is_file():
        return read_classes(source / CODES)[0]
    try:
        said = json.loads((source / LABELS).read_text("utf-8"))
        return tuple(str(said[str(code)]) for code in range(len(said)))
    except (RecursionError, *DAMAGE):
        return ()
