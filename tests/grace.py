"""For tests that make an engine, or a dry run, and don't care how late a write may arrive."""

from datetime import timedelta
from typing import Final

GRACE: Final = timedelta(minutes=4)
