#!/usr/bin/env python3
"""Measures what a call costs a client: Swill's own in TypeScript and Python beside those of others.

    measure.py [--rounds 5] [--only NAME,...] [--in-flight 1,64] [--calls 20000] [--cpus together]
               [--out results.jsonl]
    measure.py --table --out results.jsonl

Each round runs all clients one after the other, so that what else the machine does hits all of them alike. Every
measurement is a process of its own against a server that is freshly started, and appends one JSON line to the output.
At the end come the medians and the ratios. See README.md.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
CONFORMANCE = Path(os.environ.get("SWILL", TARGET / "release/examples/conformance"))

# name: (program, server, path of the URL)
CLIENTS = {
    "swill-typescript": ("swill.mjs", "swill", "/load"),
    "rpc-websockets": ("rpc_websockets.mjs", "swill", "/load-jsonrpc"),
    "socket.io": ("socket_io.mjs", "socket.io", "/"),
    "swill-python": ("swill_client.py", "swill", "/load"),
    "wsjsonrpc": ("wsjsonrpc_client.py", "swill", "/load-jsonrpc"),
}

# (ours, the other, the goal: at most so much of the other's CPU time per call)
GOALS = [
    ("swill-typescript", "rpc-websockets", 2 / 3),
    ("swill-typescript", "socket.io", 2 / 3),
    ("swill-python", "wsjsonrpc", 1 / 3),
]

REQUIREMENTS = {"swill_client.py": "swill", "wsjsonrpc_client.py": "wsjsonrpc"}


def environment(name: str) -> Path:
    """The interpreter of a virtual environment with what a program needs."""
    folder = TARGET / f"bench-python-{name}"
    python, stamp = folder / "bin/python", folder / "installed.txt"
    requirements = HERE / f"requirements-{name}.txt"
    wanted = requirements.read_text()
    if not python.exists() or not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "--requirement", requirements], check=True)
        stamp.write_text(wanted)
    return python


def missing(name: str) -> str | None:
    """Why a client cannot be measured here, if so."""
    program, server, _ = CLIENTS[name]
    if not (HERE / program).exists():
        return f"there is no {program}"
    if program.endswith(".mjs"):
        if shutil.which("node") is None:
            return "node is not installed"
        if not (HERE / "node_modules").exists():
            return "its packages are not installed (npm ci)"
    if server == "socket.io" and not (HERE.parent / "servers/node/node_modules").exists():
        return "the packages of its server are not installed (npm install in bench/servers/node)"
    if server == "swill" and not CONFORMANCE.exists():
        return f"there is no server {CONFORMANCE} (cargo build --release -p swill-examples --example conformance)"
    return None


def on_cpu(who: str, cpus: str) -> list[str]:
    """What a command begins with to run where `--cpus` says, if this machine can say that."""
    last = (os.cpu_count() or 1) - 1
    if cpus == "any" or shutil.which("taskset") is None or (cpus == "apart" and last == 0):
        return []
    return ["taskset", "-c", str(last if cpus == "together" or who == "client" else 0)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve(kind: str, cpus: str) -> Iterator[str]:
    """Runs a server, and says where it listens."""
    port = free_port()
    if kind == "swill":
        command, folder = [str(CONFORMANCE), "--addr", f"127.0.0.1:{port}", "--threads", "1"], HERE
    else:
        command, folder = ["node", "socket-io.js", "--port", str(port)], HERE.parent / "servers/node"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([*on_cpu("server", cpus), *command], cwd=folder, **quiet) as process:
        try:
            wait_until_it_listens(port, process)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


def wait_until_it_listens(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 15
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("the server does not listen")


def measure(name: str, in_flight: int, calls: int, cpus: str) -> dict[str, object]:
    """One measurement, of a process of its own."""
    program, server, path = CLIENTS[name]
    variables = dict(os.environ)
    if program.endswith(".py"):
        runs = [str(environment(REQUIREMENTS[program]))]
        variables["PYTHONPATH"] = str(ROOT / "clients/python/src")
    else:
        runs = ["node"]
    with serve(server, cpus) as address:
        command = [*on_cpu("client", cpus), *runs, str(HERE / program), "--url", f"ws://{address}{path}"]
        command += ["--in-flight", str(in_flight), "--calls", str(calls), "--warmup", str(max(calls // 10, 1000))]
        done = subprocess.run(command, cwd=HERE, env=variables, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
    measured: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    return {**measured, "client": name, "cpus": cpus}


def table(lines: list[dict[str, float]]) -> bool:
    """Prints medians and ratios. Whether all goals that could be checked are met."""
    per_call: dict[tuple[str, int], list[float]] = {}
    for line in lines:
        key = (str(line["client"]), int(line["in_flight"]))
        per_call.setdefault(key, []).append(line["cpu_seconds"] / line["calls"] * 1e6)
    widths = sorted({in_flight for _, in_flight in per_call})
    print("\nCPU time of the client per call in microseconds: median (least..most)\n")
    print(f"{'client':<20}" + "".join(f"{f'{width} in flight':>26}" for width in widths))
    for name in CLIENTS:
        cells = [per_call.get((name, width)) for width in widths]
        if any(cells):
            shown = [
                f"{statistics.median(cell):.1f} ({min(cell):.1f}..{max(cell):.1f})" if cell else "-" for cell in cells
            ]
            print(f"{name:<20}" + "".join(f"{text:>26}" for text in shown))
    print("\nratios of the medians, and the goals\n")
    met = True
    for ours, other, goal in GOALS:
        for width in widths:
            mine, theirs = per_call.get((ours, width)), per_call.get((other, width))
            if mine and theirs:
                ratio = statistics.median(mine) / statistics.median(theirs)
                met = met and ratio <= goal
                verdict = "met" if ratio <= goal else "MISSED"
                print(f"{ours} / {other}, {width} in flight: {ratio:.3f} (at most {goal:.3f}: {verdict})")
    return met


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="names of clients, separated by commas")
    parser.add_argument("--in-flight", default="1,64")
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument(
        "--cpus",
        choices=["together", "apart", "any"],
        default="together",
        help="server and client share one CPU, have one each, or run where the system puts them",
    )
    parser.add_argument("--out", type=Path, default=HERE / "results.jsonl")
    parser.add_argument("--table", action="store_true", help="measure nothing, print what the file holds")
    args = parser.parse_args()
    names = args.only.split(",") if args.only else list(CLIENTS)
    if unknown := set(names) - set(CLIENTS):
        parser.error(f"there is no client {', '.join(unknown)}: {', '.join(CLIENTS)}")
    if args.table:
        return 0 if table([json.loads(line) for line in args.out.read_text().splitlines()]) else 1
    for name in list(names):
        if why := missing(name):
            print(f"{name} is left out: {why}", file=sys.stderr)
            names.remove(name)
    lines: list[dict[str, float]] = []
    with args.out.open("a") as out:
        for number in range(args.rounds):
            for in_flight in map(int, args.in_flight.split(",")):
                for name in names:
                    line = {**measure(name, in_flight, args.calls, args.cpus), "round": number}
                    out.write(json.dumps(line) + "\n")
                    out.flush()
                    print(json.dumps(line), flush=True)
                    lines.append(line)
    return 0 if table(lines) else 1


if __name__ == "__main__":
    sys.exit(main())
