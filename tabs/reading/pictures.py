"""The one way in which the page reads a picture that somebody sent: by a process that can be ended."""

import base64
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from gradio.context import LocalContext

from engine.data.pictures.readers import Readers, ReadPicture
from engine.errors import DataError
from engine.host.access import asker
from tabs.reading.models import predictor_of

if TYPE_CHECKING:
    from engine.serving.predictor import Predictor

COLOURS = 3
MOST_BYTES = 20_000_000  # of a picture that comes as base64
TIFF = (b"II*\0", b"MM\0*")  # how such a file begins: its bands are counted by its name
SEND_PICTURE = "Encode the bytes of a picture's file as base64, and send that as a string."
READERS = Readers()


def read_for(predictor: "Predictor", source: str | Path) -> ReadPicture:
    """The picture at `source` with as many channels as a model takes; `DataError` says why not. See `Readers.read`."""
    return READERS.read(Path(source), predictor.config.plan.channels, person=asker().name, session=_session())


def predicted(model: str, source: str | Path) -> Any:
    """What the model of that name says of the picture at `source`."""
    predictor = predictor_of(model)
    return predictor.predict(read_for(predictor, source).bands)


def read_packed(predictor: "Predictor", packed: str) -> ReadPicture:
    """The same of a picture that came as base64, with or without `data:image/…;base64,` in front."""
    with _unpacked(packed) as file:
        return read_for(predictor, file)


def read_sent(packed: Any) -> np.ndarray:
    """A picture in colours (H, W, 3) uint8 that came as base64, such as a camera's frame."""
    if not isinstance(packed, str):
        raise DataError(f"There is no picture in this message. {SEND_PICTURE}")
    with _unpacked(packed) as file:
        return READERS.read(file, COLOURS, person=asker().name, session=_session()).bands


@contextmanager
def _unpacked(packed: str) -> Iterator[Path]:
    """The file of a picture that came as base64."""
    packed = packed.rpartition(",")[2]
    if len(packed) > MOST_BYTES * 4 / 3:
        raise DataError(f"The picture has more than {MOST_BYTES // 1_000_000} MB. Send a smaller one.")
    try:
        content = base64.b64decode(packed, validate=True)
    except ValueError:
        raise DataError(f"The picture is not valid base64. {SEND_PICTURE}") from None
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / ("picture.tif" if content.startswith(TIFF) else "picture")
        file.write_bytes(content)
        yield file


def _session() -> str:
    request = LocalContext.request.get(None)
    return str(getattr(request, "session_hash", None) or "")


def size_note(picture: ReadPicture) -> str:
    """What has to be said of a picture that was made smaller; "" of any other."""
    (height, width), (h, w) = picture.size, picture.bands.shape[:2]
    return "" if (height, width) == (h, w) else f"Made smaller from {width}×{height} to {w}×{h} pixels."
