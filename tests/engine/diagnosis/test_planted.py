"""Recordings of real runs, most with a planted fault: the rules name it, and name nothing in healthy ones.

`benchmarks/planted_faults.py` made them, and `benchmarks/planted_runs.py` says what each is.
The rules were tuned on the first 30; the ten later ones were judged once, when the rules were final.
"""

import json
from functools import lru_cache
from pathlib import Path

import pytest

from benchmarks.planted_runs import FAULTY, HEALTHY, LATER, Planted
from engine.bundle.figures import is_evaluation
from engine.diagnosis.diagnose import Diagnosis, diagnose
from engine.diagnosis.finding import TITLES
from engine.runs.fold import fold
from engine.runs.snapshot import EMPTY
from engine.runs.store import read_events, read_spec
from engine.tasks.registry import get_task

RECORDINGS = Path(__file__).parent / "recordings"


@lru_cache
def judged(name: str) -> Diagnosis:
    folder = RECORDINGS / name
    spec, (events, _) = read_spec(folder), read_events(folder)
    evaluation = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    assert not evaluation or is_evaluation(evaluation)
    aim = get_task(spec.task).aim(spec.recipe.objective)
    return diagnose(fold(EMPTY, events), spec.recipe, aim, evaluation or None)


def named(planted: Planted) -> list[str]:
    return [finding.name for finding in judged(planted.name).findings]


def test_every_rule_s_fault_was_planted_twice_on_three_kinds_and_more() -> None:
    faults = [planted.fault for planted in FAULTY]
    assert len(FAULTY) == 20 and len(HEALTHY) == 10 and len(LATER) == 10
    assert all(faults.count(name) >= 2 for name in TITLES) and set(faults) == set(TITLES)
    assert len({planted.task for planted in FAULTY}) >= 3


@pytest.mark.parametrize("planted", (*FAULTY, *HEALTHY, *LATER), ids=lambda planted: planted.name)
def test_a_recording_is_of_what_the_benchmark_says(planted: Planted) -> None:
    folder = RECORDINGS / planted.name
    spec = read_spec(folder)
    assert (spec.task, spec.recipe, spec.seed) == (planted.task, planted.recipe, planted.seed)
    assert json.loads((folder / "planted.json").read_text(encoding="utf-8"))["fault"] == planted.fault
    assert "/" not in spec.dataset


def test_the_fault_is_named_in_18_of_20() -> None:
    missed = {planted.name: named(planted) for planted in FAULTY if planted.fault not in named(planted)}
    assert len(missed) <= 2, missed


def test_the_ten_later_ones_stay_as_they_were_judged() -> None:
    missed = [planted.name for planted in LATER if planted.fault and planted.fault not in named(planted)]
    assert missed == ["later-over-heads", "later-plateau-planet"]
    assert not any(named(planted) for planted in LATER if not planted.fault)


def test_nothing_is_named_in_9_of_10_healthy_ones() -> None:
    wrong = {planted.name: named(planted) for planted in HEALTHY if named(planted)}
    assert len(wrong) <= 1, wrong
