"""Teach it yours: messages of the boxes, what is learnt, how it is judged, and what a stranger or a damaged message comes to."""

import base64
import io
import json
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine.data.own.store import own_sets
from engine.serving import teaching
from engine.serving.teaching import Shot, set_aside
from engine.tasks.own_ways import open_plain
from engine.training.arriving import learn
from tabs.panels import teach

NAMES = {"c1": "stripes", "c2": "dots"}


def frame(kind: str, seed: int) -> str:
    chance = np.random.default_rng(seed)
    pixels = chance.integers(0, 60, (64, 64, 3), dtype=np.uint8)
    if kind == "c1":
        pixels[:, :: chance.integers(4, 8)] += 150
    else:
        for _ in range(12):
            y, x = chance.integers(4, 56, 2)
            pixels[y : y + 6, x : x + 6, 0] += 150
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(packed.getvalue()).decode()}"


def told(key: str, what: str, **more: Any) -> teach.Told:
    return teach.react(key, {"what": what, "names": NAMES, **more})


def filled(recordings: tuple[str, ...] = ("",), each: int = 8) -> str:
    key = ""
    for number, recording in enumerate(recordings):
        for label in NAMES:
            frames = [frame(label, 100 * number + seed) for seed in range(each)]
            answer = told(key, "add", label=label, recording=recording, frames=frames)
            assert json.loads(answer.done) == {"done": "add"}
            key = answer.key if isinstance(answer.key, str) else key
    return key


def test_two_boxes_of_pictures_are_learnt_and_asked_about() -> None:
    key = filled()
    answer = told(key, "teach")
    assert json.loads(answer.done) == {"done": "teach", "taught": True}
    assert "Taught stripes, dots" in answer.said and "% right on every fifth picture (4 pictures)" in answer.said
    for label, name in NAMES.items():
        bars = told(key, "answer", frame=frame(label, 999)).bars
        assert bars.index(f">{name}<") == min(bars.index(f">{one}<") for one in NAMES.values()), "the likeliest first"


def test_frames_of_one_recording_are_not_judged_by_each_other() -> None:
    assert "near-copies" in told(filled(("r1",)), "teach").said
    assert "the last recording of each class (16 pictures)" in told(filled(("r1", "r2")), "teach").said


def test_what_is_set_aside_is_no_part_of_what_is_learnt_from() -> None:
    shots = [Shot(file=f"{n}", label="ab"[n % 2], recording=f"r{n // 8}") for n in range(24)]
    kept, aside, _ = set_aside(shots)
    assert set(kept) | set(aside) == set(range(24)) and not set(kept) & set(aside)
    assert {shots[at].recording for at in aside} == {"r2"}
    dropped = [Shot(file=f"{n}", label="ab"[n % 2], recording="") for n in range(20)]
    assert [len(part) for part in set_aside(dropped)[:2]] == [16, 4]
    assert set_aside(dropped[:6])[1] == [], "too few to set any aside"


def test_learning_is_the_same_each_time_and_weighs_classes_alike() -> None:
    torch.manual_seed(0)
    given = torch.cat([torch.randn(40, 6) + 1.5, torch.randn(4, 6) - 1.5])
    targets = [0] * 40 + [1] * 4
    one, other = (learn(given, targets, 2)(given) for _ in range(2))
    assert torch.equal(one, other)
    assert one.argmax(1).tolist() == targets, "the rare class is not drowned"


def test_a_reload_has_the_boxes_again_with_their_names_and_thumbnails() -> None:
    key = filled()
    told(key, "teach")
    found, shown = teach.restore(key)
    boxes = json.loads(shown)
    assert found == key and boxes["taught"] is True
    assert [(box["id"], box["name"], box["total"], len(box["shown"])) for box in boxes["boxes"]] == [
        ("c1", "stripes", 8, 8),
        ("c2", "dots", 8, 8),
    ]
    assert teach.restore("0" * 32) == ("", "{}") == teach.restore(None)


def test_going_further_makes_a_data_set_in_which_recordings_stay_together() -> None:
    key = filled(("r1", "r2", "r3"), each=4)
    said = teach.go_further(key, NAMES, "Patterns")
    (kept,) = own_sets("label")
    assert kept.title == "Patterns" and kept.name.replace("/", "%2F") in said
    data = open_plain("label", kept.folder)
    assert data.classes == ("dots", "stripes") and "recording" in data.title
    assert len(data.valid) == 8, "one recording of each"


def test_what_is_cleared_is_nowhere() -> None:
    key = filled()
    folder = teaching.lesson_folder(key)
    answer = told(key, "clear")
    assert (answer.key, answer.kept) == ("", "") and not folder.exists()
    assert "lab-note bad" in told(key, "answer", frame=frame("c1", 1)).said


@pytest.mark.parametrize(
    "asked",
    [
        {"what": "add", "label": "c1", "frames": "x"},
        {"what": "add", "label": "c1", "frames": []},
        {"what": "add", "label": "c1", "frames": [None]},
        {"what": "add", "label": "c1", "frames": ["data:image/png;base64,AAAA"]},
        {"what": "add", "label": "c1", "frames": ["x"] * 500},
        {"what": "teach"},
        {"what": "answer", "frame": "!"},
        {"what": "answer"},
    ],
)
def test_messages_that_cannot_be_are_told_and_change_nothing(asked: dict[str, Any]) -> None:
    key = told("", "add", label="c1", recording="", frames=[frame("c1", 1)]).key
    answer = teach.react(key, asked)
    assert "lab-note bad" in answer.said and json.loads(answer.done)["done"] == asked["what"]
    assert len(teaching.shots_of(key)) == 1
    for odd in ({}, {"what": "?"}, {"what": 5, "names": 7}, {"what": "remove", "label": None}):
        assert "done" in teach.react(key, odd).done


def test_there_is_a_bound_to_classes_and_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    key = filled(each=2)
    monkeypatch.setattr(teaching, "MOST_CLASSES", 2)
    assert "as many as can be taught" in told(key, "add", label="c3", recording="", frames=[frame("c1", 1)]).said
    monkeypatch.setattr(teaching, "MOST_PICTURES", 4)
    assert "4 pictures are as many" in told(key, "add", label="c1", recording="", frames=[frame("c1", 1)]).said
