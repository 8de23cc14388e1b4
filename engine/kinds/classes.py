"""One of several classes is right: the loss, the figures and the answer, whatever the input is."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from engine.data.dataset import DataSet
from engine.kinds.sureness import SURE, sure_from, temperature_of
from engine.task import Metrics

ONNX_ANSWER = (
    'scaled = logits[0] / config.get("decision", {}).get("temperature", 1.0)\n'
    "shares = np.exp(scaled - scaled.max())\n"
    'print(dict(zip(config["classes"], (shares / shares.sum()).round(3))))  # the likeliest is the answer'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassPrediction:
    """What a model thinks of an input: the probability of each class, in 0..1, summing to 1.

    shown: what was judged, a text or a picture as RGB.
    sure_from: from which probability on the answer counts as sure.
    """

    shown: Any
    probabilities: dict[str, float]
    sure_from: float = SURE

    @property
    def answer(self) -> str:
        """The likeliest class."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def probability(self) -> float:
        """That of the answer."""
        return self.probabilities[self.answer]

    @property
    def is_sure(self) -> bool:
        """Whether the answer may be given as one; else the model only leans that way."""
        return self.probability >= self.sure_from

    def summary(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"class": self.answer, "is_sure": self.is_sure, "probabilities": self.probabilities}

    def table_row(self) -> dict[str, str | float]:
        """For a line of a table: the class, whether the model is sure of it, and each one's probability."""
        return {"class": self.answer, "is_sure": self.is_sure, **self.probabilities}

    def in_words(self) -> str:
        """The class with its probability, and that the model is not sure where it is not."""
        return f"{'' if self.is_sure else 'not sure, leaning '}{self.answer} {self.probability:.1%}"

    def save(self, path: Path) -> Path:
        """Write the probabilities as JSON, named after `path`; where it went."""
        target = path.with_name(f"{path.name}_class.json")
        target.write_text(json.dumps(self.summary(), indent=2) + "\n", encoding="utf-8")
        return target


def class_metrics(data: DataSet) -> Metrics:
    """Accuracy and the like; torchmetrics is imported here, as a prediction does without."""
    from engine.kinds.class_metrics import ClassMetrics

    return ClassMetrics(data.classes)


def class_cross_entropy(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Sum of the cross-entropy and the number of inputs; logits (B, K), target (B,)."""
    loss = functional.cross_entropy(logits.float(), target, reduction="sum")
    return loss, torch.full((), len(target), device=target.device)


def predict_class(logits: Tensor, shown: Any, classes: tuple[str, ...], decision: Mapping[str, Any]) -> ClassPrediction:
    """Probabilities (K,) of one input, calibrated where the bundle's decision has a temperature."""
    shares = (logits / temperature_of(decision)).softmax(0).tolist()
    return ClassPrediction(
        shown=shown, probabilities=dict(zip(classes, shares, strict=True)), sure_from=sure_from(decision)
    )


def class_counts(classes: Sequence[str], labels: Sequence[int]) -> dict[str, int]:
    """How many inputs each class has."""
    return {name: list(labels).count(index) for index, name in enumerate(classes)}
