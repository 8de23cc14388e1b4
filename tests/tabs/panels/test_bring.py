"""Bringing data of one's own: what comes is looked at, put right, labelled and kept; what is wrong is said."""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from gradio.utils import get_upload_folder
from PIL import Image

from engine.data.own.drafts import paint_item
from engine.data.own.store import own_sets
from engine.data.sources.bringing import Brought, brought_folder, found_in, gather
from engine.errors import DataError
from engine.host.home import home
from engine.tasks.own_ways import open_plain
from tabs.panels import bring, labeller
from tabs.reading.vetting import vetted
from tabs.wiring import flat


def picture(seed: int, size: tuple[int, int] = (48, 40)) -> bytes:
    packed = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)).save(packed, "PNG")
    return packed.getvalue()


@pytest.fixture
def upload() -> Iterator[Any]:
    """Puts bytes where uploads come, as the page's script tells of them."""
    folder = Path(get_upload_folder()) / "test-bring"
    folder.mkdir(parents=True, exist_ok=True)

    def sent(**files: bytes) -> list[dict[str, str]]:
        told = []
        for number, (name, content) in enumerate(files.items()):
            path = folder / f"{number}"
            path.write_bytes(content)
            told.append({"path": str(path), "name": name})
        return told

    yield sent
    for left in folder.glob("*"):
        left.unlink()


def classes(count: int = 12) -> dict[str, bytes]:
    return {f"set/{'cat' if n % 2 else 'dog'}/p{n}.png": picture(n) for n in range(count)}


def test_a_folder_for_each_label_becomes_a_data_set_that_opens(upload) -> None:
    sent = upload(**classes())
    key = bring.take(sent)
    assert all(Path(one["path"]).exists() for one in sent), "others may have sent the same, and Gradio deletes them"
    asked, found = bring.first_look(key)
    assert asked.way["value"] == "label" and "12" in found.shown and found.shown.count("<img") == 10
    assert found.keep["visible"]
    name, said = bring.keep(key, "", "label", "Cats & dogs")
    assert "Cats &amp; dogs" in said and f"weather?dataset={name.replace('/', '%2F')}" in said
    (kept,) = own_sets("label")
    assert (kept.name, kept.samples) == (name, 12)
    with pytest.raises(DataError, match="not here any more"):
        found_in(key)


def test_a_zip_and_a_table_beside_pictures_are_read_and_corrected(upload) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in classes().items():
            archive.writestr(name, content)
    assert bring.first_look(bring.take(upload(**{"pets.zip": packed.getvalue()})))[0].way["value"] == "label"
    table = "image;seen;who\n" + "".join(f"p{n}.png;{'a, b' if n % 2 else 'b'};{n // 3}\n" for n in range(12))
    files = {f"p{n}.png": picture(n) for n in range(12)} | {"table.csv": table.encode()}
    key = bring.take(upload(**files))
    asked, _ = bring.first_look(key)
    assert asked.way["value"] == "tags" and [one.get("label") for one in asked.lists[:3]] == [
        "Column with the tags",
        "What parts the tags of a cell",
        "Who validates",
    ]
    again = bring.look_again(key, None, "tags", "seen", " ", "who", "", "", "")
    assert "a," in again.shown and "group" in again.shown
    other, _ = bring.ask_again(key, None, "label")
    assert other.way["value"] == "label"


def test_what_holds_nothing_is_said_and_pictures_alone_can_be_labelled(upload) -> None:
    key = bring.take(upload(**{"notes.pdf": b"%PDF"}))
    asked, found = bring.first_look(key)
    assert not asked.way["visible"] and "Nothing here is known as data" in found.shown
    assert bring.may_label(key, "", asked)["visible"] is False
    key = bring.take(upload(**{f"p{n}.png": picture(n) for n in range(6)}))
    asked, found = bring.first_look(key)
    assert "6 pictures, and nothing says what they are" in found.shown and 'lab-note info"' in found.shown
    assert bring.may_label(key, "", asked)["visible"] is True


@pytest.mark.parametrize(
    "files",
    [None, "x", [], [1], [{"path": "/etc/passwd", "name": "a.csv"}], [{"name": "a.csv"}], [{"path": 5, "name": "x"}]],
)
def test_what_was_not_uploaded_is_refused(files: Any) -> None:
    with pytest.raises(DataError, match=r"list of files|not uploaded here"):
        bring.take(files)


@pytest.mark.parametrize(
    "name",
    [
        "../x.png",
        "a/../../x.png",
        "..\\x.png",
        "/etc/x.png",
        "a\0b.png",
        "con<.png",
        "x" * 200 + ".png",
        "a./x.png",
        "/".join("a" * 30),
    ],
)
def test_names_lead_nowhere_else(name: str, tmp_path: Path) -> None:
    file = tmp_path / "one"
    file.write_bytes(picture(1))
    before = {path for path in tmp_path.rglob("*") if not path.is_relative_to(home())}
    try:
        key = gather([Brought(path=file, name=name)])
    except DataError as problem:
        assert re.search("cannot be used here|more than 16 folders", str(problem))
    else:
        inside = brought_folder(key) / "files"
        assert all(path.resolve().is_relative_to(inside.resolve()) for path in inside.rglob("*"))
    assert {path for path in tmp_path.rglob("*") if not path.is_relative_to(home())} == before


@pytest.mark.parametrize("key", ["", "x", "../" * 8 + "etc", "a" * 31, "a" * 32])
def test_a_key_that_is_none_finds_nothing(key: str) -> None:
    with pytest.raises(DataError, match="not here any more"):
        found_in(key)
    assert bring.restore(key)[0] == ""


def test_pictures_that_cannot_be_read_are_named_and_left_out(upload) -> None:
    key = bring.take(upload(**classes(), **{"set/cat/broken.png": picture(3)[:200], "set/dog/none.jpg": b"GIF89a"}))
    said = vetted(key)
    assert "2 of 14 pictures cannot be read" in said and "broken.png" in said
    assert "12" in bring.first_look(key)[1].shown
    assert vetted(key) == ""


def test_a_reload_finds_what_was_brought_and_half_labelled(upload) -> None:
    key = bring.take(upload(**{f"p{n}.png": picture(n) for n in range(6)}))
    labeller.begin(key, "", "label", None)
    _, _, said = labeller.react(key, 0, {"what": "names", "names": ["one", " other ", "one"]})
    assert said == ""
    at, shown, _ = labeller.react(key, 0, {"what": "label", "item": "00000.jpg", "label": "other", "by": 1})
    told = json.loads(shown)
    assert (at, told["item"], told["classes"], told["done"]) == (1, "00001.jpg", ["one", "other"], 1)
    again = bring.restore(key)
    assert again[0] == key and "1 of 6 pictures, labelled here" in str(again[1]["choices"])
    assert again[-1]["visible"] is True and again[-1]["open"] is True


def begin(upload, kind: str, count: int = 8) -> str:
    key = bring.take(upload(**{f"p{n}.png": picture(n) for n in range(count)}))
    _, shown, said = labeller.begin(key, "", kind, None)
    assert said == "" and json.loads(shown)["total"] == count
    return key


def test_each_kind_of_label_becomes_a_data_set(upload) -> None:
    sent = {
        "label": lambda n: "ab"[n % 2],
        "tags": lambda n: ["a"] if n % 2 else ["a", "b"],
        "point": lambda n: [0.25, n / 8],
    }
    for kind, of in sent.items():
        key = begin(upload, kind)
        if kind != "point":
            labeller.react(key, 0, {"what": "names", "names": ["a", "b"]})
        for n in range(8):
            assert labeller.react(key, n, {"what": "label", "item": f"{n:05}.jpg", "label": of(n)})[2] == ""
        asked, found = bring.first_look(key)
        assert asked.way["value"] == "draft" and found.keep["visible"], found.shown[:300]
        bring.keep(key, "", "draft", f"My {kind}")
    assert sorted(one.kind for one in own_sets()) == ["label", "point", "tags"]


def test_a_mask_is_painted_and_comes_out_as_it_was(upload) -> None:
    import base64

    key = begin(upload, "mask")
    labeller.react(key, 0, {"what": "names", "names": ["roof", "tree"]})
    codes = np.zeros((48, 40), np.uint8)
    codes[:10], codes[20:30] = 1, 2
    packed = io.BytesIO()
    Image.fromarray(codes).save(packed, "PNG")
    mask = f"data:image/png;base64,{base64.b64encode(packed.getvalue()).decode()}"
    for n in range(8):
        _, shown, said = labeller.react(key, n, {"what": "paint", "item": f"{n:05}.jpg", "mask": mask})
        assert said == "" and json.loads(shown)["mask"].startswith("data:image/png")
    assert "roof" in bring.first_look(key)[1].shown
    kept, _ = bring.keep(key, "", "draft", "Roofs")
    folder = own_sets("mask")[0].folder
    assert np.array_equal(np.asarray(Image.open(next((folder / "labels").iterdir()))), codes)
    codes[0, 0] = 9
    assert kept == own_sets()[0].name


@pytest.mark.parametrize(
    "asked",
    [
        {"what": "label", "item": "00000.jpg", "label": "none of them"},
        {"what": "label", "item": "../../x", "label": "a"},
        {"what": "label", "item": "00000.jpg", "label": {"a": 1}},
        {"what": "label", "label": "a"},
        {"what": "paint", "item": "00000.jpg", "mask": "data:image/png;base64,AAAA"},
        {"what": "paint", "item": "00000.jpg", "mask": None},
        {"what": "names", "names": "a,b"},
        {"what": "names", "names": ["x"] * 101},
        {"what": "names", "names": [str(n) for n in range(60)]},
    ],
)
def test_what_is_no_label_is_refused_and_the_labels_stay(upload, asked: dict[str, Any]) -> None:
    key = begin(upload, "label")
    labeller.react(key, 0, {"what": "names", "names": ["a", "b"]})
    labeller.react(key, 1, {"what": "label", "item": "00001.jpg", "label": "b"})
    _, shown, said = labeller.react(key, 1, asked)
    assert "lab-note bad" in said and json.loads(shown)["label"] == "b"
    assert labeller.react(key, 0, {"what": "?", "by": 10**9})[0] == 0


def test_a_table_of_texts_is_read_in_the_letters_that_somebody_chooses(upload) -> None:
    rows = "".join(f'{"good" if n % 2 else "bad"};"<b>a film {n} Flüg"\n' for n in range(30))
    key = bring.take(upload(**{"mine.csv": f"mood;words\n{rows}".encode("cp1252")}))
    asked, found = bring.first_look(key)
    assert "not in UTF-8" in found.shown and not asked.way["visible"]
    assert any(name == "cp1252" and "Flüg" in said for said, name in found.encoding["choices"])
    asked, found = bring.first_look(key, "cp1252")
    assert asked.way["value"] == "text" and [one.get("value") for one in asked.lists[:2]] == ["words", "mood"]
    assert "&lt;b&gt;a film" in found.shown and "Flüg" in found.shown and found.keep["visible"]
    assert "the same column" in bring.look_again(key, "cp1252", "text", "words", "words", "", "", "", "").shown
    name, _ = bring.keep(key, "cp1252", "text", "Films", "words", "mood", "", "", "", "")
    data = open_plain("text", own_sets("text")[0].folder)
    assert name == own_sets()[0].name and data.classes == ("bad", "good") and len(data.train) + len(data.valid) == 30


def test_all_of_the_panel_is_written_to_at_once() -> None:
    asked = bring.no_questions()
    assert len(flat(asked)) == bring.QUESTIONS + 2 and isinstance(gr.update(), dict)


def test_what_is_labelled_after_the_look_is_kept_too_and_beginning_again_loses_nothing(upload) -> None:
    key = begin(upload, "label")
    labeller.react(key, 0, {"what": "names", "names": ["a", "b"]})
    for n in range(4):
        labeller.react(key, n, {"what": "label", "item": f"{n:05}.jpg", "label": "ab"[n % 2]})
    bring.first_look(key)
    for n in range(4, 8):
        labeller.react(key, n, {"what": "label", "item": f"{n:05}.jpg", "label": "ab"[n % 2]})
    assert (
        labeller.begin(key, "", "label", None)[2] == ""
        and "labelled already" in labeller.begin(key, "", "mask", None)[2]
    )
    bring.keep(key, "", "draft", "All of them")
    assert own_sets()[0].samples == 8


def test_names_that_change_take_their_labels_with_them(upload) -> None:
    key = begin(upload, "tags")
    labeller.react(key, 0, {"what": "names", "names": ["cat", "dog"]})
    labeller.react(key, 0, {"what": "label", "item": "00000.jpg", "label": ["cat"]})
    labeller.react(key, 0, {"what": "label", "item": "00001.jpg", "label": ["dog"]})
    assert json.loads(labeller.react(key, 0, {"what": "names", "names": ["cats", "dog"]})[1])["label"] == ["cats"]
    told = json.loads(labeller.react(key, 1, {"what": "names", "names": ["cats"]})[1])
    assert told["done"] == 1 and not told["isLabelled"], "its only tag is gone: nobody has said that there is none"
    assert "stands for nothing" in labeller.react(key, 0, {"what": "names", "names": ["none"]})[2]


def test_painted_classes_keep_their_pixels_under_other_names(upload) -> None:
    key = begin(upload, "mask")
    labeller.react(key, 0, {"what": "names", "names": ["road", "car", "tree"]})
    folder = brought_folder(key)
    codes = np.zeros((48, 40), np.uint8)
    codes[:10], codes[20:30] = 2, 3
    paint_item(folder, "00000.jpg", codes)
    assert labeller.react(key, 0, {"what": "names", "names": ["car", "tree"]})[2] == "", "road is painted nowhere"
    mask = np.asarray(Image.open(folder / "masks" / "00000.png"))
    assert (mask[:10] == 1).all() and (mask[20:30] == 2).all()
    assert labeller.react(key, 0, {"what": "names", "names": ["cars", "tree"]})[2] == ""
    assert "may be painted in 1 pictures" in labeller.react(key, 0, {"what": "names", "names": ["tree"]})[2]
    assert "12 at most" in labeller.react(key, 0, {"what": "names", "names": [str(n) for n in range(12)]})[2]


def texts_labelled(key: str, said: dict[str, str]) -> None:
    labeller.react(key, 0, {"what": "names", "names": sorted(set(said.values()))})
    for item, label in said.items():
        assert labeller.react(key, 0, {"what": "label", "item": item, "label": label})[2] == ""


def test_texts_of_a_table_are_labelled_and_the_others_are_kept_for_a_language_model(upload) -> None:
    table = "id,body\n" + "".join(f'{n},"film {n}, good or bad"\n' for n in range(24)) + "24,\n"
    key = bring.take(upload(**{"films.csv": table.encode()}))
    assert bring.may_label(key, "", bring.first_look(key)[0])["visible"]
    kinds, columns = labeller.offered(key, "")
    assert kinds["value"] == "text" and columns["choices"] == ["id", "body"] and columns["value"] == "body"
    _, shown, said = labeller.begin(key, "", "text", "body")
    told = json.loads(shown)
    assert said == "" and told["total"] == 24 and told["text"] == "film 0, good or bad" and not told["picture"]
    texts_labelled(key, {f"{n:05}.txt": "good" if n % 2 else "bad" for n in range(20)})
    asked, found = bring.first_look(key)
    assert asked.way["value"] == "draft" and "4 texts are not labelled: a language model alone" in found.shown
    bring.keep(key, "", "draft", "Films")
    data = open_plain("text", own_sets("text")[0].folder)
    assert data.classes == ("bad", "good") and len(data.train) + len(data.valid) == 20
    assert len(data.unlabelled) == 4


def test_lines_and_files_of_text_are_labelled_too(upload) -> None:
    lines = bring.take(upload(**{"pasted.txt": b"one, two\n\nthree\nfour\n"}))
    assert "the lines of pasted.txt" in bring.first_look(lines)[1].shown
    assert json.loads(labeller.begin(lines, "", "text", None)[1])["total"] == 3
    files = bring.take(upload(**{f"t{n}.txt": f"first\nsecond {n}".encode() for n in range(3)}))
    assert "3 text files" in bring.first_look(files)[1].shown
    assert json.loads(labeller.begin(files, "", "text", None)[1])["text"] == "first\nsecond 0"


def test_what_is_labelled_here_and_what_it_came_as_are_told_apart(upload) -> None:
    key = bring.take(upload(**classes()))
    labeller.begin(key, "", "label", None)
    labeller.react(key, 0, {"what": "names", "names": ["a", "b"]})
    labeller.react(key, 0, {"what": "label", "item": "00000.jpg", "label": "a"})
    ways, chosen = bring.chosen_way(key, "", "label")
    assert [way.name for way in ways] == ["draft", "label", "tags"] and chosen.name == "label"
    bring.keep(key, "", "label", "As it came")
    assert own_sets()[0].samples == 12


def test_frames_of_a_recording_stay_together(upload) -> None:
    files = {f"camera-{take}-{n:04}.jpg": picture(10 * take + n) for take in range(1, 5) for n in range(4)}
    key = bring.take(upload(**files))
    labeller.begin(key, "", "label", None)
    labeller.react(key, 0, {"what": "names", "names": ["a", "b"]})
    for take in range(1, 5):
        for n in range(4):
            labeller.react(key, 0, {"what": "label", "item": f"camera-{take}-{n:04}.jpg", "label": "ab"[take % 2]})
    bring.keep(key, "", "draft", "Recorded")
    data = open_plain("label", own_sets("label")[0].folder)
    assert data.valid and data.train
    assert not {item.stem[:8] for item in data.valid} & {item.stem[:8] for item in data.train}
