"""Google's credentials by name: the one of the setting, and the key files of a folder. Read again as they change.

A file that is new, changed, gone or back is noticed at the next use, without a restart. What can't be used is a state
with its mend in words; nothing here ever shows a key.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from db.errors import BadUserInput, SourceUnreachable
from sync.breaker import Breakers
from sync.google.credentials import ServiceAccount, is_json
from sync.google.project import GoogleProject
from sync.google.quota import CallKind, QuotaLimits, QuotaUse
from sync.google.session import GoogleSession
from sync.services import DEFAULT_CREDENTIAL, google_service

log = structlog.get_logger(__name__)

_LOOK_S: Final = 1.0

_Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class CredentialPlaces:
    """Where keys are. `default`: a path or the key itself; `folder`: its `<name>.json` is the credential `<name>`."""

    default: str | None = None
    folder: Path | None = None

    def files(self) -> dict[str, Path]:
        """The key files there are, by the credential's name."""
        found = sorted(self.folder.glob("[!.]*.json")) if self.folder is not None else ()
        files = {path.stem: path for path in found}
        if self.default is not None:
            files.pop(DEFAULT_CREDENTIAL, None)
            if not is_json(self.default):
                files[DEFAULT_CREDENTIAL] = Path(self.default).expanduser()
        return files

    def accounts(self) -> dict[str, Callable[[], ServiceAccount]]:
        """What reads each credential, by its name."""
        accounts: dict[str, Callable[[], ServiceAccount]] = {
            name: partial(ServiceAccount.read, path) for name, path in self.files().items()
        }
        if self.default is not None and is_json(self.default):
            accounts[DEFAULT_CREDENTIAL] = partial(ServiceAccount.parse, self.default)
        return dict(sorted(accounts.items()))


@dataclass(slots=True)
class _Held:
    """`path` None: the key itself was given. `problem`: why it can't be used now."""

    path: Path | None
    stamp: _Stamp | None
    session: GoogleSession | None = None
    problem: str | None = None


class Credentials(Mapping[str, GoogleSession]):
    """Sessions by credential name. Getting one that can't be used raises SourceUnreachable.

    `api_url` None is Google itself. `clock` is monotonic, in seconds.
    """

    def __init__(
        self,
        places: CredentialPlaces,
        breakers: Breakers,
        limits: QuotaLimits | None = None,
        *,
        api_url: str | None = None,
        timeout_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = places
        self._limits = limits
        self._api_url = api_url
        self._timeout_s = timeout_s
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._projects: dict[str, GoogleProject] = {}
        self._changed: set[str] = set()
        self._looked_at = clock()
        self._breakers = breakers
        if places.default is not None and is_json(places.default):
            self._load(DEFAULT_CREDENTIAL, _Held(None, None), partial(ServiceAccount.parse, places.default))
        self._look()
        self._changed.clear()

    def __getitem__(self, name: str) -> GoogleSession:
        self._look_if_due()
        held = self._held[name]
        if held.problem is not None or held.session is None:
            raise SourceUnreachable(f"The credential “{name}” can't be used. {held.problem}")
        return held.session

    def __iter__(self) -> Iterator[str]:
        self._look_if_due()
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def changed(self) -> frozenset[str]:
        """Those that were read again since this was last asked."""
        self._look_if_due()
        changed = frozenset(self._changed)
        self._changed.clear()
        return changed

    def problems(self) -> Mapping[str, str]:
        """What can't be used, and why."""
        self._look_if_due()
        return {name: held.problem for name, held in self._held.items() if held.problem is not None}

    def quotas(self) -> Mapping[str, Mapping[CallKind, QuotaUse]]:
        """What is used now of the quota of each credential's user, and of each project, by the quota's name."""
        users = {name: held.session.quota() for name, held in self._held.items() if held.session is not None}
        projects = {f"project {name}": project.quota() for name, project in self._projects.items()}
        return users | projects

    def close(self) -> None:
        """No more calls; those under way end by their time-outs."""
        for project in self._projects.values():
            project.close()

    def _look_if_due(self) -> None:
        if self._clock() - self._looked_at >= _LOOK_S:
            self._look()

    def _look(self) -> None:
        self._looked_at = self._clock()
        files = self._places.files()
        for name, path in files.items():
            stamp = _stamp(path)
            held = self._held.get(name)
            if held is None or held.path != path or held.stamp != stamp:
                session = None if held is None else held.session
                self._load(name, _Held(path, stamp, session), partial(ServiceAccount.read, path))
        for name, held in self._held.items():
            if held.path is not None and name not in files and held.stamp is not None:
                held.stamp = None
                held.problem = f"{held.path} is gone: put a key there, or choose another credential with updateSource."
                log.warning("a Google credential can't be used any more", credential=name, reason=held.problem)

    def _load(self, name: str, held: _Held, read: Callable[[], ServiceAccount]) -> None:
        self._held[name] = held
        try:
            account = read()
        except BadUserInput as error:
            held.problem = str(error)
            log.warning("a Google credential can't be used", credential=name, reason=held.problem)
            return
        project = self._project(account)
        if held.session is None:
            held.session = GoogleSession(
                account,
                api_url=self._api_url,
                timeout_s=self._timeout_s,
                project=project,
                breaker=self._breakers.of(google_service(name)),
            )
        else:
            held.session.use(account, project)
            log.info("a Google credential was read again", credential=name, account=account.email)
        self._changed.add(name)

    def _project(self, account: ServiceAccount) -> GoogleProject:
        if account.project not in self._projects:
            self._projects[account.project] = GoogleProject(account.project, self._limits)
        return self._projects[account.project]


def _stamp(path: Path) -> _Stamp | None:
    """None where there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
