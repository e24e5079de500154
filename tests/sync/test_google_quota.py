"""Quotas: never more calls in a minute than Google allows, and less for a while after it refused one."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.faults import Fault
from sync.google.project import Caller, GoogleProject
from sync.google.quota import CallKind, QuotaLimits, TokenBucket
from sync.sheets.calls import fetch_workbook
from sync.urgency import Urgency
from tests.shared_sandbox import emptied_sandbox
from tests.sync.sheets import allow, bench, make_session

READ, WRITE, DRIVE = CallKind
OTHER = "other@rowcast-sandbox.iam.gserviceaccount.com"


class Clock:
    """Stands still unless somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@given(st.integers(1, 80), st.lists(st.floats(0, 40), max_size=150))
def test_no_minute_has_more_calls_than_the_limit(limit: int, pauses: Sequence[float]) -> None:
    bucket, now, made = TokenBucket(limit, 0.0), 0.0, []
    for pause in pauses:
        now += pause if pause > 20 else 0.0
        now += bucket.ready_in(now)
        assert bucket.ready_in(now) <= 1e-6
        bucket.take(now)
        made.append(now)
    for begin in made:
        assert sum(begin <= at < begin + 60 for at in made) <= limit
    assert bucket.use(now).used == sum(at > now - 60 for at in made)


def test_a_bucket_is_a_burst_and_then_even() -> None:
    bucket = TokenBucket(60, 0.0)
    waits = []
    for _ in range(18):
        waits.append(bucket.ready_in(0.0))
        bucket.take(0.0)
    assert waits[:15] == [0.0] * 15
    assert 0 < waits[15] < waits[16] < waits[17] < 5
    assert (bucket.use(1.0).used, bucket.use(1.0).resets_in_s, bucket.use(61.0).used) == (18, 59.0, 0)


def test_a_refusal_shrinks_a_bucket_which_grows_back() -> None:
    bucket = TokenBucket(60, 0.0)
    bucket.refused(100.0)
    bucket.refused(101.0)
    assert bucket.use(101.0).limit == 30, "refused together is refused once"
    assert bucket.ready_in(101.0) > 0
    bucket.refused(110.0)
    assert 14 < bucket.use(110.0).limit < 18
    assert 40 < bucket.use(260.0).limit < 50
    assert bucket.use(500.0).limit == 60
    for at in range(600, 700, 10):
        bucket.refused(float(at))
    assert bucket.use(690.0).limit >= 7, "it never ends"


async def test_accounts_of_one_project_share_its_quota() -> None:
    clock = Clock()
    project = GoogleProject("p", QuotaLimits(8, 8, 12, 100), clock=clock, sleep=clock.sleep)
    for email in ("a@p", "a@p", "b@p"):
        async with project.turn(email, READ, Caller()):
            pass
    assert clock.waits == []
    async with project.turn("b@p", READ, Caller()):
        assert len(clock.waits) == 1, "the project's burst is used up; b's own isn't"
    for _ in range(50):
        async with project.turn("b@p", DRIVE, Caller()):
            pass
    assert len(clock.waits) == 1
    assert (project.quota()[READ].used, project.quota_of("a@p")[READ].used) == (4, 2)
    project.close()


async def test_calls_wait_for_their_turn_by_urgency() -> None:
    clock, order = Clock(), []
    project = GoogleProject("p", QuotaLimits(7, 7, 100, 100), clock=clock, sleep=clock.sleep)

    async def call(name: str, caller: Caller) -> None:
        async with project.turn("a@p", READ, caller):
            order.append(name)

    callers = [
        ("used at once", Caller("x", Urgency.IMPORT)),
        ("import", Caller("new", Urgency.IMPORT)),
        ("poll", Caller("idle", Urgency.POLL)),
        ("hot 1", Caller("hot")),
        ("hot 2", Caller("hot")),
        ("calm", Caller("calm")),
    ]
    await asyncio.gather(*(call(name, caller) for name, caller in callers))
    assert order == ["used at once", "hot 1", "calm", "hot 2", "poll", "import"]
    project.close()


async def test_a_cancelled_wait_uses_nothing() -> None:
    clock = Clock()
    never = asyncio.Event()

    async def wait(seconds: float) -> None:
        await never.wait()

    project = GoogleProject("p", QuotaLimits(1, 1, 100, 100), clock=clock, sleep=wait)
    async with project.turn("a@p", READ, Caller()):
        waiting = asyncio.create_task(_turn(project))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
    assert project.quota()[READ].used == 1
    clock.now += 120
    await _turn(project)
    assert project.quota()[READ].used == 1
    project.close()


async def _turn(project: GoogleProject) -> None:
    async with project.turn("a@p", READ, Caller()):
        pass


@pytest.mark.parametrize(("reads", "project"), [(5, 100), (100, 5)])
async def test_google_never_refuses_what_is_kept_to_its_quota(reads: int, project: int) -> None:
    clock = Clock()
    limits = QuotaLimits(reads, 60, project, 300)
    with bench(clock=clock, sleep=clock.sleep, limits=limits) as people:
        quota = {"reads": reads, "writes": 60, "projectReads": project, "projectWrites": 300, "perSeconds": 60}
        people.control("POST", "quota", quota)
        people.calls()
        for _ in range(4):
            await people.session.read(READ, lambda client: fetch_workbook(client, people.book), allow)
        use = people.session.quota()[READ]
        assert (use.used, use.limit) == (4, reads)
        # The sandbox may still be asked for another test's.
        assert len([call for call in people.calls() if people.book in call]) == 4


async def test_a_429_is_waited_out_and_shrinks_the_quota_that_it_names() -> None:
    clock = Clock()
    with emptied_sandbox() as sandbox:
        first = make_session(sandbox, clock=clock, sleep=clock.sleep, limits=QuotaLimits(80, 80, 400, 400))
        info = sandbox.service_account_info(OTHER)
        book = sandbox.workbook_id("Shared")
        assert info["project_id"] == "rowcast-sandbox"
        sandbox.do(lambda office: office.faults.add(Fault(r"GET /v4/", status=429)))
        await first.read(READ, lambda client: fetch_workbook(client, book), allow)
        assert first.quota()[READ].limit == pytest.approx(40, abs=5)
        assert first.quota()[WRITE].limit == 80
        first.close()
