"""A model that is handed on: half the size, the same answers, a card that says what it is."""

import dataclasses
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from markdown_it import MarkdownIt
from safetensors import SafetensorError
from safetensors.torch import load_file
from tiny_text import save_tiny, shrink_word_models
from untrained import BACKBONE, STREET_STAGE, edit, save_untrained
from untrained_text import recipe as text_recipe
from untrained_text import save as save_text

from engine.bundle import tensors
from engine.bundle.config import Training, read_config, resolve_bundle
from engine.bundle.files import EVALUATION_FILE, MODEL_FILE, OURS
from engine.data.drawn.streets import STREET_CLASSES
from engine.data.sources.fetching import SOURCES
from engine.errors import BundleError, EngineError, HubError
from engine.library import export
from engine.library.card import CARD_FILE, LICENCES, CardChoices, build_card, write_card
from engine.library.export import BUNDLE_FILES, export_bundle, record_evaluation
from engine.library.history import MAX_BYTES, MAX_EPOCHS, TRAINING_FILE, read_history
from engine.library.notebook import NOTEBOOK_FILE, write_notebook
from engine.library.paths import is_folder
from engine.recipe import Recipe, recipe_to_dict
from engine.runs.store import RunSpec, create_run
from engine.runs.worker import main as work
from engine.serving.predictor import load_predictor
from engine.tasks.imdb import CLASSIFIER, IMDB, LANGUAGE_MODEL
from engine.training.evaluate import Evaluation

CLASSES = ("sky", "road", "car")


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    source = save_untrained(tmp_path / "run" / "checkpoints", CLASSES)
    return export_bundle(source, tmp_path / "bundle")


def front_matter(card: str) -> dict[str, Any]:
    _, front, _ = card.split("---\n", 2)
    return yaml.safe_load(front)


def test_an_exported_bundle_is_half_as_large_and_answers_alike(tmp_path: Path) -> None:
    source = save_untrained(tmp_path / "run" / "checkpoints", CLASSES)
    bundle = export_bundle(source, tmp_path / "bundle")
    assert {path.name for path in bundle.iterdir()} <= set(BUNDLE_FILES)
    weights = load_file(bundle / MODEL_FILE)
    assert {tensor.dtype for tensor in weights.values() if tensor.ndim > 1} == {torch.float16}
    assert {tensor.dtype for tensor in weights.values() if tensor.ndim == 1} == {torch.float32}
    assert (bundle / MODEL_FILE).stat().st_size < 0.6 * (source / MODEL_FILE).stat().st_size
    picture = torch.randint(0, 255, (1, 3, 32, 32), dtype=torch.uint8)
    before, after = (load_predictor(folder).logits(picture) for folder in (source, bundle))
    assert (before - after).abs().max() < 0.01 * before.abs().max()
    assert next(load_predictor(bundle).model.parameters()).dtype == torch.float32


def test_an_export_never_overwrites(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is there already"):
        export_bundle(exported, tmp_path / "bundle")


@pytest.mark.parametrize("when", ["before the weights", "after the weights", "after the files"])
def test_a_run_that_saves_a_better_checkpoint_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    checkpoints = tmp_path / "run" / "checkpoints"
    old = save_untrained(checkpoints, CLASSES)
    read, copy = export.read_weights, shutil.copyfile

    def replace_best() -> None:
        if old.exists():
            for step in (2, 3):  # the one before the latest is kept
                save_untrained(checkpoints, CLASSES, seed=1, step=step)
            assert not old.exists()

    def read_weights(source: Path) -> Any:
        if when == "before the weights":
            replace_best()
        weights = read(source)
        if when == "after the weights":
            replace_best()
        return weights

    def copyfile(source: Path, target: Path) -> None:
        copy(source, target)
        replace_best()

    monkeypatch.setattr(export, "read_weights", read_weights)
    monkeypatch.setattr(export.shutil, "copyfile", copyfile)
    bundle = export_bundle(tmp_path / "run", tmp_path / "bundle", notebook=False)
    assert (bundle / EVALUATION_FILE).is_file() and read_config(bundle).seed == 1
    better = export_bundle(tmp_path / "run", tmp_path / "again", notebook=False)
    assert (bundle / MODEL_FILE).read_bytes() == (better / MODEL_FILE).read_bytes()


def test_what_a_checkpoint_lacks_for_good_is_told(tmp_path: Path) -> None:
    source = save_untrained(tmp_path / "run" / "checkpoints", CLASSES)
    (source / MODEL_FILE).write_bytes(b"")
    with pytest.raises(BundleError):
        export_bundle(tmp_path / "run", tmp_path / "bundle")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    source = save_untrained(tmp_path / "run" / "checkpoints", CLASSES)
    monkeypatch.setattr(tensors, "save_file", full)
    with pytest.raises(EngineError, match=f"Could not export {source.name}: the disk is full"):
        export_bundle(source, tmp_path / "bundle")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_bundle_can_be_exported_again(exported: Path, tmp_path: Path) -> None:
    again = export_bundle(exported, tmp_path / "again")
    assert (again / MODEL_FILE).read_bytes() == (exported / MODEL_FILE).read_bytes()
    assert (again / CARD_FILE).read_text() == (exported / CARD_FILE).read_text()


def test_weights_that_fp16_cannot_hold_stay_as_they_are(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    source = save_untrained(tmp_path / "run" / "checkpoints", CLASSES)
    tensors = {name: tensor.clone() for name, tensor in load_file(source / MODEL_FILE).items()}
    tensors["head.weight"][0] = 1e6
    save_file(tensors, source / MODEL_FILE)
    exported = load_file(export_bundle(source, tmp_path / "bundle") / MODEL_FILE)
    assert torch.equal(exported["head.weight"], tensors["head.weight"])


def test_the_card_is_read_by_the_hub_and_by_people(exported: Path) -> None:
    card = (exported / CARD_FILE).read_text()
    front = front_matter(card)
    assert front["pipeline_tag"] == "image-segmentation"
    assert front["license"] == "other" and front["license_name"] == "see-the-data-s-terms"
    assert front["base_model"] == "timm/mobilenetv3_small_100.lamb_in1k"
    (result,) = front["model-index"][0]["results"]
    assert result["dataset"]["split"] == "validation"
    assert [(metric["type"], metric["value"]) for metric in result["metrics"]] == [("pixel_accuracy", 0.5)]
    for said in ("`sky`, `road`, `car`", "no test figures", "Recipe `tiny`, seed 0", "## Limits", "load_predictor("):
        assert said in card


def test_what_a_publisher_says_is_in_the_card_and_is_no_markup(exported: Path) -> None:
    choices = CardChoices(repo_id="me/streets", licence="mit", note="<script>alert(1)</script>\n\n# Ours")
    card = write_card(exported, choices)
    assert front_matter(card)["license"] == "mit"
    assert 'load_predictor("me/streets")' in card and "<script>" not in card and "\n# Ours" not in card


@pytest.mark.parametrize("name", ["![x](losses.png)", "`![x](//a.b/t.png) ` [y](//a.b)", "<img src=//a.b>", "|a\\|`b|"])
def test_no_name_in_a_bundle_is_markup_in_its_card(exported: Path, name: str) -> None:
    """A picture in a card would be fetched from wherever it says by whoever looks at it."""
    config = json.loads((exported / "config.json").read_text())[OURS]
    recipe = config["recipe"] | {"name": name, "stages": [config["recipe"]["stages"][0] | {"name": name}]}
    start = {"task": name, "objective": name, "dataset": name, "seed": 0, "recipe": recipe}
    edit(
        exported, recipe=recipe, starts=[start], dataset=name, remarks=[name], classes=[name, "b"], metrics={name: 0.5}
    )
    row = {
        "stage": 0,
        "stage_name": name,
        "epoch": 1,
        "global_step": 8,
        "train_loss": 1.0,
        "valid_loss": 1.0,
        "seconds": 1.0,
    }
    told = {
        "epochs": [row | {"metrics": {name: 0.5}}],
        "train_items": 8,
        "valid_items": 2,
        "device_name": name,
        "seconds": 1.0,
    }
    (exported / TRAINING_FILE).write_text(json.dumps(told))
    card = write_card(exported, CardChoices(note=name))
    html = MarkdownIt().enable("table").render(card.split("---\n", 2)[2])
    assert "<img" not in html and "<a " not in html and html.count("<tr>") == 2 + 2 + 2


def test_a_licence_that_the_hub_would_refuse_is_refused_at_once() -> None:
    for licence in ("", *LICENCES):
        assert CardChoices(licence=licence).licence == licence
    with pytest.raises(HubError, match=r"The licence is 'MIT'. Choose one of: other, apache-2.0, mit, "):
        CardChoices(licence="MIT")


EPOCH = {
    "stage": 0,
    "stage_name": "",
    "epoch": 1,
    "global_step": 1,
    "train_loss": 1,
    "valid_loss": 1,
    "metrics": {},
    "seconds": 1,
}


def tell(bundle: Path, epochs: list[dict[str, Any]]) -> int:
    """Write a history of these epochs; its bytes."""
    told = {"epochs": epochs, "train_items": 8, "valid_items": 2, "device_name": "a CPU", "seconds": 1.0}
    return (bundle / TRAINING_FILE).write_text(json.dumps(told, separators=(",", ":")))


def test_a_small_history_makes_no_large_card(exported: Path) -> None:
    """The last row says how many columns the table has, and short rows before it cost next to nothing."""
    last = EPOCH | {"metrics": dict.fromkeys(map(str, range(4000)), 1)}
    assert tell(exported, [*[EPOCH] * 399, last]) < 100_000
    assert read_history(exported) is None and len(write_card(exported)) < 10_000
    last = EPOCH | {"metrics": dict.fromkeys(map(str, range(40)), 1)}
    assert tell(exported, [*[EPOCH] * (MAX_EPOCHS - 1), last]) < 1_000_000
    assert len(write_card(exported)) < 2_000_000
    long = EPOCH | {"metrics": dict.fromkeys(map(str, range(40)), 1e308), "stage_name": "<" * 300, "train_loss": 1e308}
    assert tell(exported, [long] * MAX_EPOCHS) < MAX_BYTES
    assert len(write_card(exported)) < MAX_BYTES
    edit(exported, metrics={"loss": 1e308, "perplexity": 123_456_789.0})
    assert "| loss | 1.0000e+308 |\n| perplexity | 123456789.0000 |" in write_card(exported)


def as_format_1(bundle: Path) -> None:
    """Write a config as the first versions did."""
    ours = json.loads((bundle / "config.json").read_text())[OURS]
    (bundle / "config.json").write_text(json.dumps(ours | {"format": 1}))


def test_a_bundle_of_format_1_is_handed_on_in_this_version_s(tmp_path: Path) -> None:
    source = save_untrained(tmp_path / "run" / "checkpoints", CLASSES, dataset="/home/anna/secret/streets")
    as_format_1(source)
    bundle = export_bundle(source, tmp_path / "bundle")
    written = json.loads((bundle / "config.json").read_text())
    assert written.keys() == {OURS} and written[OURS]["format"] == 2 and written[OURS]["classes"] == list(CLASSES)
    assert read_config(bundle).dataset == "streets"
    old, new = read_config(source), read_config(bundle)
    assert (new.stage, new.metrics, new.seed) == (old.stage, old.metrics, old.seed)
    for folder in (bundle, source):
        record_evaluation(folder, Evaluation(loss=0.25, metrics={"pixel_accuracy": 0.75}, details={}))
        assert read_config(folder).metrics["pixel_accuracy"] == 0.75


def test_where_somebody_s_own_data_lies_is_not_handed_on(tmp_path: Path) -> None:
    source = save_untrained(tmp_path / "run" / "checkpoints", CLASSES, dataset="/home/anna/secret/streets")
    bundle = export_bundle(source, tmp_path / "bundle")
    assert read_config(bundle).dataset == "streets" and read_config(source).dataset == "/home/anna/secret/streets"
    assert not [path for path in bundle.iterdir() if b"/home/anna" in path.read_bytes()]


def test_what_it_started_from_is_told_without_its_places(tmp_path: Path, streets: Path) -> None:
    """The start lies outside of the home, and has learnt from another folder."""
    other = tmp_path / "secret" / "streets-of-mine"
    other.parent.mkdir()
    other.symlink_to(streets)
    start = save_untrained(tmp_path / "secret" / "model", STREET_CLASSES, dataset=str(other), seed=3)
    recipe = Recipe(name="tiny", backbone=BACKBONE, stages=(STREET_STAGE,))
    spec = RunSpec(task="camvid", dataset=str(streets), recipe=recipe, init_from=str(start))
    run = create_run(spec, folder=tmp_path / "run")
    assert work(run) == 0
    (told,) = read_config(resolve_bundle(run)).starts
    assert told == Training(task="camvid", objective="mask", dataset=str(other), recipe=recipe, seed=3)
    bundle = export_bundle(run, tmp_path / "bundle")
    assert read_config(bundle).starts == (replace(told, dataset="streets-of-mine"),)
    assert (
        "on a data set of the publisher's own (streets-of-mine): recipe `tiny`, seed 3"
        in (bundle / CARD_FILE).read_text()
    )
    assert not [path for path in bundle.iterdir() if b"secret" in path.read_bytes()]


def test_terms_are_those_of_all_data_and_drawn_is_only_what_began_so(tmp_path: Path) -> None:
    bundle = save_untrained(tmp_path / "run" / "checkpoints", CLASSES, dataset="drawn-streets")
    card = write_card(bundle)
    assert "**It has learnt from drawn data alone**" in card and front_matter(card)["license"] == "apache-2.0"
    (own,) = read_config(bundle).trainings
    edit(bundle, starts=[dataclasses.asdict(replace(own, dataset="camvid"))])
    card = write_card(bundle)
    assert "drawn data alone" not in card and front_matter(card)["license"] == "other"
    terms = [next(source.terms for source in SOURCES if source.name == name) for name in ("drawn-streets", "camvid")]
    assert card.endswith("## The data's terms\n\n" + "\n\n".join(terms) + "\n")


@pytest.mark.parametrize("name", ["bert", "awd-lstm", "resnet18"])
def test_where_a_text_model_s_own_folder_lies_is_not_handed_on(reviews: Path, tmp_path: Path, name: str) -> None:
    """Nor is it taken for what the app, or timm, calls by the folder's name."""
    backbone = save_tiny(tmp_path / "secret" / name)
    data = IMDB.build_objective().open_data(reviews)
    source = save_text(tmp_path / "c", str(backbone), CLASSIFIER, data)
    bundle, halved = (export_bundle(source, tmp_path / str(half), half=half) for half in (False, True))
    edit(source, metrics={"accuracy": 0.5})
    card = build_card(source, CardChoices())
    assert "secret" not in card and f"# IMDB: ./{name}" in card and "base_model" not in front_matter(card)
    assert front_matter(card)["model-index"][0]["name"] == f"IMDB: ./{name}"
    shutil.rmtree(backbone)
    text = "this film is good"
    before, after, small = (load_predictor(folder) for folder in (source, bundle, halved))
    assert after.predict(text) == before.predict(text)
    numbers = before.prepare(text)[1]
    assert torch.equal(after.logits(numbers), before.logits(numbers))
    assert torch.allclose(small.logits(numbers), before.logits(numbers), atol=1e-3)
    for folder in (bundle, halved, export_bundle(bundle, tmp_path / "again")):
        config = read_config(folder)
        assert config.plan.backbone == config.recipe.backbone == f"./{name}"
        assert not [path for path in folder.iterdir() if b"secret" in path.read_bytes()]
        card = (folder / CARD_FILE).read_text()
        assert f"# IMDB: ./{name}" in card and "base_model" not in front_matter(card)


def test_a_model_starts_from_an_export_whose_backbone_s_folder_is_elsewhere(reviews: Path, tmp_path: Path) -> None:
    backbone = save_tiny(tmp_path / "secret" / "bert")
    data = IMDB.build_objective().open_data(reviews)
    start = export_bundle(save_text(tmp_path / "c", str(backbone), LANGUAGE_MODEL, data), tmp_path / "start")
    shutil.rmtree(backbone)
    recipe = text_recipe("./bert", CLASSIFIER)
    run = create_run(RunSpec(task="imdb", dataset=str(reviews), recipe=recipe, init_from=str(start)))
    assert work(run) == 0
    config = read_config(resolve_bundle(run))
    assert config.plan.backbone == "./bert" and [start.objective for start in config.starts] == [LANGUAGE_MODEL]


@pytest.mark.parametrize(
    "name", ["resnet34.tv_in1k", "awd-lstm", "gpt2", "sentence-transformers/all-MiniLM-L6-v2", "me/my.model_2"]
)
def test_names_are_no_folders(name: str) -> None:
    assert not is_folder(name)


@pytest.mark.parametrize("path", ["/models/bert", "./bert", "../bert", "~/bert", "a/b/c", "models/", "/"])
def test_paths_are_folders(path: str) -> None:
    assert is_folder(path)


def test_new_figures_replace_the_old_ones(exported: Path) -> None:
    record_evaluation(exported, Evaluation(loss=0.25, metrics={"pixel_accuracy": 0.75}, details={"rows": [1]}))
    assert read_config(exported).metrics == {"pixel_accuracy": 0.75, "valid_loss": 0.25}
    assert "| pixel accuracy | 0.7500 |" in (exported / CARD_FILE).read_text()


@pytest.mark.parametrize("aim", [CLASSIFIER, LANGUAGE_MODEL])
def test_a_text_model_opens_in_plain_transformers(tiny_bert: Path, reviews: Path, tmp_path: Path, aim: str) -> None:
    from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification, AutoTokenizer

    data = IMDB.build_objective().open_data(reviews)
    bundle = export_bundle(save_text(tmp_path / "c", str(tiny_bert), aim, data), tmp_path / "bundle")
    kind = AutoModelForSequenceClassification if aim == CLASSIFIER else AutoModelForMaskedLM
    theirs, loading = kind.from_pretrained(bundle, output_loading_info=True)
    assert not any(loading[what] for what in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert theirs.dtype == torch.float32
    tokenizer = AutoTokenizer.from_pretrained(bundle)
    read = tokenizer("this film is good [MASK]" if aim == LANGUAGE_MODEL else "this film is good", return_tensors="pt")
    ours: Any = load_predictor(bundle).model
    with torch.inference_mode():
        expected = theirs.eval()(**read).logits
        given = ours.inner(**read).logits
    assert torch.allclose(given, expected, atol=1e-6)
    front = front_matter((bundle / CARD_FILE).read_text())
    assert front["library_name"] == "transformers"
    assert front["pipeline_tag"] == ("text-classification" if aim == CLASSIFIER else "fill-mask")
    assert theirs.config.id2label == ({0: "neg", 1: "pos"} if aim == CLASSIFIER else {0: "LABEL_0", 1: "LABEL_1"})


def test_an_awd_lstm_says_that_only_this_app_opens_it(reviews: Path, tmp_path: Path, monkeypatch) -> None:
    data = IMDB.build_objective().open_data(reviews)
    source = save_text(tmp_path / "c", shrink_word_models(monkeypatch), CLASSIFIER, data)
    card = (export_bundle(source, tmp_path / "bundle") / CARD_FILE).read_text()
    assert "from transformers" not in card and "load_predictor(" in card
    assert "base_model" not in front_matter(card)
    assert load_predictor(tmp_path / "bundle").predict("this film is good").shown == "this film is good"


def test_a_run_s_epochs_and_curves_come_along(tmp_path: Path, streets: Path) -> None:
    start = save_untrained(tmp_path / "start" / "checkpoints", STREET_CLASSES)
    recipe = Recipe(name="tiny", backbone=BACKBONE, stages=(STREET_STAGE,))
    run = create_run(RunSpec(task="camvid", dataset=str(streets), recipe=recipe, init_from=str(start)))
    assert work(run) == 0
    bundle = export_bundle(run, tmp_path / "bundle")
    card = (bundle / CARD_FILE).read_text()
    assert (bundle / "losses.png").read_bytes()[:4] == b"\x89PNG"
    assert "![losses by step](losses.png)" in card and "training samples" in card
    assert json.loads((bundle / "training.json").read_text())["valid_items"] == 4
    # Of a longer recipe the same epochs would be a part, and whoever reads the card or trains it again is told.
    ended = "Training ended before the recipe did: after epoch 1 of 1 in stage 1 of 2."
    assert "ended" not in card and "ended" not in (bundle / NOTEBOOK_FILE).read_text()
    edit(bundle, recipe=recipe_to_dict(replace(recipe, stages=(STREET_STAGE, STREET_STAGE))))
    write_notebook(bundle)
    assert ended in write_card(bundle) and ended in (bundle / NOTEBOOK_FILE).read_text()


def told_of(bundle: Path, metrics: dict[str, float], epochs: list[dict[str, Any]]) -> str:
    """The card's paragraph above its figures, for these figures and a training with these epochs."""
    edit(bundle, metrics=metrics)
    rows = [
        {
            "stage": 0,
            "stage_name": STREET_STAGE.name,
            "epoch": n,
            "global_step": n,
            "train_loss": 1.0,
            "seconds": 1.0,
            **row,
        }
        for n, row in enumerate(epochs, start=1)
    ]
    history = {"epochs": rows, "train_items": 3, "valid_items": 2, "device_name": "cpu", "seconds": 1.0}
    (bundle / TRAINING_FILE).write_text(json.dumps(history))
    return write_card(bundle).partition("## Figures")[2].partition("| metric")[0]


EPOCHS = [
    {"valid_loss": 0.5, "metrics": {"pixel_accuracy": 0.80}},
    {"valid_loss": 0.4, "metrics": {"pixel_accuracy": 0.90}},
]


@pytest.mark.parametrize("half", [True, False])
def test_a_card_says_which_row_of_its_table_its_figures_are(tmp_path: Path, half: bool) -> None:
    source = save_untrained(tmp_path / "run" / "checkpoints", CLASSES)
    bundle = export_bundle(source, tmp_path / "bundle", half=half)
    told = told_of(bundle, {"pixel_accuracy": 0.90001, "valid_loss": 0.4}, EPOCHS)
    assert f"They are those of stage `{STREET_STAGE.name}`, epoch 2, in the training table below" in told
    assert ("before the weights were rounded to half precision (fp16)" in told) == half


@pytest.mark.parametrize("half", [True, False])
def test_a_card_whose_figures_are_no_row_of_its_table_says_why(tmp_path: Path, half: bool) -> None:
    source = save_untrained(tmp_path / "run" / "checkpoints", CLASSES)
    bundle = export_bundle(source, tmp_path / "bundle", half=half)
    for metrics in ({"pixel_accuracy": 0.81, "valid_loss": 0.5}, {"pixel_accuracy": 0.80, "valid_loss": 0.51}):
        told = told_of(bundle, metrics, EPOCHS)
        assert "They differ from the training table below" in told and "measured again on the exported weights" in told
        assert f"The nearest row is stage `{STREET_STAGE.name}`, epoch 1, with pixel accuracy 0.8000." in told
        assert ("which are rounded to half precision (fp16)" in told) == half
    assert "nearest" not in told_of(bundle, {"other": 0.5}, EPOCHS)
