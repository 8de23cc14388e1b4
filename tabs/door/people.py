"""Who is at the page: the host or a visitor, by how they signed in or where they come from."""

import asyncio
import hmac
import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gradio.context import LocalContext

from engine.host.access import HOST, Person

HOST_NAME = "host"
MOST_LETTERS = 40  # of a visitor's name
FAILURE_SECONDS = 1.0  # a wrong password takes as long
GUESSES_AT_ONCE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Passwords:
    """The host's own, and the class's; neither has a default."""

    host: str
    visitors: str


def signs_in(passwords: Passwords) -> Callable[[str, str], Awaitable[bool]]:
    """What lets people in: the name "host" with the host's password, any other name with the class's.

    Wrong ones are slowed down, all of them together: two tries a second, whoever tries.
    """
    turns = asyncio.Semaphore(GUESSES_AT_ONCE)

    async def check(name: str, password: str) -> bool:
        expected = passwords.host if name == HOST_NAME else passwords.visitors
        async with turns:
            if 0 < len(name) <= MOST_LETTERS and hmac.compare_digest(password.encode(), expected.encode()):
                return True
            await asyncio.sleep(FAILURE_SECONDS)
            return False

    return check


def by_sign_in() -> Person:
    """Who asks on a page with passwords."""
    request = LocalContext.request.get(None)
    if request is None:  # the server itself
        return HOST
    name = str(request.username or "")
    return Person(name=name, is_host=name == HOST_NAME)


def by_address() -> Person:
    """Who asks on a page in the local network without passwords: whoever sits at this machine is the host."""
    request = LocalContext.request.get(None)
    if request is None:
        return HOST
    address = request.client.host if request.client else ""
    try:
        return Person(name=address, is_host=ipaddress.ip_address(address).is_loopback)
    except ValueError:
        return Person(name=address, is_host=False)
