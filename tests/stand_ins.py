"""What stands for a task's tab where there is no page: each component is its own name."""

from types import SimpleNamespace
from typing import Any

from engine.task import Task


def task_tab(task: Task) -> Any:
    """A tab with the components that the page sets."""
    named = {
        name: f"{task.name} {name}"
        for name in ("steps", "rate_run", "train_run", "try_model", "rate_timer", "train_timer")
    }
    train = SimpleNamespace(init_from=f"{task.name} init_from", backbone=f"{task.name} backbone")
    return SimpleNamespace(task=task, train=train, **named)
