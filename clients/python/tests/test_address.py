"""Where a server is, out of what a user writes."""

import pytest

import swill
from swill._address import parse


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("localhost", "ws://localhost:8000/ws"),
        ("localhost:9000", "ws://localhost:9000/ws"),
        ("127.0.0.1", "ws://127.0.0.1:8000/ws"),
        ("127.1.2.3:80/rpc", "ws://127.1.2.3/rpc"),
        ("[::1]", "ws://[::1]:8000/ws"),
        ("[::1]:9000/a?b=c", "ws://[::1]:9000/a?b=c"),
        ("calc.example", "wss://calc.example/ws"),
        ("calc.example:8443", "wss://calc.example:8443/ws"),
        ("calc.example/rpc", "wss://calc.example/rpc"),
        ("10.0.0.1", "wss://10.0.0.1/ws"),
        ("localhost.example", "wss://localhost.example/ws"),
        ("ws://calc.example", "ws://calc.example/"),
        ("ws://calc.example?key=1", "ws://calc.example/?key=1"),
        ("wss://calc.example:443/ws", "wss://calc.example/ws"),
        ("http://localhost:8000/ws", "ws://localhost:8000/ws"),
        ("https://calc.example/ws", "wss://calc.example/ws"),
        ("WS://LOCALHOST/Path", "ws://localhost/Path"),
        ("wss://bücher.example/", "wss://xn--bcher-kva.example/"),
    ],
)
def test_addresses_say_where_the_server_is(text: str, url: str) -> None:
    assert parse(text).url == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/ws",
        "ws://",
        "ftp://host/",
        "ws://a b/",
        "ws://host/a\nb",
        "ws://host:99999/",
        "host:port",
        "ws://[::1/",
        "ws://host/ä",
        "ws://u:p@host/",
        "u@host",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(swill.Error) as caught:
        parse(text)
    assert caught.value.code == swill.Code.BAD_REQUEST
    assert "is no address of a server" in caught.value.message


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ws://ann:s3cr3t@host/ws", "`ws://…@host/ws`"),
        ("ws://ann:s3/cr3t@host/ws", "`ws://…@host/ws`"),
        ("ann:s3cr3t@host/ws", "`…@host/ws`"),
        ("ws://host:x/ws?token=s3cr3t", "`ws://host:x/ws`"),
        ("ftp://host/ws#s3cr3t", "`ftp://host/ws`"),
    ],
)
def test_errors_do_not_show_secrets(text: str, shown: str) -> None:
    with pytest.raises(swill.Error) as caught:
        parse(text)
    assert caught.value.message.startswith(shown)
    assert "cr3t" not in str(caught.value)


def test_a_client_does_not_show_its_query() -> None:
    assert parse("ws://host/ws?token=s3cr3t").shown == "ws://host/ws"
