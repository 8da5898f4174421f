"""What has to hold after every case: what clients were told, against what servers have done."""

from __future__ import annotations

from collections import Counter

from .processes import Client, Event, Server

# How much later than its deadline a call may be told to have failed: machines do other things, too.
_LATE = 1.5

_FOLLOWS = {
    "": {"connecting"},
    "connecting": {"connecting", "open", "waiting", "closed"},
    "open": {"waiting", "closed"},
    "waiting": {"connecting", "closed"},
    "closed": set[str](),
}


def judge(client: Client, server: Server) -> list[str]:
    """Everything that is wrong."""
    counts = Counter((event["event"], event["id"]) for event in server.events())
    wrong = [f"the items of `{id}` came in disorder" for (what, id) in counts if what == "disorder"]
    ends: dict[str, list[Event]] = {}
    items: dict[str, list[int]] = {}
    for event in client.events:
        if event["event"] == "end":
            ends.setdefault(event["id"], []).append(event)
        elif event["event"] == "item":
            items.setdefault(event["id"], []).append(event["n"])
    for command in client.commands.values():
        for id in _ids(command):
            told = ends.get(id, [])
            begun, ended = counts["begun", id], counts["ended", id]
            wrong += [f"`{id}` {what}" for what in _call(client, command, told, begun, ended)]
            delivered = items.get(id, [])
            wrong += [f"`{id}` {what}" for what in _stream(command, told, delivered)]
    return wrong + _states(client)


def _ids(command: Event) -> list[str]:
    if command["do"] == "close":
        return []
    if command["do"] == "batch":
        return [f"{command['id']}.{n}" for n in range(command["n"])]
    return [command["id"]]


def _call(client: Client, command: Event, told: list[Event], begun: int, ended: int) -> list[str]:
    """One call: it has ended once, in time, and what was told of it is the truth."""
    if len(told) != 1:
        return [f"was told to have ended {len(told)} times"]
    end = told[0]
    wrong = []
    if not command.get("idempotent") and begun > 1:
        wrong.append(f"was executed {begun} times")
    if end["ok"]:
        if ended == 0:
            wrong.append("was told to have ended well, and has not on the server")
        if (expected := _value(command)) is not None and end["value"] != (expected or end["id"]):
            wrong.append(f"was answered with {end['value']!r}")
    elif end["unknown"]:
        if end["code"] != 503:
            wrong.append(f"has an unknown outcome with code {end['code']}")
    elif begun > 0 and not _was_stopped(end):
        why = f"{end['code']} {end['message']}"
        wrong.append(f"failed as if it had not been executed ({why}), and it was, {begun} times")
    if command["do"] in ("call", "large", "batch"):
        deadline = command.get("deadline", client.options.get("deadline", 30_000)) / 1000
        took = end["took"] / 1000
        if took > deadline + _LATE:
            wrong.append(f"took {took:.1f} s, and its deadline was {deadline:.1f} s")
    return wrong


def _was_stopped(end: Event) -> bool:
    """Whether the call may have begun, by what was told: it was too late, or stopped by a server
    that is shutting down."""
    data = end.get("data") or {}
    by_server = end["message"] == "the server is shutting down" and data.get("begun") is not False
    return end["code"] == 504 or (end["code"] == 503 and by_server)


def _value(command: Event) -> int | str | None:
    """What a call is answered with: an empty text stands for its id, ``None`` for anything."""
    match command["do"]:
        case "call" | "batch":
            return ""
        case "large":
            return int(command["size"])
        case "in":
            return int(command["n"] * (command["n"] - 1) // 2)
    return None


def _stream(command: Event, told: list[Event], delivered: list[int]) -> list[str]:
    """What came of a stream: in order, without a gap, nothing twice; all of it if it has ended
    well."""
    if command["do"] not in ("stream", "both"):
        return []
    wrong = []
    for place, n in enumerate(delivered):
        if n != place:
            wrong.append(f"brought item {n} where {place} was due")
            break
    whole = len(told) == 1 and told[0]["ok"]
    if whole and len(delivered) != command["n"]:
        wrong.append(f"ended well after {len(delivered)} of {command['n']} items")
    return wrong


def _states(client: Client) -> list[str]:
    """The states of the client: one follows from the other."""
    last = ""
    for state in client.states():
        # A watch of the Rust client shows the newest state, and may pass over others.
        if last == "closed" or (client.kind != "rust" and state not in _FOLLOWS[last]):
            return [f"the client was {state} after it was {last or 'made'}"]
        last = state
    return []
