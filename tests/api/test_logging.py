"""What the log looks like, in a process of its own: logging is the whole process' affair."""

import json
import subprocess
import sys

_PROGRAM = """
import logging, sys, structlog
from api.logging import configure
configure(sys.argv[1], "info")
structlog.contextvars.bind_contextvars(request_id="r1")
structlog.get_logger("ours").info("a run ended", source="customers", rows=3)
logging.getLogger("uvicorn.error").warning("from %s", "uvicorn")
logging.getLogger("uvicorn.access").info("not this")
logging.getLogger("any").debug("nor this")
try:
    key = "a secret " * 2
    raise ValueError("broken")
except ValueError:
    structlog.get_logger("ours").exception("failed")
"""


def _log(form: str) -> str:
    done = subprocess.run([sys.executable, "-c", _PROGRAM, form], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return done.stderr


def test_json_has_one_object_a_line_with_ids_and_tracebacks() -> None:
    run, uvicorn, failed = [json.loads(line) for line in _log("json").splitlines()]
    assert (run["message"], run["level"], run["logger"]) == ("a run ended", "info", "ours")
    assert (run["request_id"], run["source"], run["rows"]) == ("r1", "customers", 3)
    assert (uvicorn["message"], uvicorn["level"]) == ("from uvicorn", "warning")
    assert failed["exception"][0]["exc_type"] == "ValueError"
    assert "a secret a secret" not in json.dumps(failed), "a variable of the code that failed"


def test_text_has_the_same_for_people() -> None:
    text = _log("text")
    for part in ("a run ended", "source=customers", "request_id=r1", "from uvicorn", "ValueError: broken"):
        assert part in text
    assert "not this" not in text
    assert "nor this" not in text
    assert "a secret a secret" not in text, "a variable of the code that failed"
