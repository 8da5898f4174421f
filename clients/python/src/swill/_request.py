"""How a call begins, and what its end is to the caller."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ._calls import END_OF_STREAM, MESSAGE, Answer, Call, StreamCall
from ._core import Core
from ._errors import Code, Error, cannot_carry
from ._outbox import NOTICE
from ._state import Metadata, Response

LONGEST_NAME: Final = 255
"""The longest name that a server takes, in bytes."""

UNWRITABLE: Final = (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError)
"""What comes of values that cannot be written."""

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What comes of values that do not fit the type that is expected."""


class Default:
    """Stands for the deadline of the client."""

    def __repr__(self) -> str:
        return "DEFAULT"


DEFAULT: Final = Default()
Deadline = float | Default | None


def ends_at(core: Core, deadline: Deadline) -> float | None:
    """When a call that is made now has to have ended.

    :raises RuntimeError: in another event loop than that of the client.
    """
    core.check_loop()
    if deadline is DEFAULT:
        deadline = core.settings.deadline
    return None if deadline is None else core.loop.time() + deadline  # type: ignore[operator]


def open_call(
    core: Core,
    name: str,
    params: object,
    metadata: Metadata | None,
    deadline: float | None,
    idempotent: bool,
) -> Call:
    """Begins a call that has neither stream, in its turn."""
    seq = core.last + 1
    message = opening(core, seq, name, params, metadata)
    core.last = seq
    again = message if idempotent else None
    call = Call(seq, name, core.loop.create_future(), deadline, again)
    enter(core, call, message)
    return call


def open_stream(
    core: Core,
    name: str,
    params: object,
    metadata: Metadata | None,
    deadline: float | None,
    idempotent: bool,
    until_sent: bool,
) -> StreamCall:
    """Begins a call with a stream out, in its turn."""
    seq = core.last + 1
    message = opening(core, seq, name, params, metadata)
    core.last = seq
    again = message if idempotent else None
    call = StreamCall(seq, name, core.loop.create_future(), deadline, again, core.unread)
    call.until_sent = until_sent
    core.machine.streams(call)
    enter(core, call, message)
    return call


def open_input(
    core: Core,
    call: Call,
    metadata: Metadata | None,
) -> None:
    """Begins a call with a stream in, in its turn. Its number is the next one."""
    if not core.machine.streams_in:
        raise cannot_carry(core.machine.name, "a stream in")
    check_name(call.name)
    try:
        message = core.machine.open_in(call.seq, call.name, metadata)
    except UNWRITABLE as error:
        raise unwritable("metadata", error, call.name) from error
    core.check_size(message)
    core.last = call.seq
    call.input_open = True
    enter(core, call, message)


def open_notice(
    core: Core, name: str, params: object, metadata: Metadata | None, deadline: float | None
) -> None:
    """Begins a call without an answer, in its turn."""
    machine = core.machine
    if machine.notifies:
        message = opening(core, 0, name, params, metadata, reply=False)
        core.push(NOTICE, message)
    else:
        call = open_call(core, name, params, metadata, deadline, False)
        call.until_sent = True


def enter(core: Core, call: Call, message: bytes) -> None:
    """Puts a call among those in flight, and its opening into the outbox."""
    calls = core.calls
    calls[call.seq] = call
    core.outbox.push(call.seq, message)
    if call.deadline is not None and call.deadline < core.alarm_at:
        core.wake_at(call.deadline)
    wire = core.wire
    if wire is None:
        return
    if len(calls) == 1:
        # Nobody else is there to share a write with.
        wire.flush()
    else:
        wire.schedule()


def opening(
    core: Core,
    seq: int,
    name: str,
    params: object,
    metadata: Metadata | None,
    reply: bool = True,
) -> bytes:
    """The message that begins a call without a stream in.

    :raises Error: if there can be none.
    """
    # A character has at most four bytes.
    if len(name) > LONGEST_NAME // 4:
        check_name(name)
    if metadata and not core.machine.metadata:
        raise cannot_carry(core.machine.name, "metadata")
    try:
        message = core.machine.open(seq, name, params, metadata, reply)
    except UNWRITABLE as error:
        raise unwritable("parameters", error, name) from error
    if len(message) > core.limits.request:
        core.check_size(message)
    return message


def check_name(name: str) -> None:
    if len(name.encode()) > LONGEST_NAME:
        raise Error(Code.NOT_FOUND, f"the name of a procedure has at most {LONGEST_NAME} bytes")


def unwritable(what: str, error: Exception, name: str) -> Error:
    """A value cannot be written."""
    why = str(error) or type(error).__name__
    return Error(Code.INTERNAL, f"the {what} cannot be written: {why}", procedure=name)


def value_of(core: Core, call: Call, data: msgspec.Raw, returns: Any) -> Any:
    """What the server sent, as the type that the caller expects.

    :raises Error: code 500 if it does not fit, 413 if it is nested too deeply.
    """
    try:
        return core.machine.decode(data, returns)
    except UNREADABLE as error:
        raise unfit(error, returns, call.name) from None


def unfit(error: Exception, returns: Any, name: str) -> Error:
    """What the server sent is not what the caller expects."""
    if isinstance(error, RecursionError):
        return Error(Code.TOO_LARGE, "the answer is nested too deeply", procedure=name)
    shown = getattr(returns, "__name__", None) or str(returns)
    if getattr(returns, "__args__", None):
        shown = str(returns)
    return Error(Code.INTERNAL, f"what the server sent is no {shown}: {error}", procedure=name)


def failure(core: Core, call: Call, last: Answer | Error) -> Error:
    """Why a call has not ended well, by the last that was heard of it."""
    if isinstance(last, Answer):
        if last.type == END_OF_STREAM:
            error = Error(Code.INTERNAL, "the server ended the call without an answer")
        else:
            error = core.machine.failure(last.data)
    else:
        # One error may have several listeners, and each of them has a traceback of its own.
        error = Error(last.code, last.message, last.data, last.outcome_unknown)
    error.procedure = call.name
    convert = core.error_types.get(call.name)
    return error if convert is None else convert(error)


def response(core: Core, call: Call, last: Answer | Error, returns: Any) -> Response[Any]:
    """The answer to a call with the metadata around it.

    :raises Error: if the call has not ended well.
    """
    if not isinstance(last, Answer) or last.type != MESSAGE:
        raise failure(core, call, last)
    value = value_of(core, call, last.data, returns)
    return Response(value, call.leading or last.leading or {}, last.trailing or {})
