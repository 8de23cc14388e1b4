"""Every endpoint of the shared page, posted to directly by a visitor: none does what is the host's alone.

The endpoints are those that the page has, so that a new one cannot be forgotten. Each is posted to with every sort of value that
could reach something: a model's name, a data set's, a name on the Hub. What must not happen is watched where it would
happen, in the engine; and the host, who posts the same, makes all of it happen.
"""

from pathlib import Path

from programs import told_by

# What the host alone may do, by the handler that begins it and what is watched of it.
HOSTS = {
    "start_fetch": "fetch",
    "delete": "move",
    "start_publishing": "publish",
    "start_loading": "load",
    "stop_run": "stop",
}


def test_no_endpoint_lets_a_visitor_do_what_is_the_host_s(lab_home: Path) -> None:
    told = told_by("post_everything", *HOSTS, home=lab_home)
    assert told["endpoints"] > 300
    assert told["by a visitor"] == told["by nobody"] == told["to nobody"] == []
    assert set(HOSTS) <= set(told["refused"])
    assert told["wrong password"] == 400
    assert told["by the host"] == sorted(HOSTS.values())
