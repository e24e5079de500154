"""Edits from all sides in every order, with faults and kills in between: both sides agree in the end, and nothing is
lost. Each example is a source of its own on one server, which goes on working while the example acts.

`INTERLEAVINGS` says how many of a sheet, and as many of a feed; `make soak` takes 500.
"""

import os
from collections.abc import AsyncIterator, Mapping
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sandbox.server import Sandbox
from tests.interleavings.actions import Action
from tests.interleavings.agreement import Agreement
from tests.interleavings.book import Book
from tests.interleavings.deeds import TIMEOUT_S, Deeds, Done
from tests.interleavings.feed_actions import FEED_ACTIONS, SHAPES, Shape
from tests.interleavings.feed_deeds import FeedDeeds
from tests.interleavings.grid import Grid
from tests.interleavings.ledger import Ledger
from tests.interleavings.mending import Mending
from tests.interleavings.overwriting import Overwriting
from tests.interleavings.place import Place
from tests.interleavings.sheet_actions import SHEET_ACTIONS
from tests.interleavings.sheet_deeds import SheetDeeds
from tests.interleavings.sides import Sides
from tests.interleavings.world import World
from tests.sandbox.checked import CheckedSandbox
from tests.server import ProcessServer, server_settings

EXAMPLES = int(os.environ.get("INTERLEAVINGS", "2"))
POLICIES = st.sampled_from(["DATABASE_WINS", "SOURCE_WINS", "LATEST_WINS", "MANUAL"])
DELETES = st.sampled_from(["PROPAGATE", "PROPAGATE", "SOFT", "IGNORE"])
_names = count(1)


@pytest.fixture
async def server(database: str, tmp_path: Path) -> AsyncIterator[tuple[ProcessServer, Sandbox]]:
    with CheckedSandbox() as sandbox:
        made = ProcessServer(
            server_settings(
                database,
                tmp_path,
                sandbox,
                google_reads_per_minute=100_000,
                google_writes_per_minute=100_000,
                google_timeout_seconds=TIMEOUT_S,
                feed_timeout_seconds=TIMEOUT_S,
                feed_shown_seconds=3,
                feed_allow=(sandbox.url.partition("://")[2],),
            )
        )
        try:
            await made.start()
            yield made, sandbox
        finally:
            await made.kill()


interleaved = settings(
    max_examples=EXAMPLES,
    # The server's own pace is part of an example: what fails is shown as it was, not shrunk.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize="INTERLEAVINGS" not in os.environ,
)


@pytest.mark.timeout(60 + 60 * EXAMPLES)
@interleaved
@given(actions=SHEET_ACTIONS, policy=POLICIES, deletes=DELETES)
async def test_a_sheet_ends_in_agreement_and_loses_nothing(
    server: tuple[ProcessServer, Sandbox], database: str, actions: list[Action], policy: str, deletes: str
) -> None:
    process, sandbox = server
    sides, ledger = Sides(process, sandbox, database, f"s{next(_names)}"), Ledger()
    grid = Grid(sandbox, sides.name, ledger)
    await _play(sides, grid, ledger, policy, deletes, SheetDeeds(sides, grid, ledger).done_by, actions)


@pytest.mark.timeout(60 + 60 * EXAMPLES)
@interleaved
@given(actions=FEED_ACTIONS, shape=SHAPES, policy=POLICIES, deletes=DELETES)
async def test_a_feed_ends_in_agreement_and_loses_nothing(
    server: tuple[ProcessServer, Sandbox], database: str, actions: list[Action], shape: Shape, policy: str, deletes: str
) -> None:
    process, sandbox = server
    sides, ledger = Sides(process, sandbox, database, f"s{next(_names)}"), Ledger()
    book = Book(sandbox, sides.name, ledger, shape)
    own = FeedDeeds(book, ledger, hooked=shape.hooked).done_by
    await _play(sides, book, ledger, policy, deletes, own, actions)


async def _play(
    sides: Sides,
    place: Place,
    ledger: Ledger,
    policy: str,
    deletes: str,
    own: Mapping[type, Done],
    actions: list[Action],
) -> None:
    agreement = Agreement(sides, place, deletes)
    world = World(sides, place, ledger, agreement, policy, deletes)
    mending, overwriting = Mending(sides, ledger), Overwriting(sides, place, agreement)
    deeds = Deeds(sides, ledger, {**own, **mending.done_by, **overwriting.done_by})
    await world.begin()
    for action in actions:
        await deeds.do(action)
    await world.settle()
    await world.check()
    await world.end()
