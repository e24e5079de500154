"""Which Host and Origin may come in."""

import pytest
from starlette.datastructures import Headers

from api.guard import LOOPBACK_ORIGIN, Admitted, refusal

ADMITTED = Admitted.of(("Rowcast.example.com", "tunnel.example:8443"), ("https://App.example.com",))


def refused(**headers: str) -> str | None:
    return refusal(Headers({name.replace("_", "-"): value for name, value in headers.items()}), ADMITTED)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8000",
        "localhost.:8000",
        "127.0.0.1",
        "127.0.0.1:8000",
        "127.1.2.3:1",
        "[::1]",
        "[::1]:8000",
        "rowcast.example.com",
        "rowcast.example.com:443",
        "tunnel.example:8443",
    ],
)
def test_these_hosts_are_ours(host: str) -> None:
    assert refused(host=host) is None


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example:8000",
        "0.0.0.0:8000",
        "192.168.1.2",
        "localhost@evil.example",
        "evil.example@localhost",
        "localhost/evil",
        "localhost:port",
        "[::1",
        "tunnel.example",
        "tunnel.example:8444",
    ],
)
def test_a_name_that_somebody_pointed_at_us_is_refused(host: str) -> None:
    reason = refused(host=host)
    assert reason is not None
    assert "ROWCAST_ALLOWED_HOSTS" in reason


def test_a_request_without_host_is_refused() -> None:
    assert refusal(Headers({}), ADMITTED) is not None


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("127.0.0.1:8000", "http://localhost:5173"),
        ("127.0.0.1:8000", "http://[::1]:5173"),
        ("127.0.0.1:8000", "https://app.example.com"),
        ("127.0.0.1:8000", "https://APP.example.com"),
        ("rowcast.example.com", "https://rowcast.example.com"),
    ],
)
def test_these_pages_may_call(host: str, origin: str) -> None:
    assert refused(host=host, origin=origin) is None


@pytest.mark.parametrize(
    "origin",
    [
        "http://[::1",
        "null",
        "",
        "https://evil.example",
        "http://app.example.com",
        "https://app.example.com:444",
        "https://app.example.com.evil.example",
        "http://localhost.evil.example",
        "http://127.0.0.1:8000@evil.example",
        "file://",
        "chrome-extension://abcdef",
        "http://rowcast.example.com:81",
    ],
)
def test_pages_of_other_origins_are_refused(origin: str) -> None:
    reason = refused(host="rowcast.example.com", origin=origin)
    assert reason is not None
    assert "ROWCAST_ALLOWED_ORIGINS" in reason


def test_another_site_may_link_to_us_but_embed_nothing() -> None:
    assert refused(host="localhost", sec_fetch_site="cross-site", sec_fetch_mode="navigate") is None
    assert refused(host="localhost", sec_fetch_site="same-origin", sec_fetch_mode="cors") is None
    assert refused(host="localhost", sec_fetch_site="cross-site", sec_fetch_mode="no-cors") is not None


@pytest.mark.parametrize("origin", ["http://localhost:5173", "https://127.0.0.1", "http://[::1]:1"])
def test_answers_are_shared_with_loopback_pages_only(origin: str) -> None:
    import re

    assert re.fullmatch(LOOPBACK_ORIGIN, origin)
    assert not re.fullmatch(LOOPBACK_ORIGIN, f"{origin}.evil.example")
