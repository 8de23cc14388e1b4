"""What threads do while they wait for work: spin, as OpenMP has them by default, or sleep. Idle, and beside another program.

    python -m benchmarks.waiting_threads [--repeats 3] [--beside nothing program training]

Each policy's figures come from processes of their own that take turns: a training step of the Planet model, an epoch's figures of
tags, loading drawn streets at 360 px with two processes beside a busy main one, and a prediction. The other program multiplies
matrices with as many threads as there are cores; a training beside it is one of ours, on drawn chips, under the same policy.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

POLICIES: dict[str, dict[str, str]] = {
    "spinning": {},
    "a thousand turns": {"GOMP_SPINCOUNT": "1000"},
    "sleeping": {"OMP_WAIT_POLICY": "PASSIVE"},
}
BUSY = "import torch\na = torch.rand(700, 700)\nwhile True:\n    a = (a @ a).clamp(0, 1)\n"
OTHERS = {
    "nothing": ["-c", ""],
    "program": ["-c", BUSY],
    "training": ["-m", "benchmarks.gpu", "--small", "--train-forever"],
}


def measure() -> dict[str, float]:
    """Seconds of each piece of work in this process."""
    import torch

    from engine.data.sources.fetching import fetch
    from engine.kinds.tag_metrics import TagMetrics
    from engine.models.classifier import build_picture_model
    from engine.recipe import OFFLINE_BACKBONE, Stage
    from engine.task import ModelPlan
    from engine.tasks.registry import get_task

    torch.manual_seed(0)
    found: dict[str, float] = {}
    classes = tuple(f"tag {number}" for number in range(17))
    model = build_picture_model(ModelPlan(backbone=OFFLINE_BACKBONE, classes=classes), pretrained=False)
    pictures = torch.randint(0, 255, (32, 3, 64, 64), dtype=torch.uint8)
    target = (torch.rand(32, 17) > 0.8).float()
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(model(pictures), target).backward()
        optimizer.step()

    found["a training step"] = timed(step, 12)
    metrics = TagMetrics(classes)
    metrics.update(torch.randn(2000, 17), (torch.rand(2000, 17) > 0.8).to(torch.uint8))
    found["an epoch's figures"] = timed(lambda: (metrics.compute(), metrics.details()), 2)
    model.eval()
    with torch.inference_mode():
        found["a prediction"], found["a prediction, 95th of 100"] = timed_at(
            lambda: model(pictures[:1]), 200, (0.5, 0.95)
        )
    data = get_task("camvid").build_objective().open_data(fetch("drawn-streets"))
    stage = Stage(name="s", image_size=360, batch_size=8)
    feed = get_task("camvid").build_objective().feed
    for items in (data.train, data.valid):
        for _ in feed.prepare(data, items, stage, None):
            pass
    loaders = feed.build_loaders(data, stage, None, seed=0)
    began, seen = time.perf_counter(), 0
    for inputs, _ in loaders.train:
        seen += len(inputs)
        model(inputs[:2, :, :64, :64])  # the main process has work of its own between batches
    found["loading a picture at 360 px"] = (time.perf_counter() - began) / max(seen, 1)
    return found


def timed(work: Callable[[], object], times: int) -> float:
    """The middle of so many, after one that warms up."""
    return timed_at(work, times, (0.5,))[0]


def timed_at(work: Callable[[], object], times: int, quantiles: Sequence[float]) -> list[float]:
    """The seconds that these shares of so many stay below, after one that warms up."""
    work()
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return np.quantile(seconds, quantiles).tolist()


@contextlib.contextmanager
def beside(other: str, environment: Mapping[str, str]) -> Iterator[None]:
    """Another program on the same cores, or none."""
    process = subprocess.Popen([sys.executable, *OTHERS[other]], env=environment, stdout=subprocess.DEVNULL)
    time.sleep(10 if other == "training" else 1)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def run(policy: str, other: str) -> dict[str, float]:
    environment = {
        name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    } | POLICIES[policy]
    with beside(other, environment):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.waiting_threads", "--measure"],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--beside", nargs="+", choices=OTHERS, default=list(OTHERS))
    parser.add_argument("--measure", action="store_true", help="print this process's own figures")
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure()))
        return
    for other in given.beside:
        found: dict[str, list[dict[str, float]]] = {policy: [] for policy in POLICIES}
        for repeat in range(given.repeats):
            for policy in POLICIES if repeat % 2 == 0 else reversed(POLICIES):
                found[policy].append(run(policy, other))
        print(f"\nbeside {other}, milliseconds\n")
        print(f"| work | {' | '.join(POLICIES)} |\n|---|{'---|' * len(POLICIES)}")
        for work in found["spinning"][0]:
            middle = [1000 * statistics.median(one[work] for one in found[policy]) for policy in POLICIES]
            print(f"| {work} | {' | '.join(f'{value:.1f}' for value in middle)} |")


if __name__ == "__main__":
    main()
