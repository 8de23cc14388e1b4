"""The names that programs, notebooks and people import: `from engine.api import load_predictor`.

Modules may move between folders; what stands in `__all__` stays, and `docs/api.md` says what each name does. Importing this
module is quick: the names that need torch are imported together when the first of them is asked for.
"""

from typing import TYPE_CHECKING, Any

from engine.bundle.config import read_config, read_evaluation, resolve_bundle
from engine.data.sources.fetching import fetch, resolve_dataset
from engine.data.texts.words import tokenize
from engine.diagnosis.diagnose import Diagnosis
from engine.diagnosis.finding import Finding, Remedy
from engine.diagnosis.of_run import diagnose_run
from engine.errors import EngineError
from engine.events import CheckpointSaved, EpochFinished, Event, RatesSuggested, RateTried, RunResumed, StepFinished
from engine.library.listing import find_model
from engine.recipe import Recipe, Stage
from engine.task import Aim, ModelPlan, Objective, Task
from engine.tasks.registry import TASKS, get_task

if TYPE_CHECKING:
    from engine.data.pictures.transforms import transforms_from_above, transforms_unmirrored
    from engine.kinds.block_parts import (
        all_pictures,
        each,
        folder_names,
        label_column,
        labels_in,
        masks_at,
        numbers_in,
        pictures_in,
        points_in,
        tags_in,
        texts_in,
    )
    from engine.kinds.block_splits import (
        column_split,
        folder_split,
        group_split,
        list_split,
        random_split,
        recording_split,
    )
    from engine.kinds.data_block import DataBlock, Masks, Numbers, OneLabel, Point, Tags, Texts
    from engine.runs.start import Start, start_model
    from engine.serving.inspect import compare_predictions, rank_by_loss, show_augmented, show_samples
    from engine.serving.predictor import Predictor, load_predictor
    from engine.training.evaluate import evaluate
    from engine.training.loop import fit
    from engine.training.lr_finder import find_lr
    from engine.training.recipe_loop import train_recipe

__all__ = [
    "TASKS",
    "Aim",
    "CheckpointSaved",
    "DataBlock",
    "Diagnosis",
    "EngineError",
    "EpochFinished",
    "Event",
    "Finding",
    "Masks",
    "ModelPlan",
    "Numbers",
    "Objective",
    "OneLabel",
    "Point",
    "Predictor",
    "RateTried",
    "RatesSuggested",
    "Recipe",
    "Remedy",
    "RunResumed",
    "Stage",
    "Start",
    "StepFinished",
    "Tags",
    "Task",
    "Texts",
    "all_pictures",
    "column_split",
    "compare_predictions",
    "diagnose_run",
    "each",
    "evaluate",
    "fetch",
    "find_lr",
    "find_model",
    "fit",
    "folder_names",
    "folder_split",
    "get_task",
    "group_split",
    "label_column",
    "labels_in",
    "list_split",
    "load_predictor",
    "masks_at",
    "numbers_in",
    "pictures_in",
    "points_in",
    "random_split",
    "rank_by_loss",
    "read_config",
    "read_evaluation",
    "recording_split",
    "resolve_bundle",
    "resolve_dataset",
    "show_augmented",
    "show_samples",
    "start_model",
    "tags_in",
    "texts_in",
    "tokenize",
    "train_recipe",
    "transforms_from_above",
    "transforms_unmirrored",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"engine.api has no name {name!r}. It has: {', '.join(__all__)}.")
    globals().update(_names_that_need_torch())
    return globals()[name]


def _names_that_need_torch() -> dict[str, Any]:
    from engine.data.pictures.transforms import transforms_from_above, transforms_unmirrored
    from engine.kinds.block_parts import (
        all_pictures,
        each,
        folder_names,
        label_column,
        labels_in,
        masks_at,
        numbers_in,
        pictures_in,
        points_in,
        tags_in,
        texts_in,
    )
    from engine.kinds.block_splits import (
        column_split,
        folder_split,
        group_split,
        list_split,
        random_split,
        recording_split,
    )
    from engine.kinds.data_block import DataBlock, Masks, Numbers, OneLabel, Point, Tags, Texts
    from engine.runs.start import Start, start_model
    from engine.serving.inspect import compare_predictions, rank_by_loss, show_augmented, show_samples
    from engine.serving.predictor import Predictor, load_predictor
    from engine.training.evaluate import evaluate
    from engine.training.loop import fit
    from engine.training.lr_finder import find_lr
    from engine.training.recipe_loop import train_recipe

    return locals()
