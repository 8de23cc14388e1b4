"""The lesson's word tokenizer and its vocabulary: text → words → numbers."""

from collections.abc import Iterable, Mapping, Sequence

from engine.data.texts.word_rules import RULES, SPECIALS, UNK
from engine.data.texts.word_splitting import split_words
from engine.errors import RecipeError


def tokenize(text: str) -> list[str]:
    """All rules, then the words. White space that is a word has `▁` for each space, as fastai writes it."""
    for rule in RULES:
        text = rule(text)
    return [word.replace(" ", "▁") for word in split_words(text)]


def build_vocabulary(counts: Mapping[str, int], *, at_least: int = 2, at_most: int = 60_000) -> tuple[str, ...]:
    """Special tokens, then words seen `at_least` times, frequent ones first and equals by alphabet; `at_most` in all.

    The defaults are the lesson's. `RecipeError` for limits that leave nothing to learn from.
    """
    if at_least < 1:
        raise RecipeError(
            f"Every word was seen at least once, so at_least {at_least} means nothing: set it to 1 or more."
        )
    if at_most <= len(SPECIALS):
        raise RecipeError(
            f"A vocabulary of {at_most} has no room for words beside its {len(SPECIALS)} special tokens: "
            f"set at_most to {len(SPECIALS) + 1} or more."
        )
    seen = (word for word, count in counts.items() if count >= at_least and word not in SPECIALS)
    return (*SPECIALS, *sorted(seen, key=lambda word: (-counts[word], word)))[:at_most]


def index_words(vocabulary: Sequence[str]) -> dict[str, int]:
    """From each word to its number, its place in the vocabulary."""
    return {word: number for number, word in enumerate(vocabulary)}


def numericalise(tokens: Iterable[str], index: Mapping[str, int]) -> list[int]:
    """The number of each token; that of `xxunk` for those that the index lacks."""
    unknown = index[UNK]
    return [index.get(token, unknown) for token in tokens]
