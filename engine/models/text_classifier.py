"""ULMFiT's text classifier (Howard and Ruder 2018): the language model's encoder reads a text, a small head judges it.

Texts of any length pass through in windows with the state carried over, so memory for gradients is needed for the last steps
alone. As in fastai, a text begins with a window: it then gets the same logits whatever shares its batch.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.data.texts.tokenizers import WordTokenizer
from engine.errors import RecipeError
from engine.models.awd_lstm import HIDDEN, LAYERS, PAD, WIDTH, Dropouts, Encoder

WINDOW = 70  # steps of one call of the encoder, as in the lesson; fastai 2 takes 72
MAX_LENGTH = 20 * WINDOW
HEAD_WIDTH = 50
HEAD_P = 0.1
# fastai's own, for a `drop_mult` of 1. The output's is the head's first dropout.
CLASSIFIER_DROPOUTS = Dropouts(output_p=0.4, hidden_p=0.3, input_p=0.4, embed_p=0.05, weight_p=0.5)


class TextClassifier(nn.Module):
    """Words (B, T) of one text a row, padded in front or behind → logits (B, K).

    Of texts longer than `max_length` only about the last `max_length` steps are pooled and learned from: whole windows are left
    out, after the encoder has read them. `tokenizer` is what the words are numbered by, for those who train it on texts.
    """

    has_classes = True
    tokenizer: WordTokenizer

    def __init__(
        self,
        words: int,
        classes: int,
        *,
        drop_mult: float = 1.0,
        width: int = WIDTH,
        hidden: int = HIDDEN,
        layers: int = LAYERS,
        window: int = WINDOW,
        max_length: int = MAX_LENGTH,
    ) -> None:
        super().__init__()
        if max_length < 2 * window:  # a short text's last word may lie almost a window before the longest text's
            raise RecipeError(f"The longest text is {max_length} words: give at least two windows, {2 * window}.")
        dropouts = CLASSIFIER_DROPOUTS.times(drop_mult)
        self.window, self.max_length = window, max_length
        self.encoder = Encoder(words, width=width, hidden=hidden, layers=layers, dropouts=dropouts)
        self.head = build_text_head(3 * width, classes, dropout=dropouts.output_p)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.answer(self.features(tokens))

    def features(self, tokens: Tensor) -> Tensor:
        """The encoder's outputs, pooled: (B, 3E)."""
        tokens, padding, begin = in_windows(tokens, self.window)
        order = begin.argsort(stable=True)  # the texts that a window reads are then its first rows
        steps, padding = self.read(tokens[order], padding[order], begin[order])
        return concat_pool(steps, padding)[order.argsort()]

    def read(self, tokens: Tensor, padding: Tensor, begin: Tensor) -> tuple[Tensor, Tensor]:
        """The encoder's outputs (B, S, E) for the last steps, and which of these are padding (B, S)."""
        batch, length = tokens.shape
        starts = torch.arange(0, length, self.window, device=tokens.device)
        counts = (begin <= starts[:, None]).sum(1).tolist()  # how many texts have begun
        state, outputs, kept = None, [], 0
        for start, count in zip(range(0, length, self.window), counts, strict=True):
            raw, state = self.encoder(tokens[:count, start : start + self.window], state)
            if length - start <= self.max_length:
                outputs.append(functional.pad(raw, (0, 0, 0, 0, 0, batch - count)))
                kept += raw.shape[1]
        return torch.cat(outputs, dim=1), padding[:, length - kept :]

    def answer(self, pooled: Tensor) -> Tensor:
        """What the head makes of pooled outputs (B, 3E): (B, K), in fp32, since it is small."""
        with torch.autocast(pooled.device.type, enabled=False):
            return self.head(pooled)

    def is_head(self, name: str) -> bool:
        """Whether a tensor is not the encoder's, which a language model shares."""
        return not name.startswith("encoder.")

    def complete(self, names: Sequence[str]) -> list[str]:
        """No weights but the encoder's are to be had anywhere."""
        return []

    def save_files(self, folder: Path) -> dict[str, Any]:
        """The vocabulary; no other library knows the model."""
        self.tokenizer.save(folder)
        return {}

    def layer_groups(self) -> list[list[nn.Module]]:
        """The word vectors, each LSTM layer, the head."""
        return [[self.encoder.embedding], *([lstm] for lstm in self.encoder.lstms), [self.head]]


def in_windows(tokens: Tensor, window: int) -> tuple[Tensor, Tensor, Tensor]:
    """Each text begins with a window: words (B, S), which of them are padding (B, S), where texts begin (B,).

    S is the longest text's length. Whole windows of padding come before shorter ones, what is left of it behind.
    """
    is_word = tokens != PAD  # (B, T)
    lengths = is_word.sum(1).clamp(min=1)  # an empty text is read as one word of padding
    longest = int(lengths.max())
    begin = (longest - lengths) // window * window
    place = torch.arange(longest, device=tokens.device) - begin[:, None]  # (B, S): which word of the text stands there
    padding = (place < 0) | (place >= lengths[:, None])
    source = (place + is_word.int().argmax(1, keepdim=True)).clamp(0, tokens.shape[1] - 1)
    return tokens.gather(1, source).masked_fill(padding, PAD), padding, begin


def concat_pool(steps: Tensor, padding: Tensor) -> Tensor:
    """Outputs (B, S, E) and which of them are padding (B, S) → (B, 3E): the last one, the maximum and the mean, in fp32."""
    steps, hidden = steps.float(), padding[:, :, None]
    last = steps.shape[1] - 1 - padding.flip(1).int().argmin(1)
    mean = steps.masked_fill(hidden, 0).sum(1) / (~hidden).sum(1)
    most = steps.masked_fill(hidden, -torch.inf).amax(1)
    return torch.cat([steps[torch.arange(len(steps), device=steps.device), last], most, mean], dim=1)


def build_text_head(features: int, classes: int, *, dropout: float) -> nn.Sequential:
    """fastai's: twice a norm, dropout and a linear layer, which needs no bias behind a norm's own."""
    return nn.Sequential(
        nn.BatchNorm1d(features),
        nn.Dropout(dropout),
        nn.Linear(features, HEAD_WIDTH, bias=False),
        nn.ReLU(inplace=True),
        nn.BatchNorm1d(HEAD_WIDTH),
        nn.Dropout(HEAD_P),
        nn.Linear(HEAD_WIDTH, classes, bias=False),
    )
