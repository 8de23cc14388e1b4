"""A submission for the competition that a task's data set comes from: its test pictures, predicted."""

from functools import partial
from typing import Any

import gradio as gr

from engine.data.sources.fetching import get_source
from engine.data.sources.kaggle import KaggleOrigin, late_submission
from engine.errors import DataError, EngineError
from engine.task import Task
from tabs.door.uploads import download_path
from tabs.drawing.markup import text
from tabs.reading.heavy import load_engine
from tabs.reading.models import predictor_of
from tabs.reading.opened import open_dataset
from tabs.wiring import BATCH, POLL, tells_errors


def has_competition(task: Task) -> bool:
    """Whether one of a task's data sets is a competition's."""
    return any(isinstance(get_source(name).origin, KaggleOrigin) for name in task.datasets)


def submission_line(task: Task, dataset: str) -> tuple[str, Any]:
    """Whether there is a test folder to predict, and the button for it."""
    try:
        count = len(open_dataset(task, dataset).unlabelled) if dataset else 0
    except EngineError:
        count = 0
    if not count:
        said = (
            "Kaggle's test chips are not here: put test-jpg/ (and test-jpg-additional/) beside train-jpg/, or test-tif-v2/ "
            "beside train-tif-v2/."
        )
        return f'<p class="lab-small">{text(said)}</p>', gr.update(visible=False)
    return f'<p class="lab-small">{count:,} test {text(task.plural)} without tags.</p>', gr.update(visible=True)


def late_words() -> str:
    """How to hand a submission in now that the competition is over."""
    before, command, after = map(text, late_submission())
    return f'<p class="lab-small">{before} <code>{command}</code> {after}</p>'


@tells_errors
def make_submission(task: Task, model: str | None, dataset: str, tta: bool, progress: gr.Progress) -> Any:
    """Predict the test folder with the thresholds tuned on validation; the file to download."""
    if not model:
        raise DataError("Train a model first, or choose one above.")
    load_engine()
    from engine.serving.submission import decide_with_tta, write_submission

    data = open_dataset(task, dataset)
    target = download_path("submission.csv")

    def show(done: int, total: int) -> None:
        progress((done, total), unit=task.plural)

    predictor = predictor_of(model)
    decision = decide_with_tta(predictor, data) if tta and data.unlabelled else None
    write_submission(predictor, data.unlabelled, target, tta=tta, decision=decision, on_progress=show)
    return gr.update(value=str(target), visible=True)


def build_submission(task: Task, model: gr.State, dataset: gr.State) -> None:
    """What is predicted, and the file to download, wired."""
    with gr.Accordion("A submission for Kaggle", open=False):
        test_line = gr.HTML()
        tta = gr.Checkbox(False, label="Average over the eight ways a chip can lie (test-time augmentation)")
        submit_button = gr.Button("Predict the test chips", size="sm", visible=False)
        submission = gr.DownloadButton("Download submission.csv", visible=False, size="sm")
        gr.HTML(late_words())

    def submit_clicked(model: str, dataset: str, tta: bool, progress=gr.Progress()) -> Any:  # noqa: B008 (Gradio's way)
        return make_submission(task, model, dataset, tta, progress)

    dataset.change(partial(submission_line, task), dataset, [test_line, submit_button], **POLL)
    # One that is on its way when another model is chosen is made, and not shown.
    submitting = submit_button.click(submit_clicked, [model, dataset, tta], submission, **BATCH)
    gr.on([model.change, tta.change], lambda: gr.update(visible=False), None, submission, cancels=submitting, **POLL)
