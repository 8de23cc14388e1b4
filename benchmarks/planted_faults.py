"""Real runs with one planted fault each, and healthy ones: what `engine.diagnosis` says of them.

    LESSON_LAB_MIRROR=… python -m benchmarks.planted_faults [--set first|later] [--only NAME …] [--recordings FOLDER]

`first` are 20 runs with a fault and 10 without, on which the rules were tuned; `later` are ten more, which were written down
before that and made after it, and are judged once. A run that has a recording is not made again. What is kept of each is its
recipe, its events and its best model's figures, without what no rule reads.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from benchmarks.planted_data import dataset_for
from benchmarks.planted_runs import DATASETS, FAULTY, HEALTHY, LATER, Planted
from engine.bundle.config import read_evaluation
from engine.host.machine import fit_threads
from engine.runs.store import EVENTS_FILE, SPEC_FILE, RunSpec, create_run
from engine.runs.worker import main as work

RECORDINGS = Path(__file__).parents[1] / "tests/engine/diagnosis/recordings"
EVALUATION_FILE, PLANTED_FILE = "evaluation.json", "planted.json"
SETS = {"first": (*FAULTY, *HEALTHY), "later": LATER}
# What no rule reads: how far the cache is, checkpoints inside an epoch, where it ran.
UNREAD = ("CacheProgressed", "PrecisionChosen", "Warned")
UNREAD_FIGURES = ("distances", "reliability", "curve", "missed_and_given", "answers")
DIGITS = 5


def record(planted: Planted, folder: Path) -> None:
    """Train it, and keep what was said of it in `folder`."""
    dataset = planted.dataset or DATASETS[planted.task]
    spec = RunSpec(task=planted.task, dataset=dataset_for(dataset), recipe=planted.recipe, seed=planted.seed)
    run_dir = create_run(spec)
    work(run_dir)
    values = json.loads((run_dir / SPEC_FILE).read_text())
    values["dataset"] = dataset  # its name, and not the folder that it was made in
    events = [json.loads(line) for line in (run_dir / EVENTS_FILE).read_text().splitlines()]
    if events[-1]["event"] == "RunStopped":
        raise SystemExit(f"{planted.name} was stopped, and is not kept.")
    kept = [_thinned(event) for event in events if event["event"] not in UNREAD]
    evaluation = read_evaluation(run_dir) or {}
    figures = {name: part for name, part in evaluation.items() if name not in UNREAD_FIGURES}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / EVENTS_FILE).write_text("".join(f"{json.dumps(event)}\n" for event in kept))
    (folder / EVALUATION_FILE).write_text(json.dumps(_rounded(figures)) + "\n")
    (folder / PLANTED_FILE).write_text(json.dumps({"fault": planted.fault, "what": planted.what}) + "\n")
    (folder / SPEC_FILE).write_text(json.dumps(values) + "\n")  # the last: it is whole where this is there


def _thinned(event: dict[str, Any]) -> dict[str, Any]:
    if event["event"] == "RunStarted":
        event["device_name"] = ""
    if event["event"] == "RunFailed":
        event["log_tail"] = ""
    return _rounded(event)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {name: part if name == "at" else _rounded(part) for name, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list) else value


def main() -> None:
    """Make what is missing of a set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=SETS, default="first")
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--recordings", type=Path, default=RECORDINGS)
    given = parser.parse_args()
    fit_threads()
    for planted in SETS[given.set]:
        folder = given.recordings / planted.name
        if (given.only and planted.name not in given.only) or (folder / SPEC_FILE).is_file():
            continue
        started = time.perf_counter()
        record(planted, folder)
        print(f"{planted.name}: {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
