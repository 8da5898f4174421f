

class _Failure(swill.Error):
    """An error that procedures announce."""

    CODES: ClassVar[tuple[int, ...]] = ()
    DATA: ClassVar[Any] = None


def _typed(*kinds: type[_Failure]) -> Callable[[swill.Error], swill.Error]:
    """Makes the first error of these kinds that what came fits; several may have the same code."""

    def typed(error: swill.Error) -> swill.Error:
        for kind in kinds:
            if error.code not in kind.CODES:
                continue
            try:
                data = _convert(error.data, kind.DATA)
            except msgspec.ValidationError:
                continue
            return kind(
                error.code,
                error.message,
                data,
                error.outcome_unknown,
                procedure=error.procedure,
            )
        return error

    return typed
