"""Which push channels to open, to stop and to forget. Pure: what there is and what is wanted in, what to do out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from db.drive_channels import DriveChannel

RENEWED_AT = 0.25
"""The share of a channel's life that is left when its successor is opened."""


@dataclass(frozen=True, slots=True)
class ChannelPlan:
    """`open` names credentials. The channels of `stop` are called off at Google, those of `forget` are over."""

    open: tuple[str, ...]
    stop: tuple[DriveChannel, ...]
    forget: tuple[DriveChannel, ...]


def plan_channels(
    channels: Collection[DriveChannel], accounts: Mapping[str, str], address: str, now: datetime
) -> ChannelPlan:
    """One channel for each credential of `accounts` (credential to service account), which calls `address`.

    A successor is opened before the one before it is stopped, and the newest stays. A channel whose `resource_id` is
    unknown may not exist at all, so it doesn't count; and it can't be stopped, only forgotten when its time is over.
    """
    over = [channel for channel in channels if channel.expires_at <= now]
    living = [channel for channel in channels if channel.expires_at > now]
    fresh: dict[str, DriveChannel] = {}
    for channel in living:
        if _serves(channel, accounts, address) and _is_fresh(channel, now):
            rival = fresh.get(channel.credential)
            if rival is None or rival.expires_at < channel.expires_at:
                fresh[channel.credential] = channel
    return ChannelPlan(
        open=tuple(credential for credential in accounts if credential not in fresh),
        stop=tuple(
            channel
            for channel in living
            if channel.resource_id is not None and _is_superfluous(channel, fresh, accounts, address)
        ),
        forget=tuple(over),
    )


def _serves(channel: DriveChannel, accounts: Mapping[str, str], address: str) -> bool:
    return (
        channel.resource_id is not None
        and accounts.get(channel.credential) == channel.account
        and channel.address == address
    )


def _is_fresh(channel: DriveChannel, now: datetime) -> bool:
    return channel.expires_at - now > (channel.expires_at - channel.opened_at) * RENEWED_AT


def _is_superfluous(
    channel: DriveChannel, fresh: Mapping[str, DriveChannel], accounts: Mapping[str, str], address: str
) -> bool:
    if not _serves(channel, accounts, address):
        return True
    best = fresh.get(channel.credential)
    return best is not None and best != channel
