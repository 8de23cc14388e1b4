"""Classes of texts by their words and pairs of words, weighed by how much oftener a class has them, in a logistic regression.

Wang and Manning 2012, "Baselines and bigrams: simple, good sentiment and topic classification" (their NBSVM, with a
softmax in place of the margin). It learns from two thousand reviews in seconds.
"""

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from engine.data.texts.tokenizers import clean

RAREST = 2  # a pair that only one text has says nothing of others
MOST_NUMBERS = 200_000  # words and pairs, the commonest
SMOOTH = 1.0
SHRINK = 0.03  # on the squared weights; `benchmarks.label_noise` measures it
STEPS = 60
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?|[!?]")


def terms(text: str) -> set[str]:
    """The words of a text and its pairs of neighbouring ones, without regard to capitals."""
    words = _WORD.findall(clean(text).lower())
    return {*words, *(f"{first} {second}" for first, second in itertools.pairwise(words))}


class Terms(NamedTuple):
    """Which text has which term: those of each text one after the other, where each text's begin, and the reverse."""

    terms: Tensor
    text_starts: Tensor
    texts: Tensor
    term_starts: Tensor

    def by_text(self, values: Tensor) -> Tensor:
        """The sum of the values (D, K) of each text's terms (N, K)."""
        return functional.embedding_bag(self.terms, values, self.text_starts, mode="sum")

    def by_term(self, values: Tensor) -> Tensor:
        """The sum of the values (N, K) of each term's texts (D, K)."""
        return functional.embedding_bag(self.texts, values, self.term_starts, mode="sum")


def count_terms(texts: Iterable[Sequence[str]], total: int, told: Callable[[int, int], None]) -> Terms:
    """Which text has which term; `texts` come some at a time."""
    counts = Counter[str]()
    found: list[list[str]] = []
    for some in texts:
        for text in some:
            mine = sorted(terms(text))
            counts.update(mine)
            found.append(mine)
        told(len(found), total)
    known = [term for term, times in counts.most_common(MOST_NUMBERS) if times >= RAREST]
    place = {term: at for at, term in enumerate(known)}
    held = [[place[term] for term in mine if term in place] for mine in found]
    lengths = torch.tensor([len(mine) for mine in held])
    flat = torch.tensor(list(itertools.chain.from_iterable(held)), dtype=torch.int64)
    rows = torch.arange(len(held)).repeat_interleave(lengths)
    order = flat.argsort(stable=True)
    times = flat.bincount(minlength=len(known))
    return Terms(flat, lengths.cumsum(0) - lengths, rows[order], times.cumsum(0) - times)


def held_out_shares(
    has: Terms,
    given: Tensor,
    part_of: Tensor,
    classes: int,
    told: Callable[[int, int], None],
    *,
    shrink: float = SHRINK,
) -> Tensor:
    """Each text's probabilities (N, K), from the model that learnt from all parts but its own; nothing is random."""
    shares = torch.zeros(len(given), classes)
    parts = part_of.unique().tolist()
    for done, part in enumerate(parts, start=1):
        seen = part_of != part
        shares[~seen] = fitted(has, given, seen, classes, shrink)[~seen].softmax(1)
        told(done, len(parts))
    return shares


def fitted(has: Terms, given: Tensor, seen: Tensor, classes: int, shrink: float = SHRINK) -> Tensor:
    """All texts' logits (N, K) by a model of those that are `seen`."""
    truth = functional.one_hot(given, classes).float()
    mask = seen.float()[:, None]
    ratios = _ratios(has, truth, mask)
    weights = torch.zeros(ratios.shape[0], classes, requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=STEPS, line_search_fn="strong_wolfe")

    def step() -> Tensor:
        with torch.no_grad():  # the gradient by hand, from the terms' side: many times as fast
            logits = has.by_text(ratios * weights) + bias
            error = (logits.softmax(1) - truth) * mask / mask.sum()
            weights.grad = ratios * has.by_term(error) + 2 * shrink * weights
            bias.grad = error.sum(0)
            return functional.cross_entropy(logits[seen], given[seen]) + shrink * weights.square().sum()

    optimizer.step(step)  # pyright: ignore[reportArgumentType] (its stub wants a float)
    with torch.no_grad():
        return has.by_text(ratios * weights) + bias


def _ratios(has: Terms, truth: Tensor, mask: Tensor) -> Tensor:
    """How much oftener each class's texts have a term than the others', as logarithms (D, K)."""
    mine = has.by_term(truth * mask) + SMOOTH
    others = has.by_term((1 - truth) * mask) + SMOOTH
    return (mine / mine.sum(0)).log() - (others / others.sum(0)).log()
