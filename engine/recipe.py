"""What to train, as data: a recipe is a tuple of stages, and a stage is a handful of knobs.

Each knob is declared once, here, with its label, range, scale and help text (see `engine.knobs`).
"""

import dataclasses
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from engine.errors import RecipeError
from engine.knobs import Knob, checked_value, knob, parsed_value

PRECISIONS = ("auto", "fp32", "bf16", "fp16")
# "wrong" turns, mirrors and tilts whatever the pictures show: for seeing what that does.
AUGMENTATIONS = ("none", "light", "standard", "strong", "wrong")
# What a pretrained first convolution, which knows red, green and blue, makes of a channel more or less.
NEW_CHANNELS = ("zeros", "mean", "random")
# The lesson's backbone, and the one whose ImageNet weights need no hub.
LESSON_BACKBONE = "resnet34.tv_in1k"
OFFLINE_BACKBONE = "tf_efficientnet_lite0"
# Text models: the one that needs no hub; the lesson's with fast.ai's weights; the lesson's from nothing, in two sizes.
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
AWD_LSTM_WT103, AWD_LSTM, AWD_LSTM_SMALL = "awd-lstm-wt103", "awd-lstm", "awd-lstm-small"
# A recipe may be somebody else's, and is shown in lists and cards.
MAX_STAGES, MAX_LETTERS, MAX_NOTE = 100, 200, 2000
LEAST_STEPS = 80  # of a stage of the app's own recipes, however small the data set
MOST_LEAST_STEPS = 10_000
LR_STEPS = 100  # rates that an LR finder tries unless told otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stretch of training with one resolution, one set of trained layers and one cycle of the learning rate."""

    name: str = "stage"
    epochs: int = knob(
        5, label="Epochs", kind="whole", minimum=1, maximum=100, help="How often every training sample is seen."
    )
    train_items: int = knob(
        0,
        label="Training samples",
        kind="whole",
        minimum=2,
        maximum=10_000_000,
        zero=True,
        help="How many of the training samples an epoch sees, spread over all of them; 0 is all. For a first try.",
    )
    max_lr: float | tuple[float, float] = knob(
        1e-3,
        label="Learning rate",
        kind="number",
        minimum=1e-7,
        maximum=1.0,
        scale="log",
        pair="may",
        help="The rate at the top of the cycle. Two rates are a slice: the first for the earliest layers, the second for "
        "the head, evenly spread (by a factor) over the layer groups between.",
    )
    image_size: int = knob(
        128,
        label="Resolution",
        kind="whole",
        minimum=32,
        maximum=1024,
        step=4,
        unit="px",
        help="The shorter side in pixels; the other side follows the data set's shape.",
    )
    batch_size: int = knob(
        8, label="Batch size", kind="whole", minimum=1, maximum=256, help="Samples in one step, over all processes."
    )
    train_from: int = knob(
        0,
        label="Train from layer group",
        kind="whole",
        minimum=-8,
        maximum=8,
        help="The first layer group that learns: 0 unfreezes everything, -1 trains the head alone. Earlier groups are "
        "frozen: no gradient, and their BatchNorm keeps the statistics that it has.",
    )
    pct_start: float = knob(
        0.3,
        label="Warm-up share",
        kind="number",
        minimum=0.01,
        maximum=0.99,
        step=0.01,
        help="The share of the steps in which the rate rises before it falls.",
    )
    weight_decay: float = knob(
        1e-2,
        label="Weight decay",
        kind="number",
        minimum=1e-6,
        maximum=1.0,
        scale="log",
        zero=True,
        help="How strongly weights are pulled to zero; not applied to norms and biases.",
    )
    momentum: tuple[float, float] = knob(
        (0.95, 0.85),
        label="Momentum",
        kind="number",
        minimum=0.0,
        maximum=0.999,
        step=0.005,
        pair="always",
        help="Adam's first beta outside and at the top of the cycle: it falls while the rate rises.",
    )
    ema: float = knob(
        0.0,
        label="Mean of weights",
        kind="number",
        minimum=0.0,
        maximum=0.999,
        step=0.001,
        help="How much of the mean of the weights a step leaves: 0.99 reaches back about a hundred steps. The mean is what is "
        "judged and kept; 0 keeps the last step's weights.",
    )
    text_length: int = knob(
        256,
        label="Length of a text",
        kind="whole",
        minimum=16,
        maximum=4096,
        unit="tokens",
        help="Of a longer text a classifier reads the first quarter and the last three quarters of this many tokens; a language "
        "model reads all texts, so many tokens at a time.",
    )
    drop_mult: float = knob(
        1.0,
        label="Dropout times",
        kind="number",
        minimum=0.0,
        maximum=2.0,
        step=0.1,
        help="All dropout probabilities of the model, made larger or smaller together.",
    )
    augmentation: str = knob(
        "standard",
        label="Augmentation",
        kind="choice",
        choices=AUGMENTATIONS,
        help="How much each training picture is flipped, turned, zoomed, warped and relit; wrong is upside down, mirrored and "
        "tilted, whatever the pictures show, to see what that does.",
    )
    precision: str = knob(
        "auto",
        label="Precision",
        kind="choice",
        choices=PRECISIONS,
        help="The number format of the forward and backward pass; auto times a few steps of each that the device has.",
    )
    clip_norm: float = knob(
        0.0,
        label="Clip gradient norm",
        kind="number",
        minimum=0.0,
        maximum=100.0,
        step=0.1,
        help="Gradients longer than this are shortened to it; 0 leaves them alone.",
    )

    def __post_init__(self) -> None:
        _check_text("A stage's name", self.name)
        for field, declared in knob_fields():
            object.__setattr__(self, field, checked_value(field, declared, getattr(self, field)))

    @property
    def lr_slice(self) -> tuple[float, float]:
        """The rates of the earliest layer group and of the head; equal for a single rate."""
        return self.max_lr if isinstance(self.max_lr, tuple) else (self.max_lr, self.max_lr)

    @property
    def is_frozen(self) -> bool:
        """Whether some layer groups do not learn."""
        return self.train_from != 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Stages to be trained one after the other on one model.

    `backbone` names a model of timm, or a text model; `new_channels` (see `NEW_CHANNELS`) matters for pictures that are not
    RGB. Where it is not `pretrained`, its weights begin at random. `objective` is the one of the task's that the stages train,
    its first if empty. `least_steps` is how many steps each stage takes at least: on a small data set batches become smaller for
    that, and epochs more (`engine.fitting`); 0 for a recipe that is trained as it stands.
    """

    name: str
    stages: tuple[Stage, ...]
    backbone: str
    title: str = ""
    note: str = ""
    new_channels: str = NEW_CHANNELS[0]
    objective: str = ""
    least_steps: int = 0
    pretrained: bool = True

    def __post_init__(self) -> None:
        for field in ("name", "title", "backbone", "objective"):
            _check_text(f"A recipe's {field}", getattr(self, field))
        _check_text("A recipe's note", self.note, at_most=MAX_NOTE)
        if not self.stages:
            raise RecipeError(f"The recipe {self.name!r} has no stages. Give it at least one.")
        if len(self.stages) > MAX_STAGES:
            raise RecipeError(f"The recipe {self.name!r} has more than {MAX_STAGES} stages. Give it fewer.")
        least: Any = self.least_steps
        if not isinstance(least, int) or not 0 <= least <= MOST_LEAST_STEPS:
            raise RecipeError(f"A recipe's fewest steps are {str(least)[:40]}. Give 0 to {MOST_LEAST_STEPS:,}.")
        pretrained: Any = self.pretrained
        if not isinstance(pretrained, bool):
            raise RecipeError(f"A recipe's pretrained is {repr(pretrained)[:40]}. Give true or false.")
        if self.new_channels not in NEW_CHANNELS:
            raise RecipeError(f"New channels are {self.new_channels!r}. Choose one of: {', '.join(NEW_CHANNELS)}.")


def knob_fields() -> list[tuple[str, Knob]]:
    """The names and declarations of all knobs of a stage, in the order in which they are shown."""
    return [(field.name, field.metadata["knob"]) for field in dataclasses.fields(Stage) if "knob" in field.metadata]


def _check_text(what: str, value: Any, *, at_most: int = MAX_LETTERS) -> None:
    if not isinstance(value, str):
        raise RecipeError(f"{what} is {repr(value)[:80]}. Give a text.")
    if len(value) > at_most:
        raise RecipeError(f"{what} has {len(value):,} letters. Give at most {at_most}.")


def parse_knob(name: str, text: str) -> Any:
    """The value of the knob of this name from what somebody typed (see `parsed_value`)."""
    return parsed_value(name, dict(knob_fields())[name], text)


def rate_text(rate: float) -> str:
    """A rate as people write it: 1e-3, 2.5e-4."""
    if not math.isfinite(rate):
        return str(rate)
    mantissa, exponent = f"{rate:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def stage_source(stage: Stage) -> str:
    """`Stage(…)` as Python, with only what differs from the defaults."""
    fields = [field for field in dataclasses.fields(stage) if getattr(stage, field.name) != field.default]
    return f"Stage({', '.join(f'{field.name}={getattr(stage, field.name)!r}' for field in fields)})"


def recipe_source(recipe: Recipe) -> str:
    """`Recipe(…)` as Python, a line for each field and stage; what only people read, title and note, is left out."""
    fields: dict[str, Any] = {"name": recipe.name, "backbone": recipe.backbone}
    if recipe.objective:
        fields["objective"] = recipe.objective
    if recipe.new_channels != NEW_CHANNELS[0]:
        fields["new_channels"] = recipe.new_channels
    if not recipe.pretrained:
        fields["pretrained"] = recipe.pretrained
    lines = [f"    {name}={value!r}," for name, value in fields.items()]
    stages = [f"        {stage_source(stage)}," for stage in recipe.stages]
    return "\n".join(("Recipe(", *lines, "    stages=(", *stages, "    ),", ")"))


def stage_to_dict(stage: Stage) -> dict[str, Any]:
    """Plain values, ready for JSON."""
    return dataclasses.asdict(stage)


def stage_from_dict(values: Mapping[str, Any]) -> Stage:
    """A checked stage; unknown knobs are refused by name."""
    known = {field.name for field in dataclasses.fields(Stage)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise RecipeError(f"A stage has no knob named {unknown[0]!r}. The knobs are: {', '.join(sorted(known))}.")
    fields: dict[str, Any] = {
        name: tuple(cast(list[Any], v)) if isinstance(v, list) else v for name, v in values.items()
    }
    return Stage(**fields)


def recipe_to_dict(recipe: Recipe) -> dict[str, Any]:
    """Plain values, ready for JSON."""
    return dataclasses.asdict(recipe)


def recipe_from_dict(values: Mapping[str, Any]) -> Recipe:
    """A checked recipe from `recipe_to_dict`'s values."""
    try:
        some = itertools.islice(values["stages"], MAX_STAGES + 1)  # of thousands one too many is refused as well
        stages = tuple(stage_from_dict(stage) for stage in some)
        texts = {name: str(values.get(name, "")) for name in ("title", "note", "objective")}
        new_channels = str(values.get("new_channels", NEW_CHANNELS[0]))
        given: dict[str, Any] = {name: values[name] for name in ("least_steps", "pretrained") if name in values}
        given |= {name: values[name] for name in ("name", "backbone")} | texts
        return Recipe(stages=stages, new_channels=new_channels, **given)
    except KeyError as missing:
        raise RecipeError(f"The recipe has no {missing.args[0]!r}.") from None
