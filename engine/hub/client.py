"""The Hugging Face Hub's own client, with what can go wrong there told in plain words and no secret in them."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from engine.errors import HubError
from engine.host.home import disk_told

if TYPE_CHECKING:
    from huggingface_hub import HfApi

TOKEN = re.compile(r"[\x21-\x7e]+")  # one word of ASCII: an HTTP header holds nothing else
HIDDEN = "…"
STATUSES = {
    401: "The Hub does not know this token, or it has expired. Make one with write access at huggingface.co/settings/tokens.",
    402: "The account's plan does not allow this. Look at huggingface.co/settings/billing, or make the repository public.",
    413: "The files are too large for the account's storage. Make room at huggingface.co, then try again.",
    429: "The Hub has had too many requests from here. Wait a few minutes, then try again; nothing is lost.",
}
QUOTA_WORDS = ("quota", "storage limit", "storage capacity")


def build_api(token: str | Literal[False] | None = None) -> "HfApi":
    """The client, signed in with `token`, or with the usual login of this machine where that is None; `False` is nobody.

    Raises `HubError` for what cannot be a token, before anything is asked: a shortened one that was copied, say.
    """
    if token and not TOKEN.fullmatch(token):
        raise HubError("That is no token: it has letters that no token has. Copy it again, whole: it begins with hf_.")
    from huggingface_hub import HfApi

    return HfApi(endpoint=os.environ.get("HF_ENDPOINT"), token=token, library_name="lesson-3-lab")


@contextmanager
def hub_told(doing: str, token: str | Literal[False] | None = None) -> Iterator[None]:
    """Turn what the client raises in the block into a `HubError`; `doing` is what could not be done, as in "publish x".

    The token, or this machine's own, is cut out of every message, should the server have sent it back.
    """
    from huggingface_hub.errors import LocalTokenNotFoundError, OfflineModeIsEnabled

    try:
        with disk_told(doing):
            yield
    except LocalTokenNotFoundError:
        raise HubError(
            f"Could not {doing}: nobody is signed in. Give a token, or sign in with `hf auth login`."
        ) from None
    except OfflineModeIsEnabled:
        raise HubError(f"Could not {doing}: HF_HUB_OFFLINE is set, so the Hub is not asked. Unset it.") from None
    except (_http_error(), OSError, ValueError, RuntimeError) as problem:
        secret = _secret(token)
        said = _reason(problem, is_signed_in=bool(secret))
        if secret:
            said = said.replace(secret, HIDDEN)
        raise HubError(f"Could not {doing}: {said}") from None


def _secret(token: str | Literal[False] | None) -> str:
    """The token that the client used: the given one, or this machine's own; "" for nobody's."""
    from huggingface_hub import get_token

    return (get_token() if token is None else token) or ""


def _reason(problem: BaseException, *, is_signed_in: bool) -> str:
    """Why it failed, in our words where we know it; the client wraps what happened in an upload."""
    cause: BaseException | None = problem
    while cause is not None:
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if status in (401, 404) and not is_signed_in:  # to strangers the Hub does not even say that there is something
            return "There is nothing public of that name on the Hub; what is private needs a token."
        if status is not None:
            return _status_reason(int(status), cause)
        if any(word in str(cause).lower() for word in QUOTA_WORDS):
            return STATUSES[413]
        if _is_network(cause):
            return (
                f"The Hub could not be reached, or the connection broke off ({type(cause).__name__}). Try again: it goes on "
                "from there."
            )
        cause = cause.__cause__
    return _first_line(problem)


def _status_reason(status: int, problem: Any) -> str:
    if any(word in str(problem).lower() for word in QUOTA_WORDS):
        return STATUSES[413]
    if status == 403:
        return (
            "The token may not write there. Use one with write access to that name, or publish under a name of your own. "
            f"The Hub says: {_first_line(problem)}"
        )
    if status == 404:
        return "There is nothing of that name on the Hub, or it is private and the token may not see it."
    if status >= 500:
        return f"The Hub has a problem of its own (HTTP {status}). Try again in a few minutes; what was sent is kept."
    return STATUSES.get(status) or f"The Hub refused (HTTP {status}): {_first_line(problem)}"


def _is_network(problem: BaseException) -> bool:
    return isinstance(problem, (_http_error(), ConnectionError, TimeoutError))


def _http_error() -> type[Exception]:
    """What the client's own library raises, which is another one in another version."""
    from huggingface_hub.errors import HTTPError  # pyright: ignore[reportPrivateImportUsage]

    return HTTPError


def _first_line(problem: BaseException) -> str:
    said = getattr(problem, "server_message", None) or str(problem)
    return next((line.strip()[:200] for line in str(said).splitlines() if line.strip()), type(problem).__name__)
