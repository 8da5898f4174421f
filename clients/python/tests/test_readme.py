"""The examples of README.md, run against a server."""

from __future__ import annotations

import ast
import asyncio
import dataclasses
import inspect
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest

import swill

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)


def compiled(text: str) -> CodeType:
    """A program that may wait at its top level."""
    code: CodeType = compile(text, str(README), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return code


@pytest.mark.parametrize("block", BLOCKS[1:], ids=range(2, len(BLOCKS) + 1))
async def test_examples_run(block: str, scenarios: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = compiled(block.replace('"localhost"', f'"ws://{scenarios}/ws"'))
    async with asyncio.timeout(20), swill.connect(f"ws://{scenarios}/ws") as client:
        names: dict[str, Any] = {"swill": swill, "client": client, "asyncio": asyncio}
        running = FunctionType(code, names)()
        if inspect.isawaitable(running):
            await running
    if '"ad"' in block:
        told = re.search(r"print\(error\)  # (.*)", block)
        assert told is not None
        assert capsys.readouterr().out.strip() == told[1]


def test_the_quick_start_runs(scenarios: str) -> None:
    program = BLOCKS[0].replace('"localhost"', f'"ws://{scenarios}/ws"')
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
        env={"PYTHONPATH": str(README.parent / "src")},
    )
    assert done.stdout == "3\n"


def test_all_limits_are_told() -> None:
    section = README.read_text().split("## Limits")[1].split("\n## ")[0]
    rows = [row.split("|")[1] for row in section.splitlines() if row.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert told == {field.name for field in dataclasses.fields(swill.Limits)}


def test_everything_public_is_documented() -> None:
    for name in swill.__all__:
        thing = getattr(swill, name)
        if name in ("Metadata", "Description"):
            continue
        assert inspect.getdoc(thing), name
        if inspect.isclass(thing):
            for member, function in vars(thing).items():
                if inspect.isfunction(function) and not member.startswith("_"):
                    assert textwrap.dedent(function.__doc__ or ""), f"{name}.{member}"
