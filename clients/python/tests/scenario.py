"""Plays scenarios (conformance/scenarios/README.md) against the client: one round of one of them
with one protocol."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Coroutine
from typing import Any, cast

from scenario_handlers import Received, StepError, handler, only
from values import Round, matches

import swill

COUNT = itertools.count()
NOTHING = object()

LIMITS = {
    "calls",
    "request",
    "message",
    "metadata_keys",
    "metadata_bytes",
    "stream_unread",
    "unread",
    "serving",
}
REQUEST = {"client", "name", "params", "metadata", "deadline_ms", "idempotent"}
ANSWER = {"value", "leading", "trailing", "error"}


class Opened:
    """A stream of any shape, or why there is none."""

    def __init__(self, stream: Any, error: swill.Error | None) -> None:
        self.stream = stream
        self.error = error

    def take(self) -> Any:
        """The stream. An error of its opening belongs to the first step with it."""
        error, self.error = self.error, None
        if error is not None:
            raise error
        return self.stream


def seconds(step: dict[str, Any], name: str) -> float | None:
    value = step[name]
    return None if value is None else value / 1000


class Player:
    """One round of a scenario."""

    def __init__(self, address: str, protocol: str) -> None:
        self.address = address
        self.protocol = protocol
        self.run = f"py-{os.getpid()}-{next(COUNT)}"
        self.clients: dict[str, swill.Client] = {}
        self.received: dict[str, Received] = {}
        self.tasks: dict[str, asyncio.Task[Any]] = {}
        self.streams: dict[str, Opened] = {}

    async def play(self, scenario: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(scenario.get("limit_ms", 30_000) / 1000):
                await self.steps(scenario["steps"], Round(self.run), "steps")
        finally:
            for task in self.tasks.values():
                task.cancel()
            await asyncio.gather(*self.tasks.values(), return_exceptions=True)
            for client in self.clients.values():
                await client.close()

    async def steps(self, steps: list[dict[str, Any]], names: Round, place: str) -> None:
        for number, step in enumerate(steps):
            here = f"{place}[{number}]"
            verb = getattr(self, f"do_{step['do']}", None)
            if verb is None:
                raise StepError(f"{here}: unknown verb {step['do']}")
            try:
                if step["do"] in ("repeat", "together"):
                    await verb(step, names, here)
                else:
                    await verb(step, names)
            except StepError as wrong:
                text = str(wrong)
                raise StepError(text if text.startswith("steps") else f"{here}: {text}") from None
            except (swill.Error, AssertionError, KeyError) as error:
                raise StepError(f"{here} ({step['do']}): {error!r}") from error

    # Clients.

    def client(self, step: dict[str, Any], names: Round) -> swill.Client:
        return self.clients[names.text(step.get("client", "main"))]

    async def do_connect(self, step: dict[str, Any], names: Round) -> None:
        only(
            step,
            *("client", "path", "protocol", "token", "deadline_ms", "limits", "reconnect"),
            *("handlers", "error"),
        )
        name = names.text(step.get("client", "main"))
        received = self.received[name] = Received()
        options: dict[str, Any] = {"protocol": step.get("protocol", self.protocol)}
        if "token" in step:
            options["token"] = names.text(step["token"])
        if "deadline_ms" in step:
            options["deadline"] = seconds(step, "deadline_ms")
        if "limits" in step:
            assert set(step["limits"]) <= LIMITS, f"unknown limits in {step['limits']}"
            options["limits"] = swill.Limits(**step["limits"])
        if "reconnect" in step:
            options["reconnect"] = self.reconnect(step["reconnect"])
        options["handlers"] = {
            names.text(served): handler(
                self.clients, names.text(served), told, name, names, received
            )
            for served, told in step.get("handlers", {}).items()
        }
        path = names.text(step.get("path", "/ws"))
        address = f"ws://{self.address}{path}?key={self.run}.{name}"
        try:
            self.clients[name] = await swill.connect(address, **options)
        except swill.Error as error:
            if "error" not in step:
                raise
            return self.check_error(error, step["error"], names)
        if "error" in step:
            raise StepError("it could connect")
        return None

    def reconnect(self, told: Any) -> swill.Reconnect | None:
        if told is False:
            return None
        only(told, "base_ms", "cap_ms", "attempts")
        options: dict[str, Any] = {}
        if "base_ms" in told:
            options["base"] = told["base_ms"] / 1000
        if "cap_ms" in told:
            options["cap"] = told["cap_ms"] / 1000
        if "attempts" in told:
            options["attempts"] = told["attempts"]
        return swill.Reconnect(**options)

    async def do_close(self, step: dict[str, Any], names: Round) -> None:
        only(step, "client")
        await self.client(step, names).close()

    async def do_state(self, step: dict[str, Any], names: Round) -> None:
        only(step, "client", "is", "code", "reason")
        client = self.client(step, names)
        wanted = [step["is"]] if isinstance(step["is"], str) else step["is"]
        changed = asyncio.Event()
        remove = client.on_state(lambda _: changed.set())
        try:
            while (state := client.state).kind not in wanted:
                if state.kind == "closed":
                    raise StepError(f"the client is {state}, and was to be {wanted}")
                changed.clear()
                await changed.wait()
        finally:
            remove()
        if "code" in step and state.code != step["code"]:
            raise StepError(f"the code is {state.code} and not {step['code']}")
        if "reason" in step and names.text(step["reason"]) not in state.reason:
            raise StepError(f"the reason is {state.reason!r}")

    async def do_introspect(self, step: dict[str, Any], names: Round) -> None:
        only(step, "client", "names")
        found = {procedure.name for procedure in await self.client(step, names).introspect()}
        if missing := set(step["names"]) - found:
            raise StepError(f"{missing} are not among {sorted(found)}")

    async def do_describe(self, step: dict[str, Any], names: Round) -> None:
        only(step, "client", "names")
        described = await self.client(step, names).describe()
        found = {procedure["name"] for procedure in described["procedures"]}
        if missing := set(step["names"]) - found:
            raise StepError(f"{missing} are not among {sorted(found)}")

    # Calls that answer once.

    def options(self, step: dict[str, Any], names: Round) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if "metadata" in step:
            options["metadata"] = names.value(step["metadata"])
        if "deadline_ms" in step:
            options["deadline"] = seconds(step, "deadline_ms")
        if step.get("idempotent"):
            options["idempotent"] = True
        return options

    def input_options(self, step: dict[str, Any], names: Round) -> dict[str, Any]:
        """Streams in are never sent again, so the client does not let anybody ask for it."""
        options = self.options(step, names)
        options.pop("idempotent", None)
        return options

    def request(
        self, step: dict[str, Any], names: Round
    ) -> Coroutine[Any, Any, swill.Response[Any]]:
        return self.client(step, names).call_with_metadata(
            names.text(step["name"]),
            names.value(step.get("params")),
            **self.options(step, names),
        )

    async def answered(self, answer: Any, step: dict[str, Any], names: Round) -> None:
        """Waits for an answer, and checks it."""
        try:
            response = await answer
        except swill.Error as error:
            if "error" not in step:
                raise
            return self.check_error(error, step["error"], names)
        if "error" in step:
            raise StepError(f"the call was answered with {response}")
        for member in ("value", "leading", "trailing"):
            if member in step:
                self.check(getattr(response, member), step[member], names, member)
        return None

    def check(self, got: Any, told: Any, names: Round, what: str) -> None:
        expected = names.value(told, expected=True)
        if not matches(expected, got):
            raise StepError(f"{what} is {str(got)[:500]} and not {str(expected)[:500]}")

    def check_error(self, error: swill.Error, told: dict[str, Any], names: Round) -> None:
        only(told, "code", "message", "data", "outcome_unknown")
        if error.code != told["code"] or names.text(told.get("message", "")) not in error.message:
            raise StepError(f"the error is {error!r}, and was to be {told}") from error
        if error.outcome_unknown != told.get("outcome_unknown", False):
            raise StepError(f"whether the outcome is unknown is wrong: {error!r}")
        if "data" in told:
            self.check(error.data, told["data"], names, "the error's data")

    async def do_call(self, step: dict[str, Any], names: Round) -> None:
        only(step, *REQUEST, *ANSWER)
        await self.answered(self.request(step, names), step, names)

    async def do_start(self, step: dict[str, Any], names: Round) -> None:
        only(step, "as", *REQUEST)
        task = asyncio.create_task(self.request(step, names))
        self.tasks[names.text(step["as"])] = task
        await asyncio.sleep(0)

    async def do_answer(self, step: dict[str, Any], names: Round) -> None:
        only(step, "of", *ANSWER)
        await self.answered(self.tasks.pop(names.text(step["of"])), step, names)

    async def do_cancel(self, step: dict[str, Any], names: Round) -> None:
        only(step, "of")
        name = names.text(step["of"])
        if name in self.streams:
            stream = self.streams.pop(name).take()
            await (stream.aclose() if isinstance(stream, swill.Items) else stream.cancel())
            return
        task = self.tasks.pop(name)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def do_notify(self, step: dict[str, Any], names: Round) -> None:
        only(step, "client", "name", "params")
        await self.client(step, names).notify(
            names.text(step["name"]), names.value(step.get("params"))
        )

    async def do_batch(self, step: dict[str, Any], names: Round) -> None:
        only(step, "client", "parts")
        batch = self.client(step, names).batch()
        calls: list[dict[str, Any]] = []
        for part in step["parts"]:
            params = names.value(part.get("params"))
            if "notify" in part:
                only(part, "notify", "params")
                batch.notify(names.text(part["notify"]), params)
            else:
                only(part, "call", "params", *ANSWER)
                batch.call(names.text(part["call"]), params)
                calls.append(part)
        answers = await batch.send()
        if len(answers) != len(calls):
            raise StepError(f"{len(answers)} answers to {len(calls)} calls")
        for part, answer in zip(calls, answers, strict=True):
            outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            if isinstance(answer, swill.Error):
                outcome.set_exception(answer)
            else:
                outcome.set_result(swill.Response(answer))
            await self.answered(outcome, part, names)

    async def do_received(self, step: dict[str, Any], names: Round) -> None:
        only(step, "client", "name", "params")
        client = names.text(step.get("client", "main"))
        name, params = await self.received[client].calls.get()
        self.check(name, step["name"], names, "the name")
        if "params" in step:
            self.check(params, step["params"], names, "params")

    # Streams.

    async def open(self, step: dict[str, Any], names: Round, stream: Any) -> None:
        error = None
        try:
            await stream.__aenter__()
        except swill.Error as failed:
            error = failed
        self.streams[names.text(step["as"])] = Opened(stream, error)

    async def do_stream(self, step: dict[str, Any], names: Round) -> None:
        only(step, "as", *REQUEST)
        client = self.client(step, names)
        params = names.value(step.get("params"))
        stream = client.stream(names.text(step["name"]), params, **self.options(step, names))
        await self.open(step, names, stream)

    async def do_stream_in(self, step: dict[str, Any], names: Round) -> None:
        only(step, "as", "metadata_first", *(REQUEST - {"params"}))
        client = self.client(step, names)
        stream = client.stream_in(names.text(step["name"]), **self.input_options(step, names))
        await self.open(step, names, stream)

    async def do_both(self, step: dict[str, Any], names: Round) -> None:
        only(step, "as", "metadata_first", *(REQUEST - {"params"}))
        client = self.client(step, names)
        stream = client.both(names.text(step["name"]), **self.input_options(step, names))
        await self.open(step, names, stream)

    async def do_send(self, step: dict[str, Any], names: Round) -> None:
        only(step, "to", "item", "items", "error")
        items = names.value(step["items"]) if "items" in step else [names.value(step["item"])]
        try:
            stream = self.streams[names.text(step["to"])].take()
            for item in items:
                await stream.send(item)
        except swill.Error as error:
            if "error" not in step:
                raise
            return self.check_error(error, step["error"], names)
        if "error" in step:
            raise StepError("it was taken")
        return None

    async def do_end(self, step: dict[str, Any], names: Round) -> None:
        only(step, "of")
        await self.streams[names.text(step["of"])].take().end()

    async def do_finish(self, step: dict[str, Any], names: Round) -> None:
        only(step, "of", *ANSWER)

        async def finish() -> Any:
            stream = self.streams[names.text(step["of"])].take()
            return await stream.finish_with_metadata()

        await self.answered(finish(), step, names)

    async def do_leading(self, step: dict[str, Any], names: Round) -> None:
        only(step, "of", "metadata")
        stream = self.streams[names.text(step["of"])].take()
        self.check(await stream.leading(), step["metadata"], names, "leading metadata")

    async def do_receive(self, step: dict[str, Any], names: Round) -> None:
        only(step, "from", "item", "items", "count")
        stream = self.streams[names.text(step["from"])].take()
        if "count" in step:
            told: list[Any] = [NOTHING] * step["count"]
        else:
            told = names.value(step["items"] if "items" in step else [step["item"]], expected=True)
        for number, expected in enumerate(told):
            try:
                item = await stream.__anext__()
            except StopAsyncIteration:
                raise StepError(f"the stream has ended after {number} items") from None
            if expected is not NOTHING and not matches(expected, item):
                raise StepError(f"item {number} is {str(item)[:200]} and not {expected}")

    async def do_ended(self, step: dict[str, Any], names: Round) -> None:
        only(step, "of", "trailing", "error")
        try:
            stream = self.streams[names.text(step["of"])].take()
            item = await stream.__anext__()
        except StopAsyncIteration:
            if "error" in step:
                raise StepError("it has ended well") from None
            if "trailing" in step:
                self.check(stream.trailing, step["trailing"], names, "trailing metadata")
            return None
        except swill.Error as error:
            if "error" not in step:
                raise
            return self.check_error(error, step["error"], names)
        raise StepError(f"there is a further item: {item}")

    # Steps of steps.

    async def do_repeat(self, step: dict[str, Any], names: Round, place: str) -> None:
        only(step, "times", "steps")
        for index in range(step["times"]):
            await self.steps(step["steps"], Round(names.run, index), f"{place}.steps")

    async def do_together(self, step: dict[str, Any], names: Round, place: str) -> None:
        only(step, "branches")
        tasks = [
            asyncio.create_task(self.steps(branch, names, f"{place}.branches[{number}]"))
            for number, branch in enumerate(cast("list[Any]", step["branches"]))
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
