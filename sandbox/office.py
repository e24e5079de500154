"""All state of one sandbox, put together once: accounts, drive, the person, triggers, feeds, faults."""

from sandbox import demo, exchanges
from sandbox.accounts import DEMO_ACCOUNT, PERSON, Account, account_file, consent_file, new_account, new_consent
from sandbox.channels import Channels
from sandbox.drive import Drive, File, permission
from sandbox.faults import Faults
from sandbox.feeds.shelf import Shelf
from sandbox.google.auth import Gate
from sandbox.live import Live
from sandbox.person.edits import Edited
from sandbox.person.person import Person
from sandbox.recorder import Recorder
from sandbox.script.projects import Scripts
from sandbox.settings import SandboxSettings
from sandbox.store import SqliteStore
from sandbox.tokens import TokenOffice
from sandbox.triggers import Triggers
from sandbox.workbook.spreadsheet import Spreadsheet


class Office:
    """What the HTTP parts share."""

    def __init__(self, settings: SandboxSettings) -> None:
        self.settings = settings
        self.store = SqliteStore(settings.data_path)
        self.accounts: dict[str, Account] = self.store.load_accounts()
        self.tokens = TokenOffice(
            self.accounts, self.store.load_consents(), self.store, settings.clock, f"{settings.base_url}/token"
        )
        self.gate = Gate(self.tokens, settings.clock)
        self.drive = Drive(self.store, settings.clock, self.store.load_files(), self.store.load_losses())
        self.live = Live()
        self.drive.listeners.append(self.live.changed)
        self.channels = Channels(settings, self.store, self.drive)
        self.feeds = Shelf(self.store, settings.clock)
        self.triggers = Triggers(settings, self.store)
        self.scripts = Scripts(settings, self.store, self.drive, self.triggers)
        self.person = Person(self.drive, self._tell)
        self.faults = Faults()
        self.recorder = Recorder(settings.watch or exchanges.named())
        if demo.SPREADSHEET_ID not in self.drive.files:
            self._seed()

    def account(self, email: str) -> dict[str, str]:
        """The key file of a service account, which is made if there is none."""
        account = self.accounts.get(email)
        if account is None:
            account = new_account(email)
            self.store.save_account(account)
            self.accounts[email] = account
        return account_file(account, self.settings.base_url)

    def consent(self, email: str, scopes: tuple[str, ...]) -> dict[str, str | list[str]]:
        """The file of a program that this person has just let use these scopes."""
        consent = new_consent(email, scopes)
        self.tokens.agree(consent)
        return consent_file(consent, self.settings.base_url)

    def revoke(self, email: str) -> bool:
        """The account's key and tokens are worth nothing any more, `account` gives the new one. A person's consents are
        withdrawn. False: neither an account nor a person who consented."""
        if email not in self.accounts:
            return self.tokens.revoke(email)
        account = new_account(email)
        self.store.save_account(account)
        self.accounts[email] = account
        self.tokens.revoke(email)
        return True

    def workbook(self, name: str) -> File:
        """The spreadsheet of that name, or a new one: a person's, which every account known now may write."""
        for file in self.drive.files.values():
            if file.name == name:
                return file
        readers = tuple(permission("user", "writer", email) for email in self.accounts)
        return self.drive.add(Spreadsheet(name), (permission("user", "owner", PERSON), *readers))

    def reset(self) -> None:
        """Back to the demo's workbook alone: no faults, no recorded calls, no quota, no push channels."""
        self.channels.clear()
        for file_id in [file_id for file_id in self.drive.files if file_id != demo.SPREADSHEET_ID]:
            self.drive.remove(file_id)
        self._seed()
        self.triggers.keep_only(set(self.drive.files))
        self.scripts.keep_only(set(self.drive.files))
        self.faults.clear()
        self.recorder.clear()
        self.gate.set_quota(None)

    def close(self) -> None:
        self.store.close()

    def _seed(self) -> None:
        self.account(DEMO_ACCOUNT)
        place = self.drive.renew if demo.SPREADSHEET_ID in self.drive.files else self.drive.add
        place(demo.demo_spreadsheet(), demo.demo_permissions(), demo.SPREADSHEET_ID)

    def _tell(self, edited: Edited) -> None:
        self.triggers.fire(edited)
        self.scripts.fire(edited)
