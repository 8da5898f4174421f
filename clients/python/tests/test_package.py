"""The package, as it is built and as users install it: into an empty environment."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1]
QUICK_START = re.findall(
    r"^```python\n(.*?)^```", (FOLDER / "README.md").read_text(), re.DOTALL | re.MULTILINE
)[0]

CONSUMER = """
import asyncio
from dataclasses import dataclass
from typing import Any, assert_type

import swill


@dataclass
class Point:
    x: int


async def main(client: swill.Client) -> None:
    assert_type(await client.call("add", (1, 2)), Any)
    assert_type(await client.call("add", (1, 2), returns=int), int)
    assert_type(await client.call("points", returns=list[Point]), list[Point])
    assert_type(await client.call_with_metadata("add", returns=int), swill.Response[int])
    assert_type(client.stream("count", 3, returns=int), swill.Items[int])
    async for number in client.stream("count", 3, returns=int):
        assert_type(number, int)
    async with client.stream_in("total", returns=float) as numbers:
        assert_type(numbers, swill.Sender[float])
        await numbers.send(1)
        assert_type(await numbers.finish(), float)
    async with client.both("multiply", returns=int) as call:
        assert_type(await anext(call), int)
        assert_type(call.trailing, dict[str, Any] | None)
    assert_type(await client.batch().call("add", (1, 2)).send(), list[Any])
    assert_type(client.state, swill.State)
    try:
        await client.notify("log")
    except swill.Error as error:
        assert_type(error.code, int)
        assert_type(error.outcome_unknown, bool)
    async with swill.connect("localhost", token=lambda: "t", limits=swill.Limits(calls=3)) as other:
        assert_type(other, swill.Client)
    assert_type(await swill.connect("localhost", reconnect=None), swill.Client)
    await client.call("add", returns=int, deadline="soon")  # type: ignore[call-overload]
"""


def run(*command: str | Path, **options: str | Path) -> str:
    """What a command prints. It has to succeed."""
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=300, cwd=options.get("cwd")
    )
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The source distribution, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, FOLDER)
    (sdist,) = folder.glob("*.tar.gz")
    (wheel,) = folder.glob("*.whl")
    return sdist, wheel


def test_the_package_has_what_belongs_into_it(built: tuple[Path, Path]) -> None:
    sdist, wheel = built
    sources = {f"swill/{path.name}" for path in (FOLDER / "src/swill").iterdir() if path.is_file()}
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(next(name for name in names if name.endswith("METADATA"))).decode()
    assert sources == {name for name in names if name.startswith("swill/")}
    assert "swill/py.typed" in names
    assert len([name for name in names if "licenses/LICENSE-" in name]) == 2
    assert "Requires-Python: >=3.11" in metadata
    requires = sorted(re.findall(r"^Requires-Dist: (\w+)", metadata, re.MULTILINE))
    assert requires == ["msgspec", "websockets"]
    with tarfile.open(sdist) as tar:
        inside = {name.split("/", 1)[1] for name in tar.getnames() if "/" in name}
    assert {"README.md", "LICENSE-MIT", "LICENSE-APACHE", "pyproject.toml"} <= inside
    assert {f"src/{name}" for name in sources} <= inside


def test_it_installs_and_works_in_an_empty_environment(
    built: tuple[Path, Path], scenarios: str, tmp_path: Path
) -> None:
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=True)
    python = environment / "bin/python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", built[1])
    run(python, "-m", "pip", "check")
    program = tmp_path / "quick_start.py"
    program.write_text(QUICK_START.replace('"localhost"', f'"ws://{scenarios}/ws"'))
    assert run(python, program, cwd=tmp_path) == "3\n"
    consumer = tmp_path / "consumer.py"
    consumer.write_text(CONSUMER)
    checks = ("--strict", "--python-executable", python, "--cache-dir", tmp_path / "cache")
    run(sys.executable, "-m", "mypy", *checks, consumer, cwd=tmp_path)
