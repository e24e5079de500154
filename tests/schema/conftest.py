"""A ground for each test, with the table `customers`."""

from collections.abc import AsyncIterator

import pytest

from tests.schema.ground import CUSTOMERS, CUSTOMERS_SQL, Ground, standing


@pytest.fixture
async def ground(database: str) -> AsyncIterator[Ground]:
    async with standing(database) as ground:
        await ground.bind("customers", CUSTOMERS_SQL, CUSTOMERS)
        yield ground
