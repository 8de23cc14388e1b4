"""What is done with a model of texts: which words push its answer, and how a language model writes on."""

from collections import Counter
from pathlib import Path

import pytest
import torch
from tiny_text import WORD_LIST
from torch import Tensor, nn

from engine.bundle.config import BundleConfig
from engine.data.texts.tokenizers import WordTokenizer
from engine.errors import RecipeError
from engine.kinds.language import build_language_objective
from engine.kinds.text import build_text_objective
from engine.recipe import AWD_LSTM, Stage
from engine.serving.predictor import Predictor
from engine.serving.pushes import explain_words
from engine.serving.writing import write_on
from engine.task import ModelPlan
from engine.tasks.imdb import IMDB

GOOD, BAD, FILM = (WORD_LIST.index(word) for word in ("good", "bad", "film"))


class CountsGood(nn.Module):
    """A classifier whose log-odds are known: 2 for each "good", -1 for each "bad"."""

    tokenizer = WordTokenizer(WORD_LIST)

    def forward(self, numbers: Tensor) -> Tensor:
        score = 2.0 * (numbers == GOOD).sum(1) - (numbers == BAD).sum(1)
        return torch.stack([-score / 2, score / 2], dim=1)


class LikesFilms(nn.Module):
    """A language model that holds "film" likely after anything, "good" less so, and the rest hardly at all."""

    tokenizer = WordTokenizer(WORD_LIST)
    reading = "stream"

    def forward(self, numbers: Tensor) -> Tensor:
        row = torch.full((len(WORD_LIST),), -6.0)
        row[FILM], row[GOOD] = 2.0, 0.5
        row[self.tokenizer.pad] = 9.0  # no word: never to be written
        return row.expand(*numbers.shape, -1)


def predictor(model: nn.Module, *, writes: bool) -> Predictor:
    objective = build_language_objective() if writes else build_text_objective()
    config = BundleConfig(
        task="imdb",
        objective=objective.name,
        plan=ModelPlan(backbone=AWD_LSTM, classes=("neg", "pos"), files=Path()),
        dataset="",
        recipe=IMDB.recipes[0],
        seed=0,
        stage=Stage(text_length=64),
        metrics={},
        decision={},
        remarks=(),
    )
    return Predictor(config=config, objective=objective, model=model.eval(), device=torch.device("cpu"))


def test_a_word_s_push_is_how_the_log_odds_of_the_answer_change_without_it() -> None:
    judge = predictor(CountsGood(), writes=False)
    prediction, pushes = explain_words(judge, "the good film was bad")
    assert prediction.answer == "pos"
    assert {push.words.strip(): round(push.push, 3) for push in pushes} == {
        "the": 0.0,
        "good": 2.0,
        "film": 0.0,
        "was": 0.0,
        "bad": -1.0,
    }
    prediction, pushes = explain_words(judge, "bad , not good , bad film bad")
    assert prediction.answer == "neg", "a push is towards the answer, whichever it is"
    assert [round(push.push, 3) for push in pushes if push.words.strip() in ("bad", "good")] == [1, -2, 1, 1]


def test_a_low_temperature_writes_what_is_likeliest_and_a_high_one_dares_more() -> None:
    writer = predictor(LikesFilms(), writes=True)

    def words(temperature: float, seed: int = 0) -> Counter[str]:
        written = write_on(writer, "I like", tokens=60, temperature=temperature, seed=seed)
        assert written.startswith("I like ")
        return Counter(written.removeprefix("I like ").split())

    assert words(0.1) == Counter(film=60)
    usual, daring = words(1.0), words(2.0)
    assert 0 < usual["good"] < usual["film"] < 60
    assert daring["film"] < usual["film"] and len(daring) > len(usual)
    assert words(1.0) == usual != words(1.0, seed=1)


@pytest.mark.parametrize(("asked", "message"), [({"temperature": 0.0}, "above 0"), ({"tokens": 0}, "from 1 to 200")])
def test_what_cannot_be_written_is_told(asked: dict, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        write_on(predictor(LikesFilms(), writes=True), "I like", **asked)
