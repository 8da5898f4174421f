"""The programs under test: started, spoken to, and ended whatever happens."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Event = dict[str, Any]


class CaseError(Exception):
    """What a case has found wrong, or could not wait for any longer."""


@dataclass(frozen=True)
class Programs:
    """What is to be tested."""

    server: str
    clients: dict[str, list[str]]
    environment: dict[str, str]


# A program ends with this one, also if this one is killed.
_LEASH = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []


def _inside(space: str | None, command: list[str]) -> list[str]:
    return [*_LEASH, *(["ip", "netns", "exec", space] if space else []), *command]


class Server:
    """A server with its journal, which outlives it: another one may be started in its place."""

    def __init__(self, programs: Programs, journal: Path, space: str | None, host: str) -> None:
        self._programs = programs
        self._space = space
        self.journal = journal
        self.address = f"{host}:0"
        self.options: list[str] = []
        self.process: asyncio.subprocess.Process | None = None
        self._begins_at = 0
        self.files = 0
        self.memory = 0

    async def start(self) -> None:
        """Starts it, at the same address as before if there was one."""
        self._begins_at = len(self.events())
        command = [self._programs.server, "--address", self.address, "--journal", str(self.journal)]
        self.process = await asyncio.create_subprocess_exec(
            *_inside(self._space, [*command, *self.options]),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), 30)
        said = line.decode().strip()
        if not said.startswith("listening on "):
            raise CaseError(f"the server says {said!r} instead of `listening on ADDRESS`")
        self.address = said.removeprefix("listening on ")
        # It listens to signals only now, for which it needs descriptors, too.
        await until(self._hears_signals, 10, "the server hears no SIGTERM")
        self.files, self.memory = self.open_files(), self.resident()

    def _hears_signals(self) -> bool:
        """Whether it would notice a SIGTERM."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        caught = int(status.split("SigCgt:")[1].split()[0], 16)
        return bool(caught & 1 << (signal.SIGTERM - 1))

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal."""
        os.kill(self.pid, number)

    async def kill(self) -> None:
        """Kills it, and waits until it is gone."""
        if self.process is None or self.process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            self.signal(signal.SIGKILL)
        await self.process.wait()

    async def ended(self, within: float) -> int:
        """Waits until it has ended by itself, and returns its status."""
        assert self.process is not None
        try:
            return await asyncio.wait_for(self.process.wait(), within)
        except TimeoutError:
            raise CaseError(f"the server has not ended within {within} s") from None

    def events(self) -> list[Event]:
        """Everything that servers at this address have written down."""
        if not self.journal.exists():
            return []
        lines = self.journal.read_text().split("\n")
        return [json.loads(line) for line in lines[:-1]]

    def count(self, event: str, id: str | None = None) -> int:
        """How often something was written down."""
        return sum(
            1 for one in self.events() if one["event"] == event and (id is None or one["id"] == id)
        )

    async def begun(self, id: str, within: float = 10.0, times: int = 1) -> None:
        """Waits until a call is being executed."""
        await until(lambda: self.count("begun", id) >= times, within, f"`{id}` has not begun")

    def active(self) -> list[str]:
        """The calls that the present server is executing."""
        running: list[str] = []
        for event in self.events()[self._begins_at :]:
            if event["event"] == "begun":
                running.append(event["id"])
            elif event["event"] in ("ended", "dropped"):
                running.remove(event["id"])
        return running

    def connections(self) -> int:
        """How many connections the present server has."""
        events = self.events()[self._begins_at :]
        opened = sum(1 for event in events if event["event"] == "connected")
        return opened - sum(1 for event in events if event["event"].startswith("disconnected"))

    def open_files(self) -> int:
        """How many descriptors it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident(self) -> int:
        """How many bytes of memory it has."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


class Client:
    """A driver: it is sent commands, and its events are kept with the time of their arrival."""

    def __init__(self, kind: str, protocol: str) -> None:
        self.kind = kind
        self.protocol = protocol
        self.commands: dict[str, Event] = {}
        self.events: list[Event] = []
        self.process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    async def start(
        self, programs: Programs, space: str | None, url: str, options: dict[str, Any]
    ) -> None:
        """Starts it. It begins to connect at once."""
        command = [*programs.clients[self.kind], url, self.protocol, json.dumps(options)]
        self.options = options
        self.process = await asyncio.create_subprocess_exec(
            *_inside(space, command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **programs.environment},
            limit=1 << 20,
        )
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process is not None and self.process.stdout is not None
        while line := await self.process.stdout.readline():
            try:
                event = json.loads(line)
            except ValueError:
                # It was killed while it wrote.
                break
            event["at"] = time.time()
            self.events.append(event)
            self._news.set()
        self._news.set()

    def do(self, what: str, id: str, **more: Any) -> None:
        """Has something done. Items of a stream are told one by one, and then how it ended."""
        assert self.process is not None and self.process.stdin is not None
        command = {"do": what, "id": id, **more}
        self.commands[id] = {**command, "at": time.time()}
        self.process.stdin.write(json.dumps(command).encode() + b"\n")

    async def see(self, wanted: Callable[[Event], bool], within: float, what: str) -> Event:
        """Waits for an event, which may have been there before."""
        end = asyncio.get_running_loop().time() + within
        looked = 0
        while True:
            for event in self.events[looked:]:
                if wanted(event):
                    return event
            looked = len(self.events)
            self._news.clear()
            left = end - asyncio.get_running_loop().time()
            try:
                await asyncio.wait_for(self._news.wait(), max(left, 0.001))
            except TimeoutError:
                raise CaseError(f"{what} within {within} s") from None

    async def end(self, id: str, within: float = 15.0) -> Event:
        """Waits until a call has ended."""
        return await self.see(
            lambda event: event["event"] == "end" and event["id"] == id,
            within,
            f"`{id}` has not ended",
        )

    async def item(self, id: str, n: int, within: float = 15.0) -> Event:
        """Waits for an item."""
        return await self.see(
            lambda event: event["event"] == "item" and event["id"] == id and event["n"] == n,
            within,
            f"item {n} of `{id}` has not come",
        )

    def states(self) -> list[str]:
        """The states so far."""
        return [event["kind"] for event in self.events if event["event"] == "state"]

    async def state(self, kind: str, within: float = 15.0, after: int = 0) -> Event:
        """Waits until it is in a state, not counting the first so many events."""
        seen = self.events[:after]
        return await self.see(
            lambda event: (
                event["event"] == "state"
                and event["kind"] == kind
                and not any(event is old for old in seen)
            ),
            within,
            f"the client is not {kind}",
        )

    async def leave(self, within: float = 15.0) -> None:
        """Has it closed, and waits until the program has ended in peace."""
        assert self.process is not None and self.process.stdin is not None
        if self.process.returncode is None:
            self.process.stdin.close()
            try:
                await asyncio.wait_for(self.process.wait(), within)
            except TimeoutError:
                raise CaseError(f"the client has not closed within {within} s") from None
        if self._reading is not None:
            await self._reading
        if self.process.returncode != 0:
            raise CaseError(f"the client ended with status {self.process.returncode}")

    async def kill(self) -> None:
        """Kills it, and waits until it is gone."""
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()
        if self._reading is not None:
            await self._reading


async def until(fulfilled: Callable[[], bool], within: float, otherwise: str) -> None:
    """Waits for something that nobody tells of."""
    end = asyncio.get_running_loop().time() + within
    while not fulfilled():
        if asyncio.get_running_loop().time() > end:
            raise CaseError(f"{otherwise} within {within} s")
        await asyncio.sleep(0.02)
