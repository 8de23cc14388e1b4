"""Programs that open servers, run apart: a server inside a test leaves sockets behind that the next test is blamed for."""

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

from app import GRADIO_SETTINGS

SUPPORT = Path(__file__).parent


def tell(told: dict[str, Any]) -> NoReturn:
    """Print what a program has found out, and end it: threads at work would abort a process that is torn down under them."""
    print(json.dumps(told), flush=True)
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(0)


def told_by(program: str, *arguments: str, home: Path) -> dict[str, Any]:
    """Run `PROGRAM.py` of this folder with this home and return what it prints as JSON."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{SUPPORT}{os.pathsep}{SUPPORT.parents[1]}",
        **GRADIO_SETTINGS,
        "LESSON_LAB_HOME": str(home),
    }
    command = [sys.executable, str(SUPPORT / f"{program}.py"), *arguments]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, cwd=home.parent)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return json.loads(next(line for line in ended.stdout.splitlines() if line.startswith("{")))
