#!/usr/bin/env python3
"""PyPI jsonrpc-websocket (aiohttp), both directions, against a server under test.

    jsonrpc_websocket_client.py --url ws://127.0.0.1:9000/jsonrpc

Install: pip install -r jsonrpc_python.requirements.txt
"""
import asyncio
import logging

from jsonrpc_base import ProtocolError
from jsonrpc_websocket import Server

from checks import arguments, check, done

args = arguments(__doc__)
# It logs what a handler of the client raises, and one of them has to.
logging.getLogger("jsonrpc_base.jsonrpc").setLevel(logging.CRITICAL)


async def failure(call):
    try:
        return ("no error", await call)
    except ProtocolError as e:
        return tuple(e.args[:2])


async def main():
    server = Server(args.url, timeout=5)
    ticks = []

    async def later(n):
        await asyncio.sleep(0.1)
        return n * 2

    def refuse():
        raise ValueError("no")

    server.ping = lambda *args, **names: ["pong", list(args), names]
    server.later = later
    server.refuse = refuse
    server.tick = lambda *args: ticks.append(list(args))

    async def connect():
        await server.ws_connect()
        return server.connected

    async def notify():
        await server.note("one", _notification=True)
        await server.note(text="two", _notification=True)
        return await server.notes()

    async def many():
        return await asyncio.gather(*(server.add(i, i) for i in range(50)))

    async def interleaved():
        order = []

        async def keep(call):
            order.append(await call)

        await asyncio.gather(keep(server.slow(300)), keep(server.add(2, 2)))
        return order

    async def notified():
        return [await server.notify_me("tick", [7]), list(ticks)]

    await check("connect", connect, True)
    await check("call positional", lambda: server.add(1, 2), 3)
    await check("call named", lambda: server.subtract(subtrahend=23, minuend=42), 19)
    await check("call without params", lambda: server.get_data(), ["hello", 5])
    await check("null result", lambda: server.nothing(), None)
    await check("text", lambda: server.echo("ä€😀\u2028"), "ä€😀\u2028")
    await check("unknown method", lambda: failure(server.no.such.method()), (-32601, "Method not found"))
    await check("internal error", lambda: failure(server.fail()), (-32603, "Internal error"))
    await check("invalid params", lambda: failure(server.add(1)), (-32602, "Invalid params"))
    await check("custom error", lambda: failure(server.error(-32042, "my error")), (-32042, "my error"))
    await check("many at once", many, [2 * i for i in range(50)])
    await check("interleaved", interleaved, [4, "slept"])
    await check("notify", notify, [["note", ["one"]], ["note", {"text": "two"}]])
    await check("server calls client", lambda: server.call_me("ping", [1, "x"]), {"result": ["pong", [1, "x"], {}]})
    await check("server calls client named", lambda: server.call_me("ping", {"a": 1}), {"result": ["pong", [], {"a": 1}]})
    await check("server calls slow client method", lambda: server.call_me("later", [21]), {"result": 42})
    await check("server calls client method that fails", lambda: server.call_me("refuse"), {"error": {"code": -32000, "message": "Server Error: no"}})
    await check("server calls unknown client method", lambda: server.call_me("nope"), {"error": {"code": -32601, "message": "Method not found"}})
    await check("server notifies client", notified, ["sent", [[7]]])
    await check("still connected", lambda: server.add(20, 22), 42)
    await server.close()
    done()


asyncio.run(main())
