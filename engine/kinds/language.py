"""Guessing words: the objective that a text model learns from before it judges anything (Howard and Ruder 2018)."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from engine.data.texts.dataset import TextData, open_texts
from engine.data.texts.labelled_table import NO_LABEL
from engine.data.texts.language_feed import TEXT_STREAM, guesses
from engine.data.texts.tokenizers import Tokenizer
from engine.kinds.main_metrics import NEXT_WORD_ACCURACY
from engine.kinds.text import read_text
from engine.models.awd_lstm import LanguageOutput, regularisation
from engine.models.pretrained_text import build_pretrained_language_model
from engine.models.word_models import SIZES, build_word_language_model, make_vocabulary
from engine.recipe import Stage
from engine.task import Metrics, ModelPlan, Objective

LIKELIEST = 10
MASKS_AHEAD = 3
PIECE = 1 << 25  # logits that are held in fp32 at once, 128 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class NextWords:
    """What may come next, the likeliest first, each with its probability in 0..1."""

    text: str
    words: dict[str, float]

    def summary(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"text": self.text, "next": self.words}

    def table_row(self) -> dict[str, str | float]:
        """For a line of a table: the likeliest words."""
        return {"next": " ".join(self.words)}

    def in_words(self) -> str:
        """The likeliest words in one line."""
        return ", ".join(f"{word} {share:.0%}" for word, share in list(self.words.items())[:5])

    def save(self, path: Path) -> Path:
        """Write them as JSON, named after `path`; where it went."""
        target = path.with_name(f"{path.name}_next.json")
        target.write_text(json.dumps(self.summary(), indent=2) + "\n", encoding="utf-8")
        return target


@dataclass(frozen=True, slots=True)
class Start:
    """The beginning of a text, and what its numbers mean."""

    text: str
    tokenizer: Tokenizer


def build_language_objective(*, reads_test: bool = False) -> Objective[TextData]:
    """Guessing words as an objective, judged by how often the likeliest is right.

    It reads the training texts and those without a label, and is measured on the validation texts, which the classifier
    holds out as well. With `reads_test` it reads the texts of the test split too, as the lesson's does.
    """
    return Objective(
        name="language_model_transductive" if reads_test else "language_model",
        metric=NEXT_WORD_ACCURACY,
        open_data=partial(open_language, reads_test=reads_test),
        feed=TEXT_STREAM,
        make_files=make_vocabulary,
        build_model=build_language_model,
        loss=guess_cross_entropy,
        build_metrics=guess_metrics,
        prepare=prepare_start,
        predict=predict_next,
        pipeline="text-generation",
    )


def guess_metrics(data: TextData) -> Metrics:
    """Right guesses and surprise; torchmetrics is imported here, as a prediction does without."""
    from engine.kinds.text_metrics import GuessMetrics

    return GuessMetrics()


def open_language(root: Path, *, reads_test: bool = False) -> TextData:
    """The texts in `root` as a language model may read them: labels play no part."""
    data = open_texts(root)
    more = (*data.test, *data.unlabelled_test) if reads_test else ()
    title = f"{data.title}; read as well: the unlabelled ones" + (", and the test texts" if reads_test else "")
    left_out = {why: names for why, names in data.findings.left_out.items() if why != NO_LABEL}
    return replace(
        data,
        train=(*data.train, *data.unlabelled, *more),
        unlabelled=(),
        title=title,
        findings=replace(data.findings, left_out=left_out),
    )


def build_language_model(plan: ModelPlan, *, pretrained: bool = True) -> nn.Module:
    """The lesson's AWD-LSTM, or a Hugging Face model."""
    build = build_word_language_model if plan.backbone in SIZES else build_pretrained_language_model
    return build(plan, pretrained=pretrained)


def guess_cross_entropy(output: Any, target: Tensor) -> tuple[Tensor, Tensor]:
    """Sum of the cross-entropy over the tokens to be guessed, and their number; see `guesses` for the shapes.

    An AWD-LSTM that learns has its activations regularised as well.
    """
    logits, target = guesses(output, target)
    loss = summed_surprise(logits, target)
    if isinstance(output, LanguageOutput) and output.raw.requires_grad:
        loss = loss + regularisation(output) * len(target)
    return loss, torch.full((), len(target), device=target.device)


def summed_surprise(logits: Tensor, target: Tensor) -> Tensor:
    """Sum of the cross-entropy of logits (N, V), in fp32 and in pieces: one of them at a time is held in fp32, and made again for
    its gradients. All at once, 2,000 words out of 60,000 would take half a gigabyte, several times.
    """
    rows = max(1, PIECE // logits.shape[1])
    score = partial(functional.cross_entropy, reduction="sum")
    if len(target) <= rows:
        return score(logits.float(), target)
    pieces = zip(logits.split(rows), target.split(rows), strict=True)
    if not logits.requires_grad:
        return torch.stack([score(some.float(), words) for some, words in pieces]).sum()
    again = partial(checkpoint, lambda some, words: score(some.float(), words), use_reentrant=False)
    return torch.stack([again(some, words) for some, words in pieces]).sum()


def prepare_start(source: str | Path, stage: Stage, plan: ModelPlan, model: Any) -> tuple[Start, Tensor]:
    """The beginning of a text: as it is shown, and what the model reads to guess the next word."""
    text = read_text(source)
    return Start(text, model.tokenizer), next_input(
        model, model.tokenizer.encode([text])[0].tolist(), stage.text_length
    )


def next_input(model: Any, numbers: list[int], length: int) -> Tensor:
    """What a model reads to guess what comes after `numbers`: the last of them (1, T), or with masks behind (1, 2, T).

    The first mask is asked for. Those behind it say that the text goes on: in front of a text's end there is hardly ever anything
    but a full stop.
    """
    tokenizer = model.tokenizer
    if model.reading == "blocks":
        numbers = [*tokenizer.begin, *numbers]  # as every text began that it has read
    if model.reading != "masked":
        return torch.tensor([numbers[-length:] or [tokenizer.pad]])
    inner = numbers[-(length - len(tokenizer.begin) - MASKS_AHEAD) :]
    row = [*tokenizer.begin, *inner, *[tokenizer.mask] * MASKS_AHEAD]
    place = len(row) - MASKS_AHEAD
    return torch.tensor([[row, [int(at == place) for at in range(len(row))]]])


def predict_next(logits: Tensor, start: Start, classes: tuple[str, ...], decision: Mapping[str, Any]) -> NextWords:
    """The likeliest next tokens, from logits (V,), or (T, V) of which the last row counts."""
    row = logits[-1] if logits.ndim == 2 else logits
    shares, numbers = row.softmax(0).topk(min(LIKELIEST, len(row)))
    words: Counter[str] = Counter()  # tokens may look alike once written
    for number, share in zip(numbers.tolist(), shares.tolist(), strict=True):
        words[start.tokenizer.decode([number]).strip() or "·"] += share
    return NextWords(text=start.text, words=dict(words.most_common()))
