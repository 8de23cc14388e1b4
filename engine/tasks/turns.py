"""Head turns: how far is this head turned, in degrees? A regression to two numbers, which are no place in the picture."""

from pathlib import Path
from typing import TYPE_CHECKING

from engine.inputs import PICTURE
from engine.kinds.main_metrics import MEAN_ERROR
from engine.recipe import LESSON_BACKBONE, OFFLINE_BACKBONE
from engine.task import Aim, Objective, Task
from engine.tasks.heads import CPU, HEADS, QUICK

if TYPE_CHECKING:
    from engine.data.pictures.block import Data

ANGLES = ("pan", "tilt")  # to the right, as one looks at the picture, and up
PEOPLE = "Person*"  # Pointing'04's folders


def open_turns(root: Path) -> "Data":
    """Heads by their angles, split as their centres are; any other folder as pictures with numbers."""
    from engine.data.pictures.point_table import TABLE
    from engine.kinds.number import open_numbers

    is_pointing = root.is_dir() and any(root.glob(PEOPLE))
    if is_pointing or (root / TABLE).is_file():
        data = _open_heads(root, is_pointing=is_pointing)
        if data:
            return data
    return open_numbers(root, is_chosen=True)


def _open_heads(root: Path, *, is_pointing: bool) -> "Data | None":
    """The heads whose angles are said; None where no two are."""
    from dataclasses import replace

    from engine.data.pictures.number_layouts import NumberLayout
    from engine.data.pictures.point_layouts import find_layout
    from engine.data.reading.values import as_number
    from engine.kinds.number import open_number_layout

    layout = find_layout(root)
    numbers: dict[Path, tuple[float, ...]] = {}
    for picture in layout.pictures:
        facts = layout.facts(picture)
        pan, tilt = (as_number(facts.get(name, "")) for name in ANGLES)
        if pan is not None and tilt is not None:
            # Pointing'04 counts from the person who sits there, whose right is the picture's left.
            numbers[picture] = (0.0 - pan if is_pointing else pan, tilt)
    if len(set(numbers.values())) < 2:
        return None
    lost = tuple(picture.name for picture in layout.pictures if picture not in numbers)
    findings = replace(
        layout.findings,
        left_out={**layout.findings.left_out, **({"no angles are said": lost} if lost else {})},
        notes=(*layout.findings.notes, "Pan is to the right as one looks at the picture, tilt is up, both in degrees."),
        parts={},
    )
    people = {picture: {"person": layout.facts(picture).get("person", "?")} for picture in numbers}
    found = NumberLayout(names=ANGLES, numbers=numbers, split=layout.split, facts=people.__getitem__, findings=findings)
    return open_number_layout(root, found)


def build_objective() -> Objective:
    """Numbers; torch is imported here, so that the page can list the task without it."""
    from engine.kinds.number import build_number_objective

    return build_number_objective(open_turns)


def build_plain() -> Objective:
    """The numbers of any pictures."""
    from engine.kinds.number import build_number_objective

    return build_number_objective()


AIM = Aim(
    name="number",
    kind="number",
    input_kind=PICTURE,
    metric=MEAN_ERROR,
    build=build_objective,
    build_plain=build_plain,
    default_stage=HEADS.default_stage,
)
TURNS = Task(
    name="turns",
    title="Head turns",
    question="How far is this head turned, to the side and up or down, in degrees?",
    lesson="turns",
    datasets=("pointing04", "drawn-heads"),
    backbones=(OFFLINE_BACKBONE, LESSON_BACKBONE, "resnet18.tv_in1k", "mobilenetv3_small_100"),
    recipes=(QUICK, CPU),
    aims=(AIM,),
)
