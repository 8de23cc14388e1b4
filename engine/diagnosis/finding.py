"""What a rule says of a run: something that it found, or that it cannot tell yet."""

from dataclasses import dataclass
from typing import Literal

from engine.recipe import Recipe

Sureness = Literal["sure", "likely", "perhaps"]
RATE_TOO_HIGH, RATE_TOO_LOW, ALWAYS = "rate-too-high", "rate-too-low", "no-better-than-always"
UNDERFITTING, OVERFITTING, PLATEAU = "underfitting", "overfitting", "plateau"
STAGE_WORSE, THRESHOLD_OFF, NEVER_PREDICTED = "stage-made-it-worse", "threshold-far-off", "never-predicted"
TITLES = {
    RATE_TOO_HIGH: "The learning rate is too high",
    ALWAYS: "No better than always the same answer",
    RATE_TOO_LOW: "The learning rate is too low",
    STAGE_WORSE: "A later stage made it worse",
    OVERFITTING: "Overfitting",
    UNDERFITTING: "Underfitting",
    PLATEAU: "A plateau",
    NEVER_PREDICTED: "Classes that are never predicted",
    THRESHOLD_OFF: "The threshold is far from the best one",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """A recipe changed in one thing; `what` says in which, and ends the sentence "Do that: …"."""

    what: str
    recipe: Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that a rule found.

    name: one of those above. seen: what the curves or figures show, with the numbers. why: what that means, with the lesson or
    the paper that says so. advice: what to try next, the best bet first. where: from which global step to which it shows; equal
    where it is of one epoch. sure: "sure" where the curve says it alone, "likely" where another reason is thinkable, "perhaps"
    where several are. remedy: what can be started as it is, where one thing in the recipe is the best bet.
    """

    name: str
    seen: str
    why: str
    advice: str
    where: tuple[float, float]
    sure: Sureness
    remedy: Remedy | None = None

    @property
    def title(self) -> str:
        """It in a few words."""
        return TITLES[self.name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclear:
    """What cannot be told yet, and why."""

    name: str
    reason: str

    @property
    def title(self) -> str:
        """What it is about."""
        return TITLES[self.name]


Verdict = Finding | Unclear | None
