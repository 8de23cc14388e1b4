"""A folder appears whole, and nobody else's is touched."""

import os
import stat
import time
from pathlib import Path

import pytest

from engine.data.whole_folder import ABANDONED_SECONDS, PARTIAL, making_whole


def aged(folder: Path) -> Path:
    """A folder with a file in it, as old as what is swept."""
    folder.mkdir()
    (folder / "file.txt").write_text("kept")
    long_ago = time.time() - 2 * ABANDONED_SECONDS
    os.utime(folder, (long_ago, long_ago))
    return folder


@pytest.mark.parametrize("name", ["cat", "cat[1]"])
def test_what_a_killed_process_left_is_swept_and_other_folders_of_such_a_name_are_not(
    tmp_path: Path, name: str
) -> None:
    abandoned = aged(tmp_path / f".{name}{PARTIAL}0")
    others = [aged(tmp_path / other) for other in (f"{name}.v1", f"{name}.notes", f".{name}.d", "cat1.v1")]
    with making_whole(tmp_path / name) as partial:
        young = next(folder for folder in tmp_path.glob(".*") if folder == partial)
        (young / "new.txt").write_text("new")
    assert not abandoned.exists() and all((other / "file.txt").read_text() == "kept" for other in others)
    assert (tmp_path / name / "new.txt").read_text() == "new"


def test_a_block_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full"), making_whole(tmp_path / "cat") as partial:
        (partial / "half.txt").write_text("half")
        raise OSError("full")
    assert list(tmp_path.iterdir()) == []


def test_who_may_read_what_is_made_here_may_read_it(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with making_whole(tmp_path / "cat"):
        pass
    assert stat.S_IMODE((tmp_path / "cat").stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)
