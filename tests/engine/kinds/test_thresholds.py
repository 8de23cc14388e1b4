"""F-beta is Kaggle's, thresholds are found where they were planted, and no sample is judged with its own threshold."""

import pytest
import torch
from torch import Tensor

from engine.kinds.thresholds import GRID, best_threshold, best_thresholds, cross_fitted, fbeta, lesson_f2

# Six samples with three tags; what is given at 0.5, and F-beta = (1 + b²) hits / (given + b² there).
TRUTH = torch.tensor([[1, 1, 0], [1, 0, 0], [0, 1, 1], [1, 0, 0], [0, 0, 0], [0, 0, 0]])
PROBABILITIES = torch.tensor(
    [
        [0.9, 0.8, 0.1],  # both and nothing else: 1
        [0.6, 0.4, 0.7],  # one of one, one too many: F2 = 5·1 / (2 + 4·1) = 5/6, F1 = 2·1 / (2 + 1) = 2/3
        [0.3, 0.9, 0.5],  # one of two (0.5 is not above 0.5): F2 = 5·1 / (1 + 4·2) = 5/9, F1 = 2·1 / (1 + 2) = 2/3
        [0.4, 0.3, 0.2],  # none of one: 0
        [0.1, 0.2, 0.3],  # nothing there, nothing given: 0, as scikit-learn's zero_division has it
        [0.1, 0.2, 0.8],  # nothing there, one given: 0
    ]
)


def test_fbeta_is_worked_out_by_sample() -> None:
    assert fbeta(PROBABILITIES, TRUTH, threshold=0.5) == pytest.approx((1 + 5 / 6 + 5 / 9) / 6)
    assert fbeta(PROBABILITIES, TRUTH, threshold=0.5, beta=1) == pytest.approx((1 + 2 / 3 + 2 / 3) / 6)


def test_the_lesson_s_threshold_is_a_fifth() -> None:
    # Given at 0.2: ab, abc, abc, ab, c, c (0.2 itself is not above it)
    by_hand = (1 + 5 / (3 + 4) + 10 / (3 + 8) + 5 / (2 + 4) + 0 + 0) / 6
    assert lesson_f2(PROBABILITIES, TRUTH) == pytest.approx(by_hand)


def test_each_tag_can_have_a_threshold_of_its_own() -> None:
    # Given: ab, a, abc, a, nothing, nothing; only the third has one too many, 5·2 / (3 + 4·2)
    thresholds = torch.tensor([0.25, 0.5, 0.45])
    third_and_second = (thresholds < PROBABILITIES)[[1, 2]].tolist()
    assert third_and_second == [[True, False, True], [True, True, True]]
    by_hand = (1 + 5 / (2 + 4) + 10 / (3 + 8) + 1 + 0 + 0) / 6
    assert fbeta(PROBABILITIES, TRUTH, threshold=thresholds) == pytest.approx(by_hand)


def planted(edge: float, truth: Tensor) -> Tensor:
    """Probabilities that only a threshold of `edge`, among all in the grid, tells apart."""
    return torch.where(truth > 0, edge + 0.005, edge - 0.005)


def random_truth(seed: int, samples: int = 40, tags: int = 5) -> Tensor:
    truth = (torch.rand(samples, tags, generator=torch.Generator().manual_seed(seed)) < 0.4).long()
    truth[:, 0] = 1 - truth[:, 1]  # no sample without a tag
    return truth


@pytest.mark.parametrize("edge", [0.03, 0.2, 0.35, 0.77])
def test_a_common_threshold_is_found_where_it_was_planted(edge: float) -> None:
    truth = random_truth(0)
    found = best_threshold(planted(edge, truth), truth)
    assert found.shape == ()
    assert found.item() == pytest.approx(edge, abs=1e-6)
    assert fbeta(planted(edge, truth), truth, threshold=found) == 1


def test_each_tag_s_threshold_is_found_where_it_was_planted() -> None:
    truth, edges = random_truth(1), [0.6, 0.1, 0.3, 0.75, 0.05]
    probabilities = torch.stack([planted(edge, truth[:, tag]) for tag, edge in enumerate(edges)], 1)
    assert fbeta(probabilities, truth, threshold=best_threshold(probabilities, truth)) < 0.95
    assert best_thresholds(probabilities, truth).tolist() == pytest.approx(edges, abs=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_thresholds_by_tag_are_at_least_as_good_as_the_common_one(seed: int) -> None:
    truth = random_truth(seed)
    noise = torch.rand(truth.shape, generator=torch.Generator().manual_seed(100 + seed))
    probabilities = 0.35 * truth + 0.65 * noise
    common, each = best_threshold(probabilities, truth), best_thresholds(probabilities, truth)
    assert each.shape == (truth.shape[1],)
    assert fbeta(probabilities, truth, threshold=each) > fbeta(probabilities, truth, threshold=common)
    assert fbeta(probabilities, truth, threshold=common) == max(
        fbeta(probabilities, truth, threshold=threshold) for threshold in GRID.tolist()
    )


@pytest.mark.parametrize("seed", range(4))
def test_tag_after_tag_is_moved_to_where_f_beta_is_best(seed: int) -> None:
    truth = random_truth(seed, samples=24, tags=3)
    noise = torch.rand(truth.shape, generator=torch.Generator().manual_seed(200 + seed))
    probabilities = 0.2 * truth + 0.8 * noise
    chosen = best_threshold(probabilities, truth).repeat(3)
    for tag in (0, 1, 2, 0, 1, 2):
        tried = chosen.repeat(len(GRID), 1)
        tried[:, tag] = GRID
        scores = [fbeta(probabilities, truth, threshold=some) for some in tried]
        if max(scores) > fbeta(probabilities, truth, threshold=chosen) + 1e-6:
            chosen = tried[scores.index(max(scores))]
    assert best_thresholds(probabilities, truth).tolist() == pytest.approx(chosen.tolist())


@pytest.mark.parametrize("samples", [2, 9, 10])
def test_the_two_halves_that_are_tuned_on_share_no_sample(samples: int) -> None:
    truth = torch.ones(samples, 1, dtype=torch.long)
    probabilities = torch.arange(samples)[:, None] / samples  # each sample's own name
    seen: list[list[float]] = []

    def tune(some: Tensor, their_truth: Tensor) -> Tensor:
        assert len(some) == len(their_truth)
        seen.append(some.flatten().tolist())
        return torch.tensor(0.5)

    cross_fitted(probabilities, truth, tune)
    first, second = seen
    assert not set(first) & set(second)
    assert sorted(first + second) == probabilities.flatten().tolist()


def test_each_half_is_judged_with_what_the_other_gave_and_counts_by_its_size() -> None:
    probabilities, truth = torch.tensor([[0.3], [0.6], [0.3]]), torch.ones(3, 1, dtype=torch.long)

    def tune(some: Tensor, their_truth: Tensor) -> Tensor:
        return some.max() - 0.01  # 0.29 from the two outer samples, 0.59 from the one between them

    # Their own thresholds would give all three, 1.0. Crossed, 0.29 gives the middle one and 0.59 neither of the others.
    assert cross_fitted(probabilities, truth, tune) == pytest.approx((0 + 1 + 0) / 3)


def test_what_only_tuning_on_all_samples_can_reach_is_not_reported() -> None:
    # Samples 0, 2, … can be told apart anywhere from 0.10 to 0.52, samples 1, 3, … from 0.50 to 0.90.
    probabilities = torch.tensor([[0.515, 0.095], [0.895, 0.495]]).repeat(5, 1)
    truth = torch.tensor([[1, 0]]).repeat(10, 1)
    assert fbeta(probabilities, truth, threshold=best_threshold(probabilities, truth)) == 1
    # The first half tunes to 0.10, at which the second gives both tags: 5·1 / (2 + 4·1) = 5/6. The other way round all is well.
    assert cross_fitted(probabilities, truth, best_threshold) == pytest.approx((1 + 5 / 6) / 2)
    assert cross_fitted(probabilities, truth, best_thresholds) < 1


def test_a_single_sample_cannot_be_tuned_for() -> None:
    def tune(some: Tensor, their_truth: Tensor) -> Tensor:
        raise AssertionError("there is no other sample to tune on")

    assert cross_fitted(torch.tensor([[0.25, 0.1]]), torch.tensor([[1, 1]]), tune) == pytest.approx(5 / (1 + 8))
