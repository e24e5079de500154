"""The browser that the tests of pages use: it runs, keeps to itself, and says what to do where there is none."""

import platform
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests import browser as browsers
from tests.browser import SHARED, Chromium, NoBrowserError, find_chromium

PAGE = """<!doctype html><title>Static</title><button>Add</button><ul></ul>
<script>
  const list = document.querySelector('ul');
  document.querySelector('button').onclick = () => list.append(document.createElement('li'));
</script>
"""


@pytest.fixture
def static_site(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "index.html").write_text(PAGE)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@SHARED
async def test_a_page_is_shown_and_used(page: Page, static_site: str) -> None:
    await page.goto(static_site)
    await expect(page).to_have_title("Static")
    await page.get_by_role("button", name="Add").click(click_count=2)
    await expect(page.get_by_role("listitem")).to_have_count(2)


def test_a_named_browser_comes_first(chromium: Chromium) -> None:
    assert find_chromium({"ROWCAST_CHROMIUM": str(chromium.program)}) == Chromium(chromium.program, {})


def test_a_named_browser_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoBrowserError, match=r"ROWCAST_CHROMIUM names .* which is no program"):
        find_chromium({"ROWCAST_CHROMIUM": str(tmp_path / "absent")})


def test_the_system_browser_serves_where_npm_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsers, "NODE_MODULES", tmp_path)
    program = tmp_path / "chromium"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert find_chromium({"PATH": str(tmp_path)}) == Chromium(program, {})


def test_without_any_browser_it_is_said_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsers, "NODE_MODULES", tmp_path)
    with pytest.raises(NoBrowserError, match="Run `npm ci` in web/"):
        find_chromium({"PATH": str(tmp_path)})


@pytest.mark.skipif((platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="npm has no build for it")
def test_the_browser_of_npm_is_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "@sparticuz").symlink_to(browsers.NODE_MODULES / "@sparticuz")
    monkeypatch.setattr(browsers, "NODE_MODULES", tmp_path)
    first = find_chromium({})
    written = first.program.stat().st_mtime_ns
    assert find_chromium({}) == first
    assert first.program.stat().st_mtime_ns == written
    assert [folder.name for folder in (tmp_path / ".cache").iterdir()] == [first.program.parent.name]
