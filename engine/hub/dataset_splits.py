"""Which tables of a repository are of which part and split: as its card says, or else by the names of files and folders."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.data.reading.typed import DAMAGE
from engine.data.splits import SPLIT_WORDS
from engine.errors import DataError

CARD = "README.md"
MAX_CARD = 1_000_000  # bytes
NAMELESS = ""  # a table whose name says no split: all training samples, where it is alone
UNLABELLED = {"unsupervised": "unsupervised", "unlabeled": "unsupervised", "unlabelled": "unsupervised"}
_WORDS = re.compile(r"[^a-z]+")
_SHARD = re.compile(r"-\d+(-of-\d+)?$")


def tables_by_split(root: Path, tables: Sequence[Path], name: str, wanted: str) -> dict[str, list[Path]]:
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
    if wanted not in found and (wanted or len(found) > 1):
        choice = f"There is no part {wanted} in" if wanted else "It is not clear which part is meant of"
        raise DataError(
            f"{choice} {name}: it has {', '.join(sorted(found))[:400]}. Write it behind the name: --config NAME."
        )
    return _by_word(found[wanted if wanted in found else next(iter(found))], name)


def _by_word(found: Mapping[str, list[Path]], name: str) -> dict[str, list[Path]]:
    """The splits under the names that they have here; `DataError` where two would be one, or one is none that is known."""
    known = {split: split_word(split) for split in found if found[split]}
    strange = [split for split, word in known.items() if not word and split != NAMELESS]
    if strange or (NAMELESS in known and len(known) > 1):
        shown = strange[0] if strange else found[NAMELESS][0].name
        raise DataError(
            f"{name} has something called {shown!r} beside its splits. Those that are known: train, validation, test."
        )
    words = [word or "train" for word in known.values()]
    twice = [split for split, word in known.items() if words.count(word or "train") > 1]
    if twice:
        raise DataError(
            f"{name} has several splits for one: {', '.join(sorted(twice))[:200]}. Make a data set with one of them."
        )
    if any(split.startswith("partial-") for split in known):
        raise DataError(f"Of {name} the Hub has only a part as Parquet. Take another revision.")
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
