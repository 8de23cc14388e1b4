"""A text model's bundle without training: random weights, saved as a run saves its checkpoints."""

from pathlib import Path

import torch

from engine.bundle.config import build_config
from engine.data.texts.dataset import TextData
from engine.recipe import Recipe, Stage, stage_to_dict
from engine.tasks.imdb import IMDB
from engine.training.checkpoint import Progress, save_checkpoint
from engine.training.planning import plan_now
from engine.training.setup import build_optimizer

STAGE = Stage(name="tiny", epochs=1, batch_size=4, text_length=32, precision="fp32")


def recipe(backbone: str, aim: str) -> Recipe:
    return Recipe(name="tiny", backbone=backbone, stages=(STAGE,), objective=aim)


def save(folder: Path, backbone: str, aim: str, data: TextData, seed: int = 0) -> Path:
    """A bundle of an untrained model."""
    torch.manual_seed(seed)
    objective, wanted = IMDB.build_objective(aim), recipe(backbone, aim)
    plan = plan_now(objective, wanted, data)
    model = objective.build_model(plan, pretrained=False)
    config = build_config(task="imdb", objective=aim, recipe=wanted, plan=plan, dataset="drawn", seed=seed)
    name = save_checkpoint(
        folder,
        model=model,
        optimizer=build_optimizer(model, STAGE),
        progress=Progress(stage=0, step=1, batch_size=4, precision="fp32"),
        config=config | {"stage": stage_to_dict(STAGE)},
        evaluation=None,
        best=True,
    )
    return folder / name
