"""The ways in which a data set of texts comes to this machine: out of an archive, or from the Hugging Face Hub.

Both end as tables: a hundred thousand small files would take minutes to unpack, and again to open.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from engine.data.sources.archives import read_content, read_members
from engine.data.sources.download import discard
from engine.data.sources.mirror import Archive
from engine.data.sources.origins import ArchiveOrigin, Making, obtained
from engine.data.texts.tables import MAX_TEXT, UNLABELLED, TextRow, decode_text, too_long, without_bars, write_tables
from engine.errors import DataError, DownloadError

if TYPE_CHECKING:
    pass

MAX_BYTES = 2 * 1024**3
HUB = "https://huggingface.co"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextArchiveOrigin:
    """Read from an archive that has a file for each text: `train/CLASS/*.txt`, `test/CLASS/*.txt`, `unsup/*.txt`.

    `archive` says where that is, and in which of its folders. Files elsewhere in it are left out. `classes` by alphabet.
    """

    is_drawn: ClassVar[bool] = False
    by_hand: ClassVar[tuple[tuple[str, ...], ...]] = ()

    archive: ArchiveOrigin
    classes: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many bytes there are to fetch."""
        return self.archive.size

    @property
    def instead(self) -> str:
        """The drawn data set to fall back on."""
        return self.archive.instead

    def make(self, making: Making) -> dict[str, Any]:
        """Fetches the archive and writes its texts into tables; returns what the record says of it. Raises `DataError`."""
        archive = obtained(self.archive, making)
        try:
            counts = write_tables(making.fresh, self.classes, self._rows(archive, making.progress("extract")))
            if not counts["train"]:
                raise DataError(
                    f"The archive {archive.file.name} has no texts in {self.archive.folders[0]}/train/{self.classes[0]}: it "
                    "is not the one that was expected."
                )
        except DownloadError:
            raise  # the disk's fault: the archive is good, and kept
        except DataError:
            discard(making.part)
            raise
        discard(making.part)
        return {
            "origin": archive.origin,
            "bytes": archive.size,
            "sha256": archive.sha256,
            "as_packed": archive.as_packed,
            "texts": dict(counts),
        }

    def _rows(self, archive: Archive, on_progress: Callable[[int, int], None]) -> Iterator[TextRow]:
        for path, member in read_members(
            archive.file, folders=self.archive.folders, max_bytes=MAX_BYTES, on_progress=on_progress
        ):
            name = "/".join(path)
            match path:
                case ("train" | "test" as split, label, file) if label in self.classes and file.endswith(".txt"):
                    number = self.classes.index(label)
                case ("unsup", file) if file.endswith(".txt"):
                    split, number = "unsupervised", UNLABELLED
                case _:
                    continue
            if member.size > MAX_TEXT:
                raise too_long(name)
            yield TextRow(split, name, decode_text(read_content(archive.file, member)), number)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubTextOrigin:
    """From the Hugging Face Hub, by the library `datasets`: `repo` at the commit `revision`, the newest one if None.

    What is downloaded also stays in the Hub's own cache on this machine, as anything that comes from there does. `size` in
    bytes; `instead` is the drawn data set to fall back on.
    """

    is_drawn: ClassVar[bool] = False
    by_hand: ClassVar[tuple[tuple[str, ...], ...]] = ()

    repo: str
    revision: str | None = None
    size: int = 0
    instead: str

    def make(self, making: Making) -> dict[str, Any]:
        """Fetches the data set and writes its tables; returns what the record says of it. Raises `DownloadError`."""
        import httpx  # what the Hub's library speaks with; both take a second to import
        from datasets import DatasetDict, load_dataset
        from datasets.exceptions import DatasetsError
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

        on_progress = making.progress("download")
        on_progress(0, self.size)
        try:
            with without_bars():
                tables = load_dataset(self.repo, revision=self.revision, cache_dir=str(making.part))
                if not isinstance(tables, DatasetDict) or "train" not in tables:
                    raise DownloadError(
                        f"{self.repo} has no split train: it is not what was expected. {self._instead()}"
                    )
                on_progress(self.size, self.size)
                tables.save_to_disk(str(making.fresh))
        except (
            HfHubHTTPError,
            DatasetsError,
            FileNotFoundError,
            ConnectionError,
            httpx.TransportError,
            ValueError,
        ) as error:
            # A ValueError is Arrow's, for a file that is no table.
            unreachable = isinstance(error, ConnectionError | LocalEntryNotFoundError | httpx.TransportError)
            asked = "No network? " if unreachable else ""
            raise DownloadError(
                f"{self.repo} could not be had from the Hugging Face Hub ({str(error).partition(chr(10))[0]}). "
                f"{asked}{self._instead()}"
            ) from None
        finally:
            shutil.rmtree(making.part, ignore_errors=True)
        texts = {name: len(table) for name, table in tables.items()}
        return {"origin": f"{HUB}/datasets/{self.repo}", "revision": self.revision, "texts": texts}

    def _instead(self) -> str:
        return (
            f"Try again later, take the same texts from another place, or use {self.instead}, which needs no network."
        )
