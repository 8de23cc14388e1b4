"""A trained model ready for whatever its objective can prepare."""

import os
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from engine.bundle.config import BundleConfig, resolve_bundle
from engine.bundle.files import MODEL_FILE
from engine.errors import BundleError
from engine.host.lent import lender
from engine.hub.remote import fetch_bundle, is_reference
from engine.library.listing import find_model
from engine.library.opened import open_bundle
from engine.runs.attended import card_is_taken
from engine.serving.augmented import build_augmented
from engine.task import Objective
from engine.training.carried import forget
from engine.training.memory import free_memory, is_out_of_memory

CACHED_MODELS = 8  # a class tries several

_cached: "OrderedDict[tuple[str, int, str], Predictor]" = OrderedDict()
_cache_lock = threading.Lock()
DEVICE_LOCK = threading.Lock()  # one forward pass at a time, whoever asks
ANSWER_LOCK = threading.Lock()  # and one answer made of it: that of a large picture fills hundreds of megabytes


def _unlock() -> None:
    """A forked process has a copy of each lock, perhaps a closed one, and none of the threads that would open it."""
    global _cache_lock, DEVICE_LOCK, ANSWER_LOCK
    _cache_lock, DEVICE_LOCK, ANSWER_LOCK = threading.Lock(), threading.Lock(), threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)


@dataclass(frozen=True, slots=True)
class Predictor:
    """A model in evaluation mode and what its bundle says of it; safe to share between threads."""

    config: BundleConfig
    objective: Objective
    model: nn.Module = field(repr=False)
    device: torch.device

    @property
    def classes(self) -> tuple[str, ...]:
        """What the model tells apart."""
        return self.config.plan.classes

    def predict(self, source: str | Path | Image.Image | np.ndarray) -> Any:
        """The objective's prediction for what the user gave: a picture's file, Pillow image or array (H, W, C) uint8."""
        shown, batch = self.prepare(source)
        return self.answer(self.logits(batch)[0], shown)

    def prepare(self, source: Any) -> tuple[Any, Tensor]:
        """What the user gave, opened to be shown, and the network's input (1, …)."""
        return self.objective.prepare(source, self.config.stage, self.config.plan, self.model)

    def logits(self, batch: Tensor, *, tta: bool = False) -> Tensor:
        """The model's figures for a batch, as fp32 on the CPU; with `tta` averaged over the objective's symmetries."""
        lent, bundle = lender(), self.config.plan.files
        if lent and bundle:
            try:
                return lent.forward(bundle, batch, tta)
            except (BundleError, FileNotFoundError):
                pass  # its run has saved a better checkpoint and deleted this one: only here it is still in memory
        return self.compute(batch, tta=tta)

    def compute(self, batch: Tensor, *, tta: bool = False) -> Tensor:
        """The same in this process, with this predictor's own copy of the model."""
        model = build_augmented(self.objective, self.model) if tta else self.model
        try:
            with DEVICE_LOCK, torch.inference_mode():
                forget(self.model)
                output = model(batch.to(self.device))
                return getattr(output, "logits", output).float().cpu()  # a model may give more beside them
        except (RuntimeError, MemoryError) as problem:
            bundle = self.config.plan.files
            if self.device.type == "cpu" or bundle is None or not is_out_of_memory(problem):
                raise
        # Outside of the except block, whose traceback holds what filled the card.
        free_memory()
        return _load(bundle, "cpu").compute(batch, tta=tta)

    def answer(self, logits: Tensor, shown: Any) -> Any:
        """One input's figures as the objective's prediction."""
        with ANSWER_LOCK:
            return self.objective.predict(logits, shown, self.classes, self.config.decision)


def forward(bundle: Path, batch: Tensor, tta: bool) -> Tensor:
    """`Predictor.logits` for a process that was lent a GPU: the model is moved there the first time."""
    return _load(bundle, _fastest()).compute(batch, tta=tta)


def load_predictor(bundle_or_run: str | Path) -> Predictor:
    """The predictor of a bundle, or of a run's best checkpoint; the last few are kept in memory.

    What is given is a folder, or a name as the command line knows it: a run's, `sample-planet`, or OWNER/NAME or
    OWNER/NAME@REVISION for a model of the Hugging Face Hub, which is fetched. Raises `BundleError` for anything that is not a
    whole and sound bundle, `HubError` for one that is not available.
    """
    named = str(bundle_or_run)
    if is_reference(named) and not Path(named).expanduser().exists():
        bundle_or_run = fetch_bundle(named)
    bundle_or_run = find_model(bundle_or_run)
    bundle, device = resolve_bundle(bundle_or_run), "cpu" if lender() else serving_device()
    try:
        return _load(bundle, device)
    except (BundleError, FileNotFoundError):
        newer = resolve_bundle(bundle_or_run)
        if newer == bundle:
            raise
        return _load(newer, device)  # the run saved a better checkpoint and deleted this one meanwhile


def serving_device() -> str:
    """Where models answer: on this machine's card, but on its CPU while a run has the card.

    A run must not lose its memory to answers: what was on the card leaves it then.
    """
    fastest = _fastest()
    if fastest == "cpu" or not card_is_taken():
        return fastest
    with _cache_lock:
        on_card = [key for key in _cached if key[2] == fastest]
        for key in on_card:
            del _cached[key]
    if on_card:
        free_memory()
    return "cpu"


def _fastest() -> str:
    return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"


def _load(bundle: Path, device: str) -> Predictor:
    key = (str(bundle), (bundle / MODEL_FILE).stat().st_mtime_ns, device)
    with _cache_lock:
        if key in _cached:
            _cached.move_to_end(key)
            return _cached[key]
    opened = open_bundle(bundle)
    predictor = Predictor(opened.config, opened.objective, opened.model.to(device), torch.device(device))
    with _cache_lock:
        _cached[key] = predictor
        while len(_cached) > CACHED_MODELS:
            _cached.popitem(last=False)
    return predictor
