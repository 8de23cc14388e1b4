"""“No, the right answer is …”: the sample models' answers in the editor, what is kept of them, and the page that lists it."""

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.host.access import HOST, Limits, Person, identify_by
from engine.library import listing
from engine.library.corrections import corrections_of
from engine.tasks.registry import TASKS, get_task
from tabs.panels import correct, corrections
from tabs.reading.examples import examples_of

SAMPLES = Path(__file__).parents[3] / "assets" / "models"
RIGHT: dict[str, Any] = {
    "planet": ["cloudy"],
    "heads": [0.25, 0.75],
    "weather": "cloudy",
    "turns": {"tilt": 5.0, "pan": -30.0},
}


@pytest.fixture
def samples(monkeypatch: pytest.MonkeyPatch, lab_home: Path) -> Iterator[None]:
    monkeypatch.setattr(listing, "SAMPLES_FOLDER", SAMPLES)
    yield
    identify_by(lambda: HOST)


def given_of(task: str) -> str:
    return str(examples_of(task)[0].given)


def opened(task: str) -> tuple[dict[str, Any], Any]:
    asking = correct.open_answer(get_task(task), f"sample-{task}", given_of(task))
    assert asking.said == "" and asking.box["visible"], asking.said
    return json.loads(asking.opened), asking.pending


def put_right(task: str, is_offered: bool = False) -> str:
    shown, pending = opened(task)
    asked = {"what": "label", "item": shown["item"], "label": other_than(task, shown)}
    if task == "camvid":
        asked = {"what": "paint", "item": shown["item"], "mask": painted()}
    _, now = correct.react(json.dumps(shown), pending, asked)
    kept = correct.keep(get_task(task), f"sample-{task}", given_of(task), now, is_offered)
    assert "Kept." in kept.said and kept.pending == {}
    return kept.said


def other_than(task: str, shown: dict[str, Any]) -> Any:
    return RIGHT.get(task) or next(name for name in shown["classes"] if name != shown["label"])


def painted() -> str:
    packed = io.BytesIO()
    Image.fromarray(np.full((360, 480), 3, np.uint8)).save(packed, "PNG")
    return f"data:image/png;base64,{base64.b64encode(packed.getvalue()).decode()}"


@pytest.mark.parametrize("task", [task.name for task in TASKS])
def test_an_answer_is_opened_put_right_kept_and_listed(samples: None, task: str) -> None:
    shown, _ = opened(task)
    assert shown["isOne"] and shown["kind"] == get_task(task).kind and len(shown["classes"]) >= 2
    assert bool(shown["text"]) != bool(shown["picture"])
    assert shown["mask"].startswith("data:image/png") if task == "camvid" else shown["label"] is not None
    put_right(task)
    (kept,) = corrections_of(task)
    assert (kept.path.is_file() and kept.right != kept.given) or kept.kind == "mask"
    if task == "camvid":
        assert (kept.mask() == 3).all() and kept.mask().shape == np.asarray(Image.open(kept.path)).shape[:2]
    listed = corrections.list_for(task)
    assert kept.name in listed.cards and listed.model["value"] == f"sample-{task}"
    assert corrections.choose(task, f"undo {kept.name}").cards == corrections.NOTHING and corrections_of() == []


def test_what_the_model_said_is_no_correction_and_an_old_editor_keeps_nothing(samples: None) -> None:
    import gradio as gr

    task = get_task("planet")
    shown, pending = opened("planet")
    with pytest.raises(gr.Error, match="That is what the model said"):
        correct.keep(task, "sample-planet", given_of("planet"), pending, False)
    with pytest.raises(gr.Error, match="another one by now"):
        correct.keep(task, "sample-other", given_of("planet"), pending, False)
    _, same = correct.react(json.dumps(shown), pending, {"what": "label", "item": "another", "label": ["cloudy"]})
    assert same == pending
    _, now = correct.react(
        json.dumps(shown), pending, {"what": "label", "item": shown["item"], "label": ["no tag of these"]}
    )
    with pytest.raises(gr.Error, match="no label here"):
        correct.keep(task, "sample-planet", given_of("planet"), now, False)
    assert corrections_of() == []


def test_a_visitor_s_is_seen_by_the_host_once_it_is_offered(samples: None) -> None:
    ann = Person(name="ann", is_host=False)
    identify_by(lambda: ann, Limits())
    put_right("weather")
    put_right("weather", is_offered=True)
    assert len(corrections_of()) == 2
    identify_by(lambda: HOST)
    (offered,) = corrections_of()
    listed = corrections.list_for("weather")
    assert "Accept" in listed.cards and not listed.doing["visible"]
    accepted = corrections.choose("weather", f"accept {offered.name}")
    assert "accepted" in accepted.cards and accepted.doing["visible"]


def test_a_model_is_asked_what_it_says_of_the_corrected_now(samples: None) -> None:
    put_right("heads")
    said = corrections.show_mended("heads", "sample-heads")
    assert "On 1 corrected sample this model has" in said and "pixels off" in said


def test_corrections_become_a_data_set(samples: None) -> None:
    from engine.data.own.store import own_sets

    for _ in range(6):
        put_right("weather")
    kept = corrections_of("weather")[0]
    (kept.folder / "correction.json").write_text(
        (kept.folder / "correction.json").read_text().replace('"right": "cloudy"', '"right": "haze"')
    )
    said = corrections.export("weather", "What it got wrong")
    assert "is a data set now" in said and own_sets("label")[0].samples == 6


def test_nothing_opens_without_a_model_or_an_input(samples: None) -> None:
    task = get_task("planet")
    assert correct.open_answer(task, None, "x") == correct.CLOSED == correct.open_answer(task, "sample-planet", " ")
    assert "lab-note bad" in correct.open_answer(task, "sample-planet", "/no/such/picture.jpg").said
    assert correct.judges(task, "sample-planet") and not correct.judges(task, "gone")


def test_corrections_over_http(samples: None) -> None:
    from tabs.panels.http_correct import correct as post

    picture = base64.b64encode(Path(given_of("weather")).read_bytes()).decode()
    kept = post("weather", picture, "haze")
    assert (
        kept["model"] == "sample-weather"
        and kept["right"] == "haze"
        and corrections_of("weather")[0].name == kept["name"]
    )
    assert post("imdb", "A dull evening.", "neg")["right"] == "neg"
    street = base64.b64encode(Path(given_of("camvid")).read_bytes()).decode()
    assert post("camvid", street, painted())["right"] is None and (corrections_of("camvid")[0].mask() == 3).all()
    for asked, said in (
        (("weather", picture, "snow"), "no label here"),
        (("weather", "", "haze"), "There is no picture"),
        (("nothing", picture, "haze"), "nothing"),
        (("weather", picture, "haze", "gone"), "no model 'gone'"),
    ):
        assert said in post(*asked)["error"]
