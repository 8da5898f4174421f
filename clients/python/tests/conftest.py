"""The servers that the tests talk to: examples of the repository, built before."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from peer import serving
from support import Pair
from support_jsonrpc import Peers, served

import swill

ROOT = Path(__file__).parents[3]
"""The repository."""


def program(name: str) -> Path:
    """An example of the repository. `SWILL_EXAMPLES` names the folder with the built ones."""
    told = os.environ.get("SWILL_EXAMPLES")
    folders = (
        [Path(told)]
        if told
        else [ROOT / "target" / kind / "examples" for kind in ("release", "debug")]
    )
    found = [folder / name for folder in folders if (folder / name).exists()]
    if not found:
        where = " or ".join(map(str, folders))
        pytest.fail(
            f"no example `{name}` in {where}: cargo build -p swill-examples --example {name}"
        )
    return max(found, key=lambda path: path.stat().st_mtime)


def serve(name: str, *arguments: str) -> Iterator[str]:
    """Runs an example, and says where it listens."""
    with subprocess.Popen(
        [program(name), *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on "), line
        yield line.removeprefix("listening on ").strip()
        process.terminate()


@pytest.fixture(scope="session")
def scenarios() -> Iterator[str]:
    """Where the server of the scenarios listens."""
    yield from serve("scenarios", "--address", "127.0.0.1:0")


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    """A client that speaks `swill/1`, and its server."""
    async with serving() as server, swill.connect(server.address) as client:
        yield Pair(client, await server.client())


@pytest.fixture
async def peers() -> AsyncIterator[Peers]:
    """A client that speaks JSON-RPC and serves its server, and that server."""
    async with served() as peers:
        yield peers
