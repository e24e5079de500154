"""The dashboard and the playground: pages and assets that `make web` built, served as they are."""

import os
from collections.abc import Awaitable, Callable
from os import PathLike
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

DIST = Path(__file__).parent.parent / "web" / "dist"

_PAGE_HEADERS = {
    "Cache-Control": "no-cache",  # a page names its assets by hash, so it must be asked for again
    "Content-Security-Policy": "frame-ancestors 'none'",  # the rest of the policy is in the page
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_ASSET_HEADERS = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}

_NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>rowcast</title>
<p>This page is not built yet. Run <code>make web</code>, then load it again.
<p>The API is up: <a href="/schema.graphql">schema</a>, <a href="/readyz">readiness</a>.
</html>"""


def routes(dist: Path = DIST) -> list[BaseRoute]:
    """`/`, `/playground` and `/assets/*` from a build in `dist`."""
    return [
        Route("/", _page(dist / "index.html")),
        Route("/playground", _page(dist / "playground.html")),
        Mount("/assets", _Assets(directory=dist / "assets", check_dir=False)),
    ]


def _page(file: Path) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:  # noqa: ARG001 - the signature of a route
        # Looked for at each request: a build while the server runs counts at once.
        if not file.is_file():  # noqa: ASYNC240 - one stat of a local file
            return HTMLResponse(_NOT_BUILT, status_code=503)
        return FileResponse(file, headers=_PAGE_HEADERS)

    return page


class _Assets(StaticFiles):
    """Files whose names hold their hash: what was served once never changes."""

    async def check_config(self) -> None:
        """The folder may come later, with a build; until then its files are not found."""

    def file_response(
        self, full_path: PathLike[str] | str, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(_ASSET_HEADERS)
        return response
