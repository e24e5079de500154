"""A Postgres that takes TLS alone, for tests: the one that we bring along is built without it, Debian's is not.

`ROWCAST_TEST_TLS_POSTGRES` names the folder of its programs; else what Debian's packages install is looked for.
"""

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import psycopg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from psycopg.conninfo import make_conninfo

from db.embedded import _environment
from db.embedded_home import Home, locate
from db.embedded_launch import launch
from db.migrate import upgrade
from tests.ports import free_port
from tests.postgres import SETTINGS, embedded_folder

_DEADLINE_S = 30.0
_DEBIAN = Path("/usr/lib/postgresql")
_OLDEST = 14
_ROLE, _DATABASE = "rowcast_server", "rowcast"

NOT_FOUND = (
    f"There is no Postgres {_OLDEST} or newer in {_DEBIAN}, and ours is built without TLS: install Debian's package "
    "`postgresql`, or name the folder of the programs of one with TLS in ROWCAST_TEST_TLS_POSTGRES."
)


@dataclass(frozen=True, slots=True)
class TlsPostgres:
    """`dsn`: the server's certificate and name are verified. `stranger`: the certificate of another authority."""

    dsn: str
    stranger: Path


def tls_programs() -> Path | None:
    """The folder of the newest Postgres with TLS that there is."""
    given = os.environ.get("ROWCAST_TEST_TLS_POSTGRES")
    if given is not None:
        return Path(given)
    found = [folder for folder in _DEBIAN.glob("*") if folder.name.isdigit() and int(folder.name) >= _OLDEST]
    for folder in sorted(found, key=lambda each: int(each.name), reverse=True):
        programs = folder / "bin"
        if (programs / "initdb").exists():
            return programs
    return None


@contextmanager
def tls_postgres(programs: Path) -> Iterator[TlsPostgres]:
    """A server with a migrated database, to which nobody connects without TLS."""
    with embedded_folder() as folder:
        home = locate(folder)
        password = secrets.token_urlsafe(24)
        _make_cluster(home, programs, password)
        authority = home.root / "authority.pem"
        _certificates(home, authority)
        stranger = home.root / "stranger.pem"
        stranger.write_bytes(_authority("a stranger")[1].public_bytes(serialization.Encoding.PEM))
        port = free_port()
        admin = make_conninfo(
            host="127.0.0.1",
            port=port,
            user="postgres",
            password=password,
            dbname="postgres",
            sslmode="verify-full",
            sslrootcert=str(authority),
        )
        with _running(home, programs, port):
            _ready(admin, home.root / "log")
            with psycopg.connect(admin, autocommit=True) as connection:
                connection.execute(f"CREATE ROLE {_ROLE} LOGIN REPLICATION PASSWORD '{password}'".encode())
                connection.execute(f"CREATE DATABASE {_DATABASE} OWNER {_ROLE}".encode())
            dsn = make_conninfo(admin, user=_ROLE, dbname=_DATABASE)
            upgrade(dsn)
            yield TlsPostgres(dsn, stranger)


def _make_cluster(home: Home, programs: Path, password: str) -> None:
    handed = home.root / "password"
    handed.write_text(password)
    home.give(handed)
    home.cluster.mkdir(mode=0o700)
    home.give(home.cluster)
    settings = ["-U", "postgres", "-E", "UTF8", "--locale=C", "--auth=scram-sha-256", f"--pwfile={handed}"]
    assert _launch(home, "initdb", [programs / "initdb", "-D", home.cluster, *settings]).wait(_DEADLINE_S) == 0
    (home.cluster / "pg_hba.conf").write_text(
        "hostssl all all 127.0.0.1/32 scram-sha-256\nhostssl replication all 127.0.0.1/32 scram-sha-256\n"
    )


@contextmanager
def _running(home: Home, programs: Path, port: int) -> Iterator[None]:
    settings = {name: value for name, value in SETTINGS.items() if name != "file_copy_method"} | {
        "wal_level": "logical",
        "port": str(port),
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "ssl": "on",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    process = _launch(home, "log", [programs / "postgres", "-D", home.cluster, *options])
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(_DEADLINE_S)


def _launch(home: Home, log: str, command: list[Path | str]) -> "subprocess.Popen[bytes]":
    with (home.root / log).open("wb") as output:
        return launch(
            [str(word) for word in command],
            output=output,
            env=_environment(),
            cwd="/",
            death_signal=signal.SIGKILL,
            identity=home.identity,
        )


def _ready(dsn: str, log: Path) -> None:
    until = time.monotonic() + _DEADLINE_S
    while True:
        try:
            psycopg.connect(dsn, connect_timeout=2).close()
        except psycopg.OperationalError as error:
            if time.monotonic() > until:
                raise AssertionError(log.read_text()[-2000:]) from error
            time.sleep(0.05)
        else:
            return


def _authority(called: str) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, called)])
    builder = _builder(name, name, key).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return key, builder.sign(key, hashes.SHA256())


def _builder(issuer: x509.Name, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().issuer_name(issuer).subject_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))


def _certificates(home: Home, authority: Path) -> None:
    """The server's certificate where Postgres looks for it, and its authority's."""
    signer, root = _authority("an authority of a test")
    authority.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        _builder(root.subject, name, key)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for path, content in (
        (home.cluster / "server.key", plain),
        (home.cluster / "server.crt", certificate.public_bytes(serialization.Encoding.PEM)),
    ):
        path.write_bytes(content)
        path.chmod(0o600)
        home.give(path)
