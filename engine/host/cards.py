"""Whether PyTorch can use this machine's NVIDIA cards: `python -m engine.host.cards` tries each and prints what came of it.

A card may be there, and of no use: the driver is older than this build of PyTorch needs, the build is for CPUs alone, or it was
not made for so old or so new a card. Asked in a process of its own, since the server does without torch, and since a card that
fails can take its process with it.
"""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SECONDS = 120.0  # torch may have to be read from a slow disk


def try_cards() -> list[str]:
    """For each card that torch should see, why it cannot be used; "" for one that can. Imports torch."""
    import torch

    if torch.version.cuda is None and torch.version.hip is None:
        return [f"this PyTorch ({torch.__version__}) is built for CPUs alone"]
    if not torch.cuda.is_available():
        return ["PyTorch finds no card that it can use: most often the driver is too old for this build"]
    return [_try(number) for number in range(torch.cuda.device_count())]


def _try(number: int) -> str:
    import torch

    try:
        square = torch.ones(64, 64, device=f"cuda:{number}")
        total = float((square @ square).sum())
    except (RuntimeError, AssertionError) as problem:
        major, minor = torch.cuda.get_device_capability(number)
        built = ", ".join(torch.cuda.get_arch_list())
        said = str(problem).splitlines()[0][:200]
        return f"{torch.cuda.get_device_name(number)} (sm_{major}{minor}) does not work with this build, made for {built}: {said}"
    return "" if total == 64.0**3 else f"{torch.cuda.get_device_name(number)} computes wrongly"


@cache
def card_faults(visible: str = "") -> tuple[str, ...]:
    """`try_cards`, asked once of a process of its own, which sees the cards that `visible` names."""
    command = [sys.executable, "-m", "engine.host.cards"]
    environment = {**os.environ, **({"CUDA_VISIBLE_DEVICES": visible} if visible else {})}
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=REPOSITORY, env=environment, timeout=SECONDS
        )
        return tuple(str(fault) for fault in json.loads(asked.stdout.splitlines()[-1]))
    except subprocess.TimeoutExpired:
        return (f"the card did not answer within {SECONDS:.0f} seconds",)
    except (OSError, ValueError, IndexError):
        return ("the card was tried, and the process that tried it ended",)


if __name__ == "__main__":
    print(json.dumps(try_cards()))
