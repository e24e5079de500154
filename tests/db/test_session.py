"""How sessions are opened: what is pinned, and what a dead network may cost."""

import psycopg
from psycopg.conninfo import conninfo_to_dict

from db.session import NETWORK, PINNED, session_dsn


def test_what_the_dsn_says_of_the_network_stays() -> None:
    parts = conninfo_to_dict(session_dsn("host=db connect_timeout=3 tcp_user_timeout=0", "x"))
    assert (parts["connect_timeout"], parts["tcp_user_timeout"]) == ("3", "0")
    assert parts["keepalives_idle"] == NETWORK["keepalives_idle"]


def test_what_is_pinned_wins_over_the_dsn(read_only_database: str) -> None:
    given = f"{read_only_database} options='-c DateStyle=German -c work_mem=1MB'"
    with psycopg.connect(session_dsn(given, "x")) as connection:
        shown = {name: connection.execute(f"SHOW {name}".encode()).fetchone() for name in (*PINNED, "work_mem")}
    assert shown["DateStyle"] == ("ISO, YMD",)
    assert shown["work_mem"] == ("1MB",)
