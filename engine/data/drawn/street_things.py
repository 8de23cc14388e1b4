"""What stands and moves in a drawn street: each function paints one thing at a place, its farther parts first."""

from engine.data.drawn.canvas import (
    BUILDING,
    CAR,
    CYCLIST,
    FENCE,
    PEDESTRIAN,
    POLE,
    SIGN,
    TREE,
    VOID,
    Canvas,
    Colour,
)  # fmt: skip

WALLS: tuple[Colour, ...] = (
    (164, 92, 72), (142, 80, 66), (206, 188, 158), (186, 168, 142), (160, 158, 154), (222, 214, 200), (128, 112, 102),
    (176, 132, 96),
)  # fmt: skip
PAINTS: tuple[Colour, ...] = (
    (186, 30, 34), (34, 64, 132), (226, 228, 230), (40, 42, 46), (140, 144, 150), (36, 96, 72), (214, 172, 44),
    (92, 24, 40), (96, 132, 160),
)  # fmt: skip
CLOTHES: tuple[Colour, ...] = (
    (42, 46, 62), (150, 40, 44), (56, 84, 130), (210, 200, 180), (84, 100, 70), (196, 140, 50), (110, 70, 110),
    (30, 30, 32),
)  # fmt: skip
SKIN: tuple[Colour, ...] = ((232, 190, 160), (198, 146, 110), (142, 96, 68), (92, 62, 46))


DETAIL = 60.0  # metres, beyond which windows and planks are not drawn one by one


def draw_house(scene: Canvas, side: int, x: float, z0: float, z1: float) -> None:
    """From `z0` to `z1` along the street, its front at `x`."""
    rng, light, paint = scene.rng, scene.sunlit(side), scene.rng.choice(WALLS)
    storeys, shop, ridge = rng.randint(2, 5), rng.random() < 0.4, rng.choice((0.0, 2.6))
    top, back = 3.0 * storeys + 0.6, x + side * 9
    peak = ((x + back) / 2, top + ridge)
    scene.face(BUILDING, ((x, 0, z0), (x, top, z0), (*peak, z0), (back, top, z0), (back, 0, z0)), paint, 0.78)
    if ridge:
        scene.face(BUILDING, ((x, top, z0), (x, top, z1), (*peak, z1), (*peak, z0)), (112, 84, 76), light * 0.9)
    scene.wall(BUILDING, x, (0, top), (z0, z1), paint, light)
    scene.wall(None, x, (top - 0.35, top), (z0, z1), paint, light * 0.75)
    if shop:
        scene.wall(None, x, (2.7, 3.3), (z0, z1), rng.choice(PAINTS), light)
    if z0 > DETAIL:
        return
    columns = max(2, int((z1 - z0) / rng.uniform(2.4, 3.4)))
    wide, frame = (z1 - z0) / columns, rng.choice(((236, 234, 228), (206, 200, 190), (90, 84, 80)))
    for storey in range(storeys):
        sill = 3.0 * storey + (0.4 if shop and not storey else 1.0)
        for column in range(columns):
            a, b = z0 + wide * (column + 0.24), z0 + wide * (column + 0.76)
            lamp_is_on = rng.random() < (0.45 if scene.dusk else 0.03)
            glass = (250, 214, 140) if lamp_is_on else rng.choice(((52, 62, 76), (70, 84, 100), (104, 122, 140)))
            scene.wall(None, x, (sill - 0.12, sill + 1.72), (a - 0.1, b + 0.1), frame, light)
            scene.wall(None, x, (sill, sill + 1.6), (a, b), glass, 1.5 if lamp_is_on else 1)
    door = z0 + wide * (rng.randrange(columns) + 0.1)
    scene.wall(None, x, (0, 2.2), (door, door + 1.1), rng.choice(PAINTS), light)


def draw_fence(scene: Canvas, side: int, x: float, z0: float, z1: float) -> None:
    """Planks from `z0` to `z1` along the street."""
    rng, light = scene.rng, scene.sunlit(side)
    wood, tall = rng.choice(((150, 112, 76), (226, 224, 218), (92, 76, 62), (66, 82, 66))), rng.uniform(0.9, 1.5)
    z = z0
    while z < z1:
        scene.wall(FENCE, x, (0, tall), (z, min(z + 0.5, z1)), wood, light * rng.uniform(0.9, 1.06))
        scene.wall(None, x, (0, tall), (z, min(z + 0.09, z1)), wood, light * 0.6)
        z += 0.5
    scene.wall(None, x, (tall - 0.25, tall - 0.13), (z0, z1), wood, light * 0.7)


def draw_tree(scene: Canvas, x: float, z: float) -> None:
    rng, tall = scene.rng, scene.rng.uniform(4.5, 8.5)
    crown, green = tall * rng.uniform(0.26, 0.34), rng.uniform(-18, 26)
    scene.shadow(x, z, crown * 0.8)
    trunk = ((-0.17, 0), (-0.1, tall * 0.6), (0.1, tall * 0.6), (0.17, 0))
    scene.board(TREE, (x, 0, z), trunk, (92, 74, 58), 0.9)
    for step in range(18):  # from the lowest leaves to the highest
        up = step / 8.5 - 1
        across = rng.uniform(-1, 1) * (1 - up * up) ** 0.5
        light = 0.8 + 0.2 * up + 0.5 * scene.direct * across * scene.sun + rng.uniform(-0.1, 0.1)
        middle = (x + across * crown * 0.8, tall - crown + up * crown * 0.9, z)
        scene.disc(TREE, middle, crown * rng.uniform(0.28, 0.5), (70 + green, 104 + green * 0.6, 50), light)


def draw_lamp(scene: Canvas, x: float, z: float, *, side: int) -> None:
    """A street lamp whose arm reaches over the road; `side` -1 stands on the left."""
    grey, lamp = (84, 88, 90), (255, 226, 160) if scene.dusk else (198, 200, 196)
    end = x - side * 1.5
    scene.plate(POLE, (x - 0.09, x + 0.09), (0, 6), z, grey)
    scene.face(POLE, ((x, 5.9, z), (x, 6.06, z), (end, 6.2, z), (end, 6.04, z)), grey)
    scene.plate(POLE, (end - 0.4, end + 0.4), (6, 6.2), z, lamp, 1.4 if scene.dusk else 1)


def draw_sign(scene: Canvas, x: float, z: float) -> None:
    rng, red, white, blue = scene.rng, (200, 34, 38), (238, 238, 234), (30, 86, 170)
    scene.plate(POLE, (x - 0.05, x + 0.05), (0, 2.5), z, (126, 128, 130))
    shape = rng.choice(("limit", "way", "warning", "board"))
    if shape == "warning":
        scene.board(SIGN, (x, 2.2, z), ((-0.5, 0), (0, 0.9), (0.5, 0)), red)
        scene.board(None, (x, 2.2, z), ((-0.3, 0.12), (0, 0.64), (0.3, 0.12)), white)
    elif shape == "board":
        scene.plate(SIGN, (x - 0.6, x + 0.6), (2.1, 2.9), z, rng.choice((blue, (24, 104, 66))))
        for row in (2.28, 2.58):
            scene.plate(None, (x - 0.45, x + 0.4), (row, row + 0.13), z, white)
    else:
        scene.disc(SIGN, (x, 2.6, z), 0.45, red if shape == "limit" else blue)
        scene.disc(None, (x, 2.6, z), 0.32, white if shape == "limit" else (70, 130, 206))


def draw_letter_box(scene: Canvas, x: float, z: float) -> None:
    scene.shadow(x, z, 0.4)
    scene.plate(VOID, (x - 0.28, x + 0.28), (0, 1.45), z, (188, 28, 34))
    scene.disc(VOID, (x, 1.45, z), 0.3, (168, 22, 30))


def draw_person(scene: Canvas, x: float, z: float) -> None:
    rng, coat, trousers = scene.rng, scene.rng.choice(CLOTHES), scene.rng.choice(CLOTHES)
    tall, step, foot = rng.uniform(1.45, 1.9), rng.uniform(0.04, 0.26), (x, 0.0, z)
    scene.shadow(x, z, 0.35)
    for stride, light in ((-step, 0.8), (step, 1.0)):
        leg = ((stride - 0.09, 0), (-0.13, tall * 0.5), (0.13, tall * 0.5), (stride + 0.09, 0))
        scene.board(PEDESTRIAN, foot, leg, trousers, light)
    body = ((-0.2, 0.46), (-0.25, 0.8), (-0.1, 0.86), (0.1, 0.86), (0.25, 0.8), (0.2, 0.46))
    scene.board(PEDESTRIAN, foot, [(dx, dy * tall) for dx, dy in body], coat)
    for arm in (-1, 1):
        hand = 0.2 + step / 3
        sleeve = ((0.2, 0.8), (0.27, 0.8), (hand + 0.08, 0.5), (hand, 0.5))
        scene.board(PEDESTRIAN, foot, [(arm * dx, dy * tall) for dx, dy in sleeve], coat, 0.85)
    scene.disc(PEDESTRIAN, (x, tall * 0.93, z), 0.125, rng.choice(SKIN))
    scene.disc(PEDESTRIAN, (x, tall * 0.96, z), 0.12, rng.choice(((40, 30, 24), (96, 66, 40), (150, 140, 130))))


def draw_cyclist(scene: Canvas, x: float, z: float, *, across: bool) -> None:
    """Somebody who rides along the street, or `across` it."""
    rng, coat, trousers = scene.rng, scene.rng.choice(CLOTHES), scene.rng.choice(CLOTHES)
    scene.shadow(x, z, 0.5)
    if across:
        for wheel in (x - 0.52, x + 0.52):
            scene.disc(CYCLIST, (wheel, 0.35, z), 0.35, (30, 30, 32))
            scene.disc(None, (wheel, 0.35, z), 0.28, (128, 128, 126))
        frame = ((-0.52, 0.35), (-0.2, 0.85), (0.4, 0.88), (0.52, 0.35), (0.38, 0.7), (-0.05, 0.35))
        scene.board(CYCLIST, (x, 0, z), frame, rng.choice(PAINTS))
        leg = ((-0.28, 0.95), (0.12, 0.62), (0.0, 0.2), (0.12, 0.2), (0.26, 0.66), (-0.08, 1.0))
        scene.board(CYCLIST, (x, 0, z), leg, trousers)
        back = ((-0.3, 0.9), (-0.08, 1.42), (0.16, 1.42), (0.5, 1.0), (0.42, 0.94), (0.1, 1.2), (-0.04, 0.92))
        scene.board(CYCLIST, (x, 0, z), back, coat)
        head = (x + 0.18, 1.58, z)
    else:
        scene.plate(CYCLIST, (x - 0.04, x + 0.04), (0, 0.9), z, (34, 34, 38))
        scene.plate(CYCLIST, (x - 0.32, x + 0.32), (0.98, 1.04), z, (50, 50, 54))
        for pedal, y in ((-0.14, 0.25), (0.14, 0.45)):
            leg = ((pedal - 0.07, y), (pedal - 0.09, 1), (pedal + 0.09, 1), (pedal + 0.07, y))
            scene.board(CYCLIST, (x, 0, z), leg, trousers, 0.85)
        scene.board(CYCLIST, (x, 0.92, z), ((-0.18, 0), (-0.28, 0.5), (0.28, 0.5), (0.18, 0)), coat)
        head = (x, 1.56, z)
    scene.disc(CYCLIST, head, 0.13, rng.choice(SKIN))
    scene.disc(CYCLIST, (head[0], head[1] + 0.06, z), 0.13, rng.choice(PAINTS))


def draw_car(scene: Canvas, x: float, z: float, *, front: bool) -> None:
    """Seen from behind, or from its `front`; its flank shows when it is not straight ahead."""
    rng, paint, glass = scene.rng, scene.rng.choice(PAINTS), (44, 54, 66)
    half, end, waist, roof = 0.88, z + rng.uniform(3.7, 4.4), rng.uniform(0.82, 0.95), rng.uniform(1.4, 1.62)
    screen = z + (1.1 if front else rng.choice((0.15, 0.7)))  # where the window begins
    scene.ground(None, (x - 1, x + 1), (z - 0.15, end), (16, 16, 18), 1, 150)

    flank = -1 if x > 0 else 1  # the side that looks towards the camera
    side, top, light = x + flank * half, x + flank * (half - 0.14), scene.sunlit(-flank)
    cabin = ((side, waist, screen), (top, roof, screen + 0.6), (top, roof, end - 0.6), (side, waist, end - 0.2))
    scene.face(CAR, cabin, paint, light * 0.9)
    high = roof - 0.1
    pane = ((side, waist, screen + 0.3), (top, high, screen + 0.75), (top, high, end - 0.8), (side, waist, end - 0.5))
    scene.face(None, pane, glass)
    scene.wall(CAR, side, (0.22, waist), (z, end), paint, light)
    for axle in (z + 0.8, end - 0.8):
        scene.wheel(CAR, side, axle, 0.31, (24, 24, 26))
        scene.wheel(None, side, axle, 0.17, (150, 152, 156), hub=0.31)

    lid = ((x - half, waist, z), (x - half, waist, screen), (x + half, waist, screen), (x + half, waist, z))
    scene.face(CAR, lid, paint, 1.12)
    for kind, inset, colour in ((CAR, 0.0, paint), (None, 0.1, glass)):
        low, narrow, high = half - inset, half - 0.14 - inset, roof - 0.8 * inset
        scene.face(
            kind,
            (
                (x - low, waist, screen),
                (x - narrow, high, screen + 0.6),
                (x + narrow, high, screen + 0.6),
                (x + low, waist, screen),
            ),
            colour,
            0.95,
        )
    for tyre in (x - half + 0.04, x + half - 0.26):
        scene.plate(CAR, (tyre, tyre + 0.22), (0, 0.4), z, (22, 22, 24))
    scene.plate(CAR, (x - half, x + half), (0.22, waist), z, paint, 0.92)
    scene.plate(None, (x - half, x + half), (0.22, 0.4), z, paint, 0.55)
    lamp_height = (waist - 0.3, waist - 0.14)
    for lamp in (x - half + 0.04, x + half - 0.34):
        scene.plate(None, (lamp, lamp + 0.3), lamp_height, z, (250, 244, 214) if front else (214, 24, 26), 1.25)
    scene.plate(None, (x - 0.26, x + 0.26), (0.42, 0.54), z, (236, 236, 230) if front else (238, 200, 60))
    if front:
        scene.plate(None, (x - 0.45, x + 0.45), lamp_height, z, (30, 30, 32))
