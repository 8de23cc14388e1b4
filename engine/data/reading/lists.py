"""Lists in text files, a name on each line, such as the classes in `codes.txt` and the pictures in `valid.txt`."""

from pathlib import Path

from engine.data.reading.encodings import read_text


def read_lines(path: Path, encoding: str = "") -> list[str]:
    """The lines that hold anything, without blanks at their ends; `DataError` where letters are not known."""
    return [line.strip() for line in read_text(path, encoding).splitlines() if line.strip()]
