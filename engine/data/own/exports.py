"""All that annotation programs export, tried in turn."""

from functools import partial
from pathlib import Path

from engine.data.own import coco, label_studio, labelme, voc, yolo
from engine.data.own.marked_ways import ways_of
from engine.data.own.way import Way

FORMATS = (coco.ways, voc.ways, yolo.ways, labelme.ways, label_studio.ways)


def exported_ways(folder: Path) -> list[Way]:
    """All ways in which a folder can be read as some program's export; [] where it is none.

    What is plainly of a program and cannot be used is a `DataError`; where other files can be used, it is a note of these.
    """
    return ways_of([partial(ways, folder) for ways in FORMATS])
