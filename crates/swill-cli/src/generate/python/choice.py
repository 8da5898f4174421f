

class _Choice(type):
    """The class of classes that stand for enums which msgspec has no form for.

    It hands them what came, and takes whatever they make of it.
    """

    def __instancecheck__(cls, instance: object) -> bool:
        return True


def _external(name: str, units: set[str], variants: dict[str, Any]) -> Any:
    """An enum whose variants are texts, and objects whose only member is the variant's name."""

    def decode(cls: Any, value: object) -> Any:
        if isinstance(value, str) and value in units:
            return value
        if isinstance(value, dict) and len(value) == 1:
            kind = variants.get(next(iter(value)))
            if kind is not None:
                return _convert(value, kind)
        raise ValueError(f"it is no variant of {name}")

    return _Choice(name, (), {"__swill_decode__": classmethod(decode)})


def _untagged(name: str, kinds: Callable[[], list[Any]]) -> Any:
    """An enum whose variants are told apart by what fits: the first one does."""

    def decode(cls: Any, value: object) -> Any:
        for kind in kinds():
            try:
                return _convert(value, kind)
            except msgspec.ValidationError:
                continue
        raise ValueError(f"it fits no variant of {name}")

    return _Choice(name, (), {"__swill_decode__": classmethod(decode)})
