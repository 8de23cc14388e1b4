"""The addresses inside the app: "planet?run=…#train" is the Train step of Planet's page, with that run chosen."""

from collections.abc import Sequence
from urllib.parse import quote

from gradio.context import LocalContext


def link(page: str, step: str = "", **chosen: str) -> str:
    """A page's address beside the others', so that it holds behind a proxy too; `chosen`: which run or model it shows."""
    named = "&".join(f"{key}={quote(value, safe='')}" for key, value in chosen.items())
    return page + (f"?{named}" if named else "") + (f"#{step}" if step else "")


def asked_for(key: str) -> str:
    """What the address of whoever asks names for a key, "" for nothing; it may name anything."""
    request = LocalContext.request.get(None)
    return str(request.query_params.get(key, "")) if request else ""


def chosen_of(names: Sequence[str], chosen: str | None, key: str) -> str | None:
    """Which of these is chosen: the one that was, else the one that the address names for a key, else the first."""
    return next((name for name in (chosen, asked_for(key)) if name in names), next(iter(names), None))
