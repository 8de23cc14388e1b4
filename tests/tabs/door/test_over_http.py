"""`app.py` as people start it, over raw HTTP: what pages elsewhere, other names and other people's sessions come to.

Routes and endpoints are those that the server has, so that a new one cannot be forgotten; the host, who does the same, gets
it all.
"""

from pathlib import Path
from typing import Any

import pytest
from programs import told_by


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("knocked") / "home"
    home.mkdir()
    return told_by("knock_over_http", home=Path(home))


def test_no_route_answers_to_a_name_elsewhere(told: dict[str, Any]) -> None:
    assert len(told["routes"]) > 30 and set(told["routes"].values()) == {403}
    assert told["origin"] == 403 and told["own name"] == 200


def test_names_that_look_like_another_s_are_not_let_in(told: dict[str, Any]) -> None:
    assert told["look-alikes let in"] == told["annas let in"] == []
    assert told["others let in"]


def test_another_s_session_is_neither_used_nor_heard(told: dict[str, Any]) -> None:
    assert told["stolen"] == {"ben's own": 1, "join": 403, "listen": 404, "heartbeat": 404}


def test_no_endpoint_takes_a_path_from_a_visitor_or_gives_one(told: dict[str, Any]) -> None:
    assert told["anna asks"] > 50
    assert told["anna reads it"] == told["anna is told the place"] == []
    assert told["host reads it"] and told["host is told the place"]
    assert told["anna breaks"] == told["host breaks"] == []
