"""A data set as a table that others can read: its columns, and a row for each sample.

Every kind says of its data sets what the columns are; `engine.hub.send_data` writes them as Parquet.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from engine.data.pictures.files import DAMAGE, FORMATS, open_picture
from engine.data.pictures.scan import PictureLook

Cells = Literal["picture", "text", "number"]
UPRIGHT = 1
PHOTOGRAPHS = tuple(name for name in FORMATS if name != "TIFF")
PLACE = 0x8825  # the EXIF tag of where a picture was taken


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTable:
    """What goes into a table of a data set.

    columns: what each holds: "picture", "text" or "number"; the names of classes, of which a cell is one; or these in a list, for
        a cell with several.
    row(item): one sample's cells. A picture is its name and its bytes.
    files: what lies beside the table, by name.
    """

    columns: Mapping[str, Cells | tuple[str, ...] | list[str]]
    row: Callable[[Any], Mapping[str, Any]]
    files: Mapping[str, str] = field(default_factory=dict)


def picture_cell(picture: Path, look: PictureLook) -> dict[str, Any]:
    """A picture as it is stored; upright and without what the camera noted where it is turned, or says where it was taken."""
    content = picture.read_bytes()
    if look.turn == UPRIGHT and not _says_where(content):
        return {"path": picture.name, "bytes": content}
    upright = io.BytesIO()
    open_picture(picture).save(upright, "PNG")
    return {"path": f"{picture.stem}.png", "bytes": upright.getvalue()}


def _says_where(content: bytes) -> bool:
    """Whether a photograph has a place in its EXIF or XMP data; TIFF files, which may be maps, are left as they are."""
    try:
        with Image.open(io.BytesIO(content), formats=PHOTOGRAPHS) as opened:
            notes = b"".join(
                opened.info[name] if isinstance(opened.info.get(name), bytes) else b"" for name in ("xmp",)
            )
            notes += str(opened.info.get("XML:com.adobe.xmp", "")).encode()
            return PLACE in opened.getexif() or b"gps" in notes.lower()
    except DAMAGE:
        return False


def shared_facts(facts: Callable[[Path], Mapping[str, str]], items: Sequence[Path]) -> tuple[str, ...]:
    """The names of what is known of every item beside its label."""
    known = [facts(item) for item in items]
    return tuple(name for name in (known[0] if known else ()) if all(name in one for one in known))
