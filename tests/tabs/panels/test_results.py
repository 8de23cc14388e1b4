"""The Results step: what stands there before a model is chosen, without its data set, and where there is a test split."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from untrained import save_untrained

from engine.data.drawn.streets import STREET_CLASSES
from engine.data.sources.fetching import FetchProgress, fetch
from engine.host.access import HOST, Person, identify_by
from engine.library import listing
from engine.library.export import export_bundle
from engine.runs.fetches import Fetches
from engine.tasks.camvid import CAMVID
from engine.tasks.planet import PLANET
from tabs.drawing.markup import LOADING
from tabs.panels import cases as cases_panel
from tabs.panels import data as data_panel
from tabs.panels import dataset_picker, missing_data
from tabs.panels import results as results_panel
from tabs.panels.taken_up import show_offers
from tabs.views.mask_view import MASK_VIEW

SHELL = "python -m"


@pytest.fixture
def sample(tmp_path: Path) -> str:
    """A model that came with the app, trained on a data set that is not on this machine."""
    made = save_untrained(tmp_path / "made", STREET_CLASSES, dataset="camvid_tiny")
    export_bundle(made, listing.SAMPLES_FOLDER / "camvid")
    return "sample-camvid"


@pytest.fixture
def visitor() -> Iterator[None]:
    identify_by(lambda: Person(name="anna", is_host=False))
    yield
    identify_by(lambda: HOST)


def cases(model: str | None, split: str = cases_panel.VALID) -> cases_panel.Cases:
    return cases_panel.show_cases(CAMVID, MASK_VIEW, model, split, cases_panel.Asked(), 0)


def test_no_model_is_said_only_where_there_is_none(lab_home: Path) -> None:
    assert cases(None).cases == cases_panel.NOTHING_YET


def test_a_page_that_has_yet_to_choose_a_model_is_loading(sample: str) -> None:
    assert cases(None).cases == LOADING and cases("").cases == cases_panel.CHOOSE


def test_without_its_data_set_a_sample_shows_its_figures_and_the_host_a_button(sample: str) -> None:
    assert "Pixel accuracy" in results_panel.show_figures(MASK_VIEW, sample)
    shown = cases(sample)
    assert "CamVid" in shown.cases and "not here yet" in shown.cases and SHELL not in shown.cases
    assert "Ask the host" not in shown.cases and (shown.start, shown.where) == (0, "")
    told = missing_data.show_fetch(sample)
    assert told.button["visible"] and told.button["value"].startswith("Fetch it") and not told.timer.active
    assert not results_panel.offered_splits(CAMVID, sample, cases_panel.VALID).split["visible"]


def test_a_visitor_is_told_whom_to_ask(sample: str, visitor: None) -> None:
    assert "Ask the host of this page" in cases(sample).cases and SHELL not in cases(sample).cases
    assert not missing_data.show_fetch(sample).button["visible"]
    with pytest.raises(gr.Error, match="Only the host of this page may fetch data"):
        missing_data.start_fetch(sample)


def test_a_fetch_shows_how_far_it_is_and_once_it_is_done_the_comparisons_come(
    sample: str, streets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    go_on, begun = threading.Event(), threading.Event()

    def slowly(name: str, on_progress) -> Path:
        on_progress(FetchProgress(phase="download", done=3_000_000, total=12_000_000))
        begun.set()
        assert go_on.wait(60)
        return streets

    fetches = Fetches(fetch=slowly)
    for module in (missing_data, dataset_picker):
        monkeypatch.setattr(module, "FETCHES", fetches)
    assert missing_data.start_fetch(sample).timer.active and begun.wait(60)
    polled = missing_data.poll_fetch(sample, 0)
    assert "3 MB of 12 MB" in polled.line and not polled.button["visible"] and polled.fetched == gr.skip()
    monkeypatch.setattr(missing_data, "is_ready", lambda name: True)
    done = missing_data.poll_fetch(sample, 0)
    assert (
        done.fetched == 1
        and done.line == ""
        and not done.timer.active
        and missing_data.show_missing("camvid_tiny") == ""
    )
    go_on.set()


def test_a_folder_of_ones_own_that_is_gone_is_no_data_set_to_fetch() -> None:
    assert missing_data.show_missing("/gone/streets") == "" and not missing_data.is_missing("")


def test_test_is_offered_where_there_is_one(streets: Path, chips: Path, tmp_path: Path) -> None:
    with_test = data_panel.offered_splits(CAMVID, str(streets), "test")
    assert data_panel.TEST in with_test["choices"] and "value" not in with_test
    without = data_panel.offered_splits(PLANET, str(chips), "test")
    assert data_panel.TEST not in without["choices"] and without["value"] == "train"
    assert data_panel.TEST not in data_panel.offered_splits(CAMVID, None, "valid")["choices"]


def test_the_test_split_is_shown_and_measured_on_demand(streets: Path, tmp_path: Path) -> None:
    own = tmp_path / "streets"
    shutil.copytree(streets, own)
    classes = CAMVID.build_objective().open_data(own).classes
    made = save_untrained(tmp_path / "made", classes, dataset=str(own))
    shutil.copytree(made, listing.SAMPLES_FOLDER / "camvid")  # an export would forget where its data lies
    for split, measures in ((cases_panel.VALID, False), (cases_panel.TEST, True)):
        offered = results_panel.offered_splits(CAMVID, "sample-camvid", split)
        assert offered.split == gr.update(visible=True) and offered.measure["visible"] == measures
    on_valid, on_test = cases("sample-camvid"), cases("sample-camvid", cases_panel.TEST)
    assert (on_valid.where, on_test.where) == ("1–3 of 4", "1–2 of 2"), on_valid.cases
    assert "Test pictures" in on_test.heading and "looked at once" in on_test.heading
    assert "Validation pictures" in on_valid.heading and "looked at once" not in on_valid.heading
    measured = results_panel.show_test_figures(CAMVID, MASK_VIEW, "sample-camvid")
    assert "Pixel accuracy" in measured and "whole test split" in measured
    assert (
        measured.partition("lab-figures")[2]
        != results_panel.show_figures(MASK_VIEW, "sample-camvid").partition("lab-figures")[2]
    )
    shutil.rmtree(own / "test")
    assert results_panel.offered_splits(CAMVID, "sample-camvid", cases_panel.TEST).split == gr.update(
        visible=False, value=cases_panel.VALID
    )


def test_where_the_data_set_is_here_nothing_is_missing(lab_home: Path) -> None:
    fetch("drawn-streets")
    assert missing_data.show_missing("drawn-streets") == ""


def with_data(streets: Path, tmp_path: Path) -> Path:
    """A sample model whose data set is here; where that lies."""
    own = tmp_path / "streets"
    shutil.copytree(streets, own)
    classes = CAMVID.build_objective().open_data(own).classes
    shutil.copytree(save_untrained(tmp_path / "made", classes, dataset=str(own)), listing.SAMPLES_FOLDER / "camvid")
    return own


def test_each_case_in_sight_may_be_taken_up(streets: Path, tmp_path: Path) -> None:
    own = with_data(streets, tmp_path)
    offers = cases("sample-camvid").offers
    assert len(offers) == cases_panel.PAGE and all(Path(offer.given).is_relative_to(own) for offer in offers)
    shown = show_offers(offers)
    assert [f'data-choice="{number}"' in shown for number in range(4)] == [True, True, True, False]
    assert offers[2].name in shown and str(own) not in shown
    assert show_offers(cases(None).offers) == ""


def test_the_same_cases_go_through_another_model_too(streets: Path, tmp_path: Path) -> None:
    own = with_data(streets, tmp_path)
    classes = CAMVID.build_objective().open_data(own).classes
    shutil.copytree(save_untrained(tmp_path / "other", classes, dataset=str(own)), listing.SAMPLES_FOLDER / "other")
    other = save_untrained(tmp_path / "strange", ("sky", "road"), dataset=str(own))
    shutil.copytree(other, listing.SAMPLES_FOLDER / "strange")

    def through(beside: str) -> cases_panel.Cases:
        return cases_panel.show_cases(
            CAMVID, MASK_VIEW, "sample-camvid", cases_panel.VALID, cases_panel.Asked(), 0, beside
        )

    alone, both = through(""), through("sample-other")
    assert both.cases.count("<figure") == 2 * alone.cases.count("<figure") and both.cases.count("lab-whose") == 2
    assert through("sample-camvid") == alone, "a model is not shown beside itself"
    assert "other classes" in through("sample-strange").cases
