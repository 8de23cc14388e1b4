"""Crosses on pictures, distances in pixels, and the camera's frames."""

import base64
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.recipe import Recipe, Stage
from engine.runs.store import RunSpec, create_run, find_run
from engine.runs.worker import main
from engine.tasks.heads import HEADS
from tabs.views.answers import LOOKING, Answer
from tabs.views.point import (
    show_augmented,
    show_breakdown,
    show_comparisons,
    show_evaluation,
    show_samples,
    with_crosses,
)
from tabs.views.point_try import NO_MODEL, Tried, draw, follow_camera, predict


@pytest.fixture
def trained(heads: Path) -> str:
    stage = Stage(name="tiny", epochs=1, image_size=32, batch_size=4, precision="fp32")
    recipe = Recipe(name="tiny", stages=(stage,), backbone="tf_efficientnet_lite0")
    run_dir = create_run(RunSpec(task="heads", dataset=str(heads), recipe=recipe))
    assert main(run_dir) == 0
    return run_dir.name


def test_a_cross_is_where_the_point_is_and_one_outside_is_not_drawn() -> None:
    picture = np.zeros((50, 200, 3), np.uint8)
    html = with_crosses(picture, [(50, 10, "truth"), (201, 10, "guess")], alt="a <head>")
    assert "left:25.00%;top:20.00%" in html and html.count("lab-cross") == 1 and "a &lt;head&gt;" in html


def test_the_data_shows_its_points_and_says_when_one_has_left(heads: Path) -> None:
    data = HEADS.build_objective().open_data(heads)
    assert show_samples(data, "train", 0, 3).count("lab-cross truth") == 3
    strong = Stage(augmentation="strong", image_size=32)
    shown = "".join(show_augmented(data, strong, index, seed=1) for index in range(8))
    assert shown.count("lab-cross truth") + shown.count("has left the picture") == 8 * 6


def test_results_of_a_run(trained: str, heads: Path) -> None:
    from engine.bundle.config import read_evaluation
    from engine.serving.predictor import load_predictor

    data, predictor = HEADS.build_objective().open_data(heads), load_predictor(find_run(trained))
    compared = show_comparisons(predictor, data, data.valid[:2])
    assert compared.count("lab-cross truth") == 2 and compared.count("px apart") == 2
    broken_down = show_breakdown(predictor, data)
    assert "By person" in broken_down and "By tilt" in broken_down and "04" in broken_down
    evaluation = read_evaluation(find_run(trained))
    assert evaluation and "Share of the pictures" in show_evaluation(evaluation)
    assert "No distances" in show_evaluation({})


def test_your_click_is_measured_in_the_picture_s_own_pixels() -> None:
    tried = Tried(picture=np.zeros((30, 40, 3), np.uint8), x=0.5, y=0.5, size=(300, 400))
    answer = Answer(asked=("run", "a.png"), said=tried)
    html, facts = draw("run", "a.png", answer, (0.5, 0.75))
    assert html.count("lab-cross") == 2 and "75.0 px, 18.8% of the width" in facts and "400×300" in facts
    refused = Answer(asked=("run", "a.png"), said="oh no")
    assert draw(None, "", None, None).picture == NO_MODEL and "oh no" in draw("run", "a.png", refused, None).picture
    for beside in (("run", "b.png"), ("other", "a.png")):
        assert draw(*beside, answer, None) == draw(*beside, refused, None) == (LOOKING, "")


def test_pictures_and_camera_frames_are_predicted(trained: str, tmp_path: Path) -> None:
    Image.new("LA", (90, 60)).save(tmp_path / "head.png")
    answer, yours = predict(trained, str(tmp_path / "head.png"))
    assert answer and answer.is_to(trained, str(tmp_path / "head.png"))
    tried = answer.said
    assert isinstance(tried, Tried) and tried.size == (60, 90) and yours is None
    assert 0 <= tried.x <= 1 and 0 <= tried.y <= 1
    (tmp_path / "bad.png").write_bytes(b"no")
    refused = predict(trained, str(tmp_path / "bad.png")).answer
    assert refused and "bad.png" in refused.said and refused.is_to(trained, str(tmp_path / "bad.png"))
    frame = f"data:image/png;base64,{base64.b64encode((tmp_path / 'head.png').read_bytes()).decode()}"
    followed = follow_camera(trained, frame)
    assert "of 90×60" in followed or "90×60 pixels" in followed
    assert float(re.findall(r'data-x="([\d.]+)"', followed)[0]) == pytest.approx(tried.x, abs=1e-3)
    assert follow_camera(None, frame) == NO_MODEL
    for nothing in (None, "", 7, {"path": "/etc/passwd"}, "data:image/png;base64,AAAA"):
        assert "lab-note bad" in follow_camera(trained, nothing)
