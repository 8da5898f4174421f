#!/usr/bin/env python3
"""PyPI jsonrpcclient, which makes and reads messages, over PyPI websockets, against a server under test.

    jsonrpcclient_client.py --url ws://127.0.0.1:9000/jsonrpc

Install: pip install -r jsonrpc_python.requirements.txt
"""
import asyncio
import json

from jsonrpcclient import Error, Ok, notification, notification_json, parse, parse_json, request, request_json, request_uuid
from websockets.asyncio.client import connect

from checks import arguments, check, done

args = arguments(__doc__)


async def main():
    async with connect(args.url, open_timeout=5) as ws:

        async def ask(text):
            await ws.send(text)
            answer = parse_json(await ws.recv())
            return answer.result if isinstance(answer, Ok) else (answer.code, answer.message)

        async def several(messages):
            await ws.send(json.dumps(messages))
            answers = parse(json.loads(await ws.recv()))
            return {answer.id: answer.result if isinstance(answer, Ok) else answer.code for answer in answers}

        async def ids():
            message = request_uuid("add", params=(2, 3))
            await ws.send(json.dumps(message))
            answer = parse_json(await ws.recv())
            return [answer.id == message["id"], answer.result]

        async def notify():
            await ws.send(notification_json("note", params=["one"]))
            await ws.send(notification_json("note", params={"text": "two"}))
            return await ask(request_json("notes"))

        async def notifications_only():
            # Nothing answers such a batch: the next message is the answer of the next call.
            await ws.send(json.dumps([notification("note", params=["three"]), notification("no.such.method")]))
            return len(await ask(request_json("notes")))

        await check("call positional", lambda: ask(request_json("add", params=(1, 2))), 3)
        await check("call named", lambda: ask(request_json("subtract", params={"subtrahend": 23, "minuend": 42})), 19)
        await check("call without params", lambda: ask(request_json("get_data")), ["hello", 5])
        await check("null result", lambda: ask(request_json("nothing")), None)
        await check("ids are echoed", ids, [True, 5])
        await check("unknown method", lambda: ask(request_json("no.such.method")), (-32601, "Method not found"))
        await check("internal error", lambda: ask(request_json("fail")), (-32603, "Internal error"))
        await check("invalid params", lambda: ask(request_json("add", params={"a": 1, "c": 2})), (-32602, "Invalid params"))
        await check("custom error", lambda: ask(request_json("error", params=[-32042, "my error"])), (-32042, "my error"))
        await check("notify", notify, [["note", ["one"]], ["note", {"text": "two"}]])
        batch = [
            request("add", params=(1, 2), id="a"),
            request("no.such.method", id="b"),
            notification("note", params=["in a batch"]),
            request("sum", params=(1, 2, 3), id="c"),
        ]
        await check("batch", lambda: several(batch), {"a": 3, "b": -32601, "c": 6})
        await check("batch of notifications", notifications_only, 4)
        await check("still connected", lambda: ask(request_json("add", params=(20, 22))), 42)
    done()


asyncio.run(main())
