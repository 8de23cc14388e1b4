"""One colour for each class of a mask: familiar ones for the things of a street, well spread ones for the rest."""

import colorsys
from functools import cache

VOID_INDEX = 255

# By lower-case name without separators. Chosen so that what lies side by side in a street is easy to tell apart.
STREET_COLORS = {
    "sky": "#7cc4f2",
    "building": "#b3684d",
    "wall": "#8f5a44",
    "archway": "#c98a6b",
    "bridge": "#a08070",
    "tunnel": "#5b4a43",
    "pole": "#d9b44a",
    "columnpole": "#d9b44a",
    "road": "#6d5f8d",
    "roadmarking": "#e9e4f5",
    "lanemkgsdriv": "#e9e4f5",
    "lanemkgsnondriv": "#c5bde0",
    "roadshoulder": "#9487b3",
    "parkingblock": "#b39ddb",
    "pavement": "#e58fb1",
    "sidewalk": "#e58fb1",
    "tree": "#4e9a51",
    "vegetationmisc": "#9bbf4d",
    "signsymbol": "#f2e04e",
    "sign": "#f2e04e",
    "trafficlight": "#ff9f1c",
    "trafficcone": "#ff7b54",
    "misctext": "#c9b458",
    "fence": "#a3a380",
    "car": "#2f6fde",
    "suvpickuptruck": "#1b4fa8",
    "truckbus": "#123a7a",
    "truck": "#123a7a",
    "train": "#3d5a80",
    "othermoving": "#5aa9e6",
    "cartluggagepram": "#7f95d1",
    "pedestrian": "#e63946",
    "person": "#e63946",
    "child": "#ff758f",
    "animal": "#b5179e",
    "bicyclist": "#00b4a6",
    "cyclist": "#00b4a6",
    "bicycle": "#00b4a6",
    "motorcyclescooter": "#00756c",
    "void": "#4a4a4a",
    "unlabelled": "#4a4a4a",
}

Color = tuple[int, int, int]


@cache
def class_colors(classes: tuple[str, ...]) -> tuple[Color, ...]:
    """A colour for each class, the same for the same list of names."""
    return tuple(_street_color(name) or _spread_color(index) for index, name in enumerate(classes))


def css_color(color: Color) -> str:
    """`rgb(…)` for a style sheet."""
    return f"rgb({color[0]} {color[1]} {color[2]})"


def mask_palette(classes: tuple[str, ...]) -> bytes:
    """256 × RGB for a palette picture whose pixels are class indices."""
    flat = [part for color in class_colors(classes) for part in color]
    return bytes(flat + [0] * (768 - len(flat)))


def confidence_palette() -> bytes:
    """256 × RGB from dark violet (unsure) through teal to yellow (sure), after matplotlib's viridis."""
    anchors = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
    flat: list[int] = []
    for level in range(256):
        place = level / 255 * (len(anchors) - 1)
        left = min(int(place), len(anchors) - 2)
        share = place - left
        pairs = zip(anchors[left], anchors[left + 1], strict=True)
        flat += [round(low + (high - low) * share) for low, high in pairs]
    return bytes(flat)


def _street_color(name: str) -> Color | None:
    key = "".join(letter for letter in name.lower() if letter.isalnum())
    code = STREET_COLORS.get(key)
    return None if code is None else (int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16))


def _spread_color(index: int) -> Color:
    """Neighbouring indices get hues a golden angle apart."""
    red, green, blue = colorsys.hls_to_rgb(index * 0.61803 % 1, 0.42 + 0.18 * (index % 3) / 2, 0.55)
    return round(red * 255), round(green * 255), round(blue * 255)
