"""What mixed precision does on this machine's device, in one command of less than nine minutes on one GPU.

    python -m benchmarks.gpu [--out gpu.json] [--small] [--minutes 8.5]

Parts follow one another, and after each the file is written: what a part found, or why it failed. Data is drawn and weights are
random, so that nothing has to be fetched. On a CPU, or with `--small`, sizes are small: that it runs is then all that it shows.
"""

import argparse
import json
import os
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import gpu_beside as beside
from benchmarks import gpu_parts as parts
from benchmarks.gpu_setting import LARGE, SMALL, Sizes
from engine.training.memory import free_memory
from engine.training.precision import this_device

PARTS: dict[str, Callable[[Sizes], dict[str, Any]]] = {
    "verdicts": parts.verdicts,
    "lstm": parts.lstm,
    "syncs": parts.syncs,
    "formats": parts.formats,
    "auto": parts.auto,
    "resume": parts.resume,
    "out of memory": parts.out_of_memory,
    "out of memory beside a server": beside.out_of_memory_beside_a_server,
    "lesson": parts.lesson,
    "beside fastai": beside.beside_fastai,
    "loaders": parts.loaders,
    "serving beside a training": parts.serving_beside,
    "tests": beside.marked_tests,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--minutes", type=float, default=8.5)
    parser.add_argument("--train-forever", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    sizes = SMALL if given.small or this_device().type == "cpu" else LARGE
    if given.train_forever:
        parts.train_forever(sizes)
        return
    began, found = time.monotonic(), dict[str, Any]()
    for name, part in PARTS.items():
        started = time.monotonic()
        if started - began > 60 * given.minutes:
            found[name] = {"left out": "no time was left"}
            continue
        try:
            found[name] = part(sizes)
        except Exception:  # the next part may work
            found[name] = {"failed": traceback.format_exc(limit=4)}
        free_memory()
        found[name]["took"] = time.monotonic() - started
        given.out.write_text(json.dumps({"small": sizes.is_small, **found}, indent=1), "utf-8")
        print(f"{name}: {json.dumps(found[name])[:600]}", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    main()
