async def check(self) -> Difference | None:
    """Asks the server what it offers, and compares it with what this file was generated from.

    Returns what differs, or None if both mean the same.
    """
    theirs = await self._client.call("swill.describe", returns=_Description)
    return None if theirs.hash == CONTRACT else _compare(theirs)
