"""A model as ONNX answers as it does in torch; and the program that a card shows for it runs as it stands there."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny_text import save_tiny, shrink_word_models
from untrained import STREET_STAGE, save_untrained
from untrained_tags import save_untrained_tags
from untrained_text import save as save_text

from engine.bundle.config import build_config
from engine.bundle.files import MODEL_FILE
from engine.errors import BundleError
from engine.kinds.point import COORDINATES
from engine.library import onnx_export
from engine.library.card import CARD_FILE, write_card
from engine.library.export import export_bundle
from engine.library.onnx_export import export_onnx
from engine.library.usage import ONNX_FILE
from engine.recipe import OFFLINE_BACKBONE, Recipe, stage_to_dict
from engine.serving.predictor import load_predictor
from engine.task import ModelPlan
from engine.tasks.heads import HEADS, POOLED
from engine.tasks.imdb import CLASSIFIER, IMDB, LANGUAGE_MODEL
from engine.training.checkpoint import Progress, save_checkpoint
from engine.training.setup import build_optimizer

REPOSITORY = Path(__file__).parents[3]
BACKBONE = "test_efficientnet"  # exported in a third of the time of one that is used
CLASSES = ("sky", "road", "car")
TAGS = ("clear", "haze", "road", "water", "primary")
KINDS = ("mask", "tags", "point")


def save_untrained_point(checkpoints: Path) -> Path:
    """A bundle of the task of head centres whose points lie inside the picture, and not in its middle."""
    torch.manual_seed(1)
    plan = ModelPlan(backbone=BACKBONE, classes=COORDINATES)
    model: Any = HEADS.build_objective(POOLED).build_model(plan, pretrained=False)
    for module in model.body.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # else nothing of the picture reaches the head
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias)
    torch.nn.init.normal_(model.head[-1].weight, std=0.01)  # it begins with zeros
    recipe = Recipe(name="tiny", backbone=BACKBONE, stages=(STREET_STAGE,))
    config = build_config(task=HEADS.name, objective=POOLED, recipe=recipe, plan=plan, dataset="drawn-heads", seed=1)
    name = save_checkpoint(
        checkpoints,
        model=model,
        optimizer=build_optimizer(model, STREET_STAGE),
        progress=Progress(stage=0, step=1, batch_size=4, precision="fp32"),
        config=config | {"stage": stage_to_dict(STREET_STAGE)},
        evaluation=None,
        best=True,
    )
    return checkpoints / name


def save_picture_model(kind: str, folder: Path) -> Path:
    if kind == "mask":  # the backbone that comes with the app pads as TensorFlow does, by the size of what comes in
        return save_untrained(folder, CLASSES, backbone=OFFLINE_BACKBONE)
    if kind == "tags":
        decision = {"threshold": 0.5, "thresholds": [0.5] * len(TAGS), "temperature": 2.0}
        return save_untrained_tags(folder, TAGS, decision=decision, backbone=BACKBONE)
    return save_untrained_point(folder)


def run_card(bundle: Path, folder: Path) -> dict[str, Any]:
    """What the program in a card leaves behind, with the bundle's own files for those on the Hub."""
    blocks = re.findall(r"^```python\n(.*?)^```", (bundle / CARD_FILE).read_text(), re.DOTALL | re.MULTILINE)
    (program,) = (block for block in blocks if "onnxruntime" in block)
    imported = "from huggingface_hub import hf_hub_download\n"
    assert imported in program and '"picture.jpg"' in program
    shown = program.replace(imported, "").replace('"picture.jpg"', repr(str(folder / "picture.jpg")))
    names: dict[str, Any] = {"hf_hub_download": lambda repo, name: str(bundle / name)}
    exec(compile(shown, "card.py", "exec"), names)
    return names


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A bundle with its ONNX of each kind of picture model: making them takes most of these tests' time.

    Made in a process of their own, which writes nothing on the terminal: in here, pytest would take warnings and logs for itself.
    """
    folder = tmp_path_factory.mktemp("bundles")
    made = {kind: folder / kind / "bundle" for kind in KINDS}
    pairs = [(str(save_picture_model(kind, bundle.parent / "run")), str(bundle)) for kind, bundle in made.items()]
    program = (
        "from pathlib import Path\nfrom engine.library.export import export_bundle\n"
        f"for source, bundle in {pairs}: export_bundle(Path(source), Path(bundle), onnx=True)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return made


@pytest.fixture(params=KINDS)
def exported(request: pytest.FixtureRequest, bundles: dict[str, Path]) -> tuple[str, Path]:
    """A kind of picture model, and a bundle of one with its ONNX."""
    return request.param, bundles[request.param]


def test_the_program_in_a_card_answers_as_the_app_does(
    exported: tuple[str, Path], streets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kind, bundle = exported
    drawn = Image.open(min(streets.rglob("*.png"))).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # as a phone saves a picture that was taken upright
    drawn.resize((443, 217)).save(tmp_path / "picture.jpg", exif=exif)
    names = run_card(bundle, tmp_path)
    said = capsys.readouterr().out.strip()

    predictor = load_predictor(bundle)
    shown, batch = predictor.prepare(tmp_path / "picture.jpg")
    assert np.array_equal(names["pixels"], batch.numpy()) and names["picture"].size == shown.size == (217, 443)
    logits = predictor.logits(batch)
    assert np.abs(names["logits"] - logits.numpy()).max() < 1e-3 * max(1, logits.abs().max())
    answer = predictor.predict(tmp_path / "picture.jpg")
    if kind == "mask":
        mask = names["logits"][0].argmax(0)
        assert said == str(mask) and len(np.unique(mask)) > 1
        full = np.asarray(Image.fromarray(mask.astype(np.uint8)).resize(shown.size, Image.Resampling.NEAREST))
        assert (full == answer.mask).mean() > 0.8  # the app enlarges the logits, which gives smoother edges
    elif kind == "tags":
        given = ast.literal_eval(said)
        assert set(given) == set(answer.tags()) and 0 < len(given) < len(TAGS)
        assert given == pytest.approx({tag: answer.probabilities[tag] for tag in given}, abs=1e-3), "calibrated too"
    else:
        column, row = (float(number) for number in said.strip("[]").split())
        assert answer.distance(column, row) < 0.1
        assert abs(column - 217 / 2) > 1 and 0 < row < 443


def test_a_panorama_is_read_no_longer_than_the_app_reads_it(exported: tuple[str, Path], tmp_path: Path) -> None:
    Image.effect_noise((700, 61), 90).save(tmp_path / "picture.jpg")
    names = run_card(exported[1], tmp_path)
    _, batch = load_predictor(exported[1]).prepare(tmp_path / "picture.jpg")
    assert np.array_equal(names["pixels"], batch.numpy()) and batch.shape[-1] == 4 * STREET_STAGE.image_size


def test_pictures_of_any_size_and_any_number(exported: tuple[str, Path]) -> None:
    check_pictures(exported[1], exported[1] / ONNX_FILE)


def check_pictures(bundle: Path, file: Path, channels: int = 3) -> None:
    assert [path.name for path in bundle.iterdir() if "onnx" in path.name] == [file.name] == [ONNX_FILE]
    assert str(REPOSITORY).encode() not in file.read_bytes()  # where the code lies on this machine
    session, predictor = onnxruntime.InferenceSession(file), load_predictor(bundle)
    ((name, shape, kind),) = [(given.name, given.shape, given.type) for given in session.get_inputs()]
    assert (name, shape, kind) == ("pictures", ["batch", channels, "height", "width"], "tensor(uint8)")
    for batch, height, width in ((1, 32, 32), (2, 32, 32), (2, 47, 61), (1, 96, 33), (3, 64, 96)):
        pictures = torch.randint(0, 256, (batch, channels, height, width), dtype=torch.uint8)
        expected = predictor.logits(pictures)
        (given,) = session.run(["logits"], {"pictures": pictures.numpy()})
        assert given.shape == expected.shape
        assert np.abs(given - expected.numpy()).max() < 1e-3 * max(1, expected.abs().max())


def test_pictures_with_four_channels(tmp_path: Path) -> None:
    source = save_untrained_tags(tmp_path / "run" / "checkpoints", TAGS, decision={}, channels=4, backbone=BACKBONE)
    bundle = export_bundle(source, tmp_path / "bundle", onnx=True)
    check_pictures(bundle, bundle / ONNX_FILE, channels=4)
    card = (bundle / CARD_FILE).read_text()
    assert "`pictures` (B, 4, H, W) uint8" in card and "import onnxruntime" not in card


@pytest.mark.parametrize("kind", ["bert", "distilbert", "gpt2"])
def test_texts_of_any_length_and_any_number(kind: str, reviews: Path, tmp_path: Path) -> None:
    backbone, data = str(save_tiny(tmp_path / kind, kind)), IMDB.build_objective().open_data(reviews)
    bundle = save_text(tmp_path / "c", backbone, CLASSIFIER, data)
    session = onnxruntime.InferenceSession(export_onnx(bundle))
    inputs = {given.name: (given.shape, given.type) for given in session.get_inputs()}
    free = (["batch", "tokens"], "tensor(int64)")
    assert inputs == {"input_ids": free, "attention_mask": free}
    predictor: Any = load_predictor(bundle)
    pad = predictor.model.tokenizer.pad
    for lengths in ((16,), (24, 7), (1,), (60, 60, 3)):
        numbers = torch.full((len(lengths), max(lengths)), pad)
        for row, length in enumerate(lengths):
            words = torch.arange(length) * 7 % 40 + 6
            numbers[row, :length] = torch.where(words == pad, 5, words)
        arrays = {"input_ids": numbers.numpy(), "attention_mask": (numbers != pad).long().numpy()}
        (given,) = session.run(["logits"], arrays)
        assert np.abs(given - predictor.logits(numbers).numpy()).max() < 1e-3
    write_card(bundle)
    assert "`input_ids` and `attention_mask` (B, T) int64" in (bundle / CARD_FILE).read_text()


def test_language_models_and_awd_lstms_say_why_there_is_no_onnx(
    tiny_bert: Path, reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, words = IMDB.build_objective().open_data(reviews), shrink_word_models(monkeypatch)
    for backbone, aim in ((str(tiny_bert), LANGUAGE_MODEL), (words, LANGUAGE_MODEL), (words, CLASSIFIER)):
        bundle = save_text(tmp_path / f"{len(backbone)}-{aim}", backbone, aim, data)
        with pytest.raises(BundleError, match="need a program around the network"):
            export_onnx(bundle)
        with pytest.raises(BundleError, match="There is no ONNX"):
            export_bundle(bundle, tmp_path / "bundle", onnx=True)
        assert not list(bundle.glob("*.onnx")) and not (tmp_path / "bundle").exists()


def test_a_wrong_answer_leaves_no_file(
    exported: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, right = exported
    bundle = tmp_path / "bundle"
    shutil.copytree(right, bundle)
    weights = load_file(bundle / MODEL_FILE)
    heads = {name: 1.1 * tensor for name, tensor in weights.items() if name.startswith("head.")}
    save_file({**weights, **heads}, bundle / MODEL_FILE)
    monkeypatch.setattr(onnx_export, "_write", lambda form, file: shutil.copy(right / ONNX_FILE, file))
    with pytest.raises(BundleError, match="answers otherwise than torch"):
        export_onnx(bundle)
    assert not [path for path in bundle.iterdir() if "onnx" in path.name]
