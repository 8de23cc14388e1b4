"""What a run's data set was found to be, kept in the run's folder."""

import json
from pathlib import Path

from engine.data.account import Account
from engine.fields import DAMAGE
from engine.runs.store import write_whole

ACCOUNT_FILE = "account.json"


def write_account(run_dir: Path, account: Account) -> None:
    """Into the run's folder."""
    write_whole(run_dir / ACCOUNT_FILE, json.dumps(account.as_dict(), ensure_ascii=False, indent=1))


def read_account(run_dir: Path) -> Account | None:
    """What was written down; None where nothing was, or where it is damaged."""
    try:
        return Account.from_dict(json.loads((run_dir / ACCOUNT_FILE).read_text(encoding="utf-8")))
    except (OSError, *DAMAGE):
        return None
