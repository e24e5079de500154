"""A pytest plugin: what the tests send to Google goes to the server that `SANDBOX_URL` names.

It is loaded into the run of somebody else's tests, so it imports nothing of ours.
"""

import os
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

_send = HTTPAdapter.send


def _redirected(adapter: HTTPAdapter, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
    base, parts = urlsplit(os.environ["SANDBOX_URL"]), urlsplit(request.url or "")
    request.url = urlunsplit(parts._replace(scheme=base.scheme, netloc=base.netloc))
    return _send(adapter, request, *args, **kwargs)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "vcr: has a recording, which isn't used here")
    HTTPAdapter.send = _redirected  # type: ignore[method-assign,assignment]
