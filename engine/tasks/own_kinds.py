"""Which task somebody's own data of a kind belong to."""

from engine.task import Task
from engine.tasks.registry import TASKS


def task_for(kind: str) -> Task:
    """The first task of a kind."""
    return next(task for task in TASKS if task.kind == kind)


def is_learnt(kind: str) -> bool:
    """Whether there is a task of that kind."""
    return any(task.kind == kind for task in TASKS)
