"""The lesson's AWD-LSTM by name: its sizes, its vocabulary, and fast.ai's weights from WikiText-103 to start from."""

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import torch

from engine.data.pickles.word_list import read_word_list
from engine.data.sources.archives import unpack
from engine.data.sources.download import discard
from engine.data.sources.mirror import obtain
from engine.data.texts.dataset import TextData
from engine.data.texts.tokenizers import WordTokenizer, open_tokenizer
from engine.data.texts.words import build_vocabulary, tokenize
from engine.data.whole_folder import making_whole
from engine.errors import DataError, EngineError, ModelError
from engine.host.home import cache_folder, models_folder
from engine.models.awd_lstm import HIDDEN, LAYERS, WIDTH, LanguageModel
from engine.models.awd_lstm_weights import load_fastai_weights
from engine.models.text_classifier import TextClassifier
from engine.recipe import AWD_LSTM, AWD_LSTM_SMALL, AWD_LSTM_WT103, MINILM
from engine.task import ModelPlan

WT103_ARCHIVE = "modelzoo/wt103-fwd.tgz"
AT_ONCE = 500  # texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Width of a word's vector and of the hidden layers, their number, and the largest vocabulary."""

    width: int
    hidden: int
    layers: int
    words: int


LESSON_SIZE = Size(width=WIDTH, hidden=HIDDEN, layers=LAYERS, words=60_000)
SIZES = {
    AWD_LSTM_WT103: LESSON_SIZE,
    AWD_LSTM: LESSON_SIZE,
    AWD_LSTM_SMALL: Size(width=256, hidden=512, layers=3, words=20_000),  # what a CPU can train in an evening
}


def make_vocabulary(backbone: str, data: TextData) -> Generator[tuple[int, int], None, Path | None]:
    """The vocabulary of the training texts, in a folder of the cache; None for a model that brings its own tokenizer.

    Yields (texts read, texts in all) while the words are counted.
    """
    if backbone not in SIZES:
        return None
    folder = cache_folder() / f"{data.root.name}-words-{data.fingerprint}-{len(data.train)}-{SIZES[backbone].words}"
    if folder.is_dir():
        return folder
    counts: Counter[str] = Counter()
    for start in range(0, len(data.train), AT_ONCE):
        some = data.train[start : start + AT_ONCE]
        for text in data.texts(some):
            counts.update(tokenize(text))
        yield start + len(some), len(data.train)
    with making_whole(folder) as partial:
        WordTokenizer(build_vocabulary(counts, at_most=SIZES[backbone].words)).save(partial)
    return folder


def build_word_language_model(plan: ModelPlan, *, pretrained: bool = True) -> LanguageModel:
    """The AWD-LSTM of a plan as a language model."""
    tokenizer, size = _tokenizer(plan), SIZES[plan.backbone]
    model = LanguageModel(len(tokenizer), width=size.width, hidden=size.hidden, layers=size.layers)
    return _finish(model, tokenizer, plan, pretrained)


def build_word_classifier(plan: ModelPlan, *, pretrained: bool = True) -> TextClassifier:
    """The AWD-LSTM of a plan with ULMFiT's head."""
    tokenizer, size = _tokenizer(plan), SIZES[plan.backbone]
    model = TextClassifier(len(tokenizer), len(plan.classes), width=size.width, hidden=size.hidden, layers=size.layers)
    return _finish(model, tokenizer, plan, pretrained)


def _finish(model: Any, tokenizer: WordTokenizer, plan: ModelPlan, pretrained: bool) -> Any:
    model.tokenizer = tokenizer
    if pretrained and plan.backbone == AWD_LSTM_WT103:
        folder = _fetch_wt103()
        load_fastai_weights(model, *_read_wt103(folder), tokenizer.words)
    return model


def _tokenizer(plan: ModelPlan) -> WordTokenizer:
    if plan.files is None:
        raise ModelError(f"{plan.backbone} needs a vocabulary: make one from the training texts.")
    tokenizer = open_tokenizer(plan.files)
    if not isinstance(tokenizer, WordTokenizer):
        raise ModelError(
            f"{plan.files} has the tokenizer of another model than {plan.backbone}. Start from another run."
        )
    return tokenizer


def _fetch_wt103() -> Path:
    """The folder of fast.ai's weights; fetched once, from the lesson's place or the mirror."""
    folder = models_folder() / "wt103-fwd"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.with_name("wt103-fwd.part")
    try:
        with filelock.FileLock(folder.with_name("wt103-fwd.lock")):
            if not folder.is_dir():  # it is, when another process had the lock before
                archive = obtain(WT103_ARCHIVE, part)
                try:
                    with making_whole(folder) as fresh:
                        unpack(archive.file, fresh / "unpacked")
                finally:
                    discard(part)  # an archive that cannot be unpacked is no good a second time
    except (EngineError, OSError) as problem:
        raise ModelError(
            f"fast.ai's weights from WikiText-103 cannot be had: {problem} {AWD_LSTM} and {MINILM} need no network."
        ) from None
    return folder


def _read_wt103(folder: Path) -> tuple[dict[str, torch.Tensor], list[str]]:
    weights, words = (next(iter(sorted(folder.rglob(pattern))), None) for pattern in ("*.pth", "itos*.pkl"))
    if weights is None or words is None:
        raise ModelError(f"{folder} has no .pth file, or no itos….pkl. Delete it, and try again.")
    try:
        tensors = torch.load(weights, map_location="cpu", weights_only=True)
        return tensors, read_word_list(words)
    except DataError as problem:
        raise ModelError(str(problem)) from None
    except Exception as problem:  # whatever torch's reader makes of a file that is none
        raise ModelError(f"{weights} cannot be read as weights ({str(problem)[:200]}). Delete {folder}.") from None
