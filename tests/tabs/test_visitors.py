"""Every endpoint of the shared page, posted to directly by a visitor: none does what is the host's alone.

The endpoints are those that the page has, so that a new one cannot be forgotten. Each is posted to with every sort of value that
could reach something: a model's name, a data set's, a name on the Hub. What must not happen is watched where it would
happen, in the engine; and the host, who posts the same, makes all of it happen.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
# What the host alone may do, by the handler that begins it and what is watched of it.
HOSTS = {
    "start_fetch": "fetch",
    "delete": "move",
    "start_publishing": "publish",
    "start_loading": "load",
    "stop_run": "stop",
}


def test_no_endpoint_lets_a_visitor_do_what_is_the_host_s(lab_home: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}",
        "GRADIO_ANALYTICS_ENABLED": "False",
    }
    command = [sys.executable, str(TESTS / "post_everything.py"), *HOSTS]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, cwd=lab_home.parent)
    assert ended.returncode == 0, ended.stderr[-3000:]
    told = json.loads(next(line for line in ended.stdout.splitlines() if line.startswith("{")))
    assert told["endpoints"] > 300
    assert told["by a visitor"] == told["by nobody"] == told["to nobody"] == []
    assert set(HOSTS) <= set(told["refused"])
    assert told["wrong password"] == 400
    assert told["by the host"] == sorted(HOSTS.values())
