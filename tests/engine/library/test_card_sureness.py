"""A card says how far answers can be trusted, as far as validation said it; of an older bundle it says nothing."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.bundle.config import read_config, read_evaluation
from engine.bundle.files import CONFIG_FILE, MODEL_FILE, OURS
from engine.errors import BundleError
from engine.library.card import CARD_FILE, CardChoices, build_card
from engine.library.card_figures import told_sureness
from tools.calibrate_samples import check_same, record

SAMPLES = Path(__file__).parents[3] / "assets" / "models"
TOLD: dict[str, Any] = {
    **{
        "temperature": 1.3,
        "tried": 1.3,
        "loss_before": 0.3,
        "loss_after": 0.2,
        "error_before": 0.123,
        "error_after": 0.045,
    },
    **{"before": [[0.8, 0.7, 50]], "after": [[0.7, 0.7, 50]], "sure_from": 0.8, "sure_share": 0.5, "sure_right": 0.96},
}


def said(decision: dict[str, Any], **evaluation: Any) -> str:
    config = replace(read_config(SAMPLES / "weather"), decision=decision)
    return told_sureness(config, {"metrics": {}, **evaluation})


def test_what_validation_said_stands_in_a_sentence() -> None:
    words = said({"temperature": 1.3, "sure_from": 0.8}, calibration=TOLD)
    for part in (
        "a temperature, 1.30,",
        "12.3% before and 4.5% after",
        "sure from 80% on",
        "50% of them",
        "96% of these",
    ):
        assert part in words
    kept = said({"temperature": 1.0}, calibration=TOLD | {"temperature": 1.0})
    assert "are as the model gives them" in kept and "1.30, was tried" in kept and "counts as sure" not in kept
    near = said({"within_80": 0.03}, within={"share": 0.8, "by": [11.86], "covered": [0.73]})
    assert (
        "the point within 11.9 px of the truth in at least 80 of 100 validation pictures" in near
        and "held for 73 of 100" in near
    )


def test_an_older_bundle_is_not_called_calibrated() -> None:
    other = {"share": 0.8, "by": [1, 2], "covered": [0.8, 0.8]}
    assert said({"within_80": 0.1}, within=other) == "", "distances of numbers, and no numbers"
    assert said({}, calibration=TOLD) == said({"temperature": 1.3}) == said({}) == ""


def test_a_sample_is_calibrated_without_a_change_to_what_was_there(tmp_path: Path) -> None:
    bundle = tmp_path / "planet"
    shutil.copytree(SAMPLES / "planet", bundle)
    weights = hashlib.sha256((bundle / MODEL_FILE).read_bytes()).digest()
    before, figures = read_config(bundle), read_evaluation(bundle) or {}
    record(bundle, {"temperature": 1.5}, {"calibration": TOLD})
    after, measured = read_config(bundle), read_evaluation(bundle) or {}
    assert after == replace(before, decision=before.decision | {"temperature": 1.5}, plan=after.plan)
    assert measured["metrics"] == figures["metrics"] and measured["calibration"] == TOLD
    assert measured["decision"] == figures["decision"] | {"temperature": 1.5}
    assert hashlib.sha256((bundle / MODEL_FILE).read_bytes()).digest() == weights
    assert (bundle / CARD_FILE).read_text("utf-8") == build_card(bundle, CardChoices())
    assert json.loads((bundle / CONFIG_FILE).read_text("utf-8"))[OURS]["metrics"] == before.metrics


def test_a_model_that_measures_otherwise_is_left_alone() -> None:
    result: Any = SimpleNamespace(as_dict=lambda: {"metrics": {"f2": 0.8}})
    check_same(SAMPLES / "planet", {"f2": 0.8001}, result)
    with pytest.raises(BundleError, match=r"planet: f2 is 0\.8 and was 0\.82"):
        check_same(SAMPLES / "planet", {"f2": 0.82}, result)
