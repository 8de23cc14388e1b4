"""The form of one stage, made from the knobs that `Stage` declares, and the way back from its values to a stage."""

import math
from collections import namedtuple
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import gradio as gr
from gradio.components import Component

from engine.errors import RecipeError
from engine.recipe import Knob, Stage, knob_fields, parse_knob, rate_text, stage_from_dict
from engine.task import Task
from tabs.wiring import QUIET, skipped

RATE = "max_lr"
MAIN = (RATE, "train_from", "image_size", "text_length", "epochs", "batch_size", "augmentation", "precision")
SLIDER_STEP = 0.05  # of a power of ten
MOST_ON_SLIDER = 10_000

# A value for each knob that a stage declares, by its name.
Knobs = namedtuple("Knobs", [name for name, _ in knob_fields()])  # pyright: ignore[reportUntypedNamedTuple]


class RateWays(NamedTuple):
    """The ways to write a rate beside the text that is read: whether it is a slice, and two sliders."""

    is_slice: Any
    early: Any
    late: Any


class WrittenRate(NamedTuple):
    """A rate as the form shows it: as a text, and in the other ways."""

    rate: Any
    ways: RateWays


class StageValues(NamedTuple):
    """A stage as the form shows it."""

    knobs: Knobs
    ways: RateWays


@dataclass(frozen=True, slots=True, kw_only=True)
class StageForm:
    """The components of one stage's form, one for each knob.

    A learning rate is written in a text field, which alone is read; `ways` are other ways to write into it.
    """

    fields: Knobs
    ways: RateWays

    @property
    def inputs(self) -> list[Component]:
        """What `stage_from_form` reads."""
        return list(self.fields)

    @property
    def outputs(self) -> StageValues:
        """What `form_values` writes to."""
        return StageValues(knobs=self.fields, ways=self.ways)

    @property
    def rate_outputs(self) -> WrittenRate:
        """What `rate_values` writes to."""
        return WrittenRate(rate=getattr(self.fields, RATE), ways=self.ways)


def build_stage_form(task: Task) -> StageForm:
    """The components, with the task's default stage in them; the everyday knobs first, the others folded away.

    Knobs that mean nothing to the task are there, so that every stage can be read from the form, but are not seen.
    """
    knobs, start = dict(knob_fields()), task.default_stage
    fields: dict[str, Component] = {}
    with gr.Group(elem_classes="lab-rate-group"):
        declared_rate = knobs[RATE]
        first, second = start.lr_slice
        rate = gr.Textbox(rate_as_text(start.max_lr), label=declared_rate.label, info=declared_rate.help, max_lines=1)
        fields[RATE] = rate
        is_slice = gr.Checkbox(isinstance(start.max_lr, tuple), label="A slice: slower for the earliest layers")
        early = _log_slider(declared_rate, first, "Earliest layers", visible=isinstance(start.max_lr, tuple))
        late = _log_slider(declared_rate, second, "Head")
    for name in MAIN[1:]:
        fields[name] = build_knob(name, knobs[name], getattr(start, name), task)
    with gr.Accordion("More knobs", open=False):
        for name, declared in knobs.items():
            if name not in MAIN:
                fields[name] = build_knob(name, declared, getattr(start, name), task)
    form = StageForm(fields=Knobs(**fields), ways=RateWays(is_slice=is_slice, early=early, late=late))
    _wire_rate(form)
    return form


def build_knob(name: str, declared: Knob, value: Any, task: Task) -> Component:
    """The component that suits a knob's declaration; not seen where the knob means nothing to the task."""
    unit = f" ({declared.unit})" if declared.unit else ""
    label, is_seen = declared.label + unit, name in task.input_kind.knobs
    if name == "train_from":
        return gr.Radio(
            train_from_choices(task),
            value=value,
            label="Which layers learn",
            info="Layer groups go from the input to the head. First the head alone, then more and more of what lies before it.",
        )
    if declared.kind == "choice":
        return gr.Radio(list(declared.choices), value=value, label=label, info=declared.help, visible=is_seen)
    if _is_written(declared):
        return gr.Textbox(rate_as_text(value), label=label, info=declared.help, max_lines=1, visible=is_seen)
    return gr.Slider(
        declared.minimum,
        declared.maximum,
        value=value,
        step=declared.step,
        label=label,
        info=declared.help,
        buttons=[],
        visible=is_seen,
    )


def train_from_choices(task: Task) -> list[tuple[str, int]]:
    """Frozen, unfrozen, and what the task's recipes use between."""
    used = {stage.train_from for recipe in task.recipes for stage in recipe.stages}
    names = {0: "Unfrozen: all layers", -1: "Frozen: the head alone"}
    order = sorted({0, -1, -2, *used}, key=lambda group: (group == 0, -group))
    return [(names.get(group, f"The last {-group} layer groups"), group) for group in order]


def stage_from_form(values: Sequence[Any], size_knob: str) -> Stage:
    """A checked stage from the form's values, in the knobs' order; raises `RecipeError` with the knob and its range."""
    read = {name: _read(name, declared, value) for (name, declared), value in zip(knob_fields(), values, strict=True)}
    name = f"{'frozen' if read['train_from'] else 'full'}-{read[size_knob]}"
    return stage_from_dict({"name": name, **read})


def form_values(stage: Stage) -> StageValues:
    """What the form shows for a stage: every knob, and the ways to write its rate."""
    knobs = Knobs(**{name: _shown(declared, getattr(stage, name)) for name, declared in knob_fields()})
    return StageValues(knobs=knobs, ways=rate_values(stage.max_lr).ways)


def unchanged_values() -> StageValues:
    """The form as it is."""
    return StageValues(knobs=skipped(Knobs), ways=skipped(RateWays))


def rate_values(rate: float | tuple[float, float]) -> WrittenRate:
    """What the form shows for a rate or a slice."""
    first, second = rate if isinstance(rate, tuple) else (rate, rate)
    is_slice = isinstance(rate, tuple)
    ways = RateWays(
        is_slice=is_slice,
        early=gr.update(value=math.log10(first), visible=is_slice),
        late=gr.update(value=math.log10(second)),
    )
    return WrittenRate(rate=rate_as_text(rate), ways=ways)


def rate_as_text(value: float | tuple[float, ...]) -> str:
    """`1e-3`, or `1e-5, 1e-3` for a slice; plain decimals where those are shorter."""
    parts = value if isinstance(value, tuple) else (value,)
    return ", ".join(f"{part:g}" if 0.05 <= part < 1000 or part == 0 else rate_text(part) for part in parts)


def rate_from_sliders(is_slice: bool, early: float, late: float) -> tuple[str, Any]:
    """The rate's text from the sliders, and whether the one for the earliest layers shows."""
    first, second = _rounded(10.0**early), _rounded(10.0**late)
    return rate_as_text((first, second) if is_slice else second), gr.update(visible=is_slice)


def slice_switched(is_slice: bool, early: float, late: float) -> tuple[str, Any]:
    """A new slice starts a hundred times below the head's rate, as the lesson's do, unless there is already a slope."""
    low = dict(knob_fields())[RATE].minimum
    start = max(late - 2, math.log10(low)) if is_slice and early >= late else early
    text, _ = rate_from_sliders(is_slice, start, late)
    return text, gr.update(value=start, visible=is_slice)


def ways_from_rate(text: str) -> RateWays:
    """The slice's tick and the sliders for what somebody typed; they stay as they are while it is no rate."""
    try:
        return rate_values(parse_knob(RATE, text)).ways
    except RecipeError:
        return skipped(RateWays)


def _log_slider(declared: Knob, value: float, label: str, visible: bool = True) -> gr.Slider:
    return gr.Slider(
        math.log10(declared.minimum),
        math.log10(declared.maximum),
        value=math.log10(value),
        step=SLIDER_STEP,
        label=label,
        buttons=[],
        visible=visible,
        elem_classes="lab-log-slider",
    )


def _wire_rate(form: StageForm) -> None:
    rate, ways = form.rate_outputs
    quick: dict[str, Any] = {**QUIET, "queue": False, "api_visibility": "private"}
    ways.is_slice.input(slice_switched, list(ways), [rate, ways.early], **quick)
    for slider in (ways.early, ways.late):
        slider.input(rate_from_sliders, list(ways), [rate, ways.early], trigger_mode="always_last", **quick)
    rate.input(ways_from_rate, rate, list(ways), trigger_mode="always_last", **quick)


def _read(name: str, declared: Knob, value: Any) -> Any:
    if isinstance(value, str):
        return parse_knob(name, value)
    if declared.kind == "whole" and value is not None and value == int(value):
        return int(value)
    return value


def _shown(declared: Knob, value: Any) -> Any:
    return rate_as_text(value) if _is_written(declared) else value


def _is_written(declared: Knob) -> bool:
    """Whether a knob is a text field: a slider has no logarithm, no pairs, and no zero far below its range."""
    return declared.pair != "never" or declared.scale == "log" or declared.maximum > MOST_ON_SLIDER


def _rounded(rate: float) -> float:
    return float(f"{rate:.2g}")
