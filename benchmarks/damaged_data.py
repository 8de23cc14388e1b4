"""What `check` says of data sets that were damaged by chance: it may give an account or refuse with a sentence, and nothing else.

    python -m benchmarks.damaged_data [--count 500] [--seed 0] [--first 0] [--told]

Sound data sets of every layout (`sound_data`) are damaged (`data_damages`, `format_damages`), as folders, tables and archives.
A process of its own checks them one by one; where it dies, that counts as a crash. Prints, for each layout and each way of
packing, how many were accounted for, refused and crashed, and the slowest in seconds of the processor; then the last lines of
each crash, what was written outside of the home, and what archives made it read elsewhere. Exits with 1 for any of these.
`--told` prints each data set with its damages and what was said of it. A set is made again by `--first NUMBER --count 1`.
"""

import argparse
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from benchmarks.byte_damages import damage_bytes
from benchmarks.data_damages import damage
from benchmarks.hostile_values import ODD_MEMBERS, SECRET
from benchmarks.sound_data import LAYOUTS, PACKS, packed

SLOW, ENDED = 10.0, 40.0  # seconds of the processor, and after which a check is ended
MUCH = 2e9  # bytes more than before
ENCODINGS = (
    "cp1252",
    "hex",
    "rot13",
    "idna",
    "nope",
    "undefined",
    "a\0b",
    "utf-16",
    "punycode",
    "base64",
    "mbcs",
    "\ud800",
)
WRITES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod")


@dataclass
class Told:
    """What became of one data set: "account", "refused" or "crash", and its words.

    `wrote` and `read` are files outside of the home and of the data set that it has opened.
    """

    number: int
    layout: str
    pack: str
    damages: Sequence[str]
    outcome: str = "crash"
    words: str = ""
    seconds: float = 0.0
    memory: float = 0.0
    wrote: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)


def made(number: int, seed: int, scratch: Path, sound: Path) -> tuple[Told, Path, str]:
    """The damaged data set of that number, where it lies, and in which encoding it is asked for."""
    draw = random.Random(f"{seed} {number}")
    layout, pack = list(LAYOUTS)[number % len(LAYOUTS)], draw.choice(("folder", "folder", *PACKS))
    name = (
        "set" if draw.random() < 0.9 else draw.choice(("n" * 250, os.fsdecode(b"caf\xe9"), "a b", "*[x]", "ß", "con"))
    )
    folder = scratch / f"{number}" / name
    shutil.copytree(sound / str(list(LAYOUTS).index(layout)), folder)
    if draw.random() < 0.15:  # within other folders
        inner = folder.with_name("wrapped") / "a" / "b"
        inner.parent.mkdir(parents=True)
        folder.rename(inner)
        folder = inner.parent.parent
    odd = [draw.choice(ODD_MEMBERS)] if pack != "folder" and draw.random() < 0.3 else []
    done = [] if odd else damage(draw, folder)
    target = folder
    if pack != "folder":
        target, done = (
            packed(folder.rename(folder.with_name("set")), pack, odd),
            [*done, *(ascii(one[0]) for one in odd)],
        )
        if draw.random() < 0.3:
            done.append(f"the archive: {damage_bytes(draw, target)}")
    elif draw.random() < 0.3 and layout.startswith("texts"):
        tables = [path for path in sorted(folder.iterdir()) if path.is_file() and path.name.startswith("t")]
        target = tables[0] if tables else target
    encoding = draw.choice(ENCODINGS) if draw.random() < 0.05 else ""
    return Told(number, layout, pack, [*done, *([f"encoding {encoding!a}"] if encoding else [])]), target, encoding


def serve(way: Connection, home: str) -> None:
    """Checks what comes through the pipe, in a process of its own; says how it went, and which files it opened elsewhere."""
    from engine.tasks.checking import check
    from engine.tasks.registry import TASKS

    warnings.simplefilter("ignore")
    for aim in (task.aims[0] for task in TASKS):
        aim.build()  # imports what it needs
    import_module("datasets")
    way.send("ready")
    wrote, read, allowed = list[str](), list[str](), [home]

    def watch(event: str, given: tuple) -> None:
        if event not in (*WRITES, "open") or not isinstance(given[0], str | bytes | Path):
            return
        path = os.fsdecode(given[0])
        if not path.startswith("/") or "\0" in path:  # as `shutil.rmtree` goes on inside of a folder
            return
        path = os.path.realpath(path)
        outside = [] if path.startswith(tuple(allowed)) else [path]
        if event in WRITES or (event == "open" and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR)):
            wrote.extend(path for path in outside if not path.startswith("/dev/"))
        elif event == "open":
            read.extend(path for path in outside if SECRET in path or path == "/etc/passwd")

    sys.addaudithook(watch)
    while asked := way.recv():
        path, encoding = asked
        allowed[1:], began = [path], time.process_time()
        wrote.clear()
        read.clear()
        try:
            account = check(path, encoding=encoding)
            outcome, words = (
                ("refused", account.refused) if account.refused else ("account", " ".join(account.sentences()))
            )
        except BaseException:
            outcome, words = "crash", traceback.format_exc()
        way.send((outcome, words, time.process_time() - began, list(wrote), list(read)))


class Checker:
    """The process that checks, started anew where it died or had to be ended."""

    def __init__(self, home: Path) -> None:
        self.home, self.process, self.way = home, None, None

    def check(self, told: Told, path: Path, encoding: str) -> None:
        """Fills in what became of a data set."""
        process, way = self._ready()
        looked, before, began = psutil.Process(process.pid), 0.0, time.monotonic()
        before = looked.memory_info().rss
        way.send((str(path), encoding))
        while not way.poll(0.02) and process.is_alive() and time.monotonic() - began < ENDED:
            told.memory = max(told.memory, looked.memory_info().rss - before)
        try:
            if not way.poll():
                raise EOFError
            told.outcome, told.words, told.seconds, told.wrote, told.read = way.recv()
        except EOFError:
            told.seconds = time.monotonic() - began
            told.words = (
                f"ended after {ENDED:.0f} s" if process.is_alive() else f"the process died ({process.exitcode})"
            )
            process.kill()
            process.join()
            self.process = None

    def close(self) -> None:
        if self.process and self.way:
            self.way.send(None)
            self.process.join()

    def _ready(self) -> tuple:
        if not self.process or not self.process.is_alive():
            start = multiprocessing.get_context("spawn")
            self.way, theirs = start.Pipe()
            self.process = start.Process(target=serve, args=(theirs, str(self.home)), daemon=True)
            self.process.start()
            theirs.close()
            self.way.recv()
        return self.process, self.way


@contextmanager
def deeply() -> Iterator[None]:
    """Lets this process, which makes and removes the folders, go down into folders that are deep in each other."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def run(count: int, seed: int, *, first: int = 0) -> Iterator[Told]:
    """Each data set from `first` on, damaged and checked; where that is 0, the sound ones come before, packed in each way."""
    with deeply(), tempfile.TemporaryDirectory() as place:
        scratch, sound, home = (Path(place).resolve() / name for name in ("sets", "sound", "home"))
        os.environ["LESSON_LAB_HOME"], os.environ["HF_HUB_OFFLINE"] = str(home), "1"
        os.environ["TMPDIR"] = str(home / "tmp")
        (home / "tmp").mkdir(parents=True)
        scratch.mkdir()
        (scratch / SECRET).write_text("text,label\nsecret words,a\n")
        for at, make in enumerate(LAYOUTS.values()):
            (sound / str(at)).mkdir(parents=True)
            make(sound / str(at))
        checker = Checker(home)
        before = set(scratch.parent.rglob("*"))
        for at, layout in enumerate(LAYOUTS if not first else ()):
            for pack in PACKS:
                told = Told(-1, layout, pack, ["sound"])
                checker.check(told, sound / str(at) if pack == "folder" else packed(sound / str(at), pack), "")
                told.outcome = {"refused": "crash"}.get(told.outcome, told.outcome)
                yield told
        for number in range(first, first + count):
            told, path, encoding = made(number, seed, scratch, sound)
            checker.check(told, path, encoding)
            shutil.rmtree(scratch / f"{number}")
            yield told
        checker.close()
        kept = {path for path in scratch.parent.rglob("*") if not path.is_relative_to(home)} - before
        strange = [str(path) for path in kept if path.suffix not in (".zip", ".tar", ".tgz")]
        if strange:
            yield Told(-1, "all", "all", [], outcome="account", wrote=strange)


def row(name: str, some: Sequence[Told]) -> str:
    counts = [sum(told.outcome == outcome for told in some) for outcome in ("account", "refused", "crash")]
    slow, large = sum(told.seconds > SLOW for told in some), sum(told.memory > MUCH for told in some)
    seconds = max(told.seconds for told in some)
    return f"| {name} | {' | '.join(map(str, counts))} | {slow} | {large} | {seconds:.1f} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--told", action="store_true", help="print each data set")
    given = parser.parse_args()
    found: list[Told] = []
    for told in run(given.count, given.seed, first=given.first):
        found.append(told)
        if given.told or told.outcome == "crash" or told.seconds > SLOW or told.memory > MUCH:
            head = f"{told.number} {told.layout}, {told.pack}, {told.seconds:.1f} s, {told.memory / 1e6:.0f} MB"
            print(f"{head}: {'; '.join(told.damages)[:400]}\n    {told.outcome}: {told.words[-1500:]!s}", flush=True)
    print("| layout | accounts | refused | crashes | slow | memory | slowest s |\n|---|---|---|---|---|---|---|")
    groups: dict[str, list[Told]] = defaultdict(list)
    for told in found:
        for name in (told.layout, f"as {told.pack}", "all together"):
            groups[name].append(told)
    for name in (*LAYOUTS, *(f"as {pack}" for pack in PACKS), "all together"):
        print(row(name, groups[name]) if groups[name] else f"| {name} | | | | | | |")
    crashes = [told for told in found if told.outcome == "crash"]
    for told in crashes:
        print(f"crash of {told.number} ({told.layout}, {told.pack}): {told.words.strip().splitlines()[-1][:300]}")
    wrote = sorted({path for told in found for path in told.wrote})
    read = [told for told in found if told.read and told.pack != "folder"]
    links = sum(bool(told.read) for told in found) - len(read)
    print(
        f"written outside: {wrote or 'nothing'}; read elsewhere by archives: {read or 'nothing'}, by links in {links} folders"
    )
    return int(bool(crashes or wrote or read))


if __name__ == "__main__":
    sys.exit(main())
