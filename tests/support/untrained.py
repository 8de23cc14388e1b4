"""A model bundle without training: random weights, saved as a run saves its checkpoints."""

import json
from pathlib import Path
from typing import Any

import torch

from engine.bundle.config import build_config
from engine.bundle.files import CONFIG_FILE, OURS
from engine.recipe import Recipe, Stage, stage_to_dict
from engine.task import ModelPlan
from engine.tasks.camvid import CAMVID
from engine.training.checkpoint import Progress, save_checkpoint
from engine.training.setup import build_optimizer

BACKBONE = "mobilenetv3_small_100"
CLASSES = ("sky", "road", "car")
STREET_STAGE = Stage(name="tiny", epochs=1, image_size=32, batch_size=4, precision="fp32")


def contents(folder: Path) -> dict[str, bytes]:
    """A bundle's files by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def edit(bundle: Path, **changes: Any) -> None:
    """Change some of our part of a bundle's config."""
    config = json.loads((bundle / CONFIG_FILE).read_text())
    (bundle / CONFIG_FILE).write_text(json.dumps(config | {OURS: config[OURS] | changes}))


def save_untrained(
    checkpoints: Path,
    classes: tuple[str, ...],
    *,
    seed: int = 0,
    step: int = 1,
    backbone: str = BACKBONE,
    dataset: str = "drawn",
    best: bool = True,
) -> Path:
    """A bundle of the CamVid task in `checkpoints`, a run's folder of that name."""
    torch.manual_seed(seed)
    plan = ModelPlan(backbone=backbone, classes=classes)
    model = CAMVID.build_objective().build_model(plan, pretrained=False)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # random statistics, so that no two models answer alike
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias)
    config = build_config(
        task=CAMVID.name,
        objective="mask",
        recipe=Recipe(name="tiny", backbone=backbone, stages=(STREET_STAGE,)),
        plan=plan,
        dataset=dataset,
        seed=seed,
    )
    name = save_checkpoint(
        checkpoints,
        model=model,
        optimizer=build_optimizer(model, STREET_STAGE),
        progress=Progress(stage=0, step=step, batch_size=4, precision="fp32"),
        config=config | {"stage": stage_to_dict(STREET_STAGE), "metrics": {"pixel_accuracy": 0.5}},
        evaluation={"metrics": {"pixel_accuracy": 0.5, "valid_loss": 1.0}},
        best=best,
    )
    return checkpoints / name
