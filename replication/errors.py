"""What interrupts streaming and is mended by beginning again, now or later: the runner does.

StreamInterrupted
├── StreamSilent          nothing came for too long: the connection is dead, or the server is
├── StreamEnded           the server ended the stream
├── SlotInUse             somebody else reads from our slot
└── SlotNotReady          old transactions keep a slot from being made
"""


class StreamInterrupted(Exception):
    """The message says what to do where there is something to do."""


class StreamSilent(StreamInterrupted):
    pass


class StreamEnded(StreamInterrupted):
    pass


class SlotInUse(StreamInterrupted):
    pass


class SlotNotReady(StreamInterrupted):
    pass
