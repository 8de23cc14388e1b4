"""Data sets of the Hugging Face Hub, by name and revision: their tables and pictures, and never a program that lies beside them.

What comes is written out in the app's plain layouts, beside the data sets that people bring, so that every step can use it.
"""

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
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
from engine.data.sources.own_archives import NOTES, innermost
from engine.data.sources.plain_layout import AS_FOUND, Chosen, write_plain
from engine.data.splits import SPLIT_WORDS
from engine.data.texts.own import OWN_FOLDER
from engine.data.whole_folder import ABANDONED_SECONDS, making_whole
from engine.errors import DataError, HubError
from engine.host.access import require_host
from engine.host.home import cache_folder, data_folder, disk_told
from engine.hub.client import build_api, hub_told
from engine.hub.remote import OnProgress, Reference, alone, counted, parse_reference

CARD, LABELS = "README.md", "id2label.json"
NO_TABLES = frozenset({LABELS, CODES, "dataset_info.json", "dataset_infos.json", "state.json"})
METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
READ = "What is read: Parquet, CSV, JSON lines, and pictures as files."
SCRATCH = "hub-data"
MAX_BYTES = 20_000_000_000
MAX_FILES = 200_000
MAX_CARD = 1_000_000  # bytes
NAMELESS = ""  # a table whose name says no split: all training samples, where it is alone
UNLABELLED = {"unsupervised": "unsupervised", "unlabeled": "unsupervised", "unlabelled": "unsupervised"}
_WORDS = re.compile(r"[^a-z]+")
_SHARD = re.compile(r"-\d+(-of-\d+)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A data set of the Hub, and what of it: one of its parts, and which columns are the inputs and the labels."""

    reference: Reference
    config: str = ""
    columns: Chosen = AS_FOUND


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
    by_split = _by_split(source, tables, wanted)
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


def _by_split(root: Path, tables: Sequence[Path], wanted: Wanted) -> dict[str, list[Path]]:
    """The tables of the wanted part, by split: as the card says, or else by the names of files and folders."""
    found: dict[str, dict[str, list[Path]]] = {}
    for config, split, pattern in _configs_in(root / CARD):
        fits = re.compile(_regex(pattern))
        some = found.setdefault(config, {}).setdefault(split, [])
        some += [path for path in tables if fits.fullmatch(path.relative_to(root).as_posix()) and path not in some]
    found = {config: splits for config, splits in found.items() if any(splits.values())}
    if not found:
        for path in tables:
            config, split = _said_by_name(path.relative_to(root))
            found.setdefault(config, {}).setdefault(split, []).append(path)
    if wanted.config not in found and (wanted.config or len(found) > 1):
        choice = f"There is no part {wanted.config} in" if wanted.config else "It is not clear which part is meant of"
        raise DataError(
            f"{choice} {wanted.reference}: it has {', '.join(sorted(found))[:400]}. Say it with --config NAME."
        )
    return _by_word(found[wanted.config if wanted.config in found else next(iter(found))], wanted)


def _by_word(found: Mapping[str, list[Path]], wanted: Wanted) -> dict[str, list[Path]]:
    """The splits under the names that they have here; `DataError` where two would be one, or one is none that is known."""
    known = {split: split_word(split) for split in found if found[split]}
    strange = [split for split, word in known.items() if not word and split != NAMELESS]
    if strange or (NAMELESS in known and len(known) > 1):
        shown = strange[0] if strange else found[NAMELESS][0].name
        raise DataError(
            f"{wanted.reference} has something called {shown!r} beside its splits. Those that are known: train, validation, test."
        )
    words = [word or "train" for word in known.values()]
    twice = [split for split, word in known.items() if words.count(word or "train") > 1]
    if twice:
        raise DataError(
            f"{wanted.reference} has several splits for one: {', '.join(sorted(twice))[:200]}. Make a data set with one of them."
        )
    if any(split.startswith("partial-") for split in known):
        raise DataError(f"Of {wanted.reference} the Hub has only a part as Parquet. Take another revision.")
    return {word: found[split] for split, word in zip(known, words, strict=True)}


def _said_by_name(path: Path) -> tuple[str, str]:
    """The part and the split that a file's place says it is of, such as sst2/train-00000-of-00001.parquet."""
    folders = [part for part in path.parts[:-1] if part != "data"]
    stem = _SHARD.sub("", path.stem)
    split = next((part for part in (stem, *reversed(folders)) if split_word(part)), NAMELESS)
    outer = [part for part in folders if not split_word(part)]
    return outer[0] if outer else "", split


def split_word(name: str) -> str:
    """The split that a name is called after; "" for none."""
    words = _WORDS.split(name.lower())
    return next((known for word in words if (known := {**SPLIT_WORDS, **UNLABELLED}.get(word, ""))), "")


def _regex(pattern: str) -> str:
    """A card's pattern for paths: `*` stays in one folder, and `**/` is any number of them."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.removeprefix("./"))
    meant = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(meant.get(part) or re.escape(part) for part in parts)


def _configs_in(card: Path) -> list[tuple[str, str, str]]:
    """What a card says of its tables: part, split and a pattern for paths inside the repository."""
    import yaml
    from huggingface_hub import DatasetCard

    if not card.is_file() or card.stat().st_size > MAX_CARD:
        return []
    try:
        said: Any = DatasetCard.load(card, ignore_metadata_errors=True).data.to_dict().get("configs") or []
        return [entry for config in said for entry in _entries(config)]
    except (yaml.YAMLError, RecursionError, *DAMAGE):
        return []  # then names say it


def _entries(config: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """One config of a card; an entry may be a pattern, or a split and one pattern or several."""
    name, files = config.get("config_name", "default"), config.get("data_files") or []
    for given in [files] if isinstance(files, str | dict) else files:
        entry = given if isinstance(given, dict) else {"split": "train", "path": given}
        paths = entry.get("path")
        for path in paths if isinstance(paths, list) else [paths]:
            if isinstance(name, str) and isinstance(entry.get("split"), str) and isinstance(path, str):
                yield name, entry["split"], path


def _codes_in(source: Path) -> tuple[str, ...]:
    """The classes of masks, in a file of names or as many repositories keep them: {"0": "wall", …}."""
    if (source / CODES).is_file():
        return read_classes(source / CODES)[0]
    try:
        said = json.loads((source / LABELS).read_text("utf-8"))
        return tuple(str(said[str(code)]) for code in range(len(said)))
    except (RecursionError, *DAMAGE):
        return ()
