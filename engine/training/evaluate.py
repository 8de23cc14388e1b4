"""How good a model is on samples that it has not seen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader

from engine.data.block import Data
from engine.data.cache import open_cache, prepare_cache
from engine.data.loaders import EpochBatches, Samples
from engine.data.transforms import stack
from engine.task import Objective
from engine.training.precision import build_accelerator, summed


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The mean loss, the objective's figures by name, and what the task's views show in detail."""

    loss: float
    metrics: dict[str, float]
    details: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {"metrics": self.metrics | {"valid_loss": self.loss}, **self.details}


def evaluate_batches(
    objective: Objective,
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    data: Data,
    accelerator: Accelerator,
) -> Evaluation:
    """Measure `model` over all batches of all processes; it is left in evaluation mode."""
    metrics = objective.build_metrics(data).to(accelerator.device)
    totals = torch.zeros(2, device=accelerator.device)
    model.eval()
    with torch.inference_mode():
        for images, target in batches:
            images, target = images.to(accelerator.device), target.to(accelerator.device)
            with accelerator.autocast():
                logits = model(images)
            loss_sum, count = objective.loss(logits, target)
            totals += torch.stack([loss_sum.float(), count.float()])
            metrics.update(logits, target)
    loss_sum, count = summed(accelerator, totals)
    return Evaluation(loss=loss_sum / max(count, 1), metrics=metrics.compute(), details=metrics.details())


def evaluate(
    objective: Objective,
    model: nn.Module,
    *,
    data: Data,
    items: Sequence[Path],
    image_size: int,
    batch_size: int = 8,
) -> Evaluation:
    """Measure `model` on `items` of a data set at a resolution, in fp32."""
    accelerator = build_accelerator("fp32")
    size = data.size_at(image_size)
    for _ in prepare_cache(data, items, size):
        pass
    samples = Samples(open_cache(data, items, size), None, seed=0)
    order = EpochBatches(len(samples), batch_size, seed=0, is_training=False)
    batches = DataLoader(samples, batch_sampler=order, collate_fn=stack)
    return evaluate_batches(objective, model.to(accelerator.device), batches, data, accelerator)
