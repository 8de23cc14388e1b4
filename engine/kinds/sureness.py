"""What a model's decision says of how sure its answers are; how it came to that is in `engine.kinds.calibration`.

Nothing here imports torch: the page says it too.
"""

import math
from collections.abc import Mapping
from typing import Any

from engine.errors import BundleError

TEMPERATURE, SURE_FROM, WITHIN = "temperature", "sure_from", "within_80"  # in a decision
COLDEST, HOTTEST = 0.1, 10.0
SURE = 0.75  # from here on an answer is sure, where nothing better is known
SHARE = 0.8  # of the answers lie within the distance that is told


def temperature_of(decision: Mapping[str, Any]) -> float:
    """What a model's logits are to be divided by; 1 where its bundle does not say."""
    found = decision.get(TEMPERATURE, 1.0)
    if not isinstance(found, int | float) or not COLDEST <= found <= HOTTEST:
        raise BundleError(
            f"temperature in the model's decision is {str(found)[:80]}; expected a number from {COLDEST} to {HOTTEST:g}."
        )
    return float(found)


def sure_from(decision: Mapping[str, Any]) -> float:
    """From which probability on an answer counts as sure."""
    found = decision.get(SURE_FROM, SURE)
    return float(found) if isinstance(found, int | float) else SURE


def same_threshold(threshold: float, temperature: float) -> float:
    """A threshold of a model's own probabilities, as one of calibrated ones: the same answers are above it."""
    if temperature == 1 or not 0 < threshold < 1:
        return threshold
    return 1 / (1 + math.exp(-math.log(threshold / (1 - threshold)) / temperature))


def within_words(distance: str) -> str:
    """What a distance to the truth, with its unit, says of an answer."""
    return f"within {distance} of the truth in at least {100 * SHARE:.0f} of 100 validation pictures"
