"""JSON that is nested more deeply than the interpreter can read."""

from __future__ import annotations

import re
from typing import Final

DEPTH: Final = 64
"""How deep a server reads into the members of a message."""

LEVELS: Final = DEPTH + 3
"""How many levels are left of a message: a batch, its elements, what they say, and values."""

STRINGS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+', re.DOTALL)
"""Strings, the last of which may have no end: looking for it once more at each quote in it would
take the square of the time."""

TOKENS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+|[\[{]++|[\]}]++', re.DOTALL)

CUT: Final = b'"\\u0000 nested too deeply"'
"""Stands for what was cut out. Whoever sends this to deceive is refused an answer, and no more."""


def is_too_deep(message: bytes) -> bool:
    """Whether a member of an object is nested too deeply."""
    if message.count(b"[") + message.count(b"{") <= DEPTH + 1:
        return False
    depth = 0
    for byte in STRINGS.sub(b"", message):
        if byte in b"[{":
            depth += 1
            if depth > DEPTH + 1:
                return True
        elif byte in b"]}":
            depth -= 1
    return False


def pruned(message: bytes) -> bytes:
    """A message without what is nested too deeply."""
    kept: list[bytes] = []
    at = depth = 0
    for token in TOKENS.finditer(message):
        start, stop = token.span()
        before = depth
        if message[start] in b"[{":
            depth += stop - start
            if before <= LEVELS < depth:
                kept.append(message[at : start + LEVELS - before])
        elif message[start] in b"]}":
            depth -= stop - start
            if depth <= LEVELS < before:
                kept.append(CUT)
                at = start + before - LEVELS
    if depth > LEVELS:
        # It does not end: no JSON either way.
        return b""
    kept.append(message[at:])
    return b"".join(kept)
