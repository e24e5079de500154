"""Whether something outside may be called: yes while it works, no after repeated failures, then once to see.

    CLOSED ── failures in a row, or a refusal ──▶ OPEN ── its pause is over ──▶ HALF_OPEN ── success ──▶ CLOSED
                                                   ▲                               │
                                                   └── failure, for a longer pause ┘

Pure: values and transitions. Moments are seconds of a clock that never goes back, `jitter` is a fraction of 1. Outcomes
of calls that were under way as it opened don't count: only the probe's do.
"""

from dataclasses import dataclass, replace
from enum import StrEnum


class CircuitState(StrEnum):
    """HALF_OPEN: one call is under way, to see whether it works again; no other is made."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


@dataclass(frozen=True, slots=True)
class Pauses:
    """`first_s`, doubled each time in a row up to `longest_s`, and of that between a half and the whole."""

    first_s: float
    longest_s: float

    def pause(self, openings: int, jitter: float) -> float:
        """Seconds; `openings` in a row came before."""
        return min(self.longest_s, self.first_s * 2.0 ** min(openings, 30)) * (0.5 + jitter / 2)


@dataclass(frozen=True, slots=True)
class CircuitPolicy:
    """`failures` in a row open it for the `outage` pauses, one refusal for the `refusal` pauses: people mend that."""

    failures: int = 8
    outage: Pauses = Pauses(5.0, 300.0)
    refusal: Pauses = Pauses(60.0, 3600.0)


@dataclass(frozen=True, slots=True)
class Circuit:
    """`failures` in a row while closed; `openings` in a row without a success; `until`: when the pause is over;
    `reason`: of the last failure."""

    state: CircuitState = CircuitState.CLOSED
    failures: int = 0
    openings: int = 0
    until: float = 0.0
    reason: str = ""

    def admit(self, now: float) -> "Circuit | None":
        """The circuit with the call let through: as a probe where that is HALF_OPEN. None: the call may not be made."""
        if self.state is CircuitState.CLOSED:
            return self
        if self.state is CircuitState.OPEN and now >= self.until:
            return replace(self, state=CircuitState.HALF_OPEN)
        return None

    def succeeded(self, *, probe: bool) -> "Circuit":
        """After a call that was answered, whatever the answer."""
        return Circuit() if self._counts(probe=probe) else self

    def failed(self, now: float, reason: str, policy: CircuitPolicy, jitter: float, *, probe: bool) -> "Circuit":
        """After a call without an answer that is worth the name."""
        if not self._counts(probe=probe):
            return self
        if not probe and self.failures + 1 < policy.failures:
            return replace(self, failures=self.failures + 1, reason=reason)
        return self._opened(now + policy.outage.pause(self.openings, jitter), reason)

    def refused(self, now: float, reason: str, policy: CircuitPolicy, jitter: float, *, probe: bool) -> "Circuit":
        """After an answer that every other call would get, too."""
        if not self._counts(probe=probe):
            return self
        return self._opened(now + policy.refusal.pause(self.openings, jitter), reason)

    def abandoned(self, *, probe: bool) -> "Circuit":
        """After a call that was broken off: the next one is the probe."""
        return replace(self, state=CircuitState.OPEN) if probe and self.state is CircuitState.HALF_OPEN else self

    def _counts(self, *, probe: bool) -> bool:
        if self.state is CircuitState.HALF_OPEN:
            return probe
        return self.state is CircuitState.CLOSED

    def _opened(self, until: float, reason: str) -> "Circuit":
        return Circuit(CircuitState.OPEN, 0, self.openings + 1, until, reason)
