"""The AWD-LSTM's windows join without a seam, and its dropout falls where and when the paper has it."""

import copy
import itertools
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from engine.errors import RecipeError
from engine.models.awd_lstm import (
    LANGUAGE_DROPOUTS,
    PAD,
    LanguageModel,
    LanguageOutput,
    LockedDropout,
    WeightDropLstm,
    WordEmbedding,
    regularisation,
)

WORDS, WIDTH, HIDDEN = 30, 8, 12
CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
DEVICES = ["cpu", pytest.param("cuda", marks=CUDA)]


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def model() -> LanguageModel:
    return LanguageModel(WORDS, width=WIDTH, hidden=HIDDEN).eval()


def words(*shape: int) -> Tensor:
    return torch.randint(PAD + 1, WORDS, shape)


def lstms(model: nn.Module) -> list[WeightDropLstm]:
    return [module for module in model.modules() if isinstance(module, WeightDropLstm)]


def loss_of(output: LanguageOutput, targets: Tensor) -> Tensor:
    return functional.cross_entropy(output.logits.float().flatten(0, 1), targets.flatten()) + regularisation(output)


def test_logits_for_every_word_at_every_step(model: LanguageModel) -> None:
    output = model(words(4, 7))
    assert output.logits.shape == (4, 7, WORDS)
    assert output.raw.shape == output.dropped.shape == (4, 7, WIDTH)
    assert torch.equal(output.raw, output.dropped)
    expected = output.raw @ model.encoder.embedding.weight.T + model.decoder.bias
    torch.testing.assert_close(output.logits, expected)


def test_the_sizes_are_those_of_fast_ai_s_weights() -> None:
    with torch.device("meta"):
        model = LanguageModel(50)
    shapes = [(tuple(lstm.weight_ih.shape), tuple(lstm.weight_hh.shape)) for lstm in lstms(model)]
    assert shapes == [((4608, 400), (4608, 1152)), ((4608, 1152), (4608, 1152)), ((1600, 1152), (1600, 400))]
    assert model.encoder.embedding.weight.shape == (50, 400)


def test_a_layer_is_torch_s_own_lstm() -> None:
    layer = WeightDropLstm(5, 6, input_p=0.5, weight_p=0.5).eval()
    lstm = nn.LSTM(5, 6, batch_first=True)
    lstm.load_state_dict({f"{name}_l0": parameter.detach() for name, parameter in layer.named_parameters()})
    x, state = torch.randn(3, 4, 5), (torch.randn(3, 6), torch.randn(3, 6))
    expected, (h, c) = lstm(x, (state[0][None], state[1][None]))
    outputs, after = layer(x, state)
    torch.testing.assert_close(outputs, expected)
    torch.testing.assert_close(after, (h[0], c[0]))
    bound = 6**-0.5
    assert all(0.7 * bound < p.abs().max() <= bound for p in layer.parameters()), "not begun as torch begins its own"


def test_evaluation_repeats_and_training_does_not(model: LanguageModel) -> None:
    tokens = words(2, 5)

    def logits() -> Tensor:
        model.reset()
        return model(tokens).logits

    assert torch.equal(logits(), logits())
    model.train()
    assert not torch.equal(logits(), logits())


def test_two_windows_are_one_long_pass_until_a_reset(model: LanguageModel) -> None:
    tokens = words(3, 10)
    whole = model(tokens).logits
    model.reset()
    first, second = model(tokens[:, :4]).logits, model(tokens[:, 4:]).logits
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
    model.reset()
    assert not torch.allclose(model(tokens[:, 4:]).logits, second, atol=1e-5), "the state was not forgotten"
    model.reset()
    torch.testing.assert_close(model(tokens).logits, whole)


def test_no_gradient_flows_into_the_window_before(model: LanguageModel) -> None:
    first, second = torch.full((1, 3), 5), torch.full((1, 3), 9)
    model(first)
    model(second).raw.sum().backward()
    gradient = model.encoder.embedding.weight.grad
    assert gradient is not None
    assert gradient[9].abs().sum() > 0
    assert not gradient[5].any()


def test_rows_leave_and_join_without_touching_the_others(model: LanguageModel) -> None:
    tokens = words(3, 6)
    whole = model(tokens).logits
    model.reset()
    model(tokens[:, :3])
    torch.testing.assert_close(model(tokens[:2, 3:]).logits, whole[:2, 3:])
    model.reset()
    model(tokens[:2, :3])
    grown = model(tokens[:, 3:]).logits
    torch.testing.assert_close(grown[:2], whole[:2, 3:])
    model.reset()
    torch.testing.assert_close(grown[2:], model(tokens[2:, 3:]).logits)


def test_a_state_of_inference_can_be_learned_from(model: LanguageModel) -> None:
    with torch.inference_mode():
        model(words(2, 4))
    model.train()
    model(words(2, 4)).logits.sum().backward()


def test_a_locked_mask_is_the_same_at_every_step_and_differs_by_row() -> None:
    dropped = LockedDropout(0.4).train()(torch.ones(50, 6, 40))
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    assert not torch.equal(dropped[0], dropped[1])
    assert (dropped == 0).float().mean().item() == pytest.approx(0.4, abs=0.05)
    assert dropped.unique().tolist() == pytest.approx([0, 1 / 0.6])


def test_a_dropped_word_is_gone_everywhere_and_all_of_it() -> None:
    embedding = WordEmbedding(1000, 4, 0.3).train()
    tokens = torch.arange(1000).repeat(2, 1)
    vectors = embedding(tokens)
    assert torch.equal(vectors[0], vectors[1])
    is_gone = (vectors[0] == 0).all(dim=1)
    assert is_gone.float().mean().item() == pytest.approx(0.3, abs=0.05)
    torch.testing.assert_close(vectors[0][~is_gone], embedding.weight[~is_gone] / 0.7)


def test_padding_s_vector_does_not_learn_from_being_read() -> None:
    embedding = WordEmbedding(5, 4, 0.0)
    embedding(torch.tensor([[PAD, 3]])).sum().backward()
    assert embedding.weight.grad is not None
    assert embedding.weight.grad.sum(1).tolist() == [0, 0, 0, 4, 0]


def test_weights_drop_out_of_use_and_stay_as_they_are() -> None:
    layer = WeightDropLstm(5, 40, input_p=0.0, weight_p=0.3).train()
    kept = layer.weight_hh.detach().clone()
    weight_ih, weight_hh, bias_ih, bias_hh = layer.used_weights()
    is_out = weight_hh == 0
    assert is_out.float().mean().item() == pytest.approx(0.3, abs=0.03)
    torch.testing.assert_close(weight_hh[~is_out], kept[~is_out] / 0.7)
    assert not torch.equal(is_out, layer.used_weights()[1] == 0), "every call draws anew"
    assert torch.equal(layer.weight_hh, kept)
    for used, own in ((weight_ih, layer.weight_ih), (bias_ih, layer.bias_ih), (bias_hh, layer.bias_hh)):
        assert torch.equal(used, own)
    assert torch.equal(layer.eval().used_weights()[1], kept)


def test_used_weights_lie_one_behind_the_other_and_learn() -> None:
    layer = WeightDropLstm(5, 6, input_p=0.0, weight_p=0.5).train()
    used = layer.used_weights()
    places = [part.data_ptr() - used[0].data_ptr() for part in used]
    sizes = [4 * part.numel() for part in used]
    assert places == [0, *itertools.accumulate(sizes[:-1])]
    torch.cat([part.flatten() for part in used]).sum().backward()
    assert layer.weight_hh.grad is not None
    assert torch.equal(layer.weight_hh.grad, (used[1] != 0).float() / 0.5)


def test_the_same_weights_are_out_at_every_step() -> None:
    """With one draw for a window, its steps are those of an LSTM that has the drawn weights."""
    layer = WeightDropLstm(5, 6, input_p=0.0, weight_p=0.5).train()
    x = torch.randn(2, 7, 5)
    torch.manual_seed(3)
    drawn = layer.used_weights()[1].detach()
    torch.manual_seed(3)
    found, _ = layer(x, None)
    layer.eval().weight_hh.data.copy_(drawn)
    torch.testing.assert_close(found, layer(x, None)[0])


@pytest.mark.parametrize("place", ["output_p", "hidden_p", "input_p", "embed_p", "weight_p"])
def test_each_dropout_alone_falls_in_its_place(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    alone = {name: 0.6 if name == place else 0.0 for name in LANGUAGE_DROPOUTS.__slots__}
    monkeypatch.setattr("engine.models.awd_lstm.LANGUAGE_DROPOUTS", type(LANGUAGE_DROPOUTS)(**alone))
    model = LanguageModel(WORDS, width=WIDTH, hidden=HIDDEN)
    tokens, inputs = words(4, 6), {}
    for name, module in (("decoder", model.decoder), *((f"lstm {i}", m) for i, m in enumerate(model.encoder.lstms))):
        module.register_forward_hook(lambda _, args, __, name=name: inputs.update({name: args[0]}))
    with torch.no_grad():
        outputs = {}
        for is_training in (False, True):
            model.train(is_training).reset()
            outputs[is_training] = (model(tokens), dict(inputs))
    (before, quiet), (after, noisy) = outputs[False], outputs[True]
    changed = [name for name in ("lstm 0", "lstm 1", "lstm 2", "decoder") if not torch.equal(quiet[name], noisy[name])]
    # What reaches a layer shows the dropout in front of the last: its own acts inside of it.
    expected = {
        "output_p": [],
        "hidden_p": ["lstm 2", "decoder"],
        "input_p": ["lstm 1", "lstm 2", "decoder"],
        "weight_p": ["lstm 1", "lstm 2", "decoder"],
        "embed_p": ["lstm 0", "lstm 1", "lstm 2", "decoder"],
    }
    assert changed == expected[place]
    assert torch.equal(after.raw, after.dropped) == (place != "output_p")
    assert not torch.equal(before.logits, after.logits)


def test_without_dropout_training_is_evaluation() -> None:
    model = LanguageModel(WORDS, drop_mult=0, width=WIDTH, hidden=HIDDEN).train()
    tokens = words(2, 5)
    in_training = model(tokens).logits
    model.eval().reset()
    assert torch.equal(model(tokens).logits, in_training)


def test_probabilities_are_fastai_s_times_the_factor() -> None:
    model = LanguageModel(WORDS, drop_mult=0.5, width=WIDTH, hidden=HIDDEN)
    assert model.encoder.embedding.p == pytest.approx(0.01)
    assert [lstm.input_dropout.p for lstm in lstms(model)] == pytest.approx([0.125, 0.075, 0.075])
    assert [lstm.weight_p for lstm in lstms(model)] == pytest.approx([0.1] * 3)
    assert model.decoder.dropout.p == pytest.approx(0.05)


@pytest.mark.parametrize("factor", [-0.1, 4.0, float("nan")])
def test_a_factor_that_leaves_no_probability_is_refused(factor: float) -> None:
    with pytest.raises(RecipeError, match=r"Dropout times .* give 0 to less than 4"):
        LanguageModel(WORDS, drop_mult=factor, width=WIDTH, hidden=HIDDEN)


def test_layer_groups_hold_every_parameter_once(model: LanguageModel) -> None:
    groups = [[id(p) for module in group for p in module.parameters()] for group in model.layer_groups()]
    assert [len(group) for group in groups] == [4, 4, 4, 2]
    assert sorted(itertools.chain(*groups)) == sorted(id(p) for p in model.parameters())
    assert groups[-1] == [id(model.encoder.embedding.weight), id(model.decoder.bias)]


def test_every_parameter_learns_from_one_loss(model: LanguageModel) -> None:
    model.train()
    model(words(2, 5))
    loss_of(model(words(2, 5)), words(2, 5)).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_regularisation_by_hand() -> None:
    raw = torch.tensor([[[1.0, 2.0], [3.0, 2.0], [3.0, 5.0]]])  # squares of the differences: 4, 0, 0, 9
    dropped = torch.tensor([[[2.0, 0.0], [6.0, 0.0], [6.0, 0.0]]])  # squares: 4, 36, 36 and three zeros
    output = LanguageOutput(logits=torch.zeros(1, 3, 5), raw=raw, dropped=dropped)
    assert regularisation(output).item() == pytest.approx(2 * 76 / 6 + 13 / 4)
    assert regularisation(output, alpha=0, beta=3).item() == pytest.approx(3 * 13 / 4)
    one_step = LanguageOutput(logits=torch.zeros(1, 1, 5), raw=raw[:, :1], dropped=dropped[:, :1])
    assert regularisation(one_step).item() == pytest.approx(2 * 4 / 2)


def test_regularisation_of_16_bits_is_added_up_in_32() -> None:
    raw = torch.full((1, 2, 1000), 300.0).half()  # the square is too large for 16 bits
    assert regularisation(LanguageOutput(raw, raw, raw)).item() == pytest.approx(2 * 300**2)


@pytest.mark.device
@pytest.mark.parametrize("device", DEVICES)
def test_half_the_bits_give_nearly_the_same_gradients(model: LanguageModel, device: str) -> None:
    """cuDNN gives gradients in evaluation mode too, and does not warn of scattered weights."""
    model.to(device)
    tokens, targets = words(4, 6).to(device), words(4, 6).to(device)

    def gradients(is_half: bool) -> Tensor:
        model.reset()
        model.zero_grad()
        with torch.autocast(device, dtype=torch.bfloat16, enabled=is_half):
            model(tokens)  # so that a state in 16 bits is carried over
            loss = loss_of(model(tokens), targets)
        loss.backward()
        return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])

    exact, rough = gradients(False), gradients(True)
    assert exact.shape == rough.shape
    assert 0 < (exact - rough).norm() < 0.05 * exact.norm()
    assert model(tokens).logits.dtype == torch.float32, "the state follows the weights' type, in and out of autocast"
    model.bfloat16()
    assert model(tokens).logits.dtype == torch.bfloat16


def test_only_weights_are_saved_each_once(model: LanguageModel, tmp_path: Path) -> None:
    model(words(2, 5))
    names = set(model.state_dict())
    assert names == {name for name, _ in model.named_parameters()}
    assert len(names) == 2 + 3 * 4
    # Weights that share memory would be refused or doubled here.
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, tmp_path / "w.safetensors")
    other = LanguageModel(WORDS, width=WIDTH, hidden=HIDDEN).eval()
    other.load_state_dict(load_file(tmp_path / "w.safetensors"))
    model.reset()
    tokens = words(2, 5)
    assert torch.equal(other(tokens).logits, model(tokens).logits)


def test_a_copy_reads_on_by_itself(model: LanguageModel) -> None:
    model(words(2, 5))
    twin, tokens = copy.deepcopy(model), words(2, 5)
    expected = model(tokens).logits
    model(tokens)
    assert torch.equal(twin(tokens).logits, expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_under_autocast_the_lstm_computes_in_the_type_that_was_asked_for(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Autocast's own wrapper of cuDNN's LSTM casts to fp16, whatever was asked: it must not get to see the call."""
    seen: list[tuple[set[torch.dtype], bool]] = []
    real = torch.lstm

    def lstm(x: Tensor, state: list[Tensor], weights: list[Tensor], *rest: object, **named: object) -> object:
        seen.append(({part.dtype for part in (x, *state, *weights)}, torch.is_autocast_enabled("cpu")))
        wide = [[part.float() for part in parts] for parts in ([x], state, weights)]
        return tuple(part.to(dtype) for part in real(wide[0][0], wide[1], wide[2], *rest, **named))

    monkeypatch.setattr(torch, "lstm", lstm)
    layer = WeightDropLstm(WIDTH, HIDDEN, input_p=0.1, weight_p=0.1).train()
    with torch.autocast("cpu", dtype=dtype):
        outputs, state = layer(torch.rand(2, 5, WIDTH), None)
        layer(torch.rand(2, 5, WIDTH), state)
    assert seen == [({dtype}, False)] * 2 and outputs.dtype == dtype
    (outputs.float().mean() / 1e4).backward()  # as training divides a loss by all that it counts
    assert layer.weight_hh.grad is not None and layer.weight_hh.grad.dtype == torch.float32


def test_without_autocast_the_lstm_stays_in_the_weights_type() -> None:
    layer = WeightDropLstm(WIDTH, HIDDEN, input_p=0.0, weight_p=0.0)
    assert layer(torch.rand(2, 5, WIDTH), None)[0].dtype == torch.float32


def test_bf16_keeps_the_gradients_that_fp16_loses() -> None:
    """The loss of a window is divided by all its words: what comes back is too small for fp16, and not for bf16."""
    torch.manual_seed(0)
    layer = WeightDropLstm(WIDTH, HIDDEN, input_p=0.0, weight_p=0.0)
    words = torch.rand(4, 20, WIDTH)

    def lost(dtype: torch.dtype) -> float:
        layer.zero_grad()
        with torch.autocast("cpu", dtype=dtype):
            outputs, _ = layer(words, None)
        (outputs.float().square().sum() * 1e-9).backward()
        assert layer.weight_ih.grad is not None
        return (layer.weight_ih.grad == 0).float().mean().item()

    assert lost(torch.bfloat16) < 0.01
