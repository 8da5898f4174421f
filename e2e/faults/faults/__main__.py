"""Runs the fault tests, and prints what held. See the README."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from . import killing, link, network  # noqa: F401 (they fill the list)
from .processes import CaseError, Programs
from .world import CASES, Case, World

HERE = Path(__file__).resolve().parent.parent

# No case takes longer than that, whatever happens in it.
_LONGEST = 240.0


@dataclass
class Result:
    """What became of a case."""

    case: str
    client: str
    protocol: str
    wrong: list[str]
    notes: list[str]
    seconds: float
    skipped: str | None = None

    @property
    def word(self) -> str:
        return "skipped" if self.skipped else "FAILED" if self.wrong else "held"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--programs", help="the folder with faults-server and faults-client")
    parser.add_argument("--typescript", help="the built TypeScript client: its index.js")
    parser.add_argument("--python", help="the interpreter that has what the Python client needs")
    parser.add_argument(
        "--chromium", help="the browser that the TypeScript client is tried in, too"
    )
    parser.add_argument("--short", action="store_true", help="only what is marked as short")
    parser.add_argument("--only", action="append", default=[], help="cases with this in their name")
    parser.add_argument("--client", action="append", default=[], help="only this client")
    parser.add_argument("--jobs", type=int, default=6, help="how many run at the same time")
    parser.add_argument("--json", help="a file for the results")
    parser.add_argument("--list", action="store_true", help="print the cases and end")
    return parser.parse_args()


def programs(told: argparse.Namespace) -> tuple[Programs, dict[str, str]]:
    """What there is to be tested, and why the rest is left out."""
    clients: dict[str, list[str]] = {"rust": [f"{told.programs}/faults-client"]}
    environment: dict[str, str] = {}
    missing: dict[str, str] = {}
    if told.typescript and shutil.which("node"):
        clients["node"] = ["node", str(HERE / "clients/node.mjs")]
        environment["SWILL_TYPESCRIPT"] = str(Path(told.typescript).resolve())
        if told.chromium:
            clients["chromium"] = ["node", str(HERE / "clients/chromium.mjs")]
            environment["SWILL_CHROMIUM"] = told.chromium
        else:
            missing["chromium"] = "no Chromium (--chromium)"
    else:
        missing |= dict.fromkeys(("node", "chromium"), "no Node, or no built client (--typescript)")
    if told.python:
        clients["python"] = [told.python, str(HERE / "clients/python.py")]
        environment["PYTHONPATH"] = str(HERE.parent.parent / "clients/python/src")
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
    else:
        missing["python"] = "no interpreter with what the client needs (--python)"
    return Programs(f"{told.programs}/faults-server", clients, environment), missing


async def run(case: Case, kind: str, protocol: str, tested: Programs) -> Result:
    """Runs one case with one client."""
    started = time.monotonic()
    world = World(tested, kind, protocol, case.over_link)
    wrong: list[str] = []
    try:
        async with world:
            if case.over_link:
                world.link.open()
            try:
                async with asyncio.timeout(_LONGEST):
                    await case.run(world)
            except CaseError as error:
                wrong.append(str(error))
            except TimeoutError:
                wrong.append(f"it was not done after {_LONGEST:.0f} s")
            wrong += await world.finish()
    except Exception as error:
        wrong.append(repr(error))
    took = time.monotonic() - started
    # One mistake shows in many calls.
    wrong = [*wrong[:5], f"and {len(wrong) - 5} more"] if len(wrong) > 5 else wrong
    return Result(case.name, kind, protocol, wrong, world.notes, took)


async def run_all(told: argparse.Namespace) -> list[Result]:
    tested, missing = programs(told)
    no_links = link.missing()
    if no_links is None:
        link.sweep()
    jobs = asyncio.Semaphore(told.jobs)
    results: list[Result] = []

    async def one(case: Case, kind: str, protocol: str) -> None:
        why = missing.get(kind) or (no_links if case.over_link else None)
        if why is not None:
            result = Result(case.name, kind, protocol, [], [], 0.0, why)
        else:
            async with jobs:
                result = await run(case, kind, protocol, tested)
        results.append(result)
        show(result)

    wanted = [
        (case, kind, protocol)
        for case in CASES
        if (case.short or not told.short)
        and (not told.only or any(part in case.name for part in told.only))
        for kind in ("rust", "node", "python", "chromium")
        if not told.client or kind in told.client
        for protocol in case.protocols
        if kind != "chromium" or (case.pages and (told.chromium or not told.short))
    ]
    await asyncio.gather(*(one(*each) for each in wanted))
    return results


def show(result: Result) -> None:
    said = result.skipped or "; ".join([*result.wrong, *result.notes])
    where = f"{result.client}, {result.protocol}"
    line = f"{result.word:7} {result.case} ({where}, {result.seconds:.1f} s)"
    print(f"{line}: {said}" if said else line, flush=True)


def main() -> int:
    told = arguments()
    if told.list:
        for case in CASES:
            print(case.name)
        return 0
    results = asyncio.run(run_all(told))
    counts = {word: sum(r.word == word for r in results) for word in ("held", "FAILED", "skipped")}
    for why in sorted({result.skipped for result in results if result.skipped}):
        left_out = [result for result in results if result.skipped == why]
        print(f"{len(left_out)} skipped: {why}")
    print(f"{counts['held']} held, {counts['FAILED']} failed, {counts['skipped']} skipped")
    if told.json:
        table = [{**vars(result), "result": result.word} for result in results]
        Path(told.json).write_text(json.dumps(table, indent=2) + "\n")
    return 1 if counts["FAILED"] or not counts["held"] else 0


if __name__ == "__main__":
    sys.exit(main())
