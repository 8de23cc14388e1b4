"""What a task's page shows by its address: a run, a model, or what to train on from."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import gradio as gr
import pytest
from gradio.context import LocalContext
from untrained import BACKBONE, STREET_STAGE, save_untrained

from engine.recipe import Recipe
from engine.runs.store import RunSpec, create_run
from engine.tasks.registry import get_task
from tabs.door.address import asked_for, chosen_of, link
from tabs.panels.rate import poll_rates
from tabs.panels.results import refresh_trained
from tabs.panels.train import poll_run
from tabs.task_page import asked_start
from tabs.wiring import skipped

CAMVID, PLANET = get_task("camvid"), get_task("planet")


@pytest.fixture
def address() -> Iterator[Callable[[str], None]]:
    """Says what the address of whoever asks from now on is."""

    def opened(address: str) -> None:
        request: Any = SimpleNamespace(query_params=dict(parse_qsl(urlsplit(address).query)))
        LocalContext.request.set(request)

    yield opened
    LocalContext.request.set(None)


@pytest.fixture
def runs(lab_home: Path) -> list[str]:
    """Three trained runs and one of the finder's, the newest first."""
    recipe = Recipe(name="tiny", backbone=BACKBONE, stages=(STREET_STAGE,))
    made = [create_run(RunSpec(task="camvid", dataset="drawn-streets", recipe=recipe)) for _ in range(3)]
    for run in made:
        save_untrained(run / "checkpoints", ("sky", "road"), dataset="drawn-streets")
    finder = create_run(RunSpec(task="camvid", dataset="drawn-streets", recipe=recipe, job="lr-find"))
    return [finder.name, *(run.name for run in reversed(made))]


def test_a_link_says_where_it_leads_to(address) -> None:
    odd = 'a&b=c#d "e"/f'
    where = link("camvid", "train", run=odd)
    assert where.startswith("camvid?run=a%26b") and where.endswith("#train") and '"' not in where and "/" not in where
    address(where)
    assert asked_for("run") == odd and asked_for("model") == ""
    assert link("camvid") == "camvid" and link("camvid", "try") == "camvid#try"


def test_the_address_chooses_until_somebody_does(address) -> None:
    assert chosen_of(["c", "b", "a"], None, "run") == "c" and chosen_of([], None, "run") is None
    address("camvid?run=a#train")
    assert chosen_of(["c", "b", "a"], None, "run") == "a"
    assert chosen_of(["c", "b", "a"], "b", "run") == "b"
    assert chosen_of(["c", "b"], None, "run") == "c", "it was deleted"


def test_every_step_shows_what_the_address_names(address, runs: list[str]) -> None:
    finder, _, _, oldest = runs
    address(f"camvid?run={oldest}#train")
    assert poll_run(CAMVID, {}, None, "").run["value"] == oldest
    address(f"camvid?run={finder}#rate")
    assert poll_rates(CAMVID, None, "").run["value"] == finder
    address(f"camvid?model={oldest}#try")
    assert refresh_trained(CAMVID, None)["value"] == oldest and asked_start(CAMVID) == skipped(
        type(asked_start(CAMVID))
    )
    address(f"camvid?start={oldest}#train")
    start = asked_start(CAMVID)
    assert start.init_from["value"] == oldest and start.backbone == BACKBONE


@pytest.mark.parametrize("key", ["run", "model", "start"])
def test_an_address_that_names_what_the_task_has_not_is_told(
    address, runs: list[str], key: str, tmp_path: Path
) -> None:
    for name in ("gone", str(tmp_path), "../" + runs[1]):
        address(link("camvid", **{key: name}))
        with pytest.raises(gr.Error, match=r"has no such run|There is no model"):
            asked_start(CAMVID)
    address(link("planet", **{key: runs[1]}))
    with pytest.raises(gr.Error, match=r"The address names .* Planet has no such"):
        asked_start(PLANET)
