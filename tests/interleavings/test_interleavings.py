"""Edits from all sides in every order, with faults and kills in between: both sides agree in the end, and nothing is
lost. Each example is a source of its own on one server, which goes on working while the example acts.

`INTERLEAVINGS` says how many; `make soak` takes 500.
"""

import os
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sandbox.server import Sandbox
from tests.interleavings.actions import ACTIONS, Action
from tests.interleavings.deeds import Deeds
from tests.interleavings.grid import Grid
from tests.interleavings.ledger import Ledger
from tests.interleavings.sides import Sides
from tests.interleavings.world import World
from tests.server import ProcessServer, server_settings

EXAMPLES = int(os.environ.get("INTERLEAVINGS", "4"))
_names = count(1)


@pytest.fixture
async def server(database: str, tmp_path: Path) -> AsyncIterator[tuple[ProcessServer, Sandbox]]:
    with Sandbox() as sandbox:
        made = ProcessServer(
            server_settings(
                database, tmp_path, sandbox, google_reads_per_minute=100_000, google_writes_per_minute=100_000
            )
        )
        await made.start()
        yield made, sandbox
        await made.kill()


@pytest.mark.timeout(60 + 60 * EXAMPLES)
@settings(
    max_examples=EXAMPLES,
    # The server's own pace is part of an example: what fails is shown as it was, not shrunk.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=EXAMPLES < 100,
)
@given(
    actions=ACTIONS,
    policy=st.sampled_from(["DATABASE_WINS", "SOURCE_WINS", "LATEST_WINS", "MANUAL"]),
    deletes=st.sampled_from(["PROPAGATE", "PROPAGATE", "SOFT", "IGNORE"]),
)
async def test_every_interleaving_ends_in_agreement_and_loses_nothing(
    server: tuple[ProcessServer, Sandbox], database: str, actions: list[Action], policy: str, deletes: str
) -> None:
    process, sandbox = server
    sides, ledger = Sides(process, sandbox, database, f"s{next(_names)}"), Ledger()
    grid = Grid(sandbox, sides.name, ledger)
    world, deeds = World(sides, grid, ledger, policy, deletes), Deeds(sides, grid, ledger)
    await world.begin()
    for action in actions:
        await deeds.do(action)
    await world.settle()
    await world.check()
    await world.end()
