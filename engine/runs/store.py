"""A run is a folder; this module knows its files. Everything that anybody knows of a run is in them.

recipe.json    what to train: a `RunSpec`, written once
events.jsonl   what the worker says, one event a line, only ever appended to
checkpoints/   what a run can be resumed from
worker.log     whatever the worker prints
worker.json    the process that has the run, while one has it
queued.json    the run waits for a device
starting.json  the same file, renamed by the server that is just starting the worker
worker.lock    held by the worker
stop           somebody asked the worker to stop

Files that are written whole are written beside and moved into place, so that nobody ever reads half of one.
"""

import dataclasses
import json
import os
import platform
import re
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import psutil

from engine.errors import RecipeError, RunError
from engine.events import Event, from_json, to_json
from engine.fields import DAMAGE, from_values
from engine.host.access import asker, visitor_limits
from engine.host.home import disk_told, runs_folder
from engine.recipe import LR_STEPS, Recipe, recipe_from_dict
from engine.tasks.registry import TASKS

FORMAT = 2
SPEC_FILE = "recipe.json"
EVENTS_FILE = "events.jsonl"
CHECKPOINTS_FOLDER = "checkpoints"
LOG_FILE = "worker.log"
WORKER_FILE = "worker.json"
QUEUED_FILE = "queued.json"
STARTING_FILE = "starting.json"
LOCK_FILE = "worker.lock"
STOP_FILE = "stop"

LOG_LINES = 20
LOG_TAIL_BYTES = 32_768
# A process's start is counted from the machine's boot, whose own time moves a little when the clock is set.
SAME_START_SECONDS = 2.0
# A worker on another machine that has written nothing for so long has ended; a step or a validation does not take as long.
ELSEWHERE_SECONDS = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """What a run does. `dataset` is a registered name or a folder, `init_from` a run or bundle to take weights from;
    `lr_steps` is how many rates an LR finder tries.

    `owner` is the visitor of a shared page who made it, `minutes` how long it may take at a stretch: 0 for as long as it needs.
    Folders must be absolute: the worker has a working directory of its own.
    """

    task: str
    dataset: str
    recipe: Recipe
    seed: int = 42
    init_from: str = ""
    job: Literal["train", "lr-find"] = "train"
    title: str = ""
    lr_steps: int = LR_STEPS
    owner: str = ""
    minutes: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRecord:
    """The process that has a run, the device slots it fills, and how long the events and the log were when it came.

    `host` is the machine that it runs on: on a cluster several machines share one home.
    """

    pid: int
    created: float
    slots: tuple[str, ...]
    events_size: int
    log_size: int
    host: str = ""

    def __post_init__(self) -> None:
        if self.pid <= 0 or self.events_size < 0 or self.log_size < 0:
            raise ValueError("A worker has a process, and found files of 0 bytes or more.")

    @property
    def is_here(self) -> bool:
        """Whether it is a process of this machine."""
        return self.host in ("", platform.node())


def write_whole(path: Path, text: str) -> None:
    """Write a file in one step: a reader sees what was there before or all of `text`."""
    beside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:  # it is there still where the disk is full
        beside.unlink(missing_ok=True)


def create_run(spec: RunSpec, *, folder: Path | None = None) -> Path:
    """A new run folder: `folder` (new or empty), else one in the runs folder whose name sorts by time.

    A visitor's of a shared page is marked as theirs, and may take as long as visitors' may.
    """
    person = asker()
    if not person.is_host:
        spec = dataclasses.replace(spec, owner=person.owner, minutes=visitor_limits().minutes)
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    own = runs_folder() / f"{now}-{re.sub('[^a-z0-9]+', '-', spec.task.lower())}"
    run_dir = own if folder is None else folder.expanduser().absolute()
    with disk_told("make the run's folder"):
        if run_dir.exists() and not (run_dir.is_dir() and not any(run_dir.iterdir())):
            raise RunError(f"{run_dir} is there already. Give a new or an empty folder for the run.")
        run_dir.mkdir(parents=True, exist_ok=folder is not None)
        try:
            write_whole(run_dir / SPEC_FILE, json.dumps({"format": FORMAT, **dataclasses.asdict(spec)}, indent=2))
        except OSError:
            run_dir.rmdir()
            raise
    return run_dir


def read_spec(run_dir: Path) -> RunSpec:
    """What the run was made to do, or a `RunError`: no run there, written by a newer version, damaged."""
    path = run_dir / SPEC_FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        version = values.pop("format")
        if version > FORMAT:
            raise RunError(f"{path} has format {version}, this version reads {FORMAT}. Update the app.")
        values.pop("objective", None)  # once here, now the recipe's
        recipe = recipe_from_dict(values["recipe"])
        values["recipe"] = _named(values["task"], recipe) if version == 1 else recipe
        return RunSpec(**{**values, **from_values(RunSpec, values)})
    except (FileNotFoundError, NotADirectoryError):
        raise RunError(f"There is no run in {run_dir}. `python -m engine runs` lists the runs.") from None
    except (*DAMAGE, RecipeError) as error:
        raise RunError(f"{path} is damaged ({error}). Delete the run and make it again.") from error


def _named(task: str, recipe: Recipe) -> Recipe:
    """A recipe of format 1: one that names no objective meant the task's first one of then."""
    before = next((known.before for known in TASKS if known.name == task), "")
    return dataclasses.replace(recipe, objective=before) if before and not recipe.objective else recipe


def list_runs() -> list[Path]:
    """The runs of this home, newest first."""
    return runs_with(SPEC_FILE)


def runs_with(file: str) -> list[Path]:
    """The folders in the runs folder that have a file of this name, newest first."""
    folder = runs_folder()
    try:
        names = sorted(os.listdir(folder), reverse=True)  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return []
    # Every open page asks for this once a second, and making a path takes longer than looking for a file.
    return [folder / name for name in names if name[0] != "." and os.path.isfile(f"{folder}/{name}/{file}")]  # noqa: PTH113


def find_run(name_or_path: str | Path) -> Path:
    """The folder of a run, given its name in the runs folder or its path."""
    for path in (runs_folder() / name_or_path, os.path.expanduser(name_or_path)):  # noqa: PTH111
        folder = Path(path).absolute()
        if os.path.isfile(folder / SPEC_FILE):  # noqa: PTH113 - false, too, for what can be no path
            return folder
    raise RunError(f"There is no run {str(name_or_path)!r}. `python -m engine runs` lists the runs.")


def append_event(run_dir: Path, event: Event) -> None:
    """Add one line to the run's events, in one write.

    A writer that was killed in the middle of a line left it without an end; it gets one, so that the new line is whole.
    """
    line = to_json(event, at=time.time()).encode() + b"\n"
    with (run_dir / EVENTS_FILE).open("ab+", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":
                line = b"\n" + line
        file.write(line)


def read_events(run_dir: Path, offset: int = 0) -> tuple[list[Event], int]:
    """The events from byte `offset` on, and the offset to go on from.

    A last line that is still being written is left for the next time; a line that was never finished is passed over.
    """
    try:
        with (run_dir / EVENTS_FILE).open("rb") as file:
            file.seek(offset)
            whole_lines = file.read().rpartition(b"\n")[0]
    except FileNotFoundError:
        return [], 0
    if not whole_lines:
        return [], offset
    events = (_event(line) for line in whole_lines.split(b"\n"))
    return [event for event in events if event is not None], offset + len(whole_lines) + 1


def _event(line: bytes) -> Event | None:
    try:
        return from_json(line.decode())[1]
    except DAMAGE:
        return None


def file_size(path: Path) -> int:
    """In bytes; 0 for a file that is not there."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def log_tail(run_dir: Path, *, since: int = 0) -> str:
    """The last lines of the worker's log, of what was written after its first `since` bytes."""
    path = run_dir / LOG_FILE
    size = file_size(path)
    if size <= since:
        return ""
    with path.open("rb") as file:
        file.seek(max(since, size - LOG_TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join(lines[-LOG_LINES:])


def request_stop(run_dir: Path) -> None:
    """Ask the worker to stop at its next batch."""
    (run_dir / STOP_FILE).touch()


def clear_stop(run_dir: Path) -> None:
    """Forget that somebody asked."""
    (run_dir / STOP_FILE).unlink(missing_ok=True)


def stop_requested(run_dir: Path) -> bool:
    """Whether somebody asked the worker to stop."""
    return (run_dir / STOP_FILE).exists()


def write_worker(run_dir: Path, pid: int, *, slots: tuple[str, ...], events_size: int, log_size: int) -> None:
    """Note that process `pid` has the run."""
    created = psutil.Process(pid).create_time()
    record = WorkerRecord(
        pid=pid, created=created, slots=slots, events_size=events_size, log_size=log_size, host=platform.node()
    )
    write_whole(run_dir / WORKER_FILE, json.dumps(dataclasses.asdict(record)))


def read_worker(run_dir: Path) -> WorkerRecord | None:
    """The process that has the run, or had it and could not say that it left."""
    try:
        values = json.loads((run_dir / WORKER_FILE).read_text(encoding="utf-8"))
        return WorkerRecord(**from_values(WorkerRecord, values))
    except (FileNotFoundError, NotADirectoryError, *DAMAGE):
        return None


def worker_alive(run_dir: Path) -> bool:
    """Whether the process in worker.json is there and is still the same one. A zombie has ended.

    Of another machine's process all that can be seen is whether it still writes events.
    """
    record = read_worker(run_dir)
    if record is None:
        return False
    if not record.is_here:
        latest = max(
            (run_dir / name).stat().st_mtime for name in (WORKER_FILE, EVENTS_FILE) if (run_dir / name).exists()
        )
        return time.time() - latest < ELSEWHERE_SECONDS
    try:
        process = psutil.Process(record.pid)
        is_same = abs(process.create_time() - record.created) < SAME_START_SECONDS
        return is_same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
