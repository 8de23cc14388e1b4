"""Masks and key points follow their picture exactly, and randomness follows the seed alone."""

import math

import pytest
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from engine.data.pictures.symmetries import SQUARE
from engine.data.pictures.transforms import (
    ABOVE_STRENGTHS,
    STRENGTHS,
    VOID,
    Lighting,
    ProjectiveWarp,
    augment,
    build_augmentation,
    stack,
    transforms_from_above,
    transforms_unmirrored,
)

HEIGHT, WIDTH = 40, 56
BLOCK = 8
# One colour a class, far from one another and from black, which is what comes from outside the picture.
COLOURS = torch.tensor([[250, 60, 60], [60, 250, 60], [60, 60, 250], [250, 250, 60], [250, 60, 250]])
CLASSES = len(COLOURS)
SEEDS = range(12)
COMPONENTS = {
    "rotation": {"rotation": 25.0},
    "zoom": {"zoom": 1.6},
    "warp": {"warp": 0.5},
    "flip": {"flip_horizontal": True},
    "flips": {"flip_horizontal": True, "flip_vertical": True},
    "everything": {"rotation": 25.0, "zoom": 1.6, "warp": 0.5, "flip_horizontal": True, "flip_vertical": True},
}


def build_warp(
    *, rotation: float = 0.0, zoom: float = 1.0, warp: float = 0.0, flip_horizontal=False, flip_vertical=False
) -> ProjectiveWarp:
    return ProjectiveWarp(
        rotation=rotation, zoom=zoom, warp=warp, flip_horizontal=flip_horizontal, flip_vertical=flip_vertical
    )


@pytest.fixture
def sample() -> tuple[tv_tensors.Image, tv_tensors.Mask]:
    """A mask of large blocks with some void in it, and the picture painted from it."""
    blocks = torch.randint(0, CLASSES, (HEIGHT // BLOCK, WIDTH // BLOCK), generator=torch.Generator().manual_seed(0))
    mask = blocks.repeat_interleave(BLOCK, 0).repeat_interleave(BLOCK, 1)
    picture = COLOURS[mask].permute(2, 0, 1).to(torch.uint8)
    return tv_tensors.Image(picture), tv_tensors.Mask(mask.to(torch.uint8))


def nearest_class(picture: Tensor) -> Tensor:
    """Each pixel's class by its colour, whatever the light; `VOID` for black."""
    pixels = picture.permute(1, 2, 0).float()
    hue = pixels / pixels.amax(2, keepdim=True).clamp(min=1)
    known = COLOURS / COLOURS.amax(1, keepdim=True)
    found = (hue[:, :, None] - known).norm(dim=-1).argmin(-1)
    return torch.where(pixels.amax(2) < 10, VOID, found)


def inside(mask: Tensor, margin: int = 2) -> Tensor:
    """Pixels whose whole neighbourhood has one class; beyond the edge of the mask there is none."""
    window = 2 * margin + 1
    padded = torch.nn.functional.pad(mask[None].float(), [margin] * 4, value=-1)
    highest = torch.nn.functional.max_pool2d(padded, window, 1)[0]
    lowest = -torch.nn.functional.max_pool2d(-padded, window, 1)[0]
    return highest == lowest


@pytest.mark.parametrize("component", COMPONENTS)
def test_mask_stays_with_its_picture_under_each_part_of_the_warp(sample, component: str) -> None:
    warp = build_warp(**COMPONENTS[component])
    changed = 0
    for seed in SEEDS:
        picture, mask = augment(warp, sample, seed)
        sure = inside(mask)
        assert sure.float().mean() > 0.15
        assert torch.equal(nearest_class(picture)[sure], mask.long()[sure])
        changed += not torch.equal(mask, sample[1])
    assert changed >= len(SEEDS) / 4


@pytest.mark.parametrize("name", STRENGTHS)
def test_mask_stays_with_its_picture_under_every_strength(sample, name: str) -> None:
    for seed in SEEDS:
        picture, mask = augment(build_augmentation(name, from_above=True), sample, seed)
        sure = inside(mask)  # void too: light leaves the black outside black
        assert torch.equal(nearest_class(picture)[sure], mask.long()[sure])
        assert (type(picture), type(mask)) == (tv_tensors.Image, tv_tensors.Mask)
        assert (picture.shape, picture.dtype) == (sample[0].shape, torch.uint8)
        assert (mask.shape, mask.dtype) == (sample[1].shape, torch.uint8)


@pytest.mark.parametrize("name", STRENGTHS)
def test_no_class_is_invented(sample, name: str) -> None:
    picture, mask = sample
    scattered = tv_tensors.Mask(torch.where(mask > 1, 40 * mask, 0).to(torch.uint8))  # codes 0, 80, 120, 160
    scattered[4:9, 4:30] = VOID
    allowed = {*scattered.unique().tolist(), VOID}
    seen = set()
    for seed in SEEDS:
        seen |= set(augment(build_augmentation(name), (picture, scattered), seed)[1].unique().tolist())
    assert seen == allowed


@pytest.mark.parametrize("component", COMPONENTS)
def test_void_is_exactly_what_comes_from_outside(component: str) -> None:
    white = tv_tensors.Image(torch.full((3, HEIGHT, WIDTH), 255, dtype=torch.uint8))
    mask = tv_tensors.Mask(torch.zeros(HEIGHT, WIDTH, dtype=torch.uint8))
    outside = 0
    for seed in SEEDS:
        picture, moved = augment(build_warp(**COMPONENTS[component]), (white, mask), seed)
        is_void, filled = moved == VOID, 1 - picture[0].float() / 255
        # On the edge a share of the pixel is picture, and torchvision fades it by the share's square: void begins at a
        # half, where a quarter is left of the white, and at a quarter (a half each way) in corners.
        assert (filled[is_void] >= 1 - 0.5**2 - 0.01).all()
        assert (filled[~is_void] <= 1 - 0.25**2 + 0.01).all()
        assert is_void[filled == 1].all()
        assert not is_void[filled == 0].any()
        outside += int(is_void.sum())
    assert (outside > 0) == (component in ("rotation", "warp", "everything"))


def test_flips_are_exact(sample) -> None:
    expected = {
        (): sample,
        (1,): tuple(part.flip(-1) for part in sample),
        (0,): tuple(part.flip(-2) for part in sample),
        (0, 1): tuple(part.flip(-2, -1) for part in sample),
    }
    seen = set()
    for seed in range(40):
        changed = augment(build_warp(flip_horizontal=True, flip_vertical=True), sample, seed)
        seen |= {axes for axes, want in expected.items() if all(map(torch.equal, changed, want))} or {"something else"}
    assert seen == set(expected)


@pytest.mark.parametrize("component", COMPONENTS)
def test_key_points_move_with_the_same_matrix(component: str) -> None:
    reach = 8  # pixels: a blot that is zoomed and tilted lies within
    compared = 0
    for seed in SEEDS:
        for row, column in ((20, 28), (14, 20), (25, 40)):
            mask = torch.zeros(HEIGHT, WIDTH, dtype=torch.uint8)
            mask[row - 1 : row + 2, column - 1 : column + 2] = 1  # a blot, as one pixel may fall between two
            # A pixel's centre is half a pixel from its corner.
            point = tv_tensors.KeyPoints(torch.tensor([[column + 0.5, row + 0.5]]), canvas_size=(HEIGHT, WIDTH))
            warp = build_warp(**COMPONENTS[component])
            moved, blot, point = augment(warp, (tv_tensors.Image(mask[None]), tv_tensors.Mask(mask), point), seed)
            places = (blot == 1).nonzero().float()
            assert moved.shape == (1, HEIGHT, WIDTH)
            edge = torch.cat([point[0], torch.tensor([WIDTH, HEIGHT]) - point[0]]).min()  # negative outside
            if edge > reach:
                centre = places.mean(0) + 0.5
                assert (centre.flip(0) - point[0]).norm() < 0.75
                compared += 1
            elif edge < -reach:  # a zoom may leave it out of view
                assert not len(places)
    assert compared >= 2 * len(SEEDS)


@pytest.mark.parametrize("flips", [False, True])
def test_rotation_turns_by_the_angle_it_says_on_pictures_that_are_not_square(flips: bool) -> None:
    """Two arrows from the centre keep their lengths and stay at right angles, flipped or not."""
    warp = build_warp(rotation=30.0, flip_horizontal=flips, flip_vertical=flips)
    start = torch.tensor([[WIDTH / 2, HEIGHT / 2], [WIDTH / 2 + 10, HEIGHT / 2], [WIDTH / 2, HEIGHT / 2 + 10]])
    turned = set()
    for seed in SEEDS:
        points = augment(warp, (tv_tensors.KeyPoints(start, canvas_size=(HEIGHT, WIDTH)),), seed)
        right, down = points[1] - points[0], points[2] - points[0]
        assert torch.allclose(points[0], start[0], atol=1e-3)
        assert (right.norm().item(), down.norm().item()) == pytest.approx((10, 10), abs=1e-3)
        assert (right @ down).item() == pytest.approx(0, abs=1e-2)
        assert abs(math.degrees(math.atan2(right[1], abs(right[0])))) <= 30
        turned.add((right[0].item() > 0, down[1].item() > 0))
    assert len(turned) == (4 if flips else 1)


def test_the_seed_decides_and_the_global_generator_is_left_alone(sample) -> None:
    transform = build_augmentation("strong")
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, again, other = (augment(transform, sample, seed) for seed in (1, 1, 2))
    assert all(map(torch.equal, first, again))
    assert not torch.equal(first[0], other[0])
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    assert all(map(torch.equal, augment(transform, sample, 1), first)), "whatever the global seed"


def test_the_generator_comes_back_after_a_mistake(sample) -> None:
    def stumble(*parts):
        torch.rand(1)
        raise ValueError("oh")

    before = torch.get_rng_state()
    with pytest.raises(ValueError, match="oh"):
        augment(v2.Lambda(stumble), sample, 1)
    assert torch.equal(torch.get_rng_state(), before)


DRAWS = 400
# What fastai 1's get_transforms is given in the lesson: rotation, zoom, warp, lighting, and the probability of each.
LESSON = {
    "CamVid, head centres": (STRENGTHS["standard"], 10, 1.1, 0.2, 0.2, 0.75),
    "Planet": (ABOVE_STRENGTHS["standard"], 10, 1.05, 0.0, 0.1, 0.75),
    "head centres, at the notebook's end": (STRENGTHS["strong"], 20, 1.5, 0.4, 0.5, 1.0),
}
CORNERS = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]) * torch.tensor([WIDTH, HEIGHT])
POINTS = tv_tensors.KeyPoints(CORNERS, canvas_size=(HEIGHT, WIDTH))


def close(low: float, high: float, limits: tuple[float, float]) -> bool:
    """Whether what was drawn lies within its limits, and fills them."""
    width = limits[1] - limits[0]
    return limits[0] - 1e-3 <= low <= limits[0] + width / 10 and limits[1] - width / 10 <= high <= limits[1] + 1e-3


def corners_under(**part: float) -> Tensor:
    """The corners (DRAWS, 4, 2) under one part of a warp alone, in pixels."""
    nothing = {"rotation": 0.0, "zoom": 1.0, "warp": 0.0, "flip_horizontal": False}
    warp = ProjectiveWarp(**{**nothing, **part})
    return torch.stack([augment(warp, (POINTS,), seed).as_subclass(Tensor) for seed in range(DRAWS)])


@pytest.mark.parametrize("name", LESSON)
def test_what_is_drawn_is_the_lesson_s(name: str) -> None:
    strength, rotation, zoom, warp, lighting, chance = LESSON[name]
    named = (strength.rotation, strength.zoom, strength.warp, strength.lighting, strength.chance)
    assert named == (rotation, zoom, warp, lighting, chance)
    untouched = pytest.approx(1 - chance, abs=0.06)

    turned = corners_under(rotation=strength.rotation, chance=strength.chance)
    across = turned[:, 1] - turned[:, 0]
    angles = torch.rad2deg(torch.atan2(across[:, 1], across[:, 0]))
    assert close(angles.min().item(), angles.max().item(), (-rotation, rotation))
    assert (angles.abs() < 1e-3).float().mean().item() == untouched

    zoomed = corners_under(zoom=strength.zoom, chance=strength.chance)
    factors = (zoomed[:, 1, 0] - zoomed[:, 0, 0]) / WIDTH
    assert close(factors.min().item(), factors.max().item(), (1.0, zoom))
    assert (factors < 1 + 1e-6).float().mean().item() == untouched
    in_view = (zoomed[:, 0] <= 1e-3).all() and (zoomed[:, 3] >= torch.tensor([WIDTH, HEIGHT]) - 1e-3).all()
    assert in_view, "what is enlarged fills the picture, wherever the part in view lies"

    tilted = corners_under(warp=strength.warp, chance=strength.chance)
    for one, other, axis in ((0, 1, 0), (2, 3, 0), (0, 2, 1), (1, 3, 1)):
        stretched = (tilted[:, other] - tilted[:, one])[:, axis] / (WIDTH, HEIGHT)[axis]
        assert warp == 0 or close(stretched.min().item(), stretched.max().item(), (1 - warp, 1 + warp))
    still = (tilted - CORNERS).abs().amax((1, 2)) < 1e-2
    assert still.float().mean().item() == (untouched if warp else 1.0)


@pytest.mark.parametrize("name", LESSON)
def test_the_light_is_the_lesson_s(name: str) -> None:
    """A shift of the logits, and a factor; black and white stay."""
    strength, _, _, _, lighting, chance = LESSON[name]
    ramp = tv_tensors.Image(torch.arange(256, dtype=torch.uint8).view(1, 16, 16))
    changes = [augment(Lighting(strength.lighting, strength.chance), (ramp,), seed).flatten() for seed in range(DRAWS)]
    lit = torch.stack(changes)
    assert lit.dtype == torch.uint8
    assert (lit[:, 0] == 0).all() and (lit[:, 255] == 255).all()
    assert (lit.int().diff(dim=1) >= 0).all()
    low, high = lit[:, 96].float().div(255).logit(), lit[:, 160].float().div(255).logit()
    before = torch.tensor([96.0, 160.0]).div(255).logit()
    factors = (high - low) / (before[1] - before[0])
    shifts = low / factors - before[0]
    most = math.log((1 + lighting) / (1 - lighting))
    assert factors.min() == pytest.approx(1 - lighting, abs=0.05) and factors.max() == pytest.approx(
        1 / (1 - lighting), rel=0.05
    )
    assert shifts.min() == pytest.approx(-most, abs=0.08) and shifts.max() == pytest.approx(most, abs=0.08)
    alone = (lit == ramp.flatten()).all(1).float().mean().item()
    assert alone == pytest.approx((1 - chance) ** 2, abs=0.04)


def test_from_above_no_side_is_up() -> None:
    """The eight ways in which a chip can lie come about equally often, and no others."""
    warp = build_augmentation("standard", strengths=ABOVE_STRENGTHS, from_above=True).transforms[0]
    warp.rotation, warp.zoom = 0.0, 1.0
    chip = tv_tensors.Image(torch.arange(16, dtype=torch.uint8).view(1, 4, 4))
    ways = [change(chip.as_subclass(Tensor)) for change, _ in SQUARE.changes]
    counts = [0] * len(ways)
    for seed in range(DRAWS):
        lain = augment(warp, (chip,), seed).as_subclass(Tensor)
        counts[[torch.equal(lain, way) for way in ways].index(True)] += 1
    assert min(counts) > DRAWS / 16 and max(counts) < DRAWS * 3 / 16


def test_none_changes_nothing(sample) -> None:
    for seed in SEEDS:
        assert all(map(torch.equal, augment(build_augmentation("none"), sample, seed), sample))


def test_stack_gives_plain_tensors(sample) -> None:
    pictures, masks = stack([sample, sample])
    assert (type(pictures), type(masks)) == (Tensor, Tensor)
    assert (pictures.shape, masks.shape) == ((2, 3, HEIGHT, WIDTH), (2, HEIGHT, WIDTH))


def test_the_wrong_augmentation_is_wrong_whatever_a_data_set_says() -> None:
    """Upside down and mirrored too, where a data set's own way is neither; and with its picture goes the mask."""
    for make in (transforms_from_above, transforms_unmirrored, build_augmentation):
        warp = make("wrong").transforms[0]
        assert (warp.flip_horizontal, warp.flip_vertical, warp.rotation) == (True, True, 180.0) and warp.warp > 0
