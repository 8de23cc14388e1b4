"""Archives that would do harm are refused, and leave the disk as it was."""

import gzip
import io
import shutil
import stat
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from engine.data.sources import archives
from engine.data.sources.archives import unpack
from engine.errors import DataError

GOOD = {"set/codes.txt": b"Sky\nRoad\n", "set/images/a.png": b"a" * 5000, "set/images/b.png": b"b"}


def tar_of(members: list[tarfile.TarInfo | tuple[str, bytes]], path: Path) -> Path:
    with tarfile.open(path, "w:gz", format=tarfile.GNU_FORMAT) as tar:
        for member in members:
            info = tarfile.TarInfo(member[0]) if isinstance(member, tuple) else member
            content = member[1] if isinstance(member, tuple) else b""
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def zip_of(members: dict[str, bytes], path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def tree(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A folder with a neighbour that a hostile archive might reach for."""
    (tmp_path / "neighbour.txt").write_text("untouched")
    return tmp_path


def refused(archive: Path, box: Path, message: str, **options) -> None:
    before = tree(box)
    with pytest.raises(DataError, match=message):
        unpack(archive, box / "data" / "new", **options)
    (box / "data").rmdir()  # empty, or this fails
    assert tree(box) == before


@pytest.mark.parametrize("pack", [lambda path: tar_of(list(GOOD.items()), path), lambda path: zip_of(GOOD, path)])
def test_a_good_archive_is_unpacked_without_its_folder_name(box, pack):
    seen = []
    archive = pack(box / "good")
    files = unpack(
        archive, box / "new", folders=("other", "set"), on_progress=lambda done, total: seen.append((done, total))
    )
    assert files == 3
    assert tree(box / "new") == {
        "codes.txt": GOOD["set/codes.txt"],
        "images": None,
        "images/a.png": GOOD["set/images/a.png"],
        "images/b.png": b"b",
    }
    assert all(0 <= done <= total for done, total in seen)
    assert len(seen) == 3


def test_a_plain_tar_is_unpacked_and_checked_too(box):
    plain = gzip.decompress(tar_of(list(GOOD.items()), box / "good.tgz").read_bytes())
    (box / "a.tar").write_bytes(plain)
    assert unpack(box / "a.tar", box / "new", folders=("set",)) == 3
    assert tree(box / "new")["images/a.png"] == GOOD["set/images/a.png"]
    shutil.rmtree(box / "new")
    for end in (700, 1024, 5000):
        (box / "a.tar").write_bytes(plain[:end])
        refused(box / "a.tar", box, "cut short or damaged")
    evil = gzip.decompress(tar_of([("set/../../evil", b"evil")], box / "evil.tgz").read_bytes())
    (box / "a.tar").write_bytes(evil)
    refused(box / "a.tar", box, "unsafe path")


def test_only_the_folder_that_was_asked_for_is_unpacked(box):
    archive = tar_of([("./repo-main/README", b"no"), ("./repo-main/CamVid/a.png", b"yes")], box / "a.tgz")
    unpack(archive, box / "new", folders=("repo-main/CamVid",))
    assert tree(box / "new") == {"a.png": b"yes"}


def test_files_get_plain_permissions(box):
    info = tarfile.TarInfo("set/run")
    info.mode = 0o6777
    unpack(tar_of([info, ("set/plain", b"x")], box / "a.tgz"), box / "new")
    (box / "own").write_text("x")
    assert stat.S_IMODE((box / "new/set/run").stat().st_mode) == stat.S_IMODE((box / "own").stat().st_mode)


@pytest.mark.parametrize(
    "name",
    [
        "../evil.txt", "set/../../evil.txt", "set/..", "/tmp/lesson-lab-evil.txt", "//evil.txt", "set/C:evil.txt",
        "C:\\evil.txt", "set\\..\\..\\evil.txt", "set/nul", "set/COM1.txt", "set/dot.", "set/a\nb",
        "set/" + "x" * 256, "deeper/" * 17 + "evil.txt",
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_path_that_leads_out_or_is_hostile_is_refused(box, name, kind):
    members = {"set/good.txt": b"good", name: b"evil"}
    archive = tar_of(list(members.items()), box / "a") if kind == "tar" else zip_of(members, box / "a")
    refused(archive, box, "unsafe path")
    assert not Path("/tmp/lesson-lab-evil.txt").exists()


def test_a_name_that_is_no_text_is_refused(box):
    refused(tar_of([("set/\udcff", b"x")], box / "a.tgz"), box, "unsafe path")


@pytest.mark.parametrize(
    "member",
    [
        special("set/link", tarfile.SYMTYPE, "../../neighbour.txt"),
        special("set/link", tarfile.SYMTYPE, "codes.txt"),
        special("set/link", tarfile.LNKTYPE, "set/codes.txt"),
        special("set/device", tarfile.CHRTYPE),
        special("set/device", tarfile.BLKTYPE),
        special("set/pipe", tarfile.FIFOTYPE),
        special("outside", tarfile.SYMTYPE, "/etc/passwd"),
    ],
    ids=lambda member: f"{member.type!r}-{member.linkname}",
)
def test_links_and_devices_are_refused(box, member):
    archive = tar_of([*GOOD.items(), member, ("set/link/through.txt", b"evil")], box / "a.tgz")
    refused(archive, box, "link or device", folders=("set",))


def test_a_link_in_a_zip_is_refused(box):
    archive = zip_of(GOOD, box / "a.zip")
    with zipfile.ZipFile(archive, "a") as extended:
        info = zipfile.ZipInfo("set/link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        extended.writestr(info, "../../neighbour.txt")
    refused(archive, box, "link or device")


def test_a_sparse_file_is_refused(box):
    # 100 bytes of header that say "a terabyte of nothing": tarfile would make up the zeros.
    info = tarfile.TarInfo("set/sparse")
    info.pax_headers = {"GNU.sparse.size": str(2**40), "GNU.sparse.numblocks": "0", "GNU.sparse.map": "0,0"}
    with tarfile.open(box / "a.tgz", "w:gz", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info)
    refused(box / "a.tgz", box, "link or device|damaged")


@pytest.mark.parametrize("names", [("set/a", "set/a"), ("set/a", "SET/A"), ("set/a", "set/a/b"), ("set/a/b", "set/a")])
def test_a_name_that_comes_twice_is_refused(box, names):
    refused(tar_of([(name, b"x") for name in names], box / "a.tgz"), box, "twice")


def test_a_zip_bomb_is_refused_before_it_unpacks(box):
    archive = zip_of({"set/zeros": bytes(40 * 2**20)}, box / "a.zip")
    assert archive.stat().st_size < 2**16
    refused(archive, box, "more than 33,554,432 bytes")


def test_a_zip_that_hides_its_size_is_refused(box):
    archive = zip_of({"set/zeros": bytes(100_000)}, box / "a.zip")
    content = archive.read_bytes()
    assert content.count(struct.pack("<I", 100_000)) == 2
    archive.write_bytes(content.replace(struct.pack("<I", 100_000), struct.pack("<I", 10)))
    refused(archive, box, "damaged")


@pytest.mark.parametrize("inside", [True, False])
def test_a_gzip_bomb_stops_early(box, monkeypatch, inside):
    monkeypatch.setattr(archives, "FREE_OF_RATIO", 2**20)
    name = "set/zeros" if inside else "other/zeros"
    archive = tar_of([("set/good", b"x"), (name, bytes(20 * 2**20)), ("set/last", b"x")], box / "a.tgz")
    refused(archive, box, "would unpack to more than", folders=("set",))


def test_zeros_after_the_end_are_a_bomb_too(box, monkeypatch):
    monkeypatch.setattr(archives, "FREE_OF_RATIO", 2**20)
    plain = gzip.decompress(tar_of([("set/good", b"x")], box / "a.tgz").read_bytes())
    (box / "a.tgz").write_bytes(gzip.compress(plain + bytes(20 * 2**20)))
    refused(box / "a.tgz", box, "would unpack to more than")


def test_a_header_of_absurd_size_is_refused(box):
    info = special("set/name", tarfile.GNUTYPE_LONGNAME)
    info.size = 30 * 2**20  # a name of 30 MiB, which tarfile would read into memory
    (box / "a.tgz").write_bytes(gzip.compress(info.tobuf() + bytes(info.size) + bytes(1024)))
    refused(box / "a.tgz", box, "a header of")


def test_more_than_a_source_may_have_is_refused(box):
    refused(tar_of(list(GOOD.items()), box / "a.tgz"), box, "more than 5,000 bytes", max_bytes=5_000)


def test_too_many_members_are_refused(box, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 50)
    archive = tar_of([(f"set/{number}", b"") for number in range(51)], box / "a.tgz")
    refused(archive, box, "more than 50 members")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_truncated_archive_is_refused(box, share, kind):
    archive = tar_of(list(GOOD.items()), box / "a") if kind == "tar" else zip_of(GOOD, box / "a")
    content = archive.read_bytes()
    archive.write_bytes(content[: max(4, int(len(content) * share))])
    refused(archive, box, "cut short or damaged.*Get it again")


def test_a_tar_that_ends_in_the_middle_is_refused(box):
    plain = gzip.decompress(tar_of(list(GOOD.items()), box / "a.tgz").read_bytes())
    (box / "a.tgz").write_bytes(gzip.compress(plain[:1024]))  # whole gzip, half a tar
    refused(box / "a.tgz", box, "no end of the archive")


def test_a_changed_byte_is_refused(box):
    archive = zip_of({"set/a": bytes(range(256)) * 40}, box / "a.zip")
    content = bytearray(archive.read_bytes())
    content[60] ^= 1
    archive.write_bytes(content)
    refused(archive, box, "damaged")


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html>", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_archive_is_refused(box, content):
    (box / "a.tgz").write_bytes(content)
    refused(box / "a.tgz", box, "not a tar.gz or zip archive")


def test_an_archive_of_something_else_is_refused(box):
    refused(tar_of(list(GOOD.items()), box / "a.tgz"), box, "no files in a folder camvid", folders=("camvid",))


def test_a_zip_with_a_password_is_refused(box):
    archive = zip_of({"set/a": b"x"}, box / "a.zip")
    content = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    archive.write_bytes(content)
    refused(archive, box, "has a password")


def test_a_stop_half_way_leaves_nothing(box):
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unpack(tar_of(list(GOOD.items()), box / "a.tgz"), box / "new", on_progress=stop)
    assert not (box / "new").exists()
