"""What this machine has for training: device, memory, cores and number formats."""

import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

# Of a container, as Linux tells it inside: control groups version 2 and version 1.
SPINS = "1000"  # turns for which a thread waits before it sleeps
MEMORY_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


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

    if torch.cuda.is_available():
        found = torch.cuda.get_device_properties(0)
        device, name, memory = "cuda", found.name, found.total_memory
    elif torch.backends.mps.is_available():
        device, name, memory = "mps", "Apple GPU", usable_memory()
    else:
        device, name, memory = "cpu", cpu_name(), usable_memory()
    return Machine(
        device=device,
        name=name,
        memory=memory,
        cores=usable_cores(),
        precisions=trained_precisions(device),
        torch_version=torch.__version__,
    )


def trained_precisions(device: str) -> tuple[str, ...]:
    """The number formats that a kind of device trains in, the safest first; torch is imported here.

    A card before Ampere, as Colab's T4, only emulates bf16, and slowly: there fp16 is the one that pays. An Apple GPU has what
    accelerate trains on it, bf16 from macOS 14 on. A CPU has no scaled fp16.
    """
    import torch

    if device == "cuda":
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        has_bf16 = device == "cpu" or (device == "mps" and torch.backends.mps.is_macos_or_newer(14, 0))
    has_fp16 = device in ("cuda", "mps")
    return ("fp32", *(["bf16"] if has_bf16 else []), *(["fp16"] if has_fp16 else []))


@cache
def usable_cores() -> int:
    """How many cores this process may keep busy, at least one: the machine's, those it is bound to, or a container's share."""
    from joblib import cpu_count

    return cpu_count()


@cache
def usable_memory() -> int:
    """How many bytes this process may hold: the machine's, or a container's share."""
    machine = psutil.virtual_memory().total
    for limit in MEMORY_LIMITS:
        with suppress(OSError, ValueError):  # no such file, or "max"
            return min(machine, int(limit.read_text()))
    return machine


def fit_threads() -> None:
    """Tell OpenMP, before torch is imported, how many threads there should be, and not to spin for long while they wait.

    More threads than cores wait for one another: where fewer may be used than the machine shows, as in a Space, there are as
    many as may be used. By default a thread that waits keeps its core busy, and beside another program a prediction then takes
    36 times as long as it needs to (benchmarks/RESULTS.md). Processes that are started afterwards are told as well.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    if usable_cores() < (psutil.cpu_count(logical=False) or os.cpu_count() or 1):  # torch takes one for each whole core
        os.environ.setdefault("OMP_NUM_THREADS", str(usable_cores()))


def cpu_name() -> str:
    """The processor's name as its maker writes it, or its architecture where the system does not say."""
    described = Path("/proc/cpuinfo")
    if described.is_file():
        for line in described.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
