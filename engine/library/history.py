"""How a model was trained, in one file of its bundle: the run's epochs, and on what machine they took how long."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.bundle.fields import MAX_FIGURES, is_number, read_values
from engine.data.account import Account
from engine.errors import RunError
from engine.fields import DAMAGE
from engine.recipe import Recipe
from engine.runs.accounts import read_account
from engine.runs.snapshot import RunSnapshot
from engine.runs.store import SPEC_FILE
from engine.runs.watch import load_snapshot

TRAINING_FILE = "training.json"
MAX_BYTES = 5_000_000
MAX_EPOCHS = 5000
MAX_LETTERS = 80  # of a stage's or a metric's name
MAX_SENTENCES, MAX_SENTENCE = 60, 600  # of what a data set was found to be
EPOCH_FIELDS = {
    "stage": int,
    "stage_name": str,
    "epoch": int,
    "global_step": int,
    "train_loss": float,
    "valid_loss": float,
    "metrics": dict,
    "seconds": float,
}
WHOLE = tuple(name for name, kind in EPOCH_FIELDS.items() if kind is int)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A training: its epochs, each with `EPOCH_FIELDS`, and numbers of samples, where it ran, seconds in all.

    `data` is what its data set was found to be, in sentences that name no file.
    """

    epochs: tuple[dict[str, Any], ...]
    train_items: int
    valid_items: int
    device_name: str
    seconds: float
    data: tuple[str, ...] = ()


def history_of(run_dir: Path) -> History | None:
    """What a run's events tell; None where there is no run, or none that has finished an epoch."""
    if not (run_dir / SPEC_FILE).is_file():
        return None
    try:
        snapshot = load_snapshot(run_dir)
    except RunError:
        return None
    return _history(snapshot, read_account(run_dir)) if snapshot.epoch_rows else None


def _history(snapshot: RunSnapshot, account: Account | None) -> History:
    rows = [{name: getattr(row, name) for name in EPOCH_FIELDS} for row in snapshot.epoch_rows]
    return History(
        epochs=tuple(rows),
        train_items=snapshot.train_items,
        valid_items=snapshot.valid_items,
        device_name=snapshot.device_name,
        seconds=round(sum(row["seconds"] for row in rows), 1),
        data=account.in_short() if account else (),
    )


def cut_short(history: History | None, recipe: Recipe) -> str:
    """Where a training ended, if that was before its recipe did; nothing where it did all, or nothing is known."""
    if history is None:
        return ""
    stage, epoch = history.epochs[-1]["stage"], history.epochs[-1]["epoch"]
    count = len(recipe.stages)
    if not 0 <= stage < count or (stage == count - 1 and epoch >= recipe.stages[stage].epochs):
        return ""
    planned = recipe.stages[stage].epochs
    return f"Training ended before the recipe did: after epoch {epoch} of {planned} in stage {stage + 1} of {count}."


def write_history(history: History, bundle: Path) -> None:
    """Into the bundle's `training.json`."""
    (bundle / TRAINING_FILE).write_text(json.dumps(dataclasses.asdict(history), indent=1), encoding="utf-8")


def read_history(bundle: Path) -> History | None:
    """What a bundle says of its training; None where it says nothing that makes sense."""
    path = bundle / TRAINING_FILE
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            return None
        values = read_values(path)
        if not 1 <= len(values["epochs"]) <= MAX_EPOCHS:
            return None
        return History(
            epochs=tuple(_epoch(row) for row in values["epochs"]),
            train_items=int(values["train_items"]),
            valid_items=int(values["valid_items"]),
            device_name=str(values["device_name"])[:200],
            seconds=float(values["seconds"]),
            data=tuple(str(said)[:MAX_SENTENCE] for said in values.get("data", ())[:MAX_SENTENCES]),
        )
    except (OSError, *DAMAGE):
        return None


def _epoch(row: dict[str, Any]) -> dict[str, Any]:
    checked: dict[str, Any] = {name: kind(row[name]) for name, kind in EPOCH_FIELDS.items()}
    if len(checked["metrics"]) > MAX_FIGURES or not all(is_number(checked[name]) for name in WHOLE):
        raise ValueError("no epoch has so many figures, or such large numbers")
    checked["stage_name"] = checked["stage_name"][:MAX_LETTERS]
    checked["metrics"] = {str(name)[:MAX_LETTERS]: float(value) for name, value in row["metrics"].items()}
    return checked
