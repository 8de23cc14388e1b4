"""Give the models that come with the app what their validation data says of how sure they are; their weights stay as they are.

    python -m tools.calibrate_samples
    python -m tools.calibrate_samples planet heads

Each is measured on the validation split of the real data that it was trained on. Only what is new goes into its `config.json`,
its `evaluation.json` and its card: a temperature, from where on an answer is sure, how near the truth answers are. Figures and
thresholds that are there stay to the digit; where they are measured anew and differ, the bundle is left alone.
"""

import argparse
import hashlib
import json
import math
from pathlib import Path
from typing import Any

from engine.bundle.files import CONFIG_FILE, EVALUATION_FILE, MODEL_FILE, OURS
from engine.data.sources.fetching import fetch
from engine.errors import BundleError
from engine.kinds.sureness import SURE_FROM, TEMPERATURE, WITHIN
from engine.library.card import write_card
from engine.library.listing import SAMPLES_FOLDER
from engine.serving.predictor import load_predictor
from engine.training.evaluate import Evaluation, evaluate
from tools.sample_models import SAMPLES

SAME = 1e-3  # of a figure: another processor rounds otherwise
DECIDED = (TEMPERATURE, SURE_FROM, WITHIN)
TOLD = ("calibration", "within")


def calibrate(bundle: Path) -> dict[str, Any]:
    """Measure a bundle on its validation split and write what is new; that."""
    predictor = load_predictor(bundle)
    data = predictor.objective.open_data(fetch(predictor.config.dataset))
    result = evaluate(predictor.objective, predictor.model, data=data, items=data.valid, stage=predictor.config.stage)
    check_same(bundle, predictor.config.metrics, result)
    found = {name: value for name, value in result.details.get("decision", {}).items() if name in DECIDED}
    record(bundle, found, {name: result.details[name] for name in TOLD if name in result.details})
    return found


def check_same(bundle: Path, metrics: dict[str, float], result: Evaluation) -> None:
    """`BundleError` where a model measures otherwise than its bundle says."""
    for name, value in result.as_dict()["metrics"].items():
        if not math.isclose(value, metrics[name], rel_tol=SAME):
            raise BundleError(f"{bundle.name}: {name} is {value} and was {metrics[name]}. Is that the same data?")


def record(bundle: Path, decided: dict[str, Any], told: dict[str, Any]) -> None:
    """Add to a bundle's decision and to its figures, and write its card anew."""
    config, figures = (json.loads((bundle / name).read_text("utf-8")) for name in (CONFIG_FILE, EVALUATION_FILE))
    config[OURS]["decision"] |= decided
    figures |= told
    figures["decision"] = figures.get("decision", {}) | decided
    for name, values in ((CONFIG_FILE, config), (EVALUATION_FILE, figures)):
        (bundle / name).write_text(json.dumps(values, indent=1), encoding="utf-8")
    write_card(bundle)


def main() -> None:
    parser = argparse.ArgumentParser(description="Calibrate the models that come with the app.")
    parser.add_argument("tasks", nargs="*", default=list(SAMPLES), help=f"of {', '.join(SAMPLES)}; all without")
    for task in parser.parse_args().tasks:
        bundle = SAMPLES_FOLDER / task
        before = hashlib.sha256((bundle / MODEL_FILE).read_bytes()).hexdigest()
        found = calibrate(bundle)
        assert hashlib.sha256((bundle / MODEL_FILE).read_bytes()).hexdigest() == before
        print(f"{task}: {found}", flush=True)


if __name__ == "__main__":
    main()
