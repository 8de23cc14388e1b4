"""Downloads break off, change and lie; what is kept is always a true beginning of the file."""

import random
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.data.sources import download as downloads
from engine.data.sources.download import MissingError, UnreachableError, download, parse_address
from engine.errors import DownloadError

CONTENT = random.Random(1).randbytes(900_000)
LIMIT = 10_000_000


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "file.part"


@pytest.fixture
def fetch(server, part):
    server.files["/file.tgz"] = CONTENT

    def fetch(limit: int = LIMIT, on_progress=lambda done, total: None) -> None:
        download(parse_address(f"{server.url}/file.tgz"), part, limit=limit, on_progress=on_progress, pause=0.001)

    return fetch


def test_a_file_arrives_with_its_progress(fetch, part):
    seen = []
    fetch(on_progress=lambda done, total: seen.append((done, total)))
    assert part.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_a_cut_connection_is_taken_up_at_its_last_byte(server, fetch, part):
    server.cut_after = [300_000, 200_000]
    fetch()
    assert part.read_bytes() == CONTENT
    assert server.ranges_of("/file.tgz") == ["", "bytes=300000-", "bytes=500000-"]


def test_a_later_call_goes_on_where_the_first_gave_up(server, fetch, part):
    server.cut_after = [400_000] + [0] * downloads.TRIES
    with pytest.raises(DownloadError, match=r"400,000 bytes fetched so far are kept: fetch it again"):
        fetch()
    assert part.read_bytes() == CONTENT[:400_000]
    server.asked.clear()
    server.cut_after = []
    fetch()
    assert part.read_bytes() == CONTENT
    assert server.ranges_of("/file.tgz") == ["bytes=400000-"]


def test_a_whole_part_is_not_asked_for_again(server, fetch, part):
    fetch()
    server.asked.clear()
    fetch()
    assert server.asked == []


@pytest.mark.parametrize("knows_if_range", [True, False])
def test_a_file_that_changed_starts_again(server, fetch, part, knows_if_range):
    server.knows_if_range = knows_if_range
    server.cut_after = [400_000] + [0] * downloads.TRIES
    with pytest.raises(DownloadError):
        fetch()
    server.files["/file.tgz"] = CONTENT[::-1]
    server.cut_after = []
    fetch()
    assert part.read_bytes() == CONTENT[::-1]


def test_a_file_that_became_shorter_starts_again(server, fetch, part):
    server.knows_if_range = False
    server.cut_after = [400_000] + [0] * downloads.TRIES
    with pytest.raises(DownloadError):
        fetch()
    server.files["/file.tgz"] = CONTENT[:1000]
    server.cut_after = []
    fetch()
    assert part.read_bytes() == CONTENT[:1000]


@pytest.mark.parametrize("lack", ["knows_ranges", "validators"])
def test_without_ranges_or_validators_a_cut_file_starts_again(server, fetch, part, lack):
    setattr(server, lack, False)
    server.cut_after = [400_000]
    fetch()
    assert part.read_bytes() == CONTENT


def test_a_part_of_another_address_is_not_built_on(server, part, fetch):
    server.files["/other.tgz"] = CONTENT[::-1]
    server.cut_after = [400_000] + [0] * downloads.TRIES
    with pytest.raises(DownloadError):
        fetch()
    download(parse_address(f"{server.url}/other.tgz"), part, limit=LIMIT)
    assert part.read_bytes() == CONTENT[::-1]


def test_server_errors_are_tried_again_and_then_told(server, fetch, part):
    server.errors = [500, 503, 429]
    fetch()
    assert part.read_bytes() == CONTENT
    downloads.discard(part)
    server.errors = [500] * downloads.TRIES
    with pytest.raises(DownloadError, match=r"broke off 5 times in a row \(HTTP 500\)"):
        fetch()
    assert not part.exists()


def test_a_missing_file_is_told_at_once(server, part):
    with pytest.raises(MissingError, match=r"/none.tgz is not there \(HTTP 404\)"):
        download(parse_address(f"{server.url}/none.tgz"), part, limit=LIMIT)
    assert len(server.asked) == 1
    assert not part.exists()


def test_no_network_is_told_at_once(part, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(downloads.time, "sleep", lambda seconds: pytest.fail("it waited"))
    with pytest.raises(UnreachableError, match="could not be reached"):
        download(parse_address("http://127.0.0.1:1/file.tgz"), part, limit=LIMIT)  # nothing listens on port 1
    assert not part.exists()


@pytest.mark.parametrize("says_length", [True, False])
def test_a_file_larger_than_its_limit_is_deleted(server, fetch, part, says_length):
    server.says_length = says_length
    with pytest.raises(DownloadError, match="500,000"):
        fetch(limit=500_000)
    assert list(part.parent.iterdir()) == []


def test_a_full_disk_is_told_before_the_download(fetch, part, monkeypatch):
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1_000_000))
    with pytest.raises(DownloadError, match=r"MiB are needed in .* Free some room"):
        fetch()
    assert not part.exists()


def test_a_login_goes_to_its_server_and_into_no_message(server, part):
    server.files["/a b/file.tgz"] = CONTENT
    address = parse_address(f"http://user:p%40ss@127.0.0.1:{server.port}/a%20b?token=hidden")
    assert address.shown == f"{server.url}/a%20b"
    assert "hidden" not in repr(address)
    assert "dXNlcjpwQHNz" not in repr(address)
    server.files["/a%20b/file.tgz"] = CONTENT
    download(address.join("file.tgz"), part, limit=LIMIT)
    assert server.asked == [("/a%20b/file.tgz", "", "Basic dXNlcjpwQHNz")]
    with pytest.raises(MissingError) as raised:
        download(address.join("none.tgz"), part, limit=LIMIT)
    assert "hidden" not in str(raised.value)
    assert "user" not in str(raised.value)


def test_a_login_does_not_follow_a_redirect(server, part):
    server.redirect = f"http://localhost:{server.port}"
    with pytest.raises(DownloadError):
        download(parse_address(f"http://user:secret@127.0.0.1:{server.port}/file.tgz"), part, limit=LIMIT)
    assert server.asked[0][2].startswith("Basic")
    assert {authorization for _, _, authorization in server.asked[1:]} == {""}


@pytest.mark.parametrize("text", ["ftp://user:secret@host/x", "http://user:sec/ret@host/x", "http:///x", "secret"])
def test_an_address_that_is_none_is_not_repeated(text):
    with pytest.raises(DownloadError, match="http://HOST/FOLDER") as raised:
        parse_address(text)
    assert "sec" not in str(raised.value)
