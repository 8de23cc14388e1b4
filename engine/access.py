"""Who may do what on a page that others reach: the host everything, a visitor what the host allows.

The engine asks here at the door of each thing that is the host's alone, so that a hand-made request gets no further than a click.
Who is asking, the page says (`identify_by`). On the command line, in a worker and on a page of one's own it is the host.
"""

from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import AccessError
from engine.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody at the page, by the name that they gave."""

    name: str = ""
    is_host: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a visitor's training may be: minutes at a stretch, pixels and tokens of an input, runs that wait or train at once."""

    minutes: float = 10.0
    image_size: int = 224
    text_length: int = 256
    runs: int = 2


HOST = Person()


class _Door:
    """Who is asking, and what visitors may: set once, when a page is opened to others."""

    def __init__(self) -> None:
        self.identify: Callable[[], Person] = lambda: HOST
        self.limits = Limits()


_DOOR = _Door()


def identify_by(identify: Callable[[], Person], limits: Limits | None = None) -> None:
    """From now on, ask `identify` who is asking; `limits` are the visitors'."""
    _DOOR.identify, _DOOR.limits = identify, limits or Limits()


def asker() -> Person:
    """Who is asking."""
    return _DOOR.identify()


def visitor_limits() -> Limits:
    """What a visitor's training may be."""
    return _DOOR.limits


def require_host(doing: str) -> None:
    """`AccessError` for anybody but the host; `doing` is what only the host may do, as in "delete a model"."""
    if not asker().is_host:
        raise AccessError(f"Only the host of this page may {doing}. Ask them, or run the app on a machine of your own.")


def check_training(recipe: Recipe, backbones: tuple[str, ...], under_way: int) -> None:
    """`AccessError` where a visitor's recipe goes beyond what the host allows; `under_way` are the visitor's other runs."""
    if asker().is_host:
        return
    limits = visitor_limits()
    size, length = (max(getattr(stage, knob) for stage in recipe.stages) for knob in ("image_size", "text_length"))
    if under_way >= limits.runs:
        raise AccessError(
            f"{limits.runs} of your runs train or wait, and that is how many you may have. Stop one, or wait."
        )
    for what, value, most in (("pixels", size, limits.image_size), ("tokens", length, limits.text_length)):
        if value > most:
            raise AccessError(
                f"The host of this page allows up to {most} {what}; this recipe asks for {value}. Take fewer."
            )
    if recipe.backbone not in backbones:
        raise AccessError(f"The host of this page allows the backbones {', '.join(backbones)}. Choose one of them.")


def check_owner(owner: str, doing: str) -> None:
    """`AccessError` unless the host, or the visitor who made a run, wants to do something to it."""
    person = asker()
    if not person.is_host and (not owner or owner != person.name):
        raise AccessError(f"This run is somebody else's: only they and the host may {doing} it.")
