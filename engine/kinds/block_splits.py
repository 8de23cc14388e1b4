"""How a data block's inputs are split: by chance, by folders, lists, columns or recordings, or by groups that stay together."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from engine.data.pictures.mask_layouts import listed_pictures
from engine.data.pictures.named_rows import open_named
from engine.data.splits import (
    SPLIT_SEED,
    VALID_SHARE,
    Split,
    by_chance,
    by_groups,
    by_mark,
    by_recordings,
    by_words,
    recordings,
)
from engine.data.splits import column_split as split_by_columns
from engine.errors import DataError
from engine.kinds.block_parts import Splitting, folder_of


def check_paths(inputs: Sequence[Any], name: str) -> None:
    """`DataError` for a split that goes by files, where the inputs are rows of a table."""
    if inputs and not isinstance(inputs[0], Path):
        raise DataError(f"{name} goes by files, and these inputs are rows of a table. Use random_split or group_split.")


def random_split(share: float = VALID_SHARE, seed: int = SPLIT_SEED) -> Splitting:
    """A random share validates, the same for the same seed."""
    return lambda root, inputs: by_chance(inputs, seed=seed, share=share)


def folder_split(valid: str = "", test: str = "") -> Splitting:
    """Those in the folder `valid` validate, or else a random fifth of the others, and those in `test` are the test set."""

    def split(root: Path, inputs: Sequence[Path]) -> Split:
        check_paths(inputs, "folder_split")
        sides = {name: side for name, side in ((valid, "valid"), (test, "test")) if name}
        lost = [name for name in sides if not any(name in item.relative_to(root).parts[:-1] for item in inputs)]
        if lost:
            raise DataError(f"No input lies in a folder called {lost[0]}. Look at the names of the folders in {root}.")
        words = {
            item: next((sides[part] for part in item.relative_to(root).parts[:-1] if part in sides), "train")
            for item in inputs
        }
        return by_words(inputs, words, "a folder for each split")

    return split


def list_split(file: str) -> Splitting:
    """Those validate that a text file lists, a name on each line."""

    def split(root: Path, inputs: Sequence[Path]) -> Split:
        check_paths(inputs, "list_split")
        listed, warnings = listed_pictures(root / file, folder_of(root, inputs), tuple(inputs))
        return by_mark(inputs, listed.__contains__, " ".join((f"those that {file} lists", *warnings)))

    return split


def column_split(table: str) -> Splitting:
    """A table's column says who validates (`is_valid`), on which side one is (`split`) or what belongs together (`person`)."""

    def split(root: Path, inputs: Sequence[Path]) -> Split:
        check_paths(inputs, "column_split")
        read, named = open_named(root / table, folder_of(root, inputs), list(inputs))
        said = split_by_columns(read, {item: named.rows[item][0] for item in named.rows})
        if said is None or len(named.rows) < len(inputs):
            raise DataError(
                f"{table} does not say of all {len(inputs)} inputs who validates: it needs a column called is_valid, "
                "split or person, and a line for each input."
            )
        return said.split(inputs)

    return split


def group_split(
    group_of: Callable[[Any], str], held: Iterable[str] = (), what: str = "group", share: float = VALID_SHARE
) -> Splitting:
    """Whole groups validate, such as all pictures of one person: those `held` out, or about that share, the last by name."""
    chosen = {held} if isinstance(held, str) else set(held)

    def split(root: Path, inputs: Sequence[Any]) -> Split:
        lost = chosen - {group_of(item) for item in inputs}
        if lost:
            raise DataError(f"No input is of the {what} {min(lost)}, which should be held out.")
        if not chosen:
            return by_groups(inputs, group_of, what, share=share)
        return by_mark(inputs, lambda item: group_of(item) in chosen, f"{what} {', '.join(sorted(chosen))} held out")

    return split


def recording_split(share: float = VALID_SHARE) -> Splitting:
    """Whole recordings validate: frames are called alike but for the number at their end."""

    def split(root: Path, inputs: Sequence[Path]) -> Split:
        check_paths(inputs, "recording_split")
        of = recordings(inputs)
        if not of:
            raise DataError(
                "The inputs' names do not look like frames of several recordings. Split them in another way."
            )
        return by_recordings(inputs, of, share)

    return split
