"""Feeds read and written over HTTP, against the sandbox's."""

from dataclasses import replace

import pytest

from db.errors import SourceUnreachable
from db.feeds import FeedPagination, FeedPaginationKind, FeedRequest, FeedWrite
from sync.feeds.client import FeedLimits
from tests.sync.feeds import delete, insert, json_bench, key, update, xml_bench


async def test_a_json_feed_is_read_with_every_digit() -> None:
    with json_bench() as bench:
        reading = await bench.read()
        assert not reading.unsure
        rows = {row.key: row for row in reading.rows}
        assert rows[key(1)].cells == {"id": 1.0, "item": "tea", "price": 3.5, "tags": '["a", 1.10]'}
        assert rows[key(2)].cells["price"] == "12345678901234567890.5"
        assert rows[key(3)].cells == {"id": 3.0, "item": "", "price": None, "tags": None}
        assert rows[key(2)].addresses["price"] == "$.data.orders[1].price.amount"


async def test_an_xml_feed_is_read_with_namespaces_and_attributes() -> None:
    with xml_bench() as bench:
        rows = await bench.rows()
        assert rows[key("EUR")].cells == {"code": "EUR", "value": "1.10", "unit": "1", "at": "2026-01-31"}
        assert rows[key("JPY")].cells["at"] is None
        assert rows[key("JPY")].address == "/rates/rate[2]"


async def test_an_unchanged_feed_costs_one_conditional_request() -> None:
    with json_bench() as bench:
        seen = (await bench.read()).mark
        bench.requests()
        adapter = bench.adapter()
        assert await adapter.mark() == seen
        assert [call["status"] for call in bench.requests()][-1] == 304
        bench.put('{"data": {"orders": [{"id": 1}]}}')
        changed = bench.adapter()
        assert await changed.mark() != seen
        before = len(bench.requests())
        assert [row.key for row in (await changed.read()).rows] == [key(1)]
        assert len(bench.requests()) == before, "what the look brought is what is read"


@pytest.mark.parametrize(
    "pagination",
    [
        FeedPagination(FeedPaginationKind.LINK_HEADER),
        FeedPagination(FeedPaginationKind.NEXT_URL, next="next"),
        FeedPagination(FeedPaginationKind.PAGE, parameter="page", size=2),
        FeedPagination(FeedPaginationKind.OFFSET, parameter="offset", size=2),
        FeedPagination(FeedPaginationKind.CURSOR, next="cursor", parameter="cursor"),
    ],
    ids=lambda pagination: pagination.kind,
)
async def test_every_page_is_read(pagination: FeedPagination) -> None:
    with json_bench() as bench:
        assert bench.source.feed is not None
        first = "&page=1" if pagination.kind is FeedPaginationKind.PAGE else ""
        bench.bind(url=f"{bench.source.feed.url}?size=2{first}", pagination=pagination)
        reading = await bench.read()
        assert [row.key for row in reading.rows] == [key(1), key(2), key(3)]
        assert not reading.unsure


async def test_a_feed_whose_pages_go_round_is_refused() -> None:
    with json_bench('{"data": {"orders": [{"id": 1}]}, "next": "/feeds/orders"}') as bench:
        bench.bind(pagination=FeedPagination(FeedPaginationKind.NEXT_URL, next="next"))
        with pytest.raises(SourceUnreachable, match="lead back"):
            await bench.read()
        bench.put('{"data": {"orders": [{"id": 1}]}, "next": "/feeds/orders?again"}')
        bench.bind(pagination=FeedPagination(FeedPaginationKind.NEXT_URL, next="next", max_pages=1))
        with pytest.raises(SourceUnreachable, match="more than 1 pages"):
            await bench.read()


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "not JSON"),
        ('{"data": {}}', "no list at `data.orders`"),
        ('{"data": {"orders": 7}}', "no list at `data.orders`"),
    ],
)
async def test_a_document_that_is_another_is_no_empty_feed(document: str, message: str) -> None:
    with json_bench() as bench:
        bench.put(document)
        with pytest.raises(SourceUnreachable, match=message):
            await bench.read()
        bench.put('{"data": {"orders": []}}')
        assert len((await bench.read()).rows) == 0


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("<rates><rate", "not XML"),
        ("<other/>", "nothing at `/rates/rate`"),
        ('<!DOCTYPE rates [<!ENTITY e "x">]><rates><rate code="&e;"/></rates>', "document type declaration"),
    ],
)
async def test_an_xml_document_that_is_another_is_refused(document: str, message: str) -> None:
    with xml_bench() as bench:
        bench.put(document, "application/xml")
        with pytest.raises(SourceUnreachable, match=message):
            await bench.read()
        bench.put("<rates/>", "application/xml")
        assert len((await bench.read()).rows) == 0


async def test_records_without_a_key_of_their_own_are_problems_at_their_place() -> None:
    with json_bench('{"data": {"orders": [{"id": 1}, {"id": 1}, {"item": "x"}, {"id": "y"}, {"id": 2}, 7]}}') as bench:
        reading = await bench.read()
        assert [row.key for row in reading.rows] == [key(2)], "a key that two have is nobody's"
        assert [(problem.code, problem.address) for problem in reading.problems] == [
            ("DUPLICATE_KEY", "$.data.orders[1]"),
            ("EMPTY_KEY", "$.data.orders[2].id"),
            ("UNREADABLE_KEY", "$.data.orders[3].id"),
            ("EMPTY_KEY", "$.data.orders[5].id"),
        ]
        assert "Another record has the key 1, too" in reading.problems[0].message
        assert reading.unsure


async def test_what_may_pass_is_tried_again_and_what_stays_is_said() -> None:
    with json_bench() as bench:
        bench.fault(match="GET /feeds/", status=503, times=2)
        assert len((await bench.read()).rows) == 3
        bench.fault(match="GET /feeds/", drop=True, times=3)
        with pytest.raises(SourceUnreachable, match="Gave up after 3 attempts"):
            await bench.read()
        bench.bind(url=f"{bench.sandbox.url}/feeds/unknown")
        with pytest.raises(SourceUnreachable, match=r"answered 404: there is nothing: correct `feed.url`"):
            await bench.read()


# ---- writing


async def test_rows_are_updated_inserted_and_deleted_as_the_records_that_they_are() -> None:
    with json_bench() as bench:
        outcome = await bench.adapter().write(
            [
                update(1, {"item": "coffee", "price": "4.10"}, {"item": "tea"}),
                insert(9, {"id": 9.0, "item": "new", "price": None, "tags": '{"deep": [1.50]}'}),
                delete(2),
            ]
        )
        written = {one.key: one for one in outcome.written}
        assert not any(one.problems or one.moved_on for one in outcome.written)
        shown = written[key(1)].row
        assert shown is not None
        assert shown.cells["item"] == "coffee"
        assert written[key(2)].row is None
        document = bench.document()
        assert '"amount": 4.10' in document
        assert '"extra": "kept"' in document, "what is not bound stays"
        assert '"currency": "EUR"' in document
        assert "1.50" in document
        assert (await bench.rows()).keys() == {key(1), key(3), key(9)}


async def test_xml_records_are_written_as_elements() -> None:
    with xml_bench() as bench:
        await bench.adapter().write(
            [
                update("EUR", {"value": "1.20", "at": None}),
                insert("CHF", {"code": "CHF", "value": "1", "unit": "1", "at": "2026-02-01"}),
                delete("JPY"),
            ]
        )
        rows = await bench.rows()
        assert rows[key("EUR")].cells == {"code": "EUR", "value": "1.20", "unit": "1", "at": None}
        assert rows[key("CHF")].cells == {"code": "CHF", "value": "1", "unit": "1", "at": "2026-02-01"}
        assert key("JPY") not in rows
        assert "<note>kept</note>" in bench.document()


async def test_a_row_that_somebody_changed_is_left_alone() -> None:
    with json_bench() as bench:
        outcome = await bench.adapter().write(
            [update(1, {"item": "ours"}, {"item": "not tea"}), insert(2, {"id": 2.0})]
        )
        assert all(one.moved_on for one in outcome.written)
        assert "ours" not in bench.document()


async def test_a_lost_answer_is_asked_for_again_with_the_same_key() -> None:
    with json_bench() as bench:
        bench.fault(match="POST /feeds/", drop=True, afterApply=True)
        [one] = (await bench.adapter().write([insert(9, {"id": 9.0, "item": "once"})])).written
        assert one.row is not None
        assert bench.document().count('"once"') == 1
        posts = [call for call in bench.requests() if call["method"] == "POST"]
        assert len(posts) == 2, "the second one repeats the first one's Idempotency-Key, and changes nothing"


async def test_a_refused_row_is_a_problem_of_its_own() -> None:
    with json_bench() as bench:
        bench.fault(match="PUT /feeds/orders/1$", status=400)
        outcome = await bench.adapter().write([update(1, {"item": "bad"}), update(2, {"item": "good"})])
        written = {one.key: one for one in outcome.written}
        assert [problem.code for problem in written[key(1)].problems] == ["REFUSED"]
        assert not written[key(2)].problems
        good = written[key(2)].row
        assert good is not None
        assert good.cells["item"] == "good"


async def test_batches_go_in_one_request_and_are_bisected_where_one_row_is_refused() -> None:
    with json_bench() as bench:
        url = f"{bench.sandbox.url}/feeds/orders"
        bench.bind(write=FeedWrite(upsert=FeedRequest("PUT", url), batch_size=10))
        await bench.adapter().write([update(1, {"item": "a"}), update(2, {"item": "b"}), insert(9, {"id": 9.0})])
        assert len([call for call in bench.requests() if call["method"] == "PUT"]) == 1
        rows = await bench.rows()
        assert (rows[key(1)].cells["item"], rows[key(2)].cells["item"]) == ("a", "b")
        assert key(9) in rows


async def test_a_write_that_the_feed_does_not_take_is_said() -> None:
    with json_bench() as bench:
        bench.bind(write=FeedWrite(upsert=FeedRequest("PUT", f"{bench.sandbox.url}/feeds/orders/{{id}}")))
        [one] = (await bench.adapter().write([delete(1)])).written
        assert [problem.code for problem in one.problems] == ["READ_ONLY_FEED"]
        bench.bind(write=FeedWrite(upsert=FeedRequest("PUT", f"{bench.sandbox.url}/feeds/orders/{{nothing}}")))
        [one] = (await bench.adapter().write([update(1, {"item": "x"})])).written
        assert [problem.code for problem in one.problems] == ["REQUEST"]


async def test_a_stale_answer_is_on_its_way_and_no_edit_until_it_never_comes() -> None:
    """The write goes to another feed than the one that is read: what is read stays as it was."""
    with json_bench() as bench:
        bench.control("PUT", "feeds/shadow?key=id", bench.document(), "application/json")
        shadow = FeedRequest("PUT", f"{bench.sandbox.url}/feeds/shadow/{{id}}")
        bench.bind(write=FeedWrite(upsert=shadow))
        for _ in range(3):
            assert (await bench.adapter().write([update(1, {"item": "late"})])).written == []
        assert len([call for call in bench.requests() if call["method"] == "PUT"]) == 1, "what was accepted is not sent"
        bench.now += FeedLimits().shown_within_s
        [one] = (await bench.adapter().write([update(1, {"item": "late"})])).written
        assert [(problem.code, problem.column) for problem in one.problems] == [("NOT_SHOWN", "item")]


async def test_only_the_changed_fields_are_patched() -> None:
    with json_bench() as bench:
        assert bench.source.feed is not None
        assert bench.source.feed.write is not None
        patch = replace(
            bench.source.feed.write, upsert=FeedRequest("PATCH", f"{bench.sandbox.url}/feeds/orders/{{id}}")
        )
        bench.bind(write=patch)
        await bench.adapter().write([update(1, {"item": "patched"})])
        [call] = [call for call in bench.requests() if call["method"] == "PATCH"]
        assert '"item": "patched"' in str(call["body"]) or call["body"] == {"item": "patched"}
        assert '"extra": "kept"' in bench.document()


async def test_a_null_that_a_patch_in_xml_cannot_say_is_a_problem_that_says_so() -> None:
    with xml_bench() as bench:
        assert bench.source.feed is not None
        assert bench.source.feed.write is not None
        patch = FeedRequest("PATCH", f"{bench.sandbox.url}/feeds/orders/{{code}}")
        bench.bind(write=replace(bench.source.feed.write, upsert=patch))
        [one] = (await bench.adapter().write([update("EUR", {"at": None, "value": "1.2"})])).written
        [problem] = one.problems
        assert (problem.code, problem.key) == ("REQUEST", key("EUR"))
        assert "at is NULL, which PATCH can't say in XML" in problem.message
        assert not [call for call in bench.requests() if call["method"] == "PATCH"]


async def test_an_element_that_becomes_null_keeps_the_attributes_that_other_columns_have() -> None:
    with xml_bench() as bench:
        [one] = (await bench.adapter().write([update("EUR", {"value": None})])).written
        assert one.row is not None
        assert not one.problems
        assert (one.row.cells["value"], one.row.cells["unit"]) == ("", "1")
        assert '<value unit="1"' in bench.document()
