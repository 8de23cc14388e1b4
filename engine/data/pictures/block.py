"""The data block's six questions, answered for one folder, and the data set that comes of it.

Where are the inputs? How to split them? How to label them? Is there a test set? Which transforms? How to batch? `Answers` are
functions; `Data` is what they give on that folder (lists of files and class names). People put blocks together with
`engine.kinds.data_block`.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from engine.data.account import Account, Findings
from engine.data.dataset import ALL, SummaryStep, items_of, nothing_to_learn, some_classes
from engine.data.pictures.counting import account_of_pictures
from engine.data.pictures.files import look_at_picture
from engine.data.pictures.scan import Look, PictureLook, look_at_pictures, shown_size
from engine.data.pictures.transforms import augment
from engine.data.splits import Split
from engine.errors import DataError
from engine.recipe import Stage

Sample = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The six questions, answered for one folder.

    inputs(root): all labelled inputs, in a fixed order.
    split(root, inputs): which of them train, which validate, which test, and where that comes from.
    label(input): where its target is, or what it is.
    test(root): the labelled inputs of a test set of its own; empty where there is none.
    transforms(augmentation): what happens to a training sample, by the strength's name.
    batch(input, label, (height, width)): one sample opened at one size, so that samples stack.

    Three more are not asked in the lesson: `unlabelled(root)`, inputs whose labels somebody else keeps, as a competition does;
    `facts(input)`, what is known of an input beside its label, such as who is in the picture; and `count(inputs)`, how often each
    class is in some of them.
    """

    inputs: Callable[[Path], Sequence[Path]]
    split: Callable[[Path, Sequence[Path]], Split]
    label: Callable[[Path], Any]
    test: Callable[[Path], Sequence[Path]]
    transforms: Callable[[str], v2.Transform]
    batch: Callable[[Path, Any, tuple[int, int]], Sample]
    unlabelled: Callable[[Path], Sequence[Path]] = lambda root: ()
    facts: Callable[[Path], Mapping[str, str]] = lambda item: {}
    count: Callable[[Sequence[Path]], Mapping[str, int]] = lambda inputs: {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """A `DataSet` of pictures: a block opened on a folder. `shape` is a typical input's (height, width) in pixels.

    `title` says how the pictures were split, and `findings` what was noticed while they were found. `channels` is how many each
    picture has: 3 for colours. `kind` is that of its targets; where they are counted in pixels, `counts_pixels` is true.
    `looks` are what was seen of the pictures when they were found.
    """

    root: Path
    block: Answers
    classes: tuple[str, ...]
    train: tuple[Path, ...]
    valid: tuple[Path, ...]
    test: tuple[Path, ...]
    shape: tuple[int, int]
    title: str
    findings: Findings = field(compare=False)
    kind: str
    counts_pixels: bool = False
    channels: int = 3
    unlabelled: tuple[Path, ...] = ()
    reading: str = ""
    looks: Mapping[Path, PictureLook] = field(default_factory=dict, repr=False, compare=False)

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

    def account(self) -> Account:
        """What was found, with the classes' numbers and the near-copies across the split; the first time that takes a while."""
        return account_of_pictures(self)

    def sample(self, item: Path, size: tuple[int, int]) -> Sample:
        """One sample at (height, width), as the batch question answers it."""
        return self.block.batch(item, self.label(item), size)

    def summary(self, stage: Stage) -> list[SummaryStep]:
        """The six questions walked on the first training sample, as `stage` would see it."""
        block, item, size = self.block, self.items(ALL)[0], self.size_at(stage.image_size)
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
                answer=f"{len(self.train)} to train, {len(self.valid)} to validate ({self.title})",
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


def open_answers(
    block: Answers,
    root: Path,
    classes: tuple[str, ...],
    *,
    findings: Findings | None = None,
    kind: str = "",
    counts_pixels: bool = False,
    reading: str = "",
    channels: int = 3,
    look_at: Look = look_at_picture,
) -> Data:
    """Ask the questions of a folder; `DataError` when there is nothing to train or to validate on.

    Pictures that cannot be read are left out, and named in the account. `look_at` opens one; see `look_at_picture`.
    """
    inputs, test = list(block.inputs(root)), list(block.test(root))
    findings = findings or Findings(layout="where its block looks", found=len(inputs) + len(test))
    if not inputs and not test:
        raise DataError(f"{root} has no inputs where the layout expects them ({findings.layout}).")
    looks = look_at_pictures([*inputs, *test], look_at)
    faults = {picture: look.fault for picture, look in looks.items() if look.fault}
    if len(faults) == len(looks):
        raise DataError(f"None of the {len(looks)} pictures in {root} can be read. {next(iter(faults.values()))}")
    if faults:
        left_out = {
            **findings.left_out,
            "cannot be read": tuple(f"{picture.name}: {why}" for picture, why in faults.items()),
        }
        findings = replace(findings, left_out=left_out)
    split = block.split(root, [item for item in inputs if item not in faults])
    if findings.parts and split.part:
        findings = replace(findings, parts={"split": split.part, **findings.parts})
    if not (test or split.test or split.train or split.valid):
        raise nothing_to_learn(root, 0, 0, split.source, findings.left_out)
    return Data(
        root=root if root.is_dir() else root.parent,  # of a table, where it lies
        block=block,
        classes=classes,
        train=split.train,
        valid=split.valid,
        test=(*split.test, *(item for item in test if item not in faults)),
        unlabelled=tuple(block.unlabelled(root)),
        shape=_typical_shape(split.train or split.valid or (*split.test, *test), looks),
        title=split.source,
        findings=findings,
        kind=kind,
        counts_pixels=counts_pixels,
        channels=channels,
        reading=reading,
        looks=looks,
    )


def _typical_shape(items: Sequence[Path], looks: Mapping[Path, PictureLook]) -> tuple[int, int]:
    """The most common (height, width) of a few files spread over the list."""
    spread = items[:: max(1, len(items) // 16)][:16]
    return statistics.mode(shown_size(looks[item]) for item in spread)


def _label_text(data: Data, item: Path) -> str:
    label = data.label(item)
    shown = label.relative_to(data.root) if isinstance(label, Path) else label
    return f"{shown}; the model learns: {some_classes(data.classes)}"


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
