"""Test-time augmentation: the mean of the probabilities over the eight ways in which a square can lie."""

import pytest
import torch
from torch import Tensor, nn

from engine.data.pictures.symmetries import MASKS_MIRRORED, POINTS_MIRRORED, SQUARE
from engine.errors import ModelError
from engine.kinds.number import build_number_objective
from engine.serving.augmented import Augmented, build_augmented
from engine.tasks.planet import PLANET


class MeanColours(nn.Module):
    """Sees the same in a picture however it lies."""

    def forward(self, batch: Tensor) -> Tensor:
        return batch.mean((2, 3))


class FirstPixel(nn.Module):
    """Sees the upper left corner alone."""

    def forward(self, batch: Tensor) -> Tensor:
        return batch[:, :, 0, 0]


def build(model: nn.Module) -> nn.Module:
    return build_augmented(PLANET.build_objective(), model)


@pytest.mark.parametrize("size", [(6, 6), (5, 9)])
def test_a_model_to_which_it_makes_no_difference_answers_as_before(size: tuple[int, int]) -> None:
    batch = 3 * torch.randn(4, 3, *size, generator=torch.Generator().manual_seed(0))
    expected = MeanColours()(batch)
    assert expected.std() > 0.2
    torch.testing.assert_close(build(MeanColours())(batch), expected, rtol=1e-4, atol=1e-4)


def test_probabilities_are_averaged() -> None:
    corners = torch.tensor([[2.0, -1.0], [0.5, 8.0]])  # each corner comes to lie first twice in eight times
    found = build(FirstPixel())(corners.view(1, 1, 2, 2))
    assert found.shape == (1, 1)
    assert found.sigmoid().item() == pytest.approx(corners.sigmoid().mean().item(), abs=1e-6)
    assert found.item() != pytest.approx(corners.mean().item(), abs=0.1), "and not the logits"


def test_a_model_that_is_entirely_sure_gives_finite_logits() -> None:
    found = build(FirstPixel())(torch.tensor([-1e4, 1e4]).view(1, 2, 1, 1))
    assert torch.isfinite(found).all()
    assert (found.sigmoid() > 0.5).tolist() == [[False, True]]


def test_the_eight_symmetries_are_those_of_the_square() -> None:
    square = torch.arange(9).view(1, 1, 3, 3)
    found = {tuple(change(square).flatten().tolist()) for change, _ in SQUARE.changes}
    turned = [torch.rot90(side, quarters, (2, 3)) for side in (square, square.flip(-1)) for quarters in range(4)]
    assert len(SQUARE.changes) == len(found) == 8
    assert found == {tuple(one.flatten().tolist()) for one in turned}


def test_the_symmetries_turn_pictures_and_mix_no_samples_or_channels() -> None:
    batch = torch.randn(2, 3, 4, 4)
    for change, _ in SQUARE.changes:
        for sample in range(2):
            for channel in range(3):
                alone = change(batch[sample : sample + 1, channel : channel + 1])
                assert torch.equal(change(batch)[sample, channel], alone[0, 0])


class Finder(nn.Module):
    """Sees where the brightest pixel is, with an error that always goes to the right."""

    def forward(self, batch: Tensor) -> Tensor:
        width = batch.shape[-1]
        column = batch[:, 0].amax(1).argmax(1)
        x = (2 * column + 1) / width - 1
        return torch.stack([x + 0.25, torch.zeros_like(x)], dim=1)


def test_points_are_mirrored_back_so_that_a_constant_error_goes_away() -> None:
    batch = torch.zeros(2, 3, 4, 8)
    batch[0, :, 1, 1] = batch[1, :, 2, 6] = 1.0
    found = Augmented(Finder(), POINTS_MIRRORED)(batch)
    assert found[:, 0].tolist() == pytest.approx([3 / 8 - 1, 13 / 8 - 1])


def test_masks_are_mirrored_back_and_their_probabilities_averaged() -> None:
    logits = torch.randn(2, 3, 4, 5)
    same = Augmented(nn.Identity(), MASKS_MIRRORED)(logits)
    torch.testing.assert_close(same.softmax(1), logits.softmax(1), rtol=1e-4, atol=1e-4)
    ramp = torch.linspace(-2, 2, 5).expand(2, 3, 4, 5) * torch.tensor([1.0, 0.0, -1.0]).view(1, 3, 1, 1)

    class Ramp(nn.Module):
        def forward(self, batch: Tensor) -> Tensor:
            return ramp

    mean = (ramp.softmax(1) + ramp.flip(-1).softmax(1)) / 2
    torch.testing.assert_close(Augmented(Ramp(), MASKS_MIRRORED)(logits).softmax(1), mean, rtol=1e-4, atol=1e-4)


def test_an_objective_whose_target_is_another_in_the_mirror_is_refused() -> None:
    objective = build_number_objective()
    with pytest.raises(ModelError, match=f"'{objective.name}' has none"):
        build_augmented(objective, MeanColours())
