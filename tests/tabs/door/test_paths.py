"""Where things lie on the host's machine is shown to the host alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from untrained import BACKBONE, STREET_STAGE, save_untrained

from engine.data.sources.fetching import dataset_folder
from engine.data.texts.own import OWN_FOLDER
from engine.host.access import HOST, Person, identify_by
from engine.host.home import HOME_NOTE, data_folder
from engine.library import listing
from engine.library.export import export_bundle
from engine.library.listing import downloads_folder
from engine.recipe import Recipe
from engine.runs.store import RunSpec, create_run
from engine.tasks.camvid import CAMVID
from engine.tasks.imdb import IMDB
from tabs import home, models_page
from tabs import programs as code
from tabs.door import paths
from tabs.panels import cases as cases_panel
from tabs.panels import copied, dataset_picker, http_api, publish_form
from tabs.panels import data as data_panel
from tabs.panels import rate as rate_panel
from tabs.panels import results as results_panel
from tabs.panels import train as train_panel
from tabs.reading import models, opened
from tabs.views import mask_try
from tabs.views.mask_view import MASK_VIEW

ANNA = Person(name="anna", is_host=False)


@pytest.fixture(params=[HOST, ANNA], ids=["host", "visitor"])
def person(request: pytest.FixtureRequest) -> Iterator[Person]:
    """Who is at the page; made as the host, the test says when they come."""
    yield request.param
    identify_by(lambda: HOST)


def test_a_folder_goes_by_its_last_part(person: Person) -> None:
    identify_by(lambda: person)
    assert paths.shown_name("/data/anna/streets") == ("/data/anna/streets" if person.is_host else "streets")
    for name in ("drawn-streets", "resnet34.tv_in1k", "owner/bert", ""):
        assert paths.shown_name(name) == name
    said = f"{dataset_folder('camvid')} and {paths.APP / 'assets'}"
    assert (paths.without_paths(ValueError(said)) == said) == person.is_host
    assert paths.without_paths("No network.") == "No network."
    if not person.is_host:
        assert paths.without_paths(said) == "…/data/camvid and …/assets"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("/home/ann/class/labels.csv has no column tags", "…/labels.csv has no column tags"),
        ("They learnt from '/home/ann/class', and (/data/x.y/b) too.", "They learnt from '…/class', and (…/b) too."),
        (r"C:\Users\ann\class\labels.csv is empty", "…/labels.csv is empty"),
        ("/refused is full", "…/refused is full"),
        ('File "/usr/lib/python3/site-packages/torch/nn.py", line 3', 'File "…/nn.py", line 3'),
        ("and/or 1/2 of ./net at https://hf.co/ann/net, 3 / 4", "and/or 1/2 of ./net at https://hf.co/ann/net, 3 / 4"),
        ("ann/net and …/data/camvid and ~/x", "ann/net and …/data/camvid and ~/x"),
    ],
)
def test_a_visitor_is_told_what_but_not_where(said: str, shown: str) -> None:
    identify_by(lambda: ANNA)
    try:
        assert paths.without_paths(said) == shown
    finally:
        identify_by(lambda: HOST)


def test_nowhere_on_the_page_is_a_model_s_or_a_data_set_s_folder(person: Person, streets: Path, lab_home: Path) -> None:
    recipe = Recipe(name="tiny", backbone="/models/of/mine/net", stages=(STREET_STAGE,))
    run = create_run(RunSpec(task="camvid", dataset=str(streets), recipe=recipe))
    save_untrained(run / "checkpoints", ("sky", "road"), dataset=str(streets))
    identify_by(lambda: person)
    own = data_folder() / OWN_FOLDER / "mine-1"
    own.mkdir(parents=True)
    shown: list[Any] = [
        models_page.show_models((CAMVID,), models_page.ALL, ""),
        models_page.show_model(run.name),
        models.start_choices(CAMVID),
        results_panel.code_of(CAMVID, run.name, "valid"),
        rate_panel.planned_code(CAMVID, str(streets), recipe.backbone, "zeros", "", -1, 32, 4),
        code.train_code("camvid", str(streets), recipe, "", seed=1),
        dataset_picker.dataset_status("own/mine-1"),
        list(dataset_picker.chosen_dataset(IMDB, "own/mine-1")["choices"]),
        train_panel.poll_run(CAMVID, {}, run.name, ""),
        copied.copy_settings(CAMVID, run.name),
        publish_form.card_of(run.name),
    ]
    found = [place for place in (streets.parent, Path("/models/of/mine"), lab_home) if str(place) in str(shown)]
    assert bool(found) == person.is_host, found
    for name in (streets.name, "net", "mine-1"):
        assert name in str(shown)


def test_no_error_names_a_folder(person: Person, lab_home: Path, drawn_streets: Path) -> None:
    bundles = [save_untrained(downloads_folder(), ("sky", "road"))]
    export_bundle(bundles[0], listing.SAMPLES_FOLDER / "camvid")
    (bundles[0] / "model.safetensors").write_bytes(b"damaged")
    for file in drawn_streets.glob("*.txt"):
        file.write_text("one")
    identify_by(lambda: person)
    name = bundles[0].name
    told = [
        http_api.answer(CAMVID, name, lambda _: ("x", ""))["error"],
        mask_try.predict(name, "x").answer.said,
        cases_panel.show_cases(CAMVID, MASK_VIEW, name, "valid", cases_panel.Asked(), 0).cases,
        data_panel.show_gallery(CAMVID, MASK_VIEW, "drawn-streets", "train", 0).gallery,
    ]
    assert [str(lab_home) in str(said) for said in told] == [person.is_host] * len(told), told


def test_the_home_s_note_is_for_the_host(person: Person, lab_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_NOTE, f"/refused cannot be written to. Things are kept in {lab_home} and may be gone.")
    identify_by(lambda: person)
    html = home.show_machine()
    assert (str(lab_home) in html) == ("/refused" in html) == person.is_host
    assert "may be gone" in html or home.FORGETFUL in html
    monkeypatch.setenv(HOME_NOTE, "")
    assert "lab-note" not in home.show_machine()


def test_a_stranger_s_download_is_nobody_s_first_choice(lab_home: Path) -> None:
    def train(person: Person) -> str:
        identify_by(lambda: person)
        made = create_run(
            RunSpec(
                task="camvid",
                dataset="drawn-streets",
                recipe=Recipe(name="t", backbone=BACKBONE, stages=(STREET_STAGE,)),
            )
        )
        save_untrained(made / "checkpoints", ("sky", "road"))
        return made.name

    try:
        theirs, own = train(HOST), train(ANNA)
        export_bundle(listing.find_model(theirs), downloads_folder() / "ben--net")
        export_bundle(listing.find_model(theirs), listing.SAMPLES_FOLDER / "camvid")
        listed = [model.name for model in models.models_of(CAMVID)]
        assert listed == [own, "sample-camvid", "ben--net", theirs]
        assert [name for _, name in models.start_choices(CAMVID)] == ["", *listed]
        identify_by(lambda: Person(name="cleo", is_host=False))
        assert http_api.first_choice(CAMVID) == results_panel.refresh_trained(CAMVID, None)["value"] == "sample-camvid"
        assert opened.run_label(own).endswith("anna")
    finally:
        identify_by(lambda: HOST)
