"""The cache holds what the samples are, is made once, and is never taken for whole when it is not."""

import os
import pickle
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from toy import TOY, draw_squares

from engine.data.pictures import cache
from engine.data.pictures.block import Data
from engine.data.pictures.cache import open_cache, prepare_cache
from engine.data.pictures.scan import LOOKS
from engine.data.pictures.transforms import VOID
from engine.errors import DataError
from engine.host.home import cache_folder
from engine.kinds.mask import open_masks

SIZE = (32, 43)


@pytest.fixture
def data(streets: Path, tmp_path: Path) -> Data:
    return open_masks(Path(shutil.copytree(streets, tmp_path / "streets")))


def prepare(data: Data, size: tuple[int, int] = SIZE) -> list[tuple[int, int]]:
    return list(prepare_cache(data, data.train, size))


def files() -> dict[Path, tuple[int, int]]:
    found = (path for path in cache_folder().rglob("*") if path.is_file() and path.parent.name != LOOKS)
    return {path: ((state := path.stat()).st_ino, state.st_mtime_ns) for path in found}


def folders() -> list[str]:
    return sorted(path.name for path in cache_folder().iterdir() if path.name != LOOKS)


def test_a_cached_sample_is_the_sample(data: Data) -> None:
    assert prepare(data) == [(10, 10)]
    cached = open_cache(data, data.train, SIZE)
    assert len(cached) == 10
    for index, item in enumerate(data.train):
        for kept, direct in zip(cached[index], data.sample(item, SIZE), strict=True):
            assert type(kept) is type(direct)
            assert kept.dtype == direct.dtype
            assert torch.equal(kept, direct)


def test_labels_that_are_numbers_are_kept_too(tmp_path: Path) -> None:
    squares = TOY.build_objective().open_data(draw_squares(tmp_path / "toy"))
    assert prepare(squares, (16, 16)) == [(16, 18), (18, 18)]
    cached = open_cache(squares, squares.train, (16, 16))
    assert [int(cached[index][1]) for index in range(18)] == [
        int(squares.sample(item, (16, 16))[1]) for item in squares.train
    ]


def test_a_sample_can_be_changed_without_changing_the_cache(data: Data) -> None:
    prepare(data)
    cached = open_cache(data, data.train, SIZE)
    cached[0][0].zero_()
    assert torch.equal(cached[0][0], data.sample(data.train[0], SIZE)[0])


def test_it_is_made_once(data: Data) -> None:
    prepare(data)
    before = files()
    assert len(before) == 2
    assert prepare(data) == []
    assert files() == before


def test_each_resolution_and_split_has_its_own(data: Data) -> None:
    prepare(data)
    prepare(data, (16, 22))
    list(prepare_cache(data, data.valid, SIZE))
    assert len(folders()) == 3


@pytest.mark.parametrize("changed", ["train/drawn_0003.jpg", "trainannot/drawn_0003.png", "codes.txt"])
def test_a_changed_file_gets_a_new_cache(data: Data, changed: str) -> None:
    prepare(data)
    path = data.root / changed
    before = path.stat().st_mtime_ns
    os.utime(path, ns=(before, before + 10**9))
    assert prepare(data) == [(10, 10)]
    assert len(folders()) == 2


def test_codes_in_another_order_change_the_masks(data: Data) -> None:
    prepare(data)
    codes = (data.root / "codes.txt").read_text().split()
    (data.root / "codes.txt").write_text("\n".join(["Void", *(code for code in codes if code != "Void")]))
    moved = open_masks(data.root)
    assert moved.classes == data.classes
    list(prepare_cache(moved, moved.train, SIZE))
    assert torch.equal(open_cache(moved, moved.train, SIZE)[0][1], moved.sample(moved.train[0], SIZE)[1])


def test_an_interrupted_build_leaves_nothing(tmp_path: Path) -> None:
    squares = TOY.build_objective().open_data(draw_squares(tmp_path / "toy"))
    build = prepare_cache(squares, squares.train, (16, 16))
    assert next(build) == (16, 18)
    assert len(folders()) == 1
    build.close()
    assert folders() == []
    assert prepare(squares, (16, 16)) == [(16, 18), (18, 18)]


def test_a_broken_picture_is_named_and_leaves_nothing(data: Data) -> None:
    data.train[6].write_bytes(data.train[6].read_bytes()[:-200])
    with pytest.raises(DataError, match=data.train[6].name):
        prepare(data)
    assert folders() == []


@pytest.mark.parametrize("missing", ["train/drawn_0004.jpg", "trainannot/drawn_0004.png"])
def test_a_missing_file_is_named(data: Data, missing: str) -> None:
    (data.root / missing).unlink()
    with pytest.raises(DataError, match=f"There is no file {data.root / missing}"):
        prepare(data)


def test_what_a_killed_build_left_is_not_taken_for_whole(data: Data) -> None:
    prepare(data)
    (whole,) = (cache_folder() / name for name in folders())
    half = whole.with_name(f"{whole.name}.k1ll3d")
    whole.rename(half)
    (half / "1.npy").unlink()
    assert prepare(data) == [(10, 10)]
    assert len(open_cache(data, data.train, SIZE)) == 10


def test_two_builders_at_once(data: Data) -> None:
    start, made = threading.Barrier(2), []

    def build() -> None:
        start.wait()
        made.append(prepare(data))

    threads = [threading.Thread(target=build) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 2
    assert len(folders()) == 1
    assert torch.equal(open_cache(data, data.train, SIZE)[9][0], data.sample(data.train[9], SIZE)[0])


def test_the_second_of_two_builders_finds_the_first_one_s(data: Data) -> None:
    """The slower one has begun before the other is done, and finishes after it."""
    slow = prepare_cache(data, data.train, SIZE)
    assert next(slow) == (10, 10)
    assert prepare(data) == [(10, 10)]
    before = files()
    assert list(slow) == []
    assert {path: state for path, state in before.items() if path in files()} == files()
    assert len(folders()) == 1


def test_a_full_disk_is_said_before_anything_is_written(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(data.root)._replace(free=1000)
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(DataError, match=r"the disk has 0\.0 GB free"):
        prepare(data)
    assert folders() == []


def test_a_loader_s_process_is_sent_the_place_and_not_the_pictures(data: Data) -> None:
    prepare(data)
    cached = open_cache(data, data.train, SIZE)
    message = pickle.dumps(cached)
    assert len(message) < sum(array.nbytes for array in cached.arrays) / 2
    assert torch.equal(pickle.loads(message)[3][0], cached[3][0])


def test_the_picture_is_shrunk_without_jagged_edges(tmp_path: Path) -> None:
    """Shrinking averages: a fine chessboard becomes grey, not black or white."""
    for folder in ("train", "trainannot", "val", "valannot"):
        (tmp_path / folder).mkdir()
    (tmp_path / "codes.txt").write_text("a\nb\n")
    board = (np.indices((96, 96)).sum(0) % 2).astype(np.uint8)
    for split in ("train", "val"):
        Image.fromarray(board * 255).save(tmp_path / split / "x.png")
        Image.fromarray(board).save(tmp_path / f"{split}annot" / "x.png")
    picture, mask = (opened := open_masks(tmp_path)).sample(opened.train[0], (32, 32))
    assert (picture.float() - 127.5).abs().max() < 30
    assert set(mask.unique().tolist()) <= {0, 1}


def test_masks_that_are_read_in_another_way_get_a_new_cache(tmp_path: Path) -> None:
    """Of 0 and 255 alone 255 is the object; with a mask more, of 0, 1 and 255, it is the border that belongs to nothing."""
    codes = np.repeat(np.array([0, 0, 255, 255], dtype=np.uint8), 16).reshape(8, 8)

    def add(number: int) -> None:
        Image.new("RGB", (8, 8)).save(tmp_path / "images" / f"{number}.png")
        Image.fromarray(codes).save(tmp_path / "labels" / f"{number}_P.png")

    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    (tmp_path / "codes.txt").write_text("ground\nthing\n")
    for number in range(5):
        add(number)
    white = open_masks(tmp_path)
    items = white.train[:1]
    list(prepare_cache(white, items, (8, 8)))
    assert int(open_cache(white, items, (8, 8))[0][1].max()) == 1
    codes[0, 0] = 1
    add(9)
    border = open_masks(tmp_path)
    list(prepare_cache(border, items, (8, 8)))
    assert int(open_cache(border, items, (8, 8))[0][1].max()) == VOID
