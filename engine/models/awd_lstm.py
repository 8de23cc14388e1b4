"""The AWD-LSTM (Merity et al. 2017), as ULMFiT pretrains it to guess the next word (Howard and Ruder 2018).

Three plain LSTM layers over word vectors. What keeps so large a model from learning its text by heart is dropout at every
place: whole words, the input of each layer, the output, and the recurrent weights themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.data.texts.tokenizers import WordTokenizer
from engine.errors import RecipeError

PAD = 1  # the padding's place in every vocabulary, as in fastai's
WIDTH, HIDDEN, LAYERS = 400, 1152, 3  # the sizes of fast.ai's pretrained weights
State = tuple[Tensor, Tensor]  # an LSTM layer's output and cell after the last step, (B, H) each


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropouts:
    """Probabilities: of the output, between layers, of the input, of whole words, of the hidden-to-hidden weights."""

    output_p: float
    hidden_p: float
    input_p: float
    embed_p: float
    weight_p: float

    def times(self, factor: float) -> "Dropouts":
        """All of them made larger or smaller together; `RecipeError` where one would not be a probability."""
        largest = max(self.output_p, self.hidden_p, self.input_p, self.embed_p, self.weight_p)
        if not 0 <= factor * largest < 1:
            raise RecipeError(
                f"Dropout times {factor:g} does not leave a probability: give 0 to less than {1 / largest:g}."
            )
        return Dropouts(
            output_p=factor * self.output_p,
            hidden_p=factor * self.hidden_p,
            input_p=factor * self.input_p,
            embed_p=factor * self.embed_p,
            weight_p=factor * self.weight_p,
        )


# fastai's own, for a `drop_mult` of 1.
LANGUAGE_DROPOUTS = Dropouts(output_p=0.1, hidden_p=0.15, input_p=0.25, embed_p=0.02, weight_p=0.2)


class WordEmbedding(nn.Module):
    """Words (B, T) → vectors (B, T, E); dropout takes a word away everywhere in the batch (Gal and Ghahramani 2016)."""

    def __init__(self, words: int, width: int, p: float) -> None:
        super().__init__()
        self.p = p
        self.weight = nn.Parameter(torch.empty(words, width).uniform_(-0.1, 0.1))

    def forward(self, tokens: Tensor) -> Tensor:
        vectors = functional.embedding(tokens, self.weight, padding_idx=PAD)
        if not self.training or not self.p:
            return vectors
        mask = dropout_mask(self.weight, (len(self.weight), 1), self.p)
        return vectors * mask[tokens]  # the same as dropping rows of the matrix, without a copy of all of it


class LockedDropout(nn.Module):
    """Dropout with one mask for all steps of a sequence (B, T, F), so that a lost feature stays lost."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.p:
            return x
        return x * dropout_mask(x, (x.shape[0], 1, x.shape[2]), self.p)


class WeightDropLstm(nn.Module):
    """One LSTM layer: locked dropout of its input, and DropConnect (Wan et al. 2013) of its hidden-to-hidden weights.

    A weight is in or out for all steps of a call, so that the recurrence keeps its memory and still cannot rely on any one
    of them. Dropout of the state itself would wipe it out within a few steps.
    """

    def __init__(self, inputs: int, hidden: int, *, input_p: float, weight_p: float) -> None:
        super().__init__()
        self.weight_p = weight_p
        self.input_dropout = LockedDropout(input_p)
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden, inputs))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden, hidden))
        self.bias_ih = nn.Parameter(torch.empty(4 * hidden))
        self.bias_hh = nn.Parameter(torch.empty(4 * hidden))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(hidden**-0.5), hidden**-0.5)  # as nn.LSTM does

    def forward(self, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Steps (B, T, F) → the output at each of them (B, T, H), and the state after the last."""
        x = self.input_dropout(x)
        before = [self._rows(part, x.shape[0])[None] for part in state or (None, None)]  # (1, B, H) each
        weights, device = self.used_weights(), x.device.type
        # Autocast's own wrapper of cuDNN's LSTM has fp16 written in it, whatever format was asked for.
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else self.weight_hh.dtype
        x, *before = (part.to(dtype) for part in (x, *before))
        # torch's flag `train` is for gradients, not for dropout: cuDNN has none to give without it.
        with torch.autocast(device, enabled=False):
            outputs, h, c = torch.lstm(
                x,
                before,
                [part.to(dtype) for part in weights],
                True,
                1,
                0.0,
                torch.is_grad_enabled(),
                False,
                batch_first=True,
            )
        return outputs, (h[0], c[0])

    def used_weights(self) -> list[Tensor]:
        """What a forward pass computes with: the weights, with a new draw of those dropped in training."""
        dropped = functional.dropout(self.weight_hh, self.weight_p, self.training)
        parts = [self.weight_ih, dropped, self.bias_ih, self.bias_hh]
        # One behind the other in memory, as cuDNN wants them: it would copy them itself, with a warning, at every call.
        flat = torch.cat([part.flatten() for part in parts])
        pieces = flat.split([part.numel() for part in parts])
        return [piece.view_as(part) for piece, part in zip(pieces, parts, strict=True)]

    def _rows(self, part: Tensor | None, count: int) -> Tensor:
        """A copy of a state (B, H) for `count` rows: rows too many are left out, new ones begin with zeros."""
        if part is None:
            return self.weight_hh.new_zeros(count, self.weight_hh.shape[1])
        kept = part[:count].to(self.weight_hh)  # autocast leaves it in 16 bits, and the model may have moved
        return torch.cat([kept, kept.new_zeros(count - len(kept), kept.shape[1])])


class Encoder(nn.Module):
    """Words (B, T) and the state after those before → the last layer's outputs (B, T, E) and the new state.

    The state carries no gradient: backpropagation ends where a call begins. None is the state before the first word.
    """

    def __init__(self, words: int, *, width: int, hidden: int, layers: int, dropouts: Dropouts) -> None:
        super().__init__()
        self.embedding = WordEmbedding(words, width, dropouts.embed_p)
        sizes = [width, *[hidden] * (layers - 1), width]  # the last layer is as wide as a word's vector
        self.lstms = nn.ModuleList(
            WeightDropLstm(
                sizes[index],
                sizes[index + 1],
                input_p=dropouts.hidden_p if index else dropouts.input_p,
                weight_p=dropouts.weight_p,
            )
            for index in range(layers)
        )

    def forward(self, tokens: Tensor, state: Sequence[State] | None = None) -> tuple[Tensor, list[State]]:
        x = self.embedding(tokens)
        after = []
        for lstm, before in zip(self.lstms, state or [None] * len(self.lstms), strict=True):
            x, (h, c) = lstm(x, before)
            after.append((h.detach(), c.detach()))
        return x, after


class TiedDecoder(nn.Module):
    """The last layer's outputs (B, T, E), dropped out, against every word's vector: logits (B, T, V)."""

    def __init__(self, words: int, p: float) -> None:
        super().__init__()
        self.dropout = LockedDropout(p)
        self.bias = nn.Parameter(torch.zeros(words))

    def forward(self, raw: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, and the outputs as dropped."""
        dropped = self.dropout(raw)
        return functional.linear(dropped, vectors, self.bias), dropped


class LanguageOutput(NamedTuple):
    """Logits (B, T, V) of the next word at each step; the last layer's outputs (B, T, E) before and after dropout."""

    logits: Tensor
    raw: Tensor
    dropped: Tensor


class LanguageModel(nn.Module):
    """Words (B, T) → logits of the word after each, with word vectors that serve as input and output alike.

    It reads a text window by window: row b of a batch goes on where row b of the last one ended, until `reset()`. The state
    is no part of the weights. `tokenizer` is what the words are numbered by, for those who train it on texts.
    """

    reading = "stream"
    has_classes = False
    tokenizer: WordTokenizer

    def __init__(
        self, words: int, *, drop_mult: float = 1.0, width: int = WIDTH, hidden: int = HIDDEN, layers: int = LAYERS
    ) -> None:
        super().__init__()
        dropouts = LANGUAGE_DROPOUTS.times(drop_mult)
        self.encoder = Encoder(words, width=width, hidden=hidden, layers=layers, dropouts=dropouts)
        self.decoder = TiedDecoder(words, dropouts.output_p)
        self.state: list[State] | None = None

    def forward(self, tokens: Tensor) -> LanguageOutput:
        raw, self.state = self.encoder(tokens, self.state)
        logits, dropped = self.decoder(raw, self.encoder.embedding.weight)
        return LanguageOutput(logits, raw, dropped)

    def reset(self) -> None:
        """Forget what was read: the next batch begins new texts."""
        self.state = None

    def carried(self) -> dict[str, Tensor]:
        """The state, part by part."""
        return {
            f"{layer}.{part}": value for layer, parts in enumerate(self.state or ()) for part, value in enumerate(parts)
        }

    def carry(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from what `carried` gave."""
        layers = len(tensors) // 2
        self.state = [(tensors[f"{layer}.0"], tensors[f"{layer}.1"]) for layer in range(layers)] or None

    def is_head(self, name: str) -> bool:
        """Whether a tensor is not the encoder's, which a classifier shares."""
        return not name.startswith("encoder.")

    def complete(self, names: Sequence[str]) -> list[str]:
        """No weights but the encoder's are to be had anywhere."""
        return []

    def save_files(self, folder: Path) -> dict[str, Any]:
        """The vocabulary; no other library knows the model."""
        self.tokenizer.save(folder)
        return {}

    def layer_groups(self) -> list[list[nn.Module]]:
        """Each LSTM layer, then the word vectors with the decoder, whose weights they are; as fastai splits them."""
        return [*([lstm] for lstm in self.encoder.lstms), [self.encoder.embedding, self.decoder]]


def dropout_mask(like: Tensor, shape: tuple[int, ...], p: float) -> Tensor:
    """Zeros with probability `p`, else 1 / (1 − p), so that the mean stays; type and device of `like`."""
    return torch.empty(shape, dtype=like.dtype, device=like.device).bernoulli_(1 - p).div_(1 - p)


def regularisation(output: LanguageOutput, alpha: float = 2.0, beta: float = 1.0) -> Tensor:
    """What Merity et al. add to the loss in training: outputs stay small (AR) and change slowly in time (TAR).

    `alpha` times the mean square of the outputs with dropout, and `beta` times that of the differences between one step and
    the next, without dropout.
    """
    penalty = alpha * output.dropped.float().square().mean()
    if output.raw.shape[1] > 1:
        penalty = penalty + beta * output.raw.float().diff(dim=1).square().mean()
    return penalty
