"""The driver of the Python client. See the README for the commands and events."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import swill

Command = dict[str, Any]


def tell(**event: Any) -> None:
    """A line on standard output. When nobody reads it any more there is nothing left to do."""
    try:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        sys.exit(0)


def told(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a client. Times come in milliseconds."""

    def seconds(name: str, default: float) -> float:
        return float(options[name]) / 1000 if name in options else default

    limits = swill.Limits(
        ping_after=seconds("ping_after", 20.0),
        pong_within=seconds("pong_within", 20.0),
        write_stall=seconds("write_stall", 30.0),
    )
    reconnect = swill.Reconnect(
        base=seconds("base", 0.1), cap=seconds("cap", 10.0), attempts=options.get("attempts")
    )
    return {
        "limits": limits,
        "reconnect": reconnect,
        "deadline": seconds("deadline", 30.0),
        "connect_timeout": seconds("connect_timeout", 10.0),
    }


class Driver:
    """Does what it is told, and tells what comes of it."""

    def __init__(self, client: swill.Client) -> None:
        self.client = client
        self.commands: dict[str, Callable[[Command], Awaitable[Any]]] = {
            "call": self.call,
            "large": self.large,
            "stream": self.stream,
            "in": self.stream_in,
            "both": self.both,
            "close": self.close,
        }

    async def obey(self, command: Command) -> None:
        if command["do"] == "batch":
            return await self.batch(command)
        since = time.monotonic()
        try:
            value = await self.commands[command["do"]](command)
        except Exception as error:
            failed(command["id"], since, error)
        else:
            ended(command["id"], since, value)
        return None

    async def call(self, command: Command) -> Any:
        params = [command["id"], command.get("ms", 0)]
        idempotent = command.get("idempotent", False)
        return await self.client.call("work", params, idempotent=idempotent, **deadline(command))

    async def large(self, command: Command) -> Any:
        params = [command["id"], command.get("size", 0)]
        idempotent = command.get("idempotent", False)
        return len(
            await self.client.call("large", params, idempotent=idempotent, **deadline(command))
        )

    async def stream(self, command: Command) -> None:
        params = [command["id"], *(command.get(name, 0) for name in ("n", "ms", "size"))]
        idempotent = command.get("idempotent", False)
        items = self.client.stream("count", params, idempotent=idempotent, **deadline(command))
        async with items:
            async for item in items:
                tell(event="item", id=command["id"], n=item["n"])

    async def stream_in(self, command: Command) -> Any:
        async with self.client.stream_in("total", **deadline(command)) as sender:
            for n in range(command.get("n", 0)):
                await pause(command)
                await sender.send({"id": command["id"], "n": n})
            return await sender.finish()

    async def both(self, command: Command) -> None:
        async with self.client.both("relay", **deadline(command)) as both:

            async def send() -> None:
                for n in range(command.get("n", 0)):
                    await pause(command)
                    await both.send({"id": command["id"], "n": n})
                await both.end()

            sending = asyncio.create_task(send())
            try:
                async for n in both:
                    tell(event="item", id=command["id"], n=n)
            finally:
                results = await asyncio.gather(sending, return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException):
                    raise result

    async def batch(self, command: Command) -> None:
        """Calls with the ids ``ID.0``, ``ID.1`` and so on."""
        ids = [f"{command['id']}.{n}" for n in range(command.get("n", 0))]
        since = time.monotonic()
        batch = self.client.batch()
        for id in ids:
            batch.call("work", [id, command.get("ms", 0)])
        try:
            answers = await batch.send(**deadline(command))
        except Exception as error:
            answers = [error] * len(ids)
        for id, answer in zip(ids, answers, strict=True):
            if isinstance(answer, Exception):
                failed(id, since, answer)
            else:
                ended(id, since, answer)

    async def close(self, _command: Command) -> None:
        await self.client.close()


def deadline(command: Command) -> dict[str, float]:
    within = command.get("deadline")
    return {} if within is None else {"deadline": within / 1000}


async def pause(command: Command) -> None:
    if command.get("ms", 0) > 0:
        await asyncio.sleep(command["ms"] / 1000)


def ended(id: str, since: float, value: Any) -> None:
    tell(event="end", id=id, ok=True, took=milliseconds(since), value=value)


def milliseconds(since: float) -> float:
    return (time.monotonic() - since) * 1000


def failed(id: str, since: float, error: Exception) -> None:
    known = isinstance(error, swill.Error)
    tell(
        event="end",
        id=id,
        ok=False,
        took=milliseconds(since),
        code=error.code if known else -1,
        unknown=error.outcome_unknown if known else False,
        message=error.message if known else repr(error),
        data=error.data if known else None,
    )


async def main() -> None:
    url, protocol, options = sys.argv[1:]
    client = await swill.connect(url, protocol=protocol, lazy=True, **told(json.loads(options)))
    tell(event="state", kind=client.state.kind)
    client.on_state(lambda state: tell(event="state", kind=state.kind))
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    driver, tasks = Driver(client), set[asyncio.Task[None]]()
    while line := await lines.readline():
        task = loop.create_task(driver.obey(json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await client.close()


asyncio.run(main())
