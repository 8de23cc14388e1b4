"""How pictures with numbers are shown: the numbers under each, histograms, truth against answer. No Gradio, HTML only."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.kinds.sureness import within_words
from engine.recipe import Stage
from tabs.drawing.charts import Series, bar_list, line_chart
from tabs.drawing.markup import empty_state, figure_grid, table, tag_list, text
from tabs.reading.heavy import load_engine
from tabs.views.pictures import augmented_grid, fitted_tag, sample_grid
from tabs.views.sureness import show_spread

if TYPE_CHECKING:
    from engine.data.pictures.block import Data
    from engine.serving.inspect import Shown
    from engine.serving.predictor import Predictor

BINS = 8
NEEDED = {"classes", "numbers", "answers"}


def show_legend(classes: tuple[str, ...]) -> str:
    """What the numbers are called."""
    named = f"{len(classes)} numbers" if len(classes) > 1 else "One number"
    return f'<p class="lab-small">{named} a picture: {text(", ".join(classes))}</p>'


def show_samples(data: "Data", split: str, start: int, count: int) -> str:
    """Pictures of a split with their numbers."""
    return sample_grid(data, split, start, count, _numbered)


def show_augmented(data: "Data", stage: Stage, index: int, seed: int) -> str:
    """One picture untouched, and then as training may see it; its numbers stay, and so it is never mirrored."""
    return augmented_grid(data, stage, index, seed, _numbered)


def show_frequencies(data: "Data") -> str:
    """How often each number of the training pictures lies where."""
    labels = [data.label(item) for item in data.train]
    columns = zip(*labels, strict=True) if labels else ((),) * len(data.classes)
    sections = (
        f"<section><h4>{text(name)}</h4>{_histogram(numbers)}</section>"
        for name, numbers in zip(data.classes, columns, strict=True)
    )
    return f'<div class="lab-two">{"".join(sections)}</div>'


def show_comparisons(predictor: "Predictor", data: "Data", items: Sequence[Path]) -> str:
    """Pictures with their numbers, the model's, and how far these are apart."""
    load_engine()
    from engine.serving.inspect import compare_predictions

    figures = []
    for case in compare_predictions(predictor, data, items):
        rows = [
            (text(name), number_text(truth), number_text(said), number_text(abs(said - truth)))
            for (name, said), truth in zip(case.prediction.numbers.items(), case.target[0].tolist(), strict=True)
        ]
        drawn = fitted_tag(case.picture, case.name) + table(("", "true", "answer", "apart"), rows)
        figures.append((drawn, f"{case.name} · loss {case.loss:.3f}"))
    return figure_grid(figures, columns=3, keeps_rows=True)


def show_evaluation(evaluation: Mapping[str, Any]) -> str:
    """Each number's error beside that of always the mean, and truth against answer."""
    if not evaluation.keys() >= NEEDED:
        return empty_state("No figures", "This run's validation has written none. Train it for one whole epoch.")
    names, numbers = evaluation["classes"], evaluation["numbers"]
    rows = [
        (
            text(name),
            number_text(one["mean_error"]),
            number_text(one["error_of_mean"]),
            "–" if one["r2"] is None else f"{one['r2']:.1%}",
            f"{one['count']:,}",
        )
        for name, one in zip(names, numbers, strict=True)
    ]
    heads = ("Number", "Mean error", "of always the mean", "R²", "Judged")
    charts = "".join(
        f"<section>{_scatter(name, pairs)}</section>" for name, pairs in zip(names, evaluation["answers"], strict=True)
    )
    said = (
        "A dot is a picture: what is true to the right, the answer upwards; on the line both are the same. R² is the share of "
        "the spread that the answers explain: 100 % where all are right, 0 % for always the mean of what is true."
    )
    near = show_spread(evaluation, names, "")
    return f'{table(heads, rows)}{near}<p class="lab-small">{said}</p><div class="lab-two">{charts}</div>'


def number_text(number: float | None) -> str:
    """A number in few letters: to four digits, and whole where it has more."""
    if number is None or number != number:
        return "–"
    return f"{number:.4g}" if abs(number) < 1000 else f"{number:,.0f}"


def answer_bars(
    numbers: Mapping[str, float], ranges: Mapping[str, tuple[float, float]], within: Mapping[str, float] | None = None
) -> str:
    """Each number with its place between the lowest and the highest of the training numbers, and how near the truth it may be."""
    rows = []
    for name, number in numbers.items():
        low, high = ranges.get(name, (number, number))
        beyond = "" if low <= number <= high else ", beyond what it has learnt from"
        said = f" ({number_text(low)} to {number_text(high)}{beyond})" if name in ranges else ""
        rows.append((name, (number - low) / ((high - low) or 1.0), number_text(number) + said))
    learnt = "In brackets, and as the bar's two ends: the range of the training numbers." if ranges else ""
    near = "".join(
        f'<p class="lab-small">{text(name)}: {text(within_words(f"{by:.3g}"))}.</p>'
        for name, by in (within or {}).items()
    )
    return f'{bar_list(rows)}{near}<p class="lab-small">{learnt}</p>'


def _numbered(sample: "Shown", classes: tuple[str, ...]) -> str:
    numbers = zip(classes, sample.target[0].tolist(), strict=True)
    tags = [(f"{name} {number_text(number)}", "plain") for name, number in numbers]
    return fitted_tag(sample.picture, sample.name) + tag_list(tags)


def _histogram(numbers: Sequence[float]) -> str:
    """A bar for each number where few are different, else for each of equal steps."""
    if not numbers:
        return ""
    low, high = min(numbers), max(numbers)
    width = (high - low) / BINS or 1.0
    steps = [f"{number_text(low + at * width)} to {number_text(low + (at + 1) * width)}" for at in range(BINS)]
    counts = dict(sorted(Counter(numbers).items()))
    if len(counts) <= 2 * BINS:
        found = {number_text(number): count for number, count in counts.items()}
    else:
        inside = Counter(min(BINS - 1, int((number - low) / width)) for number in numbers)
        found = {step: inside[at] for at, step in enumerate(steps)}
    most = max(found.values())
    return bar_list((name, count / most, f"{count:,}") for name, count in found.items())


def _scatter(name: str, pairs: Sequence[tuple[float, float]]) -> str:
    ends = [number for pair in pairs for number in pair]
    between = (min(ends, default=0.0), max(ends, default=1.0))
    room = 0.05 * (between[1] - between[0])
    shown = (between[0] - room, between[1] + room)
    # A series of one point is a dot: several would be joined by a line.
    dots = [Series(name="", points=[(truth, answer)]) for truth, answer in pairs]
    same = Series(name="answer = truth", points=[(end, end) for end in between], color="faint")
    return line_chart(name, [*dots, same], x_label=f"{name}, as it is", y_range=shown, x_range=shown, kind="tall")
