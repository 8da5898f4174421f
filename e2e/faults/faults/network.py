"""Networks that lose, delay, reorder and cut, with the kernel's TCP at both ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from .killing import quietly
from .packets import FIN, SYN, Segment
from .processes import CaseError
from .world import QUICK, QUICK_SERVER, World, case, expect

CLOSE = 0x88
"""The first byte of a frame that closes (RFC 6455, 5.5.1)."""


async def traffic(w: World, items: int = 300, within: float = 60.0) -> None:
    """Calls and streams of every kind, all of which have to end well."""
    ids = [f"call {n}" for n in range(60)]
    for n, id in enumerate(ids):
        w.client.do("call", id, ms=n % 5, deadline=60_000)
    w.client.do("large", "large", size=500_000, deadline=60_000)
    w.client.do("stream", "stream", n=items, ms=2, size=300)
    w.client.do("batch", "batch", n=20, ms=1, deadline=60_000)
    if w.streams_in:
        w.client.do("in", "in", n=items, ms=2)
        w.client.do("both", "both", n=items, ms=2)
    ids += ["large", "stream", *(f"batch.{n}" for n in range(20))]
    for id in ids + (["in", "both"] if w.streams_in else []):
        expect(await w.client.end(id, within), "ok")


def steady(w: World) -> None:
    """The connection has held all the time."""
    if "waiting" in w.client.states():
        raise CaseError("the client has lost its connection")


@case("5 % loss, 100 ms each way", link=True, short=True, json_rpc=True)
async def loss(w: World) -> None:
    w.link.both(loss=0.05, delay=0.1)
    await w.both_ends()
    await traffic(w)
    steady(w)
    lost, carried = w.link.to_client.lost + w.link.to_server.lost, w.link.to_client.carried
    w.notes.append(f"{lost} of {lost + carried + w.link.to_server.carried} packets lost")
    await quietly(w)


@case("20 % loss", link=True)
async def much_loss(w: World) -> None:
    w.link.both(loss=0.2, delay=0.01)
    await w.both_ends()
    await traffic(w, 100, within=90)
    await quietly(w)


@case("throughput with 5 % loss, 100 ms each way", link=True)
async def throughput(w: World) -> None:
    await w.both_ends()
    w.link.both(loss=0.05, delay=0.1)
    size, count = 10_000, 60
    started = time.monotonic()
    w.client.do("stream", "stream", n=count, size=size)
    expect(await w.client.end("stream", 120), "ok")
    down = size * count / (time.monotonic() - started)
    for n in range(100):
        w.client.do("call", f"call {n}", ms=0, deadline=60_000)
    started = time.monotonic()
    for n in range(100):
        expect(await w.client.end(f"call {n}", 60), "ok")
    took = time.monotonic() - started
    w.notes.append(f"stream out {down / 1000:.0f} kB/s; 100 calls at once in {took:.1f} s")
    # TCP manages 40 kB/s at least with this loss (MSS / RTT * 1.22 / sqrt(loss), Mathis 1997).
    if down < 20_000:
        raise CaseError(f"a stream out makes {down:.0f} bytes/s")
    if took > 20:
        raise CaseError(f"a hundred calls at once took {took:.1f} s")


@case("jitter, reordering and duplicates", link=True, short=True)
async def jitter(w: World) -> None:
    w.link.both(delay=0.005, jitter=0.03, duplicates=0.05, loss=0.01)
    await w.both_ends()
    await traffic(w)
    steady(w)
    await quietly(w)


@case("MTU of 576 bytes", link=True, short=True)
async def small_mtu(w: World) -> None:
    w.link.shrink(576)
    await w.both_ends()
    await traffic(w)
    steady(w)
    await quietly(w)


@case("large packets are lost from some moment on", link=True)
async def black_hole(w: World) -> None:
    await w.both_ends(QUICK_SERVER, **QUICK)
    w.client.do("call", "before", ms=0)
    expect(await w.client.end("before"), "ok")
    before = len(w.client.events)
    w.link.both(largest=600)
    w.client.do("large", "large", size=100_000, deadline=20_000)
    await w.client.state("waiting", 12, after=before)
    expect(await w.client.end("large", 2), "unknown")
    w.link.both(largest=None)
    await w.client.state("open", after=before)
    w.client.do("call", "after", ms=0)
    expect(await w.client.end("after"), "ok")
    await quietly(w)


async def half_open(w: World, ways: tuple[str, ...], noticed: float) -> None:
    """Nothing comes through any more, and nobody is told: both sides notice, and it comes back."""
    w.client.do("stream", "stream", n=1_000_000, ms=5)
    w.client.do("call", "once", ms=120_000, deadline=120_000)
    w.client.do("call", "again", ms=1500, idempotent=True, deadline=120_000)
    ids = ["stream", "once", "again"]
    if w.streams_in:
        w.client.do("in", "in", n=1_000_000, ms=5)
        ids.append("in")
    for id in ids:
        await w.server.begun(id)
    await w.client.item("stream", 20)
    before = len(w.client.events)
    for way in ways:
        getattr(w.link, way).blocked = True
    started = time.monotonic()
    await w.client.state("waiting", noticed, after=before)
    w.notes.append(f"the client noticed after {time.monotonic() - started:.1f} s")
    for id in ids:
        if id != "again":
            expect(await w.client.end(id, 2), "unknown")
    left = max(noticed - (time.monotonic() - started), 0.1)
    await until_dropped(w, left)
    w.notes.append(f"the server after {time.monotonic() - started:.1f} s")
    w.link.both(blocked=False)
    await w.client.state("open", 30, after=before)
    expect(await w.client.end("again", 30), "ok")
    await quietly(w)


async def until_dropped(w: World, within: float) -> None:
    """Waits until the server has dropped the calls of a peer that has vanished."""
    end = time.monotonic() + within
    while w.server.active():
        if time.monotonic() > end:
            raise CaseError(f"the server still executes {w.server.active()}")
        await asyncio.sleep(0.05)


_QUICKLY = 8.0
"""How long both sides may take if they ping after 2 s and wait for 2 s."""


@case("half open, both directions", link=True, short=True, json_rpc=True)
async def half_open_both(w: World) -> None:
    await w.both_ends(QUICK_SERVER, connect_timeout=2000, **QUICK)
    await half_open(w, ("to_server", "to_client"), _QUICKLY)


@case("half open, nothing reaches the server", link=True, short=True)
async def half_open_server(w: World) -> None:
    await w.both_ends(QUICK_SERVER, connect_timeout=2000, **QUICK)
    await half_open(w, ("to_server",), _QUICKLY)


@case("half open, nothing reaches the client", link=True)
async def half_open_client(w: World) -> None:
    await w.both_ends(QUICK_SERVER, connect_timeout=2000, **QUICK)
    await half_open(w, ("to_client",), _QUICKLY)


@case("half open with the keepalive as it is by default", link=True)
async def half_open_default(w: World) -> None:
    await w.both_ends()
    await half_open(w, ("to_server", "to_client"), 42)


@case("half open while nothing happens", link=True)
async def half_open_idle(w: World) -> None:
    await w.both_ends()
    before = len(w.client.events)
    w.link.both(blocked=True)
    started = time.monotonic()
    await w.client.state("waiting", 42, after=before)
    while w.server.connections() > 0:
        if time.monotonic() - started > 42:
            raise CaseError("the server has not noticed within 42 s")
        await asyncio.sleep(0.05)
    w.link.both(blocked=False)
    await w.client.state("open", 30, after=before)
    await quietly(w)


@case("half open while the client sends as fast as it can", link=True)
async def half_open_flood(w: World) -> None:
    await w.both_ends(QUICK_SERVER, write_stall=4000, connect_timeout=2000, **QUICK)
    before = len(w.client.events)
    w.client.do("in", "flood", n=100_000_000)
    w.client.do("stream", "unread", n=100_000_000, size=1000)
    await w.server.begun("flood")
    await w.client.item("unread", 100)
    w.link.both(blocked=True)
    await w.client.state("waiting", _QUICKLY, after=before)
    for id in ("flood", "unread"):
        expect(await w.client.end(id, 5), "unknown")
    await until_dropped(w, 15)
    w.link.both(blocked=False)
    await w.client.state("open", after=before)
    await quietly(w)


@case("the link is down for 5 s", link=True, short=True)
async def short_outage(w: World) -> None:
    await w.both_ends()
    await outage(w, 5)


@case("the link is down for 15 s", link=True)
async def outage_15(w: World) -> None:
    await w.both_ends()
    await outage(w, 15)


async def outage(w: World, seconds: float) -> None:
    """The link is down for less time than the keepalive takes: nobody notices but a pause."""
    w.client.do("stream", "stream", n=500, ms=5)
    w.client.do("in", "in", n=500, ms=5)
    await w.client.item("stream", 20)
    w.link.both(blocked=True)
    for n in range(20):
        w.client.do("call", f"call {n}", ms=0, deadline=60_000)
    w.client.do("call", "late", ms=0, deadline=2000)
    expect(await w.client.end("late", 4), "late")
    await asyncio.sleep(seconds - 2)
    w.link.both(blocked=False)
    for id in ("stream", "in", *(f"call {n}" for n in range(20))):
        expect(await w.client.end(id, 45), "ok")
    steady(w)
    await quietly(w)


@case("the link is down for longer than the keepalive, and comes back", link=True)
async def long_outage(w: World) -> None:
    await w.both_ends(cap=2000)
    before = len(w.client.events)
    w.client.do("stream", "stream", n=1_000_000, ms=5)
    w.client.do("call", "again", ms=1500, idempotent=True, deadline=200_000)
    await w.server.begun("again")
    w.link.both(blocked=True)
    await w.client.state("waiting", 42, after=before)
    expect(await w.client.end("stream", 2), "unknown")
    await asyncio.sleep(15)
    w.link.both(blocked=False)
    await w.client.state("open", 20, after=before)
    expect(await w.client.end("again", 20), "ok")
    await quietly(w)


async def broke(broken: asyncio.Future[None], within: float) -> None:
    """Waits until connections have been broken."""
    try:
        await asyncio.wait_for(broken, within)
    except TimeoutError:
        raise CaseError(f"there was nothing to be broken within {within} s") from None


def has(first: int) -> Callable[[Segment, bool], bool]:
    """Whether a segment begins with a frame whose first byte is this one."""
    return lambda segment, _: segment.payload[:1] == bytes([first])


@case("reset in mid-call", link=True, short=True, json_rpc=True)
async def reset_mid_call(w: World) -> None:
    await w.both_ends()
    for to_server in (True, False):
        before = len(w.client.events)
        w.client.do("call", f"once {to_server}", ms=400 if not to_server else 60_000)
        w.client.do("call", f"again {to_server}", ms=400, idempotent=True)
        await w.server.begun(f"once {to_server}")
        await w.server.begun(f"again {to_server}")

        def cuts(segment: Segment, goes: bool, wanted: bool = to_server) -> bool:
            return len(segment.payload) > 0 and goes == wanted

        broken = w.link.cut(cuts)
        if to_server:
            w.client.do("call", "trigger", ms=0, idempotent=True)
        await broke(broken, 10)
        expect(await w.client.end(f"once {to_server}", 3), "unknown")
        await w.client.state("open", after=before)
        expect(await w.client.end(f"again {to_server}"), "ok")
    expect(await w.client.end("trigger"), "ok")
    await quietly(w)


@case("reset in mid-stream", link=True, short=True, json_rpc=True)
async def reset_mid_stream(w: World) -> None:
    await w.both_ends()
    ids = ["stream", *(("in", "both") if w.streams_in else ())]
    for what in ids:
        w.client.do(what, what, n=1_000_000, ms=2)
        await w.server.begun(what)
    await w.client.item("stream", 50)
    before = len(w.client.events)
    await broke(w.link.cut(lambda segment, _: len(segment.payload) > 0), 10)
    for id in ids:
        expect(await w.client.end(id, 3), "unknown")
    await w.client.state("open", after=before)
    await quietly(w)


@case("resets during the handshake", link=True, short=True)
async def reset_handshake(w: World) -> None:
    await w.serve()
    # The SYN, the answer to it, the request, and the answer to that.
    moments: list[Callable[[Segment, bool], bool]] = [
        lambda segment, to_server: to_server and bool(segment.flags & SYN),
        lambda segment, to_server: not to_server and bool(segment.flags & SYN),
        lambda segment, _: segment.payload.startswith(b"GET "),
        lambda segment, _: segment.payload.startswith(b"HTTP/1.1 101"),
    ]
    broken = w.link.cut(*moments)
    await w.connect(base=50, cap=200)
    w.client.do("call", "once", ms=0)
    await broke(broken, 20)
    expect(await w.client.end("once"), "ok")
    if w.client.states().count("open") != 1:
        raise CaseError("the client took a broken handshake for a connection")
    await quietly(w)


@case("resets during the close", link=True, short=True)
async def reset_close(w: World) -> None:
    await w.serve()
    moments: list[Callable[[Segment, bool], bool]] = [
        has(CLOSE),
        lambda segment, to_server: not to_server and segment.payload[:1] == bytes([CLOSE]),
        lambda segment, _: bool(segment.flags & FIN),
    ]
    for n, moment in enumerate(moments):
        client = await w.connect()
        await client.state("open")
        client.do("call", f"call {n}", ms=0)
        expect(await client.end(f"call {n}"), "ok")
        broken = w.link.cut(moment)
        await client.leave(3)
        await broke(broken, 5)
    await w.quiet()
