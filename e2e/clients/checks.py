"""Shared by the drivers in Python: arguments, and one line per check."""
import argparse
import asyncio
import sys

_failures = 0


def arguments(description):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    return parser.parse_args()


async def check(name, function, want):
    """Run function() -> awaitable and compare its result with want."""
    global _failures
    try:
        got = await asyncio.wait_for(function(), 5)
    except asyncio.TimeoutError:
        got = "nothing within 5 s"
    except Exception as e:
        got = e
    good = got == want and type(got) is type(want)
    _failures += not good
    print("%s %s%s" % ("ok  " if good else "FAIL", name, "" if good else ": %r instead of %r" % (got, want)), flush=True)


def done():
    print("%d failed" % _failures, flush=True)
    sys.exit(1 if _failures else 0)
