"""Text → tokens → numbers, to be played with: the pieces of a pretrained tokenizer beside the lesson's words."""

import threading
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import gradio as gr

from engine.errors import EngineError
from engine.recipe import AWD_LSTM, AWD_LSTM_SMALL, AWD_LSTM_WT103
from engine.task import Task
from tabs.door.paths import without_paths
from tabs.drawing.markup import note, progress_bar, text
from tabs.reading.heavy import load_engine
from tabs.reading.opened import open_dataset
from tabs.wiring import POLL, as_state

if TYPE_CHECKING:
    from engine.data.texts.dataset import TextData
    from engine.data.texts.tokenizers import Token, Tokenizer

START = "I LOVED it!!!!! The acting is soooo good, not like the 2nd film. <br /><br />Sean Bean was flabbergasting."
SHOWN = 200  # tokens
OWN_WORDS = (AWD_LSTM, AWD_LSTM_SMALL, AWD_LSTM_WT103)  # these have no pieces
MOST_CHARACTERS = 4000
KINDS = {
    "word": "in the vocabulary",
    "special": "a mark of the tokenizer's own",
    "unknown": "not in the vocabulary: all such words look the same to the model",
}
LEGEND = (
    '<p class="lab-small"><span class="lab-token">word</span> in the vocabulary '
    '<span class="lab-token special">mark</span> of the tokenizer\'s own '
    '<span class="lab-token unknown">unknown</span> all such words look the same to the model '
    '<span class="lab-token unread">unread</span> left out from the middle of a long text</p>'
)
LATER = '<p class="lab-small">The lesson\'s words need a vocabulary: open a data set above, and it is counted.</p>'
COUNTING = threading.Lock()  # of thirty students who open the same data set, one has it counted
_counted: set[tuple[str, Task]] = set()


def show_pieces(written: str, backbone: str, length: int) -> str:
    """What a pretrained model reads."""
    return _shown(
        written, lambda: pieces_tokenizer(backbone), f"{backbone.rpartition('/')[2]}: pieces of words", length
    )


def show_words(task: Task, opened: str, written: str, length: int) -> Iterator[str]:
    """What the lesson's model reads, with the vocabulary of the open data set; first says so where that must be counted."""
    if not opened:
        yield LATER
        return
    if (opened, task) not in _counted:
        yield progress_bar(-1, "Counting the words of the training texts, once for this data set …")
    yield _shown(written, lambda: words_tokenizer(task, opened), "The lesson's words", length)


@lru_cache(maxsize=4)
def pieces_tokenizer(backbone: str) -> "Tokenizer":
    """A pretrained model's. MiniLM's needs no network."""
    load_engine()
    from engine.models.text_backbone import load_tokenizer

    return load_tokenizer(backbone)


def words_tokenizer(task: Task, opened: str) -> "Tokenizer":
    """The lesson's, with a vocabulary of the data set's training texts; counted once, and kept on disk."""
    load_engine()
    from engine.models.word_models import make_vocabulary

    data = cast("TextData", open_dataset(task, opened))
    with COUNTING:
        making = make_vocabulary(AWD_LSTM, data)
        while True:
            try:
                next(making)
            except StopIteration as end:
                _counted.add((opened, task))
                return _opened_tokenizer(end.value)


@lru_cache(maxsize=4)
def _opened_tokenizer(folder: Path) -> "Tokenizer":
    from engine.data.texts.tokenizers import open_tokenizer

    return open_tokenizer(folder)


def token_chips(tokens: "list[Token]") -> str:
    """Each token over its number."""
    cells = "".join(
        f'<span class="lab-token {token.kind}{"" if token.is_read else " unread"}" title="{KINDS[token.kind]}">'
        f"{text(_visible(token.text))}"
        f"<i>{token.number}</i></span>"
        for token in tokens[:SHOWN]
    )
    more = f'<span class="lab-small">and {len(tokens) - SHOWN} more</span>' if len(tokens) > SHOWN else ""
    return f'<div class="lab-tokens">{cells}{more}</div>'


def build_explorer(task: Task, opened: gr.State) -> None:
    """The field and both lists of tokens, wired."""
    gr.HTML("<h3>From a text to numbers</h3>")
    pretrained = [backbone for backbone in task.backbones if backbone not in OWN_WORDS]
    with gr.Row():
        written = gr.Textbox(
            START,
            label="A text, to be changed as you like",
            lines=2,
            max_length=MOST_CHARACTERS,
            scale=3,
            min_width=300,
        )
        backbone = gr.Dropdown(
            pretrained,
            value=pretrained[0],
            label="A pretrained model's tokenizer",
            info="Any text model of the Hugging Face Hub, by name.",
            allow_custom_value=True,
            scale=2,
            min_width=240,
        )
        length = gr.Slider(
            8,
            512,
            value=task.default_stage.text_length,
            step=8,
            label="Tokens that a model reads",
            buttons=[],
            scale=2,
            min_width=240,
        )
    gr.HTML(LEGEND)
    with gr.Row():
        with gr.Column(min_width=300):
            pieces = gr.HTML()
        with gr.Column(min_width=300):
            words = gr.HTML(LATER)
    live: dict[str, Any] = {**POLL, "trigger_mode": "always_last"}
    changed = [as_state(written).change, as_state(length).change, opened.change]
    gr.on([*changed, backbone.change], show_pieces, [written, backbone, length], pieces, **live)
    gr.on(changed, partial(show_words, task), [opened, written, length], words, **live)


def _shown(written: str, load: "Callable[[], Tokenizer]", title: str, length: int) -> str:
    written = written[:MOST_CHARACTERS]  # as the field has it; a hand-made request may send more
    try:
        tokenizer = load()
        tokens = tokenizer.explain(written, length)
    except EngineError as error:
        return note(without_paths(error), "bad")
    unknown = sum(token.kind == "unknown" for token in tokens)
    unread = sum(not token.is_read for token in tokens)
    cut = f" A model that reads {length} would lose {unread} of them, from the middle." if unread else ""
    said = f"{len(tokens)} tokens, {unknown} unknown; the vocabulary has {len(tokenizer):,}.{cut}"
    return f'<h4>{text(title)}</h4>{token_chips(tokens)}<p class="lab-small">{text(said)}</p>'


def _visible(token: str) -> str:
    return token.replace("\n", "⏎") or "·"
