"""A picture from outside is read by another process, and none holds or fills it for long."""

import json
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from engine.data.pictures import readers as module
from engine.data.pictures import reading
from engine.data.pictures.files import open_picture
from engine.data.pictures.readers import MOST_PIXELS, Readers
from engine.data.pictures.reading import MOST_ASPECT, MOST_SCANS
from engine.errors import DataError

SIDE = 9_000  # of the slow picture; it has fewer pixels than a file may have


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 250 kB that takes seconds and a quarter of a gigabyte to read."""
    packer, row = zlib.compressobj(1), bytes(1 + 3 * SIDE)
    packed = b"".join(packer.compress(row) for _ in range(SIDE)) + packer.flush()
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    path = tmp_path_factory.mktemp("slow") / "slow.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b""))
    return path


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    path = tmp_path / "quick.png"
    Image.effect_noise((40, 30), 80).convert("RGB").save(path)
    return path


@pytest.fixture
def readers() -> Iterator[Readers]:
    made = Readers()
    yield made
    made.close()


def in_background(task) -> list:
    """What `task` gives or raises, once it is done; and the thread."""
    said: list = []

    def run() -> None:
        try:
            said.append(task())
        except DataError as problem:
            said.append(str(problem))

    thread = threading.Thread(target=run)
    thread.start()
    return [thread, said]


def test_a_picture_is_as_if_it_were_opened_here(readers: Readers, quick: Path) -> None:
    read = readers.read(quick)
    assert np.array_equal(read.bands, np.asarray(open_picture(quick))) and read.size == (30, 40)


def test_bands_come_as_they_are(readers: Readers, tmp_path: Path) -> None:
    import tifffile

    bands = np.arange(5 * 6 * 4, dtype=np.uint8).reshape(5, 6, 4)
    tifffile.imwrite(tmp_path / "bands.tif", bands)
    assert np.array_equal(readers.read(tmp_path / "bands.tif", 4).bands, bands)


@pytest.mark.parametrize("mode", ["RGB", "P", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_a_large_picture_is_made_smaller_and_upright(mode: str, suffix: str, tmp_path: Path) -> None:
    left_dark = np.zeros((60, 120), np.uint8)
    left_dark[:, 60:] = 255
    image = Image.fromarray(left_dark)
    image = Image.fromarray(left_dark.astype(np.uint16) * 257) if mode == "I;16" else image.convert(mode)
    exif = Image.Exif()
    exif[0x0112] = 6  # its left is up
    path = tmp_path / f"picture{suffix}"
    try:
        image.save(path, exif=exif)
    except OSError:
        pytest.skip(f"there are no {suffix} pictures of mode {mode}")
    small = np.asarray(open_picture(path, most=1800)).astype(int)
    assert small.shape == (60, 30, 3)
    assert small[:25].mean() < 10 and small[35:].mean() > 245


def test_a_file_that_was_made_smaller_says_what_size_it_has(
    readers: Readers, quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_PIXELS", 300)
    read = readers.read(quick)
    assert read.bands.shape == (15, 20, 3) and read.size == (30, 40)


def test_no_picture_is_much_longer_than_wide(readers: Readers, tmp_path: Path) -> None:
    for size in ((1, MOST_ASPECT + 1), (MOST_ASPECT + 1, 1)):
        Image.new("L", size).save(tmp_path / "long.png")
        with pytest.raises(DataError, match=f"long.png has {size[0]}×{size[1]} pixels"):
            readers.read(tmp_path / "long.png")
    Image.new("L", (MOST_ASPECT, 1)).save(tmp_path / "long.png")
    assert readers.read(tmp_path / "long.png").bands.shape == (1, MOST_ASPECT, 3)


def test_a_jpeg_has_scans_but_not_without_end(readers: Readers, tmp_path: Path) -> None:
    path = tmp_path / "scans.jpg"
    Image.effect_noise((64, 64), 80).save(path, progressive=True)
    readers.read(path)
    content = path.read_bytes()
    at = content.rindex(b"\xff\xda")
    path.write_bytes(content[:at] + content[at:-2] * MOST_SCANS + content[-2:])
    with pytest.raises(DataError, match=f"more than {MOST_SCANS} scans"):
        readers.read(path)


def test_what_takes_too_long_is_ended_and_the_next_is_read(slow: Path, quick: Path) -> None:
    readers = Readers(seconds=0.2)
    with pytest.raises(DataError, match=r"slow.png takes longer than 0.2 seconds"):
        readers.read(slow)
    assert readers.read(quick).size == (30, 40)
    readers.close()


def test_what_needs_too_much_memory_is_ended(slow: Path, quick: Path) -> None:
    readers = Readers(memory=150_000_000)
    with pytest.raises(DataError, match=r"slow.png needs more memory"):
        readers.read(slow)
    assert readers.read(quick).size == (30, 40)
    readers.close()


def test_nothing_is_read_for_somebody_who_has_gone(slow: Path) -> None:
    readers = Readers(processes=1)
    first = in_background(lambda: readers.read(slow, session="gone"))
    second = in_background(lambda: readers.read(slow, session="gone"))
    time.sleep(0.3)
    readers.leave("")  # whose session is not known
    assert first[0].is_alive()
    readers.leave("gone")
    for thread, said in (first, second):
        thread.join(1.0)
        assert said == ["slow.png was not read: whoever sent it has gone."]
    readers.close()


def test_people_are_served_in_turn(slow: Path, quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one process: of those who wait, whoever has none under way; a slow one gives way to those who wait."""
    monkeypatch.setattr(module, "PRESSED_SECONDS", 0.1)
    readers, order = Readers(processes=1), []

    def read(person: str, path: Path) -> None:
        try:
            readers.read(path, person=person)
        finally:
            order.append(person)

    many = [in_background(lambda: read("many", slow)) for _ in range(3)]
    one = in_background(lambda: read("one", quick))
    for thread, _ in (*many, one):
        thread.join()
    assert order.index("one") == 1
    assert sum("others wait" in str(said) for _, said in many) == 2  # nobody waited for the last of them
    readers.close()


def test_a_process_that_was_killed_meanwhile_is_replaced(readers: Readers, quick: Path) -> None:
    readers.prepare()
    children = [child for child in psutil.Process().children() if "engine.data.pictures.reading" in child.cmdline()]
    assert children
    for child in children:
        child.kill()
        child.wait()
    assert readers.read(quick).size == (30, 40)


def test_a_process_does_not_outlive_the_one_that_started_it(readers: Readers, quick: Path) -> None:
    readers.read(quick)
    (process, *_) = readers._ready
    assert process.running.stdin
    process.running.stdin.close()
    assert process.running.wait(10) == 0


def test_large_pictures_are_read_one_at_a_time_and_ordinary_ones_beside_them(
    tmp_path: Path, quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four large ones at once would hold several times what is allowed before anybody could look."""
    large = [tmp_path / f"{number}.png" for number in range(3)]
    for path in large:
        Image.new("RGB", (3200, 3000)).save(path)
    readers, at_once, most = Readers(), [0], [0]
    real = module._Process.ask

    def ask(self, path: Path, channels: int, *, may_be_large: bool):
        at_once[0] += may_be_large
        most[0] = max(most[0], at_once[0])
        try:
            return real(self, path, channels, may_be_large=may_be_large)
        finally:
            at_once[0] -= may_be_large

    monkeypatch.setattr(module._Process, "ask", ask)
    try:
        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(readers.read, path) for path in (*large, quick)]
            shapes = [one.result().bands.shape for one in asked]
        assert most[0] == 1 and shapes[0][0] * shapes[0][1] <= MOST_PIXELS
    finally:
        readers.close()


def test_what_is_large_is_said_to_be_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "allow", lambda memory: None)  # it is this process here
    asked = {"path": str(tmp_path / "large.png"), "channels": 3, "most": MOST_PIXELS, "may_be_large": False}
    Image.new("RGB", (3200, 3000)).save(tmp_path / "large.png")
    assert reading.answer(json.dumps(asked).encode()) == ({"is_large": True}, b"")
    Image.new("RGB", (6000, 5000)).save(tmp_path / "large.jpg")
    said, _ = reading.answer(json.dumps({**asked, "path": str(tmp_path / "large.jpg")}).encode())
    assert said["size"] == (5000, 6000), "a JPEG is decoded at half its size"
