"""Numbers are learnt in spreads and answered in their own units, wherever the model goes."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from own_data import draw, lines, write
from PIL import Image
from typer.testing import CliRunner

from engine.bundle.config import read_config, read_evaluation, resolve_bundle
from engine.bundle.figures import is_evaluation
from engine.bundle.weights import init_weights, load_weights
from engine.cli.app import app
from engine.data.own.plain import Row, write_numbers
from engine.data.pictures.block import Data
from engine.data.pictures.transforms import STRENGTHS, augment, transforms_unmirrored
from engine.errors import DataError
from engine.kinds.number import (
    InUnits,
    build_number_model,
    build_number_objective,
    number_scale,
    open_numbers,
    predict_numbers,
    squared_spreads,
    training_numbers,
)
from engine.kinds.number_metrics import NumberMetrics
from engine.library.export import export_bundle
from engine.library.onnx_export import export_onnx
from engine.recipe import OFFLINE_BACKBONE, Recipe, Stage
from engine.runs.store import RunSpec, create_run
from engine.runs.worker import main
from engine.serving.predictor import load_predictor
from engine.task import ModelPlan
from engine.tasks.turns import TURNS, open_turns
from engine.training.evaluate import evaluate
from engine.training.planning import plan_now

NAN = float("nan")
STAGE = Stage(name="tiny", epochs=1, image_size=32, batch_size=4, precision="fp32")
RECIPE = Recipe(name="tiny", backbone=OFFLINE_BACKBONE, stages=(STAGE,))


def brought(root: Path, columns: str = "price,weight", *, start: float = 1000.0, step: float = 100.0) -> Path:
    """Twelve pictures with numbers that have nothing to do with them, the last three for validation."""
    rows = []
    for number in range(12):
        draw(root / "images" / f"{number:02}.png", number)
        numbers = (start + step * number, 0.001 * (number * 5 % 12))[: columns.count(",") + 1]
        rows.append((f"{number:02}.png", *numbers, number > 8))
    write(root / "labels.csv", f"image,{columns},is_valid\n" + lines(rows))
    return root


def train(data: Path) -> Path:
    run = create_run(RunSpec(task="turns", dataset=str(data), recipe=RECIPE))
    assert main(run) == 0
    return run


def test_a_target_is_the_numbers_and_the_spreads_of_training(tmp_path: Path) -> None:
    data = open_numbers(brought(tmp_path))
    picture, target = data.sample(data.valid[0], (32, 40))
    prices = np.arange(9) * 100.0 + 1000
    assert picture.shape == (3, 32, 40) and target.shape == (2, 2)
    assert target[0].tolist() == pytest.approx([1900.0, 0.009])
    assert target[1, 0].item() == pytest.approx(prices.std()) and number_scale(data)[0][0] == pytest.approx(1400.0)


def test_numbers_that_are_all_the_same_in_training_have_a_spread_of_1(tmp_path: Path) -> None:
    data = open_numbers(brought(tmp_path))
    same = dataclasses.replace(data, block=dataclasses.replace(data.block, label=lambda _: (5.0, NAN)))
    assert [spread for _, spread in number_scale(same)] == [1.0, 1.0]


def test_the_loss_counts_errors_in_spreads_and_leaves_out_what_is_not_known() -> None:
    logits = torch.tensor([[110.0, 0.5], [90.0, 7.0]])
    target = torch.tensor([[[100.0, 0.0], [10.0, 0.5]], [[100.0, NAN], [10.0, 0.5]]])
    loss, count = squared_spreads(logits.requires_grad_(), target)
    assert (loss.item(), int(count)) == (3.0, 3)
    loss.backward()
    assert logits.grad is not None and logits.grad.isfinite().all()


def test_a_model_begins_with_the_mean_and_keeps_its_units_with_its_weights(tmp_path: Path) -> None:
    data, objective = open_numbers(brought(tmp_path)), build_number_objective()
    plan = plan_now(objective, RECIPE, data)
    model = objective.build_model(plan, pretrained=False).eval()
    with torch.inference_mode():
        (answer,) = model(torch.zeros(1, 3, 32, 32))
    assert answer.tolist() == pytest.approx([mean for mean, _ in plan.scale])
    assert {name for name in model.state_dict() if name.startswith("head.8")} == {"head.8.mean", "head.8.spread"}


def test_no_picture_is_mirrored_however_strong_the_augmentation_is() -> None:
    picture = torch.zeros(3, 40, 40, dtype=torch.uint8)
    picture[:, :, 20:] = 255
    from torchvision import tv_tensors

    for strength in ("none", *STRENGTHS):
        for seed in range(30):
            changed, target = augment(
                transforms_unmirrored(strength), (tv_tensors.Image(picture), torch.ones(2, 1)), seed
            )
            assert changed[0, :, 30:].float().mean() > changed[0, :, :10].float().mean()
            assert target.tolist() == [[1.0], [1.0]]


def measured(answers: list[list[float]], truth: list[list[float]], training: list[list[float]]) -> NumberMetrics:
    metrics = NumberMetrics(("a", "b"), torch.tensor(training).double())
    numbers = torch.tensor(truth)
    metrics.update(torch.tensor(answers), torch.stack([numbers, torch.ones_like(numbers)], 1))
    return metrics


def test_figures_worked_out_by_hand() -> None:
    metrics = measured([[1, 10], [2, 30], [6, 20]], [[2, 10], [2, 20], [5, 30]], [[0, 0], [4, 40]])
    figures = metrics.compute()
    assert figures["mean_error"] == pytest.approx((2 / 3 + 20 / 3) / 2)
    assert figures["r2"] == pytest.approx((1 - 2 / 6 + 1 - 200 / 200) / 2)
    details = metrics.details()
    assert details["numbers"][0] == {
        "count": 3,
        "mean_error": 0.666667,
        "error_of_mean": 1.0,  # always 2
        "r2": 0.666667,
        "mean": 2.0,
        "spread": 2.0,
    }
    assert details["answers"][1] == [[10, 10], [20, 30], [30, 20]]
    assert details["decision"] == {"lowest": [0, 0], "highest": [4, 40]}
    assert is_evaluation({"metrics": figures, **details})


def test_a_number_that_a_data_set_does_not_have_is_not_judged() -> None:
    metrics = measured([[1, 10], [2, 30]], [[2, NAN], [2, NAN]], [[0, NAN], [4, NAN]])
    assert metrics.compute()["mean_error"] == pytest.approx(0.5) and math.isnan(metrics.compute()["r2"])
    details = metrics.details()
    assert details["numbers"][1] == dict.fromkeys(details["numbers"][1], None) | {"count": 0}
    assert details["answers"][1] == []


@pytest.mark.parametrize(
    "change",
    [
        {"numbers": [{"count": 1}]},
        {"answers": [[[1, 2]]]},
        {"answers": [[1, 2], []]},
        {"decision": {"lowest": [1, 2]}},
        {"decision": {"lowest": [1], "highest": [2]}},
        {"classes": ["a", "a"]},
    ],
)
def test_figures_that_do_not_fit_are_refused(change: dict[str, Any]) -> None:
    metrics = measured([[1, 10]], [[2, 10]], [[0, 0], [4, 40]])
    assert not is_evaluation({"metrics": metrics.compute(), **metrics.details(), **change})


def test_one_number_alone_is_learnt_kept_and_answered_in_its_units(tmp_path: Path) -> None:
    """From the table to a bundle, an ONNX and an answer, and on to data with other columns."""
    run = train(brought(tmp_path / "one", "price"))
    bundle = export_bundle(run, tmp_path / "bundle", onnx=True)
    assert read_config(bundle).plan.classes == ("price",)
    assert read_config(bundle).decision == {"lowest": [1000.0], "highest": [1800.0]}
    said = read_evaluation(bundle) or {}
    assert len(said["numbers"]) == 1 and said["numbers"][0]["spread"] == pytest.approx(258.199)
    predictor = load_predictor(bundle)
    answer = predictor.predict(Image.open(tmp_path / "one/images/00.png"))
    assert 500 < answer.numbers["price"] < 2500 and answer.ranges == {"price": (1000.0, 1800.0)}
    assert f"{answer.numbers['price']:.4g}" in answer.in_words()
    assert (
        answer.table_row()
        == answer.summary()["numbers"]
        == json.loads(answer.save(tmp_path / "0").read_text("utf-8"))["numbers"]
    )
    card = (bundle / "README.md").read_text("utf-8")
    program = 'print({name: float(number) for name, number in zip(config["classes"], logits[0])})'
    assert program in card and export_onnx(bundle).is_file()
    ended = CliRunner().invoke(
        app,
        [
            "evaluate",
            str(bundle),
            "--dataset",
            str(brought(tmp_path / "two", "Price,height")),
            "--split",
            "all",
            "--json",
        ],
    )
    assert ended.exit_code == 0, ended.output
    told = json.loads(ended.stdout.splitlines()[-1])
    assert told["items"] == 12 and told["classes"] == ["price"] and "height" in told["remarks"][0]
    ended = CliRunner().invoke(app, ["evaluate", str(bundle), "--dataset", str(brought(tmp_path / "three", "height"))])
    assert ended.exit_code and "none of them is the same" in ended.output


def test_a_model_is_judged_in_its_own_units_on_data_with_another_mean_and_spread(tmp_path: Path) -> None:
    """What it answers depends on the picture alone: on prices that are higher by 50,000 it is wrong by that."""
    objective = build_number_objective()
    near, far = (open_numbers(brought(tmp_path / name, start=start)) for name, start in (("n", 1e3), ("f", 51e3)))
    model = objective.build_model(plan_now(objective, RECIPE, near), pretrained=False)
    figures = [
        evaluate(objective, model, data=data, items=data.valid, stage=STAGE).details["numbers"][0]
        for data in (near, far)
    ]
    assert figures[1]["mean_error"] == pytest.approx(figures[0]["mean_error"] + 50_000, rel=1e-4)
    assert figures[0]["error_of_mean"] == pytest.approx(figures[1]["error_of_mean"]) and figures[1]["mean"] == 51_400


def test_a_start_with_the_same_numbers_keeps_its_units_and_one_with_others_takes_the_data_s(tmp_path: Path) -> None:
    bundle = resolve_bundle(train(brought(tmp_path / "first")))
    objective = build_number_objective()
    for columns, expected in (("price,weight", 1400.0), ("height,weight", 7400.0)):
        data = open_numbers(brought(tmp_path / columns, columns, start=7000))
        model: Any = objective.build_model(plan_now(objective, RECIPE, data, bundle), pretrained=False)
        fresh = init_weights(model, bundle, data.classes)
        assert model.head[-1].mean[0].item() == expected and bool(fresh) == (expected == 7400)
    same: Any = objective.build_model(read_config(bundle).plan, pretrained=False)
    load_weights(same, bundle)
    assert same.head[-1].spread.tolist() == pytest.approx([258.199, 0.003333], rel=0.1)


def test_without_a_scale_the_head_s_answer_is_the_number(tmp_path: Path) -> None:
    assert InUnits(((2.0, 3.0),))(torch.ones(1, 1)).item() == 5.0
    plan = ModelPlan(backbone=OFFLINE_BACKBONE, classes=("a",))
    assert build_number_model(plan, pretrained=False).eval()(torch.zeros(1, 3, 32, 32)).tolist() == [[0.0]]


def test_a_decision_from_elsewhere_says_ranges_or_not() -> None:
    picture = Image.new("RGB", (4, 4))
    for decision in ({}, {"lowest": 1.0, "highest": 2.0}, {"lowest": [1.0]}, {"threshold": 0.2}):
        assert predict_numbers(torch.tensor([5.0]), picture, ("a",), decision).ranges == {}


def test_the_drawn_heads_are_opened_by_their_angles_and_split_as_their_centres_are(heads: Path) -> None:
    data = open_turns(heads)
    assert data.classes == ("pan", "tilt") and data.kind == "number"
    assert {data.block.facts(item)["person"] for item in data.valid}.isdisjoint(
        data.block.facts(item)["person"] for item in data.train
    )
    most = training_numbers(data).abs().amax(0)
    assert 30 < most[0] <= 60 and 10 < most[1] <= 30


def test_pointing_04_is_opened_by_its_names_with_pan_as_one_sees_it(tmp_path: Path) -> None:
    for person in ("01", "11"):
        for at, (tilt, pan) in enumerate((("+0", "+15"), ("-30", "-90"), ("+60", "+0"))):
            picture = draw(tmp_path / f"Person{person}/person{person}1{at:02}{tilt}{pan}.jpg", at)
            write(picture.with_suffix(".txt"), "Face 20 20 10 10")
    data: Data = open_turns(tmp_path)
    said = {item.stem[9:]: data.label(item) for item in data.train}
    assert said == {"00+0+15": (-15.0, 0.0), "01-30-90": (90.0, -30.0), "02+60+0": (0.0, 60.0)}
    assert {data.block.facts(item)["person"] for item in data.valid} == {"11"}
    assert any("Pan is to the right" in note for note in data.account().notes)


def test_other_folders_are_opened_by_the_kind_alone_and_points_are_none(tmp_path: Path, heads: Path) -> None:
    assert TURNS.build_objective().open_data(brought(tmp_path)).classes == ("price", "weight")
    with pytest.raises(DataError, match="column and row: a point"):
        TURNS.aims[0].build_plain().open_data(heads)  # pyright: ignore[reportOptionalCall]
    with pytest.raises(DataError, match="nobody has said"):
        open_numbers(tmp_path).label(tmp_path / "images" / "other.png")


def test_a_data_set_is_shared_with_its_numbers(heads: Path) -> None:
    objective = TURNS.build_objective()
    data = objective.open_data(heads)
    assert objective.share
    table = objective.share(data)
    row = table.row(data.train[0])
    assert list(table.columns) == ["image", "pan", "tilt", "person"]
    assert (row["pan"], row["tilt"]) == data.label(data.train[0])


def test_numbers_that_the_app_has_written_are_read_again_as_numbers(tmp_path: Path) -> None:
    """Whole ones too, of which few are different: somebody has said that they are numbers."""
    pictures = [draw(tmp_path / "brought" / f"{at}.png", at) for at in range(12)]
    rows = [
        Row(picture=picture, label={"grade": 3.0 + at % 2}, split="valid" if at > 8 else "train")
        for at, picture in enumerate(pictures)
    ]
    write_numbers(tmp_path / "kept", rows)
    data = TURNS.aims[0].build_plain().open_data(tmp_path / "kept")  # pyright: ignore[reportOptionalCall]
    assert data.classes == ("grade",) and (len(data.train), len(data.valid)) == (9, 3)
    assert {data.label(item) for item in data.train} == {(3.0,), (4.0,)}
