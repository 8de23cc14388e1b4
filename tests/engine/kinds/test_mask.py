"""Segmentation: both layouts, void left out of every figure, and predictions in the picture's own size."""

import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.data.pictures.transforms import VOID
from engine.errors import DataError
from engine.kinds import mask
from engine.kinds.mask import build_mask_objective, open_masks, pixel_cross_entropy, predict_mask
from engine.kinds.mask_metrics import PixelMetrics

CODES = ("sky", "road", "car")
SIZE = (32, 40)


def write(folder: Path, name: str, codes: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(codes.astype(np.uint8)).save(folder / name)


def codes_of(number: int, codes: int = 3) -> np.ndarray:
    return np.random.default_rng(number).integers(0, codes, SIZE)


def one_folder(root: Path, count: int = 10, *, codes: tuple[str, ...] = CODES, valid: list[str] | None = None) -> Path:
    """The lesson's layout."""
    for number in range(count):
        write(root / "images", f"f{number}.png", np.full((*SIZE, 3), number))
        write(root / "labels", f"f{number}_P.png", codes_of(number, len(codes)))
    (root / "codes.txt").write_text("\n".join(codes))
    if valid is not None:
        (root / "valid.txt").write_text("\n".join(valid) + "\n")
    return root


def split_folders(root: Path, *, codes: tuple[str, ...] = CODES) -> Path:
    """SegNet's layout."""
    for split, count in (("train", 3), ("val", 2), ("test", 2)):
        for number in range(count):
            write(root / split, f"{split}{number}.jpg", np.full((*SIZE, 3), number))
            write(root / f"{split}annot", f"{split}{number}.png", codes_of(number, len(codes)))
    (root / "codes.txt").write_text("\n".join(codes))
    return root


def names(items: tuple[Path, ...]) -> list[str]:
    return [item.name for item in items]


def test_folders_of_splits(tmp_path: Path) -> None:
    data = open_masks(split_folders(tmp_path))
    assert data.classes == CODES
    assert names(data.train) == ["train0.jpg", "train1.jpg", "train2.jpg"]
    assert names(data.valid) == ["val0.jpg", "val1.jpg"]
    assert names(data.test) == ["test0.jpg", "test1.jpg"]
    picture, target = data.sample(data.train[1], SIZE)
    assert (picture.shape, picture.dtype) == ((3, *SIZE), torch.uint8)
    assert np.array_equal(target, codes_of(1))


def test_a_test_set_without_masks_is_none(tmp_path: Path) -> None:
    root = split_folders(tmp_path)
    (root / "testannot").rename(root / "elsewhere")
    assert open_masks(root).test == ()


def test_one_folder_with_a_list_of_the_validation_frames(tmp_path: Path) -> None:
    data = open_masks(one_folder(tmp_path, valid=["f7.png", "f2.png"]))
    assert names(data.valid) == ["f2.png", "f7.png"]
    assert sorted(names(data.train + data.valid)) == [f"f{number}.png" for number in range(10)]
    assert data.test == ()
    assert np.array_equal(data.sample(data.valid[0], SIZE)[1], codes_of(2))


def test_one_folder_is_split_at_random_by_a_seed(tmp_path: Path) -> None:
    data = open_masks(one_folder(tmp_path))
    chosen = sorted(random.Random(42).sample(range(10), 2))
    assert names(data.valid) == [f"f{number}.png" for number in chosen]
    assert len(data.train) == 8
    assert not set(data.train) & set(data.valid)
    assert open_masks(tmp_path).valid == data.valid


@pytest.mark.parametrize("place", range(4))
def test_void_is_no_class_wherever_codes_txt_has_it(tmp_path: Path, place: int) -> None:
    codes = list(CODES)
    codes.insert(place, "Void")
    root = one_folder(tmp_path, codes=tuple(codes))
    data = open_masks(root)
    assert data.classes == CODES
    expected = [VOID if code == "Void" else CODES.index(code) for code in codes]
    assert np.array_equal(
        data.sample(data.train[0], SIZE)[1], np.take(expected, codes_of(int(data.train[0].stem[1:]), 4))
    )


def test_the_code_255_is_void_too(tmp_path: Path) -> None:
    root = one_folder(tmp_path)
    data = open_masks(root)
    codes = codes_of(3)
    codes[:8] = VOID
    write(root / "labels", f"{data.train[0].stem}_P.png", codes)
    assert np.array_equal(data.sample(data.train[0], SIZE)[1], codes)


def test_codes_txt_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    root = one_folder(tmp_path)
    (root / "codes.txt").write_text("Void\r\nsky\r\nroad\r\ncar\r\n", encoding="utf-8-sig")
    assert open_masks(root).classes == CODES


def test_masks_are_resized_without_mixing_codes(tmp_path: Path) -> None:
    data = open_masks(one_folder(tmp_path))
    picture, target = data.sample(data.train[0], (16, 50))
    assert (picture.shape, target.shape) == ((3, 16, 50), (16, 50))
    assert set(target.unique().tolist()) <= {0, 1, 2}


def first_sample(root: Path) -> None:
    data = open_masks(root)
    data.sample(data.train[0], SIZE)


@pytest.mark.parametrize("code", [3, 100, 254])
def test_a_code_without_a_name_is_refused(tmp_path: Path, code: int) -> None:
    root = split_folders(tmp_path)
    codes = codes_of(0)
    codes[5, 5] = code
    write(root / "trainannot", "train0.png", codes)
    with pytest.raises(DataError, match=re.escape("The mask train0.png has a code that codes.txt does not name")):
        first_sample(root)


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    root = split_folders(tmp_path)
    write(root / "trainannot", "train0.png", np.zeros((10, 12)))
    data = open_masks(root)
    assert "train0.jpg" not in {item.name for item in data.train}
    assert data.findings.left_out == {"its mask has another size": ("train0.jpg (32×40) and train0.png (10×12)",)}
    item, label = root / "train" / "train0.jpg", root / "trainannot" / "train0.png"
    with pytest.raises(DataError, match=r"train0\.jpg is 32×40 and its mask train0\.png 10×12 pixels"):
        data.block.batch(item, label, SIZE)


def test_a_missing_mask_is_named(tmp_path: Path) -> None:
    root = split_folders(tmp_path)
    (root / "trainannot" / "train0.png").unlink()
    data = open_masks(root)
    assert "train0.jpg" not in {item.name for item in data.train}
    assert data.findings.left_out == {"no mask": ("train0.jpg",)}


def test_codes_txt_is_needed(tmp_path: Path) -> None:
    root = split_folders(tmp_path)
    (root / "codes.txt").unlink()
    with pytest.raises(DataError, match=re.escape(f"{root / 'codes.txt'} is missing")):
        open_masks(root)


@pytest.mark.parametrize("text", ["", "one", "twice\ntwice\n", "\n".join(map(str, range(254)))])
def test_codes_txt_needs_a_few_different_names(tmp_path: Path, text: str) -> None:
    root = split_folders(tmp_path)
    (root / "codes.txt").write_text(text)
    with pytest.raises(DataError, match=r"codes\.txt has \d+ names\. It needs 2 to 253, one|names “twice” twice"):
        open_masks(root)


def test_a_folder_in_no_known_layout_is_named(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(DataError, match=re.escape(f"{tmp_path} has no layout that is known for masks")):
        open_masks(tmp_path)


def test_the_loss_is_the_sum_over_pixels_with_a_class() -> None:
    logits = torch.tensor([[[[1.0, 0.0], [2.0, -1.0]], [[0.0, 0.0], [1.0, 3.0]]]])  # (1, 2, 2, 2)
    target = torch.tensor([[[0, VOID], [1, 1]]], dtype=torch.uint8)
    total, count = pixel_cross_entropy(logits, target)
    by_hand = np.log(1 + np.exp(-1)) + np.log(1 + np.exp(1)) + np.log(1 + np.exp(-4))
    assert total.item() == pytest.approx(by_hand, rel=1e-6)
    assert count.item() == 3


def test_void_pixels_get_no_gradient() -> None:
    logits = torch.randn(1, 3, 4, 4, requires_grad=True)
    target = torch.zeros(1, 4, 4, dtype=torch.uint8)
    target[0, 0] = VOID
    pixel_cross_entropy(logits, target)[0].backward()
    assert logits.grad is not None
    assert (logits.grad[:, :, 0] == 0).all()
    assert (logits.grad[:, :, 1:] != 0).all()


def test_nothing_but_void_counts_nothing() -> None:
    target = torch.full((1, 4, 4), VOID, dtype=torch.uint8)
    total, count = pixel_cross_entropy(torch.randn(1, 3, 4, 4), target)
    assert (total.item(), count.item()) == (0.0, 0)
    metrics = PixelMetrics(CODES)
    metrics.update(torch.randn(1, 3, 4, 4), target)
    assert np.isnan(list(metrics.compute().values())).all()
    assert metrics.details()["iou"] == [None, None, None]


def test_metrics_are_those_of_a_confusion_worked_out_by_hand() -> None:
    #             truth: sky sky sky road road void   predicted: sky sky road road sky car
    target = torch.tensor([[[0, 0, 0, 1, 1, VOID]]], dtype=torch.uint8)
    predicted = torch.tensor([[[0, 0, 1, 1, 0, 2]]])
    logits = torch.nn.functional.one_hot(predicted, 4).permute(0, 3, 1, 2).float()
    metrics = PixelMetrics((*CODES, "tree"))
    for _ in range(2):  # counts add up over batches
        metrics.update(logits, target)
    assert metrics.compute() == pytest.approx({"pixel_accuracy": 3 / 5, "mean_iou": (2 / 4 + 1 / 3) / 2})
    details = metrics.details()
    assert details["confusion"] == [[4, 2, 0, 0], [2, 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert details["iou"] == pytest.approx([2 / 4, 1 / 3, None, None])
    assert details["classes"] == [*CODES, "tree"]


def blot_logits() -> torch.Tensor:
    """(3, 4, 6): sky, with a car in the lower left corner."""
    logits = torch.zeros(3, 4, 6)
    logits[0] = 2
    logits[2, 2:, :3] = 9
    return logits


def test_a_prediction_has_the_picture_s_size_and_shares_that_sum_to_1() -> None:
    prediction = predict_mask(blot_logits(), Image.new("RGB", (60, 40)), CODES, {})
    assert prediction.mask.shape == prediction.confidence.shape == (40, 60)
    assert (prediction.mask.dtype, prediction.confidence.dtype) == (np.uint8, np.float32)
    assert (prediction.mask[-1, 0], prediction.mask[0, 0], prediction.mask[-1, -1]) == (2, 0, 0)
    assert list(prediction.shares) == list(CODES)
    assert sum(prediction.shares.values()) == pytest.approx(1)
    assert prediction.shares["road"] == 0
    assert prediction.shares["car"] == (prediction.mask == 2).mean()
    assert prediction.confidence.min() >= 1 / 3
    assert prediction.confidence.max() <= 1
    assert prediction.confidence[0, -1] == pytest.approx(np.exp(2) / (np.exp(2) + 2), rel=1e-5)


def test_a_huge_picture_keeps_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Image.new("RGB", (90, 60))
    smooth = predict_mask(blot_logits(), picture, CODES, {})
    monkeypatch.setattr(mask, "MAX_SMOOTH_PIXELS", 600)
    coarse = predict_mask(blot_logits(), picture, CODES, {})
    assert coarse.mask.shape == coarse.confidence.shape == (60, 90)
    assert (coarse.mask == smooth.mask).mean() > 0.95
    assert np.array_equal(coarse.mask, np.asarray(Image.fromarray(coarse.mask[1::3, 1::3]).resize((90, 60), 0)))
    assert sum(coarse.shares.values()) == pytest.approx(1)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1)])
def test_tiny_and_narrow_pictures(monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    monkeypatch.setattr(mask, "MAX_SMOOTH_PIXELS", 100)
    prediction = predict_mask(blot_logits(), Image.new("RGB", size), CODES, {})
    assert prediction.mask.shape == size[::-1]


def test_a_prediction_in_words_as_json_and_as_a_file(tmp_path: Path) -> None:
    prediction = predict_mask(blot_logits(), Image.new("RGB", (60, 40)), CODES, {})
    summary = prediction.summary()
    assert (summary["height"], summary["width"]) == (40, 60)
    assert summary["shares"] == prediction.shares
    assert prediction.in_words() == f"sky {prediction.shares['sky']:.0%}, car {prediction.shares['car']:.0%}, road 0%"
    saved = prediction.save(tmp_path / "street")
    assert saved == tmp_path / "street_mask.png"
    assert np.array_equal(np.asarray(Image.open(saved)), prediction.mask)


def test_the_objective_is_made_of_these(streets: Path) -> None:
    objective = build_mask_objective()
    assert (objective.name, objective.main_metric) == ("mask", "pixel_accuracy")
    metrics = objective.build_metrics(open_masks(streets))
    metrics.update(torch.randn(1, 3, 4, 4), torch.zeros(1, 4, 4, dtype=torch.uint8))
    assert objective.main_metric in metrics.compute()
