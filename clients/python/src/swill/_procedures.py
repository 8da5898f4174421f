"""What a server says of itself."""

from __future__ import annotations

from typing import Any

import msgspec


class Type(msgspec.Struct, frozen=True):
    """A type as a server names it."""

    type: str
    """The name: ``int``, ``str``, ``list``, the name of a struct, ``Any`` for whatever has none."""
    arguments: dict[int | str, Type] = {}
    """The arguments of a generic type by their places, from 0, or the fields of a struct by their
    names."""


class Side(msgspec.Struct, frozen=True):
    """What goes in one direction of a call."""

    streams: bool
    """Whether it is a stream."""
    type: Type
    """What it consists of."""


class Procedure(msgspec.Struct, frozen=True):
    """A procedure, as :meth:`swill.Client.introspect` lists it."""

    name: str
    request: Side
    response: Side


Description = dict[str, Any]
"""The description of an app: procedures with documentation, schemas, errors, as ``swill.json`` has
it."""
