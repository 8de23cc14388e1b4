"""Masks over pictures: colours, highlights, and what is offered to try."""

import base64
import io
import re
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from gradio.utils import get_upload_folder
from PIL import Image

from engine.tasks.camvid import CAMVID
from tabs.views.answers import LOOKING, Answer, keep_only
from tabs.views.colors import class_colors, mask_palette
from tabs.views.mask import confidence_tag, mask_tag, share_text, smaller
from tabs.views.mask_try import (
    NOTHING_YET,
    Drawn,
    Tried,
    draw,
    toggle_class,
)
from tabs.views.offered import NO_MODEL, show_offered, take_offered, take_upload
from tabs.views.tags_try import NO_BATCH, Batch

CLASSES = ("Sky", "Road", "Car")


def picture_in(html: str) -> Image.Image:
    found = re.search(r"base64,([A-Za-z0-9+/=]+)", html)
    assert found
    return Image.open(io.BytesIO(base64.b64decode(found.group(1))))


def test_every_class_has_a_colour_of_its_own():
    many = tuple(f"thing {n}" for n in range(32))
    assert len(set(class_colors(many))) == 32 and len(set(class_colors(CLASSES))) == 3
    assert len(mask_palette(many)) == 768


def test_a_mask_keeps_its_classes_exactly_and_void_is_clear():
    mask = np.array([[0, 1], [2, 255]], dtype=np.uint8)
    shown = np.asarray(picture_in(mask_tag(mask, CLASSES)).convert("RGBA"))
    assert [tuple(pixel[:3]) for pixel in shown.reshape(4, 4)[:3].tolist()] == list(class_colors(CLASSES))
    assert shown[..., 3].tolist() == [[255, 255], [255, 0]]
    alone = np.asarray(picture_in(mask_tag(mask, CLASSES, highlight=1)).convert("RGBA"))
    assert alone[..., 3].tolist() == [[0, 255], [0, 0]]


def test_confidence_runs_from_dark_to_bright():
    shown = np.asarray(picture_in(confidence_tag(np.array([[0.0, 0.5, 1.0, np.nan]]))).convert("L"))[0]
    assert shown[0] < shown[1] < shown[2] and shown[3] == shown[0]


def test_pictures_get_smaller_and_masks_gain_no_values():
    assert smaller(np.zeros((300, 900, 3), np.uint8), 300).shape == (100, 300, 3)
    mask = np.random.default_rng(0).choice([3, 200], (500, 400)).astype(np.uint8)
    assert set(np.unique(smaller(mask, 100, exact=True))) == {3, 200}
    assert smaller(mask, 1000) is mask


def test_shares_read_well():
    assert [share_text(share) for share in (0.5, 0.0123, 0.00001, 0.0)] == ["50%", "1.23%", "<0.01%", "0"]


def tried() -> Tried:
    mask = np.array([[0, 1], [1, 1]], dtype=np.uint8)
    shares = {"Sky": 0.25, "Road": 0.75, "Car": 0.0}
    confidence = np.full((2, 2), 0.5, np.float32)
    picture = np.zeros((2, 2, 3), np.uint8)
    return Tried(
        picture=picture,
        mask=mask,
        confidence=confidence,
        classes=CLASSES,
        shares=shares,
        size=(20, 20),
        made_smaller="",
        unsure=0.25,
    )


def test_what_is_drawn_follows_the_layer_and_the_highlight():
    assert draw(None, "", None, None, "mask").picture == NO_MODEL
    assert draw("run", "", None, None, "mask").picture == NOTHING_YET
    refused = Answer(asked=("run", "a.png"), said="No <picture>.")
    assert "No &lt;picture&gt;." in draw("run", "a.png", refused, None, "mask").picture
    answer = Answer(asked=("run", "a.png"), said=tried())
    html, classes = draw("run", "a.png", answer, 1, "mask")
    assert 'class="mask"' in html and "50% sure" in html and "not sure of 25%" in html and "20×20" in html
    assert classes.index("Road") < classes.index("Sky") and "Car" not in classes and 'aria-pressed="true"' in classes
    assert 'class="confidence"' in draw("run", "a.png", answer, None, "confidence").picture


@pytest.mark.parametrize("said", [tried(), "It is broken."], ids=["answer", "refusal"])
def test_an_answer_is_not_drawn_beside_another_picture_or_model(said):
    answer = Answer(asked=("run", "a.png"), said=said)
    assert draw("run", "a.png", answer, None, "mask").picture != LOOKING
    for model, source, known in (("run", "b.png", answer), ("other", "a.png", answer), ("run", "b.png", None)):
        assert draw(model, source, known, None, "mask") == Drawn(picture=LOOKING, classes="")
    assert draw("run", "", answer, None, "mask").picture == NOTHING_YET
    assert draw("", "a.png", answer, None, "mask").picture == NO_MODEL


def test_a_table_of_answers_goes_with_what_was_asked():
    kept = Batch(answers=gr.skip(), answers_file=gr.skip())
    assert keep_only(NO_BATCH, ("run", ["a.png"]), "run", ["a.png"]) == keep_only(NO_BATCH, None, "run", None) == kept
    for now in (("other", ["a.png"]), ("run", ["b.png"]), ("run", None), (None, ["a.png"])):
        assert keep_only(NO_BATCH, ("run", ["a.png"]), *now) == NO_BATCH


def test_a_second_click_shows_all_classes_again():
    assert toggle_class(None, "2") == 2 and toggle_class(2, "2") is None and toggle_class(2, "nonsense") is None


def test_only_what_is_offered_can_be_chosen(streets):
    assert show_offered(CAMVID, str(streets)).count("<button") >= 4
    assert take_offered(CAMVID, str(streets), "valid-0").startswith(str(streets))
    for choice in ("valid-99", "example--1", "../../etc/passwd"):
        with pytest.raises(gr.Error, match="not offered"):
            take_offered(CAMVID, str(streets), choice)


def test_an_example_is_the_same_one_whether_or_not_a_data_set_is_known(streets):
    early = show_offered(CAMVID, None)
    assert 'data-choice="example-0"' in early and "valid-0" not in early
    assert take_offered(CAMVID, str(streets), "example-0") == take_offered(CAMVID, None, "example-0")


def test_an_upload_is_not_opened_by_the_page():
    uploaded = Path(get_upload_folder()).resolve() / "ab12" / "x.jpg"
    assert take_upload(None) == "" and take_upload({"path": str(uploaded)}) == str(uploaded)
    for path in ("/etc/hostname", f"{get_upload_folder()}/../x.jpg"):  # a request made by hand
        with pytest.raises(gr.Error, match="was not uploaded here"):
            take_upload({"path": path})
