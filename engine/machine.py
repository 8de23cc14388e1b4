"""What this machine has for training: device, memory, cores and number formats."""

import os
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The device that training would use here. `memory` is the device's own, in bytes; `cores` are the CPU's usable ones."""

    device: str
    name: str
    memory: int
    cores: int
    precisions: tuple[str, ...]
    torch_version: str


@cache
def describe_machine() -> Machine:
    """Look once; torch is imported here, so the first call takes seconds."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if torch.cuda.is_available():
        found = torch.cuda.get_device_properties(0)
        precisions = ("fp32", "fp16", "bf16") if torch.cuda.is_bf16_supported() else ("fp32", "fp16")
        device, name, memory = "cuda", found.name, found.total_memory
    elif torch.backends.mps.is_available():
        device, name, memory = "mps", "Apple GPU", psutil.virtual_memory().total
        precisions = ("fp32", "fp16")
    else:
        device, name, memory = "cpu", cpu_name(), psutil.virtual_memory().total
        precisions = ("fp32", "bf16")
    return Machine(
        device=device, name=name, memory=memory, cores=cores, precisions=precisions, torch_version=torch.__version__
    )


def cpu_name() -> str:
    """The processor's name as its maker writes it, or its architecture where the system does not say."""
    described = Path("/proc/cpuinfo")
    if described.is_file():
        for line in described.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
