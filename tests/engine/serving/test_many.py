"""Many inputs at once: folders, archives and tables, in their order, and one bad file costs no other."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from own_data import draw
from typer.testing import CliRunner
from untrained_tags import save_untrained_tags

from engine.cli.app import app
from engine.errors import DataError
from engine.inputs import PICTURE
from engine.serving import many
from engine.serving.many import gathered, predict_many
from engine.serving.predictor import Predictor, load_predictor

CLASSES = ("clear", "haze", "primary")


@pytest.fixture
def predictor(tmp_path: Path) -> Predictor:
    return load_predictor(save_untrained_tags(tmp_path / "run" / "checkpoints", CLASSES, decision={"threshold": 0.2}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five pictures of two sizes in two folders, one that is none, and what a system left."""
    root = tmp_path / "photos"
    for number in range(5):
        draw(root / ("a" if number % 2 else "b") / f"{number}.png", number, size=(64, 48) if number < 3 else (48, 48))
    (root / "b" / "broken.jpg").write_bytes(b"no picture")
    (root / "__MACOSX").mkdir()
    (root / "__MACOSX" / "._0.png").write_bytes(b"x")
    return root


def test_a_folder_is_answered_file_by_file_and_as_each_alone(predictor: Predictor, folder: Path) -> None:
    with gathered([folder], predictor.objective.inputs_in, PICTURE) as found:
        answers = dict(predict_many(predictor, found))
    names = ["a/1.png", "a/3.png", "b/0.png", "b/2.png", "b/4.png", "b/broken.jpg"]
    assert list(answers) == [str(folder / name) for name in names]
    assert isinstance(answers.pop(str(folder / "b" / "broken.jpg")), DataError)
    for file, answer in answers.items():
        alone = predictor.predict(Path(file)).probabilities
        assert np.allclose(list(answer.probabilities.values()), list(alone.values()), atol=1e-5)


def test_a_table_and_an_archive_on_the_command_line(predictor: Predictor, folder: Path, tmp_path: Path) -> None:
    (folder / "list.csv").write_text("file_name,what\n0.png,x\n9.png,y\n")
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(folder.rglob("*.png")):
            packed.write(path, f"inner/{path.relative_to(folder)}")
    lines, table = tmp_path / "a.jsonl", tmp_path / "a.csv"
    bundle = str(tmp_path / "run")
    said = CliRunner().invoke(
        app, ["predict", bundle, str(archive), str(folder / "list.csv"), "--jsonl", str(lines), "--csv", str(table)]
    )
    assert said.exit_code == 1, "one is not there, and that is told"
    told = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [Path(one["file"]).name for one in told if "error" not in one] == [
        "1.png",
        "3.png",
        "0.png",
        "2.png",
        "4.png",
        "0.png",
    ]
    (lost,) = [one for one in told if "error" in one]
    assert "line 3: there is no picture '9.png'" in lost["error"]
    assert len(table.read_text().splitlines()) == 7 and str(archive) in table.read_text()


def test_an_empty_folder_is_told_and_the_others_go_on(predictor: Predictor, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with gathered([tmp_path / "empty", folder / "a"], predictor.objective.inputs_in, PICTURE) as found:
        answers = [answer for _, answer in predict_many(predictor, found)]
    assert isinstance(answers[0], DataError) and "holds no pictures" in str(answers[0]) and len(answers) == 3


def test_long_texts_go_together_in_smaller_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    class Padded:
        objective = type("Objective", (), {"pad": staticmethod(lambda inputs, model: None)})

    monkeypatch.setattr(many, "TOKENS_AT_ONCE", 100)
    monkeypatch.setattr(many, "TEXTS_AT_ONCE", 8)
    ready = [(place, "", torch.zeros(1, length)) for place, length in enumerate([200, 5, 40, 30] + [5] * 10)]
    batches = [[place for place, _, _ in batch] for batch in many._batches(Padded(), ready)]  # pyright: ignore[reportArgumentType]
    assert batches[:2] == [[0], [2, 3]] and [len(batch) for batch in batches[2:]] == [8, 3]
