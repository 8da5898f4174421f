

class Difference(msgspec.Struct):
    """What a server offers that is not what this file was generated from."""

    hash: str
    """The hash of the server's contract."""
    missing: list[str]
    """Procedures that the server does not have."""
    changed: list[str]
    """Procedures whose parameters, answers, errors or shape are others now."""
    added: list[str]
    """Procedures that this file does not know."""


class _Described(msgspec.Struct):
    name: str
    hash: str | None = None


class _Description(msgspec.Struct):
    hash: str
    procedures: list[_Described]


def _compare(description: _Description) -> Difference:
    theirs = {procedure.name: procedure.hash for procedure in description.procedures}
    added = [name for name in theirs if name not in _PROCEDURES and not name.startswith("swill.")]
    changed = [name for name, ours in _PROCEDURES.items() if (theirs.get(name) or ours) != ours]
    missing = [name for name in _PROCEDURES if name not in theirs]
    return Difference(description.hash, missing, changed, added)
