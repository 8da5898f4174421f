"""When and how a client connects again after it has lost its connection."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from ._errors import Close


def is_temporary(close: Close) -> bool:
    """Whether another attempt may help after this end of a connection.

    Yes after 1001, 1005, 1006, 1009, 1011 to 1014 and 4008. No after 1000, where the server has
    ended the conversation properly; after 1002, 1003, 1007 and 1010, where one side does not
    understand the other; after 1008, where a rule was broken or the client is not welcome; and
    after all other codes of applications.
    """
    code = close.code
    return code not in (1000, 1002, 1003, 1007, 1008, 1010, 1015) and (code < 3000 or code == 4008)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconnect:
    """When and how a client connects again after it has lost its connection. Times are in seconds.

    The delay before an attempt is random, between nothing and a bound that doubles with every
    attempt ("full jitter"), so that the clients of a server that comes back do not come back all at
    once.

    A handshake that fails is tried again if the server cannot be reached, breaks the connection or
    takes too long, and after the statuses 5xx, 408, 425 and 429. After any other answer the client
    is closed: calls that wait and all later ones fail with what happened.
    """

    base: float = 0.1
    """The bound of the first delay."""
    cap: float = 10.0
    """The bound that no delay exceeds."""
    attempts: int | None = None
    """How many attempts are made in a row; ``None`` for as many as it takes. When the last has
    failed, the client is closed."""
    steady: float = 5.0
    """How long a connection has to hold until delays and attempts start anew."""
    when: Callable[[Close], bool] = is_temporary
    """Decides by what ended a connection whether there is another attempt."""


class Backoff:
    """Counts attempts in a row and draws the delays before them."""

    def __init__(self, rules: Reconnect) -> None:
        self.rules = rules
        self.attempts = 0

    def reset(self) -> None:
        """A connection has held."""
        self.attempts = 0

    def next(self) -> tuple[int, float] | None:
        """The number of the next attempt and the delay before it; ``None`` when there have been
        enough."""
        if self.rules.attempts is not None and self.attempts >= self.rules.attempts:
            return None
        bound = self.bound(self.attempts)
        self.attempts += 1
        return self.attempts, random.uniform(0, bound)

    def bound(self, before: int) -> float:
        """The longest delay after so many attempts."""
        return min(self.rules.cap, self.rules.base * 2.0 ** min(before, 64))
