#!/usr/bin/env python3
"""Calls `add` with the client of wsjsonrpc 0.1.0 (Twisted, Autobahn), and says what a call cost it.

    wsjsonrpc_client.py --url ws://127.0.0.1:9000/load-jsonrpc --in-flight 64 --calls 20000 --warmup 2000

One JSON line: client, in_flight, calls, cpu_seconds, seconds. The CPU time is that of this process, after the warm-up.
Install: pip install -r requirements-wsjsonrpc.txt
"""

import argparse
import json
import time
from urllib.parse import urlsplit

from twisted.internet import defer, task
from wsjsonrpc import factory, jsoncodec


@defer.inlineCallbacks
def caller(client, numbers):
    """One of those that call at the same time: takes the next number until there are none."""
    for number in numbers:
        answer = yield client.request("add", [number, 2])
        if answer != number + 2:
            raise ValueError(f"{number} + 2 is not {answer}")


def calls(client, in_flight, count):
    numbers = iter(range(count))
    callers = [caller(client, numbers) for _ in range(in_flight)]
    return defer.gatherResults(callers, consumeErrors=True)


@defer.inlineCallbacks
def main(_reactor):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--in-flight", type=int, default=1)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--warmup", type=int, default=1000)
    args = parser.parse_args()
    url = urlsplit(args.url)
    client = yield factory.get_client(
        protocol=url.scheme, hostname=url.hostname, port=url.port or 80, path=url.path, codec=jsoncodec
    )
    yield calls(client, args.in_flight, args.warmup)
    cpu, start = time.process_time(), time.perf_counter()
    yield calls(client, args.in_flight, args.calls)
    measured = {
        "client": "wsjsonrpc",
        "in_flight": args.in_flight,
        "calls": args.calls,
        "cpu_seconds": round(time.process_time() - cpu, 6),
        "seconds": round(time.perf_counter() - start, 6),
    }
    print(json.dumps(measured), flush=True)
    client.sendClose()


if __name__ == "__main__":
    task.react(main)
