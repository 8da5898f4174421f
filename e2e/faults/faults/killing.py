"""Servers that are killed, stopped and told to end; clients that vanish."""

from __future__ import annotations

import asyncio
import signal

from .processes import CaseError
from .world import QUICK, World, case, expect


async def down(w: World, back_after: float | None = 0.3) -> None:
    """Kills the server, and starts it again at the same port."""
    await w.server.kill()
    if back_after is not None:
        await asyncio.sleep(back_after)
        await w.server.start()


@case("kill -9 in mid-call", short=True, json_rpc=True, pages=True)
async def mid_call(w: World) -> None:
    await w.both_ends()
    before = len(w.client.events)
    w.client.do("call", "once", ms=60_000)
    w.client.do("call", "again", ms=700, idempotent=True)
    await w.server.begun("once")
    await w.server.begun("again")
    await w.server.kill()
    expect(await w.client.end("once", 2), "unknown")
    await w.client.state("waiting", after=before)
    w.client.do("call", "meanwhile", ms=0)
    await asyncio.sleep(0.3)
    await w.server.start()
    await w.client.state("open", after=before + 1)
    expect(await w.client.end("again"), "ok")
    expect(await w.client.end("meanwhile"), "ok")
    if w.server.count("begun", "again") != 2:
        raise CaseError("the idempotent call was not executed again")
    await quietly(w)


@case("kill -9 in mid-stream", short=True, json_rpc=True, pages=True)
async def mid_stream(w: World) -> None:
    await w.both_ends()
    w.client.do("stream", "slow", n=1_000_000, ms=1)
    w.client.do("stream", "begun", n=1_000_000, ms=1, idempotent=True)
    streams = ["slow", "begun"]
    if w.kind != "chromium":
        # Pages cannot stop reading: this one would do nothing else.
        w.client.do("stream", "fast", n=1_000_000, size=500)
        streams.append("fast")
    for id in streams:
        await w.client.item(id, 100)
    w.client.do("stream", "not yet", n=1, ms=2500, idempotent=True)
    await w.server.begun("not yet")
    await down(w)
    for id in streams:
        expect(await w.client.end(id), "unknown")
    expect(await w.client.end("not yet"), "ok")
    for id in streams:
        if w.server.count("begun", id) != 1:
            raise CaseError(f"`{id}` was begun anew after items had come")
    await quietly(w)


@case("kill -9 in mid-stream-in", short=True, pages=True)
async def mid_stream_in(w: World) -> None:
    await w.both_ends()
    w.client.do("in", "slow", n=1_000_000, ms=1)
    w.client.do("both", "both", n=1_000_000, ms=1)
    await w.client.item("both", 50)
    w.client.do("in", "fast", n=100_000_000)
    for id in ("slow", "fast"):
        await w.server.begun(id)
    await down(w)
    for id in ("slow", "fast", "both"):
        expect(await w.client.end(id), "unknown")
    w.client.do("in", "later", n=500)
    expect(await w.client.end("later"), "ok")
    await quietly(w)


@case("kill -9 in mid-batch", json_rpc=True)
async def mid_batch(w: World) -> None:
    await w.both_ends()
    w.client.do("batch", "batch", n=20, ms=60_000)
    for n in (0, 19):
        await w.server.begun(f"batch.{n}")
    await down(w)
    for n in range(20):
        expect(await w.client.end(f"batch.{n}"), "unknown")
    w.client.do("batch", "later", n=20, ms=1)
    for n in range(20):
        expect(await w.client.end(f"later.{n}"), "ok")
    await quietly(w)


@case("kill -9 while many calls are being answered", short=True, json_rpc=True, pages=True)
async def mid_answers(w: World) -> None:
    await w.both_ends()
    for n in range(400):
        w.client.do("call", f"call {n}", ms=n % 7, idempotent=n % 4 == 0)
    await w.client.end("call 60")
    await down(w)
    for n in range(400):
        expect(await w.client.end(f"call {n}", 20), "ok" if n % 4 == 0 else "ok|unknown")
    await quietly(w)


@case("kill -9 during the handshake", short=True)
async def during_handshake(w: World) -> None:
    await w.serve()
    w.server.signal(signal.SIGSTOP)
    await w.connect()
    w.client.do("call", "once", ms=0)
    w.client.do("call", "again", ms=0, idempotent=True)
    w.client.do("stream", "stream", n=20)
    await asyncio.sleep(0.5)
    await down(w)
    for id in ("once", "again", "stream"):
        expect(await w.client.end(id), "ok")
        if w.server.count("begun", id) != 1:
            raise CaseError(f"`{id}` was executed {w.server.count('begun', id)} times")
    await quietly(w)


@case("kill -9 again and again while it reconnects", pages=True)
async def during_reconnect(w: World) -> None:
    await w.both_ends(cap=200)
    for n in range(8):
        before = len(w.client.events)
        w.client.do("call", f"once {n}", ms=300)
        w.client.do("call", f"again {n}", ms=300, idempotent=True, deadline=60_000)
        await w.server.begun(f"again {n}")
        await w.server.kill()
        # Now with a handshake, now without one, now in the middle.
        await asyncio.sleep(0.05 * n)
        await w.server.start()
        if n % 2 == 0:
            await w.client.state("open", after=before)
        await w.server.kill()
        await asyncio.sleep(0.1)
        await w.server.start()
        await w.client.end(f"once {n}", 20)
    for n in range(8):
        expect(await w.client.end(f"again {n}", 20), "ok")
    await quietly(w)


@case("the last attempt fails after a call was begun", short=True, json_rpc=True, pages=True)
async def given_up(w: World) -> None:
    await w.both_ends(attempts=2, base=50, cap=50)
    w.client.do("call", "again", ms=60_000, idempotent=True)
    w.client.do("stream", "stream", n=5, ms=60_000, idempotent=True)
    await w.server.begun("again")
    await w.server.begun("stream")
    await w.server.kill()
    await asyncio.sleep(0)
    w.client.do("call", "never", ms=0)
    await w.client.state("closed")
    for id in ("again", "stream"):
        expect(await w.client.end(id, 2), "unknown")
    expect(await w.client.end("never", 2), "503|unknown")


@case(
    "the client is closed while a call waits to be sent again",
    short=True,
    json_rpc=True,
    pages=True,
)
async def closed_while_waiting(w: World) -> None:
    await w.both_ends(base=5000, cap=5000)
    before = len(w.client.events)
    w.client.do("call", "again", ms=60_000, idempotent=True)
    await w.server.begun("again")
    await w.server.kill()
    await w.client.state("waiting", after=before)
    w.client.do("call", "never", ms=0)
    await asyncio.sleep(0.1)
    w.client.do("close", "close")
    expect(await w.client.end("again", 2), "unknown")
    expect(await w.client.end("never", 2), "503")


@case("a deadline while a call waits to be sent again", json_rpc=True)
async def late_while_waiting(w: World) -> None:
    await w.both_ends()
    w.client.do("call", "again", ms=60_000, idempotent=True, deadline=1500)
    await w.server.begun("again")
    await w.server.kill()
    w.client.do("call", "never", ms=0, deadline=1000)
    expect(await w.client.end("never", 3), "late|unknown")
    expect(await w.client.end("again", 3), "late|unknown")


@case("SIGSTOP for 3 s", short=True)
async def short_stop(w: World) -> None:
    await w.both_ends()
    w.client.do("stream", "stream", n=200, ms=5)
    w.client.do("in", "in", n=400, ms=5)
    await w.client.item("stream", 20)
    w.server.signal(signal.SIGSTOP)
    for n in range(50):
        w.client.do("call", f"call {n}", ms=0)
    await asyncio.sleep(3)
    w.server.signal(signal.SIGCONT)
    for id in ("stream", "in", *(f"call {n}" for n in range(50))):
        expect(await w.client.end(id), "ok")
    if "waiting" in w.client.states():
        raise CaseError("the client has lost its connection")
    await quietly(w)


@case("SIGSTOP for 30 s")
async def long_stop(w: World) -> None:
    await w.both_ends()
    w.client.do("stream", "stream", n=200, ms=5)
    w.client.do("call", "patient", ms=0, deadline=60_000)
    await w.client.item("stream", 20)
    w.server.signal(signal.SIGSTOP)
    w.client.do("call", "waits", ms=0, deadline=60_000)
    w.client.do("call", "late", ms=0, deadline=10_000)
    expect(await w.client.end("late", 12), "late")
    await asyncio.sleep(20)
    w.server.signal(signal.SIGCONT)
    for id in ("stream", "patient", "waits"):
        expect(await w.client.end(id), "ok")
    await quietly(w)


@case("SIGSTOP for longer than the keepalive")
async def stopped_too_long(w: World) -> None:
    await w.both_ends(connect_timeout=1000, **QUICK)
    before = len(w.client.events)
    w.client.do("stream", "stream", n=100_000, ms=5)
    await w.client.item("stream", 20)
    w.server.signal(signal.SIGSTOP)
    for n in range(20):
        w.client.do("call", f"once {n}", ms=0)
        w.client.do("call", f"again {n}", ms=0, idempotent=True)
    await w.client.state("waiting", 6, after=before)
    for n in range(20):
        expect(await w.client.end(f"once {n}", 2), "unknown")
    expect(await w.client.end("stream", 2), "unknown")
    await asyncio.sleep(4)
    w.server.signal(signal.SIGCONT)
    for n in range(20):
        expect(await w.client.end(f"again {n}"), "ok")
    await quietly(w)


@case("SIGTERM with calls in flight", short=True, json_rpc=True, pages=True)
async def told_to_end(w: World) -> None:
    await w.both_ends()
    w.client.do("call", "in time", ms=1500)
    w.client.do("stream", "stream", n=100, ms=10)
    if w.streams_in:
        w.client.do("in", "in", n=100, ms=10)
        w.client.do("both", "both", n=100, ms=10)
        await w.server.begun("in")
        await w.server.begun("both")
    await w.server.begun("in time")
    await w.server.begun("stream")
    w.server.signal(signal.SIGTERM)
    for id in ("in time", "stream", *(("in", "both") if w.streams_in else ())):
        expect(await w.client.end(id), "ok")
    status = await w.server.ended(10)
    if status != 0:
        raise CaseError(f"the server ended with status {status}")
    before = len(w.client.events)
    w.client.do("call", "later", ms=0)
    await w.server.start()
    await w.client.state("open", after=before)
    expect(await w.client.end("later"), "ok")
    await quietly(w)


@case("SIGTERM with a call that outlives the grace")
async def beyond_the_grace(w: World) -> None:
    await w.both_ends(["--grace", "1000"])
    w.client.do("call", "in time", ms=500)
    w.client.do("call", "too long", ms=60_000)
    await w.server.begun("in time")
    await w.server.begun("too long")
    w.server.signal(signal.SIGTERM)
    expect(await w.client.end("in time"), "ok")
    await w.client.end("too long", 5)
    status = await w.server.ended(10)
    if status != 0:
        raise CaseError(f"the server ended with status {status}")


@case("rolling restart under load", short=True, json_rpc=True, pages=True)
async def rolling(w: World) -> None:
    first = await w.serve()
    second = await w.serve()
    address = await w.balance([first, second])
    client = await w.connect(address, cap=300)
    await client.state("open", 40)
    stop, ids = asyncio.Event(), list[str]()

    async def load() -> None:
        while not stop.is_set():
            n = len(ids)
            id = f"{'again' if n % 2 else 'once'} {n}"
            ids.append(id)
            client.do("call", id, ms=(0, 5, 40, 200)[n // 2 % 4], idempotent=bool(n % 2))
            await asyncio.sleep(0.01)

    loading = asyncio.create_task(load())
    for server in (first, second, first):
        await asyncio.sleep(0.7)
        server.signal(signal.SIGTERM)
        status = await server.ended(40)
        if status != 0:
            raise CaseError(f"the server ended with status {status}")
        await server.start()
    await asyncio.sleep(0.5)
    stop.set()
    await loading
    failed = 0
    for id in ids:
        end = await client.end(id)
        if id.startswith("again"):
            expect(end, "ok")
        elif not end["ok"]:
            failed += 1
            # What a server has begun it ends within its grace, and says so.
            if first.count("begun", id):
                raise CaseError(f"`{id}` was lost: {end['message']}")
    w.notes.append(f"{len(ids)} calls; {failed} that may not be sent again were not begun")


@case("kill -9 of the client", short=True, json_rpc=True)
async def client_killed(w: World) -> None:
    await w.both_ends()
    w.client.do("call", "call", ms=60_000)
    w.client.do("stream", "stream", n=1_000_000, ms=1)
    w.client.do("stream", "flood", n=100_000_000, size=1000)
    if w.streams_in:
        w.client.do("in", "in", n=1_000_000, ms=1)
        w.client.do("both", "both", n=1_000_000, ms=1)
    await w.client.item("stream", 20)
    for id in w.client.commands:
        await w.server.begun(id)
    await w.client.kill()
    await w.quiet(5)
    # Nobody was told anything any more.
    w.client.commands.clear()


async def quietly(w: World) -> None:
    """The client leaves, and the server is as it was."""
    await w.client.leave()
    await w.quiet()
