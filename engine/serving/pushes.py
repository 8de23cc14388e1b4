"""Which words push a classifier one way or the other: leave them out, and see how its answer moves."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from engine.data.texts.feed import pad_numbers
from engine.kinds.classes import ClassPrediction
from engine.kinds.sureness import temperature_of
from engine.serving.predictor import Predictor

MOST_PARTS = 48  # forward passes of one explanation; in a longer text several words share one
AT_ONCE = 16
WORD = re.compile(r"\S+\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A stretch of the text, and by how much it moves the log-odds of the answer: above 0, it speaks for it."""

    words: str
    push: float


def explain_words(predictor: Predictor, text: str) -> tuple[ClassPrediction, list[Push]]:
    """The prediction for a text, and the push of each of its words, or of as many words together as make 48 parts.

    Leaving out shows what this model reacts to, not why the world is so; words that only work together share the credit.
    """
    shown, numbers = predictor.prepare(text)
    prediction: ClassPrediction = predictor.answer(predictor.logits(numbers)[0], shown)
    parts = split_parts(shown)
    if len(parts) < 2:
        return prediction, [Push(words=part, push=0.0) for part in parts]
    answer = predictor.classes.index(prediction.answer)
    whole = _log_odds(prediction.probabilities[prediction.answer])
    without = ["".join((*parts[:at], *parts[at + 1 :])) for at in range(len(parts))]
    shares = _shares(predictor, without, answer)
    return prediction, [
        Push(words=part, push=whole - _log_odds(share)) for part, share in zip(parts, shares, strict=True)
    ]


def split_parts(text: str, most: int = MOST_PARTS) -> list[str]:
    """The text in at most `most` parts of whole words, which put together give the text again."""
    words = WORD.findall(text)
    if not words:
        return [text] if text else []
    words[0] = text[: len(text) - len(text.lstrip())] + words[0]
    size = -(-len(words) // most)
    return ["".join(words[start : start + size]) for start in range(0, len(words), size)]


def _shares(predictor: Predictor, texts: Sequence[str], answer: int) -> list[float]:
    """The probability of class `answer` for each text."""
    model: Any = predictor.model
    tokenizer, stage = model.tokenizer, predictor.config.stage
    framed = [
        torch.from_numpy(tokenizer.frame(numbers, stage.text_length)) for numbers in tokenizer.encode(list(texts))
    ]
    shares: list[float] = []
    temperature = temperature_of(predictor.config.decision)
    for start in range(0, len(framed), AT_ONCE):
        batch = pad_numbers(framed[start : start + AT_ONCE], tokenizer.pad)
        shares += (predictor.logits(batch) / temperature).softmax(1)[:, answer].tolist()
    return shares


def _log_odds(probability: float) -> float:
    return torch.tensor(probability, dtype=torch.float64).logit(eps=1e-6).item()
