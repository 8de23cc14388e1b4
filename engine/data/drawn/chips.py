"""Draws satellite chips of the Amazon with their tags, so that several labels at once can be tried with no network.

Seen straight down, as in Kaggle's "Planet: Understanding the Amazon from Space". A chip is 128 units across whatever its
size in pixels. It has four bands: red, green, blue and near infrared, in which plants are bright and water is dark.
"""

import itertools
import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageDraw, ImageFilter

WEATHER = ("clear", "partly_cloudy", "haze", "cloudy")
GROUND = ("primary", "agriculture", "cultivation", "road", "water", "habitation", "bare_ground")
# In what share of the chip each must be seen for its tag to be given.
LEAST_SEEN: dict[str, float] = dict(zip(GROUND, (0.08, 0.06, 0.012, 0.004, 0.02, 0.005, 0.02), strict=True))
CHIP_TAGS = (*WEATHER, *GROUND)
UNITS, MIDDLE = 128, 64 + 64j  # across a chip, and its centre
FINER = 3  # shapes are painted this many times larger
Line = np.ndarray  # complex numbers x + yi in units from the upper left corner

CROPS = ((124, 152, 78, 206), (96, 132, 66, 212), (168, 166, 100, 168), (190, 170, 122, 146), (150, 122, 92, 118))
BURNT = ((112, 94, 80, 78), (164, 138, 104, 126), (132, 156, 84, 204), (158, 158, 98, 172))
SOILS = ((206, 178, 142, 146), (190, 146, 112, 138), (214, 198, 174, 158))
WATERS = ((44, 56, 62, 16), (70, 88, 86, 22), (124, 110, 84, 34), (152, 134, 104, 44))
ROADS = ((196, 158, 124, 136), (178, 134, 104, 128), (152, 148, 144, 112))
ROOFS = ((226, 226, 224, 146), (176, 98, 78, 128), (162, 172, 186, 118), (206, 186, 160, 138))
SHADOW, VEIL, CLOUD = (16, 18, 24, 24), (196, 204, 214, 200), (238, 240, 244, 228)


def draw_chips(
    folder: Path,
    *,
    count: int = 160,
    size: int = 128,
    seed: int = 3,
    bands: int = 3,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Makes `folder` with `labels.csv` (image_name,tags) and `count` chips of `size` pixels a side in `train`.

    `bands` is 3 for RGB in JPEG, or 4 for RGB and near infrared in TIFF. The same `seed` draws the same land with either.
    `on_progress(done, total)` counts chips.
    """
    if bands not in (3, 4):
        raise ValueError(f"a chip has 3 bands (RGB) or 4 (RGB and near infrared), not {bands}")
    train = folder / "train"
    train.mkdir(parents=True)
    lines = ["image_name,tags"]
    for index in range(count):
        name = f"drawn_{index:04}"
        chip, tags = draw_chip(random.Random(f"{seed} {index}"), size)
        if bands == 3:
            Image.fromarray(chip[..., :3]).save(train / f"{name}.jpg", quality=92)
        else:
            tifffile.imwrite(
                train / f"{name}.tif", chip, photometric="rgb", extrasamples=("unspecified",), metadata=None
            )
        lines.append(f"{name},{' '.join(tags)}")
        on_progress(index + 1, count)
    (folder / "labels.csv").write_text("".join(f"{line}\n" for line in lines), "utf-8")


def draw_chip(rng: random.Random, size: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """One chip: (size, size, 4) uint8 in the order red, green, blue, near infrared, and its tags in order."""
    land = Land(rng, size)
    weather = rng.choices(WEATHER, (50, 23, 15, 12))[0]
    if weather != "cloudy":
        _draw_land(land)
    land.cover_with(weather)
    seen = [tag for tag, where in land.seen.items() if where.mean() >= LEAST_SEEN[tag]]
    return land.develop(), tuple(sorted((weather, *seen)))


class Land:
    """A piece of ground painted layer by layer, that knows where each tag's thing can still be seen."""

    def __init__(self, rng: random.Random, size: int):
        self.rng, self.size, self.scale = rng, size, size / UNITS
        self.noise = np.random.default_rng(rng.getrandbits(64))
        self.pixels = self.forest = self._forest()
        self.seen = {tag: np.full((size, size), tag == "primary", np.float32) for tag in GROUND}

    def blotches(self, *sizes: tuple[float, float]) -> np.ndarray:
        """Smooth noise, (size, size): for each (units, strength), spots of about so many units."""
        total = np.zeros((self.size, self.size), np.float32)
        for units, strength in sizes:
            cells = math.ceil(UNITS / units) + 2
            coarse = Image.fromarray(self.noise.standard_normal((cells, cells), np.float32))
            total += strength * np.asarray(coarse.resize((self.size, self.size), Image.Resampling.BICUBIC))
        return total

    def shape(self, *outlines: Line, ragged: float = 0) -> np.ndarray:
        """How much of each pixel the outlines cover, (size, size) in 0..1, with edges frayed by some units."""
        fine = Image.new("L", (self.size * FINER, self.size * FINER))
        paint = ImageDraw.Draw(fine)
        for outline in outlines:
            points = outline * self.scale * FINER
            paint.polygon(list(zip(points.real.tolist(), points.imag.tolist(), strict=True)), fill=255)
        soft = fine.reduce(FINER).filter(ImageFilter.GaussianBlur(ragged * self.scale))
        cover = np.asarray(soft, np.float32) / 255
        fray = self.blotches((2 * ragged, 0.8), (2, 0.5)) * cover * (1 - cover) if ragged else 0
        return ((cover - 0.5 + fray) * 3 + 0.5).clip(0, 1) if ragged else cover

    def paint(self, tag: str | None, cover: np.ndarray, colour: Sequence[float] | np.ndarray, grain: float = 0) -> None:
        """Lays `colour` over the ground; None is for what has no tag, and hides what has one."""
        for seen in self.seen.values():
            seen *= 1 - cover
        if tag:
            self.seen[tag] = np.maximum(self.seen[tag], cover)
        tone = 1 + grain * self.blotches((2, 0.6), (7, 0.5))
        self.pixels = self.pixels + (np.asarray(colour, np.float32) * tone[..., None] - self.pixels) * cover[..., None]

    def cover_with(self, weather: str) -> None:
        """The sky between the ground and the camera."""
        rng, white = self.rng, np.array(CLOUD, np.float32)
        if weather == "cloudy":
            light = rng.uniform(0.78, 0.97) + rng.uniform(0.03, 0.08) * self.blotches((60, 1), (28, 0.5), (13, 0.25))
            self.pixels, self.seen = white * light[..., None], {}
        elif weather == "haze":
            veil = rng.uniform(0.42, 0.57) + self.blotches((70, 0.07), (30, 0.04))
            through = veil.clip(0.34, 0.66)[..., None] * np.array((0.95, 1, 1.08, 0.6), np.float32)
            self.pixels = self.pixels + (np.array(VEIL, np.float32) - self.pixels) * through
        elif weather == "partly_cloudy":
            field = self.blotches((40, 1), (20, 0.6), (10, 0.35), (5, 0.2), (2.5, 0.12))
            cover = (field - np.quantile(field, rng.uniform(0.55, 0.78))) * rng.uniform(1, 1.7) + 0.15
            cover = cover.clip(0, 1) ** 2 * (3 - 2 * cover.clip(0, 1))
            aside, below = (rng.choice((-1, 1)) * rng.uniform(6, 12) * self.scale for _ in range(2))
            shadow = Image.fromarray(cover).transform(cover.shape, Image.Transform.AFFINE, (1, 0, aside, 0, 1, below))
            self.paint(None, np.asarray(shadow) * 0.5, SHADOW)
            light = 0.92 + 0.05 * (2 * self.scale * np.add(*np.gradient(field))).clip(-2, 2) + 0.05 * cover
            self.paint(None, cover * 0.98, white * light[..., None])

    def develop(self) -> np.ndarray:
        """The finished chip, with the light of its day and the grain of the camera."""
        light = np.array([self.rng.gauss(1, 0.02) for _ in range(4)], np.float32) * self.rng.uniform(0.86, 1.12)
        pixels = self.pixels * light + 2 * self.noise.standard_normal(self.pixels.shape, np.float32)
        return pixels.clip(0, 255).astype(np.uint8)

    def _forest(self) -> np.ndarray:
        """Crowns lit from the upper left, of kinds that change from place to place."""
        crowns, kinds = self.blotches((3.2, 1), (1.8, 0.7), (6, 0.5)), self.blotches((38, 0.6), (12, 0.4))
        tint = self.rng.uniform(-14, 16) * np.array((1, 1, 0.5, 1)) + kinds[..., None] * np.array((7, 4, 4, 14))
        light = 1 + 0.1 * crowns + 0.12 * (crowns - np.roll(crowns, (1, 1), (0, 1)))
        return ((np.array((58, 84, 56, 164)) + tint) * light[..., None].clip(0.5, 1.6)).astype(np.float32)


def _draw_land(land: Land) -> None:
    """What lies on the ground, the lowest first; a village has a road, and fields often do."""
    rng, turn = land.rng, land.rng.uniform(0, math.pi)
    first, second, third = (MIDDLE + complex(rng.uniform(-36, 36), rng.uniform(-36, 36)) for _ in range(3))
    farm, village = rng.random() < 0.42, rng.random() < 0.27
    if farm:
        _fields(land, turn)
    if rng.random() < 0.24:
        land.paint("bare_ground", land.shape(_blob(rng, first, rng.uniform(15, 27)), ragged=3), rng.choice(SOILS), 0.07)
    if rng.random() < 0.34:
        _clearings(land, second)
    if rng.random() < 0.36:
        _water(land, third)
    if village or rng.random() < (0.45 if farm else 0.14):
        dry, wide = 1 - land.seen["water"], rng.uniform(2.0, 3.4)
        way = _curve(rng, turn, 3) if farm and rng.random() < 0.7 else _curve(rng, rng.uniform(0, math.pi), 12)
        if village:
            land.paint(None, land.shape(_ribbon(way[14:-14], 22), ragged=4) * dry * 0.75, rng.choice(CROPS), 0.1)
        land.paint(None, land.shape(_ribbon(way, wide + 2)) * 0.2, SHADOW)
        land.paint("road", land.shape(_ribbon(way, wide)), rng.choice(ROADS), 0.05)
        if village:
            _houses(land, way[16:-16], wide, dry)


def _fields(land: Land, turn: float) -> None:
    """A patchwork of striped fields beyond a line across the chip; now and then it fills the chip."""
    rng, noise, wide, tall = land.rng, land.noise, land.rng.uniform(24, 44), land.rng.uniform(18, 34)
    ahead, facing = np.exp(1j * turn), np.exp(1j * rng.uniform(0, math.tau))
    border = -120 if rng.random() < 0.15 else rng.uniform(-25, 32)
    grid = np.arange(-4, 6)[:, None] * wide + np.arange(-5, 7) * tall * 1j
    grid = ahead * (grid + noise.uniform(-4, 4, (10, 12, 2)) @ (1, 1j))
    cells = np.stack((grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]), -1).reshape(-1, 4)
    hearts = cells.mean(1, keepdims=True)
    farmed = (hearts[:, 0] / facing).real > border + noise.uniform(-8, 8, len(cells))
    kinds = np.where(farmed & (noise.random(len(cells)) < 0.93), noise.integers(4, size=len(cells)), -1)
    cells = MIDDLE + hearts + (cells - hearts) * 0.95  # rows of trees in between
    across = (np.arange(land.size) + np.arange(land.size)[:, None] * 1j) / land.scale / ahead
    for kind, crop in enumerate(rng.sample(CROPS, 4)):
        furrows = np.sin((across.imag if rng.random() < 0.6 else across.real) * math.tau / rng.uniform(3, 6))
        tone = 1 + rng.uniform(0.04, 0.11) * furrows + land.blotches((9, 0.03))
        land.paint("agriculture", land.shape(*cells[kinds == kind]), np.array(crop) * tone[..., None], 0.04)


def _clearings(land: Land, middle: complex) -> None:
    """Small patches cut and burnt out of the forest, close to each other."""
    rng, forest = land.rng, 1 - land.seen["agriculture"]
    for _ in range(rng.randint(4, 8)):
        patch = land.shape(_blob(rng, middle + complex(*land.noise.normal(0, 22, 2)), rng.uniform(5, 9.5)), ragged=1.2)
        land.paint("cultivation", patch * forest, rng.choice(BURNT), 0.12)


def _water(land: Land, middle: complex) -> None:
    """A river, or a lake, within a strip of forest and banks of sand."""
    rng, colour = land.rng, land.rng.choice(WATERS)
    if rng.random() < 0.72:
        way, wide = _curve(rng, rng.uniform(0, math.pi), rng.uniform(8, 28)), rng.uniform(8, 22)
        outlines = [_ribbon(way, wide + bank) for bank in (14, 2.6, 0)]
    else:
        colour, lake = rng.choice(WATERS[:2]), _blob(rng, 0, rng.uniform(16, 27))
        outlines = [middle + lake * wider for wider in (1.3, 1.06, 1)]
    land.paint("primary", land.shape(outlines[0], ragged=3), land.forest)
    land.paint(None, land.shape(outlines[1]) * rng.choice((0.25, 0.6, 0.9)), SOILS[0], 0.06)
    land.paint("water", land.shape(outlines[2]), colour, 0.035)


def _houses(land: Land, way: Line, wide: float, dry: np.ndarray) -> None:
    """Roofs in two rows on both sides of a road where it is dry, and their shadows."""
    rng, roofs, ahead = land.rng, [], np.gradient(way) / abs(np.gradient(way))
    for place, side, row in itertools.product(range(0, len(way), 3), (-1j, 1j), (0, 1)):
        if rng.random() < (0.85, 0.5)[row]:
            away = wide / 2 + rng.uniform(3.2, 4) + 6 * row
            roof = np.array((-1, 1, 1, -1)) * rng.uniform(1.5, 2.5) + np.array((-1j, -1j, 1j, 1j)) * rng.uniform(1.2, 2)
            roofs.append(way[place] + ahead[place] * (roof + side * away + rng.uniform(-0.7, 0.7)))
    land.paint(None, land.shape(*(roof + 0.9 + 0.9j for roof in roofs)) * dry * 0.5, SHADOW)
    for start, colour in enumerate(rng.sample(ROOFS, 3)):
        land.paint("habitation", land.shape(*roofs[start::3]) * dry, colour)


def _blob(rng: random.Random, at: complex, radius: float) -> Line:
    """A round outline with bays."""
    turns = np.linspace(0, math.tau, 36)
    bays = sum(rng.uniform(0.3, 0.6) / n * np.sin(n * turns + rng.uniform(0, math.tau)) for n in (2, 3, 5))
    return at + radius * (1 + bays) * np.exp(1j * turns)


def _curve(rng: random.Random, turn: float, bend: float) -> Line:
    """A winding way through the chip from edge to edge in the direction `turn`."""
    along = np.linspace(-100, 100, 80)
    aside = np.full(80, rng.uniform(-26, 26))
    for length, reach in ((150, bend), (75, 0.35 * bend), (40, 0.12 * bend)):
        aside += reach * np.sin(along * math.tau / (length * rng.uniform(0.8, 1.2)) + rng.uniform(0, math.tau))
    return MIDDLE + (along + aside * 1j) * np.exp(1j * turn)


def _ribbon(way: Line, wide: float) -> Line:
    """The outline of a way of some width."""
    across = np.gradient(way) / abs(np.gradient(way)) * wide / 2 * 1j
    return np.concatenate((way + across, (way - across)[::-1]))
