"""How to use a published model: the lines of Python that its card shows, by what the bundle brings along."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.bundle.config import BundleConfig
from engine.bundle.files import CONFIG_FILE, OURS
from engine.inputs import InputKind
from engine.library.notebook import NOTEBOOK_FILE
from engine.task import Objective
from engine.tasks.registry import get_task

ONNX_FILE = "model.onnx"
LIBRARY = """With `transformers`:

```python
from transformers import pipeline

model = pipeline("{pipeline}", model="{repo}")
print(model({example!r}))
```"""
ONNX = """Without this app, by `pip install onnxruntime huggingface-hub pillow numpy`:

```python
import json
import numpy as np
import onnxruntime
from huggingface_hub import hf_hub_download
from PIL import Image, ImageOps

session = onnxruntime.InferenceSession(hf_hub_download("{repo}", "{onnx}"))
with open(hf_hub_download("{repo}", "{config}")) as file:
    config = json.load(file)["{ours}"]
picture = ImageOps.exif_transpose(Image.open("picture.jpg")).convert("RGB")
size = [min({longest}, round(side * ({size} / min(picture.size)))) for side in picture.size]
small = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0)
pixels = np.asarray(small).transpose(2, 0, 1)[None]  # (1, 3, H, W) uint8: the model normalises by itself
(logits,) = session.run(None, {{"{pictures}": pixels}})
{answer}
```"""
OTHER_ONNX = "For ONNX Runtime there is `{onnx}`: from {inputs} it makes `logits`, a number for each class."
NOTEBOOK = "To train it again: `{notebook}`."
APP = """In a checkout of Lesson 3 Lab, or by name on its Models page:

```python
from engine.serving.predictor import load_predictor

print(load_predictor("{repo}").predict({example!r}).in_words())
```"""
MASKED = "I liked this movie because of its {}."
FILL_MASK = "fill-mask"
TOKENIZER_CONFIG = "tokenizer_config.json"


def usage(bundle: Path, objective: Objective, config: BundleConfig, library: Mapping[str, Any], repo_id: str) -> str:
    """Markdown with the programs that use the bundle once it is at `repo_id`; `library` is what it says to transformers."""
    input_kind = get_task(config.task).aim(config.objective).input_kind
    example = input_kind.example
    ways = []
    if library:
        pipeline = pipeline_of(library, objective)
        sentence = MASKED.format(_mask_token(bundle)) if pipeline == FILL_MASK else example
        ways.append(LIBRARY.format(pipeline=pipeline, repo=repo_id, example=sentence))
    if (bundle / ONNX_FILE).is_file():
        ways.append(_onnx(objective, config, input_kind, repo_id))
    ways.append(APP.format(repo=repo_id, example=example))
    if (bundle / NOTEBOOK_FILE).is_file():
        ways.append(NOTEBOOK.format(notebook=NOTEBOOK_FILE))
    return "\n\n".join(ways)


def _onnx(objective: Objective, config: BundleConfig, input_kind: InputKind, repo_id: str) -> str:
    """The program for inputs that an answer can be printed for; else a word about the inputs.

    That is for pictures with three channels, which are in files that Pillow opens.
    """
    from engine.data.pictures.inputs import LONGEST_ASPECT  # like the objective, it brings torch
    from engine.models.channels import COLORS

    channels, size = config.plan.channels, config.stage.image_size
    if not objective.onnx_answer or channels != COLORS:
        names = " and ".join(f"`{name}`" for name in input_kind.onnx_inputs)
        shape = input_kind.onnx_shape.format(channels=channels)
        return OTHER_ONNX.format(onnx=ONNX_FILE, inputs=f"{names} {shape}")
    return ONNX.format(
        repo=repo_id,
        onnx=ONNX_FILE,
        config=CONFIG_FILE,
        ours=OURS,
        size=size,
        longest=round(size * LONGEST_ASPECT),
        pictures=input_kind.onnx_inputs[0],
        answer=objective.onnx_answer,
    )


def pipeline_of(library: Mapping[str, Any], objective: Objective) -> str:
    """The Hub's word for what a model does; a masked language model fills masks, whatever its task is for."""
    return FILL_MASK if "ForMaskedLM" in str(library.get("architectures")) else objective.pipeline


def _mask_token(bundle: Path) -> str:
    try:
        return str(json.loads((bundle / TOKENIZER_CONFIG).read_text(encoding="utf-8"))["mask_token"])[:20]
    except (OSError, ValueError, KeyError, TypeError):
        return "[MASK]"
