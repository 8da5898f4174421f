#!/usr/bin/env python3
"""PyPI websockets, which checks tokens strictly, with PyPI msgpack: swill/1 by its token `swill.1`.

    websockets_swill.py --url ws://127.0.0.1:9000/ws

Install: pip install -r ../../conformance/requirements.txt
"""
import asyncio

import msgpack
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from checks import arguments, check, done

MESSAGE, END_OF_STREAM, METADATA, ERROR = range(4)
CANCEL = 3
args = arguments(__doc__)


async def main():
    async def slash():
        try:
            await connect(args.url, subprotocols=["swill/1"])
        except ValueError:
            return "refused by the client itself"

    async def other():
        try:
            await connect(args.url, subprotocols=["no-such-protocol"])
        except InvalidStatus as e:
            return e.response.status_code

    await check("the slash is refused by the client itself", slash, "refused by the client itself")
    await check("another token is refused by the server", other, 406)
    async with connect(args.url, subprotocols=["swill.1"], open_timeout=5) as ws:
        last = 0

        async def send(*message):
            await ws.send(msgpack.packb(message))

        async def hear(seq):
            message = msgpack.unpackb(await ws.recv())
            assert message[0] == seq and len(message) == 5, message
            return message[1:]

        async def call(rpc, *messages, metadata=None):
            """The messages of the answer, as (type, data), up to the one that ends it."""
            nonlocal last
            last += 1
            for data in messages:
                await send(last, data, rpc, MESSAGE, metadata)
            if len(messages) != 1:
                await send(last, None, rpc, END_OF_STREAM)
            heard = []
            while True:
                data, kind, *_ = await hear(last)
                heard.append((kind, data))
                if kind in (END_OF_STREAM, ERROR) or rpc in ("add", "echo", "error", "total", "metadata"):
                    return heard

        async def cancel():
            nonlocal last
            last += 1
            await send(last, 1, "ticks")
            for tick in range(3):
                assert (await hear(last))[:2] == [tick, MESSAGE]
            await send(last, None, "ticks", CANCEL)
            # What was on its way comes first; nothing answers the cancellation.
            await send(last + 1, [1, 2], "add")
            while (message := msgpack.unpackb(await ws.recv()))[0] == last:
                assert message[2] == MESSAGE, message
            last += 1
            return message[1]

        async def protocol():
            return ws.subprotocol

        await check("the token is echoed", protocol, "swill.1")
        await check("call", lambda: call("add", [1, 2]), [(MESSAGE, 3)])
        await check("any value", lambda: call("echo", {"a": [1, -2.5, None, True, "ä€😀", b"\x00\xff"]}), [(MESSAGE, {"a": [1, -2.5, None, True, "ä€😀", b"\x00\xff"]})])
        await check("metadata", lambda: call("metadata", None, metadata={"who": "ann"}), [(MESSAGE, {"who": "ann"})])
        await check("error", lambda: call("error", {"code": 409, "message": "my error"}), [(ERROR, {"code": 409, "message": "my error"})])
        await check("stream out", lambda: call("lines", 2), [(MESSAGE, "line 1"), (MESSAGE, "line 2"), (END_OF_STREAM, None)])
        await check("stream in", lambda: call("total", 1, 2, 3), [(MESSAGE, 6)])
        await check("stream in and out", lambda: call("multiply", 2, 3, 7), [(MESSAGE, 2), (MESSAGE, 6), (MESSAGE, 42), (END_OF_STREAM, None)])
        await check("cancel", cancel, 3)
        await check("still connected", lambda: call("add", [20, 22]), [(MESSAGE, 42)])
    done()


asyncio.run(main())
