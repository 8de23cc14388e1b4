"""Hugging Face models as a classifier and a language model: their groups, what padding does, and their bundles."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_text import POSITIONS, save_tiny
from torch import Tensor, nn
from transformers import BertConfig, BertForMaskedLM, PreTrainedModel

from engine.bundle.files import CONFIG_FILE, OURS
from engine.bundle.tensors import load_tensors, own_tensors
from engine.data.texts.language_feed import hide
from engine.errors import BundleError, ModelError, RecipeError
from engine.models import pretrained_text
from engine.models.pretrained_text import (
    PretrainedClassifier,
    PretrainedLanguageModel,
    body_layers,
    build_pretrained_classifier,
    build_pretrained_language_model,
)
from engine.models.text_backbone import load_tokenizer
from engine.recipe import MINILM
from engine.task import ModelPlan

KINDS = ("bert", "distilbert", "gpt2")
BUILDERS = (build_pretrained_classifier, build_pretrained_language_model)
CLASSES = ("neg", "pos")
TEXT = "this film is good and the music is lovely"


def save_files(model: Any, folder: Path) -> Path:
    """A bundle without its weights."""
    folder.mkdir(exist_ok=True)
    values = {**model.save_files(folder), OURS: {"backbone": model.inner.config.name_or_path}}
    (folder / CONFIG_FILE).write_text(json.dumps(values))
    return folder


@pytest.fixture(scope="module")
def backbones(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("backbones")
    return {kind: save_tiny(folder / kind, kind) for kind in (*KINDS, "roberta")}


def plan(backbone: Path | str, files: Path | None = None) -> ModelPlan:
    return ModelPlan(backbone=str(backbone), classes=CLASSES, files=files)


def numbers(model: Any, text: str = TEXT) -> Tensor:
    """A text as the model reads it (1, T)."""
    return torch.from_numpy(model.tokenizer.frame(model.tokenizer.encode([text])[0], POSITIONS)).long()[None]


def parameters(modules: list[nn.Module]) -> set[int]:
    return {id(parameter) for module in modules for parameter in module.parameters()}


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize("kind", KINDS)
def test_groups_hold_every_parameter_and_share_none(backbones: dict[str, Path], kind: str, build: Callable) -> None:
    model = build(plan(backbones[kind]))
    groups = [parameters(group) for group in model.layer_groups()]
    assert all(groups), "a group without parameters cannot learn"
    assert set().union(*groups) == {id(parameter) for parameter in model.parameters()}
    assert sum(map(len, groups)) == len(list(model.parameters()))
    assert len(groups) == (4 if kind == "gpt2" and build is build_pretrained_language_model else 5)


@pytest.mark.parametrize(("layers", "sizes"), [(1, [1]), (2, [1, 1]), (4, [1, 2, 1]), (6, [2, 2, 2]), (7, [2, 3, 2])])
def test_layers_are_parted_in_thirds_in_their_order(tmp_path: Path, layers: int, sizes: list[int]) -> None:
    model = build_pretrained_classifier(plan(save_tiny(tmp_path / "m", layers=layers)))
    embeddings, *thirds, head = model.layer_groups()
    assert [type(module).__name__ for module in embeddings] == ["BertEmbeddings"]
    assert [len(third) for third in thirds] == sizes
    assert [module for third in thirds for module in third] == list(body_layers(model.inner))
    assert {type(module).__name__ for module in head} == {"BertPooler", "Dropout", "Linear"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_decoder_that_is_the_embeddings_learns_with_them(backbones: dict[str, Path], kind: str) -> None:
    model = build_pretrained_language_model(plan(backbones[kind]))
    decoder, embeddings = model.inner.get_output_embeddings(), model.inner.get_input_embeddings()
    first, *others = model.layer_groups()
    assert decoder.weight is embeddings.weight
    assert decoder in first
    assert not any(decoder is part for group in others for module in group for part in module.modules())


def test_a_decoder_of_its_own_is_the_head(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "m")
    config = BertConfig.from_pretrained(folder, tie_word_embeddings=False)
    BertForMaskedLM(config).save_pretrained(folder)
    model = build_pretrained_language_model(plan(folder))
    decoder, head = model.inner.get_output_embeddings(), model.layer_groups()[-1]
    assert decoder.weight is not model.inner.get_input_embeddings().weight
    assert id(decoder.weight) in parameters(list(head))


@pytest.mark.parametrize("kind", ["bert", "distilbert"])
def test_guesses_are_the_whole_model_s_at_the_places_that_are_asked_for(backbones: dict[str, Path], kind: str) -> None:
    model = build_pretrained_language_model(plan(backbones[kind])).eval()
    whole: PreTrainedModel = copy.deepcopy(model.inner)
    whole.get_output_embeddings()._forward_pre_hooks.clear()
    draw = torch.Generator().manual_seed(0)
    shown = torch.randint(5, len(model.tokenizer), (3, 12), generator=draw)
    asked = torch.rand(3, 12, generator=draw) < 0.3
    with torch.no_grad():
        found = model(torch.stack([shown, asked.long()], dim=1))
        expected = whole(input_ids=shown).logits
    assert model.reading == "masked" and found.shape == (int(asked.sum()), len(model.tokenizer))
    torch.testing.assert_close(found, expected[asked])
    with torch.no_grad():
        assert torch.equal(model.inner(input_ids=shown).logits, expected), "once asked, it goes back to all places"


def test_a_causal_model_gives_the_next_token_at_every_place(backbones: dict[str, Path]) -> None:
    model = build_pretrained_language_model(plan(backbones["gpt2"])).eval()
    tokens = torch.randint(0, len(model.tokenizer), (2, 9))
    changed = tokens.clone()
    changed[:, 5:] = 7
    with torch.no_grad():
        logits, other = model(tokens), model(changed)
    assert model.reading == "blocks" and logits.shape == (2, 9, len(model.tokenizer))
    torch.testing.assert_close(logits[:, :5], other[:, :5])
    assert not torch.allclose(logits[:, 5:], other[:, 5:])


@pytest.mark.parametrize("kind", KINDS)
def test_texts_in_a_row_are_parted(backbones: dict[str, Path], kind: str) -> None:
    """GPT-2 pads with the token that ends its texts; in a row nothing is padded."""
    tokenizer = build_pretrained_language_model(plan(backbones[kind])).tokenizer
    row = tokenizer.in_row(tokenizer.encode([TEXT])[0]).tolist()
    end = tokenizer.pretrained.eos_token_id if kind == "gpt2" else tokenizer.pretrained.sep_token_id
    assert row[-1] == end and row.count(end) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_padding_does_not_change_the_logits(backbones: dict[str, Path], kind: str) -> None:
    model = build_pretrained_classifier(plan(backbones[kind])).eval()
    text = numbers(model)
    padded = torch.full((2, text.shape[1] + 9), model.tokenizer.pad)
    padded[0, : text.shape[1]] = text
    padded[1] = 8
    with torch.no_grad():
        alone, beside = model(text), model(padded)
    assert alone.shape == (1, 2)
    torch.testing.assert_close(beside[:1], alone)
    assert not torch.allclose(beside[1], alone[0], atol=1e-4)


@pytest.mark.skipif(torch.accelerator.is_available(), reason="an accelerator learns with the fused kernel too")
@pytest.mark.parametrize("kind", [*KINDS, "roberta"])
def test_a_cpu_learns_with_plain_attention_and_answers_the_same_without(backbones: dict[str, Path], kind: str) -> None:
    model = build_pretrained_classifier(plan(backbones[kind]))
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    read = numbers(model)
    learning = model.train()(read)
    assert model.inner.config._attn_implementation == "eager"
    answering = model.eval()(read)
    assert model.inner.config._attn_implementation == model.attention == "sdpa"
    assert torch.allclose(learning, answering, atol=1e-5)


@pytest.mark.skipif(torch.accelerator.is_available(), reason="an accelerator learns with the fused kernel too")
def test_long_texts_are_learnt_with_the_attention_that_keeps_no_pairs(
    backbones: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build_pretrained_classifier(plan(backbones["bert"])).train()
    read = numbers(model)
    monkeypatch.setattr(pretrained_text, "MOST_PLAIN_TOKENS", read.shape[-1] - 1)
    model(read)
    assert model.inner.config._attn_implementation == "sdpa"
    model(read[:, :-1])
    assert model.inner.config._attn_implementation == "eager"
    assert "attn_implementation" not in str(model.inner.config.to_dict()), "a bundle does not say it"


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize("kind", [*KINDS, "roberta"])
def test_a_text_longer_than_the_model_is_refused(backbones: dict[str, Path], kind: str, build: Callable) -> None:
    """RoBERTa's first places stand for padding; what is asked for instead is a length that texts are padded to."""
    model = build(plan(backbones[kind])).eval()
    shape = (2, 2) if getattr(model, "reading", "") == "masked" else (2,)
    most, advice = (POSITIONS, 64) if kind != "roberta" else (POSITIONS - model.tokenizer.pad - 1, 56)
    model(torch.full((*shape, most), 7))
    with pytest.raises(RecipeError, match=rf"{kind} reads up to {advice} tokens, not {most + 1}"):
        model(torch.full((*shape, most + 1), 7))


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_bundle_needs_no_backbone_any_more(
    backbones: dict[str, Path], tmp_path: Path, kind: str, build: Callable
) -> None:
    backbone, bundle = Path(shutil.copytree(backbones[kind], tmp_path / kind)), tmp_path / "bundle"
    model = build(plan(backbone)).eval()
    save_files(model, bundle)
    weights = {name: tensor.clone() for name, tensor in own_tensors(model).items()}
    shutil.rmtree(backbone)
    torch.manual_seed(99)
    twin = build(plan(backbone, files=bundle), pretrained=False).eval()
    text = numbers(twin)
    assert torch.equal(text, numbers(model))
    if getattr(model, "reading", "") == "masked":
        text = hide(text.numpy(), model.tokenizer, np.random.default_rng(0))[0]
    with torch.no_grad():
        assert not torch.allclose(twin(text), model(text))
        load_tensors(twin, weights)
        assert torch.equal(twin(text), model(text))


def test_tied_weights_are_kept_once_under_their_first_name(backbones: dict[str, Path]) -> None:
    model = build_pretrained_language_model(plan(backbones["bert"]))
    names = own_tensors(model)
    assert "bert.embeddings.word_embeddings.weight" in names
    assert "cls.predictions.decoder.weight" not in names
    assert len(names) == len(list(model.parameters())), "and no buffer is saved"


def test_a_bundle_says_which_backbone_it_is_of_and_not_where_it_lay(backbones: dict[str, Path], tmp_path: Path) -> None:
    model = build_pretrained_classifier(plan(backbones["bert"]))
    model.inner.config.name_or_path = MINILM
    save_files(model, tmp_path)
    assert "/" not in (tmp_path / CONFIG_FILE).read_text().replace(MINILM, "")
    for other in (str(backbones["distilbert"]), "bert-base-uncased"):
        with pytest.raises(ModelError, match=rf"holds {MINILM}\. Choose that as backbone"):
            build_pretrained_classifier(plan(other, files=tmp_path), pretrained=False)
    assert build_pretrained_classifier(plan(MINILM, files=tmp_path), pretrained=False).inner.config.hidden_size == 32


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        "[" * 100000,
        '{"model_type": "bert"}',
        '{"model_type": "bert", "lesson_lab": 7}',
        *(
            json.dumps({OURS: {"backbone": "BACKBONE"}, "model_type": "bert"} | wrong)
            for wrong in (
                {"model_type": 7},
                {"hidden_size": "x"},
                {"id2label": 7},
                {"num_attention_heads": 7},
                {"num_hidden_layers": "many"},
            )
        ),
    ],
)
@pytest.mark.parametrize("build", BUILDERS)
def test_a_bundle_with_damaged_sizes_is_refused(
    backbones: dict[str, Path], tmp_path: Path, content: str, build: Callable
) -> None:
    load_tokenizer(str(backbones["bert"])).save(tmp_path)
    (tmp_path / CONFIG_FILE).write_text(content.replace("BACKBONE", str(backbones["bert"])))
    with pytest.raises(ModelError, match=r"cannot be (read as a model's sizes|loaded)"):
        build(plan(backbones["bert"], files=tmp_path), pretrained=False)


def test_more_layers_than_any_model_has_are_not_built(backbones: dict[str, Path], tmp_path: Path) -> None:
    bundle = save_files(build_pretrained_classifier(plan(backbones["bert"])), tmp_path)
    values = json.loads((bundle / CONFIG_FILE).read_text())
    (bundle / CONFIG_FILE).write_text(json.dumps(values | {"num_hidden_layers": 10**9}))
    with pytest.raises(ModelError, match="speaks of 1000000000 layers; models have up to 200"):
        build_pretrained_classifier(plan(backbones["bert"], files=bundle), pretrained=False)


def test_a_bundle_with_a_damaged_tokenizer_is_refused(backbones: dict[str, Path], tmp_path: Path) -> None:
    save_files(build_pretrained_classifier(plan(backbones["bert"])), tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(BundleError, match=r"The tokenizer in .* cannot be read"):
        build_pretrained_classifier(plan(backbones["bert"], files=tmp_path), pretrained=False)


@pytest.mark.parametrize("build", [*BUILDERS, lambda plan: load_tokenizer(plan.backbone)])
@pytest.mark.parametrize("name", ["nobody/no-such-model", "no such model", "../nowhere", ""])
def test_a_name_that_nobody_knows_is_told_with_the_way_out(build: Callable, name: str) -> None:
    with pytest.raises(ModelError, match=rf"The text model {name} cannot be loaded .*; {MINILM} needs neither\."):
        build(plan(name))


def test_a_model_of_pictures_is_no_text_model(tmp_path: Path, backbones: dict[str, Path]) -> None:
    folder = Path(shutil.copytree(backbones["bert"], tmp_path / "m"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "vit"}))
    for build in BUILDERS:
        with pytest.raises(ModelError, match="cannot be loaded"):
            build(plan(folder))


def test_the_head_is_what_a_classifier_and_a_language_model_do_not_share(backbones: dict[str, Path]) -> None:
    for kind in KINDS:
        classifier, guesser = (build(plan(backbones[kind])) for build in BUILDERS)
        names, others = own_tensors(classifier), own_tensors(guesser)
        shared = {name for name in names if not classifier.is_head(name)}
        assert shared == {name for name in others if not guesser.is_head(name)}
        assert all(names[name].shape == others[name].shape for name in shared)
        assert names.keys() - shared and shared
        assert all(classifier.is_head(name) for name in others.keys() - shared)


def test_minilm_comes_with_its_package() -> None:
    """The real one, offline: its five groups, its own tokenizer, and no dropout where it would cost most."""
    model = build_pretrained_classifier(ModelPlan(backbone=MINILM, classes=CLASSES)).eval()
    assert isinstance(model, PretrainedClassifier)
    assert [len(group) for group in model.layer_groups()] == [1, 2, 2, 2, 3]
    assert (model.inner.config.attention_probs_dropout_prob, model.inner.config.hidden_dropout_prob) == (0.0, 0.1)
    words = model.tokenizer.pretrained.convert_ids_to_tokens(numbers(model, "An unwatchable film.")[0].tolist())
    assert words == ["[CLS]", "an", "un", "##watch", "##able", "film", ".", "[SEP]"]
    assert len(model.tokenizer.encode(["film " * 200])[0]) == 200, "its package cuts at 128"
    body = model.inner.base_model
    with torch.no_grad():
        states = [body(input_ids=numbers(model, text)).last_hidden_state.mean(1)[0] for text in FILMS]
    near, far = (torch.cosine_similarity(states[0], other, dim=0).item() for other in states[1:])
    assert near > far + 0.3, "these are its trained weights"


FILMS = ("I loved this movie.", "What a wonderful film!", "The bank raised its interest rate.")


def test_a_language_model_says_how_it_reads(backbones: dict[str, Path]) -> None:
    models = [build_pretrained_language_model(plan(backbones[kind])) for kind in KINDS]
    assert all(isinstance(model, PretrainedLanguageModel) for model in models)
    assert [model.reading for model in models] == ["masked", "masked", "blocks"]
