"""The script that people paste into their spreadsheet, to tell of edits at once: docs/google-sheets.md says how."""

from pathlib import Path
from typing import Final

CODE: Final = Path(__file__).with_name("Code.gs")
MANIFEST: Final = Path(__file__).with_name("appsscript.json")
SET_UP: Final = "rowcastSetUp"
"""The menu's function that asks for a hook's address and its secret, in this order."""
