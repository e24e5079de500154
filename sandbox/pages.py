"""The pages to type in: a list of spreadsheets and feeds, the sheet that `make web` builds, a feed's document."""

from html import escape
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from sandbox.office import Office

_FOLDER = Path(__file__).parent / "page"
DIST = Path(__file__).parent.parent / "web" / "dist"
"""Where the build of the sheet's page is."""
_HEADERS = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
_NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Not built · sandbox</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/page/style.css">
<body><main class="list"><h1>This page is not built yet</h1>
<p>Run <code>make web</code> (or <code>npm ci &amp;&amp; npm run build</code> in <code>web/</code>), then load it again.
The sandbox's APIs work without it.</p><p><a href="/">All spreadsheets and feeds</a></p></main></body>
</html>"""


class Pages:
    """HTML, and what it loads."""

    def __init__(self, office: Office, dist: Path = DIST) -> None:
        self._office = office
        self._dist = dist

    def routes(self) -> list[BaseRoute]:
        one = "/spreadsheets/d/{file}"
        return [
            Route("/", self._list),
            Route("/feeds/{name}/edit", self._feed_page),
            Route(one, self._sheet_page),
            Route(f"{one}/edit", self._sheet_page),
            Mount("/page", StaticFiles(directory=_FOLDER)),
            Mount("/assets", _Assets(directory=self._dist / "assets", check_dir=False)),
        ]

    async def _list(self, _request: Request) -> Response:
        files = sorted(self._office.drive.files.values(), key=lambda file: file.name.lower())
        items = "".join(
            f'<li><a href="/spreadsheets/d/{escape(file.file_id)}/edit">{escape(file.name)}</a>'
            f"<small>{', '.join(escape(sheet.title) for sheet in file.spreadsheet.sheets)}</small></li>"
            for file in files
            if not file.trashed
        )
        page = (_FOLDER / "list.html").read_text(encoding="utf-8")
        feeds = "".join(
            f'<li><a href="/feeds/{quote(name, safe="")}/edit">{escape(name)}</a>'
            f"<small>{escape(feed.content_type)}</small></li>"
            for name in self._office.feeds.names()
            if (feed := self._office.feeds.get(name)) is not None
        )
        return HTMLResponse(page.replace("<!-- spreadsheets -->", items).replace("<!-- feeds -->", feeds))

    async def _feed_page(self, request: Request) -> Response:
        if self._office.feeds.get(request.path_params["name"]) is None:
            return HTMLResponse("<h1>No such feed</h1><p><a href='/'>All feeds</a></p>", status_code=404)
        return FileResponse(_FOLDER / "feed.html", media_type="text/html")

    async def _sheet_page(self, request: Request) -> Response:
        if request.path_params["file"] not in self._office.drive.files:
            return HTMLResponse("<h1>No such spreadsheet</h1><p><a href='/'>All spreadsheets</a></p>", status_code=404)
        page = self._dist / "sheet.html"
        # Looked for at each request: a build while the sandbox runs counts at once.
        if not page.is_file():
            return HTMLResponse(_NOT_BUILT, status_code=503)
        return FileResponse(page, headers=_HEADERS)


class _Assets(StaticFiles):
    """Files of a build, whose names hold their hash."""

    async def check_config(self) -> None:
        """The folder may come later, with a build; until then its files are not found."""
