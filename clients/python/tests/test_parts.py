"""What needs neither server nor time: delays, buckets, the outbox, limits, errors."""

from __future__ import annotations

import pytest

import swill
from swill._bucket import Bucket
from swill._outbox import NOTICE, REPLY, Bundle, Outbox
from swill._reconnect import Backoff


def test_bounds_double_up_to_the_cap() -> None:
    backoff = Backoff(swill.Reconnect())
    bounds = [round(backoff.bound(before) * 1000) for before in range(9)]
    assert bounds == [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]
    assert backoff.bound(10_000) == 10.0


def test_delays_lie_within_their_bounds_and_differ() -> None:
    seen: set[float] = set()
    for _ in range(200):
        backoff = Backoff(swill.Reconnect())
        for before in range(12):
            told = backoff.next()
            assert told is not None
            attempt, delay = told
            assert attempt == before + 1
            assert 0 <= delay <= backoff.bound(before)
            seen.add(delay)
    assert len(seen) > 1000


def test_attempts_run_out_and_start_anew() -> None:
    backoff = Backoff(swill.Reconnect(attempts=2))
    assert backoff.next() is not None
    assert backoff.next() is not None
    assert backoff.next() is None
    backoff.reset()
    told = backoff.next()
    assert told is not None
    assert told[0] == 1


@pytest.mark.parametrize(
    ("codes", "again"),
    [
        ([1001, 1005, 1006, 1009, 1011, 1012, 1013, 1014, 4008], True),
        ([1000, 1002, 1003, 1007, 1008, 1010, 1015, 3000, 3999, 4000, 4007, 4009, 4999], False),
    ],
)
def test_what_ended_a_connection_decides_about_another(codes: list[int], again: bool) -> None:
    for code in codes:
        assert swill.Reconnect().when(swill.Close(code, "")) is again, code


def test_a_burst_passes_and_then_the_rate() -> None:
    bucket = Bucket(3, 10, 100.0)
    assert [bucket.take(100.0) for _ in range(5)] == [True, True, True, False, False]
    assert bucket.due() > 0
    assert bucket.take(100.0 + bucket.due() + 1e-6)
    assert [bucket.take(200.0) for _ in range(5)] == [True, True, True, False, False]


def test_the_outbox_counts_what_waits() -> None:
    outbox = Outbox()
    outbox.push(1, b"one")
    outbox.push(2, b"two")
    outbox.push(1, b"more")
    assert outbox.size == 3 * 64 + 10
    outbox.remove(1)
    assert outbox.entries == [(2, b"two")]
    assert outbox.size == 64 + 3
    assert outbox.take() == [(2, b"two")]
    assert (outbox.entries, outbox.size) == ([], 0)


def test_what_somebody_waits_for_is_taken_back() -> None:
    outbox = Outbox()
    bundle = Bundle([(5, b"5"), (NOTICE, b"n"), (6, b"6")])
    entries: list[tuple[int, bytes | Bundle]] = [
        (1, b"open"),
        (2, b"gone"),
        (1, b"item"),
        (REPLY, b"reply"),
        (NOTICE, b"notice"),
        (NOTICE, bundle),
        (NOTICE, Bundle([(7, b"7")])),
    ]
    outbox.put_back(entries, {1, 6})
    assert outbox.entries == [(1, b"open"), (1, b"item"), (NOTICE, b"notice"), (NOTICE, bundle)]
    assert bundle.join() == b"[n,6]"


def test_a_call_is_taken_out_of_its_bundle() -> None:
    outbox = Outbox()
    outbox.push(NOTICE, Bundle([(5, b"5"), (6, b"6")]))
    outbox.remove(5)
    ((_, bundle),) = outbox.entries
    assert isinstance(bundle, Bundle)
    assert bundle.join() == b"[6]"
    outbox.remove(6)
    assert outbox.entries == []


def test_limits_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`Limits.calls` has to be more than 0, and is 0"):
        swill.Limits(calls=0)


def test_errors_read_well() -> None:
    error = swill.Error(404, "No func was found", procedure="ad")
    assert str(error) == '404 No func was found (call of "ad")'
    assert repr(swill.Error(409, "taken", {"a": 1})) == "swill.Error(409, 'taken', data={'a': 1})"
    assert f"{type(error).__module__}.{type(error).__qualname__}" == "swill.Error"
    unknown = swill.Error(503, "who knows", outcome_unknown=True)
    assert repr(unknown) == "swill.Error(503, 'who knows', outcome_unknown=True)"


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"Upgrade": "x"}},
        {"headers": {"Sec-WebSocket-Protocol": "x"}},
        {"headers": {"A": "b\r\nc: d"}},
        {"headers": {"A b": "c"}},
        {"headers": {"Authorization: Bearer s3cr3t": "x"}},
        {"token": "s3cr3t\r\n"},
        {"subprotocols": ["swill/1"]},
        {"subprotocols": ["a,b"]},
        {"subprotocols": []},
        {"protocol": "soap"},
    ],
)
def test_what_cannot_be_sent_is_refused_at_once(options: dict[str, object]) -> None:
    with pytest.raises(swill.Error) as caught:
        swill.connect("localhost", **options)  # type: ignore[arg-type]
    assert caught.value.code == swill.Code.BAD_REQUEST
    assert "s3cr3t" not in str(caught.value)


def test_a_name_is_served_once() -> None:
    from swill._serving import Handlers

    handlers = Handlers()
    handlers.add("colour", lambda: "red")
    with pytest.raises(ValueError, match="two handlers with the name `colour`"):
        handlers.add("colour", lambda: "blue")
