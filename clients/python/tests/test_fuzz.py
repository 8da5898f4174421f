"""What comes from strangers, with mistakes in it: nothing breaks, and others read the same out of
it. `SWILL_FUZZ_CASES` says how many cases are tried."""

from __future__ import annotations

import asyncio
import json
import os
import random
from typing import Any, Final

import msgspec
from peer import serving
from support import pair_with
from test_reader import Bench, frame
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

import swill
from swill._depth import CUT, LEVELS, pruned

CASES: Final = int(os.environ.get("SWILL_FUZZ_CASES", "300"))

LETTERS: Final = 'ab0 "\\[]{}äß€😀\x00\u2028'


def value(draw: random.Random, depth: int = 3) -> Any:
    """Any value that JSON has a word for."""
    match draw.randrange(5 if depth == 0 else 7):
        case 0:
            return draw.choice([None, True, False])
        case 1:
            return draw.choice([0, -1, 127, -129, 65_536, 2**53, -(2**63), 2**64 - 1])
        case 2:
            return draw.choice([0.5, -1e300, 5e-324])
        case 3 | 4:
            return "".join(draw.choices(LETTERS, k=draw.randrange(20)))
        case 5:
            return {f"k{at}": value(draw, depth - 1) for at in range(draw.randrange(4))}
        case _:
            return [value(draw, depth - 1) for _ in range(draw.randrange(18))]


def spoilt(draw: random.Random, data: bytes) -> bytes:
    """The same bytes, but for a few that were changed, left out, put in or cut off."""
    changed = bytearray(data)
    for _ in range(draw.randrange(4)):
        if not changed:
            break
        at = draw.randrange(len(changed))
        match draw.randrange(5):
            case 0:
                changed[at] ^= 1 << draw.randrange(8)
            case 1:
                changed[at] = draw.randrange(256)
            case 2:
                del changed[at]
            case 3:
                changed.insert(at, draw.randrange(256))
            case _:
                del changed[at:]
    return bytes(changed)


async def test_spoilt_frames_mean_the_same_however_they_are_cut_and_to_the_library() -> None:
    broken = 0
    for seed in range(CASES):
        draw = random.Random(seed)
        data = b""
        for _ in range(draw.randrange(1, 6)):
            payload = draw.randbytes(draw.choice([0, 1, 10, 125, 126, 300]))
            match draw.randrange(7):
                case 0:
                    data += frame(payload[:125], Opcode.PING)
                case 1:
                    half = len(payload) // 2
                    data += frame(payload[:half], fin=False) + frame(b"between", Opcode.PONG)
                    data += frame(payload[half:], Opcode.CONT)
                case 2:
                    data += frame(b"\x03\xe8bye", Opcode.CLOSE)
                case _:
                    data += frame(payload)
        data = spoilt(draw, data)
        whole, cut, single = Bench(), Bench(), Bench()
        whole.feed(data)
        cut.feed(data, draw)
        for byte in data:
            single.feed(bytes([byte]))
        for other in (cut, single):
            assert other.machine.messages == whole.machine.messages, seed
            assert other.machine.others == whole.machine.others, seed
            # Later ones are of no interest: the connection is over.
            closed = [bench.listener.closed[:1] for bench in (other, whole)]
            assert [close.code for close in closed[0]] == [close.code for close in closed[1]], seed
        broken += any(it.code in (1002, 1007) for it in whole.listener.closed)

        library = ClientProtocol(parse_uri("ws://h/"), max_size=16 << 20, state=State.OPEN)
        library.receive_data(data)
        # Once it is over, this side hears nothing more.
        expected, parts, binary = [], b"", True
        for event in library.events_received():
            if not isinstance(event, Frame):
                continue
            if event.opcode is Opcode.CLOSE:
                break
            if event.opcode in (Opcode.TEXT, Opcode.BINARY):
                binary, parts = event.opcode is Opcode.BINARY, b""
            if event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                parts += event.data
                # Text is heard elsewhere.
                if event.fin and binary:
                    expected.append(parts)
        heard = whole.machine.messages
        assert heard == expected[: len(heard)], seed
        if not whole.listener.closed:
            assert len(heard) == len(expected), seed
    assert broken > CASES / 20


def test_pruned_json_is_json_where_it_was_and_not_deep() -> None:
    for seed in range(CASES):
        draw = random.Random(seed)
        text = json.dumps(value(draw)).encode()
        assert pruned(text) == text
        levels = draw.randrange(1, 200)
        opened = draw.choices([b"[", b'{"a":'], k=levels)
        closed = [b"]" if it == b"[" else b"}" for it in reversed(opened)]
        deep = b"".join(opened) + text + b"".join(closed)
        short = pruned(deep)
        json.loads(short)
        assert (CUT in short) == (short != deep)
        nested = 0
        inner = json.loads(short)
        while isinstance(inner, (list, dict)) and inner:
            nested += 1
            inner = inner["a"] if isinstance(inner, dict) and "a" in inner else next(iter(inner), 0)
        assert nested <= LEVELS + 1
        # Whatever it is, it takes no time and raises nothing.
        pruned(spoilt(draw, deep))


async def heard(client: swill.Client, calls: list[asyncio.Task[Any]]) -> None:
    """Waits for calls, each of which ends in one of the ways that calls end in."""
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        assert not isinstance(outcome, BaseException) or isinstance(outcome, swill.Error), outcome


async def test_a_client_takes_whatever_a_server_says() -> None:
    async with serving() as server:
        for seed in range(0, CASES, 10):
            draw = random.Random(seed)
            pair = await pair_with(server, reconnect=swill.Reconnect(base=0.001, attempts=1))
            calls = [asyncio.create_task(pair.client.call("get", at)) for at in range(4)]
            for _ in calls:
                await pair.server.message()
            for _ in range(10):
                data = {"code": 404, "message": "no"} if draw.random() < 0.3 else value(draw, 2)
                parts = [draw.randrange(8), data, draw.randrange(5), draw.choice([None, {"l": 1}])]
                message = msgspec.msgpack.encode([*parts, None])
                sent = message if draw.random() < 0.5 else spoilt(draw, message)
                pair.server.raw(frame(sent))
            await asyncio.sleep(0)
            pair.server.cut()
            await heard(pair.client, calls)
            await pair.client.close()


async def test_a_client_of_json_rpc_takes_whatever_a_server_says() -> None:
    async with serving() as server:
        for seed in range(0, CASES, 10):
            draw = random.Random(seed)
            pair = await pair_with(
                server, protocol="json-rpc", reconnect=swill.Reconnect(base=0.001, attempts=1)
            )
            calls = [asyncio.create_task(pair.client.call("get", at)) for at in range(4)]
            for _ in calls:
                await pair.server.message()
            for _ in range(10):
                call = draw.choice([1, 2, 3, 4, 9, "1", None])
                base: dict[str, Any] = {"jsonrpc": "2.0", "id": call}
                choices: list[Any] = [
                    base | {"result": value(draw, 2)},
                    base | {"error": {"code": draw.randrange(600), "message": "no"}},
                    base | {"method": "get", "params": []},
                    [base | {"result": 1}, 5, []],
                ]
                said = draw.choice(choices)
                message = json.dumps(said).encode()
                sent = message if draw.random() < 0.5 else spoilt(draw, message)
                pair.server.raw(frame(sent.decode(errors="ignore").encode(), Opcode.TEXT))
            await asyncio.sleep(0)
            pair.server.cut()
            await heard(pair.client, calls)
            await pair.client.close()
