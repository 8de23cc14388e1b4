"""What somebody decided about suspected labels, kept at once, for each person and data set a small file of their own.

Decisions go by the samples' names, so that they hold when the list of suspects is another or in another order. One about a label
that the data set does not give any more is no longer of use, and is left out.
"""

import hashlib
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from engine.errors import DataError
from engine.host.access import asker
from engine.host.home import disk_told, home

FOLDER = "decisions"
DROP, KEEP, CORRECT = "drop", "keep", "correct"
_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """About one sample: `keep` says that its label is right, `correct` that `label` is, `drop` that it goes.

    given: the label that it had; at: a Unix time.
    """

    what: Literal["keep", "correct", "drop"]
    given: Any
    label: Any = None
    at: float = 0.0


def decisions_of(kind: str, root: Path) -> dict[str, Decision]:
    """What whoever asks decided about the samples of a data set, by their names, in the order in which they did."""
    try:
        found: Mapping[str, Any] = json.loads(_file(kind, root).read_text("utf-8"))
        return {name: Decision(**one) for name, one in found["decisions"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise DataError(
            f"What you decided about {root.name} cannot be read: {_file(kind, root)} is damaged. Delete it, and decide anew."
        ) from None


def decide(kind: str, root: Path, name: str, decision: Decision) -> dict[str, Decision]:
    """Keep a decision about a sample, in place of an earlier one; all of them."""
    with _LOCK:
        found = decisions_of(kind, root)
        found.pop(name, None)  # the last one is undone first
        found[name] = Decision(what=decision.what, given=decision.given, label=decision.label, at=time.time())
        _write(kind, root, found)
        return found


def undo(kind: str, root: Path, name: str = "") -> str:
    """Take back the decision about a sample, or the last one; whose that was, "" where there is none."""
    with _LOCK:
        found = decisions_of(kind, root)
        name = name or next(reversed(found), "")
        if found.pop(name, None) is None:
            return ""
        _write(kind, root, found)
        return name


def counted(decisions: Mapping[str, Decision]) -> dict[str, int]:
    """How many of each sort."""
    return {what: sum(one.what == what for one in decisions.values()) for what in (CORRECT, DROP, KEEP)}


def _file(kind: str, root: Path) -> Path:
    owner = hashlib.blake2b(asker().owner.encode(), digest_size=8).hexdigest() if asker().owner else "host"
    place = hashlib.blake2b(f"{kind} {root.resolve()}".encode(), digest_size=10).hexdigest()
    return home() / FOLDER / owner / f"{place}.json"


def _write(kind: str, root: Path, decisions: Mapping[str, Decision]) -> None:
    file = _file(kind, root)
    kept = {"kind": kind, "root": str(root), "decisions": {name: asdict(one) for name, one in decisions.items()}}
    partial = file.with_suffix(f".{time.time_ns()}")
    with disk_told("keep what you decided"):
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(kept, ensure_ascii=False), "utf-8")
        partial.replace(file)
