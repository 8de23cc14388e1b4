"""Recipes that are known to be good, and known to be bad, to be run and compared: each is one change of a task's first recipe.

What is said of each is what to expect and why, with the lesson or the paper that it rests on; what comes out, the run shows.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

from engine.knobs import checked_value
from engine.recipe import Recipe, Stage, knob_fields
from engine.task import Task

Verdict = Literal["good", "bad", "even"]
BASELINE = "baseline"
FROM_ABOVE = (
    "A satellite looks straight down: nothing is ever tilted. Lesson 3 switches the perspective warp off for these pictures, "
    "and flips them every way; here they are warped."
)
WRONG_OTHERWISE = (
    "Upside down, mirrored and tilted: pictures that nobody will ever ask about take the place of those that count. Lesson 3: "
    "change pictures only in ways in which they come."
)
# Why "wrong" is that, where there is a particular reason.
WRONG = {
    "planet": FROM_ABOVE,
    "weather": FROM_ABOVE,
    "turns": "In a mirror, a head that is turned to the left is turned to the right, and its label still says left; upside down, "
    "up is down. The model is taught what is not so. Lesson 3: change pictures only in ways that leave their labels true.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A recipe with its reason. `verdict` is what is known beforehand: "even" is a choice that costs or saves time alone."""

    name: str
    title: str
    verdict: Verdict
    reason: str
    recipe: Recipe


def presets_of(task: Task) -> tuple[Preset, ...]:
    """The task's first recipe as the baseline, and what it is to be compared with."""
    base = task.recipes[0]
    made = [_baseline(base), *_rates(base), *_layers(base)]
    knobs = task.aim(base.objective).knobs
    if "augmentation" in knobs:
        made += _augmentations(base, WRONG.get(task.name, WRONG_OTHERWISE))
    if "drop_mult" in knobs:
        made.append(_dropout(base))
    return (*made, *_precisions(base))


def preset_of(task: Task, name: str) -> Preset | None:
    """The preset of that name, if the task has it."""
    return next((preset for preset in presets_of(task) if preset.name == name), None)


def _baseline(base: Recipe) -> Preset:
    return Preset(
        name=BASELINE,
        title="The baseline",
        verdict="good",
        reason="First the head alone, then everything, with a lower rate for the earliest layers: the lesson's way since its "
        "first hour, in this task's shortest recipe.",
        recipe=base,
    )


def _rates(base: Recipe) -> list[Preset]:
    return [
        Preset(
            name="rate-too-high",
            title="Rate ten times too high",
            verdict="bad",
            reason="Steps overshoot: the loss jumps, and validation is worse than it need be or gets stuck. Lesson 2 shows "
            "the same with a rate of 0.5; the LR finder's curve rises where that begins.",
            recipe=_variant(base, "rate-too-high", "rate ×10", max_lr=10),
        ),
        Preset(
            name="rate-too-low",
            title="Rate a hundred times too low",
            verdict="bad",
            reason="Nothing breaks, and next to nothing is learnt: both losses fall slowly and are still falling at the end. "
            "Lesson 2 shows it with a rate of 1e-5, and names the sign: training loss above validation loss.",
            recipe=_variant(base, "rate-too-low", "rate ×0.01", max_lr=0.01),
        ),
    ]


def _layers(base: Recipe) -> list[Preset]:
    frozen = tuple(replace(stage, train_from=-1, max_lr=_head_rate(base)) for stage in base.stages)
    whole = tuple(replace(stage, train_from=0, max_lr=base.stages[-1].max_lr) for stage in base.stages)
    return [
        Preset(
            name="frozen-only",
            title="Frozen only",
            verdict="bad",
            reason="The head learns for as long, and the body keeps what it saw in ImageNet or in other texts. Quick, and "
            "often a good start; it ends above what unfreezing reaches, the more so the less the data look like those "
            "(lessons 1 and 3).",
            recipe=_named(base, "frozen-only", "frozen only", stages=frozen),
        ),
        Preset(
            name="unfrozen-at-once",
            title="Unfrozen at once",
            verdict="bad",
            reason="A head that knows nothing sends large, random gradients into a body that knew something. Lesson 1 trains "
            "the head first for that reason; Howard and Ruder (2018, ULMFiT) found forgetting in texts, and unfreeze "
            "gradually.",
            recipe=_named(base, "unfrozen-at-once", "unfrozen at once", stages=whole),
        ),
        Preset(
            name="no-pretrained-weights",
            title="No pretrained weights",
            verdict="bad",
            reason="All weights start at random and all learn, since a frozen random body would help nobody. With few samples "
            "and minutes it stays far behind: transfer learning is lesson 1's first point.",
            recipe=_named(base, "no-pretrained-weights", "no pretrained weights", stages=whole, pretrained=False),
        ),
    ]


def _augmentations(base: Recipe, wrong: str) -> list[Preset]:
    return [
        Preset(
            name="no-augmentation",
            title="No augmentation",
            verdict="bad",
            reason="The same pixels in each epoch: training loss falls lower, and validation falls behind once the model "
            "begins to know its pictures by heart. In a short training the gap may not show yet (lesson 3, data "
            "augmentation).",
            recipe=_variant(base, "no-augmentation", "no augmentation", augmentation="none"),
        ),
        Preset(
            name="wrong-augmentation",
            title="Wrong augmentation",
            verdict="bad",
            reason=wrong,
            recipe=_variant(base, "wrong-augmentation", "wrong augmentation", augmentation="wrong"),
        ),
    ]


def _dropout(base: Recipe) -> Preset:
    return Preset(
        name="no-dropout",
        title="No dropout",
        verdict="bad",
        reason="Texts have no augmentation; dropout is what keeps a model from knowing them by heart (Merity et al., 2017, in "
        "lesson 3's AWD-LSTM). In a short training the gap may not show yet.",
        recipe=_variant(base, "no-dropout", "no dropout", drop_mult=0),
    )


def _precisions(base: Recipe) -> list[Preset]:
    reason = (
        "Half of the digits in most multiplications: about the same figures, in less time where the device multiplies them "
        "faster. Lesson 3 trains in mixed precision (Micikevicius et al., 2018). Compare the minutes."
    )
    return [
        Preset(
            name="fp32",
            title="fp32",
            verdict="even",
            reason="All digits, everywhere: the other side of mixed precision. Compare the minutes with those of bf16.",
            recipe=_variant(base, "fp32", "fp32", precision="fp32"),
        ),
        Preset(
            name="mixed-precision",
            title="Mixed precision (bf16)",
            verdict="even",
            reason=reason,
            recipe=_variant(base, "mixed-precision", "bf16", precision="bf16"),
        ),
    ]


def _head_rate(base: Recipe) -> float:
    """The rate that trains the head alone in a recipe, or that of its last stage's head."""
    rates = [stage.lr_slice[1] for stage in base.stages if stage.train_from == -1]
    return rates[0] if rates else base.stages[-1].lr_slice[1]


def _variant(base: Recipe, name: str, said: str, **knobs: Any) -> Recipe:
    """All stages with a knob at another value; rates are multiplied, and kept in their range."""
    return _named(base, name, said, stages=tuple(_with(stage, **knobs) for stage in base.stages))


def _with(stage: Stage, **knobs: Any) -> Stage:
    if "max_lr" in knobs:
        declared = dict(knob_fields())["max_lr"]
        rates = tuple(min(declared.maximum, max(declared.minimum, rate * knobs["max_lr"])) for rate in stage.lr_slice)
        rounded = tuple(float(f"{rate:.6g}") for rate in rates)
        knobs = {
            **knobs,
            "max_lr": checked_value("max_lr", declared, rounded if isinstance(stage.max_lr, tuple) else rounded[0]),
        }
    return replace(stage, **knobs)


def _named(base: Recipe, name: str, said: str, **fields: Any) -> Recipe:
    return replace(base, name=f"{base.name}-{name}", title=f"{base.title or base.name}, {said}", **fields)
