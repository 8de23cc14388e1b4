"""Each sample is judged by a model that has seen neither it nor what belongs to it."""

from collections import Counter, defaultdict
from pathlib import Path

from engine.data.own.plain import Row, write_labels
from engine.data.pictures.transforms import transforms_from_above
from engine.data.texts.dataset import open_texts
from engine.kinds.label import open_labels
from engine.kinds.point import open_points
from engine.kinds.tags import open_tags
from engine.noise.folds import FOLDS, fold, groups_of


def test_a_persons_pictures_stay_in_one_part(heads: Path) -> None:
    data = open_points(heads)
    items = data.items("all")
    folds = fold(data, items, ["" for _ in items])
    parts = defaultdict(set)
    for item, part in zip(items, folds.part_of, strict=True):
        parts[data.block.facts(item)["person"]].add(part)
    assert folds.groups == "person" and folds.count == len(parts) == 4
    assert all(len(found) == 1 for found in parts.values())
    assert set(folds.part_of) == set(range(4))


def test_without_groups_each_label_is_dealt_out_evenly_and_again_the_same(chips: Path) -> None:
    data = open_tags(chips, transforms=transforms_from_above)
    items = data.items("all")
    marks = ["rare"] * 5 + ["common"] * (len(items) - 5)
    folds = fold(data, items, marks)
    assert folds.groups == "" and folds == fold(data, items, marks)
    assert sorted(folds.part_of[:5]) == list(range(FOLDS))
    sizes = Counter(folds.part_of).values()
    assert max(sizes) - min(sizes) <= 1


def test_texts_that_are_the_same_stay_together(tmp_path: Path) -> None:
    lines = [f"film number {number} was fine,pos" for number in range(12)] + ["It is BAD,neg", "it  is bad,pos"] * 4
    (tmp_path / "films.csv").write_text("text,label\n" + "\n".join(lines) + "\n", "utf-8")
    data = open_texts(tmp_path / "films.csv")
    items = data.items("all")
    folds = fold(data, items, data.labels(items))
    copies = {part for item, part in zip(items, folds.part_of, strict=True) if "bad" in data.texts([item])[0].lower()}
    assert len(copies) == 1 and len(set(folds.part_of)) == FOLDS


def test_names_that_look_like_recordings_count_only_where_the_data_set_is_split_by_them(
    chips: Path, tmp_path: Path
) -> None:
    pictures = sorted((chips / "train").iterdir())
    rows = [
        Row(picture=picture, label=("road", "water", "wood")[at % 3], split=("train", "valid")[at % 5 == 0])
        for at, picture in enumerate(pictures)
    ]
    write_labels(tmp_path, rows)
    data = open_labels(tmp_path)
    assert groups_of(data, data.items("all")) == ("", ())
