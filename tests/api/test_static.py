"""Pages and assets, before and after a build."""

from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette

from api.static import routes


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    return tmp_path / "dist"


def client(dist: Path) -> AsyncClient:
    return AsyncClient(transport=ASGITransport(Starlette(routes=routes(dist))), base_url="http://127.0.0.1")


def build(dist: Path) -> None:
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("the dashboard")
    (dist / "playground.html").write_text("the playground")
    (dist / "assets" / "index-abc.js").write_text("1")


async def test_without_a_build_the_pages_say_what_to_do(dist: Path) -> None:
    async with client(dist) as http:
        for path in ("/", "/playground"):
            answer = await http.get(path)
            assert answer.status_code == 503
            assert "make web" in answer.text
        assert (await http.get("/assets/index-abc.js")).status_code == 404


async def test_a_build_counts_at_once(dist: Path) -> None:
    async with client(dist) as http:
        assert (await http.get("/")).status_code == 503
        build(dist)
        assert (await http.get("/")).text == "the dashboard"
        assert (await http.get("/playground")).text == "the playground"
        asset = await http.get("/assets/index-abc.js")
        assert asset.status_code == 200


async def test_pages_are_asked_for_again_and_assets_are_kept(dist: Path) -> None:
    build(dist)
    async with client(dist) as http:
        page = await http.get("/")
        assert page.headers["cache-control"] == "no-cache"
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        asset = await http.get("/assets/index-abc.js")
        assert "immutable" in asset.headers["cache-control"]
        again = await http.get("/assets/index-abc.js", headers={"if-none-match": asset.headers["etag"]})
        assert again.status_code == 304


async def test_nothing_outside_the_build_is_served(dist: Path) -> None:
    build(dist)
    (dist.parent / "secret").write_text("secret")
    async with client(dist) as http:
        for path in ("/assets/../../secret", "/assets/%2e%2e/%2e%2e/secret", "/assets/..%2f..%2fsecret", "/assets/"):
            assert (await http.get(path)).status_code in (404, 405)
