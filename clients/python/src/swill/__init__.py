"""The Python client of Swill: typed calls and streams over one WebSocket.

>>> import swill
>>> async with swill.connect("localhost") as client:                    # doctest: +SKIP
...     assert await client.call("add", (1, 2)) == 3
...     async for number in client.stream("count", 3, returns=int):
...         print(number)

What it promises:

- A call is executed at most once, unless it is marked ``idempotent``. If the connection breaks when
  the call may have reached the server, it fails with :attr:`Error.outcome_unknown`; if the socket
  has not seen it, it is sent over the next connection.
- A call whose task is cancelled, or whose deadline has passed (30 s by default), is cancelled on
  the server.
- A lost connection is replaced in the background, see :class:`Reconnect`; calls made meanwhile
  wait, within their deadlines.
- Nothing grows without bound, see :class:`Limits`.
"""

from ._batch import Batch
from ._client import Client
from ._connect import Connecting, connect
from ._errors import Close, Code, Error
from ._items import Items
from ._limits import Limits
from ._procedures import Description, Procedure, Side, Type
from ._reconnect import Reconnect, is_temporary
from ._sender import Duplex, Sender
from ._state import Metadata, Response, State, TappedFrame

__all__ = [
    "Batch",
    "Client",
    "Close",
    "Code",
    "Connecting",
    "Description",
    "Duplex",
    "Error",
    "Items",
    "Limits",
    "Metadata",
    "Procedure",
    "Reconnect",
    "Response",
    "Sender",
    "Side",
    "State",
    "TappedFrame",
    "Type",
    "connect",
    "is_temporary",
]

__version__ = "0.1.0"
