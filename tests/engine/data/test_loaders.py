"""Which sample comes when: every one once, the same for any number of processes, and again after a resume."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from toy import STAGE, TOY, draw_squares

from engine.data import loaders
from engine.data.loaders import EpochBatches, Share, worker_count
from engine.data.pictures.cache import prepare_cache
from engine.data.pictures.feed import build_loaders
from engine.data.seeding import derive_seed


def batches(count: int = 10, batch_size: int = 4, *, epoch: int = 1, first_step: int = 0, **arguments) -> list:
    arguments = {"seed": 1, "is_training": True} | arguments
    made = EpochBatches(count, batch_size, **arguments)
    made.epoch, made.first_step = epoch, first_step
    return list(made)


def indices(found: list) -> list[int]:
    return [index for batch in found for _, index in batch]


def test_every_sample_comes_once_an_epoch() -> None:
    found = batches(12, 4)
    assert sorted(indices(found)) == list(range(12))
    assert [len(batch) for batch in found] == [4, 4, 4]
    assert {epoch for batch in batches(12, 4, epoch=7) for epoch, _ in batch} == {7}


@pytest.mark.parametrize(("is_training", "sizes"), [(True, [4, 4]), (False, [4, 4, 2])])
def test_a_last_small_batch_is_left_out_in_training_only(is_training: bool, sizes: list[int]) -> None:
    assert [len(batch) for batch in batches(10, 4, is_training=is_training)] == sizes
    assert len(EpochBatches(10, 4, seed=1, is_training=is_training)) == len(sizes)


def test_fewer_samples_than_a_batch_still_train() -> None:
    assert sorted(indices(batches(3, 8))) == [0, 1, 2]
    assert len(EpochBatches(3, 8, seed=1, is_training=True)) == 1


def test_validation_keeps_the_order() -> None:
    assert indices(batches(is_training=False)) == list(range(10))


def test_the_order_differs_between_epochs_and_seeds_and_repeats() -> None:
    first = indices(batches(40))
    assert first == indices(batches(40))
    assert first != indices(batches(40, epoch=2))
    assert first != indices(batches(40, seed=2))


@pytest.mark.parametrize("is_training", [True, False])
@pytest.mark.parametrize(("count", "batch_size", "processes"), [(12, 4, 2), (10, 4, 2), (23, 6, 3), (9, 5, 2)])
def test_processes_share_the_batches_of_one(is_training: bool, count: int, batch_size: int, processes: int) -> None:
    alone = batches(count, batch_size, is_training=is_training)
    shares = [
        batches(count, batch_size, is_training=is_training, share=Share(process=process, processes=processes))
        for process in range(processes)
    ]
    for step, batch in enumerate(alone):
        parts = [share[step] for share in shares if step < len(share)]
        assert sorted(key for part in parts for key in part) == sorted(batch)
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_resumed_epoch_skips_what_was_seen() -> None:
    assert batches(40, first_step=3) == batches(40)[3:]
    assert batches(40, first_step=10) == []


@pytest.fixture
def squares(tmp_path: Path):
    data = TOY.build_objective().open_data(draw_squares(tmp_path / "toy"))
    for items in (data.train, data.valid):
        list(prepare_cache(data, items, data.size_at(STAGE.image_size)))
    return data


def test_loaders_give_the_cached_samples_in_the_batches_order(squares) -> None:
    stage = dataclasses.replace(STAGE, augmentation="none", batch_size=4)
    loaders = build_loaders(squares, stage, seed=1, share=Share(workers=0))
    order = indices(list(loaders.train_batches))
    pictures = torch.cat([images for images, _ in loaders.train])
    assert len(pictures) == len(order) == 16
    for picture, index in zip(pictures, order, strict=True):
        assert torch.equal(picture, squares.sample(squares.train[index], squares.size_at(stage.image_size))[0])
    targets = torch.cat([target for _, target in loaders.valid])
    assert targets.tolist() == [int(squares.sample(item, (32, 38))[1]) for item in squares.valid]


def test_each_epoch_changes_a_picture_anew_and_a_seed_repeats_it(squares) -> None:
    stage = dataclasses.replace(STAGE, augmentation="strong")
    samples = build_loaders(squares, stage, seed=1, share=Share(workers=0)).train.dataset
    again = build_loaders(squares, stage, seed=1, share=Share(workers=2)).train.dataset
    assert torch.equal(samples[1, 5][0], again[1, 5][0])
    assert not torch.equal(samples[1, 5][0], samples[2, 5][0])
    assert not torch.equal(
        samples[1, 5][0], build_loaders(squares, stage, seed=2, share=Share(workers=0)).train.dataset[1, 5][0]
    )
    validation = build_loaders(squares, stage, seed=1, share=Share(workers=0)).valid.dataset
    assert torch.equal(validation[1, 0][0], validation[2, 0][0])


def test_a_seed_from_parts_is_the_same_on_every_machine() -> None:
    assert derive_seed(1, "order", 2) == 2739087069771477911
    assert derive_seed(1, 2) != derive_seed(12) != derive_seed(2, 1)
    assert all(0 <= derive_seed(part) < 2**63 for part in range(100))


def test_a_daemonic_process_loads_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert worker_count(2) == 2
    monkeypatch.setattr(loaders.multiprocessing, "current_process", lambda: SimpleNamespace(daemon=True))
    assert worker_count(2) == worker_count(None) == 0
