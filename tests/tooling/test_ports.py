"""Ports that can't be had: the message names the variable, and gives the true reason."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from api.cli_database import start_embedded
from api.cli_error import CommandError
from api.cli_listen import bound
from db.embedded import EmbeddedPostgres
from tests.ports import taken_port
from tests.postgres import embedded_folder

PRIVILEGED = 80
NOBODY = 65534


@contextmanager
def ordinary_user() -> Iterator[None]:
    """As one who has no rights over the ports below 1024. Skips where the system keeps those for nobody."""
    privileged = os.geteuid() == 0
    if privileged:
        os.seteuid(NOBODY)
    try:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", PRIVILEGED))
            except PermissionError:
                pass
            else:
                pytest.skip(f"Here, every user may listen on port {PRIVILEGED}.")
        yield
    finally:
        if privileged:
            os.seteuid(0)


@pytest.mark.parametrize("variable", ["ROWCAST_PORT", "ROWCAST_SANDBOX_PORT"])
def test_a_port_that_takes_rights(variable: str) -> None:
    with ordinary_user(), pytest.raises(CommandError) as caught:
        bound("127.0.0.1", PRIVILEGED, variable)
    assert str(caught.value) == f"Port 80 may not be used by this user: set {variable} to one of 1024 or above."


def test_a_port_that_takes_rights_for_the_embedded_server() -> None:
    with ordinary_user(), embedded_folder() as folder, pytest.raises(CommandError) as caught:
        start_embedded(EmbeddedPostgres(folder, PRIVILEGED))
    assert str(caught.value) == "Port 80 may not be used by this user: set ROWCAST_PG_PORT to one of 1024 or above."


def test_a_port_that_is_taken() -> None:
    with taken_port() as port, pytest.raises(CommandError) as caught:
        bound("127.0.0.1", int(port), "ROWCAST_PORT")
    assert str(caught.value) == f"Port {port} is in use by another program: set ROWCAST_PORT to a free one."


def test_an_address_that_this_machine_does_not_have() -> None:
    # 192.0.2.0/24 is for documentation: no machine has it.
    with pytest.raises(CommandError) as caught:
        bound("192.0.2.1", 8000, "ROWCAST_PORT")
    assert str(caught.value).startswith("ROWCAST_PORT: port 8000 of 192.0.2.1 can't be had: ")
