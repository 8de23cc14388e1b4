"""The examples that the Try-it steps offer: right, or said to be wrong; drawn, and said to be."""

import numpy as np
import pytest
from PIL import Image

from engine.library.listing import SAMPLES_FOLDER
from engine.serving.predictor import load_predictor
from engine.tasks.registry import TASKS, get_task
from tabs.reading.examples import EXAMPLES, Example, examples_of
from tabs.views.offered import show_offered
from tools.examples import DRAWINGS, draw_example, is_right, load_truth

TASK_NAMES = [task.name for task in TASKS]
OFFERED = [
    pytest.param(task, example, id=f"{task}, {example.title[:20]}")
    for task in TASK_NAMES
    for example in examples_of(task)
]


@pytest.mark.parametrize("task", TASK_NAMES)
def test_the_first_example_is_right_and_all_are_different(task: str) -> None:
    examples = examples_of(task)
    assert len({example.given for example in examples}) == len(examples) >= 3
    assert examples[0].wrong == "", "whoever clicks the first one sees what the model can do"


@pytest.mark.parametrize(("task", "example"), OFFERED)
def test_the_sample_model_gets_an_example_right_or_the_example_says_that_it_does_not(
    task: str, example: Example
) -> None:
    predictor = load_predictor(SAMPLES_FOLDER / task)
    right, words = is_right(task, predictor, predictor.predict(example.given), load_truth(task, example))
    assert right == (not example.wrong), words


@pytest.mark.parametrize("task", list(DRAWINGS))
def test_pictures_are_what_the_tool_draws_and_their_truths_are_the_drawing_s(task: str) -> None:
    names = [drawing.name for drawing in DRAWINGS[task]]
    assert [example.title for example in examples_of(task)] == names
    assert sorted(path.stem for path in (EXAMPLES / task).glob("*.jpg")) == sorted(names)
    for drawing, example in zip(DRAWINGS[task], examples_of(task), strict=True):
        picture, truth = draw_example(task, drawing.seed)
        assert np.array_equal(np.asarray(truth), np.asarray(load_truth(task, example)))
        kept = np.asarray(Image.open(example.given), np.float32)
        assert np.abs(kept - np.asarray(picture)).mean() < 8, "the same but for what JPEG loses"
        assert example.wrong == drawing.wrong


@pytest.mark.parametrize("task", list(DRAWINGS))
def test_the_page_says_that_an_example_is_drawn_and_which_one_goes_wrong(task: str) -> None:
    html = show_offered(get_task(task), None)
    assert html.count(">Drawn. ") == len(examples_of(task)) == html.count("<button")
    for example in examples_of(task):
        assert f"example: {example.title}" in html and example.wrong.partition("'")[0] in html
