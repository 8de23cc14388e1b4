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
BEARDS = ("none", "none", "none", "full", "stubble", "moustache")
SKINS = ((236, 192, 164), (146, 98, 70), (214, 164, 128), (92, 62, 48), (244, 206, 182), (184, 132, 98))
HAIRS = ((38, 28, 24), (92, 60, 36), (172, 128, 70), (24, 22, 26), (150, 76, 40), (150, 146, 142), (64, 42, 30))
CLOTHES = ((44, 62, 104), (150, 44, 48), (70, 104, 78), (206, 196, 176), (60, 60, 66), (196, 144, 60), (110, 74, 120))
WALLS = ((206, 200, 188), (176, 192, 200), (196, 206, 184), (216, 190, 170), (150, 160, 170), (226, 222, 214))
WOODS = ((150, 108, 70), (104, 72, 48), (196, 160, 116), (228, 224, 216))
SKY, LAMP, GREEN, INK, PAPER = (198, 220, 240), (250, 226, 160), (72, 118, 66), (50, 48, 50), (240, 238, 232)

Colour = tuple[int, int, int]
# From points on the body, (n, 3), to their colours, (n, 3), and whether there is anything at all, (n,).
Cover = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What stays the same in every picture of somebody."""

    name: str
    skin: Colour
    hair: Colour
    coat: Colour
    shirt: Colour
    style: str
    beard: str
    glasses: bool
    nose: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """Where the head's centre is, its face's width, all in pixels, and its turn in degrees: up and to the right."""

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
    images = folder / "images"
    images.mkdir(parents=True)
    lines = ["image,column,row,width,person,tilt,pan,is_valid"]
    for number in range(people):
        person = make_person(random.Random(f"{seed} person {number}"), number)
        is_valid = int(number >= people - max(1, people // 4))
        for index in range(each):
            name = f"person{person.name}_{index:03}.jpg"
            picture, at = draw_head(random.Random(f"{seed} {number} {index}"), person, size)
            picture.save(images / name, quality=92)
            place = f"{at.column:.2f},{at.row:.2f},{at.width:.1f}"
            lines.append(f"{name},{place},{person.name},{at.tilt},{at.pan},{is_valid}")
            on_progress(number * each + index + 1, people * each)
    (folder / "centres.csv").write_text("".join(f"{line}\n" for line in lines), "utf-8")


def make_person(rng: random.Random, number: int) -> Person:
    """Somebody; neighbouring numbers look different."""
    coat, shirt = rng.sample(CLOTHES, 2)
    return Person(
        name=f"{number + 1:02}",
        skin=SKINS[number % len(SKINS)],
        hair=rng.choice(HAIRS),
        coat=coat,
        shirt=shirt,
        style=HAIR_STYLES[number % len(HAIR_STYLES)],
        beard=rng.choice(BEARDS),
        glasses=rng.random() < 0.4,
        nose=rng.uniform(0.85, 1.2),
    )


def draw_head(rng: random.Random, person: Person, size: tuple[int, int]) -> tuple[Image.Image, Pose]:
    """A portrait of `size` (height, width), RGB, and where the head is in it. `draw_room` draws what is behind it."""
    room, (height, width) = draw_room(rng, size), size
    half = height * rng.uniform(0.12, 0.2)
    at = Pose(
        column=rng.uniform(1.3 * half, width - 1.3 * half),
        row=rng.uniform(1.6 * half, height - 1.5 * half),
        width=2 * half,
        tilt=rng.randint(-30, 30),
        pan=rng.randint(-60, 60),
    )
    stage = Stage(room, at, roll=rng.gauss(0, 3), light=(rng.uniform(-0.8, 0.8), rng.uniform(-0.8, -0.2), 0.7))
    _draw_body(stage, person, rng.random() < 0.5)
    _draw_hair(stage, person, rng.uniform(0, 6))
    face = _face(rng, person)
    for middle, radii in (
        ((0, 0, 0), SKULL),
        ((0, 0.93, 0.38), (0.5, 0.42, 0.46)),  # chin
        ((0, 0.2, 1.05), (0.13, 0.32, 0.2 * person.nose)),  # nose
        ((0, 0.34, 1.14), (0.19, 0.14, 0.22 * person.nose)),
        ((-1, 0.06, -0.12), (0.14, 0.27, 0.2)),  # ears
        ((1, 0.06, -0.12), (0.14, 0.27, 0.2)),
    ):
        stage.ball(middle, radii, face, turned=True)
    pixels = np.asarray(stage.develop(), np.float32)
    noise = np.random.default_rng(rng.getrandbits(64)).standard_normal(pixels.shape, np.float32)
    tone = np.array([rng.gauss(1, 0.04) for _ in range(3)], np.float32) * rng.uniform(0.85, 1.12)
    return Image.fromarray((pixels * tone + 2 * noise).clip(0, 255).astype(np.uint8)), at


class Stage:
    """A picture into which ellipsoids are put, the nearer ones over those behind."""

    def __init__(self, room: Image.Image, at: Pose, *, roll: float, light: tuple[float, float, float]):
        wide, tall = room.width * FINER, room.height * FINER
        self.pixels = np.asarray(room.resize((wide, tall), Image.Resampling.BICUBIC), np.float32).copy()
        self.depth = np.full((tall, wide), -np.inf)
        self.at, self.unit = np.array((at.column, at.row)) * FINER, at.width / 2 * FINER
        self.light = np.array(light) / np.linalg.norm(light)
        tilt, pan, roll = (math.radians(turn) for turn in (at.tilt, at.pan, roll))
        nod = np.array(((1, 0, 0), (0, math.cos(tilt), -math.sin(tilt)), (0, math.sin(tilt), math.cos(tilt))))
        shake = np.array(((math.cos(pan), 0, math.sin(pan)), (0, 1, 0), (-math.sin(pan), 0, math.cos(pan))))
        lean = np.array(((math.cos(roll), -math.sin(roll), 0), (math.sin(roll), math.cos(roll), 0), (0, 0, 1)))
        self.turn = lean @ shake @ nod

    def ball(self, middle, radii, cover: Cover, *, turned: bool = False) -> None:
        """An ellipsoid around `middle` that is `turned` with the head, or stays as the body does."""
        turn = self.turn if turned else np.eye(3)
        middle, radii = np.array(middle, float), np.array(radii, float)
        form = turn @ np.diag(radii**-2) @ turn.T  # on its surface d · form · d is 1
        reach = np.sqrt(np.diag(turn @ np.diag(radii**2) @ turn.T))[:2] * self.unit
        centre = turn @ middle
        flat = self.at + centre[:2] * self.unit
        (left, top), (right, bottom) = np.floor(flat - reach).astype(int), np.ceil(flat + reach).astype(int)
        tall, wide = self.depth.shape
        rows, columns = np.arange(max(0, top), min(tall, bottom)), np.arange(max(0, left), min(wide, right))
        rows, columns = np.repeat(rows, len(columns)), np.tile(columns, len(rows))
        x, y = (columns + 0.5 - flat[0]) / self.unit, (rows + 0.5 - flat[1]) / self.unit
        b = form[0, 2] * x + form[1, 2] * y
        root = b * b - form[2, 2] * (form[0, 0] * x * x + 2 * form[0, 1] * x * y + form[1, 1] * y * y - 1)
        hit = root > 0
        rows, columns, x, y = rows[hit], columns[hit], x[hit], y[hit]
        out = np.stack((x, y, (np.sqrt(root[hit]) - b[hit]) / form[2, 2]), 1)
        colours, there = cover(out @ turn + middle)
        there = there & (out[:, 2] + centre[2] > self.depth[rows, columns])
        normal = out @ form
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        lit = 0.66 + 0.42 * (normal @ self.light).clip(0, 1) - 0.16 * (1 - normal[:, 2]) ** 2
        rows, columns = rows[there], columns[there]
        self.depth[rows, columns] = (out[:, 2] + centre[2])[there]
        self.pixels[rows, columns] = (colours * lit[:, None])[there]

    def develop(self) -> Image.Image:
        return Image.fromarray(self.pixels.clip(0, 255).astype(np.uint8)).reduce(FINER)


def _plain(colour: Colour) -> Cover:
    return lambda points: (np.tile(np.array(colour, np.float32), (len(points), 1)), np.ones(len(points), bool))


def _draw_body(stage: Stage, person: Person, striped: bool) -> None:
    def cloth(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, y, _ = points.T
        shirt = (np.abs(x) < 0.75 - 0.42 * (y - 1.9)) | (striped & (np.sin(y * 9) > 0.6))
        return np.where(shirt[:, None], person.shirt, person.coat), np.ones(len(points), bool)

    neck = tuple(int(0.86 * part) for part in person.skin)
    stage.ball((0, 1.35, -0.3), (0.56, 1.0, 0.56), _plain(neck))
    stage.ball((0, 3.15, -0.5), (2.3, 1.35, 0.85), cloth)
    stage.ball((0, 6.2, -0.5), (1.9, 4.2, 0.8), cloth)
    for side in (-1, 1):
        stage.ball((side * 1.95, 4.9, -0.5), (0.55, 2.6, 0.6), _plain(person.coat))


def _draw_hair(stage: Stage, person: Person, phase: float) -> None:
    """A shell around the skull that ends at the hair line, and what hangs or sits at the back."""
    style = person.style
    back, side, temple, front = {
        "long": (1.2, 0.9, -0.1, -0.66), "curly": (0.8, 0.3, -0.3, -0.62), "fringe": (0.7, 0.2, -0.2, -0.4),
    }.get(style, (0.7, 0.12, -0.34, -0.72))  # fmt: skip

    def hair(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, y, z = points.T
        line = np.interp(z, (-0.5, 0, 0.4, 0.75), (back, side, temple, front)) + 0.04 * np.sin(11 * x + phase)
        there = (y < line) & ((style != "bald") | ((y > -0.5) & (z < 0.3)))
        shine = 1 + 0.13 * np.sin(23 * x + 7 * z) + 0.08 * np.sin(9 * y + 31 * x)
        return np.array(person.hair) * shine[:, None], there

    def cap(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        y = points[:, 1] + 0.25 * points[:, 2]
        return np.where((y > -0.6)[:, None], person.shirt, person.coat) * (1 + 0.05 * np.sin(40 * y))[:, None], y < -0.3

    stage.ball((0, 0, -0.03), SKULL * {"curly": 1.2, "long": 1.12}.get(style, 1.07), hair, turned=True)
    if style == "long":
        stage.ball((0, 0.85, -0.5), (1.05, 1.2, 0.62), _plain(person.hair), turned=True)
    elif style == "bun":
        stage.ball((0, -0.95, -0.95), (0.46, 0.44, 0.46), _plain(person.hair), turned=True)
    elif style == "cap":
        stage.ball((0, -0.04, -0.03), SKULL * 1.13, cap, turned=True)


def _face(rng: random.Random, person: Person) -> Cover:
    """Skin with eyes, brows, mouth, beard and glasses, with the look of the moment."""
    gaze, wide, brow = rng.uniform(-0.07, 0.07), rng.choice((0.13, 0.12, 0.1, 0.03)), rng.uniform(-0.31, -0.24)
    smile, gape = rng.uniform(-0.05, 0.17), max(0.0, rng.uniform(-0.12, 0.12))
    skin, hair = np.array(person.skin, np.float32), np.array(person.hair, np.float32)
    eye = np.array(rng.choice(((80, 54, 36), (70, 100, 130), (84, 100, 64))), np.float32)

    def cover(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, y, z = points.T
        side, ahead = np.abs(x), z > 0
        colours = np.tile(skin, (len(points), 1))

        def dab(where: np.ndarray, colour, strength: float = 1) -> None:
            colours[where] += strength * (np.asarray(colour, np.float32) - colours[where])

        dab(ahead & ((side - 0.52) ** 2 + (y - 0.38) ** 2 < 0.05), (226, 96, 84), 0.13)
        dab(z > 1.2, (226, 110, 96), 0.12)
        lip = 0.7 - smile * (x / 0.36) ** 2
        jaw = (y > 0.52 - 0.12 * (side < 0.4)) | ((side > 0.66) & (y > 0.1) & (z > -0.1))
        if person.beard in ("full", "stubble"):
            dab((z > -0.2) & jaw, hair, 0.92 if person.beard == "full" else 0.3)
        if person.beard == "moustache":
            dab(ahead & (np.abs(y - 0.54 - 0.5 * x * x) < 0.07) & (side < 0.38), hair, 0.92)
        mouth = ahead & (z < 1.1) & (side < 0.36)
        dab(mouth & (np.abs(y - lip) < 0.075 * (1.1 - (x / 0.36) ** 2) + gape / 2), skin * (0.82, 0.5, 0.5))
        dab(mouth & (np.abs(y - lip) < np.maximum(0.014, (gape - 0.02) * (1 - (x / 0.3) ** 2))), (92, 30, 34))
        oval = ((side - 0.4) / 0.19) ** 2 + (y / wide) ** 2
        dab(ahead & (oval < 1.5) & (y < 0.02), INK, 0.8)
        dab(ahead & (oval < 1), PAPER)
        pupil = (x - np.sign(x) * 0.4 - gaze) ** 2 + y**2
        dab(ahead & (oval < 1) & (pupil < 0.011), eye)
        dab(ahead & (oval < 1) & (pupil < 0.003), (16, 14, 16))
        arch = np.abs(y - brow - 0.7 * (side - 0.4) ** 2)
        dab(ahead & (arch < 0.045) & (np.abs(side - 0.4) < 0.24), hair * 0.8)
        if person.glasses:
            rim = np.abs(np.hypot(side - 0.41, y - 0.03) - 0.29) < 0.035
            arms = (np.abs(y + 0.02) < 0.035) & ((side < 0.13) | (side > 0.7)) & (z > -0.1)
            dab((ahead & rim) | arms, INK)
        return colours, np.ones(len(points), bool)

    return cover


def draw_room(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    """A wall with things on it, among them round ones as large as a head, and often a desk below."""
    unit = size[0] * FINER / 100
    wide = size[1] * FINER / unit
    wall = rng.choice(WALLS)
    room = Image.new("RGB", (size[1] * FINER, size[0] * FINER), wall)
    draw = ImageDraw.Draw(room)

    def box(x: float, y: float, right: float, bottom: float, colour: Colour) -> None:
        draw.rectangle([part * unit for part in (x, y, x + right, y + bottom)], fill=colour)

    def disc(x: float, y: float, radius: float, colour: Colour) -> None:
        draw.ellipse([part * unit for part in (x - radius, y - radius, x + radius, y + radius)], fill=colour)

    def window(x: float, y: float) -> None:
        box(x - 17, y - 24, 34, 44, PAPER)
        box(x - 15, y - 22, 30, 40, SKY)
        disc(x + 4, y + 12, 8, GREEN)
        box(x - 1, y - 22, 2, 40, PAPER)

    def shelf(x: float, y: float) -> None:
        for board in (y - 20, y, y + 20):
            left = x - 18
            while left < x + 14:
                thick, tall = rng.uniform(2, 4.5), rng.uniform(9, 15)
                box(left, board - tall, thick, tall, rng.choice(CLOTHES))
                left += thick + rng.choice((0, 0, 0.6, 5))
            box(x - 20, board, 40, 1.8, rng.choice(WOODS))

    def poster(x: float, y: float) -> None:
        box(x - 14, y - 18, 28, 36, rng.choice((INK, PAPER, WOODS[0])))
        box(x - 12, y - 16, 24, 32, rng.choice(CLOTHES))
        disc(x + rng.uniform(-4, 4), y + rng.uniform(-6, 6), rng.uniform(5, 10), rng.choice((*SKINS, *CLOTHES)))

    def clock(x: float, y: float) -> None:
        radius, turn = rng.uniform(9, 14), rng.uniform(0, 6)
        disc(x, y, radius, rng.choice((INK, *WOODS)))
        disc(x, y, radius * 0.86, PAPER)
        for length, hand in ((0.5, turn), (0.75, 5 * turn)):
            end = (x + radius * length * math.cos(hand), y + radius * length * math.sin(hand))
            draw.line([part * unit for part in (x, y, *end)], fill=INK, width=round(unit))

    def lamp(x: float, y: float) -> None:
        box(x - 0.6, -1, 1.2, y, INK)
        disc(x, y, rng.uniform(9, 15), rng.choice((LAMP, PAPER, *SKINS[:3])))

    def plant(x: float, y: float) -> None:
        for _ in range(9):
            disc(
                x + rng.gauss(0, 7),
                y + rng.gauss(0, 8),
                rng.uniform(4, 8),
                tuple(rng.randint(-20, 20) + part for part in GREEN),
            )
        box(x - 6, y + 12, 12, 12, rng.choice(SKINS))

    for place in range(int(wide // 42) + 1):
        thing = rng.choice((window, shelf, poster, clock, lamp, plant))
        thing(place * 44 + rng.uniform(6, 36), rng.uniform(18, 52))
    if rng.random() < 0.6:
        top = rng.uniform(74, 90)
        for _ in range(2):
            radius = rng.uniform(6, 12)
            disc(rng.uniform(0, wide), top - radius * 0.9, radius, rng.choice((*CLOTHES, *SKINS)))
        box(0, top, wide + 1, 40, rng.choice(WOODS))
    shade = np.linspace(1.06, 0.86, room.width, dtype=np.float32)[:: rng.choice((-1, 1)), None]
    pixels = np.asarray(room.filter(ImageFilter.GaussianBlur(0.9 * unit)), np.float32) * shade
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).reduce(FINER)
