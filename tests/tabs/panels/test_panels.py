"""The panels' handlers as plain functions: from choosing data to queueing a run."""

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path, PureWindowsPath

import gradio as gr
import pytest
from hub_server import serving
from untrained import save_untrained

from engine.data.drawn.streets import STREET_CLASSES
from engine.data.sources.fetching import SOURCES, FetchProgress, dataset_folder
from engine.errors import DownloadError
from engine.events import (
    LossDiverged,
    RatesSuggested,
    RateTried,
    RunFailed,
    RunFinished,
    RunStarted,
)
from engine.host.access import HOST, Limits, Person, identify_by
from engine.kinds.sifting import Sifted
from engine.library import listing
from engine.library.export import export_bundle
from engine.library.listing import downloads_folder
from engine.library.trash import restore_model
from engine.recipe import Stage
from engine.runs.fetches import Fetches, FetchState
from engine.runs.queue import queued_runs
from engine.runs.store import append_event, find_run, list_runs, read_spec
from engine.serving.sifted import Row
from engine.tasks.camvid import CAMVID
from engine.tasks.planet import PLANET
from engine.tasks.registry import TASKS
from tabs import home
from tabs.drawing.markup import LOADING
from tabs.page import build_page
from tabs.panels import cases as cases_panel
from tabs.panels import copied, dataset_picker, taking
from tabs.panels import data as data_panel
from tabs.panels import plan as plan_panel
from tabs.panels import rate as rate_panel
from tabs.panels import results as results_panel
from tabs.panels import train as train_panel
from tabs.panels import try_it as try_panel
from tabs.panels.stage_form import form_values
from tabs.reading import models, opened
from tabs.views.mask_view import MASK_VIEW
from tabs.views.tags_view import TAGS_VIEW
from tabs.wiring import flat, skipped

FORM = list(form_values(Stage(epochs=1, image_size=32)).knobs)
SKIP = gr.skip()


def start_training(streets: Path, plan: str = plan_panel.ONE_STAGE) -> str:
    update = train_panel.start_run(CAMVID, str(streets), plan, "tf_efficientnet_lite0", "zeros", "", 7, *FORM)
    return update["value"]


def test_without_any_data_the_drawn_set_is_offered_and_nothing_is_open():
    name = dataset_picker.first_dataset(CAMVID)
    assert name == "drawn-streets"
    told = dataset_picker.dataset_status(name)
    assert "not here yet" in told.status and not told.opened and told.fetch_button["visible"] and not told.timer.active
    shown = data_panel.show_gallery(CAMVID, MASK_VIEW, told.opened, "train", 0)
    assert shown.gallery == data_panel.NOTHING_OPEN


def test_a_folder_of_ones_own_is_opened_and_a_wrong_one_is_told(streets):
    assert dataset_picker.dataset_status(str(streets)).opened == str(streets)
    told = dataset_picker.dataset_status("/no/such/folder")
    assert not told.opened and "neither a folder" in told.status


def test_a_fetch_shows_its_progress():
    running = FetchState(
        name="camvid", status="running", progress=FetchProgress(phase="download", done=3_000_000, total=12_000_000)
    )
    assert "Downloading: 3 MB of 12 MB" in dataset_picker.fetch_line(running) and "25.0%" in dataset_picker.fetch_line(
        running
    )
    failed = FetchState(name="camvid", status="failed", message="No <network>.")
    assert "No &lt;network&gt;." in dataset_picker.fetch_line(failed)


def test_pages_of_samples_stay_inside_the_split(streets):
    show = lambda start: data_panel.show_gallery(CAMVID, MASK_VIEW, str(streets), "train", start)  # noqa: E731
    first = show(0)
    assert first.gallery.count("<figure") == 6 and "Road" in first.legend
    assert (first.start, first.where) == (0, "1–6 of 10")
    for asked in (6, 99):
        assert (show(asked).start, show(asked).where) == (6, "7–10 of 10")
    assert show(-6).start == 0


def test_transforms_questions_and_frequencies_are_shown(streets):
    assert data_panel.show_transforms(CAMVID, MASK_VIEW, str(streets), "strong", 3).count("<figure") == 6
    questions, code = data_panel.show_questions(CAMVID, str(streets), "light")
    assert questions.count("<li>") == 6 and "augmentation='light'" in code
    assert "Road" in data_panel.show_frequencies(CAMVID, MASK_VIEW, str(streets))


def test_start_without_data_is_told():
    with pytest.raises(gr.Error, match="No data set is open"):
        train_panel.start_run(CAMVID, "", plan_panel.ONE_STAGE, "tf_efficientnet_lite0", "zeros", "", 1, *FORM)


def test_start_queues_what_the_form_says_and_the_poll_shows_it_once(streets):
    run = start_training(streets)
    spec = read_spec(find_run(run))
    assert (spec.seed, spec.recipe.stages[0].image_size, spec.dataset) == (7, 32, str(streets))
    assert [folder.name for folder in queued_runs()] == [run]
    polled = train_panel.poll_run(CAMVID, {}, None, "")
    assert polled.run["value"] == run and "next in line" in polled.live
    assert polled.stopper["visible"] and not polled.resumer["visible"] and not polled.log_fold["visible"]
    again = train_panel.poll_run(CAMVID, {}, run, polled.seen)
    assert len(flat(again)) == len(flat(polled)) and set(map(str, flat(again))) == {str(SKIP)}


def test_a_recipe_is_queued_whole_on_the_chosen_backbone(streets):
    recipe = read_spec(find_run(start_training(streets, "quick"))).recipe
    assert recipe == plan_panel.fitted_plan(CAMVID, str(streets), CAMVID.recipe("quick")), "small data: more epochs"
    shown = plan_panel.show_plan(CAMVID, "lesson")
    assert shown.stages.count("<tr>") == 5 and not shown.form_column["visible"]
    assert shown.backbone == CAMVID.recipe("lesson").backbone


def test_stopping_a_waiting_run_takes_it_from_the_queue_and_resume_puts_it_back(streets):
    run = start_training(streets)
    train_panel.stop_run(run)
    assert not queued_runs()
    polled = train_panel.poll_run(CAMVID, {}, run, "")
    assert polled.resumer["visible"] and not polled.stopper["visible"]
    train_panel.resume_run(run)
    assert [folder.name for folder in queued_runs()] == [run]


def test_a_run_that_has_ended_can_be_deleted_and_one_that_waits_cannot(streets):
    finder = rate_panel.start_finder(CAMVID, str(streets), "tf_efficientnet_lite0", "zeros", "", 0, 64.0, 4.0)["value"]
    polls = {start_training(streets): lambda run: train_panel.poll_run(CAMVID, {}, run, "").remover}
    polls[finder] = lambda run: rate_panel.poll_rates(CAMVID, run, "").remover
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
    settings = copied.copy_settings(CAMVID, start_training(streets, "quick"))
    assert (settings.plan, settings.backbone, settings.new_channels) == (
        plan_panel.ONE_STAGE,
        "tf_efficientnet_lite0",
        "zeros",
    )
    given = plan_panel.fitted_plan(CAMVID, str(streets), CAMVID.recipe("quick"))
    assert settings.form == form_values(given.stages[-1])
    with pytest.raises(gr.Error, match="no run to copy"):
        copied.copy_settings(CAMVID, None)


def test_the_code_follows_the_form_and_says_what_is_wrong(streets):
    chosen = (CAMVID, str(streets), plan_panel.ONE_STAGE, "resnet18", "zeros", "")
    code = plan_panel.planned_code(*chosen, 7, *FORM)
    assert "image_size=32" in code and "resnet18" in code and "seed=7)" in code
    assert plan_panel.planned_code(*chosen, 7, "fast", *FORM[1:]).startswith("# Epochs is 'fast'")
    assert plan_panel.planned_code(*chosen, None, *FORM).startswith("# Seed is empty")
    settings = (CAMVID, str(streets), "resnet18", "zeros", "", -1)
    assert "image_size=64" in rate_panel.planned_code(*settings, 64.0, 4.0)
    assert rate_panel.planned_code(*settings, None, 4.0) == "# Resolution is empty. Give a number."
    assert '"steps": 300' in rate_panel.planned_code(*settings, 64.0, 4.0, "", 300.0)
    assert rate_panel.planned_code(*settings, 64.0, 4.0, "", None) == "# Rates to try is empty. Give a number."


def test_a_found_rate_goes_into_the_form_with_the_settings_it_was_found_for(streets):
    asked = ("tf_efficientnet_lite0", "zeros", "", 0, 64.0, 4.0)
    run = rate_panel.start_finder(CAMVID, str(streets), *asked, "", 200.0)["value"]
    with pytest.raises(gr.Error, match="no such suggestion"):
        taking.take_suggestion(run, "valley")
    folder = find_run(run)
    assert read_spec(folder).lr_steps == 200
    append_event(folder, RunStarted(device="cpu", device_name="c", processes=1, backbone="b", parameters=1))
    append_event(folder, RateTried(step=1, steps=2, lr=1e-4, loss=2.0, smoothed=2.0))
    found = RatesSuggested(suggestions={"valley": 2e-3}, reading="A slice.", reading_lr=(1e-5, 1e-3))
    append_event(folder, found)
    append_event(folder, RunFinished(seconds=1.0))

    polled = rate_panel.poll_rates(CAMVID, run, "")
    assert polled.suggested.valley["value"] == "valley · 2e-3" and not polled.suggested.slide["visible"]
    assert polled.reading["value"] == "Use 1e-5, 1e-3"
    taken = taking.take_suggestion(run, "")
    assert (taken.rate.rate, taken.rate.ways.is_slice) == ("1e-5, 1e-3", True)
    assert (taken.train_from, taken.size, taken.batch_size) == (0, 64, 4)
    model = (taken.plan, taken.backbone, taken.new_channels, taken.init_from)
    assert model == (plan_panel.ONE_STAGE, "tf_efficientnet_lite0", "zeros", "")
    assert "1e-5, 1e-3 is in the Train form" in taken.said
    for clicked, written in (
        (1.2345e-3, "1.2e-3"),
        (9.9, "1"),
        (1e-9, "1e-7"),
    ):  # the finder goes further than a stage may
        assert taking.take_clicked(run, clicked).rate.rate == written


def test_a_rate_found_for_a_model_goes_into_the_form_with_it(streets, tmp_path):
    made = save_untrained(tmp_path / "checkpoints", STREET_CLASSES)
    for name, folder in (
        ("sample-camvid", listing.SAMPLES_FOLDER / "camvid"),
        ("me--it", downloads_folder() / "me--it"),
    ):
        export_bundle(made, folder)
        finder = rate_panel.start_finder(CAMVID, str(streets), "tf_efficientnet_lite0", "zeros", name, -1, 64, 4)[
            "value"
        ]
        init_from = taking.taken(finder, 1e-3).init_from
        assert init_from == name
        run = train_panel.start_run(CAMVID, str(streets), plan_panel.ONE_STAGE, "any", "zeros", init_from, 7, *FORM)
        assert read_spec(find_run(run["value"])).init_from == str(folder)


def test_a_split_is_ranked_once_for_a_model_and_its_data(streets, tmp_path, monkeypatch):
    def judged(predictor, data, split):
        asked.append(data.root)
        return [Row(item=item, loss=1.0, sifted=Sifted(is_right=True), facts={}) for item in data.items(split)]

    asked: list[Path] = []
    monkeypatch.setattr("engine.serving.sifted.sift", judged)
    own = tmp_path / "streets"
    shutil.copytree(streets, own)
    run, classes = find_run(start_training(own)), opened.open_dataset(CAMVID, str(own)).classes
    save_untrained(run / "checkpoints", classes, dataset=str(own))
    for _ in range(2):
        shown = cases_panel.show_cases(CAMVID, MASK_VIEW, run.name, "valid", cases_panel.Asked("worst"), 0)
        assert shown.cases.count("<figure") == 9 and shown.where == "1–3 of 4"
    assert len(asked) == 1
    # Other weights, and then other data, are judged anew.
    save_untrained(run / "checkpoints", classes, dataset=str(own), seed=1, step=2)
    cases_panel.show_cases(CAMVID, MASK_VIEW, run.name, "valid", cases_panel.Asked("worst"), 0)
    assert len(asked) == 2
    data = opened.open_dataset(CAMVID, str(own))
    data.valid[0].unlink()
    (own / "more").mkdir()
    assert (
        cases_panel.show_cases(CAMVID, MASK_VIEW, run.name, "valid", cases_panel.Asked("worst"), 0).where == "1–3 of 3"
    )
    assert len(asked) == 3


def test_a_data_set_s_short_name_on_any_system(monkeypatch):
    assert opened.dataset_name("drawn-streets") == "drawn-streets" and opened.dataset_name("/a/b c/") == "b c"
    monkeypatch.setattr(opened, "Path", PureWindowsPath)
    assert opened.dataset_name("C:\\data\\streets") == "streets" and opened.dataset_name("drawn") == "drawn"


def test_home_lists_runs_and_leads_to_where_they_are_shown(streets):
    assert home.show_runs() == home.NO_RUNS
    training = start_training(streets)
    finder = rate_panel.start_finder(CAMVID, str(streets), "tf_efficientnet_lite0", "zeros", "", -1, 64, 4)["value"]
    html = home.show_runs()
    assert training in html and finder in html and "number 2 in line" in html
    assert f'href="camvid?run={training}#train"' in html and f'href="camvid?run={finder}#rate"' in html


def test_home_shows_every_data_set_and_is_quiet_until_something_changes():
    assert {source.name for source in home.listed_sources(TASKS)} == {source.name for source in SOURCES}
    polled = home.poll_sources(TASKS, "")
    assert len(polled.rows) == len(SOURCES) and "Drawn streets" in str(polled.rows)
    again = flat(home.poll_sources(TASKS, polled.seen))
    assert again == [SKIP] * len(flat(polled)) and len(again) == 2 * len(SOURCES) + 1
    assert home.poll_runs(home.NO_RUNS) == skipped(home.RunsPolled)


def test_runs_without_a_checkpoint_are_not_offered_as_models(streets):
    run = start_training(streets)
    assert results_panel.refresh_trained(CAMVID, None)["value"] is None
    save_untrained(find_run(run) / "checkpoints", STREET_CLASSES, dataset=str(streets))
    assert results_panel.refresh_trained(CAMVID, None)["value"] == run
    assert [name for _, name in models.start_choices(CAMVID)] == ["", run]
    assert try_panel.dataset_of(run) == str(streets) and run in try_panel.code_of(CAMVID, run)


def test_a_run_without_figures_says_so(streets):
    run = start_training(streets)
    assert "no checkpoint" in results_panel.show_figures(MASK_VIEW, run)
    assert "no checkpoint" in cases_panel.show_cases(CAMVID, MASK_VIEW, run, "valid", cases_panel.Asked(), 0).cases


def test_evaluation_is_drawn_class_by_class():
    evaluation = {"metrics": {}, "classes": ["Sky", "Car"], "iou": [0.9, None], "confusion": [[9, 1], [0, 0]]}
    html = MASK_VIEW.show_evaluation(evaluation)
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
    assert dataset_picker.remembered_dataset(CAMVID, "camvid_tiny") == "camvid_tiny"
    assert dataset_picker.remembered_dataset(CAMVID, str(streets)) == str(streets)
    for gone in ("", None, "/no/such/folder", "planet_sample"):
        assert dataset_picker.remembered_dataset(CAMVID, gone) == "drawn-streets"


def test_only_whoever_may_type_a_path_is_told_to() -> None:
    assert "type the path" in dataset_picker.first_picker(CAMVID, MASK_VIEW, "")["info"]
    identify_by(lambda: Person(name="anna", is_host=False))
    try:
        shown = dataset_picker.first_picker(CAMVID, MASK_VIEW, "drawn-streets")
    finally:
        identify_by(lambda: HOST)
    assert shown["info"] == "" and shown["value"] == "drawn-streets"


def test_a_split_that_is_not_there_is_no_error(chips):
    shown = data_panel.show_gallery(PLANET, TAGS_VIEW, str(chips), "test", 6)
    assert shown.gallery == data_panel.NO_TEST and (shown.start, shown.where) == (0, "")


def test_a_broken_picture_does_not_bar_the_way_to_those_behind_it(tmp_path):
    from engine.data.drawn.streets import draw_streets

    folder = tmp_path / "streets"
    draw_streets(folder, train=14, valid=2, test=1, size=(48, 64), seed=1)
    data = opened.open_dataset(CAMVID, str(folder))
    data.train[7].write_bytes(b"no picture")
    shown = data_panel.show_gallery(CAMVID, MASK_VIEW, str(folder), "train", 6)
    assert data.train[7].name in shown.gallery and (shown.start, shown.where) == (6, "7–12 of 14")
    behind = data_panel.show_gallery(CAMVID, MASK_VIEW, str(folder), "train", shown.start + 6)
    assert behind.gallery.count("<figure") == 2


def test_a_table_that_was_corrected_is_read_again(tmp_path):
    from engine.data.drawn.chips import draw_chips

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
    assert "value" not in train_panel.poll_run(CAMVID, {}, run, "").run
    assert train_panel.poll_run(CAMVID, {}, "a run that is gone", "").run["value"] == run
    append_event(find_run(run), LossDiverged(stage=0, step=1, lr=1.0, message="Too high."))
    append_event(find_run(run), RunFailed(message="Too high.", log_tail=""))
    assert not train_panel.poll_run(CAMVID, {}, run, "").resumer["visible"]


def test_a_picker_follows_its_own_start_and_no_poll_takes_it_back(streets):
    older = start_training(streets)
    train_panel.poll_run(CAMVID, {}, older, "")
    started = train_panel.start_run(
        CAMVID, str(streets), plan_panel.ONE_STAGE, "tf_efficientnet_lite0", "zeros", "", 7, *FORM
    )
    newer = started["value"]
    assert newer != older and newer in [run for _, run in started["choices"]]
    # A poll that was asked while the older one was chosen may be answered after the start.
    assert "value" not in train_panel.poll_run(CAMVID, {}, older, "").run
    followed = train_panel.poll_run(CAMVID, {}, newer, "")
    assert "value" not in followed.run and newer in [run for _, run in followed.run["choices"]]
    finder = rate_panel.start_finder(CAMVID, str(streets), "tf_efficientnet_lite0", "zeros", "", -1, 64, 4)
    assert finder["value"] in [run for _, run in finder["choices"]]
    assert "value" not in rate_panel.poll_rates(CAMVID, finder["value"], "").run


def test_a_poll_without_runs_takes_nothing_back():
    for polled in (train_panel.poll_run(CAMVID, {}, None, ""), rate_panel.poll_rates(CAMVID, None, "")):
        assert "value" not in polled.run and polled.run["choices"] == []
    assert train_panel.poll_run(CAMVID, {}, "deleted", "").run["value"] is None


def test_panels_say_that_they_load_until_they_were_answered(build):
    page = build(build_page)
    shown = [block.value for block in page.blocks.values() if isinstance(block, gr.HTML)]
    assert shown.count(LOADING) > 5 * len(TASKS)
    early = (train_panel.NOTHING_YET, rate_panel.NOTHING_YET, cases_panel.NOTHING_YET, data_panel.NOTHING_OPEN)
    assert not set(shown) & set(early)


def test_an_archive_that_a_mirror_packed_itself_is_called_that():
    folder = dataset_folder("camvid_tiny")
    folder.mkdir(parents=True)
    for as_packed, told in ((True, False), (None, False), (False, True)):
        (folder / "source.json").write_text(json.dumps({"as_packed": as_packed}))
        assert ("The mirror packed this archive itself" in dataset_picker.dataset_status("camvid_tiny").status) == told


def test_a_data_set_of_the_hub_is_fetched_by_its_name_with_the_columns_that_are_written(
    lab_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(
        dataset_picker,
        "HUB_FETCHES",
        Fetches(
            dataset_picker._fetch_from_hub,
            is_here=lambda written: dataset_picker._here_from_hub(written) is not None,
            check_may=lambda name: None,
        ),
    )
    rows = "".join(f"film {number} was {word},{word},x\n" for number in range(20) for word in ("good", "bad"))
    with serving() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        hub.create("datasets/a/films", files={"all.csv": f"what,is,other\n{rows}".encode()})
        told = dataset_picker.dataset_status("a/films")
        assert told.opened == "" and told.fetch_button["visible"] and "Hugging Face Hub" in told.status
        dataset_picker.start_fetch("a/films")
        told = ended("a/films")
        assert "Which column is the input is not clear" in told.status and told.fetch_button["visible"]
        dataset_picker.start_fetch("a/films --input what --target is")
        told = ended("a/films --input what --target is")
    assert told.opened.startswith("own/a-films-") and "your own" in told.status
    identify_by(lambda: Person(name="anna", is_host=False), Limits())
    try:
        assert not dataset_picker.is_on_hub("a/films")
    finally:
        identify_by(lambda: HOST)


def ended(name: str) -> dataset_picker.DatasetStatus:
    until = time.monotonic() + 30
    while dataset_picker.HUB_FETCHES.state(name).status == "running" and time.monotonic() < until:
        time.sleep(0.05)
    return dataset_picker.dataset_status(name)
