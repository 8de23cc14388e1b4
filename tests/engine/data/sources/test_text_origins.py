"""Archives of text files become tables without being unpacked, hostile ones nothing; and so does what the Hub has, or has not."""

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import datasets
import pytest

from engine.data.drawn.reviews import CLASSES
from engine.data.sources import fetching as sources
from engine.data.sources import text_origins
from engine.data.sources.catalog import Origin, Source
from engine.data.sources.fetching import FetchProgress, fetch, is_ready, read_record
from engine.data.sources.origins import ArchiveOrigin
from engine.data.sources.text_origins import HubTextOrigin, TextArchiveOrigin
from engine.data.texts.dataset import open_texts
from engine.errors import DataError, DownloadError

ORIGIN = TextArchiveOrigin(
    archive=ArchiveOrigin(path="nlp/imdb.tgz", folders=("imdb",), instead="drawn-reviews"), classes=("neg", "pos")
)
LABELLED = {f"imdb/train/{label}/{number}_8.txt": f"{label} {number}" for label in CLASSES for number in range(10)}
GOOD = {
    "imdb/test/pos/7_9.txt": "tested",
    "imdb/README": "no review",
    "imdb/train/labeledBow.feat": "no review",
    "imdb/train/unsup/1_0.txt": "no review, where the lesson packed it",
    "imdb/train/neg/deeper/1_1.txt": "no review",
    "imdb/train/fun/1_1.txt": "no review",
    **LABELLED,
    "imdb/unsup/4_0.txt": "unsaid <br />é\x00",
    "imdb/tmp_lm/itos.pkl": "no review",
    "elsewhere/train/neg/1_1.txt": "no review",
    "imdb/test/neg/9_1.txt": "tested too",
}


def pack(folder: Path, members: dict[str, str | bytes | tarfile.TarInfo]) -> Path:
    """A mirror in `folder` with these members as the archive."""
    (folder / "nlp").mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / "nlp/imdb.tgz", "w:gz") as tar:
        for name, content in members.items():
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            raw = content.encode() if isinstance(content, str) else content if isinstance(content, bytes) else b""
            info.size = len(raw)
            tar.addfile(info, io.BytesIO(raw))
    return folder / "nlp/imdb.tgz"


def link(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return info


def left_behind(home: Path) -> list[str]:
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file() and path.suffix != ".lock")


def know(monkeypatch: pytest.MonkeyPatch, origin: Origin) -> None:
    monkeypatch.setattr(sources, "SOURCES", (Source(name="imdb", title="IMDb", note="", terms="", origin=origin),))


@pytest.fixture
def mirror(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    know(monkeypatch, ORIGIN)
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setenv("LESSON_LAB_MIRROR", str(folder))
    return folder


def refused(home: Path, message: str, kind: type[DataError] = DataError) -> None:
    with pytest.raises(DataError, match=message) as caught:
        fetch("imdb")
    assert type(caught.value) is kind
    assert not is_ready("imdb")
    assert left_behind(home) == []


def test_an_archive_becomes_tables_in_its_order(mirror, home):
    archive = pack(mirror, dict(GOOD))
    seen: list[FetchProgress] = []
    data = open_texts(fetch("imdb", seen.append))
    names = data.table["name"][:]
    assert names == [
        *(name.removeprefix("imdb/") for name in LABELLED), "test/pos/7_9.txt", "test/neg/9_1.txt", "unsup/4_0.txt",
    ]  # fmt: skip
    assert data.texts(range(20)) == list(LABELLED.values())
    assert data.labels(range(20)) == [0] * 10 + [1] * 10
    assert (data.texts(data.test), data.labels(data.test)) == (["tested", "tested too"], [1, 0])
    assert data.texts(data.unlabelled) == ["unsaid <br />é"]
    assert (data.classes, len(data.valid)) == (("neg", "pos"), 2)
    record = read_record("imdb")
    assert record["texts"] == {"test": 2, "train": 20, "unsupervised": 1}
    assert record["sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()
    assert (record["bytes"], record["as_packed"]) == (archive.stat().st_size, None)
    assert {(step.phase, step.total) for step in seen if step.phase == "extract"} == {
        ("extract", archive.stat().st_size)
    }
    assert seen[-1].phase == "ready"
    assert not [path for path in left_behind(home) if not path.startswith("data/imdb/")]
    assert (ORIGIN.size, ORIGIN.instead, ORIGIN.is_drawn) == (0, "drawn-reviews", False)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"link": link("imdb/train/pos/1_1.txt")}, "a link or device"),
        ({"../imdb/train/pos/1_1.txt": "x"}, "unsafe path"),
        ({"/imdb/train/pos/1_1.txt": "x"}, "unsafe path"),
        ({"imdb/./train/pos/0_8.txt": "x"}, "twice"),
        (
            {f"imdb/unsup/{number}_0.txt": bytes(4_000_000) for number in range(9)},
            "would unpack to more than 33,554,432",
        ),
        ({"imdb/unsup/1_0.txt": "x" * 5_000_001}, r"unsup/1_0.txt has more than 5,000,000 characters"),
    ],
    ids=["link", "up", "root", "twice", "bomb", "long"],
)
def test_a_hostile_archive_leaves_nothing(mirror, home, members, message):
    pack(mirror, LABELLED | members)
    refused(home, message)
    assert [str(path.relative_to(mirror)) for path in mirror.rglob("*.*")] == ["nlp/imdb.tgz"]


def test_a_cut_archive_leaves_nothing(mirror, home):
    archive = pack(mirror, {f"imdb/train/pos/{number}_8.txt": os.urandom(3000).hex() for number in range(20)})
    archive.write_bytes(archive.read_bytes()[:-5000])
    refused(home, "cut short or damaged")


def test_all_texts_together_are_bounded(mirror, home, monkeypatch):
    monkeypatch.setattr(text_origins, "MAX_BYTES", 10_000)
    pack(mirror, dict(LABELLED))
    refused(home, "would unpack to more than 10,000 bytes")


def test_another_archive_is_told_from_this_one(mirror, home):
    pack(mirror, {"imdb/test/pos/1_8.txt": "x", "planet/train/pos/1_8.txt": "x"})
    refused(home, "no texts in imdb/train/neg: it is not the one that was expected")


def test_a_download_that_is_no_good_is_not_kept(server, home, monkeypatch, tmp_path):
    know(monkeypatch, ORIGIN)
    monkeypatch.setenv("LESSON_LAB_MIRROR", server.url)
    server.files["/nlp/imdb.tgz"] = pack(tmp_path, {"link": link("imdb/train/pos/1_1.txt")}).read_bytes()
    refused(home, "a link or device")
    server.files["/nlp/imdb.tgz"] = pack(tmp_path, dict(GOOD)).read_bytes()
    assert len(open_texts(fetch("imdb")).table) == 23
    assert not [path for path in left_behind(home) if ".part" in path]


def test_no_archive_says_what_else_there_is(mirror, home):
    refused(home, r"has no nlp/imdb.tgz", DownloadError)
    (mirror / "nlp").mkdir()


def test_no_hub_says_what_else_there_is(home, monkeypatch):
    know(monkeypatch, HubTextOrigin(repo="stanfordnlp/imdb", size=9, instead="drawn-reviews"))
    assert sources.get_source("imdb").size == 9
    refused(home, r"stanfordnlp/imdb could not be had .* No network\? .* or use drawn-reviews", DownloadError)


REVISION = "e6281661ce1c48d982bc483cf8a173c1bbeb5d31"
README = """---
configs:
- config_name: plain_text
  data_files:
  - {split: train, path: train.parquet}
  - {split: unsupervised, path: unsupervised.parquet}
---
"""
CHILD = """
import sys
from pathlib import Path
from engine.data.sources.origins import Making
from engine.data.sources.text_origins import HubTextOrigin
from engine.errors import DownloadError

work, results = Path(sys.argv[1]), []
for name in ("good", "damaged", "missing"):
    making = Making(
        folder=work, fresh=work / name, part=work / f"{name}.part", progress=lambda phase: lambda done, total: None
    )
    origin = HubTextOrigin(repo=f"group/{name}", revision=sys.argv[2], size=7, instead="drawn-reviews")
    try:
        print(origin.make(making))
    except DownloadError as error:
        print(error)
"""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    """A Hugging Face Hub of two data sets: one good, one with a table that is none."""
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])})
    files = {"README.md": README.encode()}
    for split, labels in {"train": [0, 1] * 5, "unsupervised": [-1, -1]}.items():
        columns = {"text": [f"{split} {number}" for number in range(len(labels))], "label": labels}
        path = tmp_path / f"{split}.parquet"
        datasets.Dataset.from_dict(columns, features=features).to_parquet(path)
        files[path.name] = path.read_bytes()
    repositories = {"good": files, "damaged": files | {"train.parquet": b"no table"}}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            for name, files in repositories.items():
                base = f"/api/datasets/group/{name}"
                listed = [{"type": "file", "path": path, "size": len(files[path]), "oid": path} for path in files]
                if path == f"{base}/revision/{REVISION}":
                    return self.say({"id": f"group/{name}", "sha": REVISION, "siblings": []})
                if path == f"{base}/tree/{REVISION}":
                    return self.say(listed)
                place, found, file = path.partition(f"/datasets/group/{name}/resolve/{REVISION}/")
                if found and not place:
                    if file in files:
                        tag = hashlib.sha256(files[file]).hexdigest()
                        return self.answer(200, files[file], {"X-Repo-Commit": REVISION, "ETag": f'"{tag}"'})
                    return self.answer(404, b"", {"X-Error-Code": "EntryNotFound"})
            return self.answer(401, b"", {"X-Error-Code": "RepoNotFound"})

        do_HEAD = do_GET

        def say(self, value: object) -> None:
            self.answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

        def answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(content))}).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{web.server_port}"
    web.shutdown()
    web.server_close()
    thread.join()


def test_the_hub_gives_tables_or_the_reason(hub, tmp_path):
    # In a process of its own, since the library reads its settings when it is imported.
    settings = {"HF_ENDPOINT": hub, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "hub"), "no_proxy": "*"}
    work = tmp_path / "work"
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(work), REVISION],
        env={**os.environ, **settings}, cwd=Path(__file__).parents[4], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    good, damaged, missing = done.stdout.splitlines()
    assert good == str(
        {
            "origin": "https://huggingface.co/datasets/group/good",
            "revision": REVISION,
            "texts": {"train": 10, "unsupervised": 2},
        }
    )
    assert damaged.startswith("group/damaged could not be had from the Hugging Face Hub (")
    assert missing.startswith(
        "group/missing could not be had from the Hugging Face Hub (Dataset 'group/missing' doesn't exist"
    )
    for message in (damaged, missing):
        assert message.endswith("or use drawn-reviews, which needs no network.")
        assert "No network?" not in message
    data = open_texts(work / "good")
    assert (data.classes, len(data.train), len(data.valid)) == (("neg", "pos"), 9, 1)
    assert data.texts(data.unlabelled) == ["unsupervised 0", "unsupervised 1"]
    assert data.name(data.unlabelled[0]) == "unsupervised#1"
    assert [path.name for path in work.iterdir()] == ["good"]
