"""The classifier judges a text by its words alone: not by its padding, its neighbours or the windows it is read in."""

import itertools
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.errors import RecipeError
from engine.models.awd_lstm import PAD, WeightDropLstm
from engine.models.text_classifier import TextClassifier, concat_pool, in_windows

WORDS, WIDTH, HIDDEN, CLASSES, WINDOW = 30, 8, 12, 3, 5


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def build(**changes: float) -> TextClassifier:
    sizes = {"width": WIDTH, "hidden": HIDDEN, "window": WINDOW, "max_length": 20 * WINDOW}
    return TextClassifier(WORDS, CLASSES, **(sizes | changes)).eval()  # pyright: ignore[reportArgumentType]


@pytest.fixture
def model() -> TextClassifier:
    model = build()
    for p in model.encoder.parameters():
        p.data *= 3  # so that logits differ by more than rounding
    for norm in model.head.modules():
        if isinstance(norm, nn.BatchNorm1d):
            norm.get_buffer("running_var").fill_(0.01)
    return model


def text(length: int) -> Tensor:
    return torch.randint(PAD + 1, WORDS, (length,))


def padding(length: int) -> Tensor:
    return torch.full((length,), PAD)


def in_front(texts: list[Tensor], length: int | None = None) -> Tensor:
    length = length or max(len(one) for one in texts)
    return torch.stack([torch.cat([padding(length - len(one)), one]) for one in texts])


def test_the_size_is_the_lesson_s() -> None:
    with torch.device("meta"):
        model = TextClassifier(50, 2)
    layers = [type(layer) for layer in model.head]
    assert layers == [nn.BatchNorm1d, nn.Dropout, nn.Linear, nn.ReLU, nn.BatchNorm1d, nn.Dropout, nn.Linear]
    assert [tuple(p.shape) for p in model.head.parameters() if p.ndim == 2] == [(50, 1200), (2, 50)]
    assert (model.window, model.max_length) == (70, 1400)


def test_probabilities_are_fastai_s_times_the_factor() -> None:
    model = build(drop_mult=0.5)
    assert model.encoder.embedding.p == pytest.approx(0.025)
    lstms = [module for module in model.modules() if isinstance(module, WeightDropLstm)]
    assert [lstm.input_dropout.p for lstm in lstms] == pytest.approx([0.2, 0.15, 0.15])
    assert [lstm.weight_p for lstm in lstms] == pytest.approx([0.25] * 3)
    assert [layer.p for layer in model.head if isinstance(layer, nn.Dropout)] == pytest.approx([0.2, 0.1])
    with pytest.raises(RecipeError, match="give 0 to less than 2"):
        build(drop_mult=2)


@pytest.mark.parametrize("length", [1, 4, 5, 6, 17])
@pytest.mark.parametrize("extra", [1, 4, 5, 12])
def test_padding_does_not_change_the_logits(model: TextClassifier, length: int, extra: int) -> None:
    one = text(length)
    expected = model(one[None])
    assert expected.shape == (1, CLASSES)
    assert torch.isfinite(expected).all()
    for padded in (torch.cat([padding(extra), one]), torch.cat([one, padding(extra)])):
        torch.testing.assert_close(model(padded[None]), expected)


def test_neighbours_do_not_change_the_logits(model: TextClassifier) -> None:
    """In any order, of any lengths: ones that end before the last window too, which fastai loses."""
    for lengths in ([3, 23, 10, 5, 16, 1], [11, 9, 7], [1, 6]):
        texts = [text(length) for length in lengths]
        alone = torch.cat([model(one[None]) for one in texts])
        assert alone.std(0).min() > 1e-3
        torch.testing.assert_close(model(in_front(texts)), alone, rtol=1e-4, atol=1e-5)


def test_windows_are_one_long_pass(model: TextClassifier) -> None:
    whole = build(window=50)
    whole.load_state_dict(model.state_dict())
    tokens = in_front([text(23), text(9)])
    torch.testing.assert_close(model(tokens), whole(tokens), rtol=1e-4, atol=1e-5)


def test_texts_are_laid_out_as_fastai_does() -> None:
    tokens, is_padding, begin = in_windows(in_front([torch.arange(2, 15), torch.arange(2, 9), torch.arange(2, 5)]), 5)
    assert begin.tolist() == [0, 5, 10]
    assert tokens.tolist() == [
        list(range(2, 15)),
        [PAD] * 5 + list(range(2, 9)) + [PAD],
        [PAD] * 10 + [2, 3, 4],
    ]
    assert torch.equal(is_padding, tokens == PAD)


def test_every_read_begins_without_a_state(model: TextClassifier) -> None:
    tokens = text(12)[None]
    expected = model(tokens)
    model(text(12)[None])
    assert torch.equal(model(tokens), expected)


def test_an_empty_text_gets_finite_logits(model: TextClassifier) -> None:
    tokens = in_front([text(8), padding(0)])
    assert torch.isfinite(model(tokens)).all()
    assert torch.isfinite(model(tokens[1:])).all()


def test_pooling_by_hand() -> None:
    steps = torch.tensor([[[9.0], [1.0], [5.0], [2.0]], [[3.0], [-4.0], [-2.0], [9.0]]])
    is_padding = torch.tensor([[True, False, False, False], [True, False, False, True]])
    assert concat_pool(steps, is_padding).tolist() == [[2, 5, pytest.approx(8 / 3)], [-2, -2, -3]]


def test_of_a_long_text_only_the_last_windows_are_pooled(model: TextClassifier) -> None:
    short = build(max_length=2 * WINDOW)
    short.load_state_dict(model.state_dict())
    tokens = text(18)[None]  # windows of 5, 5, 5 and 3: the last two are kept
    raw, _ = model.encoder(tokens)
    kept = raw[:, 10:]
    expected = model.head(torch.cat([kept[:, -1], kept.amax(1), kept.mean(1)], dim=1))
    torch.testing.assert_close(short(tokens), expected)
    assert not torch.allclose(short(tokens), model(tokens), atol=1e-4)


def test_of_a_long_text_only_the_last_windows_teach(model: TextClassifier) -> None:
    model.max_length = 2 * WINDOW
    for is_half in (False, True):
        model.zero_grad()
        tokens = torch.arange(2, 20)[None]
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=is_half):
            logits = model(tokens)
        assert logits.dtype == torch.float32
        logits.sum().backward()
        gradient = model.encoder.embedding.weight.grad
        assert gradient is not None
        assert gradient.abs().sum(1).nonzero().flatten().tolist() == list(range(12, 20))
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.encoder.parameters())


def test_a_limit_below_two_windows_is_refused() -> None:
    with pytest.raises(RecipeError, match="is 9 words: give at least two windows, 10"):
        build(max_length=9)
    for longest in range(11, 40):  # a short text is never left out as a whole
        model = build(max_length=10)
        assert torch.isfinite(model(in_front([text(longest), text(1)]))).all()


def test_layer_groups_hold_every_parameter_once(model: TextClassifier) -> None:
    groups = [[id(p) for module in group for p in module.parameters()] for group in model.layer_groups()]
    assert [len(group) for group in groups] == [1, 4, 4, 4, 6]
    assert sorted(itertools.chain(*groups)) == sorted(id(p) for p in model.parameters())
    assert groups[0] == [id(model.encoder.embedding.weight)]


def test_dropout_falls_in_training_alone(model: TextClassifier) -> None:
    tokens = in_front([text(12), text(7)])
    assert torch.equal(model(tokens), model(tokens))
    model.train()
    assert not torch.equal(model(tokens), model(tokens))
    # Without it, training and evaluation differ by the norms alone; the encoder is the same.
    still = build(drop_mult=0).train()
    windows = in_windows(tokens, WINDOW)
    in_training, _ = still.read(*windows)
    assert torch.equal(in_training, still.eval().read(*windows)[0])


def test_only_weights_are_saved(model: TextClassifier, tmp_path: Path) -> None:
    tokens = in_front([text(12), text(7)])
    expected = model(tokens)
    tensors = {name: tensor.contiguous().clone() for name, tensor in model.state_dict().items()}
    norms = {f"head.{i}.{part}" for i in (0, 4) for part in ("running_mean", "running_var", "num_batches_tracked")}
    assert set(tensors) == {name for name, _ in model.named_parameters()} | norms
    save_file(tensors, tmp_path / "w.safetensors")
    other = build()
    other.load_state_dict(load_file(tmp_path / "w.safetensors"))
    assert torch.equal(other(tokens), expected)
