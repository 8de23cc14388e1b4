"""Draws street scenes with exact masks, so that there is something to train on with no network at all.

A scene is laid out in metres, as seen from a car that drives on the left: x to the right, y up, z ahead. Vegetation
counts as Tree, lane lines as Road, and the own car's bonnet and the odd letter box as Void, much as in CamVid.
"""

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PIL import Image

from engine.data.drawn.canvas import BUILDING, ROAD, SIDEWALK, STREET_CLASSES, TREE, Canvas
from engine.data.drawn.street_things import (
    PAINTS,
    WALLS,
    draw_car,
    draw_cyclist,
    draw_fence,
    draw_house,
    draw_lamp,
    draw_letter_box,
    draw_person,
    draw_sign,
    draw_tree,
)

FAR = 160.0  # where the street ends, in metres
PAVEMENT = 3.2  # its width in metres
Thing = tuple[float, Callable[[], None]]  # how far it is, and how to draw it


def draw_streets(
    folder: Path,
    *,
    train: int = 60,
    valid: int = 20,
    test: int = 10,
    size: tuple[int, int] = (120, 160),
    seed: int = 3,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Makes `folder` with `codes.txt` and pictures and masks of `size` (height, width) in the tiramisu layout.

    The same `seed` draws the same scenes. `on_progress(done, total)` counts pictures.
    """
    folder.mkdir(parents=True)
    (folder / "codes.txt").write_text("".join(f"{name}\n" for name in STREET_CLASSES), "utf-8")
    splits = {"train": train, "val": valid, "test": test}
    done = 0
    for split, count in splits.items():
        pictures, masks = folder / split, folder / f"{split}annot"
        pictures.mkdir()
        masks.mkdir()
        for index in range(count):
            picture, mask = draw_street(random.Random(f"{seed} {split} {index}"), size)
            picture.save(pictures / f"drawn_{index:04}.jpg", quality=92)
            mask.save(masks / f"drawn_{index:04}.png")
            done += 1
            on_progress(done, sum(splits.values()))


def draw_street(rng: random.Random, size: tuple[int, int]) -> tuple[Image.Image, Image.Image]:
    """One scene: an RGB picture and its mask of class indices (mode L), both of `size` (height, width)."""
    scene = Canvas(rng, size)
    left, right = -rng.uniform(2.2, 3.0), rng.uniform(4.6, 6.0)
    _draw_ground(scene, left, right)
    things: list[Thing] = []
    for side, kerb in ((-1, left), (1, right)):
        things += _line_of_houses(scene, side, kerb)
    _draw_far_to_near(things)
    things = []
    for side, kerb in ((-1, left), (1, right)):
        things += _pavement(scene, side, kerb)
    things += _traffic(scene, left, right)
    _draw_far_to_near(things)
    scene.bonnet(rng.uniform(0.03, 0.07), rng.choice(PAINTS))
    return scene.develop()


def _draw_far_to_near(things: list[Thing]) -> None:
    for _, draw in sorted(things, key=lambda thing: -thing[0]):
        draw()


def _draw_ground(scene: Canvas, left: float, right: float) -> None:
    """The end of the street, the grass, the road with its lines, and the pavements."""
    rng, near = scene.rng, 1.2
    for _ in range(60):
        x, top = rng.uniform(-130, 130), rng.uniform(3, 13)
        if rng.random() < 0.6:
            scene.disc(TREE, (x, top * 0.4, FAR), top * 0.6, (62, 84, 48), rng.uniform(0.7, 1.1))
        else:
            scene.plate(BUILDING, (x - 5, x + 5), (0, top), FAR, rng.choice(WALLS), rng.uniform(0.7, 1))
    scene.ground(TREE, (-400, 400), (near, FAR), (96, 120, 62))
    asphalt, line = rng.uniform(78, 104), (226, 226, 220)
    for step in range(11):  # in stretches, so that each gets its own haze
        z = (near * 1.6**step, min(FAR, near * 1.6 ** (step + 1)))
        scene.ground(ROAD, (left, right), z, (asphalt, asphalt, asphalt + 4))
        for side, kerb in ((-1, left), (1, right)):
            scene.ground(SIDEWALK, (kerb, kerb + side * PAVEMENT), z, (158, 150, 142))
            scene.ground(SIDEWALK, (kerb, kerb + side * 0.22), z, (186, 182, 174))
            scene.ground(None, (kerb - side * 0.25, kerb - side * 0.37), z, (206, 178, 74))
    for step in range(24):
        z = 2 + 1.5 * step
        for side, kerb in ((-1, left), (1, right)):
            scene.ground(None, (kerb + side * 0.22, kerb + side * PAVEMENT), (z, z + 0.06), (132, 126, 120))
    middle = (left + right) / 2
    for step in range(14):
        scene.ground(None, (middle - 0.07, middle + 0.07), (3 + 6 * step, 6 + 6 * step), line)
    if rng.random() < 0.25:  # a zebra crossing
        z = rng.uniform(7, 16)
        for stripe in range(int(right - left)):
            scene.ground(None, (left + 0.3 + stripe, left + 0.8 + stripe), (z, z + 2.6), line)


def _line_of_houses(scene: Canvas, side: int, kerb: float) -> list[Thing]:
    """Houses along one side, some behind a garden, with trees in the gaps."""
    rng, things, z = scene.rng, [], scene.rng.uniform(1.5, 6)
    x = kerb + side * PAVEMENT
    while z < FAR - 30:
        length = rng.uniform(8, 20)
        if rng.random() < 0.8:
            back = rng.choice((0, 0, 3))
            things.append((z + length, partial(draw_house, scene, side, x + side * back, z, z + length)))
        else:
            back = 3
            for _ in range(2):
                things.append(
                    (z + length, partial(draw_tree, scene, x + side * rng.uniform(2, 5), z + rng.uniform(2, length)))
                )
        if back and z < 60:
            things.append((z + 0.1, partial(draw_fence, scene, side, x, z, min(z + length, 60))))

        z += length + rng.choice((0, 0, 0, 2, 5))
    return things


def _pavement(scene: Canvas, side: int, kerb: float) -> list[Thing]:
    """Trees, lamps, signs, letter boxes and people along one side."""
    rng, things = scene.rng, []

    def place(draw: Callable[..., None], z: float, inwards: float) -> None:
        things.append((z, partial(draw, scene, kerb + side * inwards, z)))

    first, apart = rng.uniform(7, 16), rng.uniform(14, 26)
    for step in range(6):
        place(partial(draw_lamp, side=side), first + apart * step, 0.5)
    if rng.random() < 0.55:
        for step in range(5):
            place(draw_tree, first + apart * step + apart / 2, 0.9)
    for _ in range(rng.choice((0, 1, 1, 2))):
        place(draw_sign, rng.uniform(6, 26), 0.6)
    for _ in range(rng.choice((1, 2, 3, 4))):
        place(draw_person, rng.uniform(6, 34), rng.uniform(0.8, 2.8))
    if rng.random() < 0.3:
        place(draw_letter_box, rng.uniform(7, 18), 2.6)
    return things


def _traffic(scene: Canvas, left: float, right: float) -> list[Thing]:
    """Cars that drive and cars that stand, cyclists, and now and then somebody who crosses."""
    rng, things = scene.rng, []
    for x, front, share in ((rng.uniform(-0.3, 0.3), False, 0.6), (right - 1.9, True, 0.75)):
        z = rng.uniform(9, 24)
        while z < 70:
            if rng.random() < share:
                things.append((z, partial(draw_car, scene, x, z, front=front)))
            z += rng.uniform(9, 22)
    for x, front in ((left + 0.75, False), (right - 0.85, True)):
        if rng.random() < 0.4:
            begin = rng.uniform(10, 18)
            things += [
                (begin + 5.4 * n, partial(draw_car, scene, x, begin + 5.4 * n, front=front))
                for n in range(rng.randint(1, 5))
            ]
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        x, z = rng.choice((left + 0.7, right - 0.8)), rng.uniform(6.5, 20)
        things.append((z, partial(draw_cyclist, scene, x, z, across=rng.random() < 0.4)))
    if rng.random() < 0.25:
        z = rng.uniform(8, 16)
        things.append((z, partial(draw_person, scene, rng.uniform(left, right), z)))
    return things
