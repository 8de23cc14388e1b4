import pytest
import torch

from engine.training.schedule import lr_at, momentum_at

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(("steps", "pct_start"), [(100, 0.3), (45, 0.9), (7, 0.5), (20, 0.25)])
def test_one_cycle_is_torchs_own(steps: int, pct_start: float) -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.AdamW([parameter], lr=1e-2, betas=(0.95, 0.99))
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1e-2, total_steps=steps, pct_start=pct_start, base_momentum=0.85, max_momentum=0.95
    )
    for step in range(steps):
        group = optimizer.param_groups[0]
        assert lr_at(step, steps, max_lr=1e-2, pct_start=pct_start) == pytest.approx(group["lr"], rel=1e-9)
        momentum = momentum_at(step, steps, momentum=(0.95, 0.85), pct_start=pct_start)
        assert momentum == pytest.approx(group["betas"][0], rel=1e-9)
        optimizer.step()
        if step < steps - 1:
            scheduler.step()


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_handful_of_steps_is_a_cycle_too(steps: int) -> None:
    rates = [lr_at(step, steps, max_lr=1.0, pct_start=0.3) for step in range(steps)]
    assert all(0 <= rate <= 1 for rate in rates)
    assert max(rates) > 0.5
