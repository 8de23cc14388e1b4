"""What makes charts interactive, as files with addresses of their own: brought once, by the pages that show a chart, and kept.

uPlot draws them. It was weighed against the others that are well kept, by what a browser has to fetch (compressed, measured with
`gzip -9` on the release of November 2026) and by what a curve that grows every second needs:

- uPlot 1.6, 22 kB, MIT: taken. Canvas, made for live data; `setData` can leave a zoom alone; logarithmic axes; a colour may be a
  function, which reads the page's own variables, so that it follows light and dark. Its last release is of May 2025.
- Chart.js 4, 71 kB, MIT: logarithmic axes; zooming is a plug-in of its own, with a library that this needs.
- Observable Plot, 161 kB with D3, which it needs, ISC: draws anew at each change, and has no zoom.
- ECharts 6, 368 kB, or 169 kB in its simple build, Apache 2: all that is wanted here, and much more.
- Plotly 4, 395 kB in its basic build, MIT: the same.
- Gradio's own plots, 235 kB, by Vega-Lite: no logarithmic axis in them, and each answer draws anew and forgets the zoom.

Nothing is asked of another server: uPlot lies in `assets/vendor`, with its licence.
"""

import gzip
import hashlib
from collections.abc import Callable
from functools import cache

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tabs.door.paths import APP
from tabs.scripts import called, script

VENDOR = APP / "assets" / "vendor" / "uplot"
PLACE = "lab"  # in front of their names, beside the pages
KEPT = "public, max-age=31536000, immutable"  # a file that changes gets another name


def _vendored(name: str) -> Callable[[], str]:
    return lambda: (VENDOR / name).read_text(encoding="utf-8")


STYLE, LIBRARY, CHARTS = "uplot.css", "uplot.js", "charts.js"
FILES: dict[str, tuple[str, Callable[[], str]]] = {
    STYLE: ("text/css", _vendored("uPlot.min.css")),
    LIBRARY: ("text/javascript", _vendored("uPlot.iife.min.js")),
    CHARTS: ("text/javascript", lambda: script("charts")),
}


@cache
def _packed(name: str) -> bytes:
    return gzip.compress(FILES[name][1]().encode(), mtime=0)


@cache
def address(name: str) -> str:
    """Where a file is, beside the pages, so that it holds behind a proxy too; its name changes with what is in it."""
    return f"{PLACE}/{hashlib.sha256(_packed(name)).hexdigest()[:12]}-{name}"


def loader() -> str:
    """For `js=`: brings the files once the page has a chart."""
    return called("load-charts", address(STYLE), address(LIBRARY), address(CHARTS))


def serve_charts(app: ASGIApp) -> ASGIApp:
    """The server `app`, which also answers for these files. They say nothing of anybody: whoever asks may have them."""
    places = {f"/{address(name)}": name for name in FILES}

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        name = places.get(scope["path"].removeprefix(scope.get("root_path", ""))) if scope["type"] == "http" else None
        if name is None:
            await app(scope, receive, send)
            return
        packed = any(key == b"accept-encoding" and b"gzip" in value for key, value in scope["headers"])
        headers = {"Cache-Control": KEPT, "Vary": "Accept-Encoding", **({"Content-Encoding": "gzip"} if packed else {})}
        body = _packed(name) if packed else gzip.decompress(_packed(name))
        await Response(body, media_type=FILES[name][0], headers=headers)(scope, receive, send)

    return serve
