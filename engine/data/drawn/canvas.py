"""A picture and its exact mask, painted by the same polygons: the camera, the light and the sky of a drawn scene.

The world is in metres: x to the right, y up from the road, z ahead. Both are painted at three times the size; then the
picture is averaged down, and the mask takes each pixel's centre.
"""

import math
import random
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

STREET_CLASSES = (
    "Sky", "Building", "Pole", "Road", "Sidewalk", "Tree", "Sign", "Fence", "Car", "Pedestrian", "Cyclist", "Void",
)  # fmt: skip
SKY, BUILDING, POLE, ROAD, SIDEWALK, TREE, SIGN, FENCE, CAR, PEDESTRIAN, CYCLIST, VOID = range(12)
# How rough the surface of each class looks.
GRAIN = np.array((0.006, 0.05, 0.03, 0.05, 0.06, 0.17, 0.02, 0.07, 0.025, 0.06, 0.06, 0.02), np.float32)
EYE = 1.5  # the camera's height in metres
FINER = 3  # painted this many times larger

Colour = tuple[float, float, float]
Point = tuple[float, float, float]
Span = tuple[float, float]  # from, to

# Time of day: sky above, sky at the horizon, colour of the light, share of direct sun, cloud cover.
DAYLIGHT: tuple[tuple[Colour, Colour, Colour, float, float], ...] = (
    ((78, 128, 200), (190, 214, 236), (1.0, 1.0, 0.98), 0.45, 0.35),  # clear
    ((104, 144, 196), (214, 222, 228), (0.98, 0.98, 0.98), 0.25, 0.6),  # clouds
    ((148, 156, 168), (200, 204, 208), (0.86, 0.88, 0.92), 0.05, 0.9),  # overcast
    ((94, 120, 178), (250, 208, 158), (1.06, 0.94, 0.78), 0.5, 0.4),  # low sun
    ((62, 70, 116), (224, 146, 112), (0.72, 0.66, 0.7), 0.12, 0.5),  # dusk
)


class Canvas:
    """A picture and its mask that are painted together, seen by one camera in one light."""

    def __init__(self, rng: random.Random, size: tuple[int, int]):
        self.rng = rng
        self.height, self.width = size
        self.noise = np.random.default_rng(rng.getrandbits(64))
        self.focal = 0.84 * self.width * FINER
        self.middle = self.width * FINER * rng.uniform(0.42, 0.58)
        self.horizon = self.height * FINER * rng.uniform(0.42, 0.5)
        above, low, self.light, self.direct, clouds = rng.choice(DAYLIGHT)
        self.dusk = self.light[0] < 0.8
        self.haze, self.sight = low, rng.uniform(90, 220)
        self.sun = rng.choice((-1, 1)) * rng.uniform(0.3, 1.0)  # from the left or the right
        self.picture = self._sky(above, low, clouds)
        self.mask = Image.new("L", self.picture.size, SKY)
        self._paint = ImageDraw.Draw(self.picture, "RGBA")
        self._label = ImageDraw.Draw(self.mask)

    def at(self, x: float, y: float, z: float) -> tuple[float, float]:
        """Where a point of the world is in the picture."""
        return self.middle + self.focal * x / z, self.horizon - self.focal * (y - EYE) / z

    def face(
        self, kind: int | None, points: Sequence[Point], colour: Colour, light: float = 1, alpha: int = 255
    ) -> None:
        """A polygon of class `kind`; None leaves the mask as it is, for what lies on a surface: windows, shadows."""
        flat = [self.at(x, y, z) for x, y, z in points]
        columns = [column for column, _ in flat]
        if min(columns) > self.picture.width or max(columns) < 0:
            return
        depth = (points[0][2] + points[-2][2]) / 2
        self._paint.polygon(flat, fill=(*self._lit(colour, depth, light), alpha))
        if kind is not None:
            self._label.polygon(flat, fill=kind)

    def board(
        self, kind: int | None, at: Point, shape: Sequence[tuple[float, float]], colour: Colour, light: float = 1
    ) -> None:
        """A flat shape that faces the camera; its points are given from the point `at`."""
        x, y, z = at
        self.face(kind, [(x + dx, y + dy, z) for dx, dy in shape], colour, light)

    def plate(self, kind: int | None, x: Span, y: Span, z: float, colour: Colour, light: float = 1) -> None:
        """A rectangle that faces the camera."""
        self.face(kind, ((x[0], y[0], z), (x[0], y[1], z), (x[1], y[1], z), (x[1], y[0], z)), colour, light)

    def wall(self, kind: int | None, x: float, y: Span, z: Span, colour: Colour, light: float = 1) -> None:
        """An upright rectangle along the street."""
        self.face(kind, ((x, y[0], z[0]), (x, y[1], z[0]), (x, y[1], z[1]), (x, y[0], z[1])), colour, light)

    def ground(self, kind: int | None, x: Span, z: Span, colour: Colour, light: float = 1, alpha: int = 255) -> None:
        """A rectangle on the ground."""
        self.face(kind, ((x[0], 0, z[0]), (x[0], 0, z[1]), (x[1], 0, z[1]), (x[1], 0, z[0])), colour, light, alpha)

    def disc(self, kind: int | None, at: Point, radius: float, colour: Colour, light: float = 1) -> None:
        """A ball around the point `at`."""
        x, y, z = at
        left, top = self.at(x - radius, y + radius, z)
        right, bottom = self.at(x + radius, y - radius, z)
        self._paint.ellipse((left, top, right, bottom), fill=self._lit(colour, z, light))
        if kind is not None:
            self._label.ellipse((left, top, right, bottom), fill=kind)

    def wheel(self, kind: int | None, x: float, z: float, radius: float, colour: Colour, hub: float = 0) -> None:
        """A disc along the street, standing on the ground, or as the hub of a larger one."""
        turns = [math.tau * step / 12 for step in range(12)]
        rim = [(x, (hub or radius) + radius * math.sin(turn), z + radius * math.cos(turn)) for turn in turns]
        self.face(kind, rim, colour)

    def shadow(self, x: float, z: float, radius: float) -> None:
        """What something throws on the ground: it is darker there, and still of the ground's class."""
        turns = [math.tau * step / 12 for step in range(12)]
        away = -self.sun * radius * 2 * self.direct
        rim = [(x + away + radius * 1.2 * math.cos(turn), 0, z + radius * 0.8 * math.sin(turn)) for turn in turns]
        self.face(None, rim, (20, 22, 30), 1, int(60 + 120 * self.direct))

    def bonnet(self, share: float, colour: Colour) -> None:
        """The own car's bonnet over the lower edge, up to `share` of the height, as Void."""
        wide, tall = self.picture.size
        box = (-0.15 * wide, tall * (1 - share), 1.15 * wide, tall * (1 + 5 * share))
        self._paint.ellipse(box, fill=self._lit(colour, 1, 0.55))
        self._label.ellipse(box, fill=VOID)
        shine = (0.1 * wide, tall * (1 - 0.7 * share), 0.9 * wide, tall * (1 + 4 * share))
        self._paint.ellipse(shine, fill=(*self._lit(self.haze, 1, 0.9), 70))

    def sunlit(self, side: int) -> float:
        """How light a wall is that looks to the road from its `side` (-1 left, 1 right)."""
        return 0.8 + self.direct * max(-0.5, -side * self.sun)

    def develop(self) -> tuple[Image.Image, Image.Image]:
        """The finished picture, with the grain of its surfaces and of the camera, and its mask."""
        mask = np.asarray(self.mask)[FINER // 2 :: FINER, FINER // 2 :: FINER]
        pixels = np.asarray(self.picture.reduce(FINER), np.float32)
        fine = self.noise.standard_normal((self.height, self.width), np.float32)
        texture = 0.7 * fine + self._blotches(4) + 0.5 * self._blotches(12)
        pixels = pixels * (1 + GRAIN[mask] * texture)[..., None] + 2 * self.noise.standard_normal(
            pixels.shape, np.float32
        )
        return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)), Image.fromarray(np.ascontiguousarray(mask))

    def _lit(self, colour: Colour, depth: float, light: float) -> tuple[int, int, int]:
        clear = math.exp(-depth / self.sight)
        own, air = clear * light, 1 - clear
        (red, green, blue), sun, haze = colour, self.light, self.haze
        return (
            min(255, int(own * red * sun[0] + air * haze[0])),
            min(255, int(own * green * sun[1] + air * haze[1])),
            min(255, int(own * blue * sun[2] + air * haze[2])),
        )

    def _sky(self, above: Colour, low: Colour, clouds: float) -> Image.Image:
        rows = np.linspace(0, 1, self.height, dtype=np.float32)[:, None, None] / (self.horizon / FINER / self.height)
        pixels = np.array(above, np.float32) * (1 - rows.clip(0, 1)) + np.array(low, np.float32) * rows.clip(0, 1)
        cover = self._blotches(30) + 0.6 * self._blotches(14) + 0.3 * self._blotches(6)
        cover = (0.8 * (cover + 2 * clouds - 1.2)).clip(0, 0.85)[..., None]
        pixels = pixels * (1 - cover) + (np.array(low, np.float32) * 0.4 + 148 * min(1, self.light[1])) * cover
        return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).resize((self.width * FINER, self.height * FINER))

    def _blotches(self, pixels: int) -> np.ndarray:
        """Smooth noise, (height, width), with spots of about so many pixels."""
        coarse = self.noise.standard_normal((self.height // pixels + 2, self.width // pixels + 2), np.float32)
        return np.asarray(Image.fromarray(coarse).resize((self.width, self.height), Image.Resampling.BICUBIC))
