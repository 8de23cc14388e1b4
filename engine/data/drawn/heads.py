"""Draws portraits with the place and turn of the head, so that finding a point can be tried with no network.

Somebody before a room's wall, as in the head-pose photographs of BIWI and Pointing'04. A body is made of ellipsoids, seen
from straight ahead and each solved exactly (no perspective). Lengths on it are in half face widths, from the head's
centre: x to the right, y down, z towards the camera.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

FINER = 3  # painted this many times larger
SKULL = np.array((1.0, 1.3, 1.12))  # half its width, height and depth
HAIR_STYLES = ("short", "long", "bun", "bald", "curly", "cap", "fringe")
ON_TOP = {"long": ((0, 0.9, -0.8), (1, 1.1, 0.4)), "bun": ((0, -1, -0.9), SKULL * 0.4), "cap": ((0, 0, 0), SKULL * 1.1)}
BEARDS = {"none": 0, "full": 0.92, "stubble": 0.3, "moustache": 0.9}  # and how dense they are
SKINS = ((236, 192, 164), (146, 98, 70), (214, 164, 128), (92, 62, 48), (244, 206, 182), (184, 132, 98))
HAIRS = ((38, 28, 24), (92, 60, 36), (172, 128, 70), (24, 22, 26), (150, 76, 40), (150, 146, 142), (64, 42, 30))
EYES = ((80, 54, 36), (70, 100, 130), (84, 100, 64))
CLOTHES = ((44, 62, 104), (150, 44, 48), (70, 104, 78), (206, 196, 176), (60, 60, 66), (196, 144, 60), (110, 74, 120))
WALLS = ((206, 200, 188), (176, 192, 200), (196, 206, 184), (216, 190, 170), (150, 160, 170), (226, 222, 214))
WOODS = ((150, 108, 70), (104, 72, 48), (196, 160, 116), (228, 224, 216))
SKY, LAMP, LEAF, INK, PAPER = (198, 220, 240), (250, 226, 160), (72, 118, 66), (50, 48, 50), (240, 238, 232)
# On a wall, part by part: colour (None is any), middle, half width, half height (0 is a disc), in % of the height.
THINGS = (
    ((PAPER, 0, 0, 17, 22), (SKY, 0, 0, 15, 20), (LEAF, 4, 12, 8, 0), (PAPER, 0, 0, 1, 20)),  # a window
    ((None, 0, 0, 13, 0), (PAPER, 0, 0, 11, 0), (INK, 0, -4, 0.7, 4), (INK, 3, 0, 3, 0.7)),  # a clock
    *(((INK, 0, -65, 0.6, 65), (globe, 0, 0, 12, 0)) for globe in (LAMP, None)),  # lamps
    ((INK, 0, 0, 15, 18), (None, 0, 0, 13.5, 16.5), (None, 2, -3, 8, 0), (None, -6, 9, 4, 0)),  # a poster
    (*((LEAF, 11 * math.sin(n * n), 9 * math.cos(4 * n), 4 + n % 4, 0) for n in range(12)), (None, 0, 18, 6, 6)),  # a plant
    (*((WOODS[0], 0, row, 20, 1) for row in (-20, 0, 20)),  # shelves with books
     *((None, n, row - 6 - n % 3, 1.7, 5 + n % 3) for row in (-20, 0, 20) for n in range(-16, 17, 4) if (n + row) % 7)),
)  # fmt: skip

Colour = tuple[int, int, int]
Cover = Callable[[np.ndarray], np.ndarray]  # from points on the body, (n, 3), to their colours; NaN is nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What stays the same in every picture of somebody."""

    skin: Colour
    hair: Colour
    coat: Colour
    shirt: Colour
    style: str
    beard: str
    glasses: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """Where the head's centre is, and its face's width, in pixels; its turn up and to the right, in degrees."""

    column: float
    row: float
    width: float
    tilt: int
    pan: int


def draw_heads(
    folder: Path,
    *,
    people: int = 8,
    each: int = 24,
    size: tuple[int, int] = (120, 160),
    seed: int = 3,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Makes `folder` with `centres.csv` and, in `images`, `each` portraits of `size` (height, width) of everybody.

    The last quarter of the people is for validation. The same `seed` draws the same. `on_progress(done, total)` counts.
    """
    (folder / "images").mkdir(parents=True)
    lines = ["image,column,row,width,person,tilt,pan,is_valid"]
    for number in range(people):
        person, who = make_person(random.Random(f"{seed} person {number}"), number), f"{number + 1:02}"
        is_valid = int(number >= people - max(1, people // 4))
        for index in range(each):
            name = f"person{who}_{index:03}.jpg"
            picture, at = draw_head(random.Random(f"{seed} {number} {index}"), person, size)
            picture.save(folder / "images" / name, quality=92)
            lines.append(f"{name},{at.column:.2f},{at.row:.2f},{at.width:.1f},{who},{at.tilt},{at.pan},{is_valid}")
            on_progress(number * each + index + 1, people * each)
    (folder / "centres.csv").write_text("".join(f"{line}\n" for line in lines), "utf-8")


def make_person(rng: random.Random, number: int) -> Person:
    """Somebody; those whose numbers are close look different."""
    skin, style = SKINS[number % len(SKINS)], HAIR_STYLES[number % len(HAIR_STYLES)]
    coat, shirt, hair, beard = *rng.sample(CLOTHES, 2), rng.choice(HAIRS), rng.choice(("none", "none", *BEARDS))
    return Person(skin=skin, hair=hair, coat=coat, shirt=shirt, style=style, beard=beard, glasses=rng.random() < 0.4)


def draw_head(rng: random.Random, person: Person, size: tuple[int, int]) -> tuple[Image.Image, Pose]:
    """An RGB portrait of `size` (height, width), and where the head is in it."""
    room, (height, width), half = draw_room(rng, size), size, size[0] * rng.uniform(0.12, 0.2)
    column, row = rng.uniform(1.3 * half, width - 1.3 * half), rng.uniform(1.6 * half, height - 1.5 * half)
    at = Pose(column=column, row=row, width=2 * half, tilt=rng.randint(-30, 30), pan=rng.randint(-60, 60))
    stage = Stage(room, at, roll=rng.gauss(0, 3), light=(rng.uniform(-0.8, 0.8), rng.uniform(-0.8, -0.2), 0.7))
    _draw_body(stage, person, rng.random() < 0.5)
    _draw_hair(stage, person, rng.uniform(0, 6))
    face = _face(rng, person)
    stage.ball((0, 0, 0), SKULL, face)
    stage.ball((0, 0.93, 0.38), (0.5, 0.42, 0.46), face)  # chin
    stage.ball((0, 0.2, 1.05), (0.13, 0.32, 0.2), face)  # nose, and its tip
    stage.ball((0, 0.34, 1.14), (0.19, 0.14, 0.22), face)
    for side in (-1, 1):
        stage.ball((side, 0.06, -0.12), (0.16, 0.28, 0.2), face)  # ear
    pixels = stage.pixels.reshape(height, FINER, width, FINER, 3).mean((1, 3))
    tone = np.array([rng.gauss(1, 0.04) for _ in range(3)]) * rng.uniform(0.88, 1.14)
    grain = 2 * np.random.default_rng(rng.getrandbits(64)).standard_normal(pixels.shape)
    return Image.fromarray((pixels * tone + grain).clip(0, 255).astype(np.uint8)), at


class Stage:
    """A picture into which ellipsoids are put, the nearer ones over those behind."""

    def __init__(self, room: Image.Image, at: Pose, *, roll: float, light: tuple[float, float, float]):
        self.pixels = np.array(room.resize((room.width * FINER, room.height * FINER)), np.float32)
        self.depth = np.full(self.pixels.shape[:2], -np.inf)
        self.at, self.unit = np.array((at.column, at.row)) * FINER, at.width / 2 * FINER
        self.light = np.array(light) / math.hypot(*light)
        (cos, sin), (c, s), (lean, aside) = ((math.cos(a), math.sin(a)) for a in np.radians((at.tilt, at.pan, roll)))
        nod, shake = np.array(((1, 0, 0), (0, cos, -sin), (0, sin, cos))), np.array(((c, 0, s), (0, 1, 0), (-s, 0, c)))
        self.turn = np.array(((lean, -aside, 0), (aside, lean, 0), (0, 0, 1))) @ shake @ nod

    def ball(self, middle, radii, cover: Cover, *, still: bool = False) -> None:
        """An ellipsoid around `middle` that turns with the head, or is `still` as the body is."""
        turn, squares = np.eye(3) if still else self.turn, np.square(radii)
        form = turn @ np.diag(1 / squares) @ turn.T  # d · form · d is 1 on the surface, d being seen from its middle
        centre = turn @ middle
        flat, reach = self.at + centre[:2] * self.unit, np.sqrt(turn[:2] ** 2 @ squares) * self.unit
        (left, top), (right, bottom) = (flat - reach).astype(int).clip(0), (flat + reach + 1).astype(int).clip(0)
        depth, pixels = self.depth[top:bottom, left:right], self.pixels[top:bottom, left:right]
        rows, columns = np.ogrid[: depth.shape[0], : depth.shape[1]]
        x, y = (columns + left + 0.5 - flat[0]) / self.unit, (rows + top + 0.5 - flat[1]) / self.unit
        slope = form[0, 2] * x + form[1, 2] * y
        root = slope**2 - form[2, 2] * (form[0, 0] * x * x + 2 * form[0, 1] * x * y + form[1, 1] * y * y - 1)
        z = (np.sqrt(root.clip(0)) - slope) / form[2, 2]
        seen = (root > 0) & (z + centre[2] > depth)
        out = np.stack(np.broadcast_arrays(x, y, z), -1)[seen]
        normal = out @ form
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        lit = 0.68 + 0.42 * (normal @ self.light).clip(0, 1) - 0.16 * (1 - normal[:, 2]) ** 2
        colours = cover(out @ turn + middle) * lit[:, None]
        seen[seen] = there = np.isfinite(colours[:, 0])
        depth[seen], pixels[seen] = out[there, 2] + centre[2], colours[there]


def _draw_body(stage: Stage, person: Person, striped: bool) -> None:
    def cloth(points: np.ndarray) -> np.ndarray:
        x, y, _ = points.T
        shirt = (np.abs(x) < 0.75 - 0.42 * (y - 1.9)) | (striped & (np.sin(y * 9) > 0.6))
        return np.where(shirt[:, None], person.shirt, person.coat)

    stage.ball((0, 1.35, -0.3), (0.56, 1.0, 0.56), lambda points: np.array(person.skin) * 0.86, still=True)
    stage.ball((0, 3.15, -0.5), (2.3, 1.35, 0.85), cloth, still=True)
    stage.ball((0, 6.2, -0.5), (1.9, 4.2, 0.8), cloth, still=True)
    for side in (-1.95, 1.95):
        stage.ball((side, 4.9, -0.5), (0.55, 2.6, 0.6), lambda points: np.array(person.coat), still=True)


def _draw_hair(stage: Stage, person: Person, phase: float) -> None:
    """A shell around the skull that ends at the hair line, and what hangs or sits at the back, or a cap."""
    limits = {"long": (1.2, 0.9, -0.1, -0.66), "curly": (0.8, 0.3, -0.3, -0.62), "fringe": (0.7, 0.2, -0.2, -0.4)}
    line = limits.get(person.style, (0.7, 0.12, -0.34, -0.72))  # at the back, the side, the temple and the front

    def hair(points: np.ndarray) -> np.ndarray:
        x, y, z = points.T
        there = y < np.interp(z, (-0.5, 0, 0.4, 0.75), line) + 0.04 * np.sin(11 * x + phase)
        there &= (person.style != "bald") | (y > -0.5) & (z < 0.3)
        shine = 1 + 0.13 * np.sin(23 * x + 7 * z) + 0.08 * np.sin(9 * y + 31 * x)
        return np.where(there, shine, np.nan)[:, None] * person.hair

    def cap(points: np.ndarray) -> np.ndarray:
        y = points[:, 1:2] + 0.25 * points[:, 2:]
        return np.where(y > -0.6, person.shirt, person.coat) * np.where(y < -0.3, 1 + 0.05 * np.sin(40 * y), np.nan)

    stage.ball((0, 0, -0.03), SKULL * {"curly": 1.2, "long": 1.12}.get(person.style, 1.07), hair)
    if person.style in ON_TOP:
        stage.ball(*ON_TOP[person.style], cover=cap if person.style == "cap" else lambda points: np.array(person.hair))


def _face(rng: random.Random, person: Person) -> Cover:
    """Skin with eyes, brows, mouth, beard and glasses, with the look of the moment."""
    gaze, wide, brow = rng.uniform(-0.07, 0.07), rng.choice((0.14, 0.14, 0.13, 0.11, 0.03)), rng.uniform(-0.36, -0.27)
    smile, gape, iris = rng.uniform(-0.04, 0.17), max(0.0, rng.uniform(-0.12, 0.12)), rng.choice(EYES)
    skin, hair = np.array(person.skin), np.array(person.hair)

    def cover(points: np.ndarray) -> np.ndarray:
        x, y, z = points.T
        side, ahead = np.abs(x), z > 0
        colours = np.tile(skin.astype(np.float32), (len(points), 1))

        def dab(where: np.ndarray, colour, strength: float = 1) -> None:
            colours[where] += strength * (np.asarray(colour) - colours[where])

        dab((z > 1.2) | ahead & ((side - 0.52) ** 2 + (y - 0.38) ** 2 < 0.05), (226, 100, 88), 0.13)  # nose, cheeks
        lower = (y > 0.52 - 0.12 * (side < 0.4)) | ((side > 0.66) & (y > 0.1) & (z > -0.1))
        lip, moustache = 0.7 - smile * (x / 0.36) ** 2, (np.abs(y - 0.54 - 0.5 * x * x) < 0.07) & (side < 0.38)
        dab(ahead & moustache if person.beard == "moustache" else (z > -0.2) & lower, hair, BEARDS[person.beard])
        mouth = ahead & (z < 1.1) & (side < 0.36)
        dab(mouth & (np.abs(y - lip) < 0.075 * (1.1 - (x / 0.36) ** 2) + gape / 2), skin * (0.82, 0.5, 0.5))
        dab(mouth & (np.abs(y - lip) < np.maximum(0.014, (gape - 0.02) * (1 - (x / 0.3) ** 2))), (92, 30, 34))
        oval, pupil = ((side - 0.4) / 0.19) ** 2 + (y / wide) ** 2, (x - np.sign(x) * 0.4 - gaze) ** 2 + y**2
        dab(ahead & (oval < 1.5) & (y < 0.02), INK, 0.8)  # lashes
        for reach, colour in ((9, PAPER), (0.011, iris), (0.003, (16, 14, 16))):
            dab(ahead & (oval < 1) & (pupil < reach), colour)
        out = side - 0.4
        dab(ahead & (np.abs(y - brow - out * (0.7 * out + 0.08)) < 0.045) & (np.abs(out) < 0.24), hair * 0.8)
        if person.glasses:
            arms = (np.abs(y + 0.02) < 0.035) & ((side < 0.13) | (side > 0.7)) & (z > -0.1)
            dab(arms | ahead & (np.abs(np.hypot(side - 0.41, y - 0.03) - 0.29) < 0.035), INK)
        return colours

    return cover


def draw_room(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    """A wall with things on it, among them round ones as large as a head, and often a desk below."""
    (height, width), unit, right = size, size[0] * FINER / 100, 100 * size[1] / size[0]
    room = Image.new("RGB", (width * FINER, height * FINER), rng.choice(WALLS))
    draw = ImageDraw.Draw(room)

    def put(colour: Colour | None, x: float, y: float, wide: float, tall: float) -> None:
        shape, reach = (draw.rectangle, tall) if tall else (draw.ellipse, wide)
        corners = [part * unit for part in (x - wide, y - reach, x + wide, y + reach)]
        shape(corners, fill=colour or rng.choice((*CLOTHES, *SKINS)))

    for place in range(int(right // 42) + 1):
        x, y, scale = place * 44 + rng.uniform(6, 36), rng.uniform(18, 52), rng.uniform(0.8, 1.15)
        for colour, aside, below, wide, tall in rng.choice(THINGS):
            put(colour, x + scale * aside, y + scale * below, scale * wide, scale * tall)
    if rng.random() < 0.6:
        top = rng.uniform(74, 90)
        for radius in (rng.uniform(6, 12), rng.uniform(6, 12)):
            put(None, rng.uniform(0, right), top - radius * 0.9, radius, 0)
        put(rng.choice(WOODS), right / 2, top + 50, right, 50)
    shade = np.linspace(1.06, 0.86, width)[:: rng.choice((-1, 1)), None]
    pixels = np.asarray(room.reduce(FINER).filter(ImageFilter.GaussianBlur(0.3 * unit))) * shade
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
