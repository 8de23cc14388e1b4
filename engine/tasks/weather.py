"""Weather: is this satellite chip clear, partly cloudy, hazy or cloudy? Exactly one holds: one label a picture."""

from pathlib import Path
from typing import TYPE_CHECKING

from engine.inputs import PICTURE
from engine.kinds.main_metrics import ACCURACY
from engine.recipe import OFFLINE_BACKBONE
from engine.task import Aim, Objective, Task
from engine.tasks.planet import LARGER, LESSON_RESNET, PLANET, PROGRESSIVE, QUICK

if TYPE_CHECKING:
    from engine.data.pictures.block import Data

WEATHER = ("clear", "cloudy", "haze", "partly_cloudy")


def open_weather(root: Path) -> "Data":
    """Planet's chips with their weather alone; any other folder as pictures with one label each."""
    from dataclasses import replace

    from engine.data.pictures.tag_layouts import find_tag_layout
    from engine.data.pictures.transforms import transforms_from_above
    from engine.errors import LayoutError
    from engine.kinds.label import open_labels, open_named

    try:
        return open_labels(root)
    except LayoutError:  # several tags a picture: Planet's are the weather and what lies below it
        layout = find_tag_layout(root)
        found = {picture: [tag for tag in WEATHER if tag in tags] for picture, tags in layout.tags.items()}
        if not any(found.values()):
            raise
    names = {picture: tags[0] for picture, tags in found.items() if len(tags) == 1}
    lost = tuple(picture.name for picture in found if picture not in names)
    left_out = {**layout.findings.left_out, **({"no weather is said, or two kinds of it": lost} if lost else {})}
    note = "Of each chip's tags its weather is taken, and what lies below it is left aside."
    notes = (*layout.findings.notes, note)
    findings = replace(layout.findings, left_out=left_out, notes=notes, parts={}, warnings=())
    return open_named(root, names, layout.split, findings, transforms=transforms_from_above)


def build_objective() -> Objective:
    """One label; torch is imported here, so that the page can list the task without it."""
    from engine.kinds.label import build_label_objective

    return build_label_objective(open_weather)


def build_plain() -> Objective:
    """One label of any pictures."""
    from engine.kinds.label import build_label_objective

    return build_label_objective()


AIM = Aim(
    name="label",
    kind="label",
    input_kind=PICTURE,
    metric=ACCURACY,
    build=build_objective,
    build_plain=build_plain,
    default_stage=PLANET.default_stage,
)
WEATHER_TASK = Task(
    name="weather",
    title="Weather",
    question="Is this satellite chip clear, partly cloudy, hazy or cloudy? One label a picture.",
    lesson="weather",
    inputs="pictures",
    datasets=("planet_sample", "planet", "planet_tiny", "drawn-chips"),
    backbones=(OFFLINE_BACKBONE, LESSON_RESNET, "resnet34.tv_in1k", "resnet18.tv_in1k", "mobilenetv3_small_100"),
    recipes=(QUICK, PROGRESSIVE, LARGER),
    aims=(AIM,),
)
