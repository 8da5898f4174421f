

def _one(client: swill.Client, value: object) -> object:
    """A single parameter: as it is, but in JSON-RPC in a list."""
    if value is msgspec.UNSET:
        return None
    return value if client.protocol == "swill" else [value]
