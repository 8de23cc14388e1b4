"""Rules on the best model's figures: no better than always the same, classes never predicted, a threshold far off."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from engine.diagnosis.case import FEWEST_SAMPLES, Case
from engine.diagnosis.finding import ALWAYS, NEVER_PREDICTED, THRESHOLD_OFF, Finding, Unclear, Verdict
from engine.diagnosis.remedies import with_all_layers, with_larger_pictures
from engine.kinds.main_metrics import LESSON_THRESHOLD

NEARER = 0.05  # of an error that is always the same: an error has to be so much smaller to count
BETTER = 0.02  # of a share of right answers, beside chance
EXPECTED = 8  # samples of a class, from which on it is odd that it is never predicted
SEEN_PIXELS = 0.01  # of all pixels, the same for masks: what is thinner may be lost in small pictures
MOVED = 0.1  # of the threshold
GAINED = 0.02  # of F2
MOST_NAMED = 4
WITHOUT_CLASSES = ("point", "number", "language")
ALWAYS_WHY = (
    "An answer that does not depend on the input is the least to beat: Howard and Gugger (2020, chapter 4) begin with such a "
    "baseline, and so do Goodfellow et al. (2016, chapter 11). Networks that are trained on labels without sense end here on "
    "new samples, however well they learn their own by heart (Zhang et al. 2017)."
)
NEVER_WHY = (
    "A class that is rare, or looks like a frequent one, costs little when it is missed: the loss is a mean over all samples "
    "(He and Garcia 2009, on imbalanced data). Lesson 1 of the course looks for it in the confusion matrix and at the "
    "samples of the highest loss."
)
THRESHOLD_WHY = (
    f"Lesson 3 of the course gives a tag from {LESSON_THRESHOLD} on, and the figure beside the curves is taken there. The "
    "best threshold for F-beta depends on the model (Lipton et al. 2014): far below it, the model is too unsure of what is "
    "there, as where training tags are missing; far above it, too sure of what is not, as after too few steps."
)


class Baseline(NamedTuple):
    """Two figures of the same kind: the model's, and that of an answer that is always the same; `answer` says which."""

    name: str
    own: float
    always: float
    answer: str
    lower_is_better: bool


def no_better_than_always(case: Case) -> Verdict:
    """The best model's figure is not clearly better than that of an answer that is always the same."""
    unclear = _without_figures(case, ALWAYS)
    if unclear or case.evaluation is None:
        return unclear
    found = baseline(case)
    if found is None:
        reason = "This model's figures do not say what always the same answer would give: they were made by an older "
        "version, or "
        return Unclear(name=ALWAYS, reason=f"{reason}its kind has no such answer.")
    if found.lower_is_better:
        is_better = found.own < (1 - NEARER) * found.always
    else:
        chance = math.sqrt(max(found.always * (1 - found.always), 0.0) / case.snapshot.valid_items)
        is_better = found.own > found.always + max(BETTER, chance)
    if is_better:
        return None
    return Finding(
        name=ALWAYS,
        seen=f"The best {found.name} is {found.own:.4g}. Always {found.answer} gives {found.always:.4g} on the same "
        f"{case.snapshot.valid_items} validation samples, or chance would have it so.",
        why=ALWAYS_WHY,
        advice="Look at samples with their labels in the Data step: do they belong together? If they do, run the LR finder, "
        "then train longer, with all layers.",
        where=_best_place(case),
        sure="sure",
    )


def never_predicted(case: Case) -> Verdict:
    """Classes that validation has and the model never answers."""
    if case.aim.kind in WITHOUT_CLASSES:
        return None
    unclear = _without_figures(case, NEVER_PREDICTED)
    if unclear or case.evaluation is None:
        return unclear
    counts = _class_counts(case.evaluation)
    is_one_answer = case.evaluation.get("confusion") and sum(given > 0 for _, _, given in counts or ()) < 2
    if counts is None or is_one_answer:  # one answer to everything is another rule's
        return None
    total, is_mask = sum(there for _, there, _ in counts), case.aim.kind == "mask"
    enough = SEEN_PIXELS * total if is_mask else EXPECTED
    missing = sorted(((there, name) for name, there, given in counts if there and not given), reverse=True)
    clear = [f"{name} ({_share(there, total, is_mask)})" for there, name in missing if there >= enough]
    if not clear:
        rare = ", ".join(name for _, name in missing[:MOST_NAMED])
        reason = f"{rare}: never predicted, but there is too little of it in validation to tell."
        return Unclear(name=NEVER_PREDICTED, reason=reason) if missing else None
    return Finding(
        name=NEVER_PREDICTED,
        seen=f"Never predicted in the best model's validation, though they are there: {_joined(clear)}.",
        why=NEVER_WHY,
        advice="See in Results what they are taken for. More training samples of them help most; check that training has "
        "them, and under the same name. Then unfreeze, or take larger pictures where they are small.",
        where=_best_place(case),
        sure="sure",
        remedy=with_all_layers(case.recipe) or (with_larger_pictures(case.recipe, case.aim) if is_mask else None),
    )


def threshold_far_off(case: Case) -> Verdict:
    """Of tags: at the tuned threshold F2 is clearly better than at the one that the curves are judged at."""
    decision = (case.evaluation or {}).get("decision")
    if case.aim.kind != "tags" or (case.evaluation is not None and not isinstance(decision, dict)):
        return None
    unclear = _without_figures(case, THRESHOLD_OFF)
    if unclear or case.evaluation is None or decision is None:
        return unclear
    metrics: Mapping[str, float] = case.evaluation["metrics"]
    best, at, tuned = decision.get("threshold"), metrics.get("f2"), metrics.get("f2_tuned")
    if best is None or at is None or tuned is None:
        return None
    if abs(best - LESSON_THRESHOLD) < MOVED or tuned - at < GAINED:
        return None
    return Finding(
        name=THRESHOLD_OFF,
        seen=f"F2 is {at:.4g} at the threshold {LESSON_THRESHOLD:g}, and {tuned:.4g} at the best one, {best:.2g} (each half "
        "of the validation samples judged with the other half's).",
        why=THRESHOLD_WHY,
        advice="The model's answers take the tuned threshold already; compare models by “F2 tuned”. Check whether training "
        "tags are complete where it is far below, and train longer where it is far above.",
        where=_best_place(case),
        sure="sure",
    )


def baseline(case: Case) -> Baseline | None:
    """The best model's main figure and that of always the same answer, as far as its evaluation says it."""
    evaluation, metric = case.evaluation or {}, case.aim.metric
    own = evaluation.get("metrics", {}).get(metric.name)
    told, numbers, confusion = (evaluation.get(name) for name in ("always", "numbers", "confusion"))
    name = metric.name.replace("_", " ")
    if not isinstance(own, int | float) or not math.isfinite(own):
        return None
    if isinstance(told, dict) and math.isfinite(told.get(metric.name, math.nan)):
        tuned = evaluation["metrics"].get(f"{metric.name}_tuned", math.nan)
        if math.isfinite(tuned) and metric.is_better(tuned, own):  # the threshold is another rule's
            name, own = f"{name} at a tuned threshold", tuned
        answer = "the mean of the training points" if case.aim.kind == "point" else "the most frequent tags"
        return Baseline(name, own, told[metric.name], answer, metric.lower_is_better)
    if numbers:
        shares = [
            one["mean_error"] / one["error_of_mean"] for one in numbers if one["mean_error"] and one["error_of_mean"]
        ]
        always = own / (sum(shares) / len(shares)) if shares else own
        return Baseline(name, own, always, "the mean of the training numbers", metric.lower_is_better)
    if confusion and sum(map(sum, confusion)):
        most = max(range(len(confusion)), key=lambda row: sum(confusion[row]))
        always = sum(confusion[most]) / sum(map(sum, confusion))
        return Baseline(name, own, always, f"“{evaluation['classes'][most]}”", metric.lower_is_better)
    return None


def _without_figures(case: Case, name: str) -> Unclear | None:
    if case.is_under_way:
        return Unclear(name=name, reason="The run is not over: its figures still change.")
    if case.evaluation is None:
        return Unclear(
            name=name, reason="There are no figures of its model: no epoch has ended, or its checkpoint is gone."
        )
    samples = case.snapshot.valid_items
    if samples < FEWEST_SAMPLES:
        return Unclear(name=name, reason=f"{samples} validation samples are too few. {FEWEST_SAMPLES} would do.")
    return None


def _class_counts(evaluation: Mapping[str, Any]) -> Sequence[tuple[str, float, float]] | None:
    """Each class, how often it is there, and how often it is given; None for kinds that have none."""
    names, confusion, tags = (evaluation.get(name) for name in ("classes", "confusion", "tags"))
    if names and confusion:
        given = [sum(column) for column in zip(*confusion, strict=True)]
        return [(name, sum(row), times) for name, row, times in zip(names, confusion, given, strict=True)]
    if names and tags:  # precision is undefined where a tag was never given
        return [
            (name, tag["count"], 0 if tag["precision"] is None else 1) for name, tag in zip(names, tags, strict=True)
        ]
    return None


def _share(there: float, total: float, is_mask: bool) -> str:
    return f"{there / total:.1%} of the pixels" if is_mask else f"{there:.0f} samples"


def _joined(named: Sequence[str]) -> str:
    more = len(named) - MOST_NAMED
    return ", ".join(named[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _best_place(case: Case) -> tuple[float, float]:
    rows = case.snapshot.epoch_rows
    row = case.snapshot.best_row or (rows[-1] if rows else None)
    return (row.global_step, row.global_step) if row else (1, 1)
