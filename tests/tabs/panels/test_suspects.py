"""The page of labels that look wrong, by its handlers: looked for, decided, undone, made into a data set of one's own."""

import re
import time
from pathlib import Path

import gradio as gr
import pytest

from engine.data.drawn.chips import draw_chips
from engine.data.own.store import own_sets
from engine.data.pictures.transforms import transforms_from_above
from engine.host.access import HOST, Person, identify_by
from engine.kinds.point import open_points
from engine.kinds.tags import open_tags
from engine.noise.decisions import decisions_of
from engine.noise.finding import find_suspects
from engine.noise.searches import Searches
from engine.tasks.registry import get_task
from tabs.panels import suspect_queue
from tabs.panels.data import show_findings
from tabs.panels.suspect_queue import Given, clicked, look, looked_at, make_cleaned, settle, take_back, task_of
from tabs.views.suspected import label_words

NOTHING = Given(choice=None, ticks=None, numbers=None, point=None)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("suspected") / "chips"
    draw_chips(folder, count=24, size=32, seed=1)
    return folder


@pytest.fixture
def searched(pictures: Path) -> str:
    """A folder of chips that was looked at already."""
    find_suspects("tags", open_tags(pictures, transforms=transforms_from_above))
    return str(pictures)


@pytest.fixture
def visitor():
    identify_by(lambda: Person(name="page-anna", is_host=False))
    yield
    identify_by(lambda: HOST)


def is_shown(update: object) -> bool:
    return isinstance(update, dict) and bool(update.get("visible"))


def test_a_search_runs_behind_the_page_and_the_queue_comes_of_it(pictures: Path) -> None:
    before = looked_at("planet", str(pictures), "suspicion", 0)
    assert is_shown(before.looking) and not is_shown(before.queue) and "24 labelled samples" in before.status
    begun = look("planet", str(pictures))
    assert begun.timer.active and not is_shown(begun.looking)
    for _ in range(600):
        shown = looked_at("planet", str(pictures), "suspicion", 0)
        if is_shown(shown.queue):
            break
        time.sleep(0.1)
    assert is_shown(shown.queue) and "24 of 24 labelled samples were judged" in shown.status
    assert "1 of 24 to decide" in shown.place and "<img" in shown.card and shown.name in shown.why
    assert is_shown(shown.ticks) and not is_shown(shown.choice) and not shown.timer.active


def test_what_goes_wrong_in_a_search_is_told(pictures: Path, monkeypatch) -> None:
    def fail(kind, data, told):
        told(3, 24)
        raise suspect_queue.DataError("no room")

    searches = Searches(fail)
    monkeypatch.setattr(suspect_queue, "SEARCHES", searches)
    look("planet", str(pictures))
    searches._pool.shutdown()
    shown = looked_at("planet", str(pictures), "suspicion", 0)
    assert "no room" in shown.status and is_shown(shown.looking)


def test_decisions_leave_the_queue_are_listed_and_come_back(searched: str) -> None:
    shown = looked_at("planet", searched, "suspicion", 0)
    first, second = shown.name, looked_at("planet", searched, "suspicion", 1).name
    wanted = shown.ticks["value"]
    shown = settle("correct", "planet", searched, "suspicion", 0, first, given=NOTHING._replace(ticks=wanted))
    assert shown.name == second and "1 of 23" in shown.place and "1 corrected" in shown.decided
    shown = settle("drop", "planet", searched, "suspicion", 0, second, given=NOTHING)
    assert "1 corrected, 1 dropped" in shown.decided
    root = open_tags(Path(searched), transforms=transforms_from_above).root
    assert decisions_of("tags", root)[first].label == [
        name for name in open_tags(Path(searched), transforms=transforms_from_above).classes if name in wanted
    ]
    shown = take_back("planet", searched, "suspicion", 0)
    assert shown.name == second and second in shown.status
    shown = take_back("planet", searched, "suspicion", 0, first)
    assert shown.name == first and "Nothing decided yet" in shown.decided


def test_the_order_is_another_by_loss_and_the_queue_goes_round(searched: str) -> None:
    data = open_tags(Path(searched), transforms=transforms_from_above)
    found = find_suspects("tags", data)
    for order in ("suspicion", "loss"):
        names = [one.name for one in found.ordered(order)]
        assert [looked_at("planet", searched, order, at).name for at in (0, 1, -1, 24)] == [
            *names[:2],
            names[-1],
            names[0],
        ]


@pytest.mark.parametrize("ticks", [None, ["no such tag"], "clear"])
def test_a_label_that_is_none_is_refused(searched: str, ticks: object) -> None:
    name = looked_at("planet", searched, "suspicion", 0).name
    with pytest.raises(gr.Error, match="no label here"):
        settle("correct", "planet", searched, "suspicion", 0, name, given=NOTHING._replace(ticks=ticks))


def test_the_label_that_it_has_is_no_correction(searched: str) -> None:
    data = open_tags(Path(searched), transforms=transforms_from_above)
    one = find_suspects("tags", data).suspects[0]
    with pytest.raises(gr.Error, match="the label that it has"):
        settle("correct", "planet", searched, "suspicion", 0, one.name, given=NOTHING._replace(ticks=one.given))


def test_the_cleaned_data_set_is_ones_own_and_lists_what_was_changed(searched: str) -> None:
    assert "Nothing is to be changed" in make_cleaned("planet", searched, "Mine")
    shown = looked_at("planet", searched, "suspicion", 0)
    name = shown.name
    settle("drop", "planet", searched, "suspicion", 0, name, given=NOTHING)
    assert "has no name yet" in make_cleaned("planet", searched, " ")
    said = make_cleaned("planet", searched, "Chips, cleaned")
    assert "23 samples" in said and name in said and "dropped" in said
    (kept,) = own_sets("tags")
    assert kept.title == "Chips, cleaned" and kept.samples == 23
    assert re.search(rf"planet\?dataset=own%2F{kept.folder.name}#data", said)
    assert task_of(kept.name).name == "planet"


def test_a_click_into_a_picture_is_the_right_point(tmp_path: Path) -> None:
    from engine.data.drawn.heads import draw_heads

    draw_heads(tmp_path / "heads", people=4, each=6, size=(48, 64), seed=1)
    found = find_suspects("point", open_points(tmp_path / "heads"))
    name = found.suspects[0].name
    card, point = clicked("heads", str(tmp_path / "heads"), name, 0.25, 1.5)
    assert point == (16.0, 48.0) and 'yours" style="left:25.00%;top:100.00%"' in card
    assert clicked("heads", str(tmp_path / "heads"), name, "x", None) == (gr.skip(), gr.skip())
    settle("correct", "heads", str(tmp_path / "heads"), "suspicion", 0, name, given=NOTHING._replace(point=point))
    assert decisions_of("point", tmp_path / "heads")[name].label == [16.0, 48.0]
    with pytest.raises(gr.Error, match="not in the list"):
        settle("keep", "heads", str(tmp_path / "heads"), "suspicion", 0, "no such picture", given=NOTHING)


def test_numbers_are_written_with_their_names() -> None:
    assert suspect_queue._numbers("pan 30, tilt -15.5", ("pan", "tilt")) == {"pan": 30.0, "tilt": -15.5}
    for wrong in ("pan 30", "pan, tilt", "pan 30, tilt x", ""):
        with pytest.raises(suspect_queue.DataError):
            suspect_queue._numbers(wrong, ("pan", "tilt"))


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("cat", "cat"),
        (["a", "b"], "a, b"),
        ([], "no tag"),
        ((3.0, 4.6), "column 3, row 5"),
        ({"pan": 30.0}, "pan 30"),
        (None, "–"),
    ],
)
def test_labels_in_words(label: object, words: str) -> None:
    assert label_words(label) == words


def test_a_visitor_sees_no_folder_and_nobody_elses_data(searched: str, visitor) -> None:
    shown = looked_at("planet", searched, "suspicion", 0)
    assert not is_shown(shown.queue) and "Only the host" in shown.status
    with pytest.raises(gr.Error, match="Only the host"):
        settle("keep", "planet", searched, "suspicion", 0, "x", given=NOTHING)
    assert "Only the host" in make_cleaned("planet", searched, "Mine")


def test_nothing_chosen_and_kinds_that_are_not_judged_are_told(streets: Path) -> None:
    assert "No data set chosen" in looked_at("", "", "suspicion", 0).status
    assert "is not here yet" in looked_at("camvid", "drawn-streets", "suspicion", 0).status
    assert "Wrong labels are found for" in looked_at("camvid", str(streets), "suspicion", 0).status


def test_the_data_step_leads_there_where_labels_can_be_judged(pictures: Path, streets: Path) -> None:
    assert 'href="suspects?task=planet' in show_findings(get_task("planet"), str(pictures))
    assert "suspects?" not in show_findings(get_task("camvid"), str(streets))
