"""On a Space of the Hugging Face Hub: who signed in with their account there, and what they may do here.

Signing in is asked for with the least rights that publishing needs, `contribute-repos`: to make repositories, and to write to
those that were made so. The token stays in the visitor's own cookie, and is read from there for the request that needs it.
"""

import hashlib
import os
import re
import time
from dataclasses import dataclass, field

from gradio.context import LocalContext

from engine.host.access import HOST, Person

SPACE = "SPACE_ID"  # OWNER/NAME, where the Hub runs the app
HOSTS = "LESSON_LAB_HOSTS"  # accounts that are hosts beside the owner, with commas: an organisation cannot sign in
ACCOUNT, PAGE = "account ", "page "  # how the names of people begin who signed in, and of those who did not
BROWSER = "lesson-lab-browser"  # a cookie that only serves to know the same browser again after a reload
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

    Whoever has not signed in is known by their browser's cookie, or where it keeps none, as long as their page is open. Both are
    the browser's to choose, so that name is made of them: no choice of theirs gives an account's, or one that was read somewhere.
    """
    request = LocalContext.request.get(None)
    if request is None:
        return HOST
    known = account()
    if known is None:
        return Person(name=f"{PAGE}{_browser()}", is_host=False)
    hosts = {os.environ[SPACE].partition("/")[0], *map(str.strip, os.environ.get(HOSTS, "").split(","))} - {""}
    return Person(name=f"{ACCOUNT}{known.name}", is_host=known.name in hosts)


def _browser() -> str:
    """What the asking browser is called here. Runs' folders hold that name; neither cookie nor page follows from it."""
    request = LocalContext.request.get(None)
    cookies = getattr(getattr(request, "request", None), "cookies", None) or {}
    cookie, page = str(cookies.get(BROWSER, "")), str(getattr(request, "session_hash", None) or "")
    return _digest(cookie if re.fullmatch("[0-9a-f-]{36}", cookie) else f"{PAGE}{page}")


def _digest(known: str) -> str:
    return hashlib.sha256(known.encode()).hexdigest()[:16]


NOBODY = (
    f"{PAGE}{_digest(PAGE)}"  # what everybody is called whose browser keeps no cookie and whose page is not known yet
)
