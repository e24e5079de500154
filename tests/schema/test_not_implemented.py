"""What docs/api.md lists as missing answers NOT_IMPLEMENTED, and nothing else does."""

import re
from pathlib import Path

import pytest

from schema.build import build_schema
from schema.not_implemented import MISSING
from tests.schema.ground import GraphQLFailed, Ground

DOCS = Path(__file__).parents[2] / "docs" / "api.md"

_SHEET = 'name: "other", sheet: {spreadsheet: "x"}'
_TOKEN = 'name: "t", role: VIEWER'

REQUESTS: dict[str, list[str]] = {
    "Query.tokens": ["{ tokens { id } }"],
    "Mutation.createToken": [f"mutation {{ createToken(input: {{{_TOKEN}}}) {{ secret }} }}"],
    "Mutation.revokeToken": ['mutation { revokeToken(id: "1") { id } }'],
}

BUILT = {
    "Query": {
        "sources": "{ sources { totalCount } }",
        "source": '{ source(name: "customers") { id } }',
        "previewSource": '{ previewSource(input: {name: "a"}) { problems } }',
        "rows": '{ rows(source: "customers") { asOf } }',
        "row": '{ row(source: "customers", key: {id: 1}) { key } }',
        "history": '{ history(source: "customers") { hasNextPage } }',
        "conflicts": "{ conflicts { totalCount } }",
        "failures": "{ failures { totalCount } }",
        "runs": '{ runs(source: "customers") { hasNextPage } }',
        "run": '{ run(id: "1") { id } }',
        "stats": "{ stats { sources } }",
        "viewer": "{ viewer { name role } }",
    },
    "Mutation": {
        "registerSource": 'mutation { registerSource(input: {name: "Not a name", sheet: {spreadsheet: "x"}}) { id } }',
        "updateSource": 'mutation { updateSource(name: "customers", input: {description: "d"}) { id } }',
        "pauseSource": 'mutation { pauseSource(name: "customers") { state } }',
        "syncSource": 'mutation { syncSource(name: "customers") { id } }',
        "resumeSource": 'mutation { resumeSource(name: "customers") { state } }',
        "confirmDeletes": 'mutation { confirmDeletes(run: "1") { id } }',
        "rotateHookSecret": 'mutation { rotateHookSecret(name: "customers") { url } }',
        "upsertRows": 'mutation { upsertRows(source: "customers", rows: []) { deleted } }',
        "deleteRows": 'mutation { deleteRows(source: "customers", keys: []) { deleted } }',
        "retryFailure": 'mutation { retryFailure(id: "1") { id } }',
        "discardFailure": 'mutation { discardFailure(id: "1") { id } }',
        "rollbackRow": 'mutation { rollbackRow(source: "customers", key: {id: 1}, to: "x") { deleted } }',
        "rollbackSource": 'mutation { rollbackSource(source: "customers", to: "x") { deleted } }',
        "resolveConflict": 'mutation { resolveConflict(id: "1", choice: DATABASE) { id } }',
        "deleteSource": 'mutation { deleteSource(name: "customers") { id } }',
    },
}


def test_the_documented_table_is_the_list() -> None:
    _, _, section = DOCS.read_text().partition("## Not implemented yet")
    table = re.findall(r"^\| `([^`]+)` \| (.+) \|$", section, re.MULTILINE)
    assert dict(table) == dict(MISSING)


def test_every_entry_is_tried() -> None:
    assert set(REQUESTS) == set(MISSING)


@pytest.mark.parametrize("part", REQUESTS)
async def test_what_is_missing_says_so(ground: Ground, part: str) -> None:
    for request in REQUESTS[part]:
        if request.startswith("subscription"):
            async with ground.subscribe(request) as stream:
                with pytest.raises(GraphQLFailed) as failed:
                    await stream.next()
            error = failed.value
        else:
            error = await ground.refused(request)
        assert error.code == "NOT_IMPLEMENTED"
        assert str(error).endswith(MISSING[part])


async def test_everything_else_is_built(ground: Ground) -> None:
    types = build_schema()._schema.type_map
    whole = {part.partition(".")[2] for part in MISSING if "(" not in part}
    for root, requests in BUILT.items():
        assert set(types[root].fields) == set(requests) | (set(types[root].fields) & whole)  # type: ignore[attr-defined]
        for request in requests.values():
            assert await ground.code(request) in (None, "BAD_USER_INPUT", "NOT_FOUND", "CONFLICT"), request
