"""Circuits at work: a `Breaker` stands before all calls to one service, `Breakers` are those of this process.

Whoever calls goes through `passing` and says what came of it. Names are for people, logs and metrics:
those of `sync.services`.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from db.errors import SourceUnreachable
from sync.circuit import Circuit, CircuitPolicy, CircuitState
from sync.clock import utc_now

log = structlog.get_logger(__name__)

Transition = Callable[[Circuit, float, CircuitPolicy, float], Circuit]
"""From a circuit to the next one, by the moment, the policy and the jitter."""


class CircuitOpen(SourceUnreachable):
    """The call was not made; `rest_s`: how long none will be."""


class Passage:
    """One call that was let through. Say how it ended; what ends unsaid was broken off."""

    def __init__(self, breaker: "Breaker", *, probe: bool) -> None:
        self._breaker = breaker
        self._probe = probe
        self._said = False

    def succeeded(self) -> None:
        """It was answered, whatever the answer."""
        self._say(lambda circuit, *_: circuit.succeeded(probe=self._probe))

    def failed(self, reason: str) -> None:
        """No answer, or one that says that the service doesn't work."""
        self._say(lambda circuit, now, policy, jitter: circuit.failed(now, reason, policy, jitter, probe=self._probe))

    def refused(self, reason: str) -> None:
        """The answer that every other call would get: until somebody mends it."""
        self._say(lambda circuit, now, policy, jitter: circuit.refused(now, reason, policy, jitter, probe=self._probe))

    def ended(self) -> None:
        """Unless something was said before, it was broken off."""
        if not self._said:
            self._say(lambda circuit, *_: circuit.abandoned(probe=self._probe))

    def _say(self, transition: Transition) -> None:
        self._said = True
        self._breaker.settle(transition)


class Breaker:
    """`clock` is monotonic, in seconds; `utc` is for what people read. `closed` is told when it works again."""

    def __init__(
        self,
        name: str,
        policy: CircuitPolicy | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        utc: Callable[[], datetime] = utc_now,
        rng: random.Random | None = None,
        closed: Callable[[], None] = lambda: None,
    ) -> None:
        self.name: Final = name
        self._policy = policy or CircuitPolicy()
        self._clock = clock
        self._utc = utc
        self._rng = rng or random.Random()  # noqa: S311 - spreads probes, guards nothing
        self._closed = closed
        self._circuit = Circuit()

    @property
    def state(self) -> CircuitState:
        """As the last call left it."""
        return self._circuit.state

    def admits(self) -> bool:
        """Whether a call would be let through now."""
        return self._circuit.admit(self._clock()) is not None

    def check(self) -> None:
        """CircuitOpen where none would be."""
        if not self.admits():
            raise self._open()

    @contextmanager
    def passing(self) -> Iterator[Passage]:
        """Around one call. Raises CircuitOpen instead, where none may be made."""
        admitted = self._circuit.admit(self._clock())
        if admitted is None:
            raise self._open()
        passage = Passage(self, probe=admitted.state is CircuitState.HALF_OPEN)
        self._become(admitted)
        try:
            yield passage
        finally:
            passage.ended()

    def reset(self) -> None:
        """What it failed by was mended: calls are made again."""
        self._become(Circuit())

    def settle(self, transition: Transition) -> None:
        """For passages: the circuit after what they say."""
        self._become(transition(self._circuit, self._clock(), self._policy, self._rng.random()))

    def _become(self, circuit: Circuit) -> None:
        before, self._circuit = self._circuit, circuit
        if before.state is circuit.state:
            return
        if circuit.state is CircuitState.OPEN:
            seconds = round(circuit.until - self._clock(), 1)
            log.warning("circuit opened", circuit=self.name, reason=circuit.reason, seconds=seconds)
        elif circuit.state is CircuitState.CLOSED:
            log.info("circuit closed", circuit=self.name)
            self._closed()
        else:
            log.info("circuit half open: one call to see", circuit=self.name)

    def _open(self) -> CircuitOpen:
        circuit = self._circuit
        left = max(0.0, circuit.until - self._clock())
        if circuit.state is CircuitState.HALF_OPEN:
            when = "One call is under way to see whether it works again."
        else:
            when = (
                f"No call is made until {self._utc() + timedelta(seconds=left):%Y-%m-%d %H:%M:%S} UTC, then one to see."
            )
        return CircuitOpen(f"{circuit.reason} {when}", rest_s=left)


class Breakers:
    """Those of this process by name, made as they are asked for. `clock` as a breaker's."""

    def __init__(self, policy: CircuitPolicy | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._clock = clock
        self._breakers: dict[str, Breaker] = {}
        self._recovered: set[str] = set()

    def of(self, name: str) -> Breaker:
        """The breaker of that name; the same one each time."""
        if name not in self._breakers:
            closed = partial(self._recovered.add, name)
            self._breakers[name] = Breaker(name, self._policy, clock=self._clock, closed=closed)
        return self._breakers[name]

    def states(self) -> Mapping[str, CircuitState]:
        """For metrics."""
        return {name: breaker.state for name, breaker in self._breakers.items()}

    def recovered(self) -> frozenset[str]:
        """Those that closed since this was last asked."""
        recovered = frozenset(self._recovered)
        self._recovered.clear()
        return recovered
