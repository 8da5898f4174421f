

def _given(parameters: dict[str, object]) -> dict[str, object]:
    """Those parameters that were not left out."""
    return {name: value for name, value in parameters.items() if value is not msgspec.UNSET}
