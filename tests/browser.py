"""A real browser for tests: the fixtures `built`, `browser` and `page`, from Playwright for Python.

For tests of any page that rowcast serves, which run in one event loop, that of the browser that they share (SHARED).
The browser comes from npm (`@sparticuz/chromium` in web/node_modules), so that neither apt nor a download is needed;
`ROWCAST_CHROMIUM` names another one. Where none is to be had the test fails and says what to do: it is never skipped.
"""

import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Playwright, async_playwright, expect
from playwright.async_api import Error as PlaywrightError

NODE_MODULES = Path(__file__).parent.parent / "web" / "node_modules"
DIST = Path(__file__).parent.parent / "web" / "dist"

# Nothing but the page under test may use the network, and containers allow no sandbox of Chromium's own.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# How long a page may take to show what is waited for, on a busy machine. In milliseconds.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)

# The package's own names folders of the machine that it was made for.
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{home}/fonts</dir>
  <cachedir>{home}/fonts-cache</cachedir>
</fontconfig>
"""

# Prints nothing; writes the decompressed files beside the names given. Python's library has no Brotli, Node's has.
_DECOMPRESS = """
const { createReadStream, createWriteStream } = require('node:fs');
const { pipeline } = require('node:stream/promises');
const { createBrotliDecompress } = require('node:zlib');
const [source, target, ...names] = process.argv.slice(1);
Promise.all(names.map((name) => pipeline(
  createReadStream(`${source}/${name}.br`), createBrotliDecompress(), createWriteStream(`${target}/${name}`))));
"""


SHARED: Final = pytest.mark.asyncio(loop_scope="session")
"""The mark of tests with a browser."""


class NoBrowserError(Exception):
    """No browser can be had here. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Chromium:
    """A browser's program and what its environment needs besides the caller's own."""

    program: Path
    environment: Mapping[str, str]


def find_chromium(environment: Mapping[str, str]) -> Chromium:
    """The browser that `ROWCAST_CHROMIUM` names, else npm's, else the system's."""
    if named := environment.get("ROWCAST_CHROMIUM"):
        if not os.access(named, os.X_OK):
            raise NoBrowserError(f"ROWCAST_CHROMIUM names {named}, which is no program. Set it to a Chromium's path.")
        return Chromium(Path(named), {})
    # The package holds a build for this system only.
    if (platform.system(), platform.machine()) == ("Linux", "x86_64") and (NODE_MODULES / "@sparticuz").is_dir():
        return _unpacked(NODE_MODULES)
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name, path=environment.get("PATH")):
            return Chromium(Path(found), {})
    raise NoBrowserError(
        "No browser for the tests of the pages. Run `npm ci` in web/ (on Linux x86-64 it brings one), "
        "install Chromium, or set ROWCAST_CHROMIUM to a Chromium's path."
    )


def _unpacked(node_modules: Path) -> Chromium:
    """npm's browser, unpacked once into node_modules/.cache, so that it goes where node_modules goes."""
    package = node_modules / "@sparticuz" / "chromium"
    packed = package / "bin"
    stamp = (packed / "chromium.br").stat()
    home = node_modules / ".cache" / f"chromium-{stamp.st_size}-{int(stamp.st_mtime)}"
    if not home.is_dir():
        home.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent, ignore_cleanup_errors=True) as folder:
            _unpack(packed, Path(folder))
            (Path(folder) / "fonts.conf").write_text(_FONTS.format(home=escape(str(home))))
            try:
                Path(folder).rename(home)
            except OSError:
                # Another test process was quicker: the folder that it made is as good.
                if not home.is_dir():
                    raise
    libraries = [str(home / "lib"), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
    return Chromium(home / "chromium", {"LD_LIBRARY_PATH": ":".join(libraries), "FONTCONFIG_PATH": str(home)})


def _unpack(packed: Path, target: Path) -> None:
    node = shutil.which("node", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if node is None:
        raise NoBrowserError("Node is needed to unpack the browser that npm brings: put `node` on the PATH.")
    archives = ("al2023.tar", "fonts.tar", "swiftshader.tar")
    subprocess.run([node, "-e", _DECOMPRESS, packed, target, "chromium", *archives], check=True)
    for archive in archives:
        with tarfile.open(target / archive) as tar:
            # Python before 3.11.4 has no filters, and needs none: the archives are pinned by hash.
            tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, _path: member)
            tar.extractall(target)
        (target / archive).unlink()
    (target / "chromium").chmod(0o755)
    # Temporary folders are their maker's alone; node_modules is for everybody who may read the checkout.
    target.chmod(0o755)


@pytest.fixture(scope="session")
def built() -> None:
    """Fails where the pages aren't built: `make test` builds them."""
    if not all((DIST / name).is_file() for name in ("index.html", "playground.html", "sheet.html")):
        pytest.fail("The pages aren't built. Run `make web`.", pytrace=False)


@pytest.fixture(scope="session")
def chromium() -> Chromium:
    # Playwright's driver is a program of Node's: compiled once, it starts in two thirds of the time.
    os.environ.setdefault("NODE_COMPILE_CACHE", str(NODE_MODULES / ".cache" / "node"))
    try:
        return find_chromium(os.environ)
    except NoBrowserError as problem:
        pytest.fail(str(problem), pytrace=False)


async def _launch(playwright: Playwright, chromium: Chromium) -> Browser:
    """Once more where it crashes as it starts: one of a few thousand starts of Chromium does, on a busy machine."""
    start = partial(
        playwright.chromium.launch,
        executable_path=chromium.program,
        args=list(FLAGS),
        env={**os.environ, **chromium.environment},
    )
    try:
        return await start()
    except PlaywrightError:
        return await start()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: Chromium) -> AsyncIterator[Browser]:
    """One for all tests of a process: to start it takes longer than most of them. Contexts share nothing in it."""
    async with async_playwright() as playwright:
        browser = await _launch(playwright, chromium)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """An empty page, as in a new profile. Errors that the page's own code doesn't catch fail the test at its end.

    A test asks for its server first and for the page after it: then the page goes before what it loads from.
    """
    page = await browser.new_page(locale="en-GB", timezone_id="UTC")
    page.set_default_timeout(PATIENCE_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    # Closing cuts off what a page still loads, its workers for one: that is no failure of its code.
    failures = tuple(errors)
    await page.close()
    assert failures == (), "The page's code failed."
