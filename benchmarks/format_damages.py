"""Ways to damage a file that keep its format's outside whole, so that a reader gets as far as it can: pictures, JSON, Excel,
Parquet, saved tables, archives.
"""

import io
import json
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.hostile_values import VALUES

SIDES = ((1, 1), (1, 3000), (3, 2), (24, 32), (32, 24), (700, 700))
MODES = ("1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I", "I;16", "F", "YCbCr")
SHEETS = (
    (rb"<sheetData>", b'<sheetData><row r="1048577000"><c r="A1048577000"><v>1</v></c></row>'),
    (rb"<dimension[^>]*>", b'<dimension ref="A1:XFD1048576"/>'),
    (rb"<dimension[^>]*>", b'<dimension ref="A1:A2"/>'),
    (rb"<dimension[^>]*>", b'<dimension ref="??"/>'),
    (rb'<c r="B2"', b'<c r="XFD2"'),
    (rb'<c r="B2"', b'<c r="ZZZZZ2"'),
    (rb'<c r="B3"', b'<c r=""'),
    (rb'<row r="3"', b'<row r="x"'),
    (rb'<row r="3"', b'<row r="-3"'),
    (rb'<row r="9"', b'<row r="1"'),
    (rb"<v>\d+</v>", b"<v>99999999</v>"),
    (rb"<v>\d+</v>", b"<v>x</v>"),
    (rb"<v>44000.5</v>", b"<v>1e300</v>"),
    (rb"<v>44000.5</v>", b"<v>-1e15</v>"),
    (rb't="inlineStr"', b't="d"'),
    (rb't="inlineStr"', b't="n"'),
    (rb't="inlineStr"', b't="b"'),
    (rb't="inlineStr"', b't="zz"'),
    (rb"</row>", b"</rov>"),
    (rb"<row", b"&bomb;<row"),
    (rb"</si>", b""),
    (rb"<sst", b'<!DOCTYPE a [<!ENTITY b "' + b"b" * 9000 + b'">]><sst'),
    (rb"<(numFmts|cellXfs)", rb"<\1x"),
    (rb'numFmtId="\d+"', b'numFmtId="x"'),
    (rb's="\d+"', b's="77"'),
    (rb'r:id="rId\d"', b'r:id="rId9"'),
    (rb'Target="[^"]*"', b'Target="/../../secret.csv"'),
    (rb"worksheet", b"chartsheet"),
    (rb"<workbookPr", b'<workbookPr date1904="x"'),
    (rb"<\?xml[^>]*>", b'<?xml version="1.0" encoding="nope"?>'),
    (rb"(?s)^.*$", b""),
)  # fmt: skip


def damage_format(draw: random.Random, file: Path) -> str:
    """What its suffix says, damaged inside; any other file loses some bytes in the middle."""
    ways: dict[str, Callable[[random.Random, Path], str]] = {
        ".xlsx": damage_excel,
        ".parquet": damage_parquet,
        ".json": damage_json,
        ".jsonl": damage_json_lines,
        ".arrow": damage_arrow,
    }
    if file.suffix in (".png", ".jpg", ".gif", ".tif"):
        return damage_picture(draw, file)
    return ways.get(file.suffix, lose_middle)(draw, file)


def lose_middle(draw: random.Random, file: Path) -> str:
    content = file.read_bytes()
    at = int(len(content) * draw.random())
    file.write_bytes(content[:at] + content[at + draw.randrange(1, 9) :])
    return "loses some bytes"


def damage_picture(draw: random.Random, file: Path) -> str:
    ways = (other_picture, other_picture, odd_exif, odd_chunk, huge, short_palette, many_frames, odd_tiff)
    way = draw.choice(ways)
    way(draw, file)
    return way.__name__


def other_picture(draw: random.Random, file: Path) -> None:
    """Another size, mode or format."""
    mode, side = draw.choice(MODES), draw.choice(SIDES)
    values = np.random.default_rng(draw.randrange(99)).integers(0, draw.choice((2, 256)), side, dtype=np.uint8)
    image = Image.fromarray(values)
    image = image.convert("I").convert(mode) if mode == "I;16" else image.convert(mode)
    written = io.BytesIO()
    try:
        image.save(written, draw.choice(("PNG", "TIFF", "JPEG", "GIF", "BMP", "WEBP")))
    except (OSError, ValueError, KeyError):
        written = io.BytesIO()
        image.save(written, "TIFF")
    file.write_bytes(written.getvalue())


def odd_exif(draw: random.Random, file: Path) -> None:
    entries = b"".join(
        struct.pack(
            "<HHII",
            draw.choice((0x0112, 0x8769, 0x010F, 0x0111)),
            draw.randrange(14),
            draw.choice((0, 1, 2, 2**31, 2**32 - 1)),
            draw.choice((0, 6, 9, 8, 2**32 - 1)),
        )
        for _ in range(3)
    )
    start = draw.choice((b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II*\0\xff\xff\xff\xff", b"", b"II"))
    exif = start + struct.pack("<H", draw.choice((3, 0, 65535))) + entries
    form = draw.choice(("PNG", "JPEG", "WEBP"))
    written = io.BytesIO()
    Image.new("L" if form == "PNG" else "RGB", (32, 24)).save(written, form, exif=b"Exif\0\0" + exif)
    file.write_bytes(written.getvalue())


def odd_chunk(draw: random.Random, file: Path) -> None:
    """A PNG with a chunk in it that is not as it should be, and its right checksum."""
    written = io.BytesIO()
    Image.new(draw.choice(("L", "P", "RGB", "1")), (32, 24)).save(written, "PNG")
    content = written.getvalue()
    name = draw.choice(b"tRNS PLTE gAMA iCCP eXIf zTXt iTXt tEXt acTL fcTL sRGB pHYs cHRM IHDR IDAT".split())
    odd = draw.choice(
        (b"", b"\0", b"a\0\0" + zlib.compress(bytes(3_000_000)), draw.randbytes(40), b"\xff" * 26, b"x" * 800)
    )
    file.write_bytes(content[:33] + chunk(name, odd) + content[33:])


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def huge(draw: random.Random, file: Path) -> None:
    """A small file that says that it is a large picture."""
    width, height = draw.choice(
        ((9000, 9000), (30_000, 2900), (65_000, 65_000), (2**31 - 1, 2**31 - 1), (89_000_000, 1), (0, 5))
    )
    head = struct.pack(">IIBBBBB", width, height, 8, draw.choice((0, 2, 6)), 0, 0, 0)
    png = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(2_000_000)))
        + chunk(b"IEND", b"")
    )
    small = struct.pack("<HH", width & 0xFFFF, height & 0xFFFF)
    gif = b"GIF89a" + small + b"\xf0\0\0" + bytes(6) + b"," + bytes(4) + small + b"\0\x02\x02\x44\x01\0;"
    bmp = b"BM" + struct.pack("<IIIIiiHHI", 1000, 0, 54, 40, width, height, 1, 24, 0) + bytes(2000)
    file.write_bytes(draw.choice((png, png, gif, bmp)))


def short_palette(draw: random.Random, file: Path) -> None:
    """Numbers beyond the end of the palette."""
    written = io.BytesIO()
    image = Image.fromarray(np.full((24, 32), draw.choice((3, 200)), np.uint8), "L")
    image = Image.frombytes("P", (32, 24), image.tobytes())
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.save(written, draw.choice(("PNG", "GIF", "TIFF")))
    file.write_bytes(written.getvalue())


def many_frames(draw: random.Random, file: Path) -> None:
    written = io.BytesIO()
    frames = [Image.new("L", (32, 24), at) for at in range(40)]
    frames[0].save(written, draw.choice(("GIF", "TIFF", "WEBP", "PNG")), save_all=True, append_images=frames[1:])
    file.write_bytes(written.getvalue())


def odd_tiff(draw: random.Random, file: Path) -> None:
    """A TIFF with a number in its directory that is not as it should be, or of another shape or type."""
    import tifffile

    kind = draw.choice((np.uint8, np.uint16, np.float32, np.int32, np.bool_, np.complex64))
    shape = draw.choice(
        ((24, 32), (24, 32, 4), (4, 24, 32), (24, 32, 3), (20, 24, 32, 4), (24, 32, 17), (1, 1), (9, 1, 24, 32))
    )
    written = io.BytesIO()
    packing: dict[str, Any] = {"compression": "zlib"} if draw.random() < 0.5 and kind is not np.bool_ else {}
    tifffile.imwrite(written, np.ones(shape, kind), photometric="minisblack", **packing)
    content = bytearray(written.getvalue())
    first = struct.unpack("<I", content[4:8])[0]
    count = struct.unpack("<H", content[first : first + 2])[0]
    if draw.random() < 0.7:
        at = first + 2 + 12 * draw.randrange(count) + draw.choice((0, 2, 4, 8))
        content[at : at + 2] = draw.choice((b"\0\0", b"\x01\0", b"\xff\xff", b"\x05\0", draw.randbytes(2)))
    file.write_bytes(content)


# JSON


def damage_json(draw: random.Random, file: Path) -> str:
    try:
        found = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return lose_middle(draw, file)
    value = draw.choice(VALUES)
    file.write_text(json.dumps(replaced(draw, found, value)))
    return f"{ascii(value)[:20]} in it"


def damage_json_lines(draw: random.Random, file: Path) -> str:
    lines = file.read_text("utf-8", "replace").splitlines()
    at, value = draw.randrange(len(lines) or 1), draw.choice(VALUES)
    try:
        lines[at] = json.dumps(replaced(draw, json.loads(lines[at]), value))
    except (ValueError, IndexError, RecursionError):
        return lose_middle(draw, file)
    file.write_text("\n".join(lines))
    return f"{ascii(value)[:20]} in line {at}"


def replaced(draw: random.Random, found: Any, value: Any) -> Any:
    """A value of any depth, or a name, put in the place of another."""
    if isinstance(found, dict) and found and draw.random() < 0.9:
        name = draw.choice(list(found))
        if draw.random() < 0.15:
            return {(str(value) if key == name else key): inner for key, inner in found.items()}
        if draw.random() < 0.1:
            return {key: inner for key, inner in found.items() if key != name}
        return {**found, name: replaced(draw, found[name], value)}
    if isinstance(found, list) and found and draw.random() < 0.9:
        at = draw.randrange(len(found))
        return [*found[:at], replaced(draw, found[at], value), *found[at + 1 :]]
    return value


# Tables


def damage_excel(draw: random.Random, file: Path) -> str:
    """A part of the packed XML changed, left out or doubled."""
    try:
        with zipfile.ZipFile(file) as opened:
            parts = {name: opened.read(name) for name in opened.namelist()}
    except (zipfile.BadZipFile, OSError, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError):
        return lose_middle(draw, file)
    pattern, put = draw.choice(SHEETS)
    fitting = [name for name, content in parts.items() if re.search(pattern, content)]
    told = f"{put[:30]!r} in {'it'}"
    if fitting and draw.random() < 0.85:
        name = draw.choice(fitting)
        parts[name] = re.sub(pattern, put, parts[name], count=draw.choice((1, 1, 0)))
    else:
        name = draw.choice(list(parts))
        parts.pop(name)
        told = f"without {name}"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in parts.items():
            opened.writestr(name, content)
    return told


def damage_parquet(draw: random.Random, file: Path) -> str:
    """Another table, or a footer of another length, or a byte in it."""
    import pyarrow
    from pyarrow import parquet

    odd = pyarrow.array([b"\xff\xfe text", b"a", b"b"], pyarrow.binary())
    columns: dict[str, Any] = draw.choice((
        {"text": odd, "label": ["a", "b", "a"]},
        {"text": pyarrow.Array.from_buffers(pyarrow.string(), 3, odd.buffers()), "label": ["a", "b", "a"]},
        {"text": ["x", "y"], "label": pyarrow.array([2**62, -(2**62)], pyarrow.timestamp("ms"))},
        {"text": ["x", "y"], "label": pyarrow.array([10**8, 1], pyarrow.date32())},
        {"text": ["x", "y"], "label": pyarrow.array([2**62, 5], pyarrow.duration("s"))},
        {"text": ["x", "y"], "label": [{"a": [1]}, None]},
        {"text": [["x"], ["y"]], "label": [1, 2]},
        {"text": pyarrow.array(["x", "y"]).dictionary_encode(), "label": [0.5, float("nan")]},
        {},
    ))  # fmt: skip
    if draw.random() < 0.5:
        written = io.BytesIO()
        parquet.write_table(pyarrow.table(columns), written)
        file.write_bytes(written.getvalue())
    else:
        content = bytearray(file.read_bytes())
        length = struct.unpack("<I", content[-8:-4])[0] if len(content) > 12 else 0
        if draw.random() < 0.3 and length:
            content[-8:-4] = struct.pack("<I", draw.choice((0, length - 1, length + 1, 2**31)))
        for _ in range(draw.randrange(1, 4) if content else 0):
            content[-1 - draw.randrange(min(len(content), length + 8 or 1))] ^= 1 << draw.randrange(8)
        file.write_bytes(content)
    return "another table, or footer"


def damage_arrow(draw: random.Random, file: Path) -> str:
    """Numbers in the middle of a saved table, such as where each text begins."""
    content = bytearray(file.read_bytes())
    for _ in range(draw.choice((1, 5, 60)) if content else 0):
        at = draw.randrange(max(1, len(content) // 4)) * 4
        content[at : at + 4] = draw.choice((b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\xff\xff\xff\xff", draw.randbytes(4)))[
            : len(content) - at
        ]
    file.write_bytes(content)
    return "numbers in it"
