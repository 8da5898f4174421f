"""The scenarios that all clients play (conformance/scenarios)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import ROOT
from scenario import Player

LIST = ROOT / "conformance" / "scenarios" / "scenarios.json"
MEMBERS = {"name", "why", "protocols", "not_in", "limit_ms", "steps"}
RUNNERS = {"rust", "node", "browser", "python"}


def rounds() -> list[Any]:
    """Each scenario with each of its protocols."""
    told = json.loads(LIST.read_text())
    assert told["version"] == 1
    return [
        pytest.param(scenario, protocol, id=f"{scenario['name']}/{protocol}")
        for scenario in told["scenarios"]
        for protocol in scenario.get("protocols", ["swill"])
    ]


@pytest.mark.parametrize(("scenario", "protocol"), rounds())
async def test_scenario(scenario: dict[str, Any], protocol: str, scenarios: str) -> None:
    assert set(scenario) <= MEMBERS
    excused = scenario.get("not_in", {})
    assert set(excused) <= RUNNERS
    if "python" in excused:
        pytest.skip(excused["python"])
    await Player(scenarios, protocol).play(scenario)


def test_there_are_scenarios() -> None:
    assert len(rounds()) > 100
