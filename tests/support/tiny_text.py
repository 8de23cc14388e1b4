"""Text models that take milliseconds: a tokenizer learnt from a few sentences, and a body of three narrow layers."""

import csv
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    DistilBertConfig,
    DistilBertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
)

from engine.data.drawn.reviews import draw_review
from engine.data.texts.word_rules import SPECIALS
from engine.models import word_models
from engine.recipe import AWD_LSTM

SENTENCES = (
    "This film is a wonder, and its music is lovely.",
    "What a dull film! The plot is bad and the end is worse.",
    "I would see it again before I would see any other.",
    "The actors were good; the story was not.",
)
# Words, pieces of them and single letters: whatever is spelt in small letters can be read.
WORDS = ("this", "film", "is", "a", "good", "bad", "and", "the", "plot", "was", "music", "love", "i", "it", "not")
PIECES = ("##ly", "##s", "##ing", ",", ".", "!", "?", "[", "]", "'", "<", ">", "/", ";", "-")
LETTERS = tuple("abcdefghijklmnopqrstuvwxyz0123456789")
NAMES = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
POSITIONS = 64
WORD_LIST = (*SPECIALS, *WORDS, ",", ".", "!", "n't", "\n")


def piece_tokenizer(**settings: Any) -> PreTrainedTokenizerFast:
    """BERT's way to take words apart, with a small vocabulary that suits drawn reviews; `settings` go into its files."""
    drawn = " ".join(draw_review(random.Random(number), "pos") for number in range(20)).lower()
    pieces = (*NAMES.values(), *WORDS, *PIECES, *LETTERS, *(f"##{letter}" for letter in LETTERS))
    known = dict.fromkeys((*pieces, *re.findall("[a-z]+", drawn)))
    vocabulary = {piece: number for number, piece in enumerate(known)}
    backend = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    return PreTrainedTokenizerFast(tokenizer_object=backend, **NAMES, **settings)


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """GPT-2's: bytes joined to pieces, one special token, and none for padding."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(SENTENCES, trainer)
    end = "<|endoftext|>"
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token=end, eos_token=end, unk_token=end)


def save_tiny(folder: Path, kind: str = "bert", *, layers: int = 3) -> Path:
    """A folder as the Hub has them, to be named as a backbone: a tiny "bert", "roberta", "distilbert" or "gpt2"."""
    tokenizer = byte_tokenizer() if kind == "gpt2" else piece_tokenizer()
    size = len(tokenizer)
    torch.manual_seed(0)
    if kind in ("bert", "roberta"):
        made_of, build = (BertConfig, BertForMaskedLM) if kind == "bert" else (RobertaConfig, RobertaForMaskedLM)
        model = build(
            made_of(
                vocab_size=size,
                hidden_size=32,
                num_hidden_layers=layers,
                num_attention_heads=2,
                intermediate_size=64,
                max_position_embeddings=POSITIONS,
                pad_token_id=tokenizer.pad_token_id,
            )
        )
    elif kind == "distilbert":
        model = DistilBertForMaskedLM(
            DistilBertConfig(
                vocab_size=size,
                dim=32,
                n_layers=layers,
                n_heads=2,
                hidden_dim=64,
                max_position_embeddings=POSITIONS,
                pad_token_id=tokenizer.pad_token_id,
            )
        )
    else:
        assert kind == "gpt2"
        end = tokenizer.eos_token_id
        model = GPT2LMHeadModel(
            GPT2Config(
                vocab_size=size,
                n_embd=32,
                n_layer=layers,
                n_head=2,
                n_positions=POSITIONS,
                bos_token_id=end,
                eos_token_id=end,
            )
        )
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


def publish_pooler(folder: Path) -> dict[str, torch.Tensor]:
    """Add a pooler to the weights of a "bert", as the published BERTs have; its tensors by name."""
    tensors = load_file(folder / "model.safetensors")
    torch.manual_seed(1)
    pooler = {
        f"bert.pooler.dense.{name}": torch.rand(size) for name, size in {"weight": (32, 32), "bias": (32,)}.items()
    }
    save_file({**tensors, **pooler}, folder / "model.safetensors", metadata={"format": "pt"})
    return pooler


def shrink_word_models(patch: pytest.MonkeyPatch) -> str:
    """Make the AWD-LSTM as narrow as these, until the patch is undone; its name as a backbone."""
    patch.setitem(word_models.SIZES, AWD_LSTM, word_models.Size(width=16, hidden=24, layers=3, words=500))
    return AWD_LSTM


def write_texts(root: Path, *, train: Sequence[str], valid: Sequence[str], unlabelled: Sequence[str] = ()) -> Path:
    """A folder with texts.csv: the labels "neg" and "pos" by turns."""
    root.mkdir(parents=True)
    with (root / "texts.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("label", "text", "is_valid"))
        for texts, is_valid in ((train, False), (valid, True)):
            table.writerows((("neg", "pos")[at % 2], text, is_valid) for at, text in enumerate(texts))
        table.writerows(("", text, False) for text in unlabelled)
    return root
