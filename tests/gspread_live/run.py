"""gspread's own tests, run live against a sandbox: `python -m tests.gspread_live.run ~/gspread`.

The argument is a checkout of gspread's repository; what follows it is passed to pytest. None of its code is changed and
none of its recordings is read. docs/sandbox.md tells how to get there.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from sandbox.accounts import PERSON
from sandbox.drive import permission
from sandbox.office import Office
from sandbox.server import Sandbox
from sandbox.workbook.spreadsheet import Spreadsheet

# A stranger's spreadsheet, which their test of a refusal opens.
PRIVATE = "1jIKzPs8LsiZZdLdeMEP-5ZIHw6RkjiOmj1LrJN706Yc"
_PYTEST = ["-m", "pytest", "-c", os.devnull, "-p", "google_redirect", "-p", "no:vcr", "-p", "no:cacheprovider"]


def add_private(office: Office) -> None:
    office.drive.add(Spreadsheet("Private"), (permission("user", "owner", PERSON),), PRIVATE)


def run(checkout: Path, arguments: list[str]) -> int:
    """Runs the tests of a checkout; answers pytest's exit code."""
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as folder:
        sandbox.do(add_private)
        key = Path(folder) / "service-account.json"
        key.write_text(json.dumps(sandbox.service_account_info("gspread@example.com")), encoding="utf-8")
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(checkout), str(Path(__file__).parent)]),
            "GS_CREDS_FILENAME": str(key),
            "SANDBOX_URL": sandbox.url,
        }
        command = [sys.executable, *_PYTEST, "--rootdir", str(checkout), str(checkout / "tests"), *arguments]
        return subprocess.run(command, cwd=checkout, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]).resolve(), sys.argv[2:]))
