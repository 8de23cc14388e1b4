"""Every picture of a data set looked at once, before anything is trained: its size, its turn, whether it is whole, and a
tiny copy.

What was seen is kept for as long as the files are the same. Of very large sets only the headers are read, but for some pictures
spread over them.
"""

import hashlib
import json
import statistics
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.data.pictures.files import ON_ITS_SIDE, look_at_picture
from engine.errors import DataError
from engine.host.home import cache_folder
from engine.host.machine import usable_cores

FORMAT = 1
MOST_DECODED = 4000
TINY = 16  # pixels of a tiny copy's side
ALIKE = 0.995  # correlation of two tiny copies from which on two pictures are near-copies of each other
FILMED = 0.9  # median correlation of neighbours from which on they are frames of one recording
PLAIN = 4.0  # grey levels of contrast below which a picture shows nothing that could be alike
LOOKS = "looks"  # what was seen, in the folder of caches

Look = Callable[[Path, int], tuple[tuple[int, int], int, np.ndarray]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureLook:
    """What is seen of a picture without training on it.

    size: (height, width) as stored. turn: its EXIF orientation, 1 for upright.
    tiny: (TINY, TINY) grey levels as shown, row by row; empty where it was not decoded.
    fault: why it cannot be used; "" where it can.
    """

    size: tuple[int, int] = (0, 0)
    turn: int = 1
    tiny: bytes = b""
    fault: str = ""


def shown_size(look: PictureLook) -> tuple[int, int]:
    """(height, width) of a picture the right way up."""
    height, width = look.size
    return (width, height) if look.turn >= ON_ITS_SIDE else (height, width)


def look_at_pictures(pictures: Iterable[Path], look_at: Look = look_at_picture) -> dict[Path, PictureLook]:
    """Each picture's look, `MOST_DECODED` of them with a tiny copy; `look_at` opens one, as `look_at_picture` does."""
    files = sorted(pictures)
    decoded = set(files[:: max(1, -(-len(files) // MOST_DECODED))])

    def look(picture: Path) -> dict[str, Any]:
        try:
            size, turn, tiny = look_at(picture, TINY if picture in decoded else 0)
        except DataError as problem:
            return {"fault": str(problem)}
        return {"size": size, "turn": turn, "tiny": tiny.tobytes().hex()}

    return {
        picture: PictureLook(
            **{**one, "size": tuple(one.get("size", (0, 0))), "tiny": bytes.fromhex(one.get("tiny", ""))}
        )
        for picture, one in kept_looks("pictures", files, look).items()
    }


def kept_looks(what: str, files: Sequence[Path], look: Callable[[Path], Any]) -> dict[Path, Any]:
    """`look` at each file, ready as JSON, by as many threads as there are cores: Pillow decodes without Python's lock.

    What was seen the last time is as good, for as long as all files are the same.
    """
    digest = hashlib.blake2b(repr((FORMAT, what)).encode(), digest_size=12)
    for file in files:
        with suppress(OSError):
            state = file.stat()
            digest.update(repr((str(file.absolute()), state.st_size, state.st_mtime_ns)).encode())
    kept = cache_folder() / LOOKS / f"{what}-{digest.hexdigest()}.json"
    with suppress(OSError, ValueError):
        found = json.loads(kept.read_text("utf-8"))
        if len(found) == len(files):
            return dict(zip(files, found, strict=True))
    with ThreadPoolExecutor(max_workers=usable_cores()) as pool:
        found = list(pool.map(look, files))
    with suppress(OSError):  # a full disk costs time, and nothing else
        kept.parent.mkdir(parents=True, exist_ok=True)
        unfinished = kept.with_name(f"{kept.name}.{uuid.uuid4().hex}.part")
        unfinished.write_text(json.dumps(found), "utf-8")
        unfinished.replace(kept)
    return dict(zip(files, found, strict=True))


def near_copies(
    train: Sequence[Path], valid: Sequence[Path], looks: Mapping[Path, PictureLook]
) -> list[tuple[Path, Path]]:
    """Validation pictures that are all but the same as a training picture, each with the one that is most alike.

    Compared are the tiny copies, without their brightness and contrast; those that show next to nothing are left out.
    """
    (learnt, seen), (judged, asked) = _patterns(train, looks), _patterns(valid, looks)
    if not learnt or not judged:
        return []
    likeness = asked @ seen.T
    best = likeness.argmax(1)
    return [(judged[row], learnt[place]) for row, place in enumerate(best.tolist()) if likeness[row, place] >= ALIKE]


def follow_each_other(recording: Mapping[Path, str], looks: Mapping[Path, PictureLook]) -> bool:
    """Whether pictures that come one after the other in a recording look alike, as frames do."""
    shown, patterns = _patterns(sorted(recording), looks)
    likeness = (patterns[1:] * patterns[:-1]).sum(1)
    pairs = zip(shown, shown[1:], likeness.tolist(), strict=False)
    found = [like for one, other, like in pairs if recording[one] == recording[other]]
    return bool(found) and statistics.median(found) >= FILMED


def _patterns(pictures: Sequence[Path], looks: Mapping[Path, PictureLook]) -> tuple[list[Path], np.ndarray]:
    """Those with a tiny copy that shows anything, and these copies (N, TINY²) with mean 0 and length 1."""
    shown = [picture for picture in pictures if picture in looks and looks[picture].tiny]
    copies = b"".join(looks[picture].tiny for picture in shown)
    tiny = np.frombuffer(copies, np.uint8).astype(np.float32).reshape(-1, TINY * TINY)
    tiny -= tiny.mean(1, keepdims=True)
    is_seen = tiny.std(1) >= PLAIN
    tiny = tiny[is_seen]
    return [one for one, seen in zip(shown, is_seen, strict=True) if seen], tiny / np.linalg.norm(
        tiny, axis=1, keepdims=True
    )
