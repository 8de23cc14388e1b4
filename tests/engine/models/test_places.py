"""Points read from places: the mean of a map is where its weight lies, whatever its size, and it is learnt from the picture."""

import pytest
import torch

from engine.models.places import PlacesModel, are_read, build_places_model, soft_argmax
from engine.recipe import OFFLINE_BACKBONE
from engine.task import ModelPlan


def built(points: int = 1) -> PlacesModel:
    plan = ModelPlan(backbone=OFFLINE_BACKBONE, classes=("column", "row") * points)
    return build_places_model(plan, pretrained=False)


@pytest.mark.parametrize(("height", "width"), [(4, 4), (3, 5), (1, 7)])
def test_a_certain_place_is_the_answer(height: int, width: int) -> None:
    scores = torch.zeros(1, 2, height, width)
    scores[0, 0, height - 1, 0] = scores[0, 1, 0, width - 1] = 1e4
    first, second = soft_argmax(scores)[0]
    assert first.tolist() == pytest.approx([1 / width - 1, 1 - 1 / height])
    assert second.tolist() == pytest.approx([1 - 1 / width, 1 / height - 1])


def test_two_places_as_likely_mean_the_middle_between_them() -> None:
    scores = torch.full((1, 1, 5, 5), -1e4)
    scores[0, 0, 1, 0] = scores[0, 0, 1, 4] = 0
    assert soft_argmax(scores)[0, 0].tolist() == pytest.approx([0.0, -0.4], abs=1e-6)


def test_an_untrained_model_says_the_middle_at_any_size_and_for_any_number_of_points() -> None:
    model = built(points=3).eval()
    for size in ((64, 96), (96, 64), (80, 107)):
        answer = model(torch.randint(0, 256, (2, 3, *size), dtype=torch.uint8))
        assert answer.shape == (2, 6) and torch.allclose(answer, torch.zeros(2, 6), atol=1e-6)


def test_maps_of_strides_8_16_and_32_are_joined_at_stride_8() -> None:
    model = built()
    maps = model.features(torch.zeros(1, 3, 64, 96, dtype=torch.uint8))
    assert maps.shape[-2:] == (8, 12) and maps.shape[1] == 40 + 112 + 320
    assert are_read(model.body) == [False, False, True, True, True]


def test_the_head_s_gradient_moves_the_answer_to_the_place() -> None:
    torch.manual_seed(0)
    model = built()
    maps, target = torch.rand(4, 472, 6, 6), torch.tensor([[-0.5, 0.5]]).expand(4, 2)
    optimizer = torch.optim.Adam(model.head.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        (model.answer(maps) - target).square().mean().backward()
        optimizer.step()
    assert (model.answer(maps) - target).abs().max() < 0.1
