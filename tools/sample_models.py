"""Make the models that come with the app again, one a task, in assets/models.

    make sample-models
    python -m tools.sample_models planet heads

Each is trained by one of the app's recipes on the real data, exported in half precision, and then measured as `python -m engine
evaluate` measures: what the card says is what that prints. On two CPU cores with bf16 all four take about two hours, IMDB most
of it. A training that was stopped goes on where it was; a model that is there already is made anew.
"""

import argparse
import shutil
from dataclasses import dataclass
from pathlib import Path

from engine.data.sources.fetching import fetch
from engine.errors import EngineError
from engine.host.home import home
from engine.library.export import export_bundle, record_evaluation
from engine.library.listing import SAMPLES_FOLDER
from engine.runs.store import SPEC_FILE, RunSpec, create_run, read_spec
from engine.runs.watch import load_snapshot
from engine.serving.predictor import load_predictor
from engine.tasks.registry import get_task
from engine.training.evaluate import evaluate

WORK = "sample-models"  # in the home: the runs
SEED = 42


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a sample model is trained on, and by which recipes, each from the one before it."""

    dataset: str
    recipes: tuple[str, ...]


SAMPLES = {
    "planet": Sample(dataset="planet_sample", recipes=("cpu-progressive",)),
    "camvid": Sample(dataset="camvid-tiramisu", recipes=("cpu-half",)),
    "heads": Sample(dataset="pointing04", recipes=("cpu",)),
    "imdb": Sample(dataset="imdb", recipes=("cpu",)),
    "weather": Sample(dataset="planet_sample", recipes=("cpu-progressive",)),
    "turns": Sample(dataset="pointing04", recipes=("cpu",)),
}


def make_sample(task: str, sample: Sample) -> Path:
    """Train, export and measure; the bundle's folder."""
    fetch(sample.dataset)
    start = ""
    for recipe in sample.recipes:
        start = str(train(task, sample.dataset, recipe, start))
    return keep(task, Path(start))


def train(task: str, dataset: str, recipe: str, init_from: str) -> Path:
    """The finished run of a recipe; gone on with where it was stopped."""
    from engine.runs.worker import main as work

    spec = RunSpec(task=task, dataset=dataset, recipe=get_task(task).recipe(recipe), seed=SEED, init_from=init_from)
    run = home() / WORK / f"{task}-{recipe}"
    if not (run / SPEC_FILE).is_file():
        create_run(spec, folder=run)
    elif read_spec(run) != spec:
        raise EngineError(f"{run} was made with other settings. Delete it.")
    if load_snapshot(run).status != "finished":
        print(f"{task}: {recipe} …", flush=True)
        work(run)
    snapshot = load_snapshot(run)
    if snapshot.status != "finished":
        raise EngineError(f"{run}: {snapshot.status}. {snapshot.message}")
    return run


def keep(task: str, run: Path) -> Path:
    """Export a run's best checkpoint as the task's sample, with the figures that it has in half precision."""
    target = SAMPLES_FOLDER / task
    shutil.rmtree(target, ignore_errors=True)
    bundle = export_bundle(run, target)
    predictor = load_predictor(bundle)
    data = predictor.objective.open_data(fetch(predictor.config.dataset))
    result = evaluate(predictor.objective, predictor.model, data=data, items=data.valid, stage=predictor.config.stage)
    record_evaluation(bundle, result)
    print(f"{task}: {result.metrics}, {sum(path.stat().st_size for path in bundle.iterdir()) / 1e6:.1f} MB in {bundle}")
    return bundle


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the models that come with the app again.")
    parser.add_argument("tasks", nargs="*", default=list(SAMPLES), help=f"of {', '.join(SAMPLES)}; all without")
    for task in parser.parse_args().tasks:
        make_sample(task, SAMPLES[task])


if __name__ == "__main__":
    main()
