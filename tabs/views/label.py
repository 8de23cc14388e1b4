"""How pictures with one label are shown: the label under each, right or mixed up; figures by class. No Gradio, HTML only."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.recipe import Stage
from tabs.drawing.charts import bar_list
from tabs.drawing.markup import figure_grid, tag_list, text
from tabs.reading.heavy import load_engine
from tabs.views.pictures import augmented_grid, fitted_tag, sample_grid
from tabs.views.sureness import answer_words, class_title

if TYPE_CHECKING:
    from engine.data.pictures.block import Data
    from engine.serving.inspect import Shown
    from engine.serving.predictor import Predictor

COLOUR = "background:var(--lab-train)"


def show_legend(classes: tuple[str, ...]) -> str:
    """The labels there are."""
    return (
        f'<p class="lab-small">{len(classes)} labels, one a picture: {text(", ".join(map(class_title, classes)))}</p>'
    )


def show_samples(data: "Data", split: str, start: int, count: int) -> str:
    """Pictures of a split with their label."""
    return sample_grid(data, split, start, count, _labelled)


def show_augmented(data: "Data", stage: Stage, index: int, seed: int) -> str:
    """One picture untouched, and then as training may see it; its label stays."""
    return augmented_grid(data, stage, index, seed, lambda sample, _: fitted_tag(sample.picture, sample.name))


def show_frequencies(data: "Data") -> str:
    """How many training pictures have each label, the most common first."""
    counts, total = data.block.count(data.train), len(data.train)
    order = sorted(data.classes, key=lambda name: -counts.get(name, 0))
    return bar_list(
        [
            (
                class_title(name),
                counts.get(name, 0) / total,
                f"{counts.get(name, 0)} ({counts.get(name, 0) / total:.0%})",
            )
            for name in order
        ]
    )


def show_comparisons(predictor: "Predictor", data: "Data", items: Sequence[Path]) -> str:
    """Pictures with their label and what the model says."""
    load_engine()
    from engine.serving.inspect import compare_predictions

    figures = []
    for case in compare_predictions(predictor, data, items):
        truth, said = data.classes[int(case.target)], case.prediction
        marked = [(class_title(truth), "plain"), (answer_words(said), "right" if said.answer == truth else "extra")]
        figures.append(
            (f"{fitted_tag(case.picture, case.name)}{tag_list(marked)}", f"{case.name} · loss {case.loss:.3f}")
        )
    key = tag_list([("its label", "plain"), ("the model's answer, right", "right"), ("and wrong", "extra")])
    return f'{figure_grid(figures, columns=3, keeps_rows=True)}<div class="lab-small">{key}</div>'


def class_bars(probabilities: Mapping[str, float], looked: str) -> str:
    """Every label with its probability, the likeliest first, as buttons; `looked` is the one that is looked at."""
    rows = []
    for name, share in sorted(probabilities.items(), key=lambda pair: -pair[1]):
        rows.append(
            f'<button type="button" data-choice="{text(name)}" aria-pressed="{str(name == looked).lower()}">'
            f'<i style="{COLOUR}"></i><span class="name">{text(class_title(name))}</span>'
            f'<span class="track"><span style="width:{100 * share:.1f}%;{COLOUR}"></span></span>'
            f'<span class="figure">{share:.0%}</span></button>'
        )
    return f'<div class="lab-classes">{"".join(rows)}</div>'


def _labelled(sample: "Shown", classes: tuple[str, ...]) -> str:
    return fitted_tag(sample.picture, sample.name) + tag_list([(class_title(classes[int(sample.target)]), "plain")])
