"""The values of scenarios (conformance/scenarios/README.md): what JSON cannot say, and what is
expected."""

from __future__ import annotations

import base64
import math
from typing import Any

KINDS: dict[str, tuple[type, ...]] = {
    "value": (object,),
    "null": (type(None),),
    "boolean": (bool,),
    "integer": (int,),
    "float": (float,),
    "text": (str,),
    "bytes": (bytes,),
    "list": (list,),
    "map": (dict,),
}


class Kind:
    """`{"$any": kind}`"""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.types = KINDS[kind]

    def __repr__(self) -> str:
        return f"any {self.kind}"


class Has:
    """`{"$has": entries}`"""

    def __init__(self, entries: dict[Any, Any]) -> None:
        self.entries = entries

    def __repr__(self) -> str:
        return f"a map with {self.entries!r}"


class Text:
    """`{"$text": part}`"""

    def __init__(self, part: str) -> None:
        self.part = part

    def __repr__(self) -> str:
        return f"a text with {self.part!r}"


class Round:
    """What stands for names in values: `$run`, and `$i` of each `repeat` around."""

    def __init__(self, run: str, index: int | None = None) -> None:
        self.run = run
        self.index = index

    def text(self, text: str) -> str:
        if self.index is not None:
            text = text.replace("$i", str(self.index))
        return text.replace("$run", self.run)

    def value(self, told: Any, expected: bool = False) -> Any:
        """A value; with `expected`, an expectation."""
        if isinstance(told, str):
            return self.text(told)
        if isinstance(told, list):
            return [self.value(item, expected) for item in told]
        if not isinstance(told, dict):
            return told
        if len(told) == 1 and (tag := next(iter(told))).startswith("$") and tag != "$run":
            return self.tagged(tag, told[tag], expected)
        return {self.text(key): self.value(item, expected) for key, item in told.items()}

    def tagged(self, tag: str, told: Any, expected: bool) -> Any:
        match tag:
            case "$int":
                return int(told)
            case "$float":
                return float(told)
            case "$bytes":
                return base64.b64decode(told, validate=True)
            case "$fill":
                return bytes([told[0]]) * told[1]
            case "$repeat":
                return self.text(told[0]) * told[1]
            case "$nest":
                value = self.value(told[1], expected)
                for _ in range(told[0]):
                    value = [value]
                return value
            case "$range":
                return list(range(told[0], told[1]))
            case "$map":
                return {self.value(key): self.value(item, expected) for key, item in told}
            case "$index":
                assert self.index is not None, "`$index` outside of `repeat`"
                return self.index + told
            case "$any" if expected:
                return Kind(told)
            case "$has" if expected:
                return Has(self.value(told, expected))
            case "$text" if expected:
                return Text(self.text(told))
            case _:
                raise AssertionError(f"unknown tag {tag}")


def matches(expected: Any, got: Any) -> bool:
    """Whether a value is what is expected: the same kind, and the same value."""
    if isinstance(expected, Kind):
        if expected.kind == "integer" and isinstance(got, bool):
            return False
        return isinstance(got, expected.types)
    if isinstance(expected, Has):
        return isinstance(got, dict) and all(
            key in got and matches(item, got[key]) for key, item in expected.entries.items()
        )
    if isinstance(expected, Text):
        return isinstance(got, str) and expected.part in got
    if type(expected) is not type(got):
        return False
    if isinstance(expected, list):
        return len(expected) == len(got) and all(map(matches, expected, got))
    if isinstance(expected, dict):
        keys = {(type(key), key) for key in expected}
        return keys == {(type(key), key) for key in got} and all(
            matches(item, got[key]) for key, item in expected.items()
        )
    if isinstance(expected, float):
        if math.isnan(expected):
            return math.isnan(got)
        return bool(expected == got and math.copysign(1, expected) == math.copysign(1, got))
    return bool(expected == got)
