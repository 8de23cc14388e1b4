"""Trains the toy task and is the worker of some runs, on processors; run alone, or by several processes under `torchrun`.

One start for all of them: importing torch takes longer than to train any of these.
"""

import sys
from pathlib import Path

import torch
from accelerate import PartialState
from toy import STAGE, TOY, TinyClassifier

from engine.events import EpochFinished, StepFinished
from engine.recipe import Recipe
from engine.runs import worker
from engine.training.distributed import leave
from engine.training.recipe_loop import train_recipe


def train_toy(data_folder: Path, folder: Path) -> None:
    """Train two stages on the data in `data_folder`, and write down beside the checkpoints how many did and their losses."""
    objective = TOY.build_objective()
    data = objective.open_data(data_folder)
    torch.manual_seed(0)
    model = TinyClassifier(3)
    model.head[2].p = 0.0  # each process drops its own; everything else must agree
    recipe = Recipe(name="toy", backbone="tiny", stages=(STAGE, STAGE))
    losses = []
    for event in train_recipe(objective, recipe, model=model, data=data, folder=folder / "checkpoints", workers=0):
        if isinstance(event, StepFinished):
            losses.append(event.loss)
        elif isinstance(event, EpochFinished):
            losses.append(event.valid_loss)
    if PartialState().is_main_process:
        (folder / "losses").write_text("\n".join(map(repr, [PartialState().num_processes, *losses])))


if __name__ == "__main__":
    PartialState(cpu=True)
    train_toy(Path(sys.argv[1]), Path(sys.argv[2]))
    leave(max(worker.main(run_dir) for run_dir in sys.argv[3:]))
