"""The panels' handlers as plain functions: from choosing data to queueing a run."""

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path, PureWindowsPath

import gradio as gr
import pytest
from stand_ins import task_tab
from untrained import save_untrained

from engine.access import HOST, Person, identify_by
from engine.data.drawn import STREET_CLASSES
from engine.data.sources import SOURCES, FetchProgress, dataset_folder
from engine.errors import DownloadError
from engine.events import (
    LossDiverged,
    RatesSuggested,
    RateTried,
    RunFailed,
    RunFinished,
    RunStarted,
)
from engine.hub import library
from engine.hub.export import export_bundle
from engine.hub.library import downloads_folder
from engine.hub.trash import restore_model
from engine.recipe import Stage, knob_fields
from engine.runs.fetches import Fetches, FetchState
from engine.runs.queue import queued_runs
from engine.runs.store import append_event, find_run, list_runs, read_spec
from engine.tasks.camvid import CAMVID
from engine.tasks.planet import PLANET
from engine.tasks.registry import TASKS
from tabs import home
from tabs.components import data_panel, models, opened, rate_panel, results_panel, train_panel, try_panel
from tabs.components.stage_form import form_values
from tabs.page import open_run
from tabs.views.camvid import CAMVID_VIEW
from tabs.views.planet import PLANET_VIEW

FORM = form_values(Stage(epochs=1, image_size=32))[: len(knob_fields())]
SKIP = gr.skip()


def start_training(streets: Path, plan: str = train_panel.ONE_STAGE) -> str:
    update = train_panel.start_run(CAMVID, str(streets), plan, "tf_efficientnet_lite0", "zeros", "", 7, *FORM)
    return update["value"]


def test_without_any_data_the_drawn_set_is_offered_and_nothing_is_open():
    name = data_panel.first_dataset(CAMVID)
    assert name == "drawn-streets"
    html, ready, button, timer = data_panel.dataset_status(name)
    assert "not here yet" in html and not ready and button["visible"] and not timer.active
    assert data_panel.show_gallery(CAMVID, CAMVID_VIEW, ready, "train", 0)[0] == data_panel.NOTHING_OPEN


def test_a_folder_of_ones_own_is_opened_and_a_wrong_one_is_told(streets):
    assert data_panel.dataset_status(str(streets))[1] == str(streets)
    html, ready, *_ = data_panel.dataset_status("/no/such/folder")
    assert not ready and "neither a folder" in html


def test_a_fetch_shows_its_progress():
    running = FetchState(
        name="camvid", status="running", progress=FetchProgress(phase="download", done=3_000_000, total=12_000_000)
    )
    assert "Downloading: 3 MB of 12 MB" in data_panel.fetch_line(running) and "25.0%" in data_panel.fetch_line(running)
    failed = FetchState(name="camvid", status="failed", message="No <network>.")
    assert "No &lt;network&gt;." in data_panel.fetch_line(failed)


def test_pages_of_samples_stay_inside_the_split(streets):
    show = lambda start: data_panel.show_gallery(CAMVID, CAMVID_VIEW, str(streets), "train", start)  # noqa: E731
    html, legend, start, where = show(0)
    assert html.count("<figure") == 6 and "Road" in legend and (start, where) == (0, "1–6 of 10")
    assert show(6)[2:] == (6, "7–10 of 10") and show(99)[2:] == (6, "7–10 of 10") and show(-6)[2] == 0


def test_transforms_questions_and_frequencies_are_shown(streets):
    assert data_panel.show_transforms(CAMVID, CAMVID_VIEW, str(streets), "strong", 3).count("<figure") == 6
    questions, code = data_panel.show_questions(CAMVID, str(streets), "light")
    assert questions.count("<li>") == 6 and "augmentation='light'" in code
    assert "Road" in data_panel.show_frequencies(CAMVID, CAMVID_VIEW, str(streets))


def test_start_without_data_is_told():
    with pytest.raises(gr.Error, match="No data set is open"):
        train_panel.start_run(CAMVID, "", train_panel.ONE_STAGE, "tf_efficientnet_lite0", "zeros", "", 1, *FORM)


def test_start_queues_what_the_form_says_and_the_poll_shows_it_once(streets):
    run = start_training(streets)
    spec = read_spec(find_run(run))
    assert (spec.seed, spec.recipe.stages[0].image_size, spec.dataset) == (7, 32, str(streets))
    assert [folder.name for folder in queued_runs()] == [run]
    picker, live, stopper, resumer, _copier, _remover, _log, fold, seen = train_panel.poll_run(CAMVID, {}, None, "")
    assert picker["value"] == run and "next in line" in live
    assert stopper["visible"] and not resumer["visible"] and not fold["visible"]
    assert train_panel.poll_run(CAMVID, {}, run, seen) == (SKIP,) * 9


def test_a_recipe_is_queued_whole_on_the_chosen_backbone(streets):
    recipe = read_spec(find_run(start_training(streets, "quick"))).recipe
    assert recipe.stages == CAMVID.recipe("quick").stages
    table, form, backbone = train_panel.show_plan(CAMVID, "lesson")
    assert table.count("<tr>") == 5 and not form["visible"] and backbone == CAMVID.recipe("lesson").backbone


def test_stopping_a_waiting_run_takes_it_from_the_queue_and_resume_puts_it_back(streets):
    run = start_training(streets)
    train_panel.stop_run(run)
    assert not queued_runs()
    _, _, stopper, resumer, *_ = train_panel.poll_run(CAMVID, {}, run, "")
    assert resumer["visible"] and not stopper["visible"]
    train_panel.resume_run(run)
    assert [folder.name for folder in queued_runs()] == [run]


def test_a_run_that_has_ended_can_be_deleted_and_one_that_waits_cannot(streets):
    finder = rate_panel.start_finder(CAMVID, str(streets), "tf_efficientnet_lite0", "zeros", "", 0, 64.0, 4.0)["value"]
    polls = {start_training(streets): lambda run: train_panel.poll_run(CAMVID, {}, run, "")[5]}
    polls[finder] = lambda run: rate_panel.poll_rates(CAMVID, run, "")[8]
    for run, button in polls.items():
        assert not button(run)["visible"]
        with pytest.raises(gr.Error, match="Stop it first"):
            train_panel.delete_run(run)
        train_panel.stop_run(run)
        assert button(run)["visible"]
        train_panel.delete_run(run)
        assert run not in [folder.name for folder in list_runs()]
        restore_model(run)
        assert run in [folder.name for folder in list_runs()]


def test_a_run_can_be_copied_into_the_form(streets):
    plan, backbone, new_channels, *values = train_panel.copy_settings(CAMVID, start_training(streets, "quick"))
    assert (plan, backbone, new_channels) == (train_panel.ONE_STAGE, "tf_efficientnet_lite0", "zeros")
    assert values[: len(FORM)] == form_values(CAMVID.recipe("quick").stages[-1])[: len(FORM)]
    with pytest.raises(gr.Error, match="no run to copy"):
        train_panel.copy_settings(CAMVID, None)


def test_the_code_follows_the_form_and_says_what_is_wrong(streets):
    chosen = (CAMVID, str(streets), train_panel.ONE_STAGE, "resnet18", "zeros", "")
    code = train_panel.planned_code(*chosen, 7, *FORM)
    assert "image_size=32" in code and "resnet18" in code and "torch.manual_seed(7)" in code
    assert train_panel.planned_code(*chosen, 7, "fast", *FORM[1:]).startswith("# Epochs is 'fast'")
    assert train_panel.planned_code(*chosen, None, *FORM).startswith("# Seed is empty")
    settings = (CAMVID, str(streets), "resnet18", "zeros", "", -1)
    assert "image_size=64" in rate_panel.planned_code(*settings, 64.0, 4.0)
    assert rate_panel.planned_code(*settings, None, 4.0) == "# Resolution is empty. Give a number."


def test_a_found_rate_goes_into_the_form_with_the_settings_it_was_found_for(streets):
    run = rate_panel.start_finder(CAMVID, str(streets), "tf_efficientnet_lite0", "zeros", "", 0, 64.0, 4.0)["value"]
    with pytest.raises(gr.Error, match="no such suggestion"):
        rate_panel.take_suggestion(run, "valley")
    folder = find_run(run)
    append_event(folder, RunStarted(device="cpu", device_name="c", processes=1, backbone="b", parameters=1))
    append_event(folder, RateTried(step=1, steps=2, lr=1e-4, loss=2.0, smoothed=2.0))
    found = RatesSuggested(suggestions={"valley": 2e-3}, reading="A slice.", reading_lr=(1e-5, 1e-3))
    append_event(folder, found)
    append_event(folder, RunFinished(seconds=1.0))

    polled = rate_panel.poll_rates(CAMVID, run, "")
    assert polled[2]["value"] == "valley · 2e-3" and not polled[3]["visible"] and polled[6]["value"] == "Use 1e-5, 1e-3"
    text, is_slice, _, _, train_from, image_size, batch_size, *model, said = rate_panel.take_suggestion(run, "")
    assert (text, is_slice, train_from, image_size, batch_size) == ("1e-5, 1e-3", True, 0, 64, 4)
    assert model == [train_panel.ONE_STAGE, "tf_efficientnet_lite0", "zeros", ""]
    assert "1e-5, 1e-3 is in the Train form" in said
    assert rate_panel.take_clicked(run, 1.2345e-3)[0] == "1.2e-3"
    # The finder goes further than a stage may.
    assert rate_panel.take_clicked(run, 9.9)[0] == "1" and rate_panel.take_clicked(run, 1e-9)[0] == "1e-7"


def test_a_rate_found_for_a_model_goes_into_the_form_with_it(streets, tmp_path):
    made = save_untrained(tmp_path / "checkpoints", STREET_CLASSES)
    for name, folder in (
        ("sample-camvid", library.SAMPLES_FOLDER / "camvid"),
        ("me--it", downloads_folder() / "me--it"),
    ):
        export_bundle(made, folder)
        finder = rate_panel.start_finder(CAMVID, str(streets), "tf_efficientnet_lite0", "zeros", name, -1, 64, 4)[
            "value"
        ]
        *_, init_from, _said = rate_panel.taken(finder, 1e-3)
        assert init_from == name
        run = train_panel.start_run(CAMVID, str(streets), train_panel.ONE_STAGE, "any", "zeros", init_from, 7, *FORM)
        assert read_spec(find_run(run["value"])).init_from == str(folder)


def test_a_split_is_ranked_once_for_a_model_and_its_data(streets, tmp_path, monkeypatch):
    def judged(predictor, data):
        asked.append(data.root)
        return [(item, 1.0) for item in data.valid[::-1]]

    asked: list[Path] = []
    monkeypatch.setattr("engine.serving.inspect.rank_by_loss", judged)
    own = tmp_path / "streets"
    shutil.copytree(streets, own)
    run, classes = find_run(start_training(own)), opened.open_dataset(CAMVID, str(own)).classes
    save_untrained(run / "checkpoints", classes, dataset=str(own))
    for _ in range(2):
        html, _, where = results_panel.show_cases(CAMVID, CAMVID_VIEW, run.name, results_panel.WORST, 0)
        assert html.count("<figure") == 9 and where == "1–3 of 4"
    assert len(asked) == 1
    # Other weights, and then other data, are judged anew.
    save_untrained(run / "checkpoints", classes, dataset=str(own), seed=1, step=2)
    results_panel.show_cases(CAMVID, CAMVID_VIEW, run.name, results_panel.WORST, 0)
    assert len(asked) == 2
    data = opened.open_dataset(CAMVID, str(own))
    data.valid[0].unlink()
    (own / "more").mkdir()
    assert results_panel.show_cases(CAMVID, CAMVID_VIEW, run.name, results_panel.WORST, 0)[2] == "1–3 of 3"
    assert len(asked) == 3


def test_a_data_set_s_short_name_on_any_system(monkeypatch):
    assert opened.dataset_name("drawn-streets") == "drawn-streets" and opened.dataset_name("/a/b c/") == "b c"
    monkeypatch.setattr(opened, "Path", PureWindowsPath)
    assert opened.dataset_name("C:\\data\\streets") == "streets" and opened.dataset_name("drawn") == "drawn"


def test_home_lists_runs_and_opens_them_where_they_are_shown(streets):
    assert home.show_runs() == home.NO_RUNS
    training = start_training(streets)
    finder = rate_panel.start_finder(CAMVID, str(streets), "tf_efficientnet_lite0", "zeros", "", -1, 64, 4)["value"]
    html = home.show_runs()
    assert training in html and finder in html and "number 2 in line" in html
    tab, tabs = task_tab(CAMVID), "tabs"
    for run, step, picker in ((training, "train", tab.train_run), (finder, "rate", tab.rate_run)):
        updates = open_run(tabs, [task_tab(PLANET), tab], run)
        assert set(updates) == {tabs, tab.steps, picker, tab.rate_timer, tab.train_timer}
        assert updates[tabs].selected == "camvid" and updates[tab.steps].selected == step and updates[picker] == run


def test_home_shows_every_data_set_and_is_quiet_until_something_changes():
    assert {source.name for source in home.listed_sources(TASKS)} == {source.name for source in SOURCES}
    *parts, seen = home.poll_sources(TASKS, "")
    assert len(parts) == 2 * len(SOURCES) and home.poll_sources(TASKS, seen) == (SKIP,) * (len(parts) + 1)
    assert home.poll_runs(home.NO_RUNS) == (SKIP, SKIP)


def test_runs_without_a_checkpoint_are_not_offered_as_models(streets):
    run = start_training(streets)
    assert results_panel.refresh_trained(CAMVID, None)["value"] is None
    save_untrained(find_run(run) / "checkpoints", STREET_CLASSES, dataset=str(streets))
    assert results_panel.refresh_trained(CAMVID, None)["value"] == run
    assert [name for _, name in models.start_choices(CAMVID)] == ["", run]
    assert try_panel.dataset_of(run) == str(streets) and run in try_panel.code_of(CAMVID, CAMVID_VIEW, run)


def test_a_run_without_figures_says_so(streets):
    run = start_training(streets)
    assert "no checkpoint" in results_panel.show_figures(CAMVID_VIEW, run)
    assert "no checkpoint" in results_panel.show_cases(CAMVID, CAMVID_VIEW, run, "listed", 0)[0]


def test_evaluation_is_drawn_class_by_class():
    evaluation = {"metrics": {}, "classes": ["Sky", "Car"], "iou": [0.9, None], "confusion": [[9, 1], [0, 0]]}
    html = CAMVID_VIEW.show_evaluation(evaluation)
    assert "90.0%" in html and "not in the data" in html and "Sky seen as Car: 10.0%" in html


def test_fetches_run_once_in_the_background_and_remember_why_they_failed(monkeypatch):
    calls = []

    def fail(name, on_progress):
        calls.append(name)
        on_progress(FetchProgress(phase="download", done=1, total=2))
        time.sleep(0.2)
        raise DownloadError("No network.")

    fetches = Fetches(fetch=fail)
    fetches.start("camvid")
    fetches.start("camvid")
    assert fetches.state("camvid").status == "running"
    deadline = time.monotonic() + 10
    while fetches.state("camvid").status == "running" and time.monotonic() < deadline:
        time.sleep(0.02)
    assert fetches.state("camvid") == replace(FetchState(name="camvid", status="failed"), message="No network.")
    assert calls == ["camvid"]


def test_this_browser_s_last_data_set_is_chosen_again_while_it_is_there(streets):
    assert data_panel.remembered_dataset(CAMVID, "camvid_tiny") == "camvid_tiny"
    assert data_panel.remembered_dataset(CAMVID, str(streets)) == str(streets)
    for gone in ("", None, "/no/such/folder", "planet_sample"):
        assert data_panel.remembered_dataset(CAMVID, gone) == "drawn-streets"


def test_only_whoever_may_type_a_path_is_told_to() -> None:
    assert "type the path" in data_panel.first_picker(CAMVID, CAMVID_VIEW, "")["info"]
    identify_by(lambda: Person(name="anna", is_host=False))
    try:
        shown = data_panel.first_picker(CAMVID, CAMVID_VIEW, "drawn-streets")
    finally:
        identify_by(lambda: HOST)
    assert shown["info"] == "" and shown["value"] == "drawn-streets"


def test_a_split_that_is_not_there_is_no_error(chips):
    html, _, start, where = data_panel.show_gallery(PLANET, PLANET_VIEW, str(chips), "test", 6)
    assert html == data_panel.NO_TEST and (start, where) == (0, "")


def test_a_broken_picture_does_not_bar_the_way_to_those_behind_it(tmp_path):
    from engine.data.drawn import draw_streets

    folder = tmp_path / "streets"
    draw_streets(folder, train=14, valid=2, test=1, size=(48, 64), seed=1)
    data = opened.open_dataset(CAMVID, str(folder))
    data.train[7].write_bytes(b"no picture")
    html, _, start, where = data_panel.show_gallery(CAMVID, CAMVID_VIEW, str(folder), "train", 6)
    assert data.train[7].name in html and (start, where) == (6, "7–12 of 14")
    assert data_panel.show_gallery(CAMVID, CAMVID_VIEW, str(folder), "train", start + 6)[0].count("<figure") == 2


def test_a_table_that_was_corrected_is_read_again(tmp_path):
    from engine.data.drawn_chips import draw_chips

    folder = tmp_path / "chips"
    draw_chips(folder, count=10, size=32, seed=1)
    before = opened.open_dataset(PLANET, str(folder))
    assert opened.open_dataset(PLANET, str(folder)) is before
    table = folder / "labels.csv"
    first, *rest = table.read_text().splitlines()
    table.write_text("\n".join([first, *(f"{line} spotted" for line in rest)]) + "\n")
    assert "spotted" in opened.open_dataset(PLANET, str(folder)).classes


def test_a_run_stays_listed_however_many_runs_of_other_kinds_come_after_it(streets, monkeypatch):
    monkeypatch.setattr(opened, "LISTED_RUNS", 2)
    run = start_training(streets)
    save_untrained(find_run(run) / "checkpoints", STREET_CLASSES)
    for _ in range(3):
        rate_panel.start_finder(CAMVID, str(streets), "tf_efficientnet_lite0", "zeros", "", -1, 64, 4)
    assert opened.runs_of(CAMVID, "train") == [run] and [model.name for model in models.models_of(CAMVID)] == [run]


def test_a_poll_leaves_alone_what_is_chosen_and_a_diverged_run_is_not_resumed(streets):
    run = start_training(streets)
    assert "value" not in train_panel.poll_run(CAMVID, {}, run, "")[0]
    assert train_panel.poll_run(CAMVID, {}, "a run that is gone", "")[0]["value"] == run
    append_event(find_run(run), LossDiverged(stage=0, step=1, lr=1.0, message="Too high."))
    append_event(find_run(run), RunFailed(message="Too high.", log_tail=""))
    assert not train_panel.poll_run(CAMVID, {}, run, "")[3]["visible"]


def test_an_archive_that_a_mirror_packed_itself_is_called_that():
    folder = dataset_folder("camvid_tiny")
    folder.mkdir(parents=True)
    for as_packed, told in ((True, False), (None, False), (False, True)):
        (folder / "source.json").write_text(json.dumps({"as_packed": as_packed}))
        assert ("The mirror packed this archive itself" in data_panel.dataset_status("camvid_tiny")[0]) == told
