"""The data block: six questions about a data set, one field each, and the data set that answers them.

Where are the inputs? How to split them? How to label them? Is there a test set? Which transforms? How to batch? A block is
a layout (functions); `Data` is that layout applied to a folder (lists of files and class names).
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from engine.data.dataset import SummaryStep, account_of, items_of, some_classes
from engine.data.pictures.files import picture_size
from engine.data.pictures.transforms import augment
from engine.errors import DataError
from engine.recipe import Stage

Sample = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataBlock:
    """The six questions. `title` names the layout in one line.

    inputs(root): all labelled inputs, in a fixed order.
    split(root, inputs): the training and the validation inputs.
    label(input): where its target is, or what it is.
    test(root): the labelled inputs of a test set; empty where there is none.
    transforms(augmentation): what happens to a training sample, by the strength's name.
    batch(input, label, (height, width)): one sample opened at one size, so that samples stack.

    Two more are not asked in the lesson: `unlabelled(root)`, inputs whose labels somebody else keeps, as a competition does;
    and `facts(input)`, what is known of an input beside its label, such as who is in the picture.
    """

    title: str
    inputs: Callable[[Path], Sequence[Path]]
    split: Callable[[Path, Sequence[Path]], tuple[Sequence[Path], Sequence[Path]]]
    label: Callable[[Path], Any]
    test: Callable[[Path], Sequence[Path]]
    transforms: Callable[[str], v2.Transform]
    batch: Callable[[Path, Any, tuple[int, int]], Sample]
    unlabelled: Callable[[Path], Sequence[Path]] = lambda root: ()
    facts: Callable[[Path], Mapping[str, str]] = lambda item: {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """A `DataSet` of pictures: a block opened on a folder. `shape` is a typical input's (height, width) in pixels.

    `channels` is how many each picture has: 3 for colours.
    """

    root: Path
    block: DataBlock
    classes: tuple[str, ...]
    train: tuple[Path, ...]
    valid: tuple[Path, ...]
    test: tuple[Path, ...]
    shape: tuple[int, int]
    channels: int = 3
    unlabelled: tuple[Path, ...] = ()

    @property
    def title(self) -> str:
        """How the pictures were split, in one line."""
        return self.block.title

    def size_at(self, image_size: int) -> tuple[int, int]:
        """(height, width) with `image_size` pixels on the shorter side and the data set's own shape."""
        height, width = self.shape
        scale = image_size / min(height, width)
        return round(height * scale), round(width * scale)

    def items(self, split: str) -> tuple[Path, ...]:
        """The inputs of "train", "valid" or "test"."""
        return items_of(self, split)

    def label(self, item: Path) -> Any:
        """Where an input's target is, or what it is."""
        return self.block.label(item)

    def account(self) -> tuple[str, ...]:
        """What was found, in plain sentences."""
        return account_of(self, "pictures")

    def sample(self, item: Path, size: tuple[int, int]) -> Sample:
        """One sample at (height, width), as the batch question answers it."""
        return self.block.batch(item, self.label(item), size)

    def summary(self, stage: Stage) -> list[SummaryStep]:
        """The six questions walked on the first training sample, as `stage` would see it."""
        block, item, size = self.block, self.train[0], self.size_at(stage.image_size)
        picture, target = self.sample(item, size)
        # Transforms move what they know to lie in the picture: a mask, a point. Tags are the same wherever they are seen.
        moves = "moves with it" if isinstance(target, tv_tensors.TVTensor) else "stays as it is"
        changed, _ = augment(block.transforms(stage.augmentation), (picture, target), seed=0)
        test = f"{len(self.test)} test inputs, never used to tune" if self.test else "none: validation figures only"
        if self.unlabelled:
            test = f"{len(self.unlabelled)} inputs whose labels are kept back, for a submission"
        return [
            SummaryStep(
                question="Where are the inputs?",
                answer=f"{len(self.train) + len(self.valid)} files, the first {item.relative_to(self.root)}",
                code="data.block.inputs(data.root)",
            ),
            SummaryStep(
                question="How are they split?",
                answer=f"{len(self.train)} to train, {len(self.valid)} to validate ({block.title})",
                code="data.block.split(data.root, inputs)",
            ),
            SummaryStep(
                question="How are they labelled?",
                answer=_label_text(self, item),
                code="data.block.label(data.train[0])",
            ),
            SummaryStep(question="Is there a test set?", answer=test, code="data.block.test(data.root)"),
            SummaryStep(
                question="Which transforms?",
                answer=f"{stage.augmentation}: {type(changed).__name__} {tuple(changed.shape)} {_type(changed)} "
                f"in {changed.min().item():g}…{changed.max().item():g}; the target {moves}",
                code=f"data.block.transforms({stage.augmentation!r})",
            ),
            SummaryStep(
                question="How are they batched?",
                answer=f"{stage.batch_size} at {size[0]}×{size[1]}: input ({stage.batch_size}, "
                f"{', '.join(map(str, picture.shape))}), target ({stage.batch_size}, {', '.join(map(str, target.shape))}) "
                f"{_type(target)}",
                code=f"data.block.batch(data.train[0], label, {size})",
            ),
        ]


def open_block(
    block: DataBlock,
    root: Path,
    classes: tuple[str, ...],
    *,
    channels: int = 3,
    measure: Callable[[Path], tuple[int, int]] = picture_size,
) -> Data:
    """Ask a block's questions of a folder; `DataError` when there is nothing to train or to validate on.

    `measure(input)` gives an input's (height, width).
    """
    inputs = block.inputs(root)
    if not inputs:
        raise DataError(f"{root} has no inputs where the layout expects them ({block.title}).")
    train, valid = block.split(root, inputs)
    if not train or not valid:
        raise DataError(
            f"{root} gives {len(train)} inputs to train and {len(valid)} to validate ({block.title}). Both need at least one."
        )
    return Data(
        root=root,
        block=block,
        classes=classes,
        train=tuple(train),
        valid=tuple(valid),
        test=tuple(block.test(root)),
        unlabelled=tuple(block.unlabelled(root)),
        shape=_typical_shape(train, measure),
        channels=channels,
    )


def _typical_shape(items: Sequence[Path], measure: Callable[[Path], tuple[int, int]]) -> tuple[int, int]:
    """The most common (height, width) of a few files spread over the list."""
    spread = items[:: max(1, len(items) // 16)][:16]
    return statistics.mode(measure(item) for item in spread)


def _label_text(data: Data, item: Path) -> str:
    label = data.label(item)
    shown = label.relative_to(data.root) if isinstance(label, Path) else label
    return f"{shown}; the model learns: {some_classes(data.classes)}"


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
