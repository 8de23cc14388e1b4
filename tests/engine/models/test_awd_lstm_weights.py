"""Weights in fastai's naming go where they belong, word by word; what does not fit is named and changes nothing."""

import pytest
import torch
from torch import Tensor, nn

from engine.errors import ModelError
from engine.models.awd_lstm import LANGUAGE_DROPOUTS, Encoder, LanguageModel
from engine.models.awd_lstm_weights import load_fastai_weights
from engine.models.text_classifier import TextClassifier

WIDTH, HIDDEN = 4, 6
OLD = ["xxunk", "xxpad", "the", "film", "was", "good"]
NEW = ["xxunk", "xxpad", "good", "film", "popcorn"]
SIZES = {"width": WIDTH, "hidden": HIDDEN}
INPUTS, OUTPUTS = (WIDTH, HIDDEN, HIDDEN), (HIDDEN, HIDDEN, WIDTH)


@pytest.fixture
def tensors() -> dict[str, Tensor]:
    """As `lstm_fwd.pth` has them: some are there twice."""
    torch.manual_seed(0)
    vectors = torch.randn(len(OLD), WIDTH)
    found = {"0.encoder.weight": vectors, "0.encoder_dp.emb.weight": vectors.clone()}
    for layer, (inputs, outputs) in enumerate(zip(INPUTS, OUTPUTS, strict=True)):
        found[f"0.rnns.{layer}.weight_hh_l0_raw"] = torch.randn(4 * outputs, outputs)
        found[f"0.rnns.{layer}.module.weight_ih_l0"] = torch.randn(4 * outputs, inputs)
        found[f"0.rnns.{layer}.module.weight_hh_l0"] = torch.full((4 * outputs, outputs), torch.nan)
        found[f"0.rnns.{layer}.module.bias_ih_l0"] = torch.randn(4 * outputs)
        found[f"0.rnns.{layer}.module.bias_hh_l0"] = torch.randn(4 * outputs)
    return found | {"1.decoder.weight": vectors.clone(), "1.decoder.bias": torch.randn(len(OLD))}


@pytest.fixture
def model() -> LanguageModel:
    return LanguageModel(len(NEW), **SIZES).eval()


def test_the_logits_are_those_of_torch_s_own_layers(tensors: dict[str, Tensor]) -> None:
    model = LanguageModel(len(OLD), **SIZES).eval()
    load_fastai_weights(model, tensors, OLD, OLD)
    tokens = torch.tensor([[2, 3, 4, 5], [5, 4, 3, 0]])
    x = tensors["0.encoder.weight"][tokens]
    for layer, (inputs, outputs) in enumerate(zip(INPUTS, OUTPUTS, strict=True)):
        lstm = nn.LSTM(inputs, outputs, batch_first=True)
        parts = {
            name: tensors[f"0.rnns.{layer}.module.{name}"] for name in ("weight_ih_l0", "bias_ih_l0", "bias_hh_l0")
        }
        lstm.load_state_dict(parts | {"weight_hh_l0": tensors[f"0.rnns.{layer}.weight_hh_l0_raw"]})
        x, _ = lstm(x)
    torch.testing.assert_close(model(tokens).logits, x @ tensors["0.encoder.weight"].T + tensors["1.decoder.bias"])


def test_words_keep_their_rows_and_unseen_ones_get_the_mean(model: LanguageModel, tensors: dict[str, Tensor]) -> None:
    load_fastai_weights(model, tensors, OLD, NEW)
    vectors, bias = tensors["0.encoder.weight"], tensors["1.decoder.bias"]
    places = [OLD.index(word) for word in NEW[:-1]]
    assert torch.equal(model.encoder.embedding.weight[:-1], vectors[places])
    assert torch.equal(model.decoder.bias[:-1], bias[places])
    torch.testing.assert_close(model.encoder.embedding.weight[-1], vectors.mean(0))
    torch.testing.assert_close(model.decoder.bias[-1], bias.mean())
    assert model.encoder.embedding.weight.requires_grad


def test_a_classifier_and_an_encoder_take_the_encoder_s(tensors: dict[str, Tensor]) -> None:
    model = LanguageModel(len(NEW), **SIZES)
    load_fastai_weights(model, tensors, OLD, NEW)
    classifier = TextClassifier(len(NEW), 2, **SIZES)
    encoder = Encoder(len(NEW), width=WIDTH, hidden=HIDDEN, layers=3, dropouts=LANGUAGE_DROPOUTS)
    without_decoder = {name: tensor for name, tensor in tensors.items() if name.startswith("0.")}
    load_fastai_weights(classifier, tensors, OLD, NEW)
    load_fastai_weights(encoder, without_decoder, OLD, NEW)
    for name, tensor in model.encoder.state_dict().items():
        assert torch.equal(classifier.encoder.state_dict()[name], tensor)
        assert torch.equal(encoder.state_dict()[name], tensor)


def test_second_names_are_not_needed_and_half_the_bits_are_enough(tensors: dict[str, Tensor]) -> None:
    for name in ("0.encoder_dp.emb.weight", "1.decoder.weight", *(f"0.rnns.{i}.module.weight_hh_l0" for i in range(3))):
        del tensors[name]
    model = LanguageModel(len(NEW), **SIZES)
    load_fastai_weights(model, {name: tensor.half() for name, tensor in tensors.items()}, OLD, NEW)
    assert all(p.dtype == torch.float32 and torch.isfinite(p).all() for p in model.parameters())
    torch.testing.assert_close(model.encoder.embedding.weight[3], tensors["0.encoder.weight"][3], rtol=1e-3, atol=1e-3)


MISFITS = {
    "a missing name": (
        {"0.rnns.1.module.bias_hh_l0": None},
        r"no '0\.rnns\.1\.module\.bias_hh_l0' \(1 names are missing",
    ),
    "no decoder": ({"1.decoder.bias": None}, r"no '1\.decoder\.bias'"),
    "a fourth layer": ({"0.rnns.3.weight_hh_l0_raw": torch.zeros(1)}, r"'0\.rnns\.3\.weight_hh_l0_raw', for which"),
    "two directions": ({"0.rnns.0.module.bias_ih_l0_reverse": torch.zeros(24)}, "l0_reverse', for which"),
    "other sizes": (
        {"0.rnns.2.weight_hh_l0_raw": torch.zeros(20, 5)},
        r"raw' of the weights is \(20, 5\), .* \(16, 4\)",
    ),
    "other vectors": ({"0.encoder.weight": torch.zeros(len(OLD), 5)}, r"is \(6, 5\), .* ask for \(6, 4\)"),
    "other words": ({"0.encoder.weight": torch.zeros(9, WIDTH)}, r"is \(9, 4\), .* ask for \(6, 4\)"),
    "other biases": ({"1.decoder.bias": torch.zeros(9)}, r"bias' of the weights is \(9,\), .* ask for \(6,\)"),
    "no tensor": ({"0.rnns.0.module.bias_ih_l0": 3}, "is int, but"),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_what_does_not_fit_is_named_and_changes_nothing(
    model: LanguageModel, tensors: dict[str, Tensor], misfit: str
) -> None:
    changes, message = MISFITS[misfit]
    found = {name: value for name, value in (tensors | changes).items() if value is not None}
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ModelError, match=message):
        load_fastai_weights(model, found, OLD, NEW)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_word_lists_that_do_not_fit_are_refused(model: LanguageModel, tensors: dict[str, Tensor]) -> None:
    with pytest.raises(ModelError, match="The model knows 5 words, but 6 are given"):
        load_fastai_weights(model, tensors, OLD, [*NEW, "again"])
    with pytest.raises(ModelError, match=r"is \(6, 4\), .* ask for \(5, 4\)"):
        load_fastai_weights(model, tensors, OLD[:-1], NEW)
    with pytest.raises(ModelError, match="vocabulary of the weights is empty"):
        load_fastai_weights(model, tensors, [], NEW)
