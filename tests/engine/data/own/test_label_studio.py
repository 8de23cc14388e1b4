"""Label Studio's export is read: percents as pixels, choices as labels, and the last annotation that was not cancelled."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import own_data
import pytest
from own_data import BOX, HEIGHT, TURNED, WIDTH, boxed, draw, write

from engine.data.own.label_studio import ways
from engine.errors import DataError

LEFT, TOP, RIGHT, BOTTOM = BOX
CORNERS = [[100 * column / WIDTH, 100 * row / HEIGHT] for column, row in
           [(LEFT, TOP), (RIGHT, TOP), (RIGHT, BOTTOM), (LEFT, BOTTOM)]]  # fmt: skip


def result(kind: str, labels: Any, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    size = {"original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0}
    return {"type": kind, "from_name": "label", "to_name": "image", **size, "value": {**value, kind: labels}, **more}


def polygon(label: str = "tool", points: Any = None, **more: Any) -> dict[str, Any]:
    return result("polygonlabels", [label], {"points": CORNERS if points is None else points, "closed": True}, **more)


def rectangle(label: str = "tool", rotation: Any = 0, **more: Any) -> dict[str, Any]:
    (column, row), (to_column, to_row) = CORNERS[0], CORNERS[2]
    value = {"x": column, "y": row, "width": to_column - column, "height": to_row - row, "rotation": rotation}
    return result("rectanglelabels", [label], value, **more)


def point(label: str, column: Any, row: Any) -> dict[str, Any]:
    return result("keypointlabels", [label], {"x": column, "y": row, "width": 0.5})


def choice(*names: str, asked: str = "weather") -> dict[str, Any]:
    return {"type": "choices", "from_name": asked, "to_name": "image", "value": {"choices": list(names)}}


def task(number: int, *results: Any, name: str = "", annotations: list[Any] | None = None) -> dict[str, Any]:
    given = [{"id": number, "was_cancelled": False, "result": list(results)}] if annotations is None else annotations
    return {"id": number, "data": {"image": name or f"/data/upload/1/0a1b2c3d-f{number}.png"}, "annotations": given}


def exported(root: Path, *tasks: Any, file: str = "project-1.json") -> Path:
    for number in range(len(tasks)):
        draw(root / f"pictures/f{number}.png", number)
    write(root / file, json.dumps(list(tasks)))
    return root


way, masks, rows_of = (partial(one, ways) for one in (own_data.way_of, own_data.masks_of, own_data.rows_of))


def test_polygons_in_percent_become_masks_to_the_pixel(tmp_path: Path) -> None:
    root = exported(tmp_path / "d", task(0, polygon()), task(1, polygon(), polygon("wall")), task(2))
    found, said = masks(root, tmp_path / "t")
    assert (found["f0"] == boxed(1)).all() and (found["f1"] == boxed(2)).all() and not found["f2"].any()
    assert (tmp_path / "t/codes.txt").read_text("utf-8") == "0 background\n1 tool\n2 wall\n" and "on top" in said


def test_rectangles_alone_are_tags_and_among_polygons_they_are_drawn(tmp_path: Path) -> None:
    assert [one.kind for one in ways(exported(tmp_path / "d", task(0, rectangle())))] == ["tags"]
    found, said = masks(exported(tmp_path / "e", task(0, rectangle()), task(1, polygon())), tmp_path / "t")
    assert (found["f0"] == boxed(1)).all() and "Rectangles, which are drawn as outlines are: 1 (“f0.png”)" in said


def test_a_rectangle_is_turned_in_pixels_around_its_first_corner(tmp_path: Path) -> None:
    """A quarter turn clockwise: what was to the right of the corner is below it, and what was below is to the left."""
    value = {"x": 50, "y": 25, "width": 100 * 10 / WIDTH, "height": 100 * 4 / HEIGHT, "rotation": 90}
    turned = result("rectanglelabels", ["tool"], value)
    found, _ = masks(exported(tmp_path / "d", task(0, turned), task(1, polygon())), tmp_path / "t")
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[12:22, 28:32] = 1
    assert (found["f0"] == expected).all()


def test_an_ellipse_has_the_pixels_around_its_middle(tmp_path: Path) -> None:
    value = {"x": 50, "y": 50, "radiusX": 100 * 12 / WIDTH, "radiusY": 100 * 6 / HEIGHT, "rotation": 0}
    found, _ = masks(exported(tmp_path / "d", task(0, result("ellipselabels", ["ball"], value))), tmp_path / "t")
    rows, columns = np.indices((HEIGHT, WIDTH)) + 0.5
    far = np.hypot((columns - 32) / 12, (rows - 24) / 6)
    assert found["f0"][far < 0.99].all() and not found["f0"][far > 1.01].any()


def test_a_region_with_two_labels_is_no_mask_and_one_without_is_counted(tmp_path: Path) -> None:
    both = result("polygonlabels", ["tool", "wall"], {"points": CORNERS})
    bare = result("polygonlabels", [], {"points": CORNERS})
    root = exported(tmp_path / "d", task(0, both), task(1, polygon(), bare))
    found, said = masks(root, tmp_path / "t")
    assert set(found) == {"f1"} and "Regions without a label, left out: 1 (“f1.png”)" in said
    assert [row["tags"] for row in rows_of(root, "tags", tmp_path / "u")[0]] == [["tool", "wall"], ["tool"]]


def test_key_points_in_percent_become_pixels(tmp_path: Path) -> None:
    root = exported(
        tmp_path / "d", task(0, point("nose", 25, 50), point("eye", 50, 75)), task(1, point("nose", 50, 25)), task(2)
    )
    assert way(root, "point").questions[0].choices == {"nose": "nose (in 2 pictures)", "eye": "eye (in 1 picture)"}
    rows, _ = rows_of(root, "point", tmp_path / "t")
    assert [(row["column"], row["row"]) for row in rows] == [("16.0", "24.0"), ("32.0", "12.0"), ("", "")]
    rows, _ = rows_of(root, "point", tmp_path / "u", {"point": "eye"})
    assert [(row["column"], row["row"]) for row in rows] == [("32.0", "36.0"), ("", ""), ("", "")]


def test_without_sizes_percents_are_shares_of_the_picture(tmp_path: Path) -> None:
    bare = {key: value for key, value in polygon().items() if not key.startswith("original")}
    found, _ = masks(exported(tmp_path / "d", task(0, bare)), tmp_path / "t")
    assert (found["f0"] == boxed(1)).all()


def test_a_single_choice_is_the_label_and_who_chose_nothing_is_left_out(tmp_path: Path) -> None:
    root = exported(tmp_path / "d", task(0, choice("sun")), task(1, choice("rain, or snow")), task(2))
    assert [one.kind for one in ways(root)] == ["label"]
    rows, said = rows_of(root, "label", tmp_path / "t")
    assert [row["label"] for row in rows] == [
        ["sun"],
        ["rain, or snow"],
    ] and "nothing was chosen for them: 1 (“f2.png”)" in said


def test_several_choices_are_tags_and_none_of_them_is_an_answer(tmp_path: Path) -> None:
    root = exported(tmp_path / "d", task(0, choice("sun", "rain")), task(1, choice("rain")), task(2))
    assert [one.kind for one in ways(root)] == ["tags"]
    rows, _ = rows_of(root, "tags", tmp_path / "t")
    assert [row["tags"] for row in rows] == [["sun", "rain"], ["rain"], []]


def test_of_several_questions_one_is_chosen_to_be_learnt(tmp_path: Path) -> None:
    asked = [
        task(number, choice("a", asked="one"), choice("b" * (number + 1), asked="two"), polygon())
        for number in range(2)
    ]
    root = exported(tmp_path / "d", *asked)
    assert [one.kind for one in ways(root)] == ["mask", "tags", "label"]
    (question,) = way(root, "tags").questions
    assert question.value == "0" and "which classes" in question.choices["0"] and "“one”" in question.choices["1"]
    assert rows_of(root, "tags", tmp_path / "t")[0][0]["tags"] == ["tool"]
    assert rows_of(root, "tags", tmp_path / "u", {"asked": "1"})[0][0]["tags"] == ["a"]
    assert rows_of(root, "label", tmp_path / "v")[0][1]["label"] == ["bb"]


def test_a_choice_for_a_region_says_nothing_of_the_picture(tmp_path: Path) -> None:
    of_region = {"type": "choices", "from_name": "state", "id": "r", "value": {"points": CORNERS, "choices": ["new"]}}
    root = exported(tmp_path / "d", task(0, polygon(id="r"), of_region))
    assert [one.kind for one in ways(root)] == ["mask", "tags"]


def test_the_last_annotation_that_was_not_cancelled_counts(tmp_path: Path) -> None:
    several = [
        {"was_cancelled": False, "result": [choice("sun")]},
        {"was_cancelled": False, "result": [choice("rain")]},
        {"was_cancelled": True, "result": [choice("snow")]},
    ]
    cancelled = several[2:]
    root = exported(
        tmp_path / "d",
        task(0, annotations=several),
        task(1, choice("sun")),
        task(2, annotations=cancelled),
        task(3, annotations=[]),
    )
    rows, said = rows_of(root, "label", tmp_path / "t")
    assert [row["label"] for row in rows] == [["rain"], ["sun"]]
    assert "several annotations, of which the last one is taken: 1 (“f0.png”)" in said
    assert "annotation was cancelled: 2 (“f2.png”, “f3.png”)" in said


@pytest.mark.parametrize(
    "name",
    [
        "/data/upload/1/0a1b2c3d-f0.png",
        "/data/upload/12/f0.png",
        "upload/1/0a1b2c3d-f0.png",
        "/data/local-files/?d=somewhere/pictures/f0.png",
        "https://example.com/pictures/f0.png?token=abc",
        "s3://bucket/a/f0.png",
        "f0.png",
    ],
)
def test_pictures_are_found_by_what_the_server_called_them(tmp_path: Path, name: str) -> None:
    assert set(masks(exported(tmp_path / "d", task(0, polygon(), name=name)), tmp_path / "t")[0]) == {"f0"}


def test_a_name_that_has_what_was_put_before_it_is_looked_for_first(tmp_path: Path) -> None:
    root = exported(tmp_path / "d", task(0, polygon(), name="/data/upload/1/0a1b2c3d-my%20f0.png"))
    draw(root / "pictures/0a1b2c3d-my f0.png", 5)
    draw(root / "pictures/my f0.png", 6)
    assert set(masks(root, tmp_path / "t")[0]) == {"0a1b2c3d-my-f0"}


def test_two_tasks_of_one_picture_leave_it_out(tmp_path: Path) -> None:
    twice = task(1, polygon("wall"), name="/data/upload/1/ffffffff-f0.png")
    found, said = masks(exported(tmp_path / "d", task(0, polygon()), twice, task(2, polygon())), tmp_path / "t")
    assert set(found) == {"f2"} and "named more than once: 2" in said


def test_painted_masks_are_refused_with_the_way_out(tmp_path: Path) -> None:
    brush = result("brushlabels", ["tool"], {"format": "rle", "rle": [0, 1, 2]})
    with pytest.raises(DataError, match=r"“f0\.png”.*“Brush labels to PNG”"):
        ways(exported(tmp_path / "d", task(0, brush), task(1, polygon())))


def test_regions_of_other_types_leave_their_picture_out(tmp_path: Path) -> None:
    other = result("labels", ["tool"], {"points": CORNERS})
    more = {"type": "textarea", "id": "r", "value": {"points": CORNERS, "text": ["old"]}}
    related = {"type": "relation", "from_id": "r", "to_id": "q", "direction": "right"}
    root = exported(tmp_path / "d", task(0, polygon(), other), task(1, polygon(id="r"), more, related))
    found, said = masks(root, tmp_path / "t")
    assert set(found) == {"f1"} and "Regions of the type “labels”, which are not read: 1 (“f0.png”)" in said


def test_results_that_cannot_be_learnt_are_refused(tmp_path: Path) -> None:
    text = {"type": "textarea", "value": {"text": ["a cat"]}}
    with pytest.raises(DataError, match=r"it has “textarea”\. Rectangles"):
        ways(exported(tmp_path / "d", task(0, text)))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (polygon(points=[[1, float("nan")], [2, 2], [3, 5]]), "no numbers"),
        (polygon(points=[[1], [2, 2], [3, 5]]), "no numbers"),
        (polygon(points="all"), "no numbers"),
        (point("nose", "25", 50), "no numbers"),
        (point("nose", 1e300, 50), "no numbers"),
        (rectangle(rotation="much"), "no numbers"),
        (polygon(image_rotation=90), "turned in Label Studio"),
        (polygon(original_width=10), "several sizes"),
        ({"type": "polygonlabels", "value": None}, "nowhere"),
    ],
    ids=str,
)
def test_what_cannot_be_read_leaves_its_picture_out(tmp_path: Path, wrong: Any, why: str) -> None:
    found, said = masks(exported(tmp_path / "d", task(0, polygon(), wrong), task(1, polygon())), tmp_path / "t")
    assert set(found) == {"f1"} and why in said and "“f0.png”" in said


def test_a_picture_of_another_size_is_scaled_or_left_out(tmp_path: Path) -> None:
    double = polygon(original_width=2 * WIDTH, original_height=2 * HEIGHT)
    square = polygon(original_width=WIDTH, original_height=WIDTH)
    found, said = masks(exported(tmp_path / "d", task(0, double), task(1, square)), tmp_path / "t")
    assert set(found) == {"f0"} and (found["f0"] == boxed(1)).all() and "“f1.png”" in said


def test_a_turned_picture_is_marked_as_it_is_shown(tmp_path: Path) -> None:
    shown = [[100 - row, column] for column, row in CORNERS]
    size = {"original_width": HEIGHT, "original_height": WIDTH}
    root = exported(tmp_path / "d", task(0, polygon(points=shown, **size)))
    (root / "pictures/f0.png").unlink()
    draw(root / "pictures/f0.jpg", turn=TURNED)
    found, said = masks(root, tmp_path / "t")
    assert (found["f0"] == boxed(1)).all() and "turned by their EXIF tag" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[{"id": 1, "annotator": 1, "annotation_id": 2, "annotations": 1, "image": "f0.png"}]', "JSON-MIN"),
        ('[{"data": {"image": "f0.png"}, "annotations": [', "is damaged JSON"),
        ('[{"data": {"image": "f0.png"}, "annotations": ' + "[" * 200_000, "is damaged JSON"),
        ('[{"data": {"image": "f0.png"}, "annotations": [{"result": 5}]}]', "without a list of results"),
        ('[{"data": {"image": "f0.png"}, "annotations": [{"result": ["x"]}]}]', "without a list of results"),
        ('[{"data": {"image": "g.png"}, "annotations": []}]', "nothing that can be used .*1 pictures that tasks name.*“g.png”"),
        ('[{"data": {"image": "f0.png"}, "annotations": [5]}]', "nobody has annotated them"),
        ('[{"data": {"image": "ö.png"}, "annotations": []}]'.encode("latin-1"), "is not UTF-8"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_used_are_refused_by_name(tmp_path: Path, content: str | bytes, said: str) -> None:
    draw(tmp_path / "d/f0.png")
    write(tmp_path / "d/odd.json", content)
    with pytest.raises(DataError, match=said) as refused:
        ways(tmp_path / "d")
    assert "odd.json" in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [
        '{"annotations": []}',
        '["annotations"]',
        '[{"data": {"text": "Hm."}, "annotations": []}]',
        '[{"data": 5, "annotations": 6}]',
    ],
)
def test_other_json_is_none_of_it(tmp_path: Path, content: str) -> None:
    draw(tmp_path / "d/f0.png")
    write(tmp_path / "d/odd.json", content)
    assert ways(tmp_path / "d") == []
