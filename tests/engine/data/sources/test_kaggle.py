"""The full Planet set: by Kaggle's client, for which a small program stands in here, or put there by hand."""

import hashlib
import io
import json
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.data.sources import kaggle
from engine.data.sources.catalog import Source
from engine.data.sources.fetching import FetchProgress, dataset_folder, fetch, get_source, is_ready, resolve_dataset
from engine.errors import DataError, DownloadError

COMPETITION = "planet-understanding-the-amazon-from-space"
RULES = f"https://www.kaggle.com/c/{COMPETITION}/rules"
TABLE = b"image_name,tags\ntrain_0,haze primary\n"
NO_7Z = "py7zr is not installed: python -m pip install py7zr"
SECRETS = {"KAGGLE_USERNAME": "teacher7", "KAGGLE_KEY": "s3cretk3y", "KAGGLE_API_TOKEN": "t0kent0ken"}

# What the real client (2.2.4) does as seen from outside: a file, or words and exit code 1. This one also tells secrets.
CLIENT = """#!/bin/sh
cd '{shelf}' || exit 2
[ "$1 $2 $3 $4 $6 $8" = 'competitions download {competition} -f -p -q' ] || exit 3
name=$5 into=$7
echo "$name" >> asked
echo "as $KAGGLE_USERNAME $KAGGLE_KEY $KAGGLE_API_TOKEN"
if [ -f says ]; then /bin/cat says >&2; exit 1; fi
if [ ! -f "$name" ]; then
    echo '404 Client Error: Not Found for url: https://api.kaggle.com/v1/x?X-Signature=s1gned' >&2; exit 1
fi
target="$into/${{name##*/}}"
if [ -f named ]; then target="$into/$(/bin/cat named)"; fi
if [ -f stuck ]; then printf half > "$target"; exec /bin/sleep 60; fi
if [ -f slow ]; then printf half > "$target"; /bin/sleep 0.3; fi
/bin/cp "$name" "$target"
"""


@dataclass
class Kaggle:
    """What the client is told: files by their names on `shelf`; what it was asked for."""

    shelf: Path

    @property
    def asked(self) -> list[str]:
        file = self.shelf / "asked"
        return file.read_text().splitlines() if file.exists() else []

    def put(self, **files: bytes | str) -> None:
        for name, content in files.items():
            (self.shelf / name).write_bytes(content.encode() if isinstance(content, str) else content)


def tar_of(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def zip_of(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def seven_of(files: dict[str, bytes]) -> bytes:
    py7zr = pytest.importorskip("py7zr", reason=NO_7Z)
    buffer = io.BytesIO()
    with py7zr.SevenZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(content, name)
    return buffer.getvalue()


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


@pytest.fixture
def planet(home) -> Path:
    return dataset_folder("planet")


@pytest.fixture
def nothing_installed(home, tmp_path, monkeypatch) -> Path:
    """A PATH, and a folder of Python's programs, with nothing in them; py7zr counts as installed."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python" / "python"))
    monkeypatch.setattr(kaggle, "find_spec", lambda name: name)
    return programs


@pytest.fixture
def client(nothing_installed, tmp_path, monkeypatch) -> Kaggle:
    """A client on the PATH, and secrets that it gets but nobody else may show."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    program = nothing_installed / "kaggle"
    program.write_text(CLIENT.format(shelf=shelf, competition=COMPETITION))
    program.chmod(0o755)
    monkeypatch.setattr(kaggle, "LOOK_EVERY", 0.01)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    return Kaggle(shelf)


def failure(planet: Path) -> str:
    """What `fetch` says; it must tell the way by hand, and no secret."""
    with pytest.raises(DownloadError) as raised:
        fetch("planet")
    said = str(raised.value)
    assert RULES in said
    assert f"put train_v2.csv and train-jpg/ or train-tif-v2/, unpacked, into {planet};" in said
    assert said.endswith("if you want them, also test-jpg/, test-jpg-additional/.")
    assert not any(word in said for word in (*SECRETS.values(), "s1gned"))
    assert not is_ready("planet")
    assert not planet.exists()
    return said


def test_the_competition_is_complete():
    source = get_source("planet")
    assert isinstance(source, Source)
    origin = source.origin
    assert isinstance(origin, kaggle.KaggleOrigin)
    assert origin.competition == COMPETITION
    assert [(file.entry, file.is_needed) for file in origin.files] == [
        ("train_v2.csv", True), ("train-jpg/", True), ("test-jpg/", False), ("test-jpg-additional/", False),
    ]  # fmt: skip
    assert all(name.startswith(file.entry.rstrip("/")) for file in origin.files for name in file.names)


def test_kaggles_files_are_laid_out_as_kaggle_has_them(planet, client):
    table = zip_of({"train_v2.csv": TABLE, "__MACOSX/._train_v2.csv": b"?"})
    train = tar_of({"train-jpg/train_0.jpg": b"a picture", "train-jpg/train_1.jpg": b"another"})
    test = zip_of({"test-jpg/test_0.jpg": b"a test"})
    client.put(**{"train_v2.csv": table, "train-jpg.tar": train, "test-jpg.zip": test})
    seen: list[FetchProgress] = []
    assert fetch("planet", seen.append) == planet
    made = files_in(planet)
    record = json.loads(made.pop("source.json"))
    assert made == {
        "train_v2.csv": TABLE,
        "train-jpg/train_0.jpg": b"a picture",
        "train-jpg/train_1.jpg": b"another",
        "test-jpg/test_0.jpg": b"a test",
    }
    assert (record["origin"], record["drawn"]) == (f"https://www.kaggle.com/c/{COMPETITION}", False)
    assert list(record["files"]) == ["train_v2.csv", "train-jpg/", "test-jpg/"]
    assert record["files"]["train-jpg/"] == {"bytes": len(train), "sha256": hashlib.sha256(train).hexdigest()}
    assert not any(word in json.dumps(record) for word in SECRETS.values())
    assert client.asked[:3] == ["train_v2.csv", "train-jpg.tar.7z", "train-jpg.tar"]
    assert {"extract", "ready"} <= {progress.phase for progress in seen} <= {"download", "extract", "ready"}
    assert files_in(planet.parent / ".partial") == {}
    client.put(asked="")
    fetch("planet")
    assert client.asked == []


def test_a_7z_of_a_tar_is_what_kaggle_began_with(planet, client):
    table, pictures = b"x,y\n", tar_of({"train-jpg/train_0.jpg": b"p" * 3_000_000})
    client.put(**{"train_v2.csv": table, "train-jpg.tar.7z": seven_of({"train-jpg.tar": pictures})})
    seen: list[FetchProgress] = []
    fetch("planet", seen.append)
    assert files_in(planet)["train-jpg/train_0.jpg"] == b"p" * 3_000_000
    assert files_in(planet)["train_v2.csv"] == table
    assert any(progress.phase == "extract" and progress.done for progress in seen)
    assert files_in(planet.parent / ".partial") == {}


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"a.tar": b"x", "b.tar": b"y"}, "must have one tar in it"),
        ({"train-jpg.tar": bytes(40 * 2**20)}, "too much for it"),
        ({"train-jpg.tar": b"no tar"}, "not a tar.gz or zip archive"),
        ({"train-jpg.tar": tar_of({"train-jpg/../../evil": b"evil"})}, "unsafe path"),
        ({"../../train-jpg.tar": tar_of({"train-jpg/a.jpg": b"a"})}, "path is bad"),
    ],
    ids=["two", "bomb", "other", "path inside", "path"],
)
def test_a_bad_7z_is_refused_and_fetched_anew(planet, client, tmp_path, monkeypatch, files, says):
    pytest.importorskip("py7zr", reason=NO_7Z)
    monkeypatch.setattr("py7zr.py7zr.check_archive_path", lambda name: True)  # it would not write such a path
    client.put(**{"train_v2.csv": TABLE, "train-jpg.tar.7z": seven_of(files)})
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(DataError, match=says):
        fetch("planet")
    assert not planet.exists()
    assert list(files_in(planet.parent / ".partial")) == ["planet.part/train_v2.csv/train_v2.csv"]
    assert sorted({*before, "home"}) == sorted(path.name for path in tmp_path.iterdir())


def test_a_link_in_a_7z_is_refused(planet, client, tmp_path):
    py7zr = pytest.importorskip("py7zr", reason=NO_7Z)
    (tmp_path / "train-jpg.tar").symlink_to("/etc/passwd")
    with py7zr.SevenZipFile(client.shelf / "train-jpg.tar.7z", "w") as archive:
        archive.write(tmp_path / "train-jpg.tar", "train-jpg.tar")
    client.put(**{"train_v2.csv": TABLE})
    with pytest.raises(DataError, match="must have one tar in it"):
        fetch("planet")
    assert not planet.exists()


def test_a_damaged_7z_is_told(planet, client):
    whole = seven_of({"train-jpg.tar": tar_of({"train-jpg/a.jpg": b"a" * 4000})})
    for damaged in (whole[:40], whole[:-1], whole[:40] + b"!!!!" + whole[44:]):
        client.put(**{"train_v2.csv": TABLE, "train-jpg.tar.7z": damaged})
        with pytest.raises(DataError, match="cut short or damaged"):
            fetch("planet")
        assert not planet.exists()


def test_an_archive_of_something_else_is_refused(planet, client):
    client.put(**{"train_v2.csv": TABLE, "train-jpg.tar": tar_of({"other/a.jpg": b"a"})})
    with pytest.raises(DataError, match=r"train-jpg.tar has no train-jpg/ in it"):
        fetch("planet")
    client.put(**{"train-jpg.tar": tar_of({"train-jpg/a.jpg": b"a"})})
    assert files_in(fetch("planet"))["train-jpg/a.jpg"] == b"a"


def test_without_the_client_it_says_how_to_install_it_and_how_to_do_without(planet, nothing_installed):
    said = failure(planet)
    assert "Kaggle's client is not installed here. Install it: python -m pip install kaggle six py7zr" in said


def test_nobody_waits_for_a_download_that_cannot_be_unpacked(planet, client, monkeypatch):
    monkeypatch.setattr(kaggle, "find_spec", lambda name: None)
    assert "py7zr is not installed here. Install it: python -m pip install" in failure(planet)
    assert client.asked == []


def test_the_client_beside_python_is_found_too(planet, client, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "programs" / "python"))
    monkeypatch.setenv("PATH", "")
    client.put(**{"train_v2.csv": TABLE, "train-jpg.zip": zip_of({"train-jpg/a.jpg": b"a"})})
    fetch("planet")
    assert is_ready("planet")


# Words of 2.2.4, as it printed them here against a server on localhost; those with a dash are from 1.5 and 1.6.
@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("Authentication required to call the Kaggle API.\n\nFirst, you will need", "no valid token. Run: kaggle auth"),
        ("401 - Unauthorized", "no valid token. Run: kaggle auth"),
        ("You must accept this competition's rules before you'll be able to download files.", "refuses these files"),
        ("403 Client Error: Forbidden for url: https://api.kaggle.com/v1/x?X-Signature=s1gned", "refuses these files"),
        ("403 - Forbidden - Permission 'competitions.participate' was denied", "refuses these files"),
        ("HTTPSConnectionPool(host='api.kaggle.com', port=443): Max retries exceeded with url: /v1/x", "No network?"),
        ("404 - Not Found", "Kaggle has no train_v2.csv and no train_v2.csv.zip"),
        ("500 Server Error: Internal Server Error for url: https://u:s1gned@h/", "exit code 1. To see why, run it by"),
        ("ModuleNotFoundError: No module named 'six'", "exit code 1. To see why, run it by"),
    ],
)
def test_what_the_client_cannot_do_is_told_in_our_words(planet, client, words, says):
    client.put(says=words)
    said = failure(planet)
    assert says in said
    assert ("run it by hand" in said) == (f"competitions download {COMPETITION} -f train_v2.csv -p " in said)


def test_what_was_fetched_is_kept_when_a_later_file_fails(planet, client):
    client.put(**{"train_v2.csv": TABLE})
    assert "Kaggle has no train-jpg.tar.7z and no train-jpg.tar and no train-jpg.zip" in failure(planet)
    assert files_in(planet.parent / ".partial") == {"planet.part/train_v2.csv/train_v2.csv": TABLE}


def test_progress_is_told_while_the_client_fetches(planet, client):
    client.put(slow="", **{"train_v2.csv": TABLE, "train-jpg.zip": zip_of({"train-jpg/a.jpg": b"a"})})
    seen: list[FetchProgress] = []
    fetch("planet", seen.append)
    assert FetchProgress(phase="download", done=4, total=0) in seen


def test_a_client_that_stalls_or_floods_is_stopped(planet, client, monkeypatch):
    client.put(stuck="", **{"train_v2.csv": TABLE})
    with monkeypatch.context() as patch:
        patch.setattr(kaggle, "STALLED", 0.2)
        with pytest.raises(DownloadError, match="got nothing for"):
            fetch("planet")
    monkeypatch.setattr(kaggle, "MAX_ARCHIVE", 3)
    with pytest.raises(DownloadError, match="goes on after 3 bytes"):
        fetch("planet")


def test_a_client_that_leaves_nothing_is_told(planet, client):
    client.put(named=f"x{kaggle.PARTIAL}", **{"train_v2.csv": TABLE})
    with pytest.raises(DownloadError, match="left 0 files"):
        fetch("planet")


@pytest.mark.parametrize("pictures", ["train-jpg", "train-tif-v2"])
def test_a_folder_filled_by_hand_is_ready_and_left_alone(planet, nothing_installed, pictures):
    (planet / pictures).mkdir(parents=True)
    assert not is_ready("planet")
    with pytest.raises(DataError, match=r"planet has no train_v2.csv in it. Put that there too"):
        fetch("planet")
    (planet / "train_v2.csv").write_bytes(TABLE)
    assert is_ready("planet")
    seen: list[FetchProgress] = []
    assert fetch("planet", seen.append) == resolve_dataset("planet") == planet
    assert [progress.phase for progress in seen] == ["ready"]
    assert files_in(planet) == {"train_v2.csv": TABLE}


def test_a_folder_that_is_filled_only_in_part_is_neither_ready_nor_touched(planet, nothing_installed):
    planet.mkdir(parents=True)
    (planet / "train_v2.csv").write_bytes(TABLE)
    assert not is_ready("planet")
    with pytest.raises(DataError, match=r"planet has no train-jpg/ or train-tif-v2/ in it"):
        fetch("planet")
    assert files_in(planet) == {"train_v2.csv": TABLE}


def test_only_kaggles_sets_are_ready_without_a_record(home):
    folder = dataset_folder("planet_sample")
    (folder / "train").mkdir(parents=True)
    (folder / "labels.csv").write_text("image_name,tags\n")
    assert not is_ready("planet_sample")
    with pytest.raises(DataError, match=r"is in the way: it has no source.json"):
        fetch("planet_sample")
