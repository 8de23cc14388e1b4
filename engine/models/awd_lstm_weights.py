"""Loads AWD-LSTM weights in fastai's naming, such as fast.ai's own from WikiText-103, and fits them to another vocabulary."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from engine.errors import ModelError
from engine.models.awd_lstm import Encoder, LanguageModel
from engine.models.text_classifier import TextClassifier

WORDS, WORD_BIAS = "0.encoder.weight", "1.decoder.bias"
# The same numbers under a second name, which the archives have too.
COPIES = ("0.encoder_dp.emb.weight", "1.decoder.weight")


def load_fastai_weights(
    model: LanguageModel | TextClassifier | Encoder,
    tensors: Mapping[str, Tensor],
    old_words: Sequence[str],
    new_words: Sequence[str],
) -> None:
    """Fill the encoder, and a language model's decoder, from a state dict of a fastai language model.

    `old_words` is the vocabulary of the tensors, `new_words` the model's. A word keeps its row; one that the old vocabulary has
    not gets the mean of all rows (Howard and Ruder 2018). Nothing is changed when `ModelError` is raised, for names and shapes
    that do not fit.
    """
    encoder = model if isinstance(model, Encoder) else model.encoder
    by_word: dict[str, nn.Parameter] = {WORDS: encoder.embedding.weight}
    if isinstance(model, LanguageModel):
        by_word[WORD_BIAS] = model.decoder.bias
    as_is = lstm_names(encoder)
    check_lengths(by_word[WORDS], old_words, new_words)
    check_names(tensors, {*by_word, *as_is}, layers=len(encoder.lstms))
    for name, parameter in as_is.items():
        check_shape(name, tensors[name], tuple(parameter.shape))
    for name, parameter in by_word.items():
        check_shape(name, tensors[name], (len(old_words), *parameter.shape[1:]))

    with torch.no_grad():
        for name, parameter in as_is.items():
            parameter.copy_(tensors[name])
        for name, parameter in by_word.items():
            parameter.copy_(rows_for(tensors[name], old_words, new_words))


def lstm_names(encoder: Encoder) -> dict[str, nn.Parameter]:
    """fastai's name for every parameter of the LSTM layers."""
    named = {}
    for index, lstm in enumerate(encoder.lstms):
        named[f"0.rnns.{index}.weight_hh_l0_raw"] = lstm.weight_hh
        for ours in ("weight_ih", "bias_ih", "bias_hh"):
            named[f"0.rnns.{index}.module.{ours}_l0"] = lstm.get_parameter(ours)
    return named


def rows_for(rows: Tensor, old_words: Sequence[str], new_words: Sequence[str]) -> Tensor:
    """Rows (V_old, …) of the old words → rows (V_new, …) of the new ones; unseen words get the mean."""
    place = {word: index for index, word in enumerate(old_words)}
    with_mean = torch.cat([rows, rows.float().mean(0, keepdim=True).to(rows)])  # the mean stands behind the last row
    return with_mean[[place.get(word, len(rows)) for word in new_words]]


def check_lengths(vectors: Tensor, old_words: Sequence[str], new_words: Sequence[str]) -> None:
    if not old_words:
        raise ModelError("The vocabulary of the weights is empty: give the word list that came with them.")
    if len(new_words) != len(vectors):
        raise ModelError(
            f"The model knows {len(vectors)} words, but {len(new_words)} are given: "
            "build it with as many words as its vocabulary has."
        )


def check_names(tensors: Mapping[str, Tensor], needed: set[str], *, layers: int) -> None:
    missing = sorted(needed - set(tensors))
    if missing:
        raise ModelError(
            f"The weights have no {missing[0]!r} ({len(missing)} names are missing): "
            "give those of a fastai AWD-LSTM language model with as many layers."
        )
    # Archives of fastai 1 also hold the recurrent weights as they were last dropped.
    known = {*needed, *COPIES, WORD_BIAS, *(f"0.rnns.{index}.module.weight_hh_l0" for index in range(layers))}
    unknown = sorted(set(tensors) - known)
    if unknown:
        raise ModelError(
            f"The weights have {unknown[0]!r}, for which this model has no place: "
            f"give those of a fastai AWD-LSTM language model with {layers} layers, one direction."
        )


def check_shape(name: str, value: object, shape: tuple[int, ...]) -> None:
    found = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
    if found != shape:
        raise ModelError(
            f"{name!r} of the weights is {found}, but the model and the old words ask for {shape}: "
            "take the word list that came with the weights, and a model of their sizes."
        )
