"""Lets so many things happen at once, and so many per second."""

from __future__ import annotations


class Bucket:
    """Begins full. Times are in seconds, on any clock that does not go back."""

    __slots__ = ("at", "burst", "level", "per_second")

    def __init__(self, burst: float, per_second: float, now: float) -> None:
        self.burst = burst
        self.per_second = per_second
        self.level = burst
        self.at = now

    def take(self, now: float) -> bool:
        """Whether one more may happen now."""
        self.level = min(self.burst, self.level + (now - self.at) * self.per_second)
        self.at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True

    def due(self) -> float:
        """In how many seconds one more may happen."""
        return max((1 - self.level) / self.per_second, 0.001)
