"""The lesson's rules for text: marks keep what lower case and splitting would lose.

Special tokens and rules behave as fastai's (ULMFiT, Howard and Ruder 2018), so that a vocabulary means the same words on both
sides. Texts come from anywhere, so the time of a rule grows with the length of a text and no faster: patterns are possessive or
bounded.
"""

import html
import re
from collections.abc import Callable

UNK = "xxunk"  # a word that the vocabulary lacks
PAD = "xxpad"  # fills short texts up to the longest of their batch
BOS = "xxbos"  # a text begins
EOS = "xxeos"  # a text ends; no rule writes it
FLD = "xxfld"  # a field of a table begins; no rule writes it
REP = "xxrep"  # the next character came as often as the number says
WREP = "xxwrep"  # the next word came as often as the number says
UP = "xxup"  # the next word was in capitals
MAJ = "xxmaj"  # the next word had a capital first
SPECIALS = (UNK, PAD, BOS, EOS, FLD, REP, WREP, UP, MAJ)

# What is left of HTML, of escapes and of other tokenizers in the texts people collect, and what it stood for. In this order.
LEFTOVERS = (
    ("#39;", "'"),
    ("amp;", "&"),
    ("#146;", "'"),
    ("nbsp;", " "),
    ("#36;", "$"),
    ("\\n", "\n"),
    ("quot;", "'"),
    ("<br />", "\n"),
    ('\\"', '"'),
    ("<unk>", UNK),
    (" @.@ ", "."),
    (" @-@ ", "-"),
    ("...", " …"),
)
NUMBER_OF_NO_CHARACTER = re.compile(r"&#[0-9]{1000,}+;?")  # Python refuses to read numbers this long
REPEATED_CHARACTER = re.compile(r"(\S)\1{2,}+")
REPEATED_WORD = re.compile(r"(?:\s|^)((\w++)(?:\s++\2(?!\w)){2,}+)(\W|$)")
SIGN = re.compile(r"[/#\\]")
SPACES = re.compile(r" {2,}+")
CAPITALS = re.compile(r"(?<!\S)[A-Z][^a-z\s]*+(?!\S)")
CAPITALISED = re.compile(r"(?<!\S)[A-Z][^A-Z\s]*+(?!\S)")


def replace_leftovers(text: str) -> str:
    """HTML's names and numbers of characters become characters, `<br />` a new line, three dots an ellipsis."""
    for leftover, meant in LEFTOVERS:
        text = text.replace(leftover, meant)
    return html.unescape(NUMBER_OF_NO_CHARACTER.sub("\ufffd", text))


def mark_repeated_characters(text: str) -> str:
    """`aaaa` becomes `xxrep 4 a`, from three in a row on."""
    return REPEATED_CHARACTER.sub(lambda found: f" {REP} {len(found[0])} {found[1]} ", text)


def mark_repeated_words(text: str) -> str:
    """`very very very` becomes `xxwrep 3 very`, from three in a row on.

    As in fastai, the space after one such row is used up, so that another row right behind it is not marked.
    """
    return REPEATED_WORD.sub(lambda found: f" {WREP} {len(found[1].split())} {found[2]} {found[3]}", text)


def space_out_signs(text: str) -> str:
    """Spaces around slashes, backslashes and #."""
    return SIGN.sub(r" \g<0> ", text)


def join_spaces(text: str) -> str:
    """One space where there were several."""
    return SPACES.sub(" ", text)


def mark_capitals(text: str) -> str:
    """`GREAT` becomes `xxup great`; a single letter is lowered without a mark."""
    return CAPITALS.sub(lambda found: _lower_marked(found[0], UP), text)


def mark_capitalised(text: str) -> str:
    """`Great` becomes `xxmaj great`; words with capitals inside stay as they are."""
    return CAPITALISED.sub(lambda found: _lower_marked(found[0], MAJ), text)


def lower_case(text: str) -> str:
    """All in lower case, with the mark of a beginning in front."""
    return f"{BOS} {text.lower().strip()}"


def _lower_marked(word: str, mark: str) -> str:
    return f"{mark} {word.lower()}" if len(word) > 1 else word.lower()


RULES: tuple[Callable[[str], str], ...] = (
    replace_leftovers,
    mark_repeated_characters,
    mark_repeated_words,
    space_out_signs,
    join_spaces,
    mark_capitals,
    mark_capitalised,
    lower_case,
)
