"""From a data set to its suspects, for each kind, on data that programs draw."""

import itertools
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.data.drawn.chips import draw_chips
from engine.data.drawn.heads import draw_heads
from engine.data.own.edits import name_of
from engine.data.pictures.transforms import transforms_from_above
from engine.data.texts.dataset import open_texts
from engine.errors import DataError
from engine.kinds.mask import open_masks
from engine.kinds.point import open_points
from engine.kinds.tags import open_tags
from engine.noise import finding
from engine.noise.finding import find_suspects, suspicion_of
from engine.noise.places import held_out_places
from engine.noise.suspects import Suspect, fingerprint, item_of, most_suspect


def test_turned_reviews_head_the_queue_and_a_second_look_computes_nothing(tmp_path: Path, monkeypatch) -> None:
    things = ("snow", "rain", "trains", "cats", "songs", "ships")
    films = [
        (f"A {how} film about {thing} and {other}, {how} to the end.", word)
        for thing, other in itertools.permutations(things, 2)
        for how, word in (("wonderful", "pos"), ("dreadful", "neg"))
    ]
    turned = {films[at][0] for at in (3, 20, 41, 54)}
    other = {"pos": "neg", "neg": "pos"}
    lines = [f'"{text}",{other[word] if text in turned else word}' for text, word in films]
    (tmp_path / "films.csv").write_text("text,label\n" + "\n".join(lines) + "\n", "utf-8")
    data = open_texts(tmp_path / "films.csv")
    told: list[tuple[int, int]] = []
    found = find_suspects("text", data, on_progress=lambda done, total: told.append((done, total)))
    assert {data.texts([item_of(data, one)])[0] for one in found.suspects[:4]} == turned
    first = found.suspects[0]
    assert first.is_confident and first.proposed != first.given == data.label(item_of(data, first))
    assert first.name == name_of(data, item_of(data, first)) and first.proposed in first.why
    assert told[-1][0] == told[-1][1] and found.judged == found.total == len(data.items("all"))
    monkeypatch.setattr(finding, "search", lambda *asked: pytest.fail("it was found before"))
    assert find_suspects("text", data) == found == suspicion_of("text", data)


def test_tags_are_judged_and_another_label_is_another_search(tmp_path: Path) -> None:
    draw_chips(tmp_path / "chips", count=24, size=32, seed=1)
    data = open_tags(tmp_path / "chips", transforms=transforms_from_above)
    found = find_suspects("tags", data)
    assert found.judged == 24 and found.folds == 5 and len(found.suspects) == 24
    for one in found.suspects:
        assert one.given == list(data.label(item_of(data, one))) and one.proposed != one.given
    item = data.train[0]
    label = data.block.label
    other = replace(data, block=replace(data.block, label=lambda one: ("road",) if one == item else label(one)))
    assert fingerprint(other) != fingerprint(data) and suspicion_of("tags", other) is None


def test_points_are_judged_by_other_people_and_kept_as_pairs(tmp_path: Path) -> None:
    draw_heads(tmp_path / "heads", people=4, each=6, size=(48, 64), seed=1)
    data = open_points(tmp_path / "heads")
    found = find_suspects("point", data)
    assert (found.folds, found.groups, found.judged) == (4, "person", 24)
    assert suspicion_of("point", data) == found, "pairs are pairs after the disk, too"
    for one in found.suspects:
        assert one.given == tuple(data.label(item_of(data, one)))
        assert 0 <= one.proposed[0] <= 64 and 0 <= one.proposed[1] <= 48


def test_a_point_is_placed_by_the_map_it_lies_on() -> None:
    """Maps of noise with one bright cell: the head learns that the point is there."""
    chance = torch.Generator().manual_seed(1)
    maps = torch.randn(160, 4, 6, 8, generator=chance) * 0.3
    cells = torch.randint(0, 48, (160,), generator=chance)
    maps.flatten(2)[torch.arange(160), 2, cells] = 4.0
    points = torch.stack([(cells % 8 + 0.5) / 8, (cells // 8 + 0.5) / 6], 1)
    wrong = points.clone()
    wrong[5] = torch.tensor([0.9, 0.1]) if points[5, 0] < 0.5 else torch.tensor([0.1, 0.9])
    found = held_out_places(maps.half(), wrong, torch.arange(160) % 4)
    assert (found - points).norm(dim=1).median() < 0.1
    assert (found - wrong).norm(dim=1).argmax() == 5


def test_what_cannot_be_judged_is_told(streets: Path, chips: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not for these data"):
        find_suspects("mask", open_masks(streets))
    draw_chips(tmp_path / "few", count=12, size=32, seed=1)
    with pytest.raises(DataError, match="12 labelled samples"):
        find_suspects("tags", open_tags(tmp_path / "few", transforms=transforms_from_above))


def test_the_queue_has_the_confident_first_and_the_highest_losses_too() -> None:
    chance = random.Random(1)
    suspects = [
        Suspect(
            place=at, name=str(at), given="a", proposed="b", score=chance.random(), loss=chance.random(),
            is_confident=at % 9 == 0, why="",
        )
        for at in range(90)
    ]  # fmt: skip
    kept = most_suspect(suspects, most=20)
    sure = [one.is_confident for one in kept]
    assert sure[:10] == [True] * 10 and not any(sure[10:])
    assert {one.place for one in sorted(suspects, key=lambda one: -one.loss)[:20]} <= {one.place for one in kept}
    assert 20 <= len(kept) < 40
