"""All tasks, as a literal tuple."""

from engine.errors import RecipeError
from engine.task import Task
from engine.tasks.camvid import CAMVID
from engine.tasks.heads import HEADS
from engine.tasks.imdb import IMDB
from engine.tasks.planet import PLANET
from engine.tasks.turns import TURNS
from engine.tasks.weather import WEATHER_TASK

TASKS: tuple[Task, ...] = (PLANET, CAMVID, HEADS, IMDB, WEATHER_TASK, TURNS)


def get_task(name: str) -> Task:
    """The task called `name`; `RecipeError` with the names there are."""
    for task in TASKS:
        if task.name == name:
            return task
    raise RecipeError(f"There is no task {name!r}. The tasks are: {', '.join(task.name for task in TASKS)}.")
