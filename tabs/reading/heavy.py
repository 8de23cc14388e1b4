"""The heavy imports, one thread at a time.

The page answers before torch is there; the first handlers that need it run side by side, each in a thread. Python would let them
import the same modules from several ends at once, and, rather than wait for ever, hand one of them a half-finished module.
"""

import importlib
import threading

IMPORTING = threading.Lock()
MODULES = (
    "torch",
    "datasets",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "engine.host.machine",
    "engine.kinds.mask",
    "engine.kinds.tags",
    "engine.kinds.point",
    "engine.kinds.text",
    "engine.kinds.language",
    "engine.noise.finding",
    "engine.noise.cleaning",
    "engine.serving.inspect",
    "engine.serving.gradcam",
    "engine.serving.pushes",
    "engine.serving.submission",
    "engine.serving.text_batch",
    "engine.serving.writing",
)
_loaded = threading.Event()


def load_engine() -> None:
    """Everything that imports torch is there when this returns; called before each import of such a module."""
    if _loaded.is_set():
        return
    with IMPORTING:
        for module in MODULES:
            importlib.import_module(module)
        _loaded.set()
