"""Which devices of this machine can have a run to themselves; found without torch, which the server does without."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from engine.host.cards import card_faults

# The one slot of a machine without CUDA devices: its CPU, or an Apple GPU.
HOST_SLOT = "host"


def device_slots() -> tuple[str, ...]:
    """One name for each device that can have a run: the cards that PyTorch can use, or else the host."""
    return tuple(card for card, fault in _tried_cards() if not fault) or (HOST_SLOT,)


def card_warning() -> str:
    """What has to be said of cards that are there and cannot be used; "" where all is well."""
    tried = _tried_cards()
    faults = [fault for _, fault in tried if fault]
    if not faults:
        return ""
    where = "Runs go to the others" if len(faults) < len(tried) else "Runs take turns on the CPU"
    return (
        f"This machine has an NVIDIA card that PyTorch cannot use: {faults[0]}. {where}. README.md says how to get a build for "
        "the card."
    )


def _tried_cards() -> list[tuple[str, str]]:
    """Each card, and why it cannot be used; "" for one that can."""
    cards = card_names()
    faults = card_faults(os.environ.get("CUDA_VISIBLE_DEVICES", "")) if cards else ()
    if len(faults) == 1 and faults[0]:  # one answer for all of them
        faults *= len(cards)
    return list(zip(cards, (*faults, *[""] * len(cards)), strict=False))


def named_slots() -> tuple[str, ...]:
    """The same without trying the cards: for a worker, which has got one from somebody who has tried it."""
    return card_names() or (HOST_SLOT,)


def card_names() -> tuple[str, ...]:
    """The NVIDIA cards that are there, as in `CUDA_VISIBLE_DEVICES`, whether or not PyTorch can use them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        named = [name.strip() for name in visible.split(",")]
        return tuple(name for name in named if name and name != "-1")
    return _listed_cards()


@cache
def _listed_cards() -> tuple[str, ...]:
    """What the driver lists. Asked once: Home shows it at each visit, and a driver may take a second to answer."""
    if shutil.which("nvidia-smi"):
        listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=False)
        return tuple(str(number) for number in range(listed.stdout.count("GPU ")))
    return tuple(str(number) for number in range(len(list(Path("/dev").glob("nvidia[0-9]*")))))
