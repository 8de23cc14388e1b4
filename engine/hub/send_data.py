"""A data set sent to the Hugging Face Hub as Parquet, for others or for another machine: private unless one says otherwise."""

import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from engine.data.dataset import DataSet, Item
from engine.errors import HubError
from engine.host.access import require_host
from engine.host.home import cache_folder, disk_told
from engine.hub.client import build_api, hub_told
from engine.hub.publish import THEIRS, Published, look_at
from engine.hub.sending import OnProgress, send_files
from engine.kinds.shared import SharedTable
from engine.library.card import CardChoices
from engine.task import Objective

MESSAGE = "Data set from Lesson 3 Lab"
CARD = "README.md"
TABLES = "data"  # the folder with the tables
SPLITS = {"train": "train", "valid": "validation", "test": "test"}  # and what they are called there
SHARD_BYTES = 400_000_000
BATCH = 64
OURS = "lesson-3-lab"  # a tag of the card


def push_dataset(
    data: DataSet,
    objective: Objective[Any],
    choices: CardChoices,
    *,
    private: bool = True,
    update: bool = False,
    token: str | None = None,
    on_progress: OnProgress = lambda done, total: None,
) -> Published:
    """Send a data set to `choices.repo_id` ("name", or "owner/name"); a new repository, or, with `update`, one of this app's.

    Pictures that say where they were taken go without that. `on_progress(done, total)` counts bytes. Raises `HubError` with what
    to do, and `DataError` where a sample cannot be read: then nothing is sent.
    """
    require_host("send a data set to the Hub")
    if objective.share is None:
        raise HubError("This kind of data set is not sent: its texts are those of another one.")
    api, doing = build_api(token), f"send {choices.repo_id}"
    with hub_told(doing, token):
        owner = api.whoami(token=token)["name"]
    repo_id = choices.repo_id if "/" in choices.repo_id else f"{owner}/{choices.repo_id}"
    cache_folder().mkdir(parents=True, exist_ok=True)
    with disk_told(doing), tempfile.TemporaryDirectory(dir=cache_folder()) as scratch:
        folder = Path(scratch)
        write_parquet(data, objective.share(data), folder)
        (folder / CARD).write_text(_card(data, choices), "utf-8")
        files = sorted((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file())
        with hub_told(doing, token):
            api.create_repo(repo_id, repo_type="dataset", private=private, exist_ok=True)
            there = look_at(api, repo_id, private=private, repo_type="dataset")
            if there - set(THEIRS) and not (update and _is_ours(api, repo_id, there)):
                raise HubError(
                    f"Could not {doing}: {repo_id} is on the Hub already. Choose another name; or ask for an update, if it is a "
                    "data set that this app has sent."
                )
            gone = sorted(name for name in there - {name for name, _ in files} if name.startswith(f"{TABLES}/"))
            commit = send_files(
                api, repo_id, files, gone=gone, repo_type="dataset", message=MESSAGE, on_progress=on_progress
            )
    return Published(url=f"{api.endpoint}/datasets/{repo_id}", repo_id=repo_id, commit=commit)


def write_parquet(data: DataSet, table: SharedTable, folder: Path) -> None:
    """Fill `folder` with Parquet files for each split, and what lies beside them."""
    features = _features(table)
    (folder / TABLES).mkdir(parents=True)
    for split, name in SPLITS.items():
        for number, shard in enumerate(_shards(getattr(data, split), table)):
            _write_shard(folder / TABLES / f"{name}-{number:05}.parquet", features, shard)
    for name, content in table.files.items():
        (folder / name).write_text(content, "utf-8")


def _features(table: SharedTable) -> Any:
    from datasets import ClassLabel, Features, Image, List, Value

    plain = {"picture": Image(), "text": Value("string"), "number": Value("float64")}
    return Features(
        {
            name: List(ClassLabel(names=holds))
            if isinstance(holds, list)
            else ClassLabel(names=list(holds))
            if isinstance(holds, tuple)
            else plain[holds]
            for name, holds in table.columns.items()
        }
    )


def _shards(items: Sequence[Item], table: SharedTable) -> Iterator[Iterator[dict[str, Any]]]:
    """The rows in groups of some size in bytes, each made when it is asked for."""
    rows = (_numbered(table, table.row(item)) for item in items)

    def shard(first: dict[str, Any]) -> Iterator[dict[str, Any]]:
        size = 0
        row: dict[str, Any] | None = first
        while row is not None:
            yield row
            size += sum(len(cell["bytes"]) for cell in row.values() if isinstance(cell, dict))
            row = next(rows, None) if size < SHARD_BYTES else None

    while first := next(rows, None):
        yield shard(first)


def _numbered(table: SharedTable, row: Any) -> dict[str, Any]:
    """A row with the numbers of classes in the place of their names, as `ClassLabel` stores them."""
    found = dict(row)
    for name, holds in table.columns.items():
        if isinstance(holds, list):
            found[name] = [holds.index(one) for one in row[name]]
        elif isinstance(holds, tuple):
            found[name] = holds.index(row[name])
    return found


def _write_shard(file: Path, features: Any, rows: Iterator[dict[str, Any]]) -> None:
    import pyarrow
    from pyarrow import parquet

    schema = features.arrow_schema
    with parquet.ParquetWriter(file, schema) as written:
        while some := list(islice(rows, BATCH)):
            written.write_table(pyarrow.Table.from_pylist(some, schema=schema))


def _card(data: DataSet, choices: CardChoices) -> str:
    """What the Hub shows: where the tables are, and the account of the data set."""
    from huggingface_hub import DatasetCardData

    account = data.account()
    files = [{"split": name, "path": f"{TABLES}/{name}-*"} for split, name in SPLITS.items() if getattr(data, split)]
    head = DatasetCardData(
        license=choices.licence or "other",
        tags=[OURS],
        configs=[{"config_name": "default", "data_files": files}],  # pyright: ignore[reportArgumentType] (as it is documented)
    )
    title = choices.repo_id.rpartition("/")[2]
    said = "\n".join(f"- {sentence}" for sentence in account.in_short())
    kept_back = len(data.unlabelled) + len(getattr(data, "unlabelled_test", ()))
    lost = f"\n- The {kept_back:,} samples without a label are not part of this copy." if kept_back else ""
    note = f"{choices.note}\n\n" if choices.note else ""
    return f"---\n{head.to_yaml()}\n---\n# {title}\n\n{note}{said}{lost}\n"


def _is_ours(api: Any, repo_id: str, there: set[str]) -> bool:
    """Whether a repository holds a data set that this app has sent."""
    if CARD not in there:
        return False
    with tempfile.TemporaryDirectory() as folder:
        card = Path(api.hf_hub_download(repo_id, CARD, repo_type="dataset", local_dir=folder)).read_text("utf-8")
    return OURS in card.partition("\n---")[0]
