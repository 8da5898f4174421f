"""Counts the instructions that a call costs the server, with valgrind's callgrind.

    cargo xtask bench --instructions [--against BINARY] [--rounds N] [--path PATH --protocol PROTOCOL]

The workload is W2: 8 connections with 64 calls of `add` in flight on each. Instructions are what a program asks the
processor for; unlike times they hardly depend on what else the machine does. They are counted for the server as it is,
and with `--metrics`; and, if asked for, for another build of it. What starting and stopping costs is subtracted.

The exit code is 1 if metrics cost more than 5 % of a call.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile

BENCH = pathlib.Path(__file__).resolve().parent
# What metrics may add to a call.
ALLOWED = 0.05


@contextlib.contextmanager
def counted(binary: str, arguments: list[str], counts: pathlib.Path):
    """A server under callgrind, for as long as the block runs. Its counts are complete afterwards."""
    command = ['valgrind', '--tool=callgrind', f'--callgrind-out-file={counts}', binary]
    server = subprocess.Popen(
        ['taskset', '-c', '0', *command, '--addr', '127.0.0.1:0', '--threads', '1', *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        line = server.stdout.readline()
        if not line.startswith('listening on '):
            sys.exit(f'{binary} does not listen')
        yield server.pid, line.removeprefix('listening on ').strip()
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=120)
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()


def total(counts: pathlib.Path) -> int:
    """All instructions of a run."""
    found = re.search(r'^(?:totals|summary): (\d+)', counts.read_text(), re.MULTILINE)
    if not found:
        sys.exit(f'{counts} has no total')
    return int(found[1])


def per_call(binary: str, arguments: list[str], options: argparse.Namespace) -> float:
    """Instructions of one call."""
    with tempfile.TemporaryDirectory() as folder:
        idle, busy = pathlib.Path(folder, 'idle'), pathlib.Path(folder, 'busy')
        with counted(binary, arguments, idle):
            pass
        with counted(binary, arguments, busy) as (pid, address):
            load = [
                'taskset', '-c', '1', options.loadgen,
                '--label', 'instructions', '--url', f'ws://{address}{options.path}',
                '--protocol', options.protocol, '--server-pid', str(pid), '--connections', '8',
                '--pipeline', '64', '--duration', str(options.duration), '--warmup', '0',
            ]  # fmt: skip
            report = json.loads(subprocess.run(load, check=True, capture_output=True, text=True).stdout)
        return (total(busy) - total(idle)) / report['calls']


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--server', default=os.environ.get('SWILL'), help='the example `conformance`, in release mode')
    parser.add_argument('--against', help='another build of it, to compare with')
    parser.add_argument('--path', default='/load')
    parser.add_argument('--protocol', default='swill1', help='as `loadgen --help` has it')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--duration', type=float, default=3, help='seconds of load in each round')
    parser.add_argument('--loadgen', default=str(BENCH / 'target/release/loadgen'))
    options = parser.parse_args()
    if not options.server:
        parser.error('say where the server is: --server, or the variable SWILL')
    variants = {'off': (options.server, []), 'on': (options.server, ['--metrics'])}
    if options.against:
        variants['against'] = (options.against, [])
    figures: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(options.rounds):
        for name, (binary, arguments) in variants.items():
            figures[name].append(per_call(binary, arguments, options))
    medians = {name: statistics.median(values) for name, values in figures.items()}
    print('| | instructions per call: median (all rounds) | more than off |\n|---|---:|---:|')
    for name, median in medians.items():
        more = f'{(median / medians["off"] - 1) * 100:+.1f} %' if name != 'off' else ''
        print(f'| {name} | {median:,.0f} ({min(figures[name]):,.0f} to {max(figures[name]):,.0f}) | {more} |')
    return int(medians['on'] > medians['off'] * (1 + ALLOWED))


if __name__ == '__main__':
    sys.exit(main())
