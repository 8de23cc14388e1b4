"""How good a model is on samples that it has not seen."""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from engine.data.dataset import DataSet
from engine.recipe import Stage
from engine.task import LossFigures, Objective
from engine.training.carried import forget
from engine.training.precision import build_accelerator, in_precision, summed


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
    data: DataSet,
    accelerator: Accelerator,
) -> Evaluation:
    """Measure `model` over all batches of all processes; it is left in evaluation mode."""
    metrics = objective.build_metrics(data).to(accelerator.device)
    totals = torch.zeros(2, device=accelerator.device)
    model.eval()
    forget(model)
    with torch.inference_mode():
        for images, target in batches:
            images, target = images.to(accelerator.device), target.to(accelerator.device)
            with in_precision(accelerator.device, accelerator.mixed_precision):
                logits = model(images)
            loss_sum, count = objective.loss(logits, target)
            totals += torch.stack([loss_sum.float(), count.float()])
            metrics.update(logits, target)
    loss_sum, count = summed(accelerator, totals)
    loss = loss_sum / max(count, 1)
    figures = metrics.compute() | (metrics.of_loss(loss) if isinstance(metrics, LossFigures) else {})
    return Evaluation(loss=loss, metrics=figures, details=metrics.details())


def evaluate(
    objective: Objective,
    model: nn.Module,
    *,
    data: DataSet,
    items: Sequence[Any],
    stage: Stage,
    batch_size: int = 8,
) -> Evaluation:
    """Measure `model` on `items` of a data set, at the input size of a stage, in fp32; it stays on the device where it is."""
    accelerator = build_accelerator("fp32")
    is_there = all(part.device.type == accelerator.device.type for part in (*model.parameters(), *model.buffers()))
    measured = model if is_there else copy.deepcopy(model).to(accelerator.device)
    for _ in objective.feed.prepare(data, items, stage, model):
        pass
    batches = objective.feed.build_loader(data, items, stage, model, batch_size=batch_size)
    return evaluate_batches(objective, measured, batches, data, accelerator)
