"""A classifier starts from a language model: it takes the body and the words, and has a head of its own."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_text import save_tiny, shrink_word_models
from torch import nn
from untrained_text import recipe, save

from engine.bundle.config import read_config
from engine.bundle.files import CONFIG_FILE, MODEL_FILE
from engine.bundle.tensors import own_tensors
from engine.bundle.weights import init_weights, load_weights
from engine.data.texts.dataset import TextData
from engine.errors import BundleError, ModelError
from engine.models.word_models import SIZES
from engine.serving.predictor import load_predictor
from engine.task import plan_model
from engine.tasks.imdb import CLASSIFIER, IMDB, LANGUAGE_MODEL
from engine.training.planning import plan_now

BODIES = ("bert", "distilbert", "gpt2", "awd-lstm")


@pytest.fixture
def data(reviews: Path) -> TextData:
    return IMDB.build_objective().open_data(reviews)


@pytest.fixture
def backbone(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "awd-lstm":
        return shrink_word_models(monkeypatch)
    return str(save_tiny(tmp_path / request.param, request.param))


def start(bundle: Path, backbone: str, aim: str, data: Any, seed: int = 7) -> tuple[nn.Module, list[str]]:
    """A model of an aim that starts from a bundle, and the tensors that stayed its own."""
    torch.manual_seed(seed)
    objective = IMDB.build_objective(aim)
    model = objective.build_model(plan_now(objective, recipe(backbone, aim), data, bundle), pretrained=False)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    fresh = init_weights(model, bundle, data.classes)
    assert all(torch.equal(model.state_dict()[name], before[name]) for name in fresh)
    return model, fresh


@pytest.mark.parametrize("backbone", BODIES, indirect=True)
def test_a_classifier_takes_a_language_model_s_body_and_no_head(backbone: str, data: TextData, tmp_path: Path) -> None:
    bundle = save(tmp_path / "lm", backbone, LANGUAGE_MODEL, data)
    model, fresh = start(bundle, backbone, CLASSIFIER, data)
    saved, own = load_file(bundle / MODEL_FILE), model.state_dict()
    assert fresh == sorted(own.keys() - saved.keys()), "all that a language model lacks, and nothing else"
    assert fresh and all(model.is_head(name) for name in fresh)
    assert all(torch.equal(own[name], saved[name]) for name in own.keys() - set(fresh))


@pytest.mark.parametrize("backbone", BODIES, indirect=True)
@pytest.mark.parametrize("aim", [CLASSIFIER, LANGUAGE_MODEL])
def test_the_same_kind_takes_everything(backbone: str, aim: str, data: TextData, tmp_path: Path) -> None:
    bundle = save(tmp_path / "b", backbone, aim, data)
    model, fresh = start(bundle, backbone, aim, data)
    twin, _ = start(bundle, backbone, aim, data, seed=8)
    assert fresh == []
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), twin.parameters(), strict=True))


@pytest.mark.parametrize("backbone", BODIES, indirect=True)
def test_other_classes_keep_the_body_alone(backbone: str, data: TextData, tmp_path: Path) -> None:
    bundle = save(tmp_path / "b", backbone, CLASSIFIER, data)
    swapped = dataclasses.replace(data, classes=data.classes[::-1])
    model, fresh = start(bundle, backbone, CLASSIFIER, swapped)
    assert fresh and all(model.is_head(name) for name in fresh)
    assert {name for name in own_tensors(model) if model.is_head(name)} <= set(fresh)


@pytest.mark.parametrize("backbone", BODIES, indirect=True)
@pytest.mark.parametrize("aim", [CLASSIFIER, LANGUAGE_MODEL])
def test_a_bundle_comes_back_whole_without_its_backbone(
    backbone: str, aim: str, data: TextData, tmp_path: Path
) -> None:
    bundle = Path(shutil.move(save(tmp_path / "b", backbone, aim, data), tmp_path / "elsewhere"))
    shutil.rmtree(backbone, ignore_errors=True)
    config = read_config(bundle)
    assert (config.objective, config.plan.backbone, config.plan.files) == (aim, backbone, bundle)
    model = IMDB.build_objective(aim).build_model(config.plan, pretrained=False)
    load_weights(model, bundle)
    saved = load_file(bundle / MODEL_FILE)
    for name, tensor in own_tensors(model).items():
        assert torch.equal(tensor, saved[name]), name


@pytest.mark.parametrize("aim", [CLASSIFIER, LANGUAGE_MODEL])
def test_absurd_sizes_take_no_memory(tiny_bert: Path, aim: str, data: TextData, tmp_path: Path) -> None:
    bundle = save(tmp_path / "b", str(tiny_bert), aim, data)
    sizes = json.loads((bundle / CONFIG_FILE).read_text())
    (bundle / CONFIG_FILE).write_text(json.dumps(sizes | {"vocab_size": 10**12}))
    with pytest.raises(BundleError, match=r"has shape \(\d+, 32\) instead of \(1000000000000, 32\)"):
        load_predictor(bundle)


def test_another_backbone_is_refused(
    tiny_bert: Path, data: TextData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    awd = shrink_word_models(monkeypatch)
    other = str(save_tiny(tmp_path / "distilbert", "distilbert"))
    from_bert = save(tmp_path / "bert-lm", str(tiny_bert), LANGUAGE_MODEL, data)
    from_awd = save(tmp_path / "awd-lm", awd, LANGUAGE_MODEL, data)
    with pytest.raises(ModelError, match=r"holds .*tiny-bert. Choose that as backbone"):
        start(from_bert, other, CLASSIFIER, data)
    with pytest.raises(ModelError, match="the tokenizer of another model than awd-lstm"):
        start(from_bert, awd, CLASSIFIER, data)
    with pytest.raises(ModelError, match=r"holds awd-lstm. Choose that as backbone"):
        start(from_awd, str(tiny_bert), CLASSIFIER, data)
    monkeypatch.setitem(SIZES, awd, dataclasses.replace(SIZES[awd], hidden=32))
    with pytest.raises(BundleError, match=r"tensors do not fit, among them encoder\.lstms\.0"):
        start(from_awd, awd, CLASSIFIER, data)


def test_weights_of_another_body_are_refused_even_where_the_words_are_the_same(
    tiny_bert: Path, data: TextData, tmp_path: Path
) -> None:
    bundle = save(tmp_path / "lm", str(tiny_bert), LANGUAGE_MODEL, data)
    other = str(save_tiny(tmp_path / "distilbert", "distilbert"))
    model = IMDB.build_objective().build_model(plan_model(recipe(other, CLASSIFIER), data), pretrained=False)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(BundleError, match=r"among them distilbert"):
        init_weights(model, bundle, data.classes)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_vocabulary_comes_with_its_language_model(data: TextData, tmp_path: Path, monkeypatch) -> None:
    """Words are numbered as the language model has them, whatever the texts that follow would make of them."""
    backbone = shrink_word_models(monkeypatch)
    bundle = save(tmp_path / "lm", backbone, LANGUAGE_MODEL, data)
    few = dataclasses.replace(data, train=data.train[:3])
    model: Any = start(bundle, backbone, CLASSIFIER, few)[0]
    own: Any = IMDB.build_objective().build_model(plan_now(IMDB.build_objective(), recipe(backbone, CLASSIFIER), few))
    assert len(model.tokenizer) > len(own.tokenizer)
    language: Any = start(bundle, backbone, LANGUAGE_MODEL, data)[0]
    assert model.tokenizer.words == language.tokenizer.words
