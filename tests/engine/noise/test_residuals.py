"""Errors beside what is usual for a group."""

import torch

from engine.noise.residuals import judge_residuals


def scattered(count: int, spread: float, away: tuple[float, float] = (0.0, 0.0)) -> torch.Tensor:
    turns = torch.arange(count) * 2.399963
    return spread * torch.stack([turns.cos(), turns.sin()], 1) + torch.tensor(away)


def test_a_point_is_suspected_by_its_persons_own_spread_and_middle() -> None:
    # One person is off by 40 pixels as a whole; another scatters widely. Only the moved point of the first stands out.
    steady, wide = scattered(30, 4.0, (40.0, 0.0)), scattered(30, 15.0)
    steady[7] += torch.tensor([60.0, 0.0])
    judged = judge_residuals(torch.cat([steady, wide]), ["a"] * 30 + ["b"] * 30)
    assert judged.is_off.nonzero()[:, 0].tolist() == [7]
    assert judged.score.argmax() == 7
    assert judged.residual[:7].norm(dim=1).max() < 8, "what the whole group is off by is taken away"


def test_small_groups_are_judged_together() -> None:
    errors = scattered(30, 3.0)
    errors[3] = torch.tensor([50.0, 50.0])
    judged = judge_residuals(errors, [str(at) for at in range(30)])
    assert judged.is_off.nonzero()[:, 0].tolist() == [3]


def test_what_has_no_label_is_not_suspected() -> None:
    errors = scattered(20, 1.0)[:, :1]
    errors[4] = float("nan")
    judged = judge_residuals(errors, [""] * 20)
    assert judged.score[4] == 0 and not judged.is_off[4] and judged.score.isfinite().all()
