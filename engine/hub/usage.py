"""How to use a published model: the lines of Python that its card shows, by what the bundle brings along."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.bundle_files import CONFIG_FILE, OURS
from engine.hub.notebook import NOTEBOOK_FILE
from engine.task import Objective
from engine.training.bundle import BundleConfig

ONNX_FILE = "model.onnx"
# The names of the ONNX model's inputs.
PICTURES = "pictures"
TEXTS = ("input_ids", "attention_mask")
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
APP = """In a checkout of Lesson 3 Lab, or by name in its Models tab:

```python
from engine.serving.predictor import load_predictor

print(load_predictor("{repo}").predict({example!r}).in_words())
```"""
SENTENCE, MASKED, PICTURE = (
    "I liked this movie because of its ending.",
    "I liked this movie because of its {}.",
    "picture.jpg",
)
FILL_MASK = "fill-mask"
TOKENIZER_CONFIG = "tokenizer_config.json"


def usage(bundle: Path, objective: Objective, config: BundleConfig, library: Mapping[str, Any], repo_id: str) -> str:
    """Markdown with the programs that use the bundle once it is at `repo_id`; `library` is what it says to transformers."""
    example = PICTURE if objective.onnx_answer else SENTENCE
    ways = []
    if library:
        pipeline = pipeline_of(library, objective)
        sentence = MASKED.format(_mask_token(bundle)) if pipeline == FILL_MASK else example
        ways.append(LIBRARY.format(pipeline=pipeline, repo=repo_id, example=sentence))
    if (bundle / ONNX_FILE).is_file():
        ways.append(_onnx(objective, config, repo_id))
    ways.append(APP.format(repo=repo_id, example=example))
    if (bundle / NOTEBOOK_FILE).is_file():
        ways.append(NOTEBOOK.format(notebook=NOTEBOOK_FILE))
    return "\n\n".join(ways)


def _onnx(objective: Objective, config: BundleConfig, repo_id: str) -> str:
    """The program for pictures with three channels, which are in files that Pillow opens; else a word about the inputs."""
    from engine.kinds.picture import LONGEST_ASPECT  # like the objective, it brings torch
    from engine.models.channels import COLORS

    channels, size = config.plan.channels, config.stage.image_size
    if not objective.onnx_answer or channels != COLORS:
        pictures = f"`{PICTURES}` (B, {channels}, H, W) uint8"
        texts = " and ".join(f"`{name}`" for name in TEXTS) + " (B, T) int64"
        return OTHER_ONNX.format(onnx=ONNX_FILE, inputs=pictures if objective.onnx_answer else texts)
    return ONNX.format(
        repo=repo_id,
        onnx=ONNX_FILE,
        config=CONFIG_FILE,
        ours=OURS,
        size=size,
        longest=round(size * LONGEST_ASPECT),
        pictures=PICTURES,
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
