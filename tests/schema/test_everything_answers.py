"""Every query and mutation of the contract answers: with data, or with what is wrong about the request."""

from schema.build import build_schema
from tests.schema.ground import Ground

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
        "events": "{ events { hasNextPage } }",
        "stats": "{ stats { sources } }",
        "viewer": "{ viewer { name role } }",
        "tokens": "{ tokens { id } }",
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
        "createToken": 'mutation { createToken(input: {name: "t", role: VIEWER}) { secret } }',
        "revokeToken": 'mutation { revokeToken(id: "1") { id } }',
        "deleteSource": 'mutation { deleteSource(name: "customers") { id } }',
    },
}


async def test_everything_answers(ground: Ground) -> None:
    types = build_schema()._schema.type_map
    for root, requests in BUILT.items():
        assert set(types[root].fields) == set(requests)  # type: ignore[attr-defined]
        for request in requests.values():
            assert await ground.code(request) in (None, "BAD_USER_INPUT", "NOT_FOUND", "CONFLICT"), request
