"""What a pretrained body should make of channels that it never saw: a choice that shows only where the data has such."""

from functools import partial
from typing import Any

import gradio as gr

from engine.errors import EngineError
from engine.task import Task
from tabs.reading.opened import open_dataset
from tabs.wiring import POLL

CHOICES = [
    ("Nothing at first (zeros)", "zeros"),
    ("What it makes of brightness (mean)", "mean"),
    ("Anything (random)", "random"),
]
QUESTION = """**The lesson's question:** the body was trained on red, green and blue. How can it take {channels} channels, and
what should its first layer begin with?

**Its answer:** only the first convolution has to change; everything behind it sees maps, not colours. Keep its weights for the
channels it knows. With *more* channels, give the new ones weights of zero and the model starts exactly where the pretrained one
stood, then learns what the new channel is worth; the mean of the colours' weights takes the channel for one more brightness;
random weights disturb what was learnt, and are there to be compared. With *two* channels, zeros are a missing third colour,
and the mean is a third one that is the two's average."""


def channels_of(task: Task, opened: str) -> int:
    """How many channels the open data set's pictures have; what pretrained bodies know while none is open."""
    known = task.input_kind.channels
    try:
        return open_dataset(task, opened).channels if opened else known
    except EngineError:
        return known


def show_choice(task: Task, opened: str) -> tuple[Any, Any]:
    """The choice and the words beside it, for data that has other channels than pretrained bodies know."""
    channels = channels_of(task, opened)
    are_new = channels != task.input_kind.channels
    return gr.update(visible=are_new), gr.update(visible=are_new, value=QUESTION.format(channels=channels))


def build_channels_choice(task: Task, opened: gr.State) -> gr.Radio:
    """The choice, wired to the open data set."""
    choice = gr.Radio(CHOICES, value=CHOICES[0][1], label="New channels begin with", visible=False)
    words = gr.Markdown(visible=False, elem_classes="lab-small")
    opened.change(partial(show_choice, task), opened, [choice, words], **POLL)
    return choice
