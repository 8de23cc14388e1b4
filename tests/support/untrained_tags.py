"""A bundle of the Planet task without training: random weights, saved as a run saves its checkpoints."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from engine.bundle.config import build_config
from engine.recipe import Recipe, Stage, stage_to_dict
from engine.task import ModelPlan
from engine.tasks.planet import PLANET
from engine.training.checkpoint import Progress, save_checkpoint
from engine.training.setup import build_optimizer

BACKBONE = "mobilenetv3_small_100"
CHIP_STAGE = Stage(name="tiny", epochs=1, image_size=32, batch_size=4, precision="fp32")


def save_untrained_tags(
    checkpoints: Path,
    classes: tuple[str, ...],
    *,
    decision: Mapping[str, Any],
    channels: int = 3,
    seed: int = 0,
    backbone: str = BACKBONE,
) -> Path:
    """A bundle in `checkpoints`, a run's folder of that name, whose model answers differently to different pictures."""
    torch.manual_seed(seed)
    plan = ModelPlan(backbone=backbone, classes=classes, channels=channels, new_channels="mean")
    model = PLANET.build_objective().build_model(plan, pretrained=False)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias)
        elif isinstance(module, torch.nn.Linear):  # the last one begins with zeros
            torch.nn.init.kaiming_normal_(module.weight)
    recipe = Recipe(name="tiny", backbone=backbone, stages=(CHIP_STAGE,))
    config = build_config(
        task=PLANET.name, objective="tags", recipe=recipe, plan=plan, dataset="drawn-chips", seed=seed
    )
    name = save_checkpoint(
        checkpoints,
        model=model,
        optimizer=build_optimizer(model, CHIP_STAGE),
        progress=Progress(stage=0, step=1, batch_size=4, precision="fp32"),
        config=config | {"stage": stage_to_dict(CHIP_STAGE), "metrics": {"f2": 0.5}, "decision": dict(decision)},
        evaluation={"metrics": {"f2": 0.5, "valid_loss": 1.0}},
        best=True,
    )
    return checkpoints / name
