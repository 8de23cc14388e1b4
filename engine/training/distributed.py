"""Several processes that together train as one would: the same batch, the same BatchNorm statistics, the same loss."""

import os
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import NoReturn

import torch
from accelerate.state import PartialState
from timm.layers.norm_act import convert_sync_batchnorm
from torch import Tensor, distributed, nn
from torch.distributed.nn import functional as differentiable
from torch.nn import functional

PATIENCE = timedelta(days=2)  # a launcher ends all processes when one dies, so that none waits in vain


class SyncedBatchNorm(nn.Module):
    """A BatchNorm whose statistics come from the batches of all processes, on any device.

    torch's own works on GPUs alone, where it is used. This one holds the replaced layer's own parameters and buffers under their
    names, so that checkpoints do not change.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, layer: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
        super().__init__()
        self.weight, self.bias = layer.weight, layer.bias
        self.eps, self.momentum = layer.eps, layer.momentum or 0.1
        for name, buffer in layer.named_buffers(recurse=False):
            self.register_buffer(name, buffer)
        self.after = nn.Sequential(*(child for _, child in layer.named_children()))  # timm's drop and act
        self.train(layer.training)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            x = functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
            return self.after(x)
        wide, others = x.float(), (0, *range(2, x.ndim))  # all but the features
        count = x.new_tensor([x.numel() / x.shape[1]], dtype=torch.float32)
        sums = torch.cat([wide.sum(others), wide.square().sum(others), count])
        total, squares, count = differentiable.all_reduce(sums).split([x.shape[1], x.shape[1], 1])
        mean = total / count
        variance = squares / count - mean.square()
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
            self.num_batches_tracked.add_(1)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shift = self.bias - mean * scale
        shape = (-1, *[1] * (x.ndim - 2))
        return self.after((wide * scale.view(shape) + shift.view(shape)).to(x.dtype))


def join() -> PartialState:
    """This process among those that train together; a collective may wait as long as the first of them makes caches."""
    return PartialState(timeout=PATIENCE)


def synchronise_batch_norm(model: nn.Module) -> nn.Module:
    """Replace every BatchNorm in `model` where there are several processes; else change nothing. On CUDA it is the library's."""
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return model
    if torch.device(PartialState().device or "cpu").type == "cuda":
        return convert_sync_batchnorm(model)  # timm's keeps the activation that is inside of its own BatchNorms
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
                setattr(parent, name, SyncedBatchNorm(child))
    return model


def agreed(should_stop: Callable[[], bool]) -> bool:
    """Whether any of the processes was asked to stop: if they stopped at different batches, they would wait for each other."""
    wish = should_stop()
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return wish
    wishes = torch.tensor(float(wish), device=PartialState().device)
    distributed.all_reduce(wishes)
    return bool(wishes.item())


def leave(code: int) -> NoReturn:
    """End this process with an exit code, whether it is one of several or alone.

    One of several skips the interpreter's teardown: gloo's threads now and then abort a process that is in it, and the
    launcher then takes a run that is finished for a failed one (pytorch/pytorch pull request 179291).
    """
    if not distributed.is_initialized():
        sys.exit(code)
    if code == 0:  # after a failure the others may never come to it
        distributed.destroy_process_group()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
