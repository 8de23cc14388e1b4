"""On a Space of the Hugging Face Hub: who signed in with their account there, and what they may do here.

Signing in is asked for with the least rights that publishing needs, `contribute-repos`: to make repositories, and to write to
those that were made so. The token stays in the visitor's own cookie, and is read from there for the request that needs it.
"""

import os
import time
from dataclasses import dataclass, field

from gradio.context import LocalContext

from engine.access import HOST, Person

SPACE = "SPACE_ID"  # OWNER/NAME, where the Hub runs the app
HOSTS = "LESSON_LAB_HOSTS"  # accounts that are hosts beside the owner, with commas: an organisation cannot sign in
ACCOUNT, PAGE = "account ", "page "  # how the names of people begin who signed in, and of those who did not
OAUTH = ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody's account on the Hub, with a token for what they allowed."""

    name: str
    token: str = field(repr=False)


def is_space() -> bool:
    """Whether the Hub runs this app."""
    return bool(os.environ.get(SPACE))


def has_sign_in() -> bool:
    """Whether visitors can sign in: on a Space whose README.md has `hf_oauth: true`.

    Elsewhere Gradio's button would hand everybody the host's own login.
    """
    return is_space() and os.environ.get("SYSTEM") == "spaces" and all(os.environ.get(name) for name in OAUTH)


def account() -> Account | None:
    """Who signed in, as the request's signed cookie says; None for nobody, or where it has expired."""
    scope = getattr(getattr(LocalContext.request.get(None), "request", None), "scope", None) or {}
    found = scope.get("session", {}).get("oauth_info") if has_sign_in() else None
    if not found or found.get("expires_at", 0) < time.time():
        return None
    return Account(name=str(found["userinfo"]["preferred_username"]), token=str(found["access_token"]))


def by_account() -> Person:
    """Who asks on a Space: its owner, and whom the Space's variable names, are the host; everybody else is a visitor.

    Whoever has not signed in is known as long as their page is open. That name is the browser's to choose, so it must not
    look like an account's.
    """
    request = LocalContext.request.get(None)
    if request is None:
        return HOST
    known = account()
    if known is None:
        return Person(name=f"{PAGE}{request.session_hash or ''}", is_host=False)
    hosts = {os.environ[SPACE].partition("/")[0], *map(str.strip, os.environ.get(HOSTS, "").split(","))} - {""}
    return Person(name=f"{ACCOUNT}{known.name}", is_host=known.name in hosts)
