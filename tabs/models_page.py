"""The models' page: every model in reach, what one can do with it, and the way to and from the Hugging Face Hub."""

import time
from typing import Any, NamedTuple

import gradio as gr

from engine.errors import BundleError, EngineError
from engine.host.access import asker, may_load
from engine.library.listing import SAMPLE, Model, known_model, list_models
from engine.library.trash import delete_model, list_deleted, restore_model
from engine.task import Task
from tabs.door.address import link
from tabs.door.paths import shown_name, without_paths
from tabs.drawing.markup import LOADING, empty_state, facts, megabytes, metric_text, note, pill, table, text
from tabs.panels.http_api import build_models_api
from tabs.panels.publish_form import build_load_form, build_publish_form, card_of, pack
from tabs.reading.models import label_of, owner_of, remarks_of
from tabs.reading.opened import dataset_title, owner_name
from tabs.scripts import script
from tabs.views.registry import view_of
from tabs.wiring import ACTION, BATCH, POLL, flat, tells_errors

ORIGINS = {"run": ("trained here", "finished"), "download": ("from the Hub", "running"), "sample": ("sample", "new")}
ALL = "all"
HEADER = (
    '<header class="lab-task"><h2>Models</h2><p>Everything that can predict: trained here, loaded from the Hub, or come '
    "with the app.</p></header>"
)
NO_MODELS = empty_state("No model yet", "Train one on a task's page, or load one from the Hub below.")
NONE_CHOSEN = empty_state(
    "No model chosen", "Click one in the list: then it can be tried, trained on, published or deleted."
)


def show_models(tasks: tuple[Task, ...], which: str, chosen: str) -> str:
    """The models of one task or of all, one a line, the chosen one marked."""
    found = list_models("" if which == ALL else which)
    titles = {task.name: task for task in tasks}
    rows = [_model_row(model, titles[model.config.task], chosen) for model in found if model.config.task in titles]
    return f'<div class="lab-runs-list">{"".join(rows)}</div>' if rows else NO_MODELS


def _model_row(model: Model, task: Task, chosen: str) -> str:
    words, kind = ORIGINS[model.origin]
    view = view_of(task)
    figures = ", ".join(
        f"{view.metric_title(name)} {metric_text(name, value)}" for name, value in _main_figures(model, task)
    )
    pressed = "true" if model.name == chosen else "false"
    return (
        f'<button type="button" class="lab-run lab-model" data-choice="{text(model.name)}" aria-pressed="{pressed}">'
        f"{pill(words, kind)}<strong>{text(task.title)}: {text(shown_name(model.config.plan.backbone))}</strong>"
        f"<small>{megabytes(model.size)}</small>"
        f'<span class="line">{text(" · ".join(_about(model)))} · {text(figures or "no figures yet")}</span></button>'
    )


def _about(model: Model) -> list[str]:
    """What tells a model from its neighbours: what it learnt from, by which recipe, when, and whose run it is."""
    made = time.strftime("%d %b %H:%M", time.localtime(model.made)) if model.origin != "sample" else ""
    owner = owner_name(owner_of(model))
    recipe = model.config.recipe.title or model.config.recipe.name
    return [part for part in (dataset_title(model.config.dataset), recipe, made, owner) if part]


def _main_figures(model: Model, task: Task) -> list[tuple[str, float]]:
    """The metric that its checkpoint was chosen by, and one more."""
    main = task.aim(model.config.objective).metric.name
    figures = [(name, value) for name, value in model.config.metrics.items() if name != "valid_loss"]
    return sorted(figures, key=lambda figure: figure[0] != main)[:2]


def show_model(name: str) -> str:
    """What is known of the chosen model."""
    if not name:
        return NONE_CHOSEN
    try:
        model = known_model(name)
        label, remarks = label_of(model), remarks_of(name)
    except EngineError as error:
        return note(without_paths(error), "warn")
    config = model.config
    listed = facts(
        [
            ("Name", name),
            ("Data set", dataset_title(config.dataset)),
            ("Recipe", f"{config.recipe.title or config.recipe.name}, seed {config.seed}"),
            ("Answers about", _classes(config.plan.classes)),
            ("Weights", megabytes(model.size)),
            *_since(model),
        ]
    )
    said = "".join(note(remark, "warn") for remark in remarks)
    return f'<div class="lab-card"><strong>{text(label)}</strong>{listed}{said}</div>'


def _since(model: Model) -> list[tuple[str, str]]:
    """Since when it is here. A sample's files are as old as the app's installation, which says nothing."""
    if model.origin == "sample":
        return []
    at = time.strftime("%d %b %Y, %H:%M", time.localtime(model.made))
    return [("Loaded" if model.origin == "download" else "Trained", at)]


def _classes(classes: tuple[str, ...]) -> str:
    return ", ".join(classes[:8]) + (f" and {len(classes) - 8} more" if len(classes) > 8 else "")


def show_comparison(names: list[str] | None) -> str:
    """The figures of several models side by side, with what makes them hard to compare."""
    models = []
    for name in names or []:
        try:
            models.append(known_model(name))
        except BundleError:  # deleted meanwhile
            continue
    if len(models) < 2:
        return '<p class="lab-small">Choose two models or more.</p>'
    metrics = list(dict.fromkeys(metric for model in models for metric in model.config.metrics))
    rows = [
        (
            text(label_of(model)),
            *(metric_text(m, model.config.metrics[m]) if m in model.config.metrics else "–" for m in metrics),
            megabytes(model.size),
        )
        for model in models
    ]
    said = ""
    if len({(model.config.task, model.config.dataset) for model in models}) > 1:
        said = note("They were measured on different data: these figures do not say which is better.", "warn")
    headings = ("Model", *(metric.replace("_", " ") for metric in metrics), "Weights")
    return said + table(headings, rows)


def comparable(which: str) -> Any:
    """The models to choose from for a comparison."""
    models = list_models("" if which == ALL else which)
    return gr.update(choices=[(label_of(model), model.name) for model in models])


class Deletion(NamedTuple):
    """What deleting and its undoing change: which model is chosen, which can be brought back, and the button for that."""

    chosen: Any
    deleted: Any
    undo_button: Any


@tells_errors
def delete(name: str) -> Deletion:
    """Move the chosen model into the trash, and offer to bring it back."""
    if not name:
        raise BundleError("Choose a model in the list first.")
    delete_model(name)
    return Deletion(chosen="", deleted=name, undo_button=gr.update(visible=True, value=f"Undo: bring {name} back"))


@tells_errors
def undo(name: str) -> Deletion:
    """Bring the last deleted model back, and choose it."""
    restore_model(name)
    return next_undo()._replace(chosen=name)


def next_undo() -> Deletion:
    """What can be brought back next, and the button for it."""
    found = next(iter(list_deleted()), None) if asker().is_host else None
    if found is None:
        return Deletion(chosen=gr.skip(), deleted="", undo_button=gr.update(visible=False))
    button = gr.update(visible=True, value=f"Undo: bring {found.name} back")
    return Deletion(chosen=gr.skip(), deleted=found.name, undo_button=button)


def may_be_deleted(name: str) -> bool:
    """Whether whoever asks may delete the chosen model; what others post all the same, the engine refuses."""
    return bool(name) and not name.startswith(SAMPLE) and asker().is_host


class ShownModel(NamedTuple):
    """What shows for the chosen model."""

    about: Any
    try_it: Any
    train_on: Any
    zip_button: Any
    zip_file: Any
    delete_button: Any


def show_chosen(name: str) -> ShownModel:
    """The chosen model's facts, and what can be done with it; a zip of the one before must not stay."""
    try:
        page = known_model(name).config.task if name else ""
    except BundleError:  # deleted meanwhile
        page = ""
    return ShownModel(
        about=show_model(name),
        try_it=gr.update(visible=bool(page), link=link(page, "try", model=name)),
        train_on=gr.update(visible=bool(page), link=link(page, "train", start=name)),
        zip_button=gr.update(visible=bool(page)),
        zip_file=gr.update(visible=False),
        delete_button=gr.update(visible=may_be_deleted(name)),
    )


def build_models_page(tasks: tuple[Task, ...], page: gr.Blocks) -> None:
    """The page's components, wired."""
    chosen, deleted, timer = gr.State(""), gr.State(""), gr.Timer(1)
    gr.HTML(HEADER)
    which = gr.Radio(
        [("All", ALL), *((task.title, task.name) for task in tasks)],
        value=ALL,
        label="Task",
        elem_classes="lab-which",
    )
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            listed = gr.HTML(LOADING, js_on_load=script("click-choice"))
            undo_button = gr.Button(visible=False, size="sm")
        with gr.Column(scale=3, min_width=320):
            deletion = Deletion(chosen=chosen, deleted=deleted, undo_button=undo_button)
            _build_chosen(deletion, timer, page)
    with gr.Accordion("Load a model from the Hugging Face Hub", open=False) as load_fold:
        loaded = build_load_form(timer, page)
    build_models_api()
    with gr.Accordion("Compare", open=False):
        several = gr.Dropdown([], multiselect=True, label="Models")
        comparison = gr.HTML(show_comparison([]))

    def row_clicked(event: gr.EventData) -> str:
        return str(event.choice)

    def show(which: str, chosen: str) -> str:
        return show_models(tasks, which, chosen)

    listed.select(row_clicked, None, chosen, **POLL)
    gr.on([page.load, which.change, chosen.change, loaded.change], show, [which, chosen], listed, **POLL)
    gr.on([page.load, which.change], comparable, which, several, **POLL)
    several.change(show_comparison, several, comparison, **POLL)
    page.load(next_undo, None, flat(deletion), **POLL)
    page.load(lambda: gr.update(visible=may_load()), None, load_fold, **POLL)


def _build_chosen(deletion: Deletion, timer: gr.Timer, page: gr.Blocks) -> None:
    """What shows for the chosen model and what can be done with it, wired."""
    chosen = deletion.chosen
    about = gr.HTML(NONE_CHOSEN)
    with gr.Row():
        try_it = gr.Button("Try it", variant="primary", size="sm", min_width=90, visible=False)
        train_on = gr.Button("Train on from it", size="sm", min_width=90, visible=False)
        zip_button = gr.Button("Make a zip", size="sm", min_width=90, visible=False)
        delete_button = gr.Button("Delete", size="sm", variant="stop", min_width=90, visible=False)
    zip_file = gr.DownloadButton("Download the zip", visible=False, size="sm")
    with gr.Accordion("Its card", open=False):
        card = gr.Markdown(elem_classes="lab-model-card")
    with gr.Accordion("Publish it on the Hugging Face Hub", open=False):
        build_publish_form(chosen, timer, page)
    shown = ShownModel(
        about=about,
        try_it=try_it,
        train_on=train_on,
        zip_button=zip_button,
        zip_file=zip_file,
        delete_button=delete_button,
    )
    chosen.change(show_chosen, chosen, flat(shown), **POLL)
    chosen.change(card_of, chosen, card, **POLL)  # by itself: the first one waits for torch
    zip_button.click(pack, chosen, zip_file, **BATCH)
    # Not asked about first: it can be undone.
    delete_button.click(delete, chosen, flat(deletion), **ACTION)
    deletion.undo_button.click(undo, deletion.deleted, flat(deletion), **ACTION)
