"""Data sets of the Hub: fetched by name in every form that people keep them in, sent and fetched again, and never a program."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from datasets import ClassLabel, Features, Image, List, Value
from hub_server import TOKEN, USER, Hub
from own_data import boxed, json_lines, lines, masked_set, pointed_set, sayings, tagged_set
from PIL import Image as Pictures
from pyarrow import parquet
from typer.testing import CliRunner

from engine.cli.app import app
from engine.data.dataset import DataSet
from engine.data.sources.fetching import resolve_dataset
from engine.data.sources.meant_columns import Chosen
from engine.errors import AccessError, DataError, HubError
from engine.host.access import HOST, Limits, Person, identify_by
from engine.hub.datasets import Wanted, fetch_dataset, parse_wanted
from engine.hub.remote import Reference
from engine.hub.send_data import push_dataset
from engine.library.card import CardChoices
from engine.task import Aim
from engine.tasks.checking import check, kinds_to_try, open_kind

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
NAME = f"{USER}/things"


def png(number: int, *, size: tuple[int, int] = (40, 30)) -> bytes:
    content = io.BytesIO()
    pixels = np.random.default_rng(number).integers(0, 255, (size[1], size[0], 3)).astype(np.uint8)
    Pictures.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def mask_png(codes: np.ndarray) -> bytes:
    content = io.BytesIO()
    Pictures.fromarray(codes).save(content, "PNG")
    return content.getvalue()


def packed(features: dict[str, Any], rows: list[dict[str, Any]]) -> bytes:
    """Rows as the library `datasets` writes Parquet."""
    schema, content = Features(features).arrow_schema, io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), content)
    return content.getvalue()


def picture(number: int, name: str = "") -> dict[str, Any]:
    return {"bytes": png(number), "path": name or f"p{number}.png"}


def opened(folder: Path) -> tuple[Aim, DataSet]:
    return open_kind(folder, kinds_to_try())


def put(hub: Hub, files: dict[str, bytes], name: str = NAME, **settings: Any) -> None:
    hub.create(f"datasets/{name}", files=files, **settings)


def test_pictures_with_one_class_in_parquet_with_a_split_each(hub: Hub, lab_home: Path) -> None:
    features = {"image": Image(), "label": ClassLabel(names=["cat", "dog"])}
    train = packed(features, [{"image": picture(number), "label": number % 2} for number in range(10)])
    test = packed(
        features, [{"image": picture(number), "label": -1 if number == 20 else 1} for number in range(20, 24)]
    )
    put(
        hub, {"data/train-00000-of-00001.parquet": train, "data/test-00000-of-00001.parquet": test, "load.py": b"1 / 0"}
    )
    folder = fetch_dataset(NAME)
    aim, data = opened(folder)
    assert (aim.kind, data.classes, len(data.train), len(data.valid), len(data.test)) == (
        "label",
        ("cat", "dog"),
        8,
        2,
        3,
    )
    assert data.label(folder / "images" / "p3.png") == "dog"
    assert data.account().left_out == {"no tags are said": ("p20.png",)}
    assert not any("load.py" in request for request in hub.requests), "a stranger's program is not even fetched"
    assert fetch_dataset(NAME) == folder == resolve_dataset(NAME) == resolve_dataset(f"own/{folder.name}")
    assert not list((lab_home / "cache").glob("hub-data/[!.]*")), "nothing of the download is left"


def test_several_tags_in_a_list(hub: Hub) -> None:
    features = {"image": Image(), "id": Value("int64"), "tags": List(ClassLabel(names=["a b", "c, d", "e"]))}
    rows = [{"image": picture(number, "same.png"), "id": number, "tags": [0, number % 3]} for number in range(9)]
    put(hub, {"train.parquet": packed(features, rows)})
    _, data = opened(fetch_dataset(NAME))
    assert data.classes == ("a b", "c, d", "e")
    tags = {item.name: data.label(item) for item in (*data.train, *data.valid)}
    assert tags["same.png"] == ("a b",) and tags["same-train-000001.png"] == ("a b", "c, d")


def test_masks_named_by_the_repository_and_by_their_numbers(hub: Hub) -> None:
    features = {"pixel_values": Image(), "label": Image()}
    rows = [
        {"pixel_values": picture(number), "label": {"bytes": mask_png(boxed(size=(40, 30))), "path": f"p{number}.png"}}
        for number in range(10)
    ]
    names = json.dumps({"0": "ground", "1": "box"}).encode()
    put(hub, {"data/train-0.parquet": packed(features, rows), "id2label.json": names})
    aim, data = opened(fetch_dataset(NAME))
    assert (aim.kind, data.classes, len(data.train)) == ("mask", ("ground", "box"), 8)
    put(hub, {"data/train-0.parquet": packed(features, rows)}, name=f"{USER}/unnamed")
    assert opened(fetch_dataset(f"{USER}/unnamed"))[1].classes == ("class 0", "class 1")


def test_points_and_who_is_in_the_picture(hub: Hub) -> None:
    features = {"image": Image(), "x": Value("float32"), "y": Value("float32"), "person": Value("string")}
    rows = [{"image": picture(n), "x": 4.5 + n, "y": 6.0, "person": f"p{n // 3}"} for n in range(9)]
    put(hub, {"default/train/0000.parquet": packed(features, rows)})
    aim, data = opened(fetch_dataset(NAME))
    assert (aim.kind, len(data.train), len(data.valid)) == ("point", 6, 3)
    assert data.label(data.valid[0]) == (10.5, 6.0) and "person p2 held out" in data.title


def test_texts_in_parquet_and_in_other_tables(hub: Hub) -> None:
    features = {"text": Value("string"), "label": ClassLabel(names=["neg", "pos"])}
    rows = [{"text": text, "label": int(label == "pos")} for text, label in sayings(40)]
    put(hub, {f"{split}.parquet": packed(features, rows[:half]) for split, half in (("train", 40), ("validation", 10))})
    aim, data = opened(fetch_dataset(NAME))
    assert (aim.kind, data.classes, len(data.train), len(data.valid)) == ("text", ("neg", "pos"), 40, 10)
    written = json_lines({"what": text, "who": "me", "is": label} for text, label in sayings(40))
    put(hub, {"all.jsonl": written.encode()}, name=f"{USER}/lines")
    with pytest.raises(
        DataError, match=r"Which column is the input is not clear. There are: what \(text\), who \(text\)"
    ):
        fetch_dataset(f"{USER}/lines")
    wanted = Wanted(reference=Reference(f"{USER}/lines"), columns=Chosen("what", "is"))
    assert len(opened(fetch_dataset(wanted))[1].train) == 36


def test_the_card_says_which_files_are_which_part_and_a_part_has_to_be_chosen(hub: Hub) -> None:
    features = {"sentence": Value("string"), "label": ClassLabel(names=["no", "yes"])}
    rows = [{"sentence": text, "label": number % 2} for number, (text, _) in enumerate(sayings(40))]
    card = """---
configs:
- config_name: short
  data_files:
  - {split: train, path: "short/*.parquet"}
- config_name: long
  data_files:
  - {split: train, path: "long/a.parquet"}
  - {split: dev, path: ["long/b.parquet"]}
---
"""
    files = {"short/x.parquet": rows[:20], "long/a.parquet": rows, "long/b.parquet": rows[:12]}
    put(hub, {"README.md": card.encode(), **{name: packed(features, some) for name, some in files.items()}})
    with pytest.raises(DataError, match=r"it has long, short\. Write it behind the name: --config NAME"):
        fetch_dataset(NAME)
    reference = Reference(NAME)
    assert len(opened(fetch_dataset(Wanted(reference=reference, config="long")))[1].valid) == 12
    with pytest.raises(DataError, match="There is no part other in"):
        fetch_dataset(Wanted(reference=reference, config="other"))


def test_pictures_as_files_stay_as_they_are_and_a_table_beside_them_is_read(hub: Hub) -> None:
    tree = {f"{kind}/p{number}.png": png(number) for number, kind in enumerate(["ape", "bee"] * 6)}
    put(hub, {**tree, "train.py": b"import os"})
    folder = fetch_dataset(NAME)
    assert opened(folder)[1].classes == ("ape", "bee") and not list(folder.rglob("*.py"))
    said = lines([("file_name", "text"), *((f"p{number}.png", "ab"[number % 2]) for number in range(10))])
    split = {f"{side}/p{number}.png": png(number) for side in ("train", "test") for number in range(10)}
    put(hub, {**split, "train/metadata.csv": said.encode(), "test/metadata.csv": said.encode()}, name=f"{USER}/meta")
    wanted = Wanted(reference=Reference(f"{USER}/meta"), columns=Chosen(target="text"))
    data = opened(fetch_dataset(wanted))[1]
    assert (data.classes, len(data.test)) == (("a", "b"), 10)


OPENED = ("a table that names a file outside", "a class that has no name", "a card with paths elsewhere")
HOSTILE = {
    "a table that names a file outside": (
        {"metadata.csv": b"file_name,label\n../../../../etc/hostname.png,a\nx.png,b\n", "x.png": png(1)},
        "nothing to tell apart",
    ),
    "a path in Parquet for a picture": (
        {
            "train.parquet": packed(
                {"image": Image(), "label": Value("string")},
                [{"image": {"bytes": None, "path": "/etc/passwd"}, "label": "a"}],
            )
        },
        "names the picture '/etc/passwd' and does not hold it",
    ),
    "Parquet that is none": ({"train.parquet": b"PAR1" + b"x" * 40}, "no whole Parquet file"),
    "a class that has no name": (
        {"train.parquet": packed({"text": Value("string"), "label": Value("int64")}, [{"text": "a b", "label": 1}])},
        "2 to 253",
    ),
    "the same class by another number in a second file": (
        {
            f"train-0000{number}.parquet": packed(
                {"text": Value("string"), "label": ClassLabel(names=names)}, [{"text": "a b", "label": 0}]
            )
            for number, names in enumerate((["x", "y"], ["y", "x"]))
        },
        "has other columns, or other classes in them",
    ),
    "a test split whose classes are others": (
        {
            f"{split}.parquet": packed(
                {"text": Value("string"), "label": ClassLabel(names=names)}, [{"text": "a b", "label": 0}]
            )
            for split, names in (("train", ["x", "y"]), ("test", ["y", "x"]))
        },
        "is not the same as that of train",
    ),
    "a class whose name says that there is none": (
        {
            "train.parquet": packed(
                {"text": Value("string"), "label": ClassLabel(names=["none", "some"])}, [{"text": "a b", "label": 0}]
            )
        },
        "a class called 'none', and in a table that stands for no label",
    ),
    "two splits for one": (
        {f"validation_{name}.parquet": packed({"text": Value("string")}, [{"text": "a"}]) for name in ("one", "two")},
        "several splits for one: validation_one, validation_two",
    ),
    "a table beside the splits": (
        {f"{name}.parquet": packed({"text": Value("string")}, [{"text": "a"}]) for name in ("train", "extra")},
        "something called 'extra.parquet' beside its splits",
    ),
    "only a part": (
        {"default/partial-train/0000.parquet": packed({"text": Value("string")}, [{"text": "a"}])},
        "only a part as Parquet",
    ),
    "a card that is no YAML": (
        {"README.md": b"---\nconfigs: [{a: *b}]\n---\n", "train.csv": b"a,b\n1,2\n3,4\n"},
        "is not clear|is the input|holds no",
    ),
    "two columns for a text's label": (
        {
            "train.parquet": packed(
                {"text": Value("string"), "a": Value("string"), "b": Value("string")}, [{"text": "x"}]
            )
        },
        "Which column is the",
    ),
    "only a program": ({"things.py": b"print(1)"}, "made by a program, things.py, and a stranger's program is not run"),
    "nothing": ({"notes.pdf": b"%PDF"}, "has no tables and no pictures"),
    "a card with paths elsewhere": (
        {
            "README.md": b"---\nconfigs: [{data_files: [{split: train, path: /etc/*}]}]\n---\n",
            "train.csv": b"a,b\n1,2\n",
        },
        "is not clear",
    ),
    "a split that nobody knows": (
        {
            "README.md": b"---\nconfigs: [{data_files: [{split: seventh, path: a.parquet}]}]\n---\n",
            "a.parquet": packed({"text": Value("string")}, [{"text": "a"}]),
        },
        "something called 'seventh' beside its splits",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_hostile_or_damaged_is_refused_in_words_and_leaves_nothing(hub: Hub, lab_home: Path, case: str) -> None:
    files, said = HOSTILE[case]
    put(hub, files)
    with pytest.raises((DataError, HubError), match=said):
        opened(fetch_dataset(NAME))
    assert not [path for path in (lab_home / "data" / "own").glob("[!.]*") if case not in OPENED], (
        "nothing of it is kept"
    )


def test_a_visitor_fetches_and_sends_nothing(hub: Hub, tmp_path: Path) -> None:
    put(hub, {"train.csv": b"text,label\n"})
    aim, data = open_kind(draw_texts(tmp_path / "mine"), kinds_to_try())
    identify_by(lambda: Person(name="anna", is_host=False), Limits())
    try:
        for asked in (
            lambda: fetch_dataset(NAME),
            lambda: push_dataset(data, aim.build(), CardChoices(repo_id="things"), token=TOKEN),
        ):
            with pytest.raises(AccessError):
                asked()
    finally:
        identify_by(lambda: HOST)


SETS: dict[str, Callable[[Path], Path]] = {
    "mask": lambda root: masked_set(root, lambda number: boxed(255)),
    "point": lambda root: pointed_set(
        root, lines([("image", "x", "y"), *((f"h{n:02}.png", 9 + n, 7.25) for n in range(10))])
    ),
    "tags": lambda root: tagged_set(
        root, lines([("image_name", "tags"), *((f"c{n:02}", "clear road" if n % 2 else "cloudy") for n in range(20))])
    ),
    "label": lambda root: tagged_set(
        root, lines([("image_name", "label"), *((f"c{n:02}", "two words" if n % 2 else "cloudy") for n in range(20))])
    ),
    "number": lambda root: tagged_set(
        root,
        lines([("image_name", "tilt", "pan", "person"), *((f"c{n:02}", n - 9.5, n % 3, n // 4) for n in range(20))]),
    ),
    "text": lambda root: draw_texts(root),
}


def test_numbers_of_a_table_beside_pictures_are_numbers_and_codes_are_labels(hub: Hub) -> None:
    tree = {f"p{number}.png": png(number) for number in range(12)}
    said = {
        "age": (("age", lambda n: 20 + 1.5 * n), "number"),
        "label": (("label", lambda n: n % 2), "label"),
    }
    for name, ((column, value), kind) in said.items():
        table = lines([("file_name", column), *((f"p{n}.png", value(n)) for n in range(12))])
        put(hub, {**tree, "metadata.csv": table.encode()}, name=f"{USER}/{name}")
        aim, data = opened(fetch_dataset(f"{USER}/{name}"))
        assert aim.kind == kind, name
        if kind == "number":
            assert sorted(data.label(item)[0] for item in (*data.train, *data.valid)) == [
                20 + 1.5 * n for n in range(12)
            ]


def draw_texts(root: Path) -> Path:
    root.mkdir(parents=True)
    (root / "train.csv").write_text(lines([("text", "label"), *sayings(40)]))
    (root / "test.csv").write_text(lines([("text", "label"), *sayings(10)]))
    return root


@pytest.mark.parametrize("kind", SETS)
def test_what_is_sent_and_fetched_again_is_the_same(hub: Hub, tmp_path: Path, kind: str) -> None:
    aim, data = open_kind(SETS[kind](tmp_path / "mine"), [aim for aim in kinds_to_try() if aim.kind == kind])
    seen: list[tuple[int, int]] = []
    sent = push_dataset(
        data, aim.build(), CardChoices(repo_id="things"), token=TOKEN, on_progress=lambda *at: seen.append(at)
    )
    assert sent.repo_id == NAME and hub.repositories[f"datasets/{NAME}"].private and seen[-1][0] == seen[-1][1] > 0
    folder = fetch_dataset(NAME, token=TOKEN)
    again, back = opened(folder)
    assert (again.kind, back.classes) == (kind, data.classes)
    for split in ("train", "valid", "test"):
        mine, theirs = (sorted(shown(one, item) for item in getattr(one, split)) for one in (data, back))
        assert mine == theirs
    card = hub.repositories[f"datasets/{NAME}"].commits[-1][1]["README.md"].decode()
    assert str(len(data.train)) in card and str(tmp_path) not in card and TOKEN not in card


def shown(data: Any, item: Any) -> tuple[Any, ...]:
    """What a sample is: a text and its label, or a picture's pixels and its target."""
    if isinstance(item, int):
        return data.texts([item])[0], data.label(item)
    sample, target = data.sample(item, (48, 64))
    return (
        sample.numpy().tobytes(),
        tuple(target.numpy().ravel().tolist()),
        data.label(item) if data.kind == "tags" else (),
    )


def loaded(path: Path) -> Pictures.Image:
    with Pictures.open(path) as opened:
        opened.load()
        return opened


def test_a_picture_that_says_where_it_was_taken_goes_without_that_and_a_turned_one_upright(
    hub: Hub, tmp_path: Path
) -> None:
    root = masked_set(tmp_path / "mine", count=4)
    for number, tags in enumerate(({0x8825: {1: "N", 2: (1.0, 2.0, 3.0)}}, {0x0112: 3})):
        path, exif = root / f"images/f{number:02}.png", Pictures.Exif()
        for tag, value in tags.items():
            exif[tag] = value
        loaded(path).save(path, exif=exif)
        assert loaded(path).getexif()
    drone = root / "images/f02.png"
    loaded(drone).save(drone.with_suffix(".jpg"), xmp=b"<x drone-dji:GpsLatitude='1.0'/>")
    drone.unlink()
    assert b"GpsLatitude" in drone.with_suffix(".jpg").read_bytes()
    aim, data = open_kind(root, [kinds_to_try()[0]])
    push_dataset(data, aim.build(), CardChoices(repo_id="things"), token=TOKEN)
    folder = fetch_dataset(NAME, token=TOKEN)
    pictures = [path for path in folder.rglob("*") if path.suffix in (".png", ".jpg")]
    assert len(pictures) == 8
    for path in pictures:
        assert not loaded(path).getexif() and b"GpsLatitude" not in path.read_bytes()
    back = opened(folder)[1]
    mine, theirs = (sorted(shown(one, item) for item in (*one.train, *one.valid)) for one in (data, back))
    assert mine == theirs


def test_nothing_is_sent_over_what_is_there_nor_in_public_by_mistake(hub: Hub, tmp_path: Path) -> None:
    aim, data = open_kind(draw_texts(tmp_path / "mine"), kinds_to_try())
    send = {"objective": aim.build(), "choices": CardChoices(repo_id="things"), "token": TOKEN}
    put(hub, {"mine.csv": b"a,b\n"}, private=True)
    with pytest.raises(HubError, match=r"is on the Hub already\. Choose another name"):
        push_dataset(data, **send, update=True)
    hub.repositories.clear()
    push_dataset(data, **send)
    with pytest.raises(HubError, match="is on the Hub already"):
        push_dataset(data, **send)
    with pytest.raises(HubError, match="on the Hub already, and private: nothing was sent"):
        push_dataset(data, **send, private=False, update=True)
    push_dataset(data, **send, update=True)
    assert len(hub.repositories[f"datasets/{NAME}"].commits) == 3


def test_the_command_line_fetches_looks_and_sends(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    table = lines([("image", "tags"), *((f"c{number:02}", "ab"[number % 2]) for number in range(20))])
    runner, root = CliRunner(), tagged_set(tmp_path / "mine", table)
    pushed = runner.invoke(app, ["push-data", str(root), "things", "--json"])
    assert pushed.exit_code == 0, pushed.output
    assert json.loads(pushed.stdout.splitlines()[-1])["repository"] == NAME
    fetched = runner.invoke(app, ["fetch", NAME, "--json"])
    assert fetched.exit_code == 0, fetched.output
    name = json.loads(fetched.stdout.splitlines()[-1])["name"]
    assert (
        name.startswith("own/student-things-")
        and check(name).classes == check(str(root)).classes == check(NAME).classes
    )
    wrong = runner.invoke(app, ["train", "planet", "--dataset", "nobody/nothing"])
    assert wrong.exit_code == 1 and "python -m engine fetch nobody/nothing" in " ".join(wrong.output.split())


def test_a_picture_with_no_picture_in_its_cell_is_counted(hub: Hub) -> None:
    features = {"image": Image(), "label": ClassLabel(names=["cat", "dog"])}
    rows = [{"image": picture(number) if number else None, "label": number % 2} for number in range(10)]
    put(hub, {"train.parquet": packed(features, rows)})
    account = opened(fetch_dataset(NAME))[1].account()
    assert account.left_out == {"named in the table, and no such picture": ("train-000000-without-picture.png",)}


def test_names_of_classes_with_blanks_and_commas_stay_one(hub: Hub) -> None:
    features = {"image": Image(), "label": ClassLabel(names=["golden retriever", "tench, Tinca tinca"])}
    rows = [{"image": picture(number), "label": number % 2} for number in range(10)]
    put(hub, {"train.parquet": packed(features, rows)})
    _, data = opened(fetch_dataset(NAME))
    assert data.classes == ("golden retriever", "tench, Tinca tinca")


def test_a_lone_test_split_stays_one(hub: Hub) -> None:
    features = {"image": Image(), "label": ClassLabel(names=["a", "b"])}
    put(hub, {"test.parquet": packed(features, [{"image": picture(n), "label": n % 2} for n in range(6)])})
    data = opened(fetch_dataset(NAME))[1]
    assert (len(data.train), len(data.valid), len(data.test)) == (0, 0, 6)
    masks = {"image": Image(), "mask": Image()}
    cell = {"bytes": mask_png(boxed(size=(40, 30))), "path": "m.png"}
    put(hub, {"test.parquet": packed(masks, [{"image": picture(n), "mask": cell} for n in range(4)])}, name=f"{USER}/m")
    data = opened(fetch_dataset(f"{USER}/m"))[1]
    assert (data.kind, len(data.train), len(data.test)) == ("mask", 0, 4)


def test_what_the_rows_say_of_the_split_is_kept(hub: Hub) -> None:
    features = {
        "image": Image(),
        "label": ClassLabel(names=["a", "b"]),
        "is_valid": Value("bool"),
        "person": Value("string"),
    }
    rows = [{"image": picture(n), "label": n % 2, "is_valid": n >= 8, "person": f"p{n % 5}"} for n in range(10)]
    put(hub, {"train.parquet": packed(features, rows)})
    data = opened(fetch_dataset(NAME))[1]
    assert len(data.valid) == 2 and "is_valid" in data.title
    people = {name: feature for name, feature in features.items() if name != "is_valid"}
    some = [{name: row[name] for name in people} for row in rows]
    files = {"train.parquet": packed(people, some), "test.parquet": packed(people, some[:3])}
    put(hub, files, name=f"{USER}/people")
    data = opened(fetch_dataset(f"{USER}/people"))[1]
    assert len(data.test) == 3 and "person p4 held out" in data.title
    masks = {"image": Image(), "mask": Image(), "patient": Value("string")}
    cell = {"bytes": mask_png(boxed(size=(40, 30))), "path": "m.png"}
    rows = [{"image": picture(n), "mask": cell, "patient": f"p{n % 3}"} for n in range(9)]
    put(hub, {"train.parquet": packed(masks, rows)}, name=f"{USER}/m")
    data = opened(fetch_dataset(f"{USER}/m"))[1]
    assert [item.name for item in data.valid] == ["p2.png", "p5.png", "p8.png"]


def test_texts_with_a_validation_split_are_not_split_again_by_their_authors(hub: Hub) -> None:
    features = {"text": Value("string"), "label": ClassLabel(names=["neg", "pos"]), "author": Value("string")}
    rows = [
        {"text": text, "label": int(label == "pos"), "author": f"a{number % 7}"}
        for number, (text, label) in enumerate(sayings(40))
    ]
    put(hub, {"train.parquet": packed(features, rows), "validation.parquet": packed(features, rows[:10])})
    data = opened(fetch_dataset(NAME))[1]
    assert (len(data.train), len(data.valid)) == (40, 10)


@pytest.mark.parametrize("files", ["train/*.parquet", ["train/a.parquet", "train/*.parquet"], "**/a.parquet"])
def test_a_card_may_name_its_files_in_every_way(hub: Hub, files: Any) -> None:
    features = {"text": Value("string"), "label": ClassLabel(names=["neg", "pos"])}
    rows = [{"text": text, "label": int(label == "pos")} for text, label in sayings(40)]
    card = f"---\nconfigs: {json.dumps([{'config_name': 'default', 'data_files': files}])}\n---\n".encode()
    there = {"train/a.parquet": packed(features, rows), "other/deep/b.parquet": packed(features, rows)}
    put(hub, {"README.md": card, **there})
    assert opened(fetch_dataset(NAME))[1].account().found == 40


def test_pictures_in_folders_for_the_splits_named_by_one_table(hub: Hub) -> None:
    names = [f"{side}/p{number}.png" for side in ("train", "test") for number in range(8)]
    table = lines(
        [("file_name", "label"), *((name, "ab"[at % 2]) for at, name in enumerate(names)), ("train/p1.png", "a")]
    )
    files = {name: png(at) for at, name in enumerate((*names, "train/extra.png"))}
    put(hub, {**files, "metadata.csv": table.encode()})
    data = opened(fetch_dataset(NAME))[1]
    assert (len(data.train) + len(data.valid), len(data.test)) == (8, 8)
    account = data.account()
    assert account.left_out == {"no line in the table": ("no-row-train-extra.png",)}
    assert any("stand on several lines" in note and "p1" in note for note in account.notes)


def test_pictures_without_a_tag_come_back_without_one(hub: Hub, tmp_path: Path) -> None:
    table = lines([("image", "a", "b"), *((f"c{n:02}", int(n % 2), int(n % 3 == 0)) for n in range(20))])
    aim, data = open_kind(tagged_set(tmp_path / "mine", table), kinds_to_try())
    push_dataset(data, aim.build(), CardChoices(repo_id="things"), token=TOKEN)
    back = opened(fetch_dataset(NAME, token=TOKEN))[1]
    assert sum(not back.label(item) for item in (*back.train, *back.valid)) == 6


def test_a_set_goes_by_its_name_until_there_are_two_of_that_name(hub: Hub) -> None:
    table = lines([("what", "is", "else"), *((text, label, label) for text, label in sayings(40))])
    put(hub, {"all.csv": table.encode()})
    reference = Reference(NAME)
    first = fetch_dataset(Wanted(reference=reference, columns=Chosen("what", "is")))
    assert resolve_dataset(NAME) == resolve_dataset(f"{NAME}@main") == first
    fetch_dataset(Wanted(reference=reference, columns=Chosen("what", "else")))
    with pytest.raises(DataError, match=r"several parts or columns are here\. Name one of them: own/student-things-"):
        resolve_dataset(NAME)


def test_what_was_downloaded_is_not_downloaded_again_for_another_column(hub: Hub, lab_home: Path) -> None:
    table = lines([("what", "is", "else"), *((text, label, label) for text, label in sayings(40))])
    put(hub, {"all.csv": table.encode()})
    with pytest.raises(DataError, match="is not clear"):
        fetch_dataset(NAME)
    asked = sum("resolve" in request and request.startswith("GET") for request in hub.requests)
    fetch_dataset(Wanted(reference=Reference(NAME), columns=Chosen("what", "is")))
    assert sum("resolve" in request and request.startswith("GET") for request in hub.requests) == asked
    assert not list((lab_home / "cache" / "hub-data").glob("[!.]*"))


def test_what_is_written_into_one_line_is_what_the_command_takes() -> None:
    wanted = parse_wanted("a/b@v1 --target 'x y,z' --input text")
    assert wanted == Wanted(reference=Reference("a/b", "v1"), columns=Chosen("text", "x y,z"))
    for text, said in (
        ("a/b --input", "is not clear"),
        ("a/b 'x", "is not clear"),
        ("a/b --size 3", "There is no --size"),
    ):
        with pytest.raises(HubError, match=said):
            parse_wanted(text)
