"""A run once more with one change: the same data, model and stages, and one knob otherwise, or the seed, or the first weights."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.errors import RecipeError
from engine.knobs import checked_value
from engine.recipe import Recipe, Stage, knob_fields, parse_knob
from engine.runs.compared import knob_text, titled
from engine.runs.store import RunSpec
from engine.task import Aim
from engine.tasks.registry import get_task

SEED, BACKBONE, PRETRAINED = "seed", "backbone", "pretrained"
LARGEST_SEED = 2**31 - 1
YES, NO = ("yes", "true", "1"), ("no", "false", "0")
TIMES = ("×", "x", "*")  # in front of a factor
TITLE_LETTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of a run: which knob (or `SEED`, `BACKBONE`, `PRETRAINED`), its new value as typed, and for which stage, counted
    from 1; 0 is all of them. A value such as "×10" multiplies what is there."""

    knob: str
    value: str
    stage: int = 0


def changeable(aim: Aim) -> list[tuple[str, str]]:
    """(label, name) of what can be changed for an aim."""
    knobs = [(titled(declared), name) for name, declared in knob_fields() if name in aim.knobs]
    return [*knobs, ("Seed", SEED), ("Backbone", BACKBONE), ("Pretrained weights", PRETRAINED)]


def changed(spec: RunSpec, change: Change) -> RunSpec:
    """What a run with this one change would do; `RecipeError` where it is none, or no such value can be."""
    value = change.value.strip()
    if not value:
        raise RecipeError("The new value is empty. Give one.")
    if change.knob == SEED:
        made = replace(spec, seed=_seed(value))
    elif change.knob == BACKBONE:
        made = replace(spec, recipe=replace(spec.recipe, backbone=value))
    elif change.knob == PRETRAINED:
        made = replace(spec, recipe=replace(spec.recipe, pretrained=_yes_or_no(value)))
    else:
        made = replace(spec, recipe=with_knob(spec.recipe, change))
    if made == spec:
        raise RecipeError(f"{in_words(spec, change)} is what that run has already. Give another value.")
    _check_start(made, change)
    title = f"{spec.title or spec.recipe.title or spec.recipe.name}; {in_words(made, change)}"
    return replace(made, title=title[:TITLE_LETTERS], owner="", minutes=0.0)


def with_knob(recipe: Recipe, change: Change) -> Recipe:
    """The recipe with one knob changed, in one of its stages or in all."""
    declared = dict(knob_fields()).get(change.knob)
    if declared is None:
        raise RecipeError(f"There is no setting {change.knob!r} to change.")
    if not 0 <= change.stage <= len(recipe.stages):
        raise RecipeError(f"The run has {len(recipe.stages)} stages, and no stage {change.stage}.")
    stages = tuple(
        replace(stage, **{change.knob: _new_value(stage, change.knob, change.value.strip())})
        if change.stage in (0, number)
        else stage
        for number, stage in enumerate(recipe.stages, 1)
    )
    # What is asked for is trained as it stands.
    return replace(recipe, stages=stages, least_steps=0)


def in_words(spec: RunSpec, change: Change) -> str:
    """The change, as in "Learning rate ×10 in stage 2"."""
    names = {name: label for label, name in changeable(get_task(spec.task).aim(spec.recipe.objective))}
    value = change.value.strip()
    said = f"×{value[1:].strip()}" if value.startswith(TIMES) else value
    where = f" in stage {change.stage}" if change.stage else ""
    return f"{names.get(change.knob, change.knob)} {said}{where}"


def values_now(spec: RunSpec, knob: str) -> Sequence[str]:
    """What a setting is in each stage of a run, or in the run as a whole, in words."""
    if knob in (SEED, BACKBONE, PRETRAINED):
        return [
            {
                SEED: str(spec.seed),
                BACKBONE: spec.recipe.backbone,
                PRETRAINED: "yes" if spec.recipe.pretrained else "no",
            }[knob]
        ]
    return [knob_text(knob, getattr(stage, knob)) for stage in spec.recipe.stages]


def _new_value(stage: Stage, knob: str, text: str) -> Any:
    declared, now = dict(knob_fields())[knob], getattr(stage, knob)
    if not text.startswith(TIMES) or declared.kind == "choice":
        return parse_knob(knob, text)
    try:
        factor = float(text[1:])
    except ValueError:
        raise RecipeError(f"{declared.label} is to be multiplied by {text[1:]!r}. Give a number, as in ×10.") from None
    parts = tuple(part * factor for part in (now if isinstance(now, tuple) else (now,)))
    rounded = tuple(round(part) if declared.kind == "whole" else float(f"{part:.6g}") for part in parts)
    return checked_value(knob, declared, rounded if isinstance(now, tuple) else rounded[0])


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > LARGEST_SEED:
        raise RecipeError(f"Seed is {text!r}. Give a whole number from 0 to {LARGEST_SEED}.")
    return int(text)


def _yes_or_no(text: str) -> bool:
    if text.lower() not in (*YES, *NO):
        raise RecipeError(f"Pretrained weights is {text!r}. Give yes or no.")
    return text.lower() in YES


def _check_start(spec: RunSpec, change: Change) -> None:
    """A run that goes on from a model has that one's weights, whatever the recipe says of the backbone's."""
    if spec.init_from and change.knob == PRETRAINED:
        raise RecipeError(
            "That run starts from another model's weights, so that the backbone's own play no part in it."
        )
