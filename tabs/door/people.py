"""Who is at the page: the host or a visitor, by how they signed in or where they come from."""

import asyncio
import hmac
import ipaddress
from contextvars import ContextVar
from dataclasses import dataclass
from weakref import WeakValueDictionary

import gradio as gr
from gradio.context import LocalContext

from engine.host.access import HOST, Person, asker
from tabs.door.register import Register, likeness

HOST_NAME = "host"
FAILURE_SECONDS = 1.0  # a wrong password takes as long
GUESSES_AT_ONCE = 40  # from one address: a class signs in at once, and may all come through one tunnel

CALLER: ContextVar[str] = ContextVar("CALLER", default="")  # the address that a request to sign in comes from


@dataclass(frozen=True, slots=True, kw_only=True)
class Passwords:
    """The host's own, and the class's; neither has a default."""

    host: str
    visitors: str


class SignIn:
    """Lets people in: the name "host" with the host's password, any other name with the class's.

    A name that is in the `register` already also needs its code, after the password and a blank; so does one that looks like it.
    Wrong passwords are slowed down, for the address that they come from, and never for others.
    """

    def __init__(self, passwords: Passwords, register: Register) -> None:
        self.passwords, self.register = passwords, register
        self._guesses: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def check(self, name: str, password: str) -> bool:
        """Whether somebody is let in; what Gradio asks."""
        turns = self._guesses.setdefault(CALLER.get(), asyncio.Semaphore(GUESSES_AT_ONCE))
        async with turns:
            if await asyncio.to_thread(self.is_right, name, password):
                return True
            await asyncio.sleep(FAILURE_SECONDS)
            return False

    def is_right(self, name: str, password: str) -> bool:
        """Whether this password is the one for this name, which is registered then."""
        if name == HOST_NAME:
            return _same(password, self.passwords.host)
        if likeness(name) == HOST_NAME:
            return False
        if _same(password, self.passwords.visitors):
            return self.register.add(name)
        known, _, code = password.rpartition(" ")
        return _same(known, self.passwords.visitors) and self.register.knows(name, code)

    def who(self) -> Person:
        """Who asks on a page with passwords."""
        request = LocalContext.request.get(None)
        if request is None:  # the server itself
            return HOST
        name = str(request.username or "")
        return Person(name=self.register.name_of(name), is_host=name == HOST_NAME)


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


def asker_of(request: gr.Request) -> Person:
    """Who sends a request, before any of the page's functions is called for it."""
    token = LocalContext.request.set(request)
    try:
        return asker()
    finally:
        LocalContext.request.reset(token)


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
