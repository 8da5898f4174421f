"""A link between two network namespaces, of which everything can be asked that networks do.

Each namespace has a TUN device, and this process sits at the other end of both: it reads IP packets
from one and writes them to the other, late, twice, in another order, or not at all. What is at the
ends is the kernel's own TCP.
"""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import os
import random
import shutil
import struct
import subprocess
from collections.abc import Callable
from contextlib import suppress

from .packets import Segment, parse, resets

CLIENT = "10.77.0.1"
SERVER = "10.77.0.2"

PREFIX = "swillf"

_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000

# As many packets are on their way in one direction at most: a router has no more room than that.
_QUEUE = 1000

_numbers = itertools.count()


def missing() -> str | None:
    """Why this machine can have no such links; ``None`` if it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "there is no `ip` (apt install iproute2)"
    name = f"{PREFIX}-{os.getpid()}-try"
    made = _ip("netns", "add", name, check=False)
    if made is not None:
        return f"there are no network namespaces: {made}"
    _ip("netns", "delete", name, check=False)
    try:
        os.close(_tun(f"{PREFIX}{os.getpid() % 100_000}t"))
    except OSError as error:
        return f"there are no TUN devices: {error}"
    return None


def sweep() -> None:
    """Removes namespaces of runs that were killed before they could do it themselves."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=False)
    for line in listed.stdout.splitlines():
        name = line.split()[0]
        parts = name.split("-")
        if parts[0] == PREFIX and len(parts) == 3 and not os.path.exists(f"/proc/{parts[1]}"):
            _ip("netns", "delete", name, check=False)


class Way:
    """One direction of a link."""

    def __init__(self) -> None:
        self.blocked = False
        """Nothing comes through, and nobody is told."""
        self.loss = 0.0
        """Which share of the packets is lost."""
        self.delay = 0.0
        """How many seconds a packet takes."""
        self.jitter = 0.0
        """How many seconds more it may take. Packets may overtake each other."""
        self.duplicates = 0.0
        """Which share of the packets comes twice."""
        self.largest: int | None = None
        """Packets with more bytes are lost, and nobody is told."""
        self.waiting = 0
        self.carried = 0
        self.lost = 0


class Link:
    """The link. What it does to packets can be changed at any time."""

    def __init__(self, seed: int) -> None:
        number = next(_numbers)
        self.random = random.Random(seed)
        self.client_space = f"{PREFIX}-{os.getpid()}-{number}c"
        self.server_space = f"{PREFIX}-{os.getpid()}-{number}s"
        self.to_server = Way()
        self.to_client = Way()
        self._devices = [f"{PREFIX}{os.getpid() % 100_000}.{number}{end}" for end in "cs"]
        self._files: list[int] = []
        self._breaks: list[Callable[[Segment, bool], bool]] = []
        self._broken: asyncio.Future[None] | None = None

    def open(self) -> None:
        """Makes namespaces and devices. Whatever it has made before it fails, ``close`` removes."""
        loop = asyncio.get_running_loop()
        ends = zip(
            self._devices, (self.client_space, self.server_space), (CLIENT, SERVER), strict=True
        )
        for device, space, address in ends:
            _ip("netns", "add", space)
            self._files.append(_tun(device))
            _ip("link", "set", device, "netns", space)
            _ip("-n", space, "link", "set", "lo", "up")
            _ip("-n", space, "addr", "add", f"{address}/24", "dev", device)
            _ip("-n", space, "link", "set", device, "mtu", "1500", "up")
        client, server = self._files
        loop.add_reader(client, self._read, client, server, self.to_server)
        loop.add_reader(server, self._read, server, client, self.to_client)

    def close(self) -> None:
        """Removes everything again."""
        loop = asyncio.get_running_loop()
        for file in self._files:
            loop.remove_reader(file)
            os.close(file)
        self._files = []
        for space in (self.client_space, self.server_space):
            _ip("netns", "delete", space, check=False)

    def both(self, **settings: float | bool | int | None) -> None:
        """Changes both directions: the attributes of ``Way``."""
        for way in (self.to_server, self.to_client):
            for name, value in settings.items():
                assert hasattr(way, name), name
                setattr(way, name, value)

    def shrink(self, mtu: int) -> None:
        """Gives both devices another MTU, which TCP takes note of when it connects."""
        ends = zip((self.client_space, self.server_space), self._devices, strict=True)
        for space, device in ends:
            _ip("-n", space, "link", "set", device, "mtu", str(mtu))

    def cut(self, *moments: Callable[[Segment, bool], bool]) -> asyncio.Future[None]:
        """Breaks connections by resets to both sides: the first time that a segment is such a one,
        then the first time that one is as the next function says. Ready after the last.

        The second argument of the functions is whether the segment goes to the server.
        """
        self._breaks = list(moments)
        self._broken = asyncio.get_running_loop().create_future()
        return self._broken

    def _read(self, source: int, target: int, way: Way) -> None:
        # Others have a turn after so many packets.
        for _ in range(64):
            try:
                packet = os.read(source, 65_536)
            except (BlockingIOError, OSError):
                return
            if packet[0] >> 4 == 4:
                self._carry(packet, source, target, way)

    def _carry(self, packet: bytes, source: int, target: int, way: Way) -> None:
        if self._breaks and self._cuts(packet, source, target, way):
            return
        lost = (
            way.blocked
            or (way.largest is not None and len(packet) > way.largest)
            or (way.loss > 0 and self.random.random() < way.loss)
            or way.waiting >= _QUEUE
        )
        if lost:
            way.lost += 1
            return
        way.carried += 1
        self._send(packet, target, way)
        if way.duplicates > 0 and self.random.random() < way.duplicates:
            self._send(packet, target, way)

    def _send(self, packet: bytes, target: int, way: Way) -> None:
        delay = way.delay + (self.random.random() * way.jitter if way.jitter > 0 else 0.0)
        if delay == 0.0:
            _write(target, packet)
            return
        way.waiting += 1
        asyncio.get_running_loop().call_later(delay, self._arrive, packet, target, way)

    def _arrive(self, packet: bytes, target: int, way: Way) -> None:
        way.waiting -= 1
        if target in self._files:
            _write(target, packet)

    def _cuts(self, packet: bytes, source: int, target: int, way: Way) -> bool:
        segment = parse(packet)
        if segment is None or not self._breaks[0](segment, way is self.to_server):
            return False
        self._breaks.pop(0)
        back, on = resets(segment)
        _write(source, back)
        _write(target, on)
        if not self._breaks and self._broken is not None and not self._broken.done():
            self._broken.set_result(None)
        return True


def _write(file: int, packet: bytes) -> None:
    # A device that is full loses packets, as devices do.
    with suppress(OSError):
        os.write(file, packet)


def _tun(name: str) -> int:
    file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(file, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    except OSError:
        os.close(file)
        raise
    return file


def _ip(*arguments: str, check: bool = True) -> str | None:
    """Runs ``ip``. What it complains of, if it does."""
    ran = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if ran.returncode == 0:
        return None
    if check:
        raise OSError(f"ip {' '.join(arguments)}: {ran.stderr.strip()}")
    return ran.stderr.strip() or f"status {ran.returncode}"
