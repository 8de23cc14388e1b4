"""The figures in a model card, and how they go with the table of its training."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.bundle.config import BundleConfig
from engine.kinds.sureness import SURE_FROM, TEMPERATURE, WITHIN, sure_from, temperature_of, within_words
from engine.library.history import History
from engine.library.markdown import code, figure, plain, table


def told_figures(config: BundleConfig, history: History | None, main_metric: str, half: bool) -> str:
    """A card's section of figures; nothing where the bundle has none. `half` says that its matrices are in fp16."""
    if not config.metrics:
        return ""
    count = f"{history.valid_items:,} inputs" if history else "inputs"
    rows = [(name.replace("_", " "), figure(value)) for name, value in config.metrics.items()]
    said = (
        f"On {count} held out for **validation**. The recipe may have been chosen, and the checkpoint was, by such figures: they "
        "are no test figures."
    )
    whence = _whence(config, history, main_metric, half) if history else ""
    return f"## Figures\n\n{said} {whence}".rstrip() + "\n\n" + table(("metric", "value"), rows)


def told_sureness(config: BundleConfig, evaluation: Mapping[str, Any]) -> str:
    """A card's section on how far its answers can be trusted; nothing where validation gave nothing of that kind."""
    told, within = evaluation.get("calibration"), evaluation.get("within")
    sentences = []
    if told and TEMPERATURE in config.decision:
        sentences += [_calibrated(config, told), _sure(config, told)]
    if within and WITHIN in config.decision:
        sentences.append(_near(config.plan.classes if "numbers" in evaluation else (), within))
    sentences = list(filter(None, sentences))
    return "## How sure it is\n\n" + " ".join(sentences) if sentences else ""


def _near(numbers: Sequence[str], within: Mapping[str, Any]) -> str:
    """How far from the truth answers are, of numbers by their names or of a point; "" for distances of something else."""
    names, unit = (numbers, "") if numbers else (("the point",), " px")
    if len(within["by"]) != len(names):
        return ""
    near = [f"{plain(name)} {within_words(f'{by:.3g}{unit}')}" for name, by in zip(names, within["by"], strict=True)]
    covered = " and ".join(f"{100 * share:.0f}" for share in within["covered"])
    return (
        f"Answers lay: {'; '.join(near)}. A distance taken from one half of them, in the order of the files, held for "
        f"{covered} of 100 in the other: of pictures of other people, or from elsewhere, it promises nothing."
    )


def _calibrated(config: BundleConfig, told: Mapping[str, Any]) -> str:
    temperature = temperature_of(config.decision)
    before, after = (f"{told[name]:.1%}" for name in ("error_before", "error_after"))
    if temperature == 1:
        return (
            f"Its probabilities are as the model gives them, with an expected calibration error of {before} on validation. A "
            f"temperature, {told['tried']:.2f}, was tried: on halves of validation, each with that of the other, it gave {after} "
            "and did not lower the log loss by more than chance may."
        )
    return (
        f"Its probabilities are calibrated: logits are divided by a temperature, {temperature:.2f}, fitted on validation. On "
        f"halves of validation, each with the temperature of the other, the expected calibration error was {before} before and "
        f"{after} after. A program that takes the logits by itself finds it in `config.json`, under `decision`."
    )


def _sure(config: BundleConfig, told: Mapping[str, Any]) -> str:
    share, right = told.get("sure_share"), told.get("sure_right")
    if share is None or SURE_FROM not in config.decision:
        return ""
    were = "" if right is None else f", and {right:.0%} of these were right"
    return f"An answer counts as sure from {sure_from(config.decision):.0%} on: so did {share:.0%} of them on halves{were}."


def _whence(config: BundleConfig, history: History, main_metric: str, half: bool) -> str:
    """Which row of the training's table the figures are, or why they are none."""
    same = next((row for row in reversed(history.epochs) if _has_figures(row, config.metrics)), None)
    if same:
        rounded = ", measured before the weights were rounded to half precision (fp16)" if half else ""
        return f"They are those of {_place(same)}, in the training table below{rounded}."
    told = (
        "They differ from the training table below, which was measured while the model trained: these were measured again on "
        f"the exported weights{', which are rounded to half precision (fp16)' if half else ''}."
    )
    rows = [row for row in history.epochs if main_metric in row["metrics"]]
    own = [row for row in rows if row["stage_name"] == config.stage.name] or rows
    value = config.metrics.get(main_metric)
    if value is None or not own:
        return told
    near = min(own, key=lambda row: abs(row["metrics"][main_metric] - value))
    shown = f"{main_metric.replace('_', ' ')} {figure(near['metrics'][main_metric])}"
    return f"{told} The nearest row is {_place(near)}, with {shown}."


def _has_figures(row: Mapping[str, Any], metrics: Mapping[str, float]) -> bool:
    """Whether a row says the same of the model, to the digits that a card shows."""
    measured = {**row["metrics"], "valid_loss": row["valid_loss"]}
    return all(name in measured and figure(measured[name]) == figure(value) for name, value in metrics.items())


def _place(row: Mapping[str, Any]) -> str:
    return f"stage {code(row['stage_name'])}, epoch {row['epoch']}"
