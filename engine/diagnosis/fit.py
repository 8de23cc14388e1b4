"""Rules on training against validation loss: underfitting, overfitting, a plateau."""

from engine.diagnosis.case import FEWEST_SAMPLES, Case, chance_of, tail_loss
from engine.diagnosis.finding import OVERFITTING, PLATEAU, UNDERFITTING, Finding, Remedy, Unclear, Verdict
from engine.diagnosis.remedies import (
    more_augmentation,
    with_all_layers,
    with_all_samples,
    with_augmentation,
    with_epochs,
    with_knob,
    with_larger_pictures,
)
from engine.runs.snapshot import EpochRow

FEWEST_EPOCHS = 3  # to see something rise
GAP = 0.10  # of the validation loss that the training loss is above it
STILL_FALLING = 0.08  # of the validation loss, over the last third of a stage
STEEPLY = 0.25  # the same, and the end came far too soon, with a gap or without
STRONG_DECAY, STRONG_DROPOUT = 0.05, 1.2
USUAL_DECAY = 1e-2
RISE = 0.10  # of the lowest validation loss
FALL = 0.05  # of the training loss meanwhile
LONG = 8  # epochs from which on a stage may have a plateau
NOTHING = 0.01  # of the validation loss, or of the figure: no progress
UNDER_WHY = (
    "Lesson 3 of the course: a training loss above the validation loss says that the model could fit the data better: train "
    "longer, with a lower rate at the end, or with less weight decay, dropout or augmentation. Part of the gap is none: "
    "training pictures are transformed, dropout is on, and the training loss is a mean over an epoch in which the model was "
    "getting better."
)
OVER_WHY = (
    "What still improves is learnt by heart. Lesson 2 of the course: a training loss below the validation loss is normal; what "
    "counts is that the validation figures get worse. Prechelt (1998, “Early stopping – but when?”) ends training there."
)
PLATEAU_WHY = (
    "What these layers can learn at this size they have learnt: further epochs cost time. The lesson goes on by unfreezing "
    "(Howard and Ruder 2018, ULMFiT; Yosinski et al. 2014) and then with larger pictures (progressive resizing, lesson 3)."
)


def underfitting(case: Case) -> Verdict:
    """At the end the training loss is above the validation loss and falls or is held up; or both still fall steeply."""
    rows = case.last_rows
    if not rows:
        return Unclear(name=UNDERFITTING, reason="No epoch has ended yet.")
    if case.is_under_way:
        return Unclear(name=UNDERFITTING, reason="The run is not over; early on the training loss is always above.")
    if _few(case):
        return Unclear(name=UNDERFITTING, reason=_few(case))
    last = rows[-1]
    tail = tail_loss(case, last)
    gap = tail / last.valid_loss - 1 if last.valid_loss > 0 else 0.0
    falling, held = _fell_lately(case, rows), _held_up(case, last.stage)
    ended_too_soon = abs(gap) < GAP and falling >= STEEPLY
    if not ended_too_soon and (gap < GAP or (held is None and falling < STILL_FALLING)):
        return None
    cause = f" {held[0]}" if held else f" The validation loss fell by {falling:.0%} over the stage's last third."
    longer = with_epochs(case.recipe, last.stage, 2 * case.recipe.stages[last.stage].epochs)
    return Finding(
        name=UNDERFITTING,
        seen=f"At the end the training loss is {tail:.3g} over the last half epoch ({last.train_loss:.3g} over all of it), "
        f"{_beside(gap)} the validation loss of {last.valid_loss:.3g}.{cause}",
        why=UNDER_WHY,
        advice="First the cause above; then train longer, let the rate fall to the end of the cycle, and take less weight "
        "decay, dropout or augmentation, one at a time.",
        where=(rows[0].global_step if len(rows) > 1 else last.global_step - last.step, last.global_step),
        sure="likely" if gap > 2 * GAP else "perhaps",
        remedy=held[1] if held else longer,
    )


def overfitting(case: Case) -> Verdict:
    """The validation loss has risen from its lowest point while the training loss went on falling."""
    rows = case.rows_alike()
    if len(rows) < FEWEST_EPOCHS:
        return Unclear(name=OVERFITTING, reason=f"{len(rows)} epochs are too few to see the validation loss turn.")
    if _few(case):
        return Unclear(name=OVERFITTING, reason=_few(case))
    lowest = min(rows, key=lambda row: row.valid_loss)
    last = rows[-1]
    place = rows.index(lowest)
    # Each with its neighbours: one epoch that was lucky is no turning point, and one that was not no end.
    low, end = _mean_loss(rows[max(0, place - 1) : place + 2]), _mean_loss(rows[-2:])
    rise = min(end, last.valid_loss) / low - 1 if low > 0 else 0.0
    if rise < RISE or last.train_loss > (1 - FALL) * lowest.train_loss:
        return None
    if case.is_under_way and _rate_is_high(case):
        reason = "The validation loss rises, but the rate is still high: it may fall again as the rate does."
        return Unclear(name=OVERFITTING, reason=reason)
    worse, said = _figure_worsened(case, rows)
    return Finding(
        name=OVERFITTING,
        seen=f"The validation loss was lowest, {lowest.valid_loss:.3g}, after epoch {lowest.epoch} of stage "
        f"{lowest.stage + 1}, and has risen to {last.valid_loss:.3g}, while the training loss fell from "
        f"{lowest.train_loss:.3g} to {last.train_loss:.3g}. {said}",
        why=OVER_WHY,
        advice="In this order: more training samples, more augmentation, larger pictures (or longer texts), then fewer "
        "epochs. The checkpoint that counts is the best one, so this run's model is not the overfitted one.",
        where=(lowest.global_step, last.global_step),
        sure="sure" if worse else "likely",
        remedy=_against_overfitting(case, lowest),
    )


def plateau(case: Case) -> Verdict:
    """Over the second half of a long stage nothing became better."""
    rows = case.last_rows
    if not rows or case.last_stage.epochs < LONG:
        return None
    if len(rows) < LONG or (case.is_under_way and len(rows) < case.last_stage.epochs and _rate_is_high(case)):
        return Unclear(
            name=PLATEAU, reason="A plateau shows from the eighth epoch of a stage on, once its rate is low."
        )
    half = len(rows) // 2
    early, late = rows[:half], rows[half:]
    loss_before = min(row.valid_loss for row in early)
    loss_after = min(row.valid_loss for row in late)
    if loss_before - loss_after > NOTHING * loss_before or _figure_gained(case, early, late):
        return None
    if late[-1].valid_loss > (1 + RISE) * loss_before:
        return None  # it went down again: that is another rule's
    frozen = case.last_stage.is_frozen
    return Finding(
        name=PLATEAU,
        seen=f"The last {len(late)} of {len(rows)} epochs of stage {late[0].stage + 1} brought nothing: the lowest "
        f"validation loss was {loss_before:.4g} before and {loss_after:.4g} after.",
        why=PLATEAU_WHY,
        advice=("Unfreeze: let all layers learn, at a lower rate. " if frozen else "")
        + "Then larger pictures, or more training samples. Fewer epochs give the same model sooner.",
        where=(early[-1].global_step, late[-1].global_step),
        sure="sure" if len(late) >= LONG else "likely",
        remedy=(with_all_layers(case.recipe) if frozen else None)
        or with_larger_pictures(case.recipe, case.aim)
        or with_epochs(case.recipe, late[0].stage, half),
    )


def _mean_loss(rows: tuple[EpochRow, ...]) -> float:
    return sum(row.valid_loss for row in rows) / len(rows)


def _beside(gap: float) -> str:
    return f"{gap:.0%} above" if gap >= GAP else "about as high as"


def _few(case: Case) -> str:
    samples = case.snapshot.valid_items
    if samples >= FEWEST_SAMPLES:
        return ""
    return f"{samples} validation samples are too few: their loss moves by chance. {FEWEST_SAMPLES} would do."


def _fell_lately(case: Case, rows: tuple[EpochRow, ...]) -> float:
    """The share by which the validation loss fell over the last third of a stage; by training loss where it has one epoch."""
    last = rows[-1]
    if len(rows) > 1:
        before = rows[min(len(rows) - 2, 2 * len(rows) // 3 - 1)].valid_loss
        return 1 - last.valid_loss / before if before > 0 else 0.0
    return 1 - tail_loss(case, last) / last.train_loss if last.train_loss > 0 else 0.0


def _held_up(case: Case, number: int) -> tuple[str, Remedy | None] | None:
    """What keeps a stage's training loss up, in words, and the recipe without it."""
    stage, recipe = case.recipe.stages[number], case.recipe
    if "augmentation" in case.aim.knobs and stage.augmentation == "strong":
        return "The augmentation is “strong”.", with_augmentation(recipe, number, "standard", case.aim)
    if stage.drop_mult >= STRONG_DROPOUT:
        return f"Dropout is {stage.drop_mult:g} times the usual.", with_knob(recipe, number, "drop_mult", 1.0)
    if stage.weight_decay >= STRONG_DECAY:
        return f"Weight decay is {stage.weight_decay:g}.", with_knob(recipe, number, "weight_decay", USUAL_DECAY)
    return None


def _rate_is_high(case: Case) -> bool:
    """Whether the rate is above a third of its top."""
    rates = case.snapshot.lr_points
    return bool(rates) and rates[-1][1] > case.recipe.stages[case.snapshot.stage].lr_slice[1] / 3


def _figure_worsened(case: Case, rows: tuple[EpochRow, ...]) -> tuple[bool, str]:
    metric = case.aim.metric
    values = [row.metrics[metric.name] for row in rows if metric.name in row.metrics]
    if not values:
        return False, ""
    best, last, name = values[0], values[-1], metric.name.replace("_", " ")
    for value in values:
        best = value if metric.is_better(value, best) else best
    if metric.is_better(best, last) and abs(best - last) > chance_of(case, best):
        return True, f"The {name} went from {best:.4g} to {last:.4g}."
    return False, f"The {name} has not become worse by more than chance ({best:.4g} at best, {last:.4g} now)."


def _figure_gained(case: Case, early: tuple[EpochRow, ...], late: tuple[EpochRow, ...]) -> bool:
    metric = case.aim.metric
    before, after = ([row.metrics[metric.name] for row in rows if metric.name in row.metrics] for rows in (early, late))
    if not before or not after:
        return False
    best = min if metric.lower_is_better else max
    gain = abs(best(after) - best(before))
    return metric.is_better(best(after), best(before)) and gain > max(
        NOTHING * abs(best(before)), chance_of(case, best(before))
    )


def _against_overfitting(case: Case, lowest: EpochRow) -> Remedy | None:
    recipe, stage = case.recipe, case.rows[-1].stage
    shorter = with_epochs(recipe, stage, lowest.epoch) if lowest.stage == stage else None
    return with_all_samples(recipe, stage) or more_augmentation(recipe, stage, case.aim) or shorter
