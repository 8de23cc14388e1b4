"""A predictor answers any picture in the picture's own size, and is loaded once for everybody."""

import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from untrained import edit, save_untrained

from engine.data.pictures.block import Data
from engine.data.pictures.inputs import LONGEST_ASPECT, network_size
from engine.errors import BundleError, DataError
from engine.host.lent import Lender, borrow_from
from engine.library import opened as bundled
from engine.serving import predictor
from engine.serving.predictor import CACHED_MODELS, load_predictor


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def same(first, second) -> bool:
    return np.array_equal(first.mask, second.mask) and np.array_equal(first.confidence, second.confidence)


@pytest.mark.parametrize("size", [(1, 1), (7, 500), (500, 7), (64, 48), (48, 64), (33, 33)])
def test_the_answer_has_the_picture_s_own_size(street_bundle: Path, street_data: Data, size: tuple[int, int]) -> None:
    prediction = load_predictor(street_bundle).predict(noise(*size))
    assert prediction.mask.shape == prediction.confidence.shape == size
    assert prediction.picture.size == size[::-1]
    assert prediction.mask.max() < len(street_data.classes)
    assert 0 < prediction.confidence.min() <= prediction.confidence.max() <= 1
    assert sum(prediction.shares.values()) == pytest.approx(1)
    assert prediction.classes == street_data.classes


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_any_mode(street_bundle: Path, mode: str) -> None:
    prediction = load_predictor(street_bundle).predict(Image.new(mode, (40, 30)))
    assert prediction.mask.shape == (30, 40)
    assert prediction.picture.mode == "RGB"


def test_what_says_nothing_of_what_is_white_is_refused(street_bundle: Path) -> None:
    model = load_predictor(street_bundle)
    for mode, value in (("F", -0.5), ("F", 1e9), ("F", float("nan")), ("I", -1), ("I", 65536)):
        with pytest.raises(DataError, match="nothing says which is white"):
            model.predict(Image.new(mode, (40, 30), value))


def test_a_turned_picture_is_answered_the_right_way_up(street_bundle: Path, tmp_path: Path) -> None:
    upright, exif = Image.fromarray(noise(48, 32)), Image.Exif()
    exif[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "phone.png", exif=exif)
    model = load_predictor(street_bundle)
    assert same(model.predict(tmp_path / "phone.png"), model.predict(upright))


def test_file_picture_and_array_are_answered_alike(street_bundle: Path, tmp_path: Path) -> None:
    pixels, model = noise(40, 50), load_predictor(street_bundle)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    answers = [
        model.predict(one) for one in (pixels, Image.fromarray(pixels), tmp_path / "x.png", str(tmp_path / "x.png"))
    ]
    assert all(same(answer, answers[0]) for answer in answers)


def test_it_is_the_model_of_the_bundle_in_evaluation_mode(street_bundle: Path) -> None:
    loaded, pixels = load_predictor(street_bundle), noise(32, 48)
    assert not any(module.training for module in loaded.model.modules())
    with torch.inference_mode():
        logits = loaded.model(torch.from_numpy(pixels).permute(2, 0, 1)[None])[0]
    assert np.array_equal(loaded.predict(pixels).mask, logits.argmax(0).numpy()), "32 px is the size it was trained at"


def test_a_picture_that_cannot_be_read_is_named(street_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"broken\.jpg is not a picture"):
        load_predictor(street_bundle).predict(tmp_path / "broken.jpg")


def test_the_network_sees_the_size_it_was_trained_at_and_no_endless_panorama() -> None:
    assert network_size((360, 480), 180) == (180, 240)
    assert network_size((480, 360), 180) == (240, 180)
    assert network_size((10, 10), 32) == (32, 32)
    assert network_size((10, 100_000), 32) == (32, round(32 * LONGEST_ASPECT))


def test_a_run_folder_gives_its_best_checkpoint(street_bundle: Path, street_data: Data, tmp_path: Path) -> None:
    best = save_untrained(tmp_path / "run" / "checkpoints", street_data.classes, seed=1, step=1)
    latest = save_untrained(tmp_path / "run" / "checkpoints", street_data.classes, seed=2, step=2, best=False)
    from_run, pixels = load_predictor(tmp_path / "run").predict(noise(40, 50)), noise(40, 50)
    assert same(from_run, load_predictor(best).predict(pixels))
    assert not same(from_run, load_predictor(latest).predict(pixels))


def test_a_better_checkpoint_is_taken_up(street_data: Data, tmp_path: Path) -> None:
    save_untrained(tmp_path / "run" / "checkpoints", street_data.classes, seed=1, step=1)
    before = load_predictor(tmp_path / "run").predict(noise(40, 50))
    save_untrained(tmp_path / "run" / "checkpoints", street_data.classes, seed=2, step=2)
    assert not same(before, load_predictor(tmp_path / "run").predict(noise(40, 50)))


def test_a_checkpoint_that_goes_while_it_is_loaded(street_data: Data, tmp_path: Path, monkeypatch) -> None:
    """A run saves a better checkpoint, and deletes the old one, between finding it and reading it."""
    first = save_untrained(tmp_path / "run" / "checkpoints", street_data.classes, seed=1, step=1)
    read_config = bundled.read_config

    def slow_read(bundle: Path):
        if bundle == first:
            for step in (2, 3):  # the one before the latest is kept
                save_untrained(tmp_path / "run" / "checkpoints", street_data.classes, seed=2, step=step)
        return read_config(bundle)

    monkeypatch.setattr(bundled, "read_config", slow_read)
    loaded = load_predictor(tmp_path / "run")
    assert not first.exists()
    assert same(loaded.predict(noise(40, 50)), load_predictor(tmp_path / "run").predict(noise(40, 50)))


def test_a_model_is_loaded_once_and_the_last_few_are_kept(street_bundle: Path, tmp_path: Path) -> None:
    bundles = [Path(shutil.copytree(street_bundle, tmp_path / f"b{number}")) for number in range(CACHED_MODELS + 1)]
    first = load_predictor(bundles[0])
    second = load_predictor(bundles[1])
    for bundle in bundles[2:CACHED_MODELS]:
        load_predictor(bundle)
    assert load_predictor(bundles[0]) is first
    load_predictor(bundles[-1])
    assert len(predictor._cached) == CACHED_MODELS
    assert load_predictor(bundles[0]) is first, "it was used last but one"
    assert load_predictor(bundles[1]) is not second, "it was not used for longest"


def test_a_replaced_bundle_is_loaded_again(street_bundle: Path, street_data: Data, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(street_bundle, tmp_path / "b"))
    before = load_predictor(bundle).predict(noise(40, 50))
    other = save_untrained(tmp_path / "checkpoints", street_data.classes, seed=7)
    shutil.copyfile(other / "model.safetensors", bundle / "model.safetensors")
    assert not same(before, load_predictor(bundle).predict(noise(40, 50)))


def test_four_threads_at_once_get_what_one_gets(street_bundle: Path) -> None:
    pictures = [noise(30 + 5 * number, 60, seed=number) for number in range(4)]
    expected = [load_predictor(street_bundle).predict(picture) for picture in pictures]
    predictor._cached.clear()
    answers: dict[tuple[int, int], bool] = {}
    start = threading.Barrier(4)

    def ask(number: int) -> None:
        start.wait()
        for turn in range(3):
            answers[number, turn] = same(load_predictor(street_bundle).predict(pictures[number]), expected[number])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 12
    assert all(answers.values())
    assert len(predictor._cached) == 1


def test_a_lent_gpu_answers_for_a_model_that_is_kept_here_on_the_cpu(street_bundle: Path, tmp_path: Path) -> None:
    bundle = shutil.copytree(street_bundle, tmp_path / "bundle")
    asked: list[Path] = []

    def lend(bundle: Path, batch: torch.Tensor, tta: bool) -> torch.Tensor:
        asked.append(bundle)
        return predictor.forward(bundle, batch, tta)

    expected = load_predictor(bundle).predict(noise(40, 50))
    borrow_from(Lender(forward=lend, train=lambda run_dir: None, attends=lambda run_dir: True))
    try:
        lent = load_predictor(bundle)
        assert same(lent.predict(noise(40, 50)), expected)
        # Its run saves a better checkpoint meanwhile, and deletes this one.
        predictor._cached.clear()
        shutil.rmtree(bundle)
        assert same(lent.predict(noise(40, 50)), expected)
    finally:
        borrow_from(None)
    assert asked == [bundle] * 2 and lent.device.type == "cpu"


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes are forked")
def test_a_forked_process_waits_for_no_thread_that_it_does_not_have(street_bundle: Path) -> None:
    load_predictor(street_bundle)
    with predictor._cache_lock, predictor.DEVICE_LOCK:  # other threads hold them at the moment of the fork
        child = os.fork()
        if not child:
            os._exit(predictor._cache_lock.locked() or predictor.DEVICE_LOCK.locked())
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "wind"}, "There is no task 'wind'"),
        ({"backbone": "resnet43"}, "timm has no backbone 'resnet43'"),
        ({"backbone": "resnet18"}, "it is not a model of the kind its config says"),
        ({"classes": ["one", "two"]}, r"head\.(bias|weight) in .* has shape \(11,.* instead of \(2,"),
        ({"stage": {"image_size": 0}}, "stage in .* expected a stage's knobs: Resolution is 0"),
    ],
)
def test_a_bundle_that_is_not_what_it_says_is_refused(street_bundle, tmp_path, changes: dict, message: str) -> None:
    bundle = Path(shutil.copytree(street_bundle, tmp_path / "b"))
    edit(bundle, **changes)
    with pytest.raises(BundleError, match=message):
        load_predictor(bundle)
    assert not predictor._cached


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="neither a model bundle"):
        load_predictor(tmp_path)


def test_an_answer_that_finds_no_room_on_the_card_is_computed_on_the_cpu(
    street_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine, picture = load_predictor(street_bundle), noise(24, 32)
    expected = fine.predict(picture)

    class Full(torch.nn.Module):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    full = predictor.Predictor(fine.config, fine.objective, Full(), torch.device("meta"))
    assert same(full.predict(picture), expected)
    broken = predictor.Predictor(fine.config, fine.objective, Full(), torch.device("cpu"))
    with pytest.raises(torch.OutOfMemoryError):
        broken.predict(picture)


def test_models_leave_the_card_while_a_run_has_it(street_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = [False]
    monkeypatch.setattr(predictor, "_fastest", lambda: "meta")
    monkeypatch.setattr(predictor, "card_is_taken", lambda: taken[0])
    assert load_predictor(street_bundle).device.type == "meta"
    taken[0] = True
    assert load_predictor(street_bundle).device.type == "cpu"
    assert {device for _, _, device in predictor._cached} == {"cpu"}, "no copy is left on the card"
    taken[0] = False
    assert load_predictor(street_bundle).device.type == "meta"


@pytest.mark.parametrize(("cuda", "mps", "device"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")])
def test_models_answer_on_the_fastest_device_there_is(
    cuda: bool, mps: bool, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    monkeypatch.setattr(predictor, "card_is_taken", lambda: False)
    assert predictor.serving_device() == device


def test_a_run_with_a_worker_here_has_the_card(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from engine.runs import attended

    alive, looks = [True], []
    monkeypatch.setattr(attended, "list_runs", lambda: looks.append(1) or [tmp_path])
    monkeypatch.setattr(attended, "worker_alive", lambda run: alive[0])
    monkeypatch.setattr(attended, "_is_here", lambda run: True)
    monkeypatch.setattr(attended, "_LOOK", attended._Look())
    assert attended.card_is_taken() and attended.card_is_taken() and len(looks) == 1
    alive[0] = False
    monkeypatch.setattr(attended, "LOOK_SECONDS", 0.0)
    assert not attended.card_is_taken()
