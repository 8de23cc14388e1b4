"""The page's own JavaScript: files in `assets/page`, each read once, by its name."""

import json
from functools import cache

from tabs.door.paths import APP

SCRIPTS = APP / "assets" / "page"


@cache
def script(name: str) -> str:
    """The text of a script: statements for `js_on_load=`, or one function for `js=`."""
    return (SCRIPTS / f"{name}.js").read_text(encoding="utf-8")


def called(name: str, *arguments: str | int) -> str:
    """For `js=`: what a script's one function, which makes a function, returns for these arguments."""
    return f"({script(name)})({', '.join(map(json.dumps, arguments))})"
