"""What has to be said wherever a run's figures stand: of what it trains, and of the runs that its weights come from."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from engine.bundle.files import CONFIG_FILE, OURS
from engine.errors import RecipeError, RunError
from engine.fields import DAMAGE
from engine.runs.store import CHECKPOINTS_FOLDER, find_run, read_spec
from engine.tasks.registry import get_task


def remarks_of(run: str | Path) -> tuple[str, ...]:
    """The remarks of a run's aim and of those it goes back to, each once.

    Where one of these is gone, the run's own checkpoints still say what was said of it.
    """
    remarks: dict[str, None] = {}
    seen: set[str] = set()
    while run and str(run) not in seen:
        seen.add(str(run))
        try:
            folder = find_run(run)
            spec = read_spec(folder)
            remark = get_task(spec.task).aim(spec.recipe.objective).remark
        except (RunError, RecipeError):  # deleted, a bundle from elsewhere, or from another version
            break
        own = (remark,) if remark else ()
        remarks |= dict.fromkeys((*own, *_written(folder)))
        run = spec.init_from
    return tuple(remarks)


def in_short(remarks: Sequence[str]) -> str:
    """The word before each remark's colon, in brackets behind a figure; nothing where there is no remark."""
    return "".join(f" ({remark.partition(':')[0].lower()})" for remark in remarks)


def _written(run_dir: Path) -> tuple[str, ...]:
    """The remarks that a run's worker wrote into its checkpoints, with those it took over."""
    for config in sorted((run_dir / CHECKPOINTS_FOLDER).glob(f"*/{CONFIG_FILE}")):
        try:
            values = json.loads(config.read_text("utf-8"))
            remarks = values.get(OURS, values).get("remarks", [])
            if isinstance(remarks, list) and all(isinstance(remark, str) for remark in cast(list[Any], remarks)):
                return tuple(cast(list[str], remarks))
        except (OSError, *DAMAGE):  # just being replaced, or damaged
            continue
    return ()
