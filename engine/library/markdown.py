"""Markdown of words and figures that come from elsewhere."""

from collections.abc import Iterable, Sequence

LONG = 1e9  # from here on a figure is written with an exponent: a float may have 300 digits


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; its cells are plain words."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(plain(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def figure(value: float) -> str:
    """A figure with four decimals."""
    return f"{value:.4e}" if abs(value) >= LONG else f"{value:.4f}"


def plain(words: str) -> str:
    """Words from elsewhere, without what would be markup, a link or a picture."""
    for sign, written in (("<", "&lt;"), ("[", "&#91;"), ("`", "&#96;")):
        words = words.replace(sign, written)
    return " ".join(words.split())


def code(name: str) -> str:
    """A name from elsewhere, set as code: in there nothing is markup but what would end it."""
    return "`" + " ".join(name.replace("`", "'").split()) + "`"
