"""What the rules look at: a run as it stands, and small questions that several of them ask of its curves."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from engine.recipe import Recipe, Stage
from engine.runs.snapshot import EpochRow, Points, RunSnapshot
from engine.task import Aim

UNFROZEN_SHARE = 5.0  # an unfrozen stage's rate is the head's divided by 5 to 10 (lesson 3)
HEAD_SHARE = 10.0  # a head's rate is ten times that of all layers, in the recipes for texts
FEWEST_SAMPLES = 30  # of validation, for its figures to mean much
UNDER_WAY = ("new", "queued", "running")


class Block(NamedTuple):
    """Neighbouring steps: from where to where, their mean loss, and how far chance moves that mean."""

    start: float
    end: float
    mean: float
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A run, what it was to do, and the figures of its best model where there are any (see docs/formats.md)."""

    snapshot: RunSnapshot
    recipe: Recipe
    aim: Aim
    evaluation: Mapping[str, Any] | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether it goes on, so that what is not there may yet come."""
        return self.snapshot.status in UNDER_WAY

    @property
    def rows(self) -> tuple[EpochRow, ...]:
        """The epochs whose losses are numbers."""
        return tuple(
            row
            for row in self.snapshot.epoch_rows
            if math.isfinite(row.train_loss) and math.isfinite(row.valid_loss) and row.stage < len(self.recipe.stages)
        )

    @property
    def last_rows(self) -> tuple[EpochRow, ...]:
        """The epochs of the last stage that has any."""
        rows = self.rows
        return tuple(row for row in rows if row.stage == rows[-1].stage) if rows else ()

    @property
    def last_stage(self) -> Stage:
        """The stage of `last_rows`."""
        return self.recipe.stages[self.rows[-1].stage]

    def alike(self, stage: int) -> list[int]:
        """The stages up to this one without a break whose inputs are as large: losses at other sizes are no measure."""
        found = [stage]
        while found[0] and self._size(found[0] - 1) == self._size(stage):
            found.insert(0, found[0] - 1)
        return found

    def rows_alike(self) -> tuple[EpochRow, ...]:
        """The epochs of the last stage that has any, and of those before it with inputs as large."""
        rows = self.rows
        kept = set(self.alike(rows[-1].stage)) if rows else set[int]()
        return tuple(row for row in rows if row.stage in kept)

    def points(self, stage: int) -> Points:
        """The training losses of a stage's steps that are numbers."""
        starts = self.snapshot.stage_starts
        if stage >= len(starts):
            return ()
        first, last = starts[stage], starts[stage] + self.snapshot.stage_steps[stage]
        return tuple(
            point for point in self.snapshot.train_points if first < point[0] <= last and math.isfinite(point[1])
        )

    def rate_share(self, stage: int) -> float:
        """How often a stage's rate is the one that a stage like it usually has."""
        return self.recipe.stages[stage].lr_slice[1] / usual_rate(self.aim, self.recipe.stages[stage])

    def _size(self, stage: int) -> Any:
        return getattr(self.recipe.stages[stage], self.aim.size_knob) if stage < len(self.recipe.stages) else None


def usual_rate(aim: Aim, stage: Stage) -> float:
    """What the app's own recipes of this kind take about, for a head alone or for more layers."""
    usual = aim.default_stage
    rate = usual.lr_slice[1]
    if usual.train_from == stage.train_from or (usual.is_frozen and stage.is_frozen):
        return rate
    return rate / UNFROZEN_SHARE if usual.is_frozen else rate * HEAD_SHARE


def in_blocks(points: Sequence[tuple[float, float]], most: int = 24, least_steps: int = 3) -> list[Block]:
    """The curve as the means of up to `most` equal runs of neighbours, of at least `least_steps` steps each."""
    size = max(least_steps, math.ceil(len(points) / most))
    blocks: list[Block] = []
    for start in range(0, len(points) - size + 1, size):
        run = points[start : start + size]
        losses = [loss for _, loss in run]
        mean = sum(losses) / size
        spread = math.sqrt(sum((loss - mean) ** 2 for loss in losses) / max(1, size - 1))
        blocks.append(Block(run[0][0], run[-1][0], mean, spread / math.sqrt(size)))
    return blocks


def tail_loss(case: Case, row: EpochRow) -> float:
    """The mean training loss over the second half of an epoch's steps: closer to what the model has at its end."""
    steps = row.step / max(1, row.epoch)
    losses = [loss for step, loss in case.points(row.stage) if row.global_step - steps / 2 < step <= row.global_step]
    return sum(losses) / len(losses) if losses else row.train_loss


def chance_of(case: Case, value: float) -> float:
    """How far chance moves a main figure on so few validation samples: exact for a share of right answers, else about that."""
    samples = max(1, case.snapshot.valid_items)
    if 0 <= value <= 1:
        return math.sqrt(max(value * (1 - value), 0.01) / samples)
    return abs(value) / math.sqrt(samples)
