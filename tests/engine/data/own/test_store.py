"""Whose a data set is: seen by its owner alone, bounded for visitors, and gone for good where it is deleted for good."""

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from engine.data.own import store
from engine.data.own.plain import Row, write_labels
from engine.data.own.store import check_room, keep_own, my_own, own_sets, read_own, rename_own
from engine.data.sources.fetching import resolve_dataset
from engine.errors import AccessError, DataError
from engine.host.access import HOST, Person, identify_by
from engine.host.home import home
from engine.library.packing import pack_own
from engine.library.trash import delete_own, forget_own, list_deleted, restore_own
from engine.tasks.own_ways import open_plain

ANNA, BEN = Person(name="anna", is_host=False), Person(name="ben", is_host=False)


@pytest.fixture
def being() -> Iterator[Callable[[Person], None]]:
    """Who asks from now on."""
    asking = [HOST]
    identify_by(lambda: asking[0])
    yield lambda person: asking.__setitem__(0, person)
    identify_by(lambda: HOST)


def brought(folder: Path, count: int = 10) -> Path:
    """Pictures with a label each, written in the plain layout and not kept yet."""
    source = folder / "source"
    source.mkdir(parents=True)
    rows = []
    for number in range(count):
        Image.effect_noise((32, 32), 40 + number).convert("RGB").save(source / f"p{number}.png")
        rows.append(Row(picture=source / f"p{number}.png", label="ab"[number % 2]))
    target = folder / "plain"
    target.mkdir()
    write_labels(target, rows)
    return target


def keep(folder: Path, title: str = "My leaves") -> str:
    return keep_own(brought(folder), kind="label", title=title, samples=10).name


def test_a_data_set_is_its_owners_alone(being, tmp_path: Path) -> None:
    being(ANNA)
    name = keep(tmp_path)
    assert [one.title for one in own_sets()] == ["My leaves"] and own_sets("mask") == []
    assert resolve_dataset(name).is_dir()
    for other in (BEN, HOST):
        being(other)
        assert own_sets() == []
        for doing in (
            my_own,
            delete_own,
            forget_own,
            lambda one: rename_own(one, "Mine"),
            lambda one: pack_own(one, tmp_path / "x"),
        ):
            with pytest.raises((AccessError, DataError), match="You have no data set"):
                doing(name)
    being(BEN)
    with pytest.raises((AccessError, DataError)):
        resolve_dataset(name)
    being(ANNA)
    assert rename_own(name, "Other  leaves\n").title == "Other leaves" and read_own(name).title == "Other leaves"  # pyright: ignore[reportOptionalMemberAccess]


def test_a_worker_opens_what_its_visitor_has_brought(being, tmp_path: Path) -> None:
    being(ANNA)
    name = keep(tmp_path)
    being(HOST)
    assert resolve_dataset(name).is_dir(), "a worker asks as the host does"


def test_what_is_deleted_can_be_had_back_and_what_is_forgotten_is_nowhere(being, tmp_path: Path) -> None:
    being(ANNA)
    name = keep(tmp_path)
    content = next(my_own(name).folder.glob("images/*")).read_bytes()
    data = open_plain("label", my_own(name).folder)
    objective_pictures = data.items("train")
    from engine.data.pictures.cache import prepare_cache

    list(prepare_cache(data, objective_pictures, (16, 16)))  # pyright: ignore[reportArgumentType]
    copies = [path for path in (home() / "cache").iterdir() if path.name.startswith(Path(name).name)]
    assert copies
    delete_own(name)
    assert own_sets() == [] and list_deleted() == [], "nobody's list of models"
    being(BEN)
    with pytest.raises(DataError, match="no deleted data set"):
        restore_own(name)
    being(ANNA)
    assert restore_own(name).title == "My leaves" and [one.name for one in own_sets()] == [name]
    delete_own(name)
    forget_own(name)
    with pytest.raises(DataError):
        restore_own(name)
    left = [
        path
        for path in home().rglob("*")
        if path.is_file() and (path.read_bytes() == content or Path(name).name in str(path))
    ]
    assert left == [] and not any(path.exists() for path in copies)
    assert list((home() / "cache").glob("looks/*")) == []


def test_a_visitor_has_a_share_of_the_disk_and_the_host_has_none(being, tmp_path: Path, monkeypatch) -> None:
    being(ANNA)
    size = my_own(keep(tmp_path / "1")).size
    monkeypatch.setattr(store, "MOST_BYTES", size * 3 // 2)
    with pytest.raises(AccessError, match="your share of this machine"):
        keep(tmp_path / "2")
    monkeypatch.setattr(store, "MOST_SETS", 1)
    with pytest.raises(AccessError, match="how many you may have"):
        check_room(0)
    being(HOST)
    keep(tmp_path / "3")
    keep(tmp_path / "4", "Second")
    assert len(own_sets()) == 2


def test_a_packed_data_set_opens_again_as_it_was(being, tmp_path: Path) -> None:
    being(ANNA)
    name = keep(tmp_path)
    archive = pack_own(name, tmp_path / "leaves.zip")
    with zipfile.ZipFile(archive) as packed:
        assert not any(".own.json" in one for one in packed.namelist())
        packed.extractall(tmp_path / "again")
    before, after = open_plain("label", my_own(name).folder), open_plain("label", tmp_path / "again")
    for split in ("train", "valid"):
        assert [one.name for one in before.items(split)] == [one.name for one in after.items(split)]
        assert [before.label(one) for one in before.items(split)] == [after.label(one) for one in after.items(split)]


@pytest.mark.parametrize("title", ["", "  \n", "\0"])
def test_a_name_is_asked_for(being, tmp_path: Path, title: str) -> None:
    with pytest.raises(DataError, match="no name yet"):
        keep(tmp_path, title)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"name": 1}', "[" * 10**5])
def test_a_damaged_record_is_nobodys(being, tmp_path: Path, content: str) -> None:
    name = keep(tmp_path)
    (my_own(name).folder / store.RECORD).write_text(content)
    assert read_own(name) is None and own_sets() == []
