"""Whatever a bundle's evaluation.json says, each task's view draws it or says that there is nothing to draw."""

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from untrained import save_untrained

from engine.bundle.figures import is_evaluation
from engine.bundle.files import EVALUATION_FILE
from engine.library.listing import downloads_folder
from engine.task import Task
from engine.tasks.registry import TASKS
from tabs.panels.results import show_figures
from tabs.views.registry import view_of

SAMPLES = Path(__file__).parents[2] / "assets" / "models"
NONSENSE: tuple[Any, ...] = (
    *(None, True, "x", "<b>", [], {}, [[]], [None], {"count": 1}),
    *(0, -1, 7, 1e-300, 1e300, 10**400, float("nan"), float("inf")),
)
WHOLE = [json.loads((SAMPLES / task.name / EVALUATION_FILE).read_text(encoding="utf-8")) for task in TASKS]


def damaged(seed: int) -> Iterator[dict[str, Any]]:
    """The samples' evaluations, in each one part in the place of another, or a part left out."""
    draw = random.Random(seed)
    for values in map(copy.deepcopy, WHOLE):
        at: Any = values
        while True:
            place = draw.choice(list(at) if isinstance(at, dict) else range(len(at)))
            if not (isinstance(at[place], dict | list) and at[place]) or draw.random() < 0.4:
                break
            at = at[place]
        if draw.random() < 0.2:
            del at[place]
        else:
            at[place] = draw.choice(NONSENSE)
        yield values
        yield {**draw.choice(WHOLE), **values}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_what_passes_the_checks_can_be_drawn(task: Task) -> None:
    passed = 0
    for seed in range(500):
        for values in damaged(seed):
            if is_evaluation(values):
                passed += 1
                assert "<b>" not in view_of(task).show_evaluation(values)
    assert passed > 200


@pytest.mark.parametrize("content", ["{", '{"a": 1}', '{"metrics": 5}', '{"metrics": {"dice": "x"}}'])
def test_a_model_with_figures_that_are_none_is_shown_without(lab_home: Path, content: str) -> None:
    bundle = save_untrained(downloads_folder(), ("sky", "road"))
    assert "0.5000" in show_figures(view_of(TASKS[1]), bundle.name)
    (bundle / EVALUATION_FILE).write_text(content)
    assert "No figures yet" in show_figures(view_of(TASKS[1]), bundle.name)
