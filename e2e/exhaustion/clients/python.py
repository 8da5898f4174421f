"""Calls `add` ten times a second with the Python client, and says how each call ended: `ok`, or `error` and why."""

from __future__ import annotations

import asyncio
import sys

import swill


async def main(url: str) -> None:
    """Calls for ever."""
    client = await swill.connect(url, lazy=True)
    while True:
        try:
            total = await client.call("add", [2, 3], deadline=2)
            print("ok" if total == 5 else f"error 2 + 3 is {total}", flush=True)
        except swill.Error as error:
            print(f"error {error.code}: {error}", flush=True)
        await asyncio.sleep(0.1)


asyncio.run(main(sys.argv[1]))
