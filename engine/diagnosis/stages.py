"""The rule on stages: a later one that made the model worse."""

from engine.diagnosis.case import Case, chance_of
from engine.diagnosis.finding import STAGE_WORSE, Finding, Unclear, Verdict
from engine.diagnosis.remedies import with_all_samples, with_rate
from engine.runs.setbacks import setbacks_in

CLEAR = 2.0  # times chance
NOTICED = 0.02  # of the figure
WHY = (
    "A stage starts from what the one before it reached, so worse means that something was unlearnt: mostly at a rate too "
    "high for layers that were good already (“catastrophic forgetting”, Howard and Ruder 2018, ULMFiT), or on too few "
    "samples. Lesson 1 of the course then goes back to the saved model and starts the stage again."
)


def stage_made_it_worse(case: Case) -> Verdict:
    """The worst setback, if it is more than chance; `engine.runs.setbacks` names all of them."""
    found = setbacks_in(case.snapshot, case.recipe, case.aim)
    if not found:
        return None
    own, best = max(found, key=lambda setback: abs(setback.own.value - setback.best.value))
    away, chance = abs(own.value - best.value), chance_of(case, best.value)
    if away < max(chance, NOTICED * abs(best.value)):
        reason = (
            f"Stage {own.stage + 1} is behind stage {best.stage + 1} by {away:.2g}, and on {case.snapshot.valid_items} "
            f"validation samples that may be chance (about {chance:.2g})."
        )
        return Unclear(name=STAGE_WORSE, reason=reason)
    rows = [row for row in case.snapshot.epoch_rows if row.stage == own.stage]
    start = (
        case.snapshot.stage_starts[own.stage] if own.stage < len(case.snapshot.stage_starts) else rows[0].global_step
    )
    name = case.aim.metric.name.replace("_", " ")
    return Finding(
        name=STAGE_WORSE,
        seen=f"Stage {own.stage + 1} ({own.stage_name}) reached {own.value:.4g} at best in {name}; stage {best.stage + 1} "
        f"({best.stage_name}) had {best.value:.4g} in epoch {best.epoch}, with inputs of the same size.",
        why=WHY,
        advice="Use the earlier stage's model, which is kept. Try the stage again on all samples, or with a tenth of its "
        "rate; or leave it out.",
        where=(start, rows[-1].global_step),
        sure="sure" if away > CLEAR * chance else "likely",
        remedy=with_all_samples(case.recipe, own.stage)
        or with_rate(case.recipe, (own.stage,), case.recipe.stages[own.stage].lr_slice[1] / 10),
    )
