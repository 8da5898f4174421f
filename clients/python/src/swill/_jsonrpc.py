"""JSON-RPC 2.0 as JSON text (conformance/PROTOCOLS.md, chapter 2): what is written, and what is
read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from . import _forms
from ._calls import END_OF_STREAM, ERROR, MESSAGE, NOTHING, Answer, Call, StreamCall, alone
from ._depth import CUT, DEPTH, is_too_deep, pruned
from ._errors import (
    INVALID_REQUEST,
    PARSE_ERROR,
    Close,
    Code,
    Error,
    answer_too_deep,
    cannot_carry,
)

if TYPE_CHECKING:
    from ._core import Core
    from ._serving import Serving

ENCODER: Final = msgspec.json.Encoder()
ANY: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder()

LONGEST_ID: Final = 255
"""The longest id of the server, in bytes as it is written."""


class Request(msgspec.Struct, omit_defaults=True, gc=False):
    """A call or a notification of this side."""

    jsonrpc: str
    method: str
    params: Any = msgspec.UNSET
    id: int | msgspec.UnsetType = msgspec.UNSET


class Envelope(msgspec.Struct, gc=False):
    """A message of the server. Members that are not there are empty."""

    jsonrpc: msgspec.Raw = NOTHING
    id: msgspec.Raw = NOTHING
    method: msgspec.Raw = NOTHING
    params: msgspec.Raw = NOTHING
    result: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING


class StreamParams(msgspec.Struct, gc=False):
    """What a `$/stream` says."""

    subscription: msgspec.Raw
    result: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING
    end: msgspec.Raw = NOTHING


class CancelParams(msgspec.Struct, gc=False):
    """What a `$/cancelRequest` says."""

    id: msgspec.Raw


ENVELOPES: Final = msgspec.json.Decoder(Envelope)
BATCHES: Final = msgspec.json.Decoder(list[msgspec.Raw])
STREAM: Final = msgspec.json.Decoder(StreamParams)
CANCEL: Final = msgspec.json.Decoder(CancelParams)
MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def listed(params: object) -> object:
    """Parameters as JSON-RPC wants them: a list, a map, or none at all."""
    if params is None:
        return msgspec.UNSET
    if isinstance(params, tuple | list | dict):
        return params  # pyright: ignore[reportUnknownVariableType]
    written = ENCODER.encode(params)
    if written == b"null":
        return msgspec.UNSET
    return msgspec.Raw(written if written[:1] in (b"[", b"{") else b"[" + written + b"]")


class JsonRpc:
    """One side of connections that speak JSON-RPC. See :class:`swill._machine.Machine`."""

    name = "JSON-RPC 2.0"
    binary = False
    streams_in = False
    metadata = False
    notifies = True
    needs_subprotocol = False

    def __init__(self, core: Core, serving: Serving) -> None:
        self.core = core
        self.serving = serving
        self.decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
        self.subscriptions: dict[bytes, StreamCall] = {}
        """The streams that are open, by what the server calls them."""

    def reset(self) -> None:
        self.subscriptions.clear()
        self.serving.stop()

    # What is written.

    def open(
        self, seq: int, name: str, params: object, metadata: object = None, reply: bool = True
    ) -> bytes:
        del metadata
        message = ENCODER.encode(
            Request("2.0", name, listed(params), seq if reply else msgspec.UNSET)
        )
        if is_too_deep(message):
            # A server could not tell whose it is.
            why = f"the parameters are nested deeper than {DEPTH} levels; they were not sent"
            raise Error(Code.BAD_REQUEST, why, procedure=name)
        return message

    def open_in(self, seq: int, name: str, metadata: object) -> bytes:
        raise cannot_carry(self.name, "a stream in")

    def item(self, seq: int, name: str, item: object) -> bytes:
        raise cannot_carry(self.name, "a stream in")

    def end(self, seq: int, name: str) -> bytes:
        raise cannot_carry(self.name, "a stream in")

    def cancel(self, seq: int, name: str) -> bytes:
        del name
        return ENCODER.encode(Request("2.0", "$/cancelRequest", {"id": seq}))

    def renumber(self, message: bytes, seq: int) -> bytes:
        members: dict[str, Any] = dict(MEMBERS.decode(message))
        members["id"] = seq
        return ENCODER.encode(members)

    def streams(self, call: StreamCall) -> None:
        """A call with a stream out begins: it is told apart by its class."""

    def forget(self, call: Call) -> None:
        if isinstance(call, StreamCall) and call.subscription is not None:
            self.subscriptions.pop(call.subscription, None)

    # What is read.

    def receive(self, message: bytes | bytearray) -> Close | None:
        if not message.isascii():
            try:
                message.decode()
            except UnicodeDecodeError:
                return Close(1007, "text that is not UTF-8")
        try:
            envelope = ENVELOPES.decode(message)
        except msgspec.ValidationError:
            self.read_batch(message, False)
        except RecursionError:
            self.too_deep(message)
        except UNREADABLE:
            self.serving.reject(b"null", PARSE_ERROR, None)
        else:
            self.element(envelope, None)
        return None

    def other_kind(self, message: bytes | bytearray) -> Close | None:
        """JSON may come in binary messages, too."""
        return self.receive(message)

    def too_deep(self, message: bytes | bytearray) -> None:
        """Takes a message that is nested too deeply to be read as it is."""
        short = pruned(bytes(message))
        try:
            self.cut_off(ENVELOPES.decode(short), None)
        except msgspec.ValidationError:
            self.read_batch(short, True)
        except UNREADABLE:
            self.serving.reject(b"null", PARSE_ERROR, None)

    def read_batch(self, message: bytes | bytearray, is_pruned: bool) -> None:
        """Takes a message that is no object."""
        try:
            elements = BATCHES.decode(message)
        except RecursionError:
            return self.too_deep(message)
        except UNREADABLE:
            fault = INVALID_REQUEST if is_json(message) else PARSE_ERROR
            return self.serving.reject(b"null", fault, None)
        if not elements:
            return self.serving.reject(b"null", INVALID_REQUEST, None)
        most = max(1024, self.core.limits.calls)
        if len(elements) > most:
            why = f"a batch may have at most {most} elements"
            too_many = Error(-32600, "Invalid Request", why)
            return self.serving.reject(b"null", too_many, None)
        batch = self.serving.batch()
        for element in elements:
            try:
                envelope = ENVELOPES.decode(element)
            except UNREADABLE:
                self.serving.reject(b"null", INVALID_REQUEST, batch)
            else:
                is_cut = is_pruned and CUT in bytes(element)
                (self.cut_off if is_cut else self.element)(envelope, batch)
        batch.complete()
        return None

    def cut_off(self, envelope: Envelope, batch: Any) -> None:
        """Takes one object that was nested too deeply. An answer fails its call."""
        if envelope.method and text_of(envelope.method) == "$/stream":
            self.item_cut_off(envelope.params)
        elif not envelope.method and (envelope.result or envelope.error):
            call = self.call_of(envelope.id)
            if call is not None:
                self.core.cancel(call, answer_too_deep())
        else:
            self.serving.reject(b"null", PARSE_ERROR, batch)

    def item_cut_off(self, params: msgspec.Raw) -> None:
        """An item was nested too deeply: its stream fails, since none may be missing."""
        try:
            said = STREAM.decode(params)
        except UNREADABLE:
            return
        call = self.subscriptions.get(bytes(said.subscription))
        if call is not None:
            self.core.cancel(call, answer_too_deep())

    def call_of(self, written: msgspec.Raw) -> Call | None:
        """The call with this id, if it is one of this side."""
        number = bytes(written)
        return self.core.calls.get(int(number)) if number.isdigit() and len(number) < 20 else None

    def element(self, envelope: Envelope, batch: Any) -> None:
        """Takes one object, alone or in a batch."""
        if not envelope.method:
            if envelope.result or envelope.error:
                # A response is never answered, whatever is wrong with it.
                self.answered(envelope)
            else:
                self.serving.reject(usable(envelope.id), INVALID_REQUEST, batch)
            return
        request_id = bytes(envelope.id)
        method = text_of(envelope.method)
        if method is None or (request_id and not is_id(request_id)):
            self.serving.reject(usable(envelope.id), INVALID_REQUEST, batch)
        elif bytes(envelope.jsonrpc) != b'"2.0"':
            self.serving.reject(request_id or b"null", INVALID_REQUEST, batch)
        elif not request_id and method == "$/stream":
            self.streamed(envelope.params)
        elif not request_id and method == "$/cancelRequest":
            self.stop(envelope.params)
        else:
            self.serving.begin(method, bytes(envelope.params), request_id or None, batch)

    def answered(self, envelope: Envelope) -> None:
        """A response has come."""
        call = self.call_of(envelope.id)
        if call is None:
            return
        error = bytes(envelope.error)
        if error and not (error == b"null" and envelope.result):
            if self.core.keeps(call, self.failure(envelope.error)):
                return
            self.take(call, Answer(call.seq, envelope.error, ERROR))
        elif isinstance(call, StreamCall):
            self.accepted(call, bytes(envelope.result))
        else:
            self.take(call, Answer(call.seq, envelope.result))

    def accepted(self, call: StreamCall, subscription: bytes) -> None:
        """The server has opened a stream, and says what it calls it."""
        if call.subscription is not None:
            # A second answer to one request.
            return
        if len(subscription) > LONGEST_ID or subscription in self.subscriptions:
            why = "the server has opened a stream under an id that cannot be used"
            self.core.cancel(call, Error(Code.BAD_REQUEST, why))
            return
        call.subscription = subscription
        self.subscriptions[subscription] = call

    def streamed(self, params: msgspec.Raw) -> None:
        """Something has come for a stream."""
        try:
            said = STREAM.decode(params)
        except RecursionError:
            return self.item_cut_off(msgspec.Raw(pruned(bytes(params))))
        except UNREADABLE:
            return None
        call = self.subscriptions.get(bytes(said.subscription))
        if call is None:
            return None
        if said.error:
            self.forget(call)
            self.take(call, Answer(call.seq, said.error, ERROR))
        elif bytes(said.end) == b"true":
            self.forget(call)
            self.take(call, Answer(call.seq, NOTHING, END_OF_STREAM))
        elif said.result:
            # What else was said is not to be kept along with the item.
            self.take(call, Answer(call.seq, alone(said.result, params), MESSAGE))
        return None

    def take(self, call: Call, answer: Answer) -> None:
        if call.receive(answer):
            self.core.ended(call)
        else:
            self.core.look_at_unread(call)

    def stop(self, params: msgspec.Raw) -> None:
        """The server does not want an answer any more."""
        try:
            said = CANCEL.decode(params)
        except UNREADABLE:
            return
        self.serving.cancel(bytes(said.id))

    # Values.

    def decode(self, data: msgspec.Raw, returns: Any) -> Any:
        if returns is Any:
            return ANY.decode(data)
        decoder = self.decoders.get(returns)
        if decoder is None:
            if len(self.decoders) > 1000:
                self.decoders.clear()
            decoder = self.decoders[returns] = msgspec.json.Decoder(returns, dec_hook=_forms.decode)
        return decoder.decode(data)

    def failure(self, data: msgspec.Raw) -> Error:
        """The error of a response, with everything it says."""
        try:
            value = ANY.decode(data)
        except UNREADABLE:
            value = None
        told: dict[str, Any] = value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType]
        code, message = told.get("code"), told.get("message")
        return Error(
            code if type(code) is int else Code.INTERNAL,
            message if isinstance(message, str) else "the error has no message",
            told.get("data"),
        )

    def size(self, metadata: dict[str, Any]) -> int:
        return len(ENCODER.encode(metadata))


def text_of(raw: msgspec.Raw) -> str | None:
    """A text, if it is one."""
    try:
        value = ANY.decode(raw)
    except UNREADABLE:
        return None
    return value if isinstance(value, str) else None


def is_json(message: bytes | bytearray) -> bool:
    try:
        ANY.decode(message)
    except UNREADABLE:
        return False
    return True


def is_id(written: bytes) -> bool:
    """Whether an id is a string, a number or null, and not too long."""
    return len(written) <= LONGEST_ID and (written == b"null" or written[:1] in b'"-0123456789')


def usable(raw: msgspec.Raw) -> bytes:
    """The id of a message that makes no sense, if it has one; otherwise null."""
    written = bytes(raw)
    return written if written and is_id(written) else b"null"
