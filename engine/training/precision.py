"""Device and number format, through accelerate; `auto` is decided by timing a few steps."""

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, cast

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from engine.errors import RecipeError
from engine.events import PrecisionChosen
from engine.host.machine import trained_precisions
from engine.training.layer_groups import freeze, layer_groups, set_train_mode

TIMED_SAMPLES, TIMED_STEPS = 8, 3
LEAST_GAIN = 1.1  # how many times as fast as fp32 another format has to be
PROBE_SIZE, PROBES = 256, 10
EMULATED_AT = 5.0  # with instructions a product in bf16 is faster than in fp32; without them some 50 times slower
MIXED_PRECISION = {"fp32": "no", "bf16": "bf16", "fp16": "fp16"}
AUTOCAST_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def build_accelerator(precision: str) -> Accelerator:
    """accelerate's view of this process: device, number of processes, autocast, gradient scaler."""
    # accelerate fixes the precision once a process; here every stage may choose its own.
    AcceleratorState._reset_state()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = (
        True  # fp32's range, and three of its digits
    )
    return Accelerator(mixed_precision=MIXED_PRECISION[precision])


@contextmanager
def in_precision(device: torch.device, name: str) -> Iterator[None]:
    """Forward passes in "bf16" or "fp16" by autocast, and in fp32 under any other name; never `yield` inside it."""
    dtype = AUTOCAST_TYPES.get(name)
    is_cpus_bf16 = device.type == "cpu" and name == "bf16"
    with (
        torch.autocast(device.type, dtype=dtype, enabled=dtype is not None),
        DepthwiseInFp32() if is_cpus_bf16 else nullcontext(),
    ):
        yield


class DepthwiseInFp32(TorchFunctionMode):
    """Keeps a CPU's depthwise convolutions out of autocast where they ask for gradients.

    Their forward pass gains from bf16 as others do, but their backward pass takes three times as long in it as in fp32.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.conv2d and len(args) > 1 and torch.is_grad_enabled():
            picture, weight, *rest = args  # as nn.Conv2d and timm's own convolutions call it
            if weight.shape[1] == 1 and (picture.requires_grad or weight.requires_grad):
                with torch.autocast("cpu", enabled=False):
                    return func(picture.float(), weight, *rest, **kwargs)
        return func(*args, **kwargs)


def this_device() -> torch.device:
    """The device of this process."""
    return torch.device(PartialState().device or "cpu")


def summed(accelerator: Accelerator, values: Tensor) -> list[float]:
    """A vector's sum over all processes, as numbers."""
    return cast(Tensor, accelerator.reduce(values, "sum")).tolist()


def supported_precisions(device: torch.device) -> tuple[str, ...]:
    """What the device can train in, the safest first."""
    return trained_precisions(device.type)


def check_precision(precision: str) -> None:
    """`RecipeError` when this device cannot train in `precision`."""
    device = this_device()
    supported = supported_precisions(device)
    if precision != "auto" and precision not in supported:
        raise RecipeError(f"Precision is {precision}, but {device.type} trains in: {', '.join(supported)}. Use auto.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A precision, the seconds that the timed steps took in each, and why it is that one, in a sentence."""

    precision: str
    seconds: dict[str, float]
    reason: str

    def said(self, stage: int) -> PrecisionChosen:
        """The same as an event of a stage."""
        return PrecisionChosen(stage=stage, precision=self.precision, seconds_per_step=self.seconds, reason=self.reason)


def fastest_precision(
    loss: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    model: nn.Module,
    images: Tensor,
    target: Tensor,
    *,
    shares: Mapping[int, float] | None = None,
) -> Choice:
    """The precision in which training takes the least time; nothing in `model` changes.

    `shares` says how much of a run is trained from which layer group on, so that one choice suits all of its stages; without it
    the model is timed as it is. Another format than fp32 has to be faster by a tenth: less is the noise of a busy machine. bf16
    and fp16 cost about the same on a GPU and bf16 needs no scaling of gradients, so fp16 is timed only where bf16 is not to be
    had. With several processes, the first one's verdict holds for all.
    """
    device = this_device()
    candidates = supported_precisions(device)
    if "bf16" in candidates:
        candidates = tuple(name for name in candidates if name != "fp16")
    if device.type == "cpu" and is_bf16_emulated():
        return Choice(precision="fp32", seconds={}, reason="This processor has no instructions for bf16.")
    if len(target) == 1:  # a BatchNorm learns nothing from one
        images, target = torch.cat([images, images]), torch.cat([target, target])
    if device.type == "cpu":  # some samples are enough to compare, and a whole batch may take many seconds
        images, target = images[:TIMED_SAMPLES], target[:TIMED_SAMPLES]
    images, target = images.to(device), target.to(device)
    twin = copy.deepcopy(model).to(device)
    seconds = dict.fromkeys(candidates, 0.0)
    for train_from, share in (shares or {None: 1.0}).items():
        if train_from is not None:
            freeze(layer_groups(twin), train_from)
            set_train_mode(twin, layer_groups(twin), train_from)
        for name, taken in _time_steps(loss, twin, images, target, candidates).items():
            seconds[name] += share * taken
    verdict = [_judged(seconds)]
    broadcast_object_list(verdict)
    return verdict[0]


def _judged(seconds: dict[str, float]) -> Choice:
    best = min(seconds, key=seconds.__getitem__)
    if len(seconds) == 1:
        return Choice(precision=best, seconds=seconds, reason="This device trains in no other format.")
    ratio = seconds["fp32"] / seconds[best]
    if best != "fp32" and ratio >= LEAST_GAIN:
        return Choice(
            precision=best, seconds=seconds, reason=f"A step is {ratio:.1f} times as fast in {best} as in fp32."
        )
    other = min((name for name in seconds if name != "fp32"), key=seconds.__getitem__)
    share = seconds["fp32"] / seconds[other]
    return Choice(
        precision="fp32",
        seconds=seconds,
        reason=f"A step in {other} is {share:.1f} times as fast as in fp32, and less than {LEAST_GAIN:g} is not worth it.",
    )


def is_bf16_emulated() -> bool:
    """Whether the CPU has no instructions for bf16: one training step would then take many seconds to time."""

    def seconds(dtype: torch.dtype) -> float:
        square = torch.ones(PROBE_SIZE, PROBE_SIZE, dtype=dtype)
        started = time.perf_counter()
        torch.mm(square, square)
        return time.perf_counter() - started

    # By turns, and more than a few times: another program on the same cores holds up several products in a row.
    pairs = [(seconds(torch.float32), seconds(torch.bfloat16)) for _ in range(PROBES)]
    fp32, bf16 = (min(column) for column in zip(*pairs, strict=True))
    return bf16 > EMULATED_AT * fp32


def _time_steps(
    loss: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    model: nn.Module,
    images: Tensor,
    target: Tensor,
    names: Sequence[str],
) -> dict[str, float]:
    """The least seconds of a step in each format, by turns, after one that warms up: what slows one down slows the other too."""
    taken: dict[str, list[float]] = {name: [] for name in names}
    with torch.random.fork_rng(enabled=True):
        for repeat in range(TIMED_STEPS + 1):
            for name in names:
                started = time.perf_counter()
                with in_precision(images.device, name):
                    loss_sum, count = loss(model(images), target)
                (loss_sum / count.clamp(min=1)).backward()
                model.zero_grad()
                if images.device.type == "cuda":
                    torch.cuda.synchronize()
                if repeat:
                    taken[name].append(time.perf_counter() - started)
    return {name: min(some) for name, some in taken.items()}
