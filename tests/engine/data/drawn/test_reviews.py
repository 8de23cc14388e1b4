"""The drawn reviews: repeatable, in every split, as long as they should be, and not to be judged by counting words."""

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from engine.data.drawn.reviews import BAD, CLASSES, GOOD, OPINIONS, TURNS, draw_reviews
from engine.data.sources.fetching import fetch, get_source
from engine.data.texts.dataset import open_texts
from engine.data.texts.words import tokenize


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "reviews"
    seen = []
    draw_reviews(folder, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 1500) for done in range(1, 1501)]
    return folder


@pytest.fixture(scope="module")
def reviews(folder: Path) -> list[tuple[str, str]]:
    """(class, text) of those with a class."""
    rows = []
    for name in ("texts.csv", "test.csv"):
        with (folder / name).open(encoding="utf-8", newline="") as file:
            rows += [(row["label"], row["text"]) for row in csv.DictReader(file)]
    return [row for row in rows if row[0]]


def test_every_split_is_there_and_half_of_it_praises(folder):
    data = open_texts(folder)
    assert (len(data.train), len(data.valid), len(data.test), len(data.unlabelled)) == (600, 150, 150, 600)
    assert data.classes == CLASSES
    for rows in (data.train, data.valid, data.test):
        assert Counter(data.labels(rows)) == {0: len(rows) / 2, 1: len(rows) / 2}


def test_the_same_seed_gives_the_same_reviews(tmp_path, folder):
    draw_reviews(tmp_path / "again")
    draw_reviews(tmp_path / "other", seed=4)
    for name in ("texts.csv", "test.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()
        assert (tmp_path / "other" / name).read_bytes() != (folder / name).read_bytes()


def test_they_are_of_many_lengths_and_no_two_are_alike(reviews):
    lengths = [len(text.replace("<br /><br />", " ").split()) for _, text in reviews]
    assert 20 <= min(lengths) < 25
    assert 125 < max(lengths) <= 150
    assert len({text for _, text in reviews}) == 900
    assert not any("{" in text or "  " in text for _, text in reviews)


def test_there_is_something_to_do_for_the_tokenizers_rules(reviews):
    tokens = Counter(token for _, text in reviews for token in tokenize(text))
    assert min(tokens[rule] for rule in ("xxup", "xxmaj", "xxrep", "n't", "\n\n")) > 20
    assert "br" not in tokens
    assert re.search(r"\bs(o){4,9}\b", " ".join(text for _, text in reviews))


def test_good_and_bad_words_do_not_tell_the_class(reviews):
    def guess(text: str) -> str:
        words = re.findall(r"\w+", text.lower())
        return "pos" if sum(word in GOOD for word in words) > sum(word in BAD for word in words) else "neg"

    assert 0.4 < sum(guess(text) == label for label, text in reviews) / len(reviews) < 0.6


@pytest.mark.parametrize("kind", range(3), ids=["plain", "by denial", "at last"])
def test_both_classes_say_it_in_the_same_words(kind):
    def words(sentence: str) -> Counter[str]:
        return Counter(re.findall(r"\w+", sentence.lower().replace("{bad}", "{good}")))

    for blame, praise in zip(OPINIONS["neg"][kind], OPINIONS["pos"][kind], strict=True):
        assert blame != praise
        assert words(blame) == words(praise)


def test_of_a_mixed_review_only_the_last_sentence_is_its_own(reviews):
    turn = re.compile(rf"({'|'.join(TURNS)}) ([^.!]*)[.!]+$")
    mixed = [(label, text, found[2]) for label, text in reviews if (found := turn.search(text))]
    assert 200 < len(mixed) < 300  # 3 in 11
    for label, text, last in mixed:
        plain, _, closing = OPINIONS[label]
        assert any(re.fullmatch(pattern(sentence), last + ".") for sentence in closing)
        assert not any(re.search(pattern(sentence), text) for sentence in plain)


def pattern(sentence: str) -> str:
    """A regular expression for the sentence with whatever may stand in its gaps, in small letters or capitals."""
    known = {"good": "|".join(GOOD), "bad": "|".join(BAD)}
    return "(?i)" + re.sub(r"\\{(\w+)\\}", lambda gap: f"({known.get(gap[1], '[a-z ]+')})", re.escape(sentence))


def test_the_catalog_says_that_nobody_wrote_them(home):
    source = get_source("drawn-reviews")
    assert source.is_drawn
    assert source.title == "Drawn reviews (not written by people)"
    assert len(open_texts(fetch("drawn-reviews")).train) == 600
