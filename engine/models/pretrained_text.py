"""Hugging Face text models as a classifier and as a language model, with the lesson's layer groups."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.data.texts.tokenizers import PieceTokenizer
from engine.errors import ModelError, RecipeError
from engine.models.text_backbone import body_tensors, is_masked, load_backbone, save_backbone
from engine.task import ModelPlan

INNER = "inner."
MOST_PLAIN_TOKENS = 256
BODY_GROUPS = 4  # with the head five, as many as the lesson's classifier has


class PretrainedClassifier(nn.Module):
    """Numbers of texts (B, T), padded behind → logits (B, K)."""

    has_classes = True

    def __init__(self, inner: Any, tokenizer: PieceTokenizer) -> None:
        super().__init__()
        self.inner, self.tokenizer = inner, tokenizer
        go_by_inner_names(self)
        self.attention = attention_of(inner)

    def forward(self, numbers: Tensor) -> Tensor:
        choose_attention(self, numbers)
        check_length(self.inner, numbers)
        return self.inner(input_ids=numbers, attention_mask=(numbers != self.tokenizer.pad).long()).logits

    def is_head(self, name: str) -> bool:
        """Whether a tensor belongs to the head, of this model or of another on the same body."""
        return is_in_head(self.inner, name)

    def complete(self, names: Sequence[str]) -> list[str]:
        """Take a pooler from the backbone: a language model has none."""
        return fill_pooler(self.inner, names)

    def save_files(self, folder: Path) -> dict[str, Any]:
        """The tokenizer; and what transformers wants to know of the model."""
        return save_backbone(self.inner, self.tokenizer, folder)

    def layer_groups(self) -> list[list[nn.Module]]:
        """The embeddings, the body's layers in thirds, the head."""
        return body_groups(self.inner)


class PretrainedLanguageModel(nn.Module):
    """Numbers of texts → logits of the tokens to be guessed.

    A masked model gets (B, 2, T): the numbers, some of them hidden, and 1 where a guess is asked for; it gives (N, V), a row for
    each of these. A causal model gets (B, T) and gives (B, T, V): the next token at each place.
    """

    has_classes = False

    def __init__(self, inner: Any, tokenizer: PieceTokenizer, *, is_masked: bool) -> None:
        super().__init__()
        self.inner, self.tokenizer = inner, tokenizer
        go_by_inner_names(self)
        self.attention = attention_of(inner)
        self.is_masked = is_masked
        self.reading = "masked" if is_masked else "blocks"
        self._asked: Tensor | None = None
        if is_masked:
            # The vocabulary's matrix is larger than the body: it need not be asked where nobody asks for a guess.
            inner.get_output_embeddings().register_forward_pre_hook(self._only_asked)

    def forward(self, numbers: Tensor) -> Tensor:
        choose_attention(self, numbers)
        check_length(self.inner, numbers)
        if not self.is_masked:
            return self.inner(input_ids=numbers).logits
        numbers, asked = numbers.unbind(1)
        self._asked = asked.bool()
        try:
            logits = self.inner(input_ids=numbers, attention_mask=(numbers != self.tokenizer.pad).long()).logits
            # MobileBERT multiplies by its matrix itself: the hook is then never called.
            return logits[self._asked] if logits.ndim == 3 else logits
        finally:
            self._asked = None

    def is_head(self, name: str) -> bool:
        """Whether a tensor belongs to the head, of this model or of another on the same body."""
        return is_in_head(self.inner, name)

    def complete(self, names: Sequence[str]) -> list[str]:
        """Nothing of its head but what the start brings."""
        return []

    def save_files(self, folder: Path) -> dict[str, Any]:
        """The tokenizer; and what transformers wants to know of the model."""
        return save_backbone(self.inner, self.tokenizer, folder)

    def layer_groups(self) -> list[list[nn.Module]]:
        """The embeddings, the body's layers in thirds, the head."""
        return body_groups(self.inner)

    def _only_asked(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        (hidden,) = inputs
        return (hidden[self._asked],) if self._asked is not None else inputs


PretrainedText = PretrainedClassifier | PretrainedLanguageModel


def build_pretrained_classifier(plan: ModelPlan, *, pretrained: bool = True) -> PretrainedClassifier:
    """The classifier of a plan: the backbone with a new head of its own architecture."""
    from transformers import AutoModelForSequenceClassification

    names = dict(enumerate(plan.classes))
    labels = {"num_labels": len(names), "id2label": names, "label2id": {name: index for index, name in names.items()}}
    inner, tokenizer = load_backbone(plan, AutoModelForSequenceClassification, pretrained=pretrained, changes=labels)
    if inner.config.pad_token_id is None:
        inner.config.pad_token_id = tokenizer.pad
    return PretrainedClassifier(inner, tokenizer)


def build_pretrained_language_model(plan: ModelPlan, *, pretrained: bool = True) -> PretrainedLanguageModel:
    """The language model of a plan: masked where the backbone was made for that, else causal."""
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

    masked = is_masked(plan)
    kind = AutoModelForMaskedLM if masked else AutoModelForCausalLM
    inner, tokenizer = load_backbone(plan, kind, pretrained=pretrained)
    if masked and tokenizer.mask is None:
        raise ModelError(f"The tokenizer of {plan.backbone} has no token that hides a word. Choose another text model.")
    return PretrainedLanguageModel(inner, tokenizer, is_masked=masked)


def go_by_inner_names(model: nn.Module) -> None:
    """Let the state dict of a model have its `inner`'s own names, as the library reads and writes them."""

    def strip(module: nn.Module, tensors: dict[str, Any], prefix: str, *rest: Any) -> None:
        for name in [name for name in tensors if name.startswith(f"{prefix}{INNER}")]:
            tensors[prefix + name.removeprefix(f"{prefix}{INNER}")] = tensors.pop(name)

    def add(module: nn.Module, tensors: dict[str, Any], prefix: str, *rest: Any) -> None:
        for name in [name for name in tensors if name.startswith(prefix)]:
            tensors[f"{prefix}{INNER}{name.removeprefix(prefix)}"] = tensors.pop(name)

    model.register_state_dict_post_hook(strip)
    model.register_load_state_dict_pre_hook(add)


def is_in_head(inner: Any, name: str) -> bool:
    """Whether a tensor lies outside the body of `inner`; a pooler is part of the head."""
    body = f"{inner.base_model_prefix}."
    return not name.startswith(body) or name.startswith(f"{body}pooler.")


def fill_pooler(inner: Any, names: Sequence[str]) -> list[str]:
    """Give those tensors of a pooler of `inner` the backbone's own values; the names of those filled.

    What was not published with the backbone, or cannot be had, is left as it is.
    """
    body = f"{inner.base_model_prefix}."
    wanted = [name for name in names if name.startswith(f"{body}pooler.")]
    if not wanted:
        return []
    try:
        found = body_tensors(inner.config.name_or_path)
    except ModelError:
        return []
    own = {name: found.get(name.removeprefix(body)) for name in wanted}
    filled = {name: tensor for name, tensor in own.items() if tensor is not None}
    with torch.no_grad():
        for name, tensor in filled.items():
            inner.get_parameter(name).copy_(tensor)
    return list(filled)


def attention_of(inner: Any) -> str:
    """The attention that a model was built with, in the library's words: a fused kernel, or "eager"."""
    return inner.config._attn_implementation  # there is no public name to read it by


def choose_attention(model: "PretrainedText", numbers: Tensor) -> None:
    """Plain matrix products where a CPU learns from texts (…, T) that are not long, else what the model was built with.

    A CPU's fused kernel has a slow backward pass: without it MiniLM trains 1.4 times as fast on 128 tokens, and 1.2 times on 256.
    But plain products are kept for every pair of tokens: 32 texts of 512 would take more than 10 GB.
    """
    is_plain = model.training and numbers.shape[-1] <= MOST_PLAIN_TOKENS and not torch.accelerator.is_available()
    wanted = "eager" if is_plain else model.attention
    if attention_of(model.inner) != wanted:
        model.inner.set_attn_implementation(wanted)


def check_length(inner: Any, numbers: Tensor) -> None:
    """`RecipeError` for texts (…, T) with more tokens than the model has places for."""
    most, length = most_tokens(inner), numbers.shape[-1]
    if most and length > most:
        # Texts are padded to multiples of 8, and so must fit.
        raise RecipeError(
            f"{inner.config.name_or_path} reads up to {most // 8 * 8} tokens, not {length}. Shorten the texts."
        )


def most_tokens(inner: Any) -> int | None:
    """How many tokens a model has places for; None where there is no limit. RoBERTa's first places stand for padding."""
    most = getattr(inner.config, "max_position_embeddings", None)
    places = getattr(getattr(inner.base_model, "embeddings", None), "position_embeddings", None)
    padding = getattr(places, "padding_idx", None)
    return most if most is None or padding is None else most - padding - 1


def body_groups(inner: Any) -> list[list[nn.Module]]:
    """The embeddings, the body's layers in thirds, the head.

    A language model that guesses with its embeddings has them there, where they learn slowest, and the rest as its head; where
    nothing is left, as in GPT-2, that is the last third.
    """
    body = inner.base_model
    layers = body_layers(body)
    early, late = _around(body, layers)
    cuts = [round(part * len(layers) / (BODY_GROUPS - 1)) for part in range(BODY_GROUPS)]
    thirds: list[list[nn.Module]] = [list(layers[start:end]) for start, end in pairwise(cuts) if end > start]
    poolers = [module for name, module in body.named_children() if name == "pooler"]
    thirds[-1] += [module for module in late if module not in poolers]
    outside = [module for module in inner.children() if module is not body]
    decoder = inner.get_output_embeddings()
    if decoder is not None and decoder.weight is inner.get_input_embeddings().weight:
        early.append(decoder)
        outside = [part for module in outside for part in _without(module, decoder)]
    head = [*outside, *poolers]
    return [early, *thirds, head] if head else [early, *thirds]


def body_layers(body: nn.Module) -> nn.ModuleList:
    """The stack of layers that makes up most of a transformer; `ModelError` for a model that has none."""
    stacks = [module for module in body.modules() if isinstance(module, nn.ModuleList)]
    if not stacks:
        raise ModelError(f"{type(body).__name__} has no list of layers to make groups of. Choose another text model.")
    return max(stacks, key=lambda stack: sum(parameter.numel() for parameter in stack.parameters()))


def _around(body: nn.Module, layers: nn.ModuleList) -> tuple[list[nn.Module], list[nn.Module]]:
    """The modules before and behind the stack of layers, however deep it lies."""
    early: list[nn.Module] = []
    late: list[nn.Module] = []
    inside = body
    while inside is not layers:
        children = list(inside.children())
        place = next(at for at, child in enumerate(children) if any(part is layers for part in child.modules()))
        early += children[:place]
        late = children[place + 1 :] + late
        inside = children[place]
    return early, late


def _without(module: nn.Module, left_out: nn.Module) -> list[nn.Module]:
    """The parts of a module that do not hold another one."""
    if module is left_out:
        return []
    if all(part is not left_out for part in module.modules()):
        return [module]
    return [part for child in module.children() for part in _without(child, left_out)]
