"""Data sets of the Hugging Face Hub, by name and revision: their tables and pictures, and never a program that lies beside them.

What comes is written out in the app's plain layouts, beside the data sets that people bring, so that every step can use it.
"""

import fnmatch
import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.data.pictures.files import may_be_picture
from engine.data.pictures.mask_layouts import CODES, read_classes
from engine.data.reading.litter import is_in_litter
from engine.data.reading.tables import SUFFIXES as TABLE_SUFFIXES
from engine.data.sources.columns import SplitTable, parquet_split, text_split
from engine.data.sources.hub_origin import HubOrigin, write_origin
from engine.data.sources.own_archives import NOTES
from engine.data.sources.plain_layout import AS_FOUND, Chosen, write_plain
from engine.data.splits import SPLIT_WORDS
from engine.data.texts.own import OWN_FOLDER
from engine.data.whole_folder import making_whole
from engine.errors import DataError, HubError
from engine.host.access import require_host
from engine.host.home import cache_folder, data_folder, disk_told
from engine.hub.client import build_api, hub_told
from engine.hub.remote import OnProgress, Reference, alone, counted, parse_reference

CARD = "README.md"
METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
MAX_BYTES = 20_000_000_000
MAX_FILES = 200_000
UNLABELLED = {"unsupervised": "unsupervised", "unlabeled": "unsupervised", "unlabelled": "unsupervised"}
_WORDS = re.compile(r"[^a-z]+")


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

    Raises `HubError` where it cannot be had, `DataError` where what is there cannot be read; then nothing of it is kept.
    """
    require_host("fetch a data set of the Hub")
    if isinstance(wanted, str):
        wanted = Wanted(reference=parse_reference(wanted))
    name, api = wanted.reference.repo_id, build_api(token)
    doing = f"fetch {wanted.reference}"
    with hub_told(doing, token):
        info = api.dataset_info(name, revision=wanted.reference.revision, files_metadata=True)
    sizes = {part.rfilename: part.size or 0 for part in info.siblings or () if _is_data(part.rfilename)}
    _check_size(wanted, sizes, [part.rfilename for part in info.siblings or ()])
    folder = data_folder() / OWN_FOLDER / _folder_name(wanted, str(info.sha))
    total = sum(sizes.values())
    with disk_told(doing), alone(folder):
        if not folder.is_dir():
            scratch = cache_folder() / "hub-data" / folder.name
            with _kept_until_done(scratch), counted(scratch, total, on_progress):
                for file in sorted(sizes, key=lambda file: sizes[file]):
                    with hub_told(doing, token):
                        api.hf_hub_download(name, file, repo_type="dataset", revision=info.sha, local_dir=scratch)
                with making_whole(folder) as fresh:
                    _write(scratch, fresh, wanted)
                    write_origin(fresh, HubOrigin(repository=name, commit=str(info.sha), config=wanted.config))
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
        raise HubError(
            f"{name} has no tables and no pictures. What is read: Parquet, CSV, JSON lines, and pictures as files."
        )
    if sum(sizes.values()) > MAX_BYTES or len(sizes) > MAX_FILES:
        raise HubError(
            f"{name} has {len(sizes):,} files with {sum(sizes.values()) / 1e9:,.1f} GB. At most {MAX_FILES:,} files and "
            f"{MAX_BYTES / 1e9:.0f} GB are fetched: make a data set of a part of it."
        )


def _folder_name(wanted: Wanted, commit: str) -> str:
    """A name that says what it is, and differs where anything does."""
    owner_name = re.sub(r"[^a-z0-9]+", "-", f"{wanted.reference.repo_id}-{wanted.config}".lower()).strip("-")
    digest = hashlib.blake2b(repr((commit, wanted.config, wanted.columns)).encode(), digest_size=4).hexdigest()
    return f"{owner_name[:60].strip('-')}-{digest}"


@contextmanager
def _kept_until_done(scratch: Path) -> Iterator[None]:
    """A folder of downloads that another try goes on from, and that is gone when all is done."""
    scratch.mkdir(parents=True, exist_ok=True)
    yield
    shutil.rmtree(scratch, ignore_errors=True)


def _write(source: Path, folder: Path, wanted: Wanted) -> None:
    """What was downloaded, in the app's layouts: tables are written out, and pictures that lie in folders stay as they are."""
    files = sorted(
        path for path in source.rglob("*") if path.is_file() and _is_data(path.relative_to(source).as_posix())
    )
    pictures = [path for path in files if may_be_picture(path.name)]
    metadata = [path for path in files if path.name.lower() in METADATA]
    parquet = [path for path in files if path.suffix.lower() == ".parquet" and path not in metadata]
    codes = read_classes(source / CODES)[0] if (source / CODES).is_file() else _names_in(source / "id2label.json")
    if pictures and not metadata and not parquet:
        for path in (path for path in files if path.name != CARD):
            there = folder / path.relative_to(source)
            there.parent.mkdir(parents=True, exist_ok=True)
            path.rename(there)
        return
    tables = parquet or metadata or [path for path in files if path.suffix.lower() in TABLE_SUFFIXES - NOTES]
    if not tables:
        raise DataError(
            f"{wanted.reference} has no tables. What is read: Parquet, CSV, JSON lines, and pictures as files."
        )
    by_split = _by_split(source, tables, wanted)
    read = [_split_table(split, some, source) for split, some in by_split.items()]
    write_plain(sorted(read, key=lambda table: table.split != "train"), folder, wanted.columns, codes)


def _split_table(split: str, files: Sequence[Path], root: Path) -> SplitTable:
    if all(file.suffix.lower() == ".parquet" and file.name not in METADATA for file in files):
        return parquet_split(split, files)
    if len(files) > 1:
        named = ", ".join(file.name for file in files[:4])
        raise DataError(f"Several tables are of the split {split}: {named}. Only Parquet may come in several files.")
    return text_split(split, files[0], root)


def _by_split(root: Path, tables: Sequence[Path], wanted: Wanted) -> dict[str, list[Path]]:
    """The tables of the wanted part, by split: as the card says, or else by the names of files and folders."""
    configs = _configs_in(root / CARD)
    found: dict[str, dict[str, list[Path]]] = {}
    for config, split, pattern in configs:
        for path in tables:
            if fnmatch.fnmatch(path.relative_to(root).as_posix(), pattern):
                found.setdefault(config, {}).setdefault(split, []).append(path)
    if not found:
        for path in tables:
            config, split = _said_by_name(path.relative_to(root))
            found.setdefault(config, {}).setdefault(split, []).append(path)
    if wanted.config not in found and (wanted.config or len(found) > 1):
        choice = f"There is no part {wanted.config} in" if wanted.config else "It is not clear which part is meant of"
        raise DataError(
            f"{choice} {wanted.reference}: it has {', '.join(sorted(found))[:400]}. Say it with "
            "--config NAME."
        )
    splits: dict[str, list[Path]] = {}
    for split, files in found[wanted.config if wanted.config in found else next(iter(found))].items():
        word = _split_word(split)
        if not word:
            raise DataError(
                f"{wanted.reference} has a split called {split!r}. Those that are known: train, validation, test."
            )
        splits.setdefault(word, []).extend(files)
    return splits


def _said_by_name(path: Path) -> tuple[str, str]:
    """The part and the split that a file's place says it is of, such as sst2/train-00000-of-00001.parquet."""
    folders = [part for part in path.parts[:-1] if part != "data"]
    split = next((part for part in (path.stem, *reversed(folders)) if _split_word(part)), "train")
    outer = [part for part in folders if not _split_word(part)]
    return outer[0] if outer else "", split


def _split_word(name: str) -> str:
    """The split that a name is called after; "" for none."""
    words = _WORDS.split(name.lower())
    return next((known for word in words if (known := {**SPLIT_WORDS, **UNLABELLED}.get(word, ""))), "")


def _configs_in(card: Path) -> list[tuple[str, str, str]]:
    """What a card says of its tables: part, split and a pattern for paths inside the repository."""
    from huggingface_hub import DatasetCard

    if not card.is_file():
        return []
    try:
        said: Any = DatasetCard.load(card, ignore_metadata_errors=True).data.to_dict().get("configs") or []
        found = []
        for config in said:
            for given in config.get("data_files") or []:
                entry = given if isinstance(given, dict) else {"split": "train", "path": given}
                paths = entry["path"] if isinstance(entry["path"], list) else [entry["path"]]
                found += [(str(config.get("config_name", "default")), str(entry["split"]), str(path)) for path in paths]
        return found
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []  # then names say it


def _names_in(file: Path) -> tuple[str, ...]:
    """The classes of masks, as many repositories keep them: {"0": "wall", …}."""
    try:
        said = json.loads(file.read_text("utf-8"))
        return tuple(str(said[str(code)]) for code in range(len(said)))
    except (OSError, ValueError, LookupError, TypeError):
        return ()
