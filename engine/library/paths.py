"""What is handed on names folders of one's own by their last part alone: where they lie on this machine is nobody's business."""

import json
import re
from pathlib import Path

from engine.bundle.config import read_library_config
from engine.bundle.files import CONFIG_FILE, OURS

HUB_NAME = re.compile(r"\w[\w.-]*/[\w.-]+")  # OWNER/NAME
LIBRARY_NAME = "_name_or_path"  # where transformers writes down what a model was loaded from


def forget_paths(bundle: Path) -> None:
    """Write a bundle's config, which has this version's format, anew: without paths of data sets and text models."""
    is_text = bool(read_library_config(bundle))
    values = json.loads((bundle / CONFIG_FILE).read_text(encoding="utf-8"))
    ours = values[OURS]
    for part in (ours, *ours.get("starts", ())):
        part["dataset"] = Path(part.get("dataset", "")).name
        part["recipe"]["backbone"] = without_path(part["recipe"]["backbone"], is_text=is_text)
    ours["backbone"] = without_path(ours["backbone"], is_text=is_text)
    if LIBRARY_NAME in values:
        values[LIBRARY_NAME] = ours["backbone"]
    (bundle / CONFIG_FILE).write_text(json.dumps(values, indent=1), encoding="utf-8")


def is_folder(backbone: str) -> bool:
    """Whether a backbone is a path, and no name of timm's or of the Hub's."""
    return Path(backbone).name != backbone and not HUB_NAME.fullmatch(backbone)


def without_path(backbone: str, *, is_text: bool) -> str:
    """A backbone as others may see it, the model being one of transformers' or not.

    A text model in /somewhere/bert becomes ./bert: not bert, which the app or the Hub may have a model of its own for.
    """
    here = is_text and Path(backbone).is_dir()  # what could be a name, too
    return f"./{Path(backbone).name}" if here or is_folder(backbone) else backbone
