"""Our word tokenizer beside fastai's rules with spaCy's words, on the lesson's 1,000 film reviews: how often they agree.

    python -m pip install -r benchmarks/requirements.txt
    python -m benchmarks.words_vs_fastai …/imdb_sample.tgz

Takes the archive, or its `texts.csv`. Agreement is the number of tokens that are equal when both lists of a review are laid side
by side in order, over the length of the longer list, summed over all reviews. fastai runs as it does on a data frame,
`TokenizeWithRules(WordTokenizer())`. Seconds are for all reviews, one process each, fastai's after a first text.
"""

# pyright: reportMissingImports=false
# (fastai is in this folder's own requirements)

import argparse
import csv
import io
import tarfile
import time
from collections import Counter
from difflib import SequenceMatcher
from pathlib import Path

from engine.data.texts.word_rules import RULES
from engine.data.texts.words import tokenize

MEMBER = "imdb_sample/texts.csv"
SHOWN = 30


def read_reviews(path: Path) -> list[str]:
    """The column `text` of the archive's table, or of the table itself."""
    if path.suffix == ".csv":
        content = path.read_bytes()
    else:
        with tarfile.open(path) as archive:
            member = archive.extractfile(MEMBER)
            if member is None:
                raise SystemExit(f"{path} holds no file {MEMBER}.")
            content = member.read()
    return [row["text"] for row in csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""))]


def ours(texts: list[str]) -> tuple[list[list[str]], list[str], float]:
    """Tokens of each text, each text after the rules alone, and the seconds that the tokens took."""
    started = time.perf_counter()
    tokens = [tokenize(text) for text in texts]
    seconds = time.perf_counter() - started
    prepared = []
    for text in texts:
        for rule in RULES:
            text = rule(text)
        prepared.append(text)
    return tokens, prepared, seconds


def fastais(texts: list[str]) -> tuple[list[list[str]], list[str], float]:
    """The same from fastai."""
    from fastai.text.core import TokenizeWithRules, WordTokenizer, defaults
    from fastcore.basics import compose

    words = TokenizeWithRules(WordTokenizer())
    list(words(texts[:1]))
    started = time.perf_counter()
    tokens = [list(found) for found in words(texts)]
    seconds = time.perf_counter() - started
    prepare = compose(*defaults.text_proc_rules)
    return tokens, [prepare(text) for text in texts], seconds


def align(left: list[str], right: list[str]) -> tuple[int, list[tuple[str, str]]]:
    """How many tokens are equal, and the stretches that are not, each as left and right text."""
    if left == right:
        return len(left), []
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    changes = [
        (" ".join(left[i1:i2]), " ".join(right[j1:j2]))
        for kind, i1, i2, j1, j2 in matcher.get_opcodes()
        if kind != "equal"
    ]
    return sum(block.size for block in matcher.get_matching_blocks()), changes


def main() -> None:
    parser = argparse.ArgumentParser(description="Our word tokenizer and fastai's: how often they agree.")
    parser.add_argument("reviews", type=Path, help="imdb_sample.tgz, or its texts.csv")
    parser.add_argument("--shown", type=int, default=SHOWN, help="how many differences to print")
    chosen = parser.parse_args()

    texts = read_reviews(chosen.reviews)
    our_tokens, our_texts, our_seconds = ours(texts)
    their_tokens, their_texts, their_seconds = fastais(texts)
    compared = [align(*pair) for pair in zip(our_tokens, their_tokens, strict=True)]
    equal = sum(size for size, _ in compared)
    longer = sum(max(map(len, pair)) for pair in zip(our_tokens, their_tokens, strict=True))
    whole = sum(not changes for _, changes in compared)
    rules = sum(a == b for a, b in zip(our_texts, their_texts, strict=True))
    changes = Counter(change for _, found in compared for change in found)

    print(f"{len(texts)} reviews; {sum(map(len, our_tokens))} tokens ours, {sum(map(len, their_tokens))} fastai's")
    print(f"equal after the rules alone: {rules} reviews ({rules / len(texts):.2%})")
    print(
        f"agreement: {equal} of {longer} tokens ({equal / longer:.4%}); {whole} reviews entirely ({whole / len(texts):.2%})"
    )
    print(
        f"seconds: {our_seconds:.2f} ours, {their_seconds:.2f} fastai's; fastai's over ours {their_seconds / our_seconds:.2f}"
    )
    print(f"{changes.total()} differences, {len(changes)} kinds; the most common, ours → fastai's:")
    for (mine, theirs), count in changes.most_common(chosen.shown):
        print(f"{count:6}  {mine!r} → {theirs!r}")


if __name__ == "__main__":
    main()
