"""Small pieces of HTML that every panel uses; whatever comes from outside is escaped here."""

import base64
import io
import math
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from PIL import Image

JPEG_QUALITY = 86
LOADING = '<p class="lab-small" role="status">Loading …</p>'  # where the server has not answered yet


def text(value: object) -> str:
    """`value` as text that no browser takes for markup."""
    return escape(str(value))


def empty_state(title: str, advice: str) -> str:
    """What a panel says while it has nothing to show: what is missing, and what to do first."""
    return f'<div class="lab-empty"><strong>{text(title)}</strong><p>{text(advice)}</p></div>'


def note(message: str, kind: str = "info") -> str:
    """A line that stays on the page; `kind` is info, warn or bad."""
    return f'<p class="lab-note {kind}">{text(message)}</p>'


def pill(label: str, kind: str) -> str:
    """A short status word with its colour."""
    return f'<span class="lab-pill {text(kind)}">{text(label)}</span>'


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, numbers_from: int = 1) -> str:
    """A table that scrolls inside itself. Cells are HTML already; columns from `numbers_from` on are set as figures."""
    head = "".join(f"<th{_figure(i, numbers_from)}>{text(heading)}</th>" for i, heading in enumerate(headings))
    body = "".join(
        "<tr>" + "".join(f"<td{_figure(i, numbers_from)}>{cell}</td>" for i, cell in enumerate(row)) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="lab-scroll" tabindex="0"><table class="lab-table"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def progress_bar(share: float, label: str) -> str:
    """A bar filled to `share` (0 to 1) with a line of text under it; a negative share means it is not known how far."""
    filled = "" if share < 0 else f' style="width:{100 * min(share, 1):.1f}%"'
    unknown = " unknown" if share < 0 else ""
    now = "" if share < 0 else f' aria-valuenow="{100 * min(share, 1):.0f}"'
    return (
        f'<div class="lab-progress{unknown}" role="progressbar" aria-valuemin="0" aria-valuemax="100"{now}>'
        f'<div class="bar"{filled}></div></div><div class="lab-progress-label">{text(label)}</div>'
    )


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and values side by side."""
    cells = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in pairs)
    return f'<dl class="lab-facts">{cells}</dl>'


def picture_tag(picture: np.ndarray, *, alt: str, lossless: bool = False, kind: str = "") -> str:
    """An `<img>` that carries its picture (H, W, 3 or 4) uint8; masks go lossless, so that no class bleeds."""
    buffer = io.BytesIO()
    image = Image.fromarray(picture)
    if lossless:
        image.save(buffer, "PNG", compress_level=4)
        mime = "image/png"
    else:
        image.save(buffer, "JPEG", quality=JPEG_QUALITY)
        mime = "image/jpeg"
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f'<img class="{text(kind)}" alt="{text(alt)}" src="data:{mime};base64,{data}">'


def figure_grid(figures: Iterable[tuple[str, str]], *, columns: int, keeps_rows: bool = False) -> str:
    """(inner HTML, caption) pairs on a grid; unless it `keeps_rows`, it has two columns on a phone."""
    cells = "".join(
        f'<figure class="lab-figure">{inner}<figcaption>{text(caption)}</figcaption></figure>'
        for inner, caption in figures
    )
    kind = "lab-grid" if keeps_rows else "lab-grid loose"
    return f'<div class="{kind}" style="--columns:{columns}">{cells}</div>'


def megabytes(size: int) -> str:
    """A size in bytes for people."""
    if size <= 0:
        return "size unknown"
    if size < 1_000_000:
        return f"{size / 1e3:.0f} kB"
    return f"{size / 1e6:.0f} MB" if size < 1_000_000_000 else f"{size / 1e9:.1f} GB"


def duration(seconds: float | None) -> str:
    """A stretch of time for people: 42 s, 3 min 20 s, 2 h 05 min."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def metric_text(name: str, value: float) -> str:
    """A figure as people read it: pixels with one decimal, shares with four."""
    return f"{value:.1f} px" if name.endswith("_pixels") else f"{value:.4f}"


def _figure(column: int, numbers_from: int) -> str:
    return ' class="figure"' if column >= numbers_from else ""


def tag_list(tags: Sequence[tuple[str, str]]) -> str:
    """Tags in a row, each with its kind: "plain", "right", "missed" or "extra"."""
    cells = "".join(f'<li class="{kind}">{text(name)}</li>' for name, kind in tags)
    return f'<ul class="lab-tags">{cells}</ul>'
