"""The choice for channels that a pretrained body never saw shows only where there are such."""

from pathlib import Path

from engine.data.drawn.chips import draw_chips
from engine.recipe import NEW_CHANNELS
from engine.tasks.planet import PLANET
from tabs.panels.channels import CHOICES, show_choice


def test_every_way_can_be_chosen() -> None:
    assert tuple(value for _, value in CHOICES) == NEW_CHANNELS


def test_it_shows_for_four_bands_and_not_for_colours(chips: Path, tmp_path: Path) -> None:
    draw_chips(tmp_path / "nir", count=10, size=32, bands=4)
    choice, words = show_choice(PLANET, str(tmp_path / "nir"))
    assert choice["visible"] and words["visible"] and "take 4 channels" in words["value"].replace("\n", " ")
    assert not show_choice(PLANET, str(chips))[0]["visible"]
    assert not show_choice(PLANET, "")[0]["visible"] and not show_choice(PLANET, "/no/such")[0]["visible"]
