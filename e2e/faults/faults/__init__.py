"""Fault tests: networks that lose, delay and break, and servers that die, against every client."""
