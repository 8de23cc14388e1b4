"""The names of a class: whose a name is, and which names are taken for one another.

The first to sign in with a name gets a code, which that name asks for from then on. Of the codes only hashes are written down.
"""

import hashlib
import hmac
import json
import re
import secrets
import threading
import unicodedata
from pathlib import Path
from typing import Any

from confusable_homoglyphs import confusables

from engine.errors import AccessError
from engine.host.access import asker, require_host
from engine.runs.store import write_whole

MOST_PEOPLE = 500
MOST_LETTERS = 40  # of a name
CODE_LETTERS, CODE_LENGTH = "abcdefghjkmnpqrstuvwxyz23456789", 6  # none that look alike
LATIN = r"LATIN (?:SMALL |CAPITAL )?LETTER (?:SMALL CAPITAL )?(?:DOTLESS )?([A-Z])\b"  # how Unicode names such letters
LOOKS_LIKE = str.maketrans("01", "ol")


def likeness(name: str) -> str:
    """What a name looks like: without case, accents, blanks and what is not seen, and in Latin letters where others look so."""
    seen = [
        letter for letter in unicodedata.normalize("NFKD", name.casefold()) if unicodedata.category(letter)[0] in "LNPS"
    ]
    return unicodedata.normalize("NFKD", "".join(map(_latin, seen)).casefold()).translate(LOOKS_LIKE)


def _latin(letter: str) -> str:
    """The Latin letter that a letter is, or looks like, without what is added to it."""
    found = confusables.is_confusable(letter, greedy=True, preferred_aliases=["latin"])
    for alike in (letter, *(glyph["c"] for one in found or () for glyph in one["homoglyphs"])):
        latin = re.match(LATIN, unicodedata.name(alike[0], ""))
        if latin:
            return latin[1].lower()
    return letter


class Register:
    """Who is in a class, kept in `file`."""

    def __init__(self, file: Path) -> None:
        self._file, self._lock = file, threading.Lock()
        self._people: dict[str, dict[str, str]] = _read(file)  # by what their names look like
        self._codes: dict[str, str] = {}  # of those who came since the server started

    def add(self, name: str) -> bool:
        """Give a name to somebody new; False for one that is taken, that cannot be seen, or where there are too many."""
        looks = likeness(name)
        with self._lock:
            is_fit = 0 < len(name) <= MOST_LETTERS and looks and not _has_controls(name)
            if not is_fit or looks in self._people or len(self._people) >= MOST_PEOPLE:
                return False
            self._people[looks] = {"name": unicodedata.normalize("NFKC", name)}
            self._give_code(looks)
            return True

    def knows(self, name: str, code: str) -> bool:
        """Whether a name, or one that looks like it, is there with that code."""
        with self._lock:
            person = self._people.get(likeness(name))
        return person is not None and hmac.compare_digest(_hashed(code, person["salt"]), person["code"])

    def name_of(self, name: str) -> str:
        """A name as it was first written."""
        return self._people.get(likeness(name), {}).get("name", name)

    def names(self) -> list[str]:
        """Everybody's names."""
        return sorted(person["name"] for person in self._people.values())

    def code_of(self, name: str) -> str:
        """A code to be shown to its owner; "" for one that was given before the server started."""
        return self._codes.get(likeness(name), "")

    def reset(self, name: str) -> str:
        """A new code for a name, which the host hands on."""
        require_host("reset a code")
        looks = likeness(name)
        with self._lock:
            if looks not in self._people:
                raise AccessError(f"Nobody is called {name[:MOST_LETTERS]!r} here.")
            return self._give_code(looks)

    def _give_code(self, looks: str) -> str:
        code, salt = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH)), secrets.token_hex(8)
        self._people[looks] |= {"salt": salt, "code": _hashed(code, salt)}
        self._codes[looks] = code
        write_whole(self._file, json.dumps(self._people, ensure_ascii=False, indent=1))
        return code


class _Desk:
    """The register of the page that is served, if it has one."""

    register: Register | None = None


def open_register(register: Register) -> None:
    """From now on, this is the page's register."""
    _Desk.register = register


def the_register() -> Register | None:
    """The page's register; None where nobody signs in."""
    return _Desk.register


def own_code() -> str:
    """The code of whoever is asking, "" for none or an old one."""
    register = the_register()
    return register.code_of(asker().name) if register and not asker().is_host else ""


def _has_controls(name: str) -> bool:
    return any(unicodedata.category(letter)[0] == "C" for letter in name)


def _hashed(code: str, salt: str) -> str:
    return hashlib.scrypt(code.encode(), salt=salt.encode(), n=2**12, r=8, p=1).hex()


def _read(file: Path) -> dict[str, Any]:
    """What was kept; nobody where that is damaged: the names are free again then."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {looks: {key: str(person[key]) for key in ("name", "salt", "code")} for looks, person in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
