"""The model card: a README.md with the Hub's metadata in front, made from what a bundle says of itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.bundle.config import BundleConfig, read_config, read_evaluation, read_library_config
from engine.bundle.weights import is_half
from engine.data.sources.fetching import SOURCES, Source
from engine.errors import HubError
from engine.inputs import InputKind
from engine.library.card_figures import told_figures, told_sureness
from engine.library.history import History, cut_short, history_of, read_history
from engine.library.markdown import code, figure, plain, table
from engine.library.paths import is_folder, without_path
from engine.library.usage import pipeline_of, usage
from engine.recipe import Stage, rate_text
from engine.runs.setbacks import reached, setbacks
from engine.task import Objective, Task
from engine.tasks.registry import get_task

CARD_FILE = "README.md"
NO_REPOSITORY = "YOUR-NAME/YOUR-MODEL"
NAME = re.compile(r"([A-Za-z0-9][\w.-]{0,95}/)?[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)
MOST_CLASSES = 60  # named in a card
LICENCES = ("other", "apache-2.0", "mit", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc0-1.0")
TOOL = "Lesson 3 Lab"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardChoices:
    """What only the publisher can say: where the model will be, under which licence, and whatever else there is to say.

    `HubError` for a name that no repository can have, and for a licence that is not one of `LICENCES`: the Hub would refuse it
    after everything was sent.
    """

    repo_id: str = NO_REPOSITORY
    licence: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.repo_id):
            raise HubError(
                f"{self.repo_id[:80]!r} is no name for the Hub. Give NAME or OWNER/NAME, of letters without accents, digits, "
                "'-', '_' and '.'."
            )
        if self.licence and self.licence not in LICENCES:
            raise HubError(f"The licence is {self.licence[:80]!r}. Choose one of: {', '.join(LICENCES)}.")


def write_card(bundle: Path, choices: CardChoices | None = None) -> str:
    """Write the bundle's README.md; its text."""
    written = build_card(bundle, choices or CardChoices())
    (bundle / CARD_FILE).write_text(written, encoding="utf-8")
    return written


def build_card(bundle: Path, choices: CardChoices) -> str:
    """The card of a bundle: what the model does, its figures, how it was trained and is used, its limits and terms."""
    config, history = read_config(bundle), read_history(bundle) or history_of(bundle.parent.parent)
    task = get_task(config.task)
    objective = task.build_objective(config.objective)
    library = read_library_config(bundle)
    # That of a run's own checkpoint may be a folder of this machine.
    backbone = without_path(config.plan.backbone, is_text=bool(library))
    config = replace(config, plan=replace(config.plan, backbone=backbone))
    parts = [
        f"# {task.title}: {plain(backbone)}",
        _what(task, config),
        plain(choices.note),
        told_figures(config, history, objective.main_metric, is_half(bundle)),
        told_sureness(config, read_evaluation(bundle) or {}),
        _training(config, history, bundle),
        "## Use\n\n" + usage(bundle, objective, config, library, choices.repo_id),
        _limits(config),
        _terms(config),
    ]
    body = "\n\n".join(part for part in parts if part)
    return f"---\n{_metadata(task, objective, config, library, choices)}---\n\n{body}\n"


def _metadata(
    task: Task, objective: Objective, config: BundleConfig, library: Mapping[str, Any], choices: CardChoices
) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    source = _source(config.dataset)
    licence = choices.licence or ("apache-2.0" if _is_drawn(config) else "other")
    pipeline = pipeline_of(library, objective)
    figures = [
        EvalResult(
            task_type=pipeline,
            dataset_type=_slug(config.dataset),
            dataset_name=_dataset_title(config.dataset),
            dataset_split="validation",
            metric_type=name,
            metric_value=round(value, 5),
        )
        for name, value in config.metrics.items()
        if value == value  # JSON and YAML have no common word for a figure that is no number
    ]
    base = _base_model(config.plan.backbone)
    terms: dict[str, Any] = {"license_name": "see-the-data-s-terms"} if licence == "other" else {}
    data = ModelCardData(
        language="en" if library or pipeline.startswith("text") else None,
        license=licence,
        library_name="transformers" if library else "lesson-3-lab",
        tags=["lesson-3-lab", "fastai-course", task.name, objective.name],
        pipeline_tag=pipeline,
        datasets=[source.hub_id] if source and source.hub_id else None,
        base_model=base or None,
        model_name=f"{task.title}: {config.plan.backbone}",
        eval_results=figures or None,
        **terms,
    )
    return data.to_yaml() + "\n"


def _base_model(backbone: str) -> str:
    """A backbone's address on the Hub; nothing for one that is not there."""
    if is_folder(backbone):
        return ""
    if "/" in backbone:
        return backbone
    import timm

    known = timm.get_pretrained_cfg(backbone) if timm.is_model(backbone) else None
    return (known.hf_hub_id or "") if known else ""


def _what(task: Task, config: BundleConfig) -> str:
    names = ", ".join(map(code, config.plan.classes[:MOST_CLASSES]))
    more = "" if len(config.plan.classes) <= MOST_CLASSES else f" and {len(config.plan.classes) - MOST_CLASSES} more"
    drawn = (
        "\n\n**It has learnt from drawn data alone** and knows nothing of the real world." if _is_drawn(config) else ""
    )
    return (
        f"*{task.question}* Trained with {TOOL}, in which fast.ai's third lesson is done in the browser, on "
        f"{_dataset_title(config.dataset)}.\n\nIt answers about: {names}{more}.{drawn}"
    )


def _training(config: BundleConfig, history: History | None, bundle: Path) -> str:
    aim = get_task(config.task).aim(config.objective)
    stages = table(
        ("stage", "epochs", "rates", "learns", "input", "batch"),
        [_stage_row(stage, aim.input_kind) for stage in config.recipe.stages],
    )
    recipe = f"Recipe {code(config.recipe.name)}, seed {config.seed}; rates rise and fall once a stage (1cycle)."
    recipe = " ".join(filter(None, (recipe, cut_short(history, config.recipe))))
    text = f"## Training\n\n{_starts(config)}{recipe}\n\n{stages}"
    if history is None:
        return text
    names = list(history.epochs[-1]["metrics"])
    rows = [
        (
            row["stage_name"],
            str(row["epoch"]),
            figure(row["train_loss"]),
            figure(row["valid_loss"]),
            *(figure(row["metrics"].get(name, float("nan"))) for name in names),
        )
        for row in history.epochs
    ]
    heads = ("stage", "epoch", "training loss", "validation loss", *(name.replace("_", " ") for name in names))
    took = f"{history.seconds / 60:.1f} minutes on {plain(history.device_name)}"
    found = "".join(f"- {plain(said)}\n" for said in history.data)
    text += f"\n\n{found}\n" if found else "\n\n"
    text += f"{history.train_items:,} training samples; {took}.\n\n"
    curves = "\n".join(f"![{path.stem} by step]({path.name})" for path in sorted(bundle.glob("*.png")))
    epochs = (reached(row["stage"], row["stage_name"], row["epoch"], row["metrics"], aim) for row in history.epochs)
    worse = "".join(f"{plain(sentence)}\n\n" for sentence in setbacks(epochs, config.recipe, aim))
    return text + worse + table(heads, rows) + (f"\n\n{curves}" if curves else "")


def _starts(config: BundleConfig) -> str:
    """What the model started from, if its bundle names anything; the names may be of tasks that this version does not know."""
    if not config.starts:
        return ""
    told = [
        f"{number}. {code(start.objective)} of {code(start.task)}, on {_dataset_title(start.dataset)}: recipe "
        f"{code(start.recipe.name)}, seed {start.seed}"
        for number, start in enumerate(config.starts, start=1)
    ]
    return "It started from weights that had been trained before:\n\n" + "\n".join(told) + "\n\nThen: "


def _stage_row(stage: Stage, input_kind: InputKind) -> tuple[str, ...]:
    rates = stage.max_lr if isinstance(stage.max_lr, tuple) else (stage.max_lr,)
    learns = (
        "everything"
        if stage.train_from == 0
        else f"the last {-stage.train_from}"
        if stage.train_from < -1
        else "the head"
    )
    return (
        stage.name,
        str(stage.epochs),
        " to ".join(map(rate_text, rates)),
        learns,
        f"{getattr(stage, input_kind.size_knob)} {input_kind.unit}",
        str(stage.batch_size),
    )


def _limits(config: BundleConfig) -> str:
    limits = [
        f"It was made to learn and to teach with, from {_dataset_title(config.dataset)}; of other inputs nothing was measured.",
        "It always answers, also where there is nothing to answer: check before anything depends on it.",
        *config.remarks,
    ]
    return "## Limits\n\n" + "\n".join(f"- {plain(limit)}" for limit in limits)


def _terms(config: BundleConfig) -> str:
    """Those of all data that the weights have learnt from."""
    sources = [_source(training.dataset) for training in reversed(config.trainings)]
    terms = [source.terms if source else "The data is the publisher's own: ask there." for source in sources]
    return "## The data's terms\n\n" + "\n\n".join(dict.fromkeys(terms))


def _is_drawn(config: BundleConfig) -> bool:
    sources = [_source(training.dataset) for training in config.trainings]
    return all(source is not None and source.is_drawn for source in sources)


def _source(dataset: str) -> Source | None:
    return next((source for source in SOURCES if source.name == dataset), None)


def _dataset_title(dataset: str) -> str:
    source = _source(dataset)
    return source.title if source else f"a data set of the publisher's own ({plain(Path(dataset).name) or 'unnamed'})"


def _slug(dataset: str) -> str:
    return Path(dataset).name.lower().replace(" ", "-") or "own-data"
