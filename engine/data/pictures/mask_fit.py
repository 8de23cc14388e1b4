"""How masks lie on their pictures: a picture that is stored turned has its mask turned with it, or upright as it is shown."""

from collections.abc import Mapping
from pathlib import Path

from engine.data.pictures.files import ON_ITS_SIDE
from engine.data.pictures.masks import MaskLook
from engine.data.pictures.scan import PictureLook, shown_size
from engine.data.reading.values import quoted
from engine.errors import DataError


def mask_turn(picture: PictureLook, mask: MaskLook, stored: bool) -> int | None:
    """By which EXIF orientation a mask is turned so that it lies on its picture; None where it fits neither way.

    `stored` says what is done where both ways fit: masks of this data set lie on the pictures as stored, or as shown.
    """
    as_stored, as_shown = picture.size == mask.size, shown_size(picture) == mask.size
    if picture.turn == 1 or mask.is_turned:
        return 1 if as_shown else None
    if as_stored and as_shown:
        return picture.turn if stored else 1
    return picture.turn if as_stored else 1 if as_shown else None


def fit_masks(
    pairs: Mapping[Path, Path], pictures: Mapping[Path, PictureLook], masks: Mapping[Path, MaskLook]
) -> tuple[list[Path], dict[Path, int], dict[str, tuple[str, ...]], list[str]]:
    """The pictures whose masks lie on them; by which EXIF orientation a mask is turned with its picture; the others, by the
    reason; and warnings.

    Pictures that are not whole are left to `open_answers`. Where a turned picture's mask fits as stored and as shown, as a square
    one does, the others say which it is; where none does, it is as stored.
    """
    clear = [
        mask_turn(pictures[picture], masks[mask], stored=False)
        == mask_turn(pictures[picture], masks[mask], stored=True)
        for picture, mask in pairs.items()
    ]
    as_shown = [
        picture
        for (picture, mask), is_clear in zip(pairs.items(), clear, strict=True)
        if is_clear
        and pictures[picture].turn >= ON_ITS_SIDE
        and mask_turn(pictures[picture], masks[mask], stored=True) == 1
    ]
    turns, whole, other_size, damaged = dict[Path, int](), list[Path](), list[str](), list[str]()
    for picture, mask in pairs.items():
        turn = mask_turn(pictures[picture], masks[mask], stored=not as_shown)
        if pictures[picture].fault:
            whole.append(picture)
        elif masks[mask].fault:
            damaged.append(masks[mask].fault)
        elif turn is None:
            other_size.append(
                f"{picture.name} ({_by(shown_size(pictures[picture]))}) and {mask.name} ({_by(masks[mask].size)})"
            )
        else:
            whole.append(picture)
            turns |= {picture: turn} if turn > 1 else {}
    if damaged and not any(picture in turns or not pictures[picture].fault for picture in whole):
        raise DataError(damaged[0])
    if other_size and not whole:
        raise DataError(
            f"No mask has its picture's size: {other_size[0]} differ. Save the masks in their pictures' size."
        )
    left_out = {"its mask has another size": tuple(other_size), "its mask cannot be read": tuple(damaged)}
    unclear = [picture.name for picture, is_clear in zip(pairs, clear, strict=True) if not is_clear]
    warnings = []
    if unclear:
        way = "shown, as the others of this data set do" if as_shown else "stored"
        warnings.append(
            f"{len(unclear)} pictures are turned by their EXIF tag ({quoted(unclear)}), and their masks would fit both "
            f"ways: they are taken to lie on the pictures as {way}. Look at some samples."
        )
    return whole, turns, {why: names for why, names in left_out.items() if names}, warnings


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"
