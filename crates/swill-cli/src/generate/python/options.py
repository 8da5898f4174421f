

class StreamOptions(TypedDict, total=False):
    """How a stream in is called."""

    metadata: dict[str, Any]
    """What the server is told beside the items."""
    deadline: float | None
    """How many seconds it may take; None for as long as it takes."""


class CallOptions(StreamOptions, total=False):
    """How a procedure is called."""

    idempotent: bool
    """It does no harm to execute the call twice: it may be sent again."""
