#!/usr/bin/env python3
"""Calls `add` with Swill's own client for Python, and says what a call cost it.

    swill_client.py --url ws://127.0.0.1:9000/load --in-flight 64 --calls 20000 --warmup 2000

One JSON line: client, in_flight, calls, cpu_seconds, seconds. The CPU time is that of this process, after the warm-up.
Install: pip install -r requirements-swill.txt
"""

import argparse
import asyncio
import json
import time
from collections.abc import Iterator

import swill


async def caller(client: swill.Client, numbers: Iterator[int]) -> None:
    """One of those that call at the same time: takes the next number until there are none."""
    for number in numbers:
        answer = await client.call("add", (number, 2), returns=int)
        if answer != number + 2:
            raise ValueError(f"{number} + 2 is not {answer}")


async def calls(client: swill.Client, in_flight: int, count: int) -> None:
    numbers = iter(range(count))
    await asyncio.gather(*[caller(client, numbers) for _ in range(in_flight)])


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--protocol", choices=["swill", "json-rpc"], default="swill")
    parser.add_argument("--in-flight", type=int, default=1)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--warmup", type=int, default=1000)
    args = parser.parse_args()
    async with swill.connect(args.url, protocol=args.protocol) as client:
        await calls(client, args.in_flight, args.warmup)
        cpu, start = time.process_time(), time.perf_counter()
        await calls(client, args.in_flight, args.calls)
        measured = {
            "client": "swill-python" if args.protocol == "swill" else "swill-python-jsonrpc",
            "in_flight": args.in_flight,
            "calls": args.calls,
            "cpu_seconds": round(time.process_time() - cpu, 6),
            "seconds": round(time.perf_counter() - start, 6),
        }
    print(json.dumps(measured), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
