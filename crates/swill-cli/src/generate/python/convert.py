

def _convert(value: object, kind: Any) -> Any:
    return msgspec.convert(value, kind, dec_hook=_decode, str_keys=True)


def _decode(kind: Any, value: object) -> Any:
    return kind.__swill_decode__(value)
