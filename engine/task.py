"""What a task is, as data: the question it asks, its data sets and recipes, and one objective or more to train.

An `Objective` is what `fit` needs to know of a kind of task: how to open its data, build its model, take its loss and
measure it. Nothing here imports torch, so that the page can name every task before torch is there; an aim's `build` imports
its kind when it is first called.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, runtime_checkable

from engine.errors import RecipeError
from engine.inputs import InputKind
from engine.recipe import NEW_CHANNELS, Recipe, Stage

if TYPE_CHECKING:
    from torch import Tensor, nn

    from engine.data.dataset import DataSet
    from engine.data.loaders import Feed
    from engine.kinds.shared import SharedTable
    from engine.kinds.sifting import Sifted

D = TypeVar("D", bound="DataSet")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPlan:
    """All that a model is built from; a bundle's config holds the same fields.

    `channels` is how many an input picture has. Where that is not 3, `new_channels` says how the first convolution of a
    pretrained body is fitted to it: see `engine.models.channels`. `files` is the folder with what a text model needs beside
    its weights, its tokenizer's files; a bundle is such a folder. `scale` is, for a model that gives numbers, the mean and the
    spread of those that it is to learn: they are kept with its weights, and not in a bundle's config.
    """

    backbone: str
    classes: tuple[str, ...]
    channels: int = 3
    new_channels: str = NEW_CHANNELS[0]
    files: Path | None = None
    scale: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Symmetries:
    """Changes of an input batch, each with what undoes it in a model's figures, and how the figures (S, B, …) are averaged."""

    changes: "tuple[tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]], ...]"
    mean: "Callable[[Tensor], Tensor]"


class Metrics(Protocol):
    """What validation counts: updated batch by batch, computed once (over all processes) at the end.

    `details()` is what the task's view shows, ready for JSON. Its "decision", if there is one, goes into the bundle: what
    turns a model's figures into an answer, such as a threshold.
    """

    def update(self, logits: "Tensor", target: "Tensor") -> None: ...
    def compute(self) -> dict[str, float]: ...
    def details(self) -> dict[str, Any]: ...
    def to(self, device: Any) -> Any: ...


@runtime_checkable
class LossFigures(Metrics, Protocol):
    """Metrics with figures that follow from the mean validation loss, which nobody then counts a second time."""

    def of_loss(self, loss: float) -> dict[str, float]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A figure that validation gives, and which of two of its values is the better."""

    name: str
    lower_is_better: bool = False

    def is_better(self, one: float, other: float) -> bool:
        """Whether `one` is better than `other`; neither is where they are equal, or where one is no number."""
        return one < other if self.lower_is_better else one > other


def as_it_is(data: D, classes: tuple[str, ...]) -> tuple[D, tuple[str, ...]]:
    """For objectives whose models have the same outputs whatever they learnt from."""
    return data, ()


def one_input(file: Path) -> list[tuple[str, Any]]:
    """A file that is an input itself."""
    return [(str(file), file)]


def no_files(backbone: str, data: "DataSet") -> Generator[tuple[int, int], None, Path | None]:
    """For models that are all in their plan."""
    return None
    yield


def no_scale(data: "DataSet") -> tuple[tuple[float, float], ...]:
    """For models that give no numbers in units."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective(Generic[D]):
    """What one kind of training needs: data, model, loss and metrics.

    open_data(folder): finds the layout of a data set.
    feed: how its samples become batches.
    make_files(backbone, data): makes what a model is built from beside its plan, such as a vocabulary; yields (done, in all)
        and returns the folder for `ModelPlan.files`.
    scale(data): the mean and the spread of the training numbers, for `ModelPlan.scale`.
    build_model(plan, pretrained=True): a module with `layer_groups()`, earliest layers first, the head last.
    loss(logits, target): the sum over the elements that count and their number, so that means are exact over batches and
        processes.
    metric: the one that the best checkpoint is picked by; the same as the aim's.
    build_metrics(data): what validation counts, `metric` among it.
    prepare(source, stage, plan, model): what the user gave, opened to be shown, and the network's input (1, …).
    inputs_in(file): the inputs in one file, each with its name; most files are one.
    share(data): the data set as a table for others; None for data that somebody else has to share.
    align(data, classes): a data set labelled with a model's classes, and what has to be said of those that only one of them has.
    pad(inputs, model): several prepared inputs of different lengths as one batch; where it is None only equal ones go together.
    predict(logits, shown, classes, decision): one input's logits as a prediction that can be shown.
    pipeline: the Hugging Face Hub's word for what its models do.
    onnx_answer: Python that makes an answer of `logits`, `config` and `picture`, for a card; "" where a card has no program.
    symmetries: changes of an input batch that can be undone in the answers; test-time augmentation averages over them.
    as_label(prediction): what a prediction would be as a label: a class, a list of tags, a point as [share of the width, share of
        the height], {name: number}, a mask (H, W) uint8; None where an answer is no label.
    sift(logits, target, classes, decision): one judged sample in plain values; None where an answer is no label.
    """

    name: str
    metric: Metric
    open_data: Callable[..., D]
    feed: "Feed[D]"
    build_model: "Callable[..., nn.Module]"
    loss: "Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]"
    build_metrics: Callable[[D], Metrics]
    prepare: "Callable[[Any, Stage, ModelPlan, nn.Module], tuple[Any, Tensor]]"
    predict: "Callable[[Tensor, Any, tuple[str, ...], Mapping[str, Any]], Any]"
    pipeline: str = ""
    onnx_answer: str = ""
    symmetries: "Symmetries | None" = None
    as_label: "Callable[[Any], Any] | None" = None
    sift: "Callable[[Tensor, Tensor, tuple[str, ...], Mapping[str, Any]], Sifted] | None" = None
    share: "Callable[[D], SharedTable] | None" = None
    inputs_in: Callable[[Path], list[tuple[str, Any]]] = one_input
    align: Callable[[D, tuple[str, ...]], tuple[D, tuple[str, ...]]] = as_it_is
    pad: "Callable[[Sequence[Tensor], nn.Module], Tensor] | None" = None
    make_files: Callable[[str, D], Generator[tuple[int, int], None, Path | None]] = no_files
    scale: Callable[[D], tuple[tuple[float, float], ...]] = no_scale

    @property
    def main_metric(self) -> str:
        """The name of the metric that the best checkpoint is picked by."""
        return self.metric.name

    def is_better(self, one: float, other: float) -> bool:
        """Whether `one` is the better of two values of that metric."""
        return self.metric.is_better(one, other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """One objective that a task offers, as far as it can be told without torch, and how to build it.

    `kind` says how its targets and answers look, such as "mask": its view is found by that. `input_kind` is what
    its models read, and `metric` what the best of them is picked by. `default_stage` is the one to begin with. `title` is for a
    task that offers several. `remark` is what has to be said beside the figures of its models, and of those that start from
    them. `build_plain` is the kind's own objective, for a task whose data sets are a special case of it: by that it is found out
    what somebody's folder is.
    """

    name: str
    title: str = ""
    kind: str
    input_kind: InputKind
    metric: Metric
    build: Callable[[], Objective[Any]]
    default_stage: Stage
    remark: str = ""
    build_plain: Callable[[], Objective[Any]] | None = None

    def plain_objective(self) -> Objective[Any]:
        """The kind's own, which opens anybody's folders."""
        return (self.build_plain or self.build)()

    @property
    def knobs(self) -> tuple[str, ...]:
        """Those of a stage's knobs that mean something to it."""
        return self.input_kind.knobs

    @property
    def size_knob(self) -> str:
        """The knob that says how large an input is."""
        return self.input_kind.size_knob


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One of the lesson's tasks, or somebody's own: a kind of objective bound to data sets and defaults.

    Where there are several aims, the first is the one that the task is about, and a recipe names its own. `inputs` is what the
    inputs are called, in the plural, where there is a better word than the input kind's own. `backbone_help` says what may
    stand for one of the `backbones`. `before` names the aim that runs of format 1, which name none, were for, where it is not the
    first.
    """

    name: str
    title: str
    question: str
    lesson: str
    datasets: tuple[str, ...]
    backbones: tuple[str, ...]
    recipes: tuple[Recipe, ...]
    aims: tuple[Aim, ...]
    inputs: str = ""
    before: str = ""
    backbone_help: str = "Any timm model that gives feature maps. The first needs no network."

    def aim(self, name: str = "") -> Aim:
        """The aim called `name`, or the first; a `RecipeError` that lists those there are."""
        for aim in self.aims:
            if name in ("", aim.name):
                return aim
        names = ", ".join(aim.name for aim in self.aims)
        raise RecipeError(f"{self.title} has no objective {name!r}. There are: {names}.")

    def build_objective(self, name: str = "") -> Objective[Any]:
        """The objective of an aim."""
        return self.aim(name).build()

    def is_answered_by(self, name: str) -> bool:
        """Whether models of the aim called `name` answer the task's question: those of its kind do, a language model does not."""
        return any(aim.kind == self.kind for aim in self.aims if aim.name == name)

    @property
    def kind(self) -> str:
        """The first aim's kind; the page shows the task by it."""
        return self.aims[0].kind

    @property
    def input_kind(self) -> InputKind:
        """What the models of all its aims read."""
        return self.aims[0].input_kind

    @property
    def plural(self) -> str:
        """What its inputs are called, in the plural."""
        return self.inputs or self.input_kind.plural

    @property
    def default_stage(self) -> Stage:
        """The first aim's stage to begin with."""
        return self.aims[0].default_stage

    def recipe(self, name: str) -> Recipe:
        """The recipe called `name`, or a `RecipeError` that lists those there are."""
        for recipe in self.recipes:
            if recipe.name == name:
                return recipe
        names = ", ".join(recipe.name for recipe in self.recipes)
        raise RecipeError(f"{self.title} has no recipe {name!r}. There are: {names}.")


def plan_model(recipe: Recipe, data: "DataSet", files: Path | None = None) -> ModelPlan:
    """The model that `recipe` trains on `data`."""
    return ModelPlan(
        backbone=recipe.backbone,
        classes=data.classes,
        channels=data.channels,
        new_channels=recipe.new_channels,
        files=files,
    )
