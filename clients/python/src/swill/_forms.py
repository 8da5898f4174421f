"""Values in the forms that servers write and take, where those are not msgspec's own."""

from __future__ import annotations

from typing import Any, Final

import msgspec

ENCODER: Final = msgspec.msgpack.Encoder()

TIMESTAMPS: Final = (b"\xd6\xff", b"\xd7\xff", b"\xc7\x0c\xff")
"""How a timestamp of MessagePack begins."""

KEPT: Final = (bytes, bytearray, memoryview, msgspec.msgpack.Ext, msgspec.Raw)
"""What stays as it is when dates and times become text."""


def pack(message: tuple[Any, ...]) -> bytes:
    """A message in MessagePack. Dates and times are text, as the schemas of servers say."""
    packed = ENCODER.encode(message)
    # Other values may have these bytes, too: then the same is written once more.
    if b"\xff" in packed and any(start in packed for start in TIMESTAMPS):
        plain = msgspec.to_builtins(message, builtin_types=KEPT)
        packed = ENCODER.encode(plain)
    return packed


def decode(kind: Any, value: Any) -> Any:
    """What msgspec asks about a type that it does not know: the type says it itself, with a class
    method ``__swill_decode__`` that takes plain values. Generated types do."""
    own = getattr(kind, "__swill_decode__", None)
    if own is None:
        raise NotImplementedError(f"{kind!r} cannot be decoded")
    return own(value)
