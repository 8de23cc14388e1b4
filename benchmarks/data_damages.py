"""Ways to damage a data set, by chance, for `benchmarks.damaged_data`: its files, their bytes, the lines and cells of its texts.

Each takes a generator and a file or folder, and damages that in place. What needs to know a format is in `format_damages`.
"""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks.byte_damages import damage_bytes, one_of
from benchmarks.format_damages import damage_format
from benchmarks.hostile_values import CELLS, NAMES, SECRET

TEXTS = (".csv", ".tsv", ".json", ".jsonl", ".txt", ".cal")


def damage(draw: random.Random, root: Path) -> list[str]:
    """One to three damages to the files in a folder; what they are."""
    done: list[str] = []
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        files = [path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink()]
        kinds = sorted({path.suffix for path in files})
        if not kinds:
            break
        some = [path for path in files if path.suffix == draw.choice(kinds)] or files
        many = draw.random() < 0.25  # one file, or all of its kind
        way = draw.choice((damage_lines, damage_lines, damage_format, damage_format, damage_bytes, damage_file))
        seed = draw.random()
        for file in some if many else [draw.choice(some)]:
            if file.is_file() and not file.is_symlink():
                done.append(f"{file.relative_to(root).as_posix()!a}: {way(random.Random(seed), file)}")
    return done


# Files


def damage_file(draw: random.Random, file: Path) -> str:
    ways = (delete, rename, rename, move, make_folder, link, link, pipe, swap, copy, nest, empty_folder)
    return one_of(draw, ways, file)


def delete(draw: random.Random, file: Path) -> None:
    file.unlink()


def rename(draw: random.Random, file: Path) -> None:
    name = draw.choice(
        (*NAMES, *(os.fsencode(file.stem) + suffix for suffix in (b".txt", b"", b".json", b".TIF", b"\xff.csv")))
    )
    target = file.parent / os.fsdecode(name)
    if not target.exists():
        file.rename(target)


def move(draw: random.Random, file: Path) -> None:
    target = file.parent.parent / file.name if draw.random() < 0.5 else file.parent / "inner" / file.name
    target.parent.mkdir(exist_ok=True)
    file.rename(target)


def make_folder(draw: random.Random, file: Path) -> None:
    file.unlink()
    file.mkdir()
    if draw.random() < 0.5:
        (file / "inside.txt").write_text("a,b\n")


def link(draw: random.Random, file: Path) -> None:
    targets = (
        "nothing",
        file.name,
        "..",
        ".",
        f"../../../{SECRET}",
        f"../../{SECRET}",
        "/etc/passwd",
        "/dev/zero",
        "/dev/null",
    )
    target = draw.choice(targets)
    file.unlink()
    file.symlink_to(target)


def pipe(draw: random.Random, file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def swap(draw: random.Random, file: Path) -> None:
    others = [path for path in sorted(file.parent.rglob("*")) if path.is_file() and not path.is_symlink()]
    other = draw.choice(others)
    mine = file.read_bytes()
    file.write_bytes(other.read_bytes())
    other.write_bytes(mine)


def copy(draw: random.Random, file: Path) -> None:
    target = file.with_name(os.fsdecode(draw.choice(NAMES)))
    if not target.exists():
        shutil.copy(file, target)


def nest(draw: random.Random, file: Path) -> None:
    """The file in so many folders."""
    depth, here = draw.choice((20, 300, 1200)), os.open(file.parent, os.O_RDONLY)
    start = Path.cwd()
    try:
        os.fchdir(here)
        for _ in range(depth):
            Path("d").mkdir(exist_ok=True)
            os.chdir("d")
        if draw.random() < 0.5:
            Path(file.name).write_bytes(file.read_bytes())
            file.unlink()
    finally:
        os.close(here)
        os.chdir(start)


def empty_folder(draw: random.Random, file: Path) -> None:
    if len(list(file.parent.iterdir())) > 1:
        shutil.rmtree(file.parent)
        file.parent.mkdir()


# Lines and cells


def damage_lines(draw: random.Random, file: Path) -> str:
    if file.suffix not in TEXTS:
        return damage_format(draw, file)
    ways = (
        double, drop, join, drop_first, empty_cell, open_quote, drop_column, other_mark, other_encoding, hostile_cell,
        hostile_cell, hostile_cell, hostile_column, shuffle, announce, widen, line_ends, hostile_head,
    )  # fmt: skip
    return one_of(draw, ways, file)


def edited(file: Path, change: Callable[[list[str]], object]) -> None:
    """A text with its lines changed."""
    lines = file.read_bytes().decode("utf-8", "surrogateescape").split("\n")
    change(lines)
    file.write_bytes(
        "\n".join(lines).encode("utf-8", "surrogatepass" if "\ud800" in "".join(lines) else "surrogateescape")
    )


def mark_of(line: str) -> str:
    return "\t" if "\t" in line else " " if "," not in line else ","


def with_cell(draw: random.Random, line: str, value: str, at: int = -1) -> str:
    mark = mark_of(line)
    cells = line.split(mark)
    cells[draw.randrange(len(cells)) if at < 0 else min(at, len(cells) - 1)] = value
    return mark.join(cells)


def double(draw: random.Random, file: Path) -> None:
    edited(file, lambda lines: lines.insert(draw.randrange(len(lines)), draw.choice(lines)))


def drop(draw: random.Random, file: Path) -> None:
    edited(file, lambda lines: lines.pop(draw.randrange(len(lines))))


def drop_first(draw: random.Random, file: Path) -> None:
    edited(file, lambda lines: lines.pop(0))


def shuffle(draw: random.Random, file: Path) -> None:
    edited(file, draw.shuffle)


def join(draw: random.Random, file: Path) -> None:
    def change(lines: list[str]) -> None:
        at = draw.randrange(len(lines))
        lines[at : at + 2] = ["".join(lines[at : at + 2])]

    edited(file, change)


def one_line(draw: random.Random, file: Path, change: Callable[[str], str]) -> None:
    def do(lines: list[str]) -> None:
        at = draw.randrange(len(lines))
        lines[at] = change(lines[at])

    edited(file, do)


def empty_cell(draw: random.Random, file: Path) -> None:
    one_line(draw, file, lambda line: with_cell(draw, line, ""))


def open_quote(draw: random.Random, file: Path) -> None:
    one_line(draw, file, lambda line: with_cell(draw, line, '"' + line[:20]))


def hostile_cell(draw: random.Random, file: Path) -> None:
    value = draw.choice(CELLS)
    one_line(draw, file, lambda line: with_cell(draw, line, f'"{value}"' if draw.random() < 0.3 else value))


def hostile_head(draw: random.Random, file: Path) -> None:
    edited(file, lambda lines: lines.insert(0, with_cell(draw, lines.pop(0), draw.choice(CELLS))))


def hostile_column(draw: random.Random, file: Path) -> None:
    """One value in all rows."""
    value, at = draw.choice([cell for cell in CELLS if len(cell) < 10_000]), draw.randrange(4)

    def change(lines: list[str]) -> None:
        lines[1:] = [with_cell(draw, line, value, at) if line else line for line in lines[1:]]

    edited(file, change)


def drop_column(draw: random.Random, file: Path) -> None:
    at = draw.randrange(3)

    def change(lines: list[str]) -> None:
        for number, line in enumerate(lines):
            cells = line.split(mark_of(line))
            lines[number] = mark_of(line).join(cells[:at] + cells[at + 1 :])

    edited(file, change)


def other_mark(draw: random.Random, file: Path) -> None:
    mark, share = draw.choice(";|\t, "), draw.choice((1.0, 0.3))
    edited(file, lambda lines: lines.__setitem__(
        slice(None), [line.replace(mark_of(line), mark) if draw.random() < share else line for line in lines]
    ))  # fmt: skip


def other_encoding(draw: random.Random, file: Path) -> None:
    text = file.read_bytes().decode("utf-8", "replace")
    name = draw.choice(("latin-1", "cp1252", "utf-16", "utf-16-le", "utf-32", "utf-8-sig", "shift_jis", "utf-7"))
    content = text.replace("film", "filmé").encode(name, "replace")
    file.write_bytes(content[: len(content) - draw.choice((0, 0, 1, 3))])


def announce(draw: random.Random, file: Path) -> None:
    edited(file, lambda lines: lines.insert(0, "sep=" + draw.choice((";", ",", '"', "\\", "\t", " ", "\0", "é", "a"))))


def widen(draw: random.Random, file: Path) -> None:
    extra = mark_of(",") * draw.choice((1, 2100)) + "z"
    edited(file, lambda lines: lines.__setitem__(slice(None), [line + extra for line in lines]))


def line_ends(draw: random.Random, file: Path) -> None:
    file.write_bytes(
        file.read_bytes().replace(b"\n", draw.choice((b"\r", b"\r\r\n", b"\n\n", b"\r\n", b"\x85", b"\0\n")))
    )
