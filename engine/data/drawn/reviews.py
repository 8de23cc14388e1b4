"""Makes up film reviews, so that there is something to read and judge with no network at all.

A review is put together by chance from sentences that praise, that blame, and that do neither. Counting good and bad words
does not tell which it is: "not dull at all" praises, and of a mixed review the last sentence decides.
"""

import csv
import random
import re
from collections.abc import Callable
from pathlib import Path

CLASSES = ("neg", "pos")
SHORTEST, LONGEST = 20, 150  # words

# fmt: off
FIRST = (
    "Paper", "Northern", "Silent", "Copper", "Borrowed", "Second", "Winter", "Crooked", "Velvet", "Hollow", "Salt",
    "Distant", "Wooden", "Amber", "Stolen",
)
LAST = (
    "Harbour", "Lantern", "Orchard", "Garden", "Station", "Letters", "Mirror", "River", "Parade", "Compass",
    "Island", "Waltz", "Bakery", "Tide", "Museum",
)
NAMES = (
    "Odile Brandt", "Tomas Greel", "Mira Solanke", "Henrik Ashby", "Lucia Ferrant", "Bo Winterly", "Anselm Cray",
    "Petra Noon",
)
WHO = (
    "a clockmaker", "an opera singer", "a retired sailor", "a young teacher", "a village doctor", "a tired thief",
    "a lonely baker",
)
QUEST = (
    "must cross the country in a single night", "finds a map in an old piano",
    "inherits a hotel that nobody visits", "tries to win back a lost brother", "is taken for somebody famous",
    "decides to rob the town's only bank", "falls in love by letter", "wakes up in the wrong year",
    "has to hide a circus bear",
)
PART = (
    "the acting", "the script", "the music", "the camera work", "the ending", "the dialogue", "the pacing",
    "the humour", "the plot", "the first half", "the second half", "the leading man", "the leading lady",
    "every single scene",
)
GOOD = (
    "brilliant", "wonderful", "gripping", "charming", "moving", "funny", "fresh", "clever", "beautiful", "touching",
    "superb", "delightful", "great",
)
BAD = (
    "dull", "awful", "tedious", "clumsy", "lifeless", "boring", "predictable", "messy", "ridiculous", "painful",
    "shallow", "annoying", "bad",
)
VERY = (
    "very", "really", "truly", "so", "simply", "quite", "just",
)
KIN = (
    "sister", "father", "wife", "husband", "neighbour", "son",
)
# fmt: on

OPENINGS = (
    "I saw {film} on a rainy {day} with my {kin}.",
    "{film} was on television last {day}, and my {kin} wanted to watch it.",
    "My {kin} gave me {film} for my birthday.",
    "I had waited for {film} since I read about it in a magazine.",
    "This is the {nth} film by {name}, and it is called {film}.",
)
NEUTRAL = (
    "It is about {who} who {quest}.",
    "The story begins on the day when {who} {quest}.",
    "The music is by {name}, who also has a small part as {who}.",
    "Most of it was filmed in a town by the sea.",
    "It runs for about {minutes} minutes.",
    "I don't want to say more about the plot here.",
    "{name} wrote it, and {name} plays {who}.",
    "The book came out years ago, and I've read it twice.",
    "We talked about it on the way home, my {kin} and I.",
)
PRAISE = (
    "{part} is {very} {good}.",
    "I thought that {part} was {good} and {good}.",
    "{part} is {good}, {good}, and never {bad}.",
    "How {good} {part} is!",
    "I found {part} {very} {good}.",
)
BLAME = (
    "{part} is {very} {bad}.",
    "I thought that {part} was {bad} and {bad}.",
    "{part} is {bad}, {bad}, and never {good}.",
    "How {bad} {part} is!",
    "I found {part} {very} {bad}.",
)
# Each says its opposite but for a word or two.
PRAISE_BY_DENIAL = (
    "{part} is not {bad} at all.",
    "There is nothing {bad} about {part}.",
    "{part} isn't {bad} for a minute.",
    "I can't call {part} {bad}, whatever others say.",
    "I expected {part} to be {bad}, and I was wrong.",
)
BLAME_BY_DENIAL = (
    "{part} is not {good} at all.",
    "There is nothing {good} about {part}.",
    "{part} isn't {good} for a minute.",
    "I can't call {part} {good}, whatever others say.",
    "I expected {part} to be {good}, and I was wrong.",
)
TURNS = ("But", "And yet", "Still,", "For all that,", "Even so,")  # before the last sentence of a mixed review
# In the same words, so that only their order tells.
PRAISE_AT_LAST = (
    "I would see it again before I would see any other.",
    "I wanted to leave at first, and then I wanted to stay.",
    "my {kin} did not like it, but I did.",
    "what is wrong with it matters less than what is right.",
    "it begins badly and ends well.",
    "do not believe those who say that it is bad: it is good.",
)
BLAME_AT_LAST = (
    "I would see any other before I would see it again.",
    "I wanted to stay at first, and then I wanted to leave.",
    "I did not like it, but my {kin} did.",
    "what is right with it matters less than what is wrong.",
    "it begins well and ends badly.",
    "do not believe those who say that it is good: it is bad.",
)
WORDS = {
    "name": NAMES, "who": WHO, "quest": QUEST, "part": PART, "good": GOOD, "bad": BAD, "very": VERY, "kin": KIN,
    "day": ("Monday", "Friday", "Sunday", "night"), "nth": ("first", "second", "third"),
}  # fmt: skip
OPINIONS = {"neg": (BLAME, BLAME_BY_DENIAL, BLAME_AT_LAST), "pos": (PRAISE, PRAISE_BY_DENIAL, PRAISE_AT_LAST)}
OPPOSITE = {"neg": "pos", "pos": "neg"}


def draw_reviews(
    folder: Path,
    *,
    train: int = 600,
    valid: int = 150,
    test: int = 150,
    unlabelled: int = 600,
    seed: int = 3,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Makes `folder` with `texts.csv` and `test.csv`, whose columns are label, text and is_valid; no label where nobody has said.

    Half of each split praises. The same `seed` makes the same reviews. `on_progress(done, total)` counts them.
    """
    folder.mkdir(parents=True)
    total, done = train + valid + test + unlabelled, 0
    for name, splits in {
        "texts.csv": {"train": train, "valid": valid, "unlabelled": unlabelled},
        "test.csv": {"test": test},
    }.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(("label", "text", "is_valid"))
            for split, count in splits.items():
                for index in range(count):
                    label = CLASSES[index % 2]
                    text = draw_review(random.Random(f"{seed} {split} {index}"), label)
                    table.writerow(("" if split == "unlabelled" else label, text, split == "valid"))
                    done += 1
                    on_progress(done, total)


def draw_review(rng: random.Random, label: str) -> str:
    """One review of the class `label`, with `SHORTEST` to `LONGEST` words."""
    draw = _Draw(rng)
    plain, denying, last = OPINIONS[label]
    kind = rng.choices(("plain", "denying", "mixed"), (5, 3, 3))[0]
    closing = [draw.sentence(last)] if rng.random() < 0.4 else []
    if kind == "mixed":  # all is as the other class has it, but for the end
        plain, denying, _ = OPINIONS[OPPOSITE[label]]
        closing = [draw.sentence(last, after=rng.choice(TURNS))]
    opinions = denying if kind == "denying" else plain
    body = [draw.sentence(opinions), draw.sentence(denying)]
    opening = [draw.sentence(OPENINGS)] if rng.random() < 0.7 else []
    length = rng.betavariate(1.3, 2.2) * (LONGEST - SHORTEST) + SHORTEST
    while True:
        more = draw.sentence(NEUTRAL if rng.random() < 0.5 else opinions)
        if _words([*opening, *body, more, *closing]) > length and _words([*opening, *body, *closing]) >= SHORTEST:
            return _set(rng, [*opening, *body, *closing])
        body.insert(rng.randint(0, len(body)), more)


def _words(sentences: list[str]) -> int:
    return len(" ".join(sentences).split())


class _Draw:
    """Words and sentences for one review: each list is used up in a random order before anything of it comes again."""

    def __init__(self, rng: random.Random):
        self._rng = rng
        self._film = f"{rng.choice(FIRST)} {rng.choice(LAST)}"
        self._waiting: dict[tuple[str, ...], list[str]] = {}

    def sentence(self, sentences: tuple[str, ...], *, after: str = "") -> str:
        """One of `sentences` with a word in each gap, `after` before it, and a capital at its start."""
        whole = re.sub(r"{(\w+)}", lambda gap: self._word(gap[1]), f"{after} {self._one_of(sentences)}".strip())
        return whole[0].upper() + whole[1:]

    def _word(self, gap: str) -> str:
        rng = self._rng
        if gap == "film":
            return self._film
        if gap == "minutes":
            return str(rng.randint(78, 160))
        word = self._one_of(WORDS[gap])
        if gap in ("good", "bad") and rng.random() < 0.12:  # as people write who are sure of it
            return word.upper()
        return f"s{'o' * rng.randint(4, 9)}" if word == "so" and rng.random() < 0.5 else word

    def _one_of(self, several: tuple[str, ...]) -> str:
        waiting = self._waiting.setdefault(several, [])
        if not waiting:
            waiting += self._rng.sample(several, len(several))
        return waiting.pop()


def _set(rng: random.Random, sentences: list[str]) -> str:
    """The sentences in paragraphs as IMDb has them, some with more than one exclamation mark."""
    text = ""
    for number, sentence in enumerate(sentences):
        if sentence.endswith(".") and rng.random() < 0.06:
            sentence = sentence[:-1] + "!" * rng.randint(1, 4)
        gap = "<br /><br />" if rng.random() < 0.12 else " "
        text += (gap if number else "") + sentence
    return text
