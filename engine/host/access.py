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

    @property
    def owner(self) -> str:
        """How their runs are marked; the host's are not."""
        return "" if self.is_host else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a visitor's training may be: minutes at a stretch, pixels and tokens of an input, runs that wait or train at once.

    `waiting` is how many runs may wait in all, whoever's, for a visitor's to join them: people come by as many names as they
    like. `model_bytes` is how large a model may be that a visitor loads from the Hub; 0 for none.
    """

    minutes: float = 10.0
    image_size: int = 224
    text_length: int = 256
    runs: int = 2
    waiting: int = 12
    model_bytes: int = 0


HOST = Person()
MODELS_AT_ONCE = 10  # of the largest that visitors may load


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


def check_training(recipe: Recipe, backbones: tuple[str, ...], *, under_way: int, waiting: int) -> None:
    """`AccessError` where a visitor's recipe goes beyond what the host allows.

    `under_way` are the visitor's own runs that wait or train, `waiting` everybody's that wait.
    """
    if asker().is_host:
        return
    limits = visitor_limits()
    size, length = (max(getattr(stage, knob) for stage in recipe.stages) for knob in ("image_size", "text_length"))
    if under_way >= limits.runs:
        raise AccessError(
            f"{limits.runs} of your runs train or wait, and that is how many you may have. Stop one, or wait."
        )
    if waiting >= limits.waiting:
        raise AccessError(
            f"{waiting} runs wait already, and the host of this page allows no more. Try again in a while."
        )
    for what, value, most in (("pixels", size, limits.image_size), ("tokens", length, limits.text_length)):
        if value > most:
            raise AccessError(
                f"The host of this page allows up to {most} {what}; this recipe asks for {value}. Take fewer."
            )
    if recipe.backbone not in backbones:
        raise AccessError(f"The host of this page allows the backbones {', '.join(backbones)}. Choose one of them.")


def may_load() -> bool:
    """Whether models may be loaded from the Hub by whoever is asking."""
    return asker().is_host or visitor_limits().model_bytes > 0


def check_load(size: int, *, loaded: int) -> None:
    """`AccessError` where a visitor may not load a model of `size` bytes beside those that were `loaded` already."""
    most = visitor_limits().model_bytes
    if asker().is_host:
        return
    if size > most:
        raise AccessError(
            f"Models of up to {most / 1e6:,.0f} MB may be loaded here; this one has {size / 1e6:,.0f} MB."
        )
    if size + loaded > MODELS_AT_ONCE * most:
        raise AccessError("No more room for models from the Hub here. The host of this page can delete some.")


def may_steer(owner: str) -> bool:
    """Whether whoever is asking may stop and resume a run: the host any, a visitor their own."""
    person = asker()
    return person.is_host or (bool(owner) and owner == person.owner)


def check_owner(owner: str, doing: str) -> None:
    """`AccessError` unless the host, or the visitor who made a run, wants to do something to it."""
    if not may_steer(owner):
        raise AccessError(f"This run is somebody else's: only they and the host may {doing} it.")
