

_Said = TypeVar("_Said", contravariant=True)
_Heard = TypeVar("_Heard", covariant=True)


class Talking(Protocol[_Said, _Heard]):
    """A call that streams both ways: a :class:`swill.Duplex` that knows its types."""

    async def send(self, item: _Said) -> None:
        """Sends an item."""

    async def send_all(self, items: AsyncIterable[_Said] | Iterable[_Said]) -> None:
        """Sends items one after the other."""

    async def end(self) -> None:
        """Ends the stream in. The stream out goes on."""

    async def leading(self) -> dict[str, Any]:
        """What the server says ahead of the first item."""
        ...

    @property
    def trailing(self) -> dict[str, Any] | None:
        """What the server said at the end."""
        ...

    async def to_list(self) -> list[Any]:
        """All items up to the end."""
        ...

    async def cancel(self) -> None:
        """Cancels the call, unless it has ended."""

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> _Heard: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: Any) -> None: ...
