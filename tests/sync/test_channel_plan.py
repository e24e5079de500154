"""Which push channels are opened, stopped and forgotten."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.drive_channels import DriveChannel
from sync.google.channel_plan import plan_channels

NOW = datetime(2030, 1, 1, tzinfo=UTC)
HERE = "https://rowcast.example/hooks/drive"


def channel(
    number: int,
    *,
    left_h: float,
    credential: str = "default",
    account: str = "a@b.c",
    address: str = HERE,
    resource: str | None = "r",
) -> DriveChannel:
    """Of a day's life, `left_h` hours of it left."""
    expires_at = NOW + timedelta(hours=left_h)
    return DriveChannel(
        UUID(int=number), credential, account, address, resource, expires_at - timedelta(days=1), expires_at
    )


@pytest.mark.parametrize(
    ("channels", "opens", "stops", "forgets"),
    [
        pytest.param([], ["default"], [], [], id="none yet"),
        pytest.param([channel(1, left_h=20)], [], [], [], id="one that serves"),
        pytest.param([channel(1, left_h=5)], ["default"], [], [], id="old: its successor first"),
        pytest.param([channel(1, left_h=5), channel(2, left_h=24)], [], [1], [], id="then it is stopped"),
        pytest.param([channel(1, left_h=20), channel(2, left_h=24)], [], [1], [], id="doubled by two leaders"),
        pytest.param([channel(1, left_h=0)], ["default"], [], [1], id="expired"),
        pytest.param([channel(1, left_h=24, resource=None)], ["default"], [], [], id="perhaps never opened"),
        pytest.param([channel(1, left_h=20), channel(2, left_h=24, resource=None)], [], [], [], id="can't be stopped"),
        pytest.param([channel(1, left_h=-1, resource=None)], ["default"], [], [1], id="over, whether it was or not"),
        pytest.param([channel(1, left_h=20, account="x@y.z")], ["default"], [1], [], id="another account's key"),
        pytest.param([channel(1, left_h=20, address="https://old/")], ["default"], [1], [], id="another address"),
        pytest.param([channel(1, left_h=20), channel(2, left_h=20, credential="b")], [], [2], [], id="unused"),
    ],
)
def test_plan(channels: list[DriveChannel], opens: list[str], stops: list[int], forgets: list[int]) -> None:
    plan = plan_channels(channels, {"default": "a@b.c"}, HERE, NOW)
    assert list(plan.open) == opens
    assert [one.id.int for one in plan.stop] == stops
    assert [one.id.int for one in plan.forget] == forgets


def test_nothing_is_wanted() -> None:
    channels = [channel(1, left_h=20), channel(2, left_h=2, resource=None), channel(3, left_h=-2)]
    plan = plan_channels(channels, {}, "", NOW)
    assert (plan.open, [one.id.int for one in plan.stop], [one.id.int for one in plan.forget]) == ((), [1], [3])


@given(
    st.lists(
        st.builds(
            channel,
            st.integers(1, 10**9),
            left_h=st.floats(-24, 24),
            credential=st.sampled_from("ab"),
            account=st.sampled_from(["a@b.c", "x@y.z"]),
            resource=st.sampled_from(["r", None]),
        ),
        unique_by=lambda one: one.id,
    ),
    st.dictionaries(st.sampled_from("ab"), st.just("a@b.c")),
)
def test_whatever_there_is_it_comes_to_one_channel_each(channels: list[DriveChannel], wanted: dict[str, str]) -> None:
    for _ in range(2):
        plan = plan_channels(channels, wanted, HERE, NOW)
        gone = {*plan.stop, *plan.forget}
        made = [channel(10**9 + 1 + ord(name), left_h=24, credential=name) for name in plan.open]
        channels = [one for one in channels if one not in gone] + made
    assert plan_channels(channels, wanted, HERE, NOW) == plan_channels([], {}, HERE, NOW)
    stoppable = [one.credential for one in channels if one.resource_id is not None]
    assert sorted(stoppable) == sorted(wanted)
