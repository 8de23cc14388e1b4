"""The same MiniLM through our `fit` and our feeds, and through transformers' `Trainer`: tokens and reviews a second, as ratios.

    python -m engine fetch imdb
    python -m benchmarks.text_speed

Comparisons on film reviews: learning to guess hidden words, on blocks of 128 tokens; learning to classify, on 256 tokens of
each review; and classifying test reviews, on 512 tokens, as the recipes' classifiers read them in the end, and on 256. Both
sides have the same weights, tokens, batch sizes, blocks or reviews, and the same precision: the fastest that the device has.
The rest is each side's default, so that Trainer takes reviews whatever their length where we take them by it, asks its decoder
at every place where we ask at the hidden ones, and clips gradients. Neither saves anything. Our `evaluate` measures in fp32
whatever a model learnt in; here it classifies in the same precision as Trainer, as `fit` does to validate.

Our models have no dropout in attention, the library's have. `Trainer` has the model as ours is built, `Trainer, library's model`
as the library loads it.

Making batches is counted; loading models and tokenising is not. A repeat is one training of `--steps` steps for each side, one
after the other, each with a new model, from before its first batch to the end of its last step; before the first repeat, two
steps of each warm up. Ratios are of the speeds in one repeat. Printed is the median (smallest to largest).
"""

import argparse
import json
import os
import statistics
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn
from transformers import (
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    DataCollatorForLanguageModeling,
    DataCollatorWithPadding,
)

from benchmarks.trainer_side import block_rows, build_as_library_does, now, predict_seconds, review_rows, train_seconds
from engine.data.seeding import derive_seed
from engine.data.sources.fetching import resolve_dataset
from engine.data.texts.dataset import TextData, open_texts
from engine.data.texts.language_feed import HIDDEN_SHARE, Blocks, build_batches
from engine.events import StageStarted, StepFinished
from engine.kinds.language import build_language_objective
from engine.kinds.text import build_text_objective
from engine.models.pretrained_text import PretrainedText
from engine.recipe import MINILM, PRECISIONS, Stage
from engine.task import ModelPlan, Objective
from engine.training.evaluate import evaluate_batches
from engine.training.loop import fit
from engine.training.memory import free_memory
from engine.training.precision import build_accelerator, fastest_precision, this_device
from engine.training.setup import prepare_caches, some_of

OURS, TRAINER, LIBRARYS = "ours", "Trainer", "Trainer, library's model"
LANGUAGE_LENGTH, CLASSIFIER_LENGTH = 128, 256
TEST_LENGTH = 512
TRAIN_BATCH, TEST_BATCH = 16, 8  # both sides measure in batches of 8 by default
WARM_STEPS, FEW = 2, 16
FEWEST_TOKENS = 100  # of a review, on average; there are nearly three times as many
SEED, RATE = 0, 1e-4

Sides = dict[str, Callable[[int], float]]  # by name: the speed over some steps


def build_model(objective: Objective, data: TextData) -> PretrainedText:
    """Our MiniLM, with the same new head every time."""
    torch.manual_seed(SEED)
    model = objective.build_model(ModelPlan(backbone=MINILM, classes=data.classes, channels=data.channels))
    assert isinstance(model, PretrainedText)
    return model


def fit_seconds(objective: Objective, stage: Stage, data: TextData, *, steps: int) -> float:
    """Seconds of the first steps of a stage."""
    model, started = build_model(objective, data), 0.0
    for event in fit(objective, stage, model=model, data=data, seed=SEED):
        if isinstance(event, StageStarted):
            if event.steps_per_epoch < steps:
                raise SystemExit(f"These reviews make {event.steps_per_epoch} steps, not {steps}. Ask for fewer.")
            started = now()
        elif isinstance(event, StepFinished) and event.step == steps:
            return now() - started
    raise SystemExit("The stage ended before its steps were done.")


def training_sides(
    objective: Objective,
    stage: Stage,
    data: TextData,
    *,
    rows: Any,
    collate: Callable[..., Any],
    build_librarys: Callable[[], nn.Module],
    each: int,
) -> Sides:
    """Three sides, and `each` of their unit in a step."""

    def ours(steps: int) -> float:
        return steps * each / fit_seconds(objective, stage, data, steps=steps)

    def theirs(steps: int, build: Callable[[], nn.Module]) -> float:
        seconds = train_seconds(
            build(),
            rows,
            collate,
            steps=steps,
            batch_size=stage.batch_size,
            rate=RATE,
            precision=stage.precision,
        )
        return steps * each / seconds

    builds = {TRAINER: lambda: build_model(objective, data).inner, LIBRARYS: build_librarys}
    return {OURS: ours} | {name: partial(theirs, build=build) for name, build in builds.items()}


def language(data: TextData, *, steps: int, precision: str) -> Sides:
    """Learning to guess hidden words: tokens a second."""
    objective, tokens = build_language_objective(), TRAIN_BATCH * LANGUAGE_LENGTH
    data = replace(data, train=(*data.train, *data.unlabelled))
    data = few(data, (steps + 1) * tokens // FEWEST_TOKENS)
    stage = Stage(epochs=1, max_lr=RATE, batch_size=TRAIN_BATCH, text_length=LANGUAGE_LENGTH, precision=precision)
    model = build_model(objective, data)
    prepare(objective, stage, model, data)
    sizes = {"batch_size": TRAIN_BATCH, "length": LANGUAGE_LENGTH}
    stage_seed = derive_seed(SEED, 0)  # as `fit` has it
    batches = build_batches(data, data.train, model, **sizes, seed=stage_seed, is_training=True)
    assert isinstance(batches, Blocks)
    return training_sides(
        objective,
        stage,
        data,
        rows=block_rows(batches),
        collate=DataCollatorForLanguageModeling(model.tokenizer.pretrained, mlm_probability=HIDDEN_SHARE),
        build_librarys=partial(build_as_library_does, AutoModelForMaskedLM, seed=SEED),
        each=tokens,
    )


def classifier(data: TextData, *, steps: int, precision: str) -> Sides:
    """Learning to classify: reviews a second."""
    objective, data = build_text_objective(), few(data, steps * TRAIN_BATCH)
    stage = Stage(epochs=1, max_lr=RATE, batch_size=TRAIN_BATCH, text_length=CLASSIFIER_LENGTH, precision=precision)
    model = build_model(objective, data)
    prepare(objective, stage, model, data)
    return training_sides(
        objective,
        stage,
        data,
        rows=review_rows(data, data.train, model, CLASSIFIER_LENGTH),
        collate=DataCollatorWithPadding(model.tokenizer.pretrained, padding="longest"),
        build_librarys=partial(build_librarys_classifier, data),
        each=TRAIN_BATCH,
    )


def testing(data: TextData, *, steps: int, precision: str, length: int) -> Sides:
    """Classifying: reviews a second. A step is a batch of the test reviews."""
    objective, stage = build_text_objective(), Stage(text_length=length)
    # One each, as Trainer gives its own another forward pass.
    model, inner = build_model(objective, data).to(this_device()), build_model(objective, data).inner
    librarys = build_librarys_classifier(data)
    rows = review_rows(data, data.test, model, length)
    collate = DataCollatorWithPadding(model.tokenizer.pretrained, padding="longest")

    def some(steps: int) -> range:
        """Places spread over all reviews, and all of them for all steps."""
        return range(0, len(rows), max(1, len(rows) // (steps * TEST_BATCH)))

    def ours(steps: int) -> float:
        items = tuple(data.test[place] for place in some(steps))
        for _ in objective.feed.prepare(data, items, stage, model):
            pass
        accelerator = build_accelerator(precision)
        started = now()
        loader = objective.feed.build_loader(data, items, stage, model, batch_size=TEST_BATCH)
        evaluate_batches(objective, model, loader, data, accelerator)
        return len(items) / (now() - started)

    def theirs(steps: int, inner: nn.Module) -> float:
        chosen = rows.select(some(steps))
        return len(chosen) / predict_seconds(inner, chosen, collate, batch_size=TEST_BATCH, precision=precision)

    return {OURS: ours, TRAINER: partial(theirs, inner=inner), LIBRARYS: partial(theirs, inner=librarys)}


def build_librarys_classifier(data: TextData) -> nn.Module:
    """The classifier as the library loads it."""
    return build_as_library_does(AutoModelForSequenceClassification, seed=SEED, num_labels=len(data.classes))


def few(data: TextData, count: int) -> TextData:
    """Some training reviews, and next to no validation reviews: `fit` wants some, and they are not timed."""
    return replace(some_of(data, count), valid=data.valid[:FEW])


def prepare(objective: Objective, stage: Stage, model: PretrainedText, data: TextData) -> None:
    """Tokenise what `fit` will read."""
    for _ in prepare_caches(objective, stage, model, data):
        pass


def choose_precision(data: TextData) -> str:
    """The one in which a step of the classifier is fastest."""
    objective, stage = build_text_objective(), Stage(text_length=CLASSIFIER_LENGTH)
    model = build_model(objective, data)
    numbers, labels = objective.feed.batch(data, data.train[:FEW], stage, model)
    choice = fastest_precision(objective.loss, model, numbers, labels)
    print("A step of the classifier:", ", ".join(f"{name} {took:.3f} s" for name, took in choice.seconds.items()))
    return choice.precision


def compare(sides: Sides, *, steps: int, repeats: int) -> dict[str, list[float]]:
    """Each side's speeds. They take turns, in every second repeat the other way round, so that a drift hits them alike."""
    speeds: dict[str, list[float]] = {name: [] for name in sides}
    for repeat in range(-1, repeats):  # the one before the first is for warming up
        for name in sides if repeat % 2 == 0 else reversed(sides):
            speed = sides[name](steps if repeat >= 0 else min(steps, WARM_STEPS))
            free_memory()
            if repeat >= 0:
                speeds[name].append(speed)
                print(f"    {name}: {speed:.1f}", flush=True)
    return speeds


PARTS = {
    "language": (f"guessing words, {TRAIN_BATCH} × {LANGUAGE_LENGTH}, tokens/s", language),
    "classifier": (f"learning to classify, {TRAIN_BATCH} × {CLASSIFIER_LENGTH}, reviews/s", classifier),
    "test": (f"classifying, {TEST_BATCH} × {TEST_LENGTH}, reviews/s", partial(testing, length=TEST_LENGTH)),
    "short-test": (
        f"classifying, {TEST_BATCH} × {CLASSIFIER_LENGTH}, reviews/s",
        partial(testing, length=CLASSIFIER_LENGTH),
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Our text training and transformers' Trainer, side by side.")
    parser.add_argument("--dataset", default="imdb")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--steps", type=int, default=20, help="of each training")
    parser.add_argument("--test-items", type=int, default=1000, help="how many test reviews are classified; 0 is all")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    chosen = parser.parse_args()
    choose_device(chosen.device)

    data = open_texts(resolve_dataset(chosen.dataset))
    data = replace(data, test=some_of(replace(data, train=data.test), chosen.test_items).train)
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{torch.get_num_threads()} threads, no GPU"
    print(f"torch {torch.__version__}, transformers {transformers.__version__}, {where}")
    precision = choose_precision(data) if chosen.precision == "auto" else chosen.precision
    print(f"In {precision}, {chosen.steps} steps of each training, {len(data.test)} test reviews")

    figures: dict[str, dict[str, list[float]]] = {}
    for part in chosen.parts:
        title, open_sides = PARTS[part]
        print(title, flush=True)
        steps = -(-len(data.test) // TEST_BATCH) if part.endswith("test") else chosen.steps
        sides = open_sides(data, steps=steps, precision=precision)
        figures[title] = compare(sides, steps=steps, repeats=chosen.repeats)
    print("| | side | speed | ours over it |\n|---|---|---|---|")
    for title, speeds in figures.items():
        for name, values in speeds.items():
            ratios = [mine / theirs for mine, theirs in zip(speeds[OURS], values, strict=True)]
            print(f"| {title} | {name} | {spread(values)} | {spread(ratios) if name != OURS else ''} |")
    if chosen.out:
        about = {"precision": precision, "steps": chosen.steps, "test_reviews": len(data.test), "where": where}
        chosen.out.write_text(json.dumps(about | {"speeds": figures}, indent=1))


def choose_device(device: str) -> None:
    """Hide the GPU where it is not wanted, before anybody has looked for it."""
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    elif device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("There is no GPU here that torch can use. Leave --device out.")
    if torch.cuda.device_count() > 1:
        raise SystemExit("Trainer would take all GPUs. Let it see one: CUDA_VISIBLE_DEVICES=0")


def spread(values: list[float]) -> str:
    """Median (smallest to largest)."""
    digits = 0 if min(values) >= 100 else 2
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


if __name__ == "__main__":
    main()
