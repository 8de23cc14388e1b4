"""Decisions are kept at once, for each person, and become a data set of their own."""

import json
from pathlib import Path

import pytest

from engine.data.own.edits import name_of
from engine.data.pictures.transforms import transforms_from_above
from engine.errors import DataError
from engine.host.access import HOST, Person, identify_by
from engine.kinds.tags import open_tags
from engine.noise.cleaning import CHANGED, changes_of, write_cleaned
from engine.noise.decisions import Decision, counted, decide, decisions_of, undo


@pytest.fixture
def people():
    yield lambda person: identify_by(lambda: person)
    identify_by(lambda: HOST)


def test_a_decision_is_there_after_a_restart_and_the_last_is_undone_first(tmp_path: Path) -> None:
    decide("label", tmp_path, "a.jpg", Decision(what="keep", given="cat"))
    decide("label", tmp_path, "b.jpg", Decision(what="drop", given="cat"))
    decide("label", tmp_path, "a.jpg", Decision(what="correct", given="cat", label="dog"))
    found = decisions_of("label", tmp_path)  # nothing is held in memory: it is read from the disk each time
    assert {name: one.what for name, one in found.items()} == {"b.jpg": "drop", "a.jpg": "correct"}
    assert counted(found) == {"correct": 1, "drop": 1, "keep": 0}
    assert undo("label", tmp_path) == "a.jpg" and undo("label", tmp_path) == "b.jpg"
    assert undo("label", tmp_path) == "" and decisions_of("label", tmp_path) == {}


def test_decisions_are_of_one_person_one_kind_and_one_data_set(tmp_path: Path, people) -> None:
    people(Person(name="page-anna", is_host=False))
    decide("label", tmp_path, "a.jpg", Decision(what="keep", given="cat"))
    assert list(decisions_of("label", tmp_path)) == ["a.jpg"]
    assert decisions_of("tags", tmp_path) == decisions_of("label", tmp_path / "other") == {}
    for other in (Person(name="page-ben", is_host=False), HOST):
        people(other)
        assert decisions_of("label", tmp_path) == {}


def test_a_damaged_file_is_told_and_not_written_over(tmp_path: Path, lab_home: Path) -> None:
    decide("label", tmp_path, "a.jpg", Decision(what="keep", given="cat"))
    (file,) = (lab_home / "decisions").rglob("*.json")
    file.write_text("{", "utf-8")
    with pytest.raises(DataError, match="damaged"):
        decide("label", tmp_path, "b.jpg", Decision(what="keep", given="cat"))
    assert file.read_text("utf-8") == "{"


def test_the_cleaned_data_set_has_what_was_decided_and_says_what_was_changed(chips: Path, tmp_path: Path) -> None:
    data = open_tags(chips, transforms=transforms_from_above)
    kept, corrected, dropped, moved_on = data.train[:4]
    given = {item: list(data.label(item)) for item in data.train[:4]}
    wanted = [data.classes[0], data.classes[1]] if given[corrected] != [*data.classes[:2]] else [data.classes[2]]
    decisions = {
        name_of(data, kept): Decision(what="keep", given=given[kept]),
        name_of(data, corrected): Decision(what="correct", given=given[corrected], label=wanted),
        name_of(data, dropped): Decision(what="drop", given=given[dropped]),
        name_of(data, moved_on): Decision(what="drop", given=["another label than it has now"]),
        "gone.jpg": Decision(what="drop", given=[]),
    }
    assert changes_of(data, decisions)[1] == 2, "what is said of another label, or of no sample, is of no use"
    target = tmp_path / "cleaned"
    target.mkdir()
    changes = write_cleaned("tags", data, decisions, target)
    assert [(one.sample, one.now, one.is_dropped) for one in changes] == [
        (name_of(data, corrected), wanted, False),
        (name_of(data, dropped), None, True),
    ]
    cleaned = open_tags(target, transforms=transforms_from_above)
    before, after = (sorted(str(one.label(item)) for item in one.items("all")) for one in (data, cleaned))
    assert len(after) == len(before) - 1
    assert sum(tuple(cleaned.label(item)) == tuple(sorted(wanted)) for item in cleaned.train) == 1 + sum(
        tuple(data.label(item)) == tuple(sorted(wanted)) for item in data.train
    )
    assert [one["sample"] for one in json.loads((target / CHANGED).read_text("utf-8"))] == [
        one.sample for one in changes
    ]


def test_nothing_changed_is_no_data_set(chips: Path, tmp_path: Path) -> None:
    data = open_tags(chips, transforms=transforms_from_above)
    decisions = {name_of(data, data.train[0]): Decision(what="keep", given=list(data.label(data.train[0])))}
    with pytest.raises(DataError, match="Nothing is to be changed"):
        write_cleaned("tags", data, decisions, tmp_path)
