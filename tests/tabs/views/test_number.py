"""Numbers under pictures, histograms, truth against answer, and an answer beside the range of training."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.bundle.config import read_evaluation
from engine.recipe import Recipe, Stage
from engine.runs.store import RunSpec, create_run, find_run
from engine.runs.worker import main
from engine.tasks.turns import TURNS
from tabs.views.answers import LOOKING, NO_MODEL, Answer
from tabs.views.number import (
    answer_bars,
    number_text,
    show_augmented,
    show_comparisons,
    show_evaluation,
    show_frequencies,
    show_legend,
    show_samples,
)
from tabs.views.number_try import NOTHING_YET, Tried, draw, predict


@pytest.fixture
def trained(heads: Path) -> str:
    stage = Stage(name="tiny", epochs=1, image_size=32, batch_size=4, precision="fp32")
    recipe = Recipe(name="tiny", stages=(stage,), backbone="tf_efficientnet_lite0")
    run_dir = create_run(RunSpec(task="turns", dataset=str(heads), recipe=recipe))
    assert main(run_dir) == 0
    return run_dir.name


@pytest.mark.parametrize(
    ("number", "said"),
    [(0.0, "0"), (-12.345, "-12.35"), (1987.0, "1,987"), (123456.7, "123,457"), (0.00012, "0.00012"), (None, "–")],
)
def test_a_number_is_said_in_few_letters(number: float | None, said: str) -> None:
    assert number_text(number) == said and number_text(float("nan")) == "–"


def test_the_data_shows_its_numbers_and_how_they_are_spread(heads: Path) -> None:
    data = TURNS.build_objective().open_data(heads)
    pan, _ = data.label(data.train[0])
    shown = show_samples(data, "train", 0, 3)
    assert f"pan {number_text(pan)}" in shown and shown.count("tilt ") == 3
    augmented = show_augmented(data, Stage(augmentation="strong", image_size=32), 0, seed=1)
    assert augmented.count(f"pan {number_text(pan)}") == 6
    assert show_frequencies(data).count("<h4>") == 2
    assert "2 numbers a picture: pan, tilt" in show_legend(data.classes) and "One number" in show_legend(("age",))


def test_a_histogram_has_a_bar_for_each_number_or_for_each_of_equal_steps(heads: Path) -> None:
    data = TURNS.build_objective().open_data(heads)
    many = tuple(Path(f"{at}.png") for at in range(40))
    numbers = {item: (15.0 * (at % 3), float(at)) for at, item in enumerate(many)}
    some = replace(data, train=many, block=replace(data.block, label=numbers.__getitem__))
    pan, tilt = show_frequencies(some).split("<section>")[1:]
    assert pan.count('class="track"') == 3 and ">15<" in pan and ">14<" in pan
    assert tilt.count('class="track"') == 8 and "0 to 4.875" in tilt and tilt.count(">5<") == 8


def test_a_data_set_without_training_pictures_has_no_histogram(heads: Path) -> None:
    data = TURNS.build_objective().open_data(heads)
    assert "track" not in show_frequencies(replace(data, train=()))


def test_results_of_a_run(trained: str, heads: Path) -> None:
    from engine.serving.predictor import load_predictor

    data, predictor = TURNS.build_objective().open_data(heads), load_predictor(find_run(trained))
    compared = show_comparisons(predictor, data, data.valid[:2])
    assert compared.count("apart</th>") == 2 and number_text(data.label(data.valid[0])[0]) in compared
    evaluation = read_evaluation(find_run(trained))
    assert evaluation
    shown = show_evaluation(evaluation)
    assert shown.count("<figure") == 2 and "of always the mean" in shown
    assert shown.count('class="dots') == 2 * len(data.valid)
    assert "No figures" in show_evaluation({}) and "No figures" in show_evaluation({"metrics": {}, "classes": ["pan"]})


def test_figures_that_are_undefined_are_dashes_and_names_are_no_markup() -> None:
    one = {"count": 0, "mean_error": None, "error_of_mean": None, "r2": None, "mean": 1.0, "spread": 0.0}
    shown = show_evaluation({"classes": ["<b>"], "numbers": [one], "answers": [[]]})
    assert shown.count("–") == 3 and "<b>" not in shown


def test_an_answer_stands_in_the_range_of_training_and_one_beyond_it_says_so() -> None:
    bars = answer_bars({"pan": 45.0, "tilt": -95.0}, {"pan": (-90.0, 90.0), "tilt": (-90.0, 90.0)})
    assert (
        "width:75.00%" in bars
        and "45 (-90 to 90)" in bars
        and "-95 (-90 to 90, beyond what it has learnt from)" in bars
    )
    near = answer_bars({"pan": 45.0}, {}, {"pan": 10.24})
    assert "pan: within 10.2 of the truth in at least 80 of 100 validation pictures." in near
    assert (
        "within" not in bars
        and "(" not in answer_bars({"pan": 45.0}, {})
        and "training" not in answer_bars({"pan": 45.0}, {})
    )


def test_a_picture_is_predicted_and_what_is_no_picture_is_refused(trained: str, tmp_path: Path) -> None:
    Image.new("LA", (90, 60)).save(tmp_path / "head.png")
    source = str(tmp_path / "head.png")
    answer = predict(trained, source)
    assert answer and answer.is_to(trained, source) and isinstance(answer.said, Tried)
    assert set(answer.said.numbers) == set(answer.said.ranges) == {"pan", "tilt"}
    picture, numbers = draw(trained, source, answer)
    assert "<img" in picture and "pan" in numbers and "range of the training" in numbers
    (tmp_path / "bad.png").write_bytes(b"no")
    refused = predict(trained, str(tmp_path / "bad.png"))
    assert refused and "bad.png" in draw(trained, str(tmp_path / "bad.png"), refused)[0]
    assert predict(None, source) is None and predict(trained, "") is None


def test_an_answer_to_something_else_is_not_shown() -> None:
    tried = Tried(picture=np.zeros((4, 4, 3), np.uint8), numbers={"a": 1.0}, ranges={}, within={})
    answer = Answer(asked=("run", "a.png"), said=tried)
    assert draw("run", "b.png", answer) == draw("run", "a.png", None) == (LOOKING, "")
    assert draw(None, "", None) == (NO_MODEL, "") and draw("run", "", None) == (NOTHING_YET, "")
