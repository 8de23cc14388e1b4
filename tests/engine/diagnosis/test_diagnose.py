"""All rules together: in order, causes without what follows from them; and stages that made it worse."""

from typing import Any

from made_cases import Made, falling, made_case, straight

from engine.diagnosis.case import Case
from engine.diagnosis.diagnose import Diagnosis, diagnose
from engine.diagnosis.finding import (
    ALWAYS,
    OVERFITTING,
    PLATEAU,
    RATE_TOO_HIGH,
    RATE_TOO_LOW,
    STAGE_WORSE,
    TITLES,
    Finding,
    Unclear,
)
from engine.diagnosis.stages import stage_made_it_worse
from engine.recipe import Recipe, Stage
from engine.runs.snapshot import EMPTY
from engine.tasks.registry import TASKS, get_task

HEAD = Stage(name="head", epochs=4, max_lr=1e-2, train_from=-1)
FULL = Stage(name="full", epochs=4, max_lr=2e-3)
GOOD = Made(stage=HEAD, loss=falling(1.4, 0.5), valid=(0.8, 0.6, 0.55, 0.52), figure=(0.7, 0.8, 0.85, 0.86))
CONFUSION = {"classes": ["a", "b"], "confusion": [[90, 10], [10, 90]]}


def said(case: Case) -> Diagnosis:
    return diagnose(case.snapshot, case.recipe, case.aim, case.evaluation)


def names(case: Case) -> list[str]:
    return [finding.name for finding in said(case).findings]


def test_a_healthy_run_has_nothing() -> None:
    after = Made(stage=FULL, loss=falling(0.6, 0.4), valid=(0.5, 0.47, 0.45, 0.44), figure=(0.86, 0.87, 0.88, 0.89))
    case = made_case(GOOD, after, evaluation={"metrics": {"accuracy": 0.89}, **CONFUSION})
    assert said(case) == Diagnosis()


def test_a_run_that_has_not_begun_says_so_and_finds_nothing() -> None:
    for task in TASKS:
        recipe = Recipe(name="none", stages=(task.default_stage,), backbone="none")
        found = diagnose(EMPTY, recipe, task.aims[0])
        assert not found.findings and all(one.reason for one in found.unclear)


def test_what_follows_from_a_cause_is_not_said_beside_it() -> None:
    flat: dict[str, Any] = {"metrics": {"accuracy": 0.5}, "classes": ["a", "b"], "confusion": [[100, 0], [100, 0]]}
    slow = Made(
        stage=Stage(epochs=10, max_lr=1e-5, train_from=-1),
        loss=straight(0.7, 0.69),
        valid=(0.69,) * 10,
        figure=(0.5,) * 10,
    )
    assert names(made_case(slow, evaluation=flat)) == [RATE_TOO_LOW]
    usual = Made(
        stage=Stage(epochs=10, max_lr=1e-2, train_from=-1),
        loss=straight(0.7, 0.69),
        valid=(0.69,) * 10,
        figure=(0.5,) * 10,
    )
    assert names(made_case(usual, evaluation=flat)) == [ALWAYS]
    level = Made(
        stage=Stage(epochs=10, max_lr=1e-2, train_from=-1),
        loss=falling(0.7, 0.2),
        valid=(0.3,) * 10,
        figure=(0.9,) * 10,
    )
    assert names(made_case(level, evaluation={"metrics": {"accuracy": 0.9}, **CONFUSION})) == [PLATEAU]


def test_the_cause_comes_first() -> None:
    burnt = Made(
        stage=Stage(name="full", epochs=4, max_lr=0.3),
        loss=lambda share: 0.5 + 3 * (0.2 < share < 0.8),
        valid=(3, 3, 3, 2),
        figure=(0.3,) * 4,
    )
    assert names(made_case(GOOD, burnt)) == [RATE_TOO_HIGH, STAGE_WORSE]
    learnt_by_heart = Made(
        stage=FULL, loss=straight(0.4, 0.01), valid=(0.6, 0.8, 0.9, 1.2), figure=(0.7, 0.7, 0.7, 0.6)
    )
    assert names(made_case(GOOD, learnt_by_heart)) == [STAGE_WORSE, OVERFITTING]


def test_a_stage_that_made_it_worse_by_more_than_chance() -> None:
    def after(*figures: float, **knobs: Any) -> Case:
        stage = Stage(**{"name": "full", "epochs": 4, "max_lr": 2e-3, **knobs})
        return made_case(GOOD, Made(stage=stage, loss=falling(0.6, 0.4), valid=(0.6,) * 4, figure=figures))

    found = stage_made_it_worse(after(0.6, 0.65, 0.7, 0.7))
    assert isinstance(found, Finding) and found.where == (80, 160) and "0.86" in found.seen and found.remedy
    assert found.remedy.recipe.stages[1].max_lr == 2e-4
    few = stage_made_it_worse(after(0.6, 0.65, 0.7, 0.7, train_items=24))
    assert isinstance(few, Finding) and few.remedy and few.remedy.recipe.stages[1].train_items == 0
    chance = stage_made_it_worse(after(0.8, 0.85, 0.85, 0.85))
    assert isinstance(chance, Unclear) and "chance" in chance.reason
    assert stage_made_it_worse(after(0.8, 0.85, 0.86, 0.87)) is None
    assert stage_made_it_worse(made_case(GOOD)) is None


def test_every_finding_has_a_title_and_names_whom_it_rests_on() -> None:
    burnt = Made(
        stage=Stage(name="full", epochs=4, max_lr=0.3),
        loss=lambda share: 0.5 + 3 * (0.2 < share < 0.8),
        valid=(3, 3, 3, 2),
        figure=(0.3,) * 4,
    )
    for finding in said(made_case(GOOD, burnt)).findings:
        assert finding.title == TITLES[finding.name] and "esson " in finding.why and finding.advice.endswith(".")


def test_a_run_of_other_stages_than_its_recipe_has_is_no_crash() -> None:
    case = made_case(GOOD, GOOD)
    fewer = Recipe(name="r", stages=(HEAD,), backbone="none")
    assert diagnose(case.snapshot, fewer, get_task("weather").aim()) == Diagnosis()
