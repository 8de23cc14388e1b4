"""Pictures that somebody brought are read once by a process that can be ended, before anything else opens them."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gradio.context import LocalContext

from engine.data.pictures.bands import count_bands
from engine.data.pictures.files import list_all_pictures
from engine.data.sources.bringing import brought_folder
from engine.errors import DataError
from engine.host.access import asker
from tabs.door.paths import without_paths
from tabs.drawing.markup import note
from tabs.reading.pictures import READERS

AT_ONCE = 2
SHOWN = 3


def vetted(key: str) -> str:
    """Delete those of the pictures brought under a key that cannot be read, or not within bounds; HTML that names them."""
    person, request = asker().name, LocalContext.request.get(None)
    session = str(getattr(request, "session_hash", None) or "")

    def fault(picture: Path) -> str:
        try:
            READERS.read(picture, count_bands(picture), person=person, session=session)
        except DataError as problem:
            return str(problem)
        return ""

    pictures = list_all_pictures(brought_folder(key) / "files")
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        faults = {picture: why for picture, why in zip(pictures, pool.map(fault, pictures), strict=True) if why}
    for picture in faults:
        picture.unlink()
    if not faults:
        return ""
    named = " ".join(without_paths(why) for why in list(faults.values())[:SHOWN])
    more = f" And {len(faults) - SHOWN} more." if len(faults) > SHOWN else ""
    return note(f"{len(faults)} of {len(pictures)} pictures cannot be read and are left out. {named}{more}", "warn")
