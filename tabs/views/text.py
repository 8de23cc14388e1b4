"""How labelled texts are shown: reviews with their class, how long they are, what a model makes of them. No Gradio, HTML only."""

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.bundle.config import BundleConfig
from engine.tasks.registry import get_task
from tabs.drawing.charts import bar_list, heat_map
from tabs.drawing.markup import empty_state, facts, text
from tabs.reading.heavy import load_engine
from tabs.views.sureness import answer_words, class_title, reliability_chart, show_calibration

if TYPE_CHECKING:
    from engine.data.texts.dataset import TextData
    from engine.serving.predictor import Predictor

MEASURED = 4000  # texts whose length is counted, spread over the split
STEP, STEPS = 50, 12  # words in a bar of the histogram, and bars
NEEDED = {"classes", "confusion", "reliability"}  # of a classifier's evaluation
STARTED = 24  # words of a review that a language model is given to guess the next


def show_legend(classes: tuple[str, ...]) -> str:
    """The classes there are."""
    named = text(", ".join(map(class_title, classes)))
    return f'<p class="lab-small">{len(classes)} classes: {named}. Click a text to read all of it.</p>'


def show_samples(data: "TextData", split: str, start: int, count: int) -> str:
    """Texts of a split with their class."""
    items = data.items(split)[start : start + count]
    cards = [
        review(words, [(class_title(data.label(item) or "no label"), "plain")], data.name(item))
        for item, words in zip(items, data.texts(items), strict=True)
    ]
    return f'<div class="lab-reviews">{"".join(cards)}</div>'


def show_frequencies(data: "TextData") -> str:
    """How many training texts each class has, and how long they are."""
    load_engine()
    from engine.kinds.classes import class_counts

    counts, total = class_counts(data.classes, data.labels(data.train)), len(data.train)
    balance = bar_list(
        [(class_title(name), count / total, f"{count:,} ({count / total:.0%})") for name, count in counts.items()]
    )
    spread = data.train[:: -(-total // MEASURED)]
    lengths = sorted(len(words.split()) for words in data.texts(spread))
    bars = [0] * STEPS
    for length in lengths:
        bars[min(length // STEP, STEPS - 1)] += 1
    highest = max(bars)
    names = [f"{at * STEP}–{at * STEP + STEP - 1}" for at in range(STEPS - 1)] + [f"{(STEPS - 1) * STEP} or more"]
    histogram = bar_list(
        [(name, bar / highest, f"{bar / len(lengths):.0%}") for name, bar in zip(names, bars, strict=True)]
    )
    middle, long = lengths[len(lengths) // 2], lengths[len(lengths) * 95 // 100]
    said = f"Half of them have fewer than {middle} words, one in twenty more than {long}."
    more = (
        f" {len(data.unlabelled):,} more texts have no label: a language model can read them."
        if data.unlabelled
        else ""
    )
    return f'{balance}<h4>Words in a text</h4>{histogram}<p class="lab-small">{text(said + more)}</p>'


def show_comparisons(predictor: "Predictor", data: "TextData", items: Sequence[int]) -> str:
    """Texts with their class and what the model says; for a language model, with what it would have written next."""
    if guesses_words(predictor.config):
        return _show_guesses(predictor, data, items)
    load_engine()
    from engine.serving.inspect import judge

    cards = []
    for judged, words in zip(judge(predictor, data, items), data.texts(items), strict=True):
        prediction = predictor.answer(judged.logits, words)
        truth = data.label(judged.item)
        is_right = prediction.answer == truth
        marked = [(class_title(f"{truth}"), "plain"), (answer_words(prediction), "right" if is_right else "extra")]
        cards.append(review(words, marked, f"{data.name(judged.item)} · loss {judged.loss:.3f}"))
    return f'<div class="lab-reviews">{"".join(cards)}</div>'


def show_evaluation(evaluation: Mapping[str, Any]) -> str:
    """The confusion matrix, and whether an answer that is 90 % sure is right nine times of ten."""
    if "guesses" in evaluation:
        said = (
            f"{evaluation['guesses']:,} tokens were guessed. The perplexity says between how many equally likely tokens the "
            "model wavers, on average: lower is better. A masked model, such as MiniLM, sees what stands before a hidden "
            "word and behind it; one that reads from left to right sees only what came before: the two are not to be compared."
        )
        return f'<p class="lab-small">{text(said)}</p>'
    rows = evaluation.get("reliability", ())
    if not rows or not evaluation.keys() >= NEEDED:
        return empty_state(
            "No figures by class", "This run's validation has written none. Train it for one whole epoch."
        )
    heat = heat_map(evaluation["confusion"], [class_title(name) for name in evaluation["classes"]])
    trusted = show_calibration(evaluation) or _show_reliability(rows)
    return f'<div class="lab-two"><section><h4>Truth and answer, in samples</h4>{heat}</section>{trusted}</div>'


def _show_reliability(rows: Sequence[Sequence[float]]) -> str:
    """The same of a model that was not calibrated: of an older version's, or with too few samples to go by."""
    count = sum(number for _, _, number in rows)
    off = sum(number * abs(sure - right) for sure, right, number in rows) / count
    pairs = [("Expected calibration error", f"{off:.1%}"), ("Validated on", f"{int(count):,}")]
    return f"<section>{reliability_chart(rows, ())}{facts(pairs)}</section>"


def review(words: str, tags: Sequence[tuple[str, str]], caption: str, more: str = "") -> str:
    """A text in a card that shows its beginning, or all of it once it is clicked; each tag has a kind of its own."""
    plain = html.unescape(words.replace("<br />", "\n")).strip()
    cells = "".join(f'<li class="{kind}">{text(name)}</li>' for name, kind in tags)
    return (
        f'<figure class="lab-figure lab-review"><ul class="lab-tags">{cells}</ul><blockquote>{text(plain)}</blockquote>{more}'
        f"<figcaption>{text(caption)}</figcaption></figure>"
    )


def guesses_words(config: BundleConfig) -> bool:
    """Whether a model, by its bundle's config, is a language model."""
    return get_task(config.task).aim(config.objective).kind == "language"


def _show_guesses(predictor: "Predictor", data: "TextData", items: Sequence[int]) -> str:
    cards = []
    for item, words in zip(items, data.texts(items), strict=True):
        beginning = html.unescape(words.replace("<br />", "\n")).split()
        given, following = beginning[:STARTED], beginning[STARTED : STARTED + 1]
        if not given:
            continue
        guess = predictor.predict(" ".join(given))
        tags = [(f"it goes on: {following[0]}" if following else "it ends here", "plain"), (guess.in_words(), "extra")]
        cards.append(review(" ".join(given), tags, data.name(item)))
    return f'<div class="lab-reviews">{"".join(cards)}</div>'
