"""A language model writes on: word after word, each drawn from what it holds likely."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import RecipeError
from engine.kinds.language import next_input
from engine.kinds.text import read_text
from engine.models.word_models import SIZES
from engine.recipe import AWD_LSTM_WT103, MINILM
from engine.serving.predictor import DEVICE_LOCK, Predictor
from engine.task import ModelPlan
from engine.tasks.lesson import TEMPERATURE
from engine.tasks.registry import get_task
from engine.training.carried import forget

MOST_TOKENS = 200
LIKELIEST = 50  # of all tokens; below these is only noise (Fan et al. 2018)


def write_on(
    predictor: Predictor, start: str, *, tokens: int = 30, temperature: float = TEMPERATURE, seed: int = 0
) -> str:
    """`start` and what the model writes after it.

    A low `temperature` takes the likeliest token nearly always, 1 draws as the model believes; the lesson's is between. A model
    that learnt to guess hidden tokens is asked for one behind the text, again and again. The same seed writes the same.
    """
    if not 0 < temperature <= 2:
        raise RecipeError(f"The temperature is {temperature:g}. Give a number above 0, and at most 2.")
    if not 1 <= tokens <= MOST_TOKENS:
        raise RecipeError(f"{tokens} tokens are asked for. Give a number from 1 to {MOST_TOKENS}.")
    model: Any = predictor.model
    text = read_text(start)
    tokenizer, length = model.tokenizer, predictor.config.stage.text_length
    draw = torch.Generator().manual_seed(seed)
    numbers = tokenizer.encode([text])[0].tolist()
    begun = len(numbers)
    never = torch.tensor(sorted(tokenizer.never_written))
    with DEVICE_LOCK, torch.inference_mode():
        for _ in range(tokens):
            forget(model)
            row = _last_row(model(next_input(model, numbers, length).to(predictor.device)))
            row[never] = -torch.inf
            numbers.append(_draw(row, temperature, draw))
    return text.rstrip() + tokenizer.follow(numbers[:begun], numbers[begun:])


def lacks_head(backbone: str) -> bool:
    """Whether a backbone is known to come without the head that guesses words."""
    return backbone == MINILM


def load_untuned(tuned: Predictor) -> Predictor:
    """The model that a language model was before it read anything here: its backbone as it comes.

    A backbone that comes without a head to guess with, as MiniLM, has one that knows nothing; `RecipeError` for an AWD-LSTM
    that began with random weights, as it then knew nothing at all.
    """
    plan = tuned.config.plan
    if plan.backbone in SIZES and plan.backbone != AWD_LSTM_WT103:
        raise RecipeError(f"{plan.backbone} began with random weights: before it was trained it knew no word.")
    # A bundle says which words an AWD-LSTM knows; of other backbones their own place has the tokenizer too.
    plan = plan if plan.backbone in SIZES else replace(plan, files=None)
    model = _untuned(plan, tuned.config.task, tuned.config.objective)
    return replace(tuned, model=model.to(tuned.device))


@lru_cache(maxsize=2)
def _untuned(plan: ModelPlan, task: str, objective: str) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)  # for a head that comes with no weights
        return get_task(task).build_objective(objective).build_model(plan, pretrained=True).eval()


def _last_row(output: object) -> Tensor:
    """Logits (V,) of the token that comes next, on the CPU."""
    logits = getattr(output, "logits", output)
    assert isinstance(logits, Tensor)
    return logits.reshape(-1, logits.shape[-1])[-1].float().cpu()


def _draw(row: Tensor, temperature: float, draw: torch.Generator) -> int:
    best = row.topk(min(LIKELIEST, len(row)))
    shares = (best.values / temperature).softmax(0)
    return int(best.indices[torch.multinomial(shares, 1, generator=draw)])
