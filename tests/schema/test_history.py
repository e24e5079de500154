"""history: newest first, of one row through its changes of key, page by page."""

from tests.schema.ground import Ground, Json

HISTORY = """query($key: JSON, $first: Int, $after: String, $source: String = "customers") {
  history(source: $source, key: $key, first: $first, after: $after) {
    nodes { cursor transactionId committedAt cause actor change { operation moved key row before changed } }
    endCursor hasNextPage
  }
}"""
FOLLOW = 'subscription { changes(source: "customers") { upToDate changes { operation } } }'


async def _written(ground: Ground) -> None:
    """Four commits, all in the log."""
    async with ground.subscribe(FOLLOW) as stream:
        await stream.until_up_to_date()
        await ground.sql("INSERT INTO customers VALUES (1, 'Ada', 30), (2, 'Bob', 20)")
        await ground.sql("UPDATE customers SET age = 31 WHERE id = 1")
        await ground.sql("UPDATE customers SET id = 9 WHERE id = 1")
        await ground.sql("DELETE FROM customers WHERE id = 9")
        for _ in range(4):
            await stream.next()


def _operations(history: Json) -> list[tuple[str, int]]:
    return [(node["change"]["operation"], node["change"]["key"]["id"]) for node in history["nodes"]]


async def test_the_trail_is_newest_first_and_shows_key_changes(ground: Ground) -> None:
    await _written(ground)
    history = await ground.run(HISTORY)
    assert _operations(history) == [("DELETE", 9), ("UPDATE", 9), ("UPDATE", 1), ("INSERT", 2), ("INSERT", 1)]
    moved = history["nodes"][1]["change"]
    assert moved["moved"]
    assert moved["before"]["id"] == 1
    assert moved["changed"] == ["id"]
    assert history["nodes"][2]["change"]["changed"] == ["age"]
    assert history["nodes"][0]["cause"] == "SQL"


async def test_of_one_row_under_either_key(ground: Ground) -> None:
    await _written(ground)
    assert _operations(await ground.run(HISTORY, {"key": {"id": 1}})) == [("UPDATE", 9), ("UPDATE", 1), ("INSERT", 1)]
    assert _operations(await ground.run(HISTORY, {"key": {"id": 9}})) == [("DELETE", 9), ("UPDATE", 9)]
    assert _operations(await ground.run(HISTORY, {"key": {"id": 3}})) == []


async def test_pages(ground: Ground) -> None:
    await _written(ground)
    seen: list[tuple[str, int]] = []
    after = None
    while True:
        page = await ground.run(HISTORY, {"first": 2, "after": after})
        seen += _operations(page)
        if not page["hasNextPage"]:
            break
        after = page["endCursor"]
    assert seen == _operations(await ground.run(HISTORY))
    for wrong in ("nonsense", (await ground.run("{ sources { endCursor } }"))["endCursor"]):
        assert (await ground.refused(HISTORY, {"after": wrong})).code == "BAD_USER_INPUT"


async def test_a_key_that_no_row_can_have_has_no_history(ground: Ground) -> None:
    await ground.sql("ALTER TABLE customers ALTER id TYPE numeric(6,2)")
    assert _operations(await ground.run(HISTORY, {"key": {"id": "1.001"}})) == []


async def test_a_cursor_of_history_resumes_changes(ground: Ground) -> None:
    await _written(ground)
    history = await ground.run(HISTORY)
    cursor = history["nodes"][-1]["cursor"]
    query = 'subscription($after: Cursor) { changes(source: "customers", after: $after) { upToDate changes { key } } }'
    async with ground.subscribe(query, {"after": cursor}) as stream:
        batches = await stream.until_up_to_date()
    assert [c["key"]["id"] for batch in batches for c in batch["changes"]] == [1, 1, 9, 9]
