"""Tags under pictures: right, missed, made up; a threshold that stays; a table for many pictures."""

import csv
import shutil
from html import unescape
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image
from untrained_tags import save_untrained_tags

from engine.runs.store import find_run
from engine.tasks.planet import PLANET
from tabs.reading.opened import run_label
from tabs.views import submission, tags_try
from tabs.views.answers import LOOKING, Answer
from tabs.views.tags import show_comparisons, show_evaluation, show_frequencies, show_samples
from tabs.views.tags_try import Tried, build_try, draw_tags, own_threshold, predict, predict_batch


@pytest.fixture
def tagged_run(chips: Path, lab_home: Path) -> str:
    """A run with an untrained model in it."""
    from engine.recipe import Recipe, Stage
    from engine.runs.store import RunSpec, create_run

    stage = Stage(name="tiny", epochs=1, image_size=32, batch_size=4)
    recipe = Recipe(name="tiny", stages=(stage,), backbone="mobilenetv3_small_100")
    run_dir = create_run(RunSpec(task="planet", dataset=str(chips), recipe=recipe))
    data = PLANET.build_objective().open_data(chips)
    save_untrained_tags(run_dir / "checkpoints", data.classes, decision={})
    return run_dir.name


def test_samples_carry_their_own_tags(chips: Path) -> None:
    data = PLANET.build_objective().open_data(chips)
    html = show_samples(data, "train", 0, 1)
    assert html.count("<li") == len(data.block.label(data.train[0]))
    for tag in data.block.label(data.train[0]):
        assert f">{tag}</li>" in html
    assert f"of {len(data.train)}" not in html and "%" in show_frequencies(data)


def test_comparisons_tell_right_from_missed_and_extra(chips: Path, tagged_run: str) -> None:
    from engine.serving.predictor import load_predictor

    data = PLANET.build_objective().open_data(chips)
    predictor, item = load_predictor(find_run(tagged_run)), data.valid[0]
    given = set(predictor.predict(item).tags())
    there = set(data.block.label(item))
    html = show_comparisons(predictor, data, [item]).partition('<div class="lab-small">')[0]
    assert html.count('class="right"') == len(given & there)
    assert html.count('class="missed"') == len(there - given)
    assert html.count('class="extra"') == len(given - there)


def test_tags_are_drawn_the_likeliest_first() -> None:
    tried = Tried(picture=np.zeros((4, 4, 3), np.uint8), probabilities={"<b>": 0.3, "road": 0.6})
    answer = Answer(asked=("run", "a.jpg"), said=tried)
    html = draw_tags("run", "a.jpg", answer, "")
    assert (
        html.index("--share:0.600000") < html.index(">road<") < html.index("--share:0.300000") < html.index("&lt;b&gt;")
    )
    assert 'aria-pressed="true"' in draw_tags("run", "a.jpg", answer, "road") and 'aria-pressed="true"' not in html
    broken = Answer(asked=("run", "a.jpg"), said="broken")
    assert draw_tags("run", "a.jpg", broken, "") == draw_tags("run", "a.jpg", None, "") == ""


@pytest.mark.parametrize("looked", ["", "road"])
def test_tags_and_maps_are_not_shown_beside_another_picture_or_model(looked: str) -> None:
    tried = Tried(picture=np.zeros((4, 4, 3), np.uint8), probabilities={"road": 0.6})
    answer = Answer(asked=("run", "a.jpg"), said=tried)
    assert tags_try.set_aside("run", "a.jpg", answer) == gr.skip(), "it is of just these"
    for model, source in (("run", "b.jpg"), ("other", "a.jpg")):
        assert draw_tags(model, source, answer, looked) == ""
        assert tags_try.draw_picture(model, source, answer, looked) == LOOKING
        assert tags_try.set_aside(model, source, answer) == LOOKING
    assert tags_try.set_aside("run", "", answer) == tags_try.NOTHING_YET


def test_a_chosen_model_brings_its_own_threshold(chips: Path, tagged_run: str) -> None:
    assert own_threshold(tagged_run) == 0.2
    checkpoints = find_run(tagged_run) / "checkpoints"
    classes = PLANET.build_objective().open_data(chips).classes
    save_untrained_tags(checkpoints, classes, decision={"threshold": 0.51})
    assert own_threshold(tagged_run) == 0.51
    assert own_threshold(None) == own_threshold("gone") == gr.skip()


def test_a_cmyk_chip_is_predicted_and_a_broken_one_is_told(tagged_run: str, tmp_path: Path) -> None:
    Image.new("CMYK", (40, 30), (0, 120, 200, 30)).save(tmp_path / "chip.jpg")
    answer, looked = predict(tagged_run, str(tmp_path / "chip.jpg"))
    assert answer and isinstance(answer.said, Tried) and answer.said.picture.shape == (30, 40, 3) and looked == ""
    assert "(Grad-CAM)" in tags_try.draw_picture(tagged_run, str(tmp_path / "chip.jpg"), answer, "road")
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    told = predict(tagged_run, str(tmp_path / "bad.jpg")).answer
    assert told and isinstance(told.said, str) and "bad.jpg" in told.said
    assert "bad.jpg" in tags_try.draw_picture(tagged_run, str(tmp_path / "bad.jpg"), told, "")


def test_many_pictures_become_a_table_and_one_that_is_broken_does_not_stop_the_others(
    tagged_run: str, tmp_path: Path
) -> None:
    Image.new("RGB", (40, 40)).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    html, download = predict_batch(tagged_run, [str(tmp_path / "bad.png"), str(tmp_path / "good.png")], 0.01)
    with Path(download["value"]).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == ["bad.png", "good.png"]
    assert rows[0]["tags"] == "" and rows[1]["tags"] and float(rows[1]["road"]) > 0
    assert "bad.png is not a picture" in html and run_label(tagged_run) in html
    with pytest.raises(gr.Error, match="too many for the browser"):
        predict_batch(tagged_run, ["x.png"] * 201, 0.2)


def test_a_submission_is_offered_only_where_there_are_test_chips(chips: Path) -> None:
    html, button = submission.submission_line(PLANET, str(chips))
    assert "test-jpg/" in html and not button["visible"]


def test_how_to_hand_a_submission_in_late_stands_beside_it(build) -> None:
    def make():
        with gr.Blocks() as page:
            build_try(PLANET, gr.Dropdown(), gr.State(""))
        return page

    shown = [block.value for block in build(make).blocks.values() if isinstance(block, gr.HTML)]
    (said,) = [unescape(str(html)) for html in shown if "kaggle competitions submit" in str(html)]
    assert "planet-understanding-the-amazon-from-space -f submission.csv" in said
    assert "late submission" in said and "public and a private score" in said


def test_figures_by_tag_come_from_what_validation_wrote() -> None:
    import torch

    from engine.kinds.tag_metrics import TagMetrics

    metrics = TagMetrics(("road", "water", "<i>"))
    metrics.update(torch.tensor([[3.0, -3, -3], [-3, 3, 3]]), torch.tensor([[1, 0, 0], [1, 1, 0]]))
    html = show_evaluation(metrics.details())
    assert "F2 against the threshold" in html and "&lt;i&gt;" in html and "<i>," not in html
    assert "No figures by tag" in show_evaluation({})


def test_a_tag_of_another_model_shows_the_picture_alone(tagged_run: str, tmp_path: Path) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "chip.png")
    answer = predict(tagged_run, str(tmp_path / "chip.png")).answer
    for looked in ("no such tag", "<script>"):
        html = tags_try.draw_picture(tagged_run, str(tmp_path / "chip.png"), answer, looked)
        assert html.count("<img") == 1 and looked not in html


def test_a_submission_has_a_line_for_each_test_chip_and_tells_how_far_it_is(
    chips: Path, lab_home: Path, tmp_path: Path
) -> None:
    from engine.recipe import Recipe, Stage
    from engine.runs.store import RunSpec, create_run

    kaggle = tmp_path / "kaggle"
    shutil.copytree(chips / "train", kaggle / "train-jpg")
    shutil.copyfile(chips / "labels.csv", kaggle / "train_v2.csv")
    shutil.copytree(chips / "train", kaggle / "test-jpg")
    recipe = Recipe(name="tiny", stages=(Stage(image_size=32),), backbone="mobilenetv3_small_100")
    run_dir = create_run(RunSpec(task="planet", dataset=str(kaggle), recipe=recipe))
    data = PLANET.build_objective().open_data(kaggle)
    save_untrained_tags(run_dir / "checkpoints", data.classes, decision={})
    line, button = submission.submission_line(PLANET, str(kaggle))
    assert f"{len(data.unlabelled)} test chips" in line and button["visible"]
    told: list[tuple[int, int]] = []
    for tta in (False, True):
        shown = submission.make_submission(
            PLANET, run_dir.name, str(kaggle), tta, lambda progress, unit: told.append(progress)
        )
        with Path(shown["value"]).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert [row["image_name"] for row in rows] == [item.stem for item in data.unlabelled]
        assert told[-1] == (len(rows), len(rows))
    with pytest.raises(gr.Error, match="Train a model first"):
        submission.make_submission(PLANET, None, str(kaggle), False, lambda *_, **__: None)
