

_In = TypeVar("_In", contravariant=True)
_Out = TypeVar("_Out", covariant=True)


class Sending(Protocol[_In, _Out]):
    """A stream in that ends with one answer: a :class:`swill.Sender` that knows its types."""

    async def send(self, item: _In) -> None:
        """Sends an item."""

    async def send_all(self, items: AsyncIterable[_In] | Iterable[_In]) -> None:
        """Sends items one after the other."""

    async def finish(self) -> _Out:
        """Ends the stream and waits for the answer."""
        ...

    async def finish_with_metadata(self) -> swill.Response[Any]:
        """Ends the stream and waits for the answer and the metadata around it."""
        ...

    async def leading(self) -> dict[str, Any]:
        """What the server says ahead of its answer."""
        ...

    async def cancel(self) -> None:
        """Cancels the call, unless it has ended."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: Any) -> None: ...
