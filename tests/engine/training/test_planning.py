"""What is decided before a model is built."""

from dataclasses import replace
from pathlib import Path

import pytest
from toy import STAGE, TOY, draw_squares

from engine.errors import DataError
from engine.recipe import Recipe
from engine.training.planning import plan_now

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        (("level",), r"has 1 classes \('level'\)"),
        ((), r"has 0 classes \(none\)"),
        (("a", "a"), r"has 2 classes \('a', 'a'\)"),
        (tuple(map(str, range(254))), r"has 254 classes \('0', '1', '2', …\)"),
    ],
)
def test_classes_that_a_bundle_could_not_hold_are_refused_before_anything_is_trained(
    tmp_path: Path, classes: tuple[str, ...], words: str
) -> None:
    objective = TOY.build_objective()
    data = replace(objective.open_data(draw_squares(tmp_path / "toy")), classes=classes)
    recipe = Recipe(name="one", backbone="tiny", stages=(STAGE,))
    with pytest.raises(DataError, match=rf"{words}, and a model has 2 to 253 with different names"):
        plan_now(objective, recipe, data)
