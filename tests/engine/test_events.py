import dataclasses
import json
import math
import typing
from typing import Any

import pytest

from engine.events import (
    EVENT_TYPES,
    EpochFinished,
    Event,
    LossDiverged,
    RunFinished,
    RunStopped,
    Warned,
    from_json,
    to_json,
)
from engine.fields import DAMAGE

pytestmark = pytest.mark.quick

EXAMPLES: dict[Any, Any] = {
    int: 3,
    float: 0.1,
    str: 'Hälfte, "quoted"\nand more',
    bool: True,
    dict[str, float]: {"accuracy": 0.9, "iou": 1 / 3},
    tuple[float, ...]: (1e-5, 2.5e-4, 1e-3),
}


def example(kind: type[Event]) -> Event:
    types = typing.get_type_hints(kind)
    return kind(**{field.name: EXAMPLES[types[field.name]] for field in dataclasses.fields(kind)})


@pytest.mark.parametrize("kind", EVENT_TYPES.values(), ids=EVENT_TYPES.keys())
def test_every_event_comes_back_as_it_was(kind):
    event = example(kind)
    line = to_json(event, at=12.5)
    assert "\n" not in line
    assert from_json(line) == (12.5, event)


def test_numbers_that_are_not_finite_survive_in_strict_json():
    event = EpochFinished(
        stage=0,
        epoch=1,
        step=2,
        train_loss=math.inf,
        valid_loss=-math.inf,
        metrics={"iou": math.nan},
        train_seconds=1.0,
        valid_seconds=1.0,
    )
    line = to_json(event, at=0.0)
    json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    back = from_json(line)[1]
    assert isinstance(back, EpochFinished)
    assert back.train_loss == math.inf
    assert back.valid_loss == -math.inf
    assert math.isnan(back.metrics["iou"])


@pytest.mark.parametrize("text", ["nan", "inf", "-inf"])
def test_a_text_that_reads_like_a_number_stays_a_text(text):
    for event in (Warned(message=text), LossDiverged(stage=0, step=1, lr=math.inf, message=text)):
        assert from_json(to_json(event, at=0.0))[1] == event


def test_events_and_fields_of_a_newer_version_are_passed_over():
    assert from_json('{"event": "Teleported", "at": 1.0, "where": "there"}') == (1.0, None)
    assert from_json('{"event": "Warned", "at": 1.0, "message": "a", "colour": "red"}') == (1.0, Warned(message="a"))


def test_a_stop_of_an_older_version_has_no_reason():
    assert from_json('{"event": "RunStopped", "at": 1.0}') == (1.0, RunStopped())


WRONG: dict[Any, tuple[Any, ...]] = {
    int: (None, True, 0.5, 1.0, "3", [3], 10**400),
    float: (None, False, "x", [0.1], {}, {"float": 1}, {"float": "x"}, {"float": "1", "more": 1}, 10**400),
    str: (None, 5, ["a"], {"a": 1}, "\ud800"),
    bool: (None, 1, "true"),
    dict[str, float]: (None, 5, [["a", 0.5]], {"a": "x"}, {"a": None}, {"a": {"b": 1.0}}),
    tuple[float, ...]: (None, 0.1, "x", {"a": 0.1}, [None], ["x"], [[0.1]]),
}


@pytest.mark.parametrize("kind", EVENT_TYPES.values(), ids=EVENT_TYPES.keys())
def test_no_field_takes_a_value_of_another_type(kind):
    fields = json.loads(to_json(example(kind), at=0.0))
    for name, declared in typing.get_type_hints(kind).items():
        for value in WRONG[declared]:
            with pytest.raises(DAMAGE):
                from_json(json.dumps(fields | {name: value}))


@pytest.mark.parametrize(
    "line",
    [
        *(
            "",
            "null",
            "5",
            "[]",
            "{}",
            "[" * 100_000,
            '{"event": "RunDied"}',
            '{"at": 1.0}',
            '{"event": [], "at": 1.0}',
        ),
        *('{"event": "RunDied", "at": null}', '{"event": "Warned", "at": 1.0}'),
        '{"event": "StepFinished", "at": 1, "stage": 0, "epoch": 1, "step": 1, "loss": 1, "lr": [], "momentum": 1, "seconds": 1}',
    ],
    ids=lambda line: line[:60],
)
def test_a_line_that_is_no_event_is_damaged(line):
    with pytest.raises(DAMAGE):
        from_json(line)


def test_a_whole_number_may_stand_for_any_number():
    at, event = from_json('{"event": "RunFinished", "at": 1, "seconds": 3}')
    assert (at, event) == (1.0, RunFinished(seconds=3.0)) and isinstance(event, RunFinished)
    assert type(at) is type(event.seconds) is float
