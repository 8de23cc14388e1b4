"""A task that nobody asked for, on data it draws itself: which of three colours is this square? It proves the seam.

Nothing in the engine knows it; whatever the contract tests show of it holds for any task that fills in an `Objective`.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torchvision import tv_tensors

from engine.data.pictures.block import Answers, Data, Sample, open_answers
from engine.data.pictures.feed import PICTURES
from engine.data.pictures.files import list_pictures, open_picture
from engine.data.pictures.inputs import prepare_picture
from engine.data.pictures.transforms import build_augmentation
from engine.data.splits import by_mark
from engine.events import StepFinished
from engine.inputs import PICTURE
from engine.recipe import Recipe, Stage
from engine.task import Aim, Metric, Objective, Task
from engine.training.recipe_loop import train_recipe

COLOURS = ("red", "green", "blue")
ACCURACY = Metric(name="accuracy")


def draw_squares(root: Path, count: int = 24) -> Path:
    """Noisy pictures 20×24 whose dominant colour is in the file's name."""
    generator = np.random.default_rng(0)
    (root / "squares").mkdir(parents=True)
    for index in range(count):
        pixels = generator.integers(0, 120, (20, 24, 3))
        pixels[..., index % 3] += 100
        name = f"{index:02}_{COLOURS[index % 3]}.png"
        Image.fromarray(pixels.astype(np.uint8)).save(root / "squares" / name)
    return root


class TinyClassifier(nn.Module):
    """Two groups of layers, with everything that can go wrong: BatchNorm, dropout, a head."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU())
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(8, classes))

    def forward(self, pictures: Tensor) -> Tensor:
        return self.head(self.body(pictures.float() / 255 - 0.5))

    def layer_groups(self) -> list[list[nn.Module]]:
        return [[self.body], [self.head]]


class Accuracy:
    """The share of right answers."""

    def __init__(self, data: Data) -> None:
        self.right, self.seen = 0, 0

    def to(self, device: torch.device) -> "Accuracy":
        return self

    def update(self, logits: Tensor, target: Tensor) -> None:
        self.right += int((logits.argmax(1) == target).sum())
        self.seen += len(target)

    def compute(self) -> dict[str, float]:
        return {"accuracy": self.right / self.seen}

    def details(self) -> dict:
        return {"seen": self.seen}


def cross_entropy(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    return functional.cross_entropy(logits.float(), target, reduction="sum"), torch.tensor(len(target))


def open_squares(root: Path) -> Data:
    answers = Answers(
        inputs=lambda root: list_pictures(root / "squares"),
        split=lambda root, inputs: by_mark(inputs, set(inputs[::4]).__contains__, "every fourth square"),
        label=lambda item: item.stem.split("_")[1],
        test=lambda root: [],
        transforms=build_augmentation,
        batch=open_square,
        count=lambda items: Counter(item.stem.split("_")[1] for item in items),
    )
    return open_answers(answers, root, COLOURS, kind="colour")


def open_square(item: Path, label: str, size: tuple[int, int]) -> Sample:
    picture = open_picture(item).resize((size[1], size[0]))
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()
    return tv_tensors.Image(pixels), torch.tensor(COLOURS.index(label))


def build_objective() -> Objective:
    return Objective(
        name="colour",
        metric=ACCURACY,
        open_data=open_squares,
        build_model=lambda plan, *, pretrained=True: TinyClassifier(len(plan.classes)),
        loss=cross_entropy,
        build_metrics=Accuracy,
        feed=PICTURES,
        prepare=prepare_picture,
        predict=lambda logits, picture, classes, decision: classes[int(logits.argmax())],
    )


STAGE = Stage(name="toy", epochs=2, max_lr=1e-2, image_size=32, batch_size=4, augmentation="light", precision="fp32")
TOY = Task(
    name="toy",
    title="Colours",
    question="Which colour is this square?",
    lesson="",
    datasets=(),
    backbones=("tiny",),
    recipes=(Recipe(name="two", backbone="tiny", stages=(STAGE, STAGE)),),
    inputs="squares",
    aims=(
        Aim(
            name="colour",
            kind="colour",
            input_kind=PICTURE,
            metric=ACCURACY,
            build=build_objective,
            default_stage=STAGE,
        ),
    ),
)


def train_in_stretches(
    recipe: Recipe, build: Callable[[], nn.Module], data: Data, folder: Path, *stops: int
) -> dict[str, Tensor]:
    """The weights after a recipe of one stage, stopped after so many of its steps, and each time resumed with a new model."""
    weights: dict[str, Tensor] = {}
    for stop in (*stops, 10**6):
        torch.manual_seed(0)
        model, taken = build(), [0]
        events = train_recipe(
            TOY.build_objective(),
            recipe,
            model=model,
            data=data,
            folder=folder,
            workers=0,
            should_stop=lambda taken=taken, stop=stop: taken[0] >= stop,
        )
        for event in events:
            if isinstance(event, StepFinished):
                taken[0] = event.step
        weights = model.state_dict()
    return weights
