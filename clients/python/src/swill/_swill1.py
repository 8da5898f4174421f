"""`swill/1`, Swill's own protocol (conformance/PROTOCOLS.md, chapter 1): what is written, and what
is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from ._calls import END_OF_STREAM, ERROR, METADATA, SLACK, Answer, Call, StreamCall
from ._errors import Close, Code, Error, answer_too_deep
from ._forms import ENCODER, decode, pack

if TYPE_CHECKING:
    from ._core import Core

CANCEL = 3
ANSWERS = msgspec.msgpack.Decoder(Answer)
ANY: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder()


class Failure(msgspec.Struct, gc=False):
    """The data of an ERROR."""

    code: int
    message: str
    data: Any = None


FAILURES = msgspec.msgpack.Decoder(Failure)
ENVELOPES = msgspec.msgpack.Decoder(list[msgspec.Raw])


class Swill1:
    """The client's side of `swill/1` on one connection after the other."""

    name = "swill/1"
    binary = True
    streams_in = True
    metadata = True
    notifies = False
    """There are no notifications: the answer of a call without one is dropped."""
    subprotocols: ClassVar[tuple[str, ...]] = ("swill.1",)
    needs_subprotocol = True

    def __init__(self, core: Core) -> None:
        self.core = core
        self.decoders: dict[Any, msgspec.msgpack.Decoder[Any]] = {}

    def reset(self) -> None:
        """Nothing belongs to a connection."""

    def streams(self, call: StreamCall) -> None:
        """Its messages say it themselves."""

    def forget(self, call: Call) -> None:
        """Nothing is known of calls."""

    # What is written.

    def open(
        self, seq: int, name: str, params: object, metadata: object = None, reply: bool = True
    ) -> bytes:
        del reply
        if metadata:
            return pack((seq, params, name, 0, metadata))
        return pack((seq, params, name))

    def open_in(self, seq: int, name: str, metadata: object) -> bytes:
        return ENCODER.encode((seq, None, name, METADATA, metadata or None))

    def item(self, seq: int, name: str, item: object) -> bytes:
        return pack((seq, item, name))

    def end(self, seq: int, name: str) -> bytes:
        return ENCODER.encode((seq, None, name, END_OF_STREAM))

    def cancel(self, seq: int, name: str) -> bytes:
        return ENCODER.encode((seq, None, name, CANCEL))

    def renumber(self, message: bytes, seq: int) -> bytes:
        """The same call for the next connection."""
        envelope: list[Any] = list(ENVELOPES.decode(message))
        envelope[0] = seq
        return ENCODER.encode(envelope)

    # What is read.

    def receive(self, message: bytes | bytearray) -> Close | None:
        """Takes a message of the server; returns what the connection is to be closed with if it is
        none."""
        try:
            answer = ANSWERS.decode(message)
        except RecursionError:
            return self.too_deep(message)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return Close(1002, f"a message that is none: {error}"[:120])
        core = self.core
        call = core.calls.get(answer.seq)
        if call is None:
            return None
        if answer.leading or answer.trailing:
            why = core.check_metadata(answer.leading) or core.check_metadata(answer.trailing)
            if why is not None:
                core.cancel(call, Error(Code.TOO_LARGE, why))
                return None
        if len(message) - len(answer.data) > SLACK:
            answer.data = answer.data.copy()
        if not 0 <= answer.type <= ERROR:
            return Close(1002, "a message of an unknown type")
        if answer.type == ERROR and core.keeps(call, self.failure(answer.data)):
            return None
        if call.receive(answer):
            core.ended(call)
        else:
            core.look_at_unread(call)
        return None

    def other_kind(self, message: bytes | bytearray) -> Close | None:
        del message
        return Close(1003, "swill/1 is binary")

    def too_deep(self, message: bytes | bytearray) -> Close | None:
        """Fails the call whose answer is nested too deeply to be read: its seq is an unsigned
        number at the front."""
        width = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}.get(message[1], 0)
        seq = int.from_bytes(message[2 : 2 + width], "big") if width else message[1]
        call = self.core.calls.get(seq)
        if call is not None:
            self.core.cancel(call, answer_too_deep())
        return None

    # Values.

    def decode(self, data: msgspec.Raw, returns: Any) -> Any:
        """A value, checked against the type that the caller expects."""
        if returns is Any:
            return ANY.decode(data)
        return self.decoder(returns).decode(data)

    def decoder(self, returns: Any) -> msgspec.msgpack.Decoder[Any]:
        decoder = self.decoders.get(returns)
        if decoder is None:
            if len(self.decoders) > 1000:
                self.decoders.clear()
            decoder = self.decoders[returns] = msgspec.msgpack.Decoder(returns, dec_hook=decode)
        return decoder

    def failure(self, data: msgspec.Raw) -> Error:
        """What the server says of a call that failed."""
        try:
            failure = FAILURES.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Error(Code.INTERNAL, "the call failed; the server's reason cannot be read")
        return Error(failure.code, failure.message, failure.data)

    def size(self, metadata: dict[str, Any]) -> int:
        """How many bytes metadata has."""
        return len(ENCODER.encode(metadata))
