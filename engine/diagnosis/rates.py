"""Rules on the learning rate: too high, too low."""

import itertools
import math
from typing import NamedTuple

from engine.diagnosis.case import FEWEST_SAMPLES, Block, Case, in_blocks, usual_rate
from engine.diagnosis.finding import RATE_TOO_HIGH, RATE_TOO_LOW, Finding, Sureness, Unclear, Verdict
from engine.diagnosis.remedies import with_rate
from engine.recipe import rate_text
from engine.runs.snapshot import EpochRow

OVER_START, OVER_LOW = 2.0, 4.0  # times the level at which a stage began, and its lowest so far
BEYOND_CHANCE = 4.0  # standard errors of the difference
VALID_JUMP = 3.0  # times the epoch before
FAR = 5.0  # times the usual rate, or a fifth of it
FEWEST_BLOCKS = 5
STRAIGHT = 0.35  # of the fall comes in the second half of the way, where a curve has not begun to level off
LITTLE_FALL, NO_FALL = 0.5, 0.05  # of the first loss
HIGH_WHY = (
    "Steps that are too long overshoot: the loss jumps, and what the layers had learnt is lost. Lesson 3 of the course takes "
    "a rate about ten times below where the LR finder's curve turns up; Smith (2018, “A disciplined approach to neural network "
    "hyper-parameters”) shows the same bend in training curves."
)
LOW_WHY = (
    "Every step is so short that the run ends on its way down. A rate that suits falls fast at first and levels off when the "
    "rate is lowered (one cycle: Smith 2018). Lesson 2 of the course shows this curve, and lesson 3 finds the rate with the LR "
    "finder."
)


class Jump(NamedTuple):
    """From the lowest level so far to the highest after it."""

    low: Block
    high: Block
    stage: int


def rate_too_high(case: Case) -> Verdict:
    """The loss is no number any more, jumps above what it was, or learns nothing at a rate far above the usual."""
    snapshot = case.snapshot
    if snapshot.divergence:
        stage, step = snapshot.stage, snapshot.train_points[-1][0] if snapshot.train_points else 1.0
        return _high(case, stage, f"The loss was no finite number any more at step {step:.0f}.", (step, step), "sure")
    jump = largest_jump(case)
    if jump:
        seen = (
            f"The training loss rose from {jump.low.mean:.3g} (step {jump.low.end:.0f}) to {jump.high.mean:.3g} "
            f"(step {jump.high.start:.0f}) in stage {jump.stage + 1}, while its rate went up to {_rate(case, jump.stage)}."
        )
        return _high(case, jump.stage, seen, (jump.low.end, jump.high.end), "sure")
    shaken = _shaken(case)
    if shaken:
        before, after = shaken
        seen = (
            f"The validation loss went from {before.valid_loss:.3g} to {after.valid_loss:.3g} in epoch {after.epoch} of stage "
            f"{after.stage + 1}, and the training loss did not fall: the model was thrown off its way."
        )
        return _high(case, after.stage, seen, (before.global_step, after.global_step), "likely")
    for stage in range(len(snapshot.stage_steps)):
        blocks = in_blocks(case.points(stage))
        if case.rate_share(stage) < FAR and _learns_nothing(case, stage, blocks):
            break  # not even at a usual rate: no rate is to blame for what comes after
        if case.rate_share(stage) >= FAR and _learns_nothing(case, stage, blocks):
            seen = (
                f"The training loss of stage {stage + 1} ends at {_end(blocks):.3g} and did not fall, at a rate of "
                f"{_rate(case, stage)}, {case.rate_share(stage):.0f} times what such a stage usually has here."
            )
            return _high(case, stage, seen, (blocks[0].start, blocks[-1].end), "likely")
    if not snapshot.train_points or (case.is_under_way and len(in_blocks(snapshot.train_points)) < FEWEST_BLOCKS):
        return Unclear(name=RATE_TOO_HIGH, reason="There are too few steps yet to see the loss jump.")
    return None


def rate_too_low(case: Case) -> Verdict:
    """The loss falls slowly and in a straight line to the end, at rates far below the usual."""
    snapshot = case.snapshot
    stages = range(len(snapshot.stage_steps))
    if not stages or max(case.rate_share(stage) for stage in stages) > 1 / FAR:
        return None
    points = [point for stage in stages for point in case.points(stage)]
    blocks = in_blocks(points)
    if len(blocks) < FEWEST_BLOCKS or (case.is_under_way and snapshot.steps_done < snapshot.steps_total):
        return Unclear(name=RATE_TOO_LOW, reason="Whether it levels off shows when the stage is over.")
    first, end = blocks[0].mean, _end(blocks)
    fall, noise = first - end, BEYOND_CHANCE / 2 * math.hypot(blocks[0].error, blocks[-1].error)
    is_flat = fall <= max(noise, NO_FALL * first)
    if not is_flat and (fall > LITTLE_FALL * first or _late_share(case, blocks) < STRAIGHT):
        return None
    how = "did not move" if is_flat else "fell slowly, and as fast at the end as before"
    rates = " and ".join(_rate(case, stage) for stage in stages)
    usual = usual_rate(case.aim, case.recipe.stages[0])
    return Finding(
        name=RATE_TOO_LOW,
        seen=f"The training loss {how}: {first:.3g} at first, {end:.3g} at the end. The rate is {rates}; such a stage "
        f"usually has about {rate_text(usual)} here.",
        why=LOW_WHY,
        advice="Run the LR finder, and take a rate on its steepest stretch. Or start with the rate that this kind of training "
        "usually has. More epochs at this rate would get there too, slowly. A model that was trained before, and starts from "
        "there, may have nothing left to learn.",
        where=(blocks[0].start, blocks[-1].end),
        sure="likely" if is_flat or case.rate_share(0) > 1 / FAR**2 else "sure",
        remedy=with_rate(case.recipe, tuple(stages), usual),
    )


def largest_jump(case: Case) -> Jump | None:
    """The largest rise of the training loss inside a stage, if it goes far above where the stage began, or its lowest so far.

    Between stages nothing is compared: other layers, samples and transforms have another loss.
    """
    jumps: list[Jump] = []
    for stage in range(len(case.snapshot.stage_steps)):
        blocks = in_blocks(case.points(stage))
        low = blocks[0] if blocks else None
        for block in blocks:
            if low is None or block.mean <= low.mean:
                low = block
                continue
            is_clear = block.mean - low.mean > BEYOND_CHANCE * math.hypot(low.error, block.error)
            if is_clear and (block.mean > OVER_START * blocks[0].mean or block.mean > OVER_LOW * low.mean):
                jumps.append(Jump(low, block, stage))
    return max(jumps, key=lambda jump: jump.high.mean - jump.low.mean, default=None)


def _shaken(case: Case) -> tuple[EpochRow, EpochRow] | None:
    """The epochs of a stage between which the validation loss went far up while the training loss did not fall."""
    if case.snapshot.valid_items < FEWEST_SAMPLES:
        return None
    for before, after in itertools.pairwise(case.rows):
        is_up = after.valid_loss > VALID_JUMP * before.valid_loss and after.train_loss >= before.train_loss
        if before.stage == after.stage and is_up:
            return before, after
    return None


def _learns_nothing(case: Case, stage: int, blocks: list[Block]) -> bool:
    if len(blocks) < FEWEST_BLOCKS:
        return False
    before = in_blocks(case.points(stage - 1)) if stage and len(case.alike(stage)) > 1 else []
    level = _end(before) if before else blocks[0].mean
    return _end(blocks) >= 0.98 * level


def _end(blocks: list[Block]) -> float:
    """The mean over the last fifth."""
    last = blocks[-max(1, len(blocks) // 5) :]
    return sum(block.mean for block in last) / len(last)


def _late_share(case: Case, blocks: list[Block]) -> float:
    """The share of the fall that comes in the second half of the way; the way is the sum of the rates."""
    way, total = dict[float, float](), 0.0
    for step, rate in case.snapshot.lr_points:
        total += rate if math.isfinite(rate) else 0.0
        way[step] = total
    middle = min(range(len(blocks)), key=lambda number: abs(way.get(blocks[number].end, 0.0) - total / 2))
    fall = blocks[0].mean - _end(blocks)
    return (blocks[middle].mean - _end(blocks)) / fall if fall > 0 else 1.0


def _high(case: Case, stage: int, seen: str, where: tuple[float, float], sure: Sureness) -> Finding:
    rate, usual = case.recipe.stages[stage].lr_slice[1], usual_rate(case.aim, case.recipe.stages[stage])
    return Finding(
        name=RATE_TOO_HIGH,
        seen=seen,
        why=HIGH_WHY,
        advice="Start again with a rate ten times lower, or with what the LR finder suggests. A later stage that unfreezes "
        "wants a lower rate than the head had. Clipping gradients hides the symptom and not the cause.",
        where=where,
        sure=sure,
        remedy=with_rate(case.recipe, (stage,), min(rate / 10, usual) if rate > usual else rate / 10),
    )


def _rate(case: Case, stage: int) -> str:
    return rate_text(case.recipe.stages[stage].lr_slice[1])
