"""The AWD-LSTM by name: its vocabulary is made of the training texts once, and fast.ai's weights are fetched once."""

import os
import pickle
import tarfile
from pathlib import Path

import pytest
import torch
from tiny_text import WORD_LIST, piece_tokenizer, shrink_word_models, write_texts

from engine.data.texts.dataset import TextData, open_texts
from engine.data.texts.tokenizers import WordTokenizer, open_tokenizer
from engine.data.texts.word_rules import SPECIALS
from engine.errors import BundleError, ModelError
from engine.host.home import cache_folder, models_folder
from engine.models import word_models
from engine.models.awd_lstm import LanguageModel
from engine.models.text_classifier import TextClassifier
from engine.models.word_models import (
    WT103_ARCHIVE,
    Size,
    build_word_classifier,
    build_word_language_model,
    make_vocabulary,
)
from engine.recipe import AWD_LSTM, AWD_LSTM_WT103, MINILM
from engine.task import ModelPlan

TRAIN = ["good film good plot", "film film bad", "rare good"]
WIDTH, HIDDEN = 6, 8


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    shrink_word_models(monkeypatch)
    monkeypatch.setitem(word_models.SIZES, AWD_LSTM_WT103, Size(width=WIDTH, hidden=HIDDEN, layers=3, words=500))


@pytest.fixture
def data(tmp_path: Path) -> TextData:
    return open_texts(write_texts(tmp_path / "texts", train=TRAIN, valid=["unseen unseen", "bad"]))


def made(backbone: str, data: TextData) -> tuple[list[tuple[int, int]], Path | None]:
    making, seen = make_vocabulary(backbone, data), []
    while True:
        try:
            seen.append(next(making))
        except StopIteration as end:
            return seen, end.value


def plan(files: Path | None, backbone: str = AWD_LSTM) -> ModelPlan:
    return ModelPlan(backbone=backbone, classes=("neg", "pos"), files=files)


def vocabulary(folder: Path | None) -> tuple[str, ...]:
    assert folder
    tokenizer = open_tokenizer(folder)
    assert isinstance(tokenizer, WordTokenizer)
    return tokenizer.words


def test_the_vocabulary_is_the_training_texts_frequent_words(data: TextData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_models, "AT_ONCE", 2)
    told, folder = made(AWD_LSTM, data)
    assert told == [(2, 3), (3, 3)]
    assert vocabulary(folder) == (*SPECIALS, "film", "good"), "what comes once, or in validation alone, is unknown"
    assert made(AWD_LSTM, data) == ([], folder), "the second time nothing is counted"


def test_a_size_and_other_texts_have_vocabularies_of_their_own(data: TextData, monkeypatch) -> None:
    folders = {made(AWD_LSTM, data)[1], made(AWD_LSTM_WT103, data)[1]}
    assert len(folders) == 1, "both are cut at as many words"
    monkeypatch.setitem(word_models.SIZES, AWD_LSTM, Size(width=4, hidden=4, layers=2, words=len(SPECIALS) + 1))
    _, cut = made(AWD_LSTM, data)
    assert vocabulary(cut) == (*SPECIALS, "film")
    (data.root / "texts.csv").write_text("label,text,is_valid\nneg,new new,False\npos,new,False\nneg,new,True\n")
    _, changed = made(AWD_LSTM, open_texts(data.root))
    assert vocabulary(changed) == (*SPECIALS, "new")


def test_models_with_a_tokenizer_of_their_own_need_no_vocabulary(data: TextData) -> None:
    assert made(MINILM, data) == ([], None)
    assert not list(cache_folder().glob("*-words-*"))


def test_two_processes_that_count_at_once_both_get_it(data: TextData) -> None:
    first, second = make_vocabulary(AWD_LSTM, data), make_vocabulary(AWD_LSTM, data)
    next(first), next(second)
    folders = []
    for making in (first, second):
        with pytest.raises(StopIteration) as end:
            next(making)
        folders.append(end.value.value)
    assert folders[0] == folders[1] and len(list(cache_folder().glob("*-words-*"))) == 1


def test_models_are_as_large_as_their_vocabulary_and_keep_it(data: TextData, tmp_path: Path) -> None:
    _, folder = made(AWD_LSTM, data)
    models = [build(plan(folder)) for build in (build_word_language_model, build_word_classifier)]
    assert [type(model) for model in models] == [LanguageModel, TextClassifier]
    for model in models:
        assert model.encoder.embedding.weight.shape == (len(SPECIALS) + 2, 16)
        assert [lstm.weight_hh.shape[1] for lstm in model.encoder.lstms] == [24, 24, 16]
        bundle = tmp_path / type(model).__name__
        bundle.mkdir()
        model.save_files(bundle)
        assert vocabulary(bundle) == vocabulary(folder)
    assert models[1].head[-1].out_features == 2
    shared = {name for name in models[0].state_dict() if not models[0].is_head(name)}
    assert shared == {name for name in models[1].state_dict() if not models[1].is_head(name)}


def test_no_vocabulary_and_a_stranger_s_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="awd-lstm needs a vocabulary"):
        build_word_classifier(plan(None))
    with pytest.raises(BundleError, match="has no tokenizer"):
        build_word_classifier(plan(tmp_path))
    piece_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"has the tokenizer of another model than awd-lstm. Start from another run"):
        build_word_classifier(plan(tmp_path))


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mirror that is a folder, with an archive as fast.ai's, but tiny."""
    torch.manual_seed(0)
    vectors = torch.randn(4, WIDTH)
    tensors = {"0.encoder.weight": vectors, "1.decoder.weight": vectors, "1.decoder.bias": torch.randn(4)}
    for layer, (inputs, outputs) in enumerate(((WIDTH, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, WIDTH))):
        tensors[f"0.rnns.{layer}.weight_hh_l0_raw"] = torch.randn(4 * outputs, outputs)
        tensors[f"0.rnns.{layer}.module.weight_ih_l0"] = torch.randn(4 * outputs, inputs)
        tensors |= {f"0.rnns.{layer}.module.bias_{side}_l0": torch.randn(4 * outputs) for side in ("ih", "hh")}
    inside = tmp_path / "wt103-fwd"
    inside.mkdir()
    torch.save(tensors, inside / "lstm_fwd.pth")
    (inside / "itos_wt103.pkl").write_bytes(pickle.dumps(["xxunk", "xxpad", "film", "plot"]))
    archive = tmp_path / "mirror" / WT103_ARCHIVE
    archive.parent.mkdir(parents=True)
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(inside, "wt103-fwd")
    monkeypatch.setenv("LESSON_LAB_MIRROR", str(tmp_path / "mirror"))
    return archive


def words_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "words"
    folder.mkdir()
    WordTokenizer(WORD_LIST).save(folder)
    return folder


@pytest.mark.parametrize("build", [build_word_language_model, build_word_classifier])
def test_fast_ai_s_weights_come_from_the_mirror_once(mirror: Path, tmp_path: Path, build) -> None:
    words = words_folder(tmp_path)
    saved = torch.load(tmp_path / "wt103-fwd" / "lstm_fwd.pth")["0.encoder.weight"]
    model = build(plan(words, AWD_LSTM_WT103))
    assert torch.equal(model.encoder.embedding.weight[WORD_LIST.index("film")], saved[2])
    mirror.unlink()
    again = build(plan(words, AWD_LSTM_WT103))
    assert torch.equal(again.encoder.embedding.weight, model.encoder.embedding.weight)
    bundle = build(plan(words, AWD_LSTM_WT103), pretrained=False)
    assert not torch.equal(bundle.encoder.embedding.weight, model.encoder.embedding.weight)
    assert {path.name for path in models_folder().iterdir()} == {"wt103-fwd", "wt103-fwd.lock"}


def test_without_them_the_way_out_is_named(mirror: Path, tmp_path: Path) -> None:
    mirror.write_bytes(b"no archive")
    with pytest.raises(ModelError, match=rf"WikiText-103 cannot be had: .* {AWD_LSTM} and {MINILM} need no network"):
        build_word_classifier(plan(words_folder(tmp_path), AWD_LSTM_WT103))
    assert not (models_folder() / "wt103-fwd").exists()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("lstm_fwd.pth", b"no weights", r"lstm_fwd\.pth cannot be read as weights .* Delete .*wt103-fwd"),
        ("lstm_fwd.pth", pickle.dumps(os.getcwd), r"lstm_fwd\.pth cannot be read as weights"),
        ("itos_wt103.pkl", pickle.dumps(os.getcwd), r"itos_wt103\.pkl is refused"),
        ("lstm_fwd.pth", None, r"has no \.pth file"),
    ],
)
def test_what_is_no_weights_is_refused_and_never_run(mirror, tmp_path: Path, file: str, content, message: str) -> None:
    words = words_folder(tmp_path)
    build_word_classifier(plan(words, AWD_LSTM_WT103))
    (found,) = models_folder().rglob(file)
    found.unlink() if content is None else found.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        build_word_classifier(plan(words, AWD_LSTM_WT103))
