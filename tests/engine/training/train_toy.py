"""Trains the toy task on processors and writes down its losses; run alone, or by several processes under `torchrun`."""

import sys
from pathlib import Path

import torch
from accelerate import PartialState
from toy import STAGE, TOY, TinyClassifier

from engine.events import EpochFinished, StepFinished
from engine.recipe import Recipe
from engine.training.distributed import leave
from engine.training.recipe_loop import train_recipe


def main(folder: Path, name: str) -> None:
    state = PartialState(cpu=True)
    objective = TOY.build_objective()
    data = objective.open_data(folder / "toy")
    torch.manual_seed(0)
    model = TinyClassifier(3)
    model.head[2].p = 0.0  # each process drops its own; everything else must agree
    recipe = Recipe(name="toy", backbone="tiny", stages=(STAGE, STAGE))
    losses = []
    for event in train_recipe(objective, recipe, model=model, data=data, folder=folder / name, workers=0):
        if isinstance(event, StepFinished):
            losses.append(event.loss)
        elif isinstance(event, EpochFinished):
            losses.append(event.valid_loss)
    if PartialState().is_main_process:
        (folder / f"{name}.losses").write_text("\n".join(map(repr, [state.num_processes, *losses])))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
    leave(0)
