"""A bundle's model as one ONNX file, which runs without this app and without torch; checked before anybody gets it."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import BundleError
from engine.inputs import PICTURE, TEXT
from engine.library.opened import Bundled, open_bundle
from engine.library.usage import ONNX_FILE
from engine.tasks.registry import get_task

if TYPE_CHECKING:
    from torch import Tensor, nn

    from engine.models.pretrained_text import PretrainedClassifier

LOGITS = "logits"
TOLERANCE = 1e-3  # of the largest logit, or of 1 where all are smaller
TRACED = {"batch": 2, "height": 64, "width": 96}  # what the exporter sees once; all different, or it takes them for one
TRACED_TOKENS = 16
ERRORS_ONLY = 3  # ONNX Runtime's own word for it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """A model as it is exported: its inputs by name and which of their axes are free, and inputs to trace and to check it by."""

    module: "nn.Module"
    inputs: tuple[str, ...]
    axes: dict[int, str]
    traced: "tuple[Tensor, ...]"
    checked: "Sequence[tuple[Tensor, ...]]"
    answer: "Callable[..., Tensor]"


def export_onnx(bundle: Path) -> Path:
    """Write `model.onnx` into a bundle's folder; where it went.

    Of pictures: `pictures` (B, C, H, W) uint8, of any size, to be normalised by the model itself. Of texts, by a classifier of
    transformers: `input_ids` and `attention_mask` (B, T) int64. All give `logits`, fp32, in the shape that the model gives.

    Raises `BundleError` for a model that has no ONNX form, and where ONNX Runtime does not answer as torch does, within 1e-3 of
    the largest logit. Then no file is left.
    """
    target, unchecked = bundle / ONNX_FILE, bundle / f".{ONNX_FILE}"
    target.unlink(missing_ok=True)
    form = _form(open_bundle(bundle))
    try:
        _write(form, unchecked)
        _check(form, unchecked)
        unchecked.replace(target)
    finally:
        unchecked.unlink(missing_ok=True)
    return target


def _form(opened: Bundled) -> _Form:
    from engine.models.pretrained_text import PretrainedClassifier

    model: Any = opened.model
    if get_task(opened.config.task).aim(opened.config.objective).input_kind == PICTURE:
        return _picture_form(model, opened.config.plan.channels, opened.config.stage.image_size)
    if isinstance(model, PretrainedClassifier):
        return _text_form(model, opened.config.stage.text_length)
    raise BundleError(
        f"There is no ONNX of this model ({opened.config.plan.backbone}): a language model is asked anew for every word, and "
        "an AWD-LSTM reads a text window by window, which both need a program around the network."
    )


def _picture_form(model: "nn.Module", channels: int, size: int) -> _Form:
    import torch

    from engine.models.onnx_forms import for_export

    drawing = torch.Generator().manual_seed(0)

    def pictures(batch: int, height: int, width: int) -> "tuple[Tensor]":
        return (torch.randint(0, 256, (batch, channels, height, width), generator=drawing, dtype=torch.uint8),)

    return _Form(
        module=for_export(model),
        inputs=PICTURE.onnx_inputs,
        axes={0: "batch", 2: "height", 3: "width"},
        traced=pictures(**TRACED),
        checked=(pictures(1, size, size), pictures(2, size + 5, size * 4 // 3)),
        answer=model,
    )


def _text_form(model: "PretrainedClassifier", length: int) -> _Form:
    import torch

    from engine.models.onnx_forms import TextLogits

    drawing = torch.Generator().manual_seed(0)

    def texts(batch: int, length: int) -> "tuple[Tensor, Tensor]":
        numbers = torch.randint(0, model.inner.config.vocab_size, (batch, length), generator=drawing)
        mask = torch.ones_like(numbers)
        mask[1:, length // 2 :] = 0
        return numbers.masked_fill(mask == 0, model.tokenizer.pad), mask

    module = TextLogits(model.inner).eval()
    return _Form(
        module=module,
        inputs=TEXT.onnx_inputs,
        axes={0: "batch", 1: "tokens"},
        traced=texts(TRACED["batch"], TRACED_TOKENS),
        checked=(texts(1, length), texts(2, length // 2 + 1)),
        answer=module,
    )


def _write(form: _Form, file: Path) -> None:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's, about its own insides
        try:
            program = torch.onnx.export(
                form.module,
                form.traced,
                dynamo=True,
                input_names=form.inputs,
                output_names=[LOGITS],
                dynamic_shapes=tuple(form.axes for _ in form.inputs),
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as problem:
            reason = next((line for line in str(problem).splitlines() if line.strip()), "no reason given")
            raise BundleError(f"torch cannot export this model to ONNX: {reason[:200]}") from None
        assert program is not None
        for node in program.model.graph.all_nodes():
            node.metadata_props.clear()  # it says which file on this machine each node comes from, which is nobody's business
        program.save(file, external_data=False)


def _check(form: _Form, file: Path) -> None:
    """`BundleError` where ONNX Runtime gives other logits than torch."""
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    for inputs in form.checked:
        with torch.inference_mode():
            expected = form.answer(*inputs)
        arrays = {name: tensor.numpy() for name, tensor in zip(form.inputs, inputs, strict=True)}
        (given,) = session.run([LOGITS], arrays)
        apart = (torch.from_numpy(given) - expected).abs().max() / expected.abs().max().clamp(min=1)
        if not apart <= TOLERANCE:  # nor is a NaN
            raise BundleError(
                f"ONNX Runtime answers otherwise than torch, by {apart:.2g} of the largest logit, where {TOLERANCE} is allowed: "
                "there is no ONNX of this model."
            )
