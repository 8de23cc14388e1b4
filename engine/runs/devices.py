"""Which devices of this machine can have a run to themselves; found without torch, which the server does without."""

import os
import shutil
import subprocess
from pathlib import Path

# The one slot of a machine without CUDA devices: its CPU, or an Apple GPU.
HOST_SLOT = "host"


def device_slots() -> tuple[str, ...]:
    """One name for each device that can have a run: CUDA devices as in `CUDA_VISIBLE_DEVICES`, or else the host."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        named = [name.strip() for name in visible.split(",")]
        devices = tuple(name for name in named if name and name != "-1")
    elif shutil.which("nvidia-smi"):
        listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=False)
        devices = tuple(str(number) for number in range(listed.stdout.count("GPU ")))
    else:
        devices = tuple(str(number) for number in range(len(list(Path("/dev").glob("nvidia[0-9]*")))))
    return devices or (HOST_SLOT,)
