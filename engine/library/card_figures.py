"""The figures in a model card, and how they go with the table of its training."""

from collections.abc import Mapping
from typing import Any

from engine.bundle.config import BundleConfig
from engine.library.history import History
from engine.library.markdown import code, figure, table


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
