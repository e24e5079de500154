"""The sandbox in somebody else's tests: what docs/sandbox.md says that they need, and no more."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
# What a package is imported as, where that isn't its name.
IMPORTED_AS = {"google-re2": "re2", "quickjs-ng": "quickjs"}
# Needed without being imported by name, or brought along by gspread.
UNSEEN = {"httptools", "tzdata"}
BROUGHT = {"google", "requests", "pytest"}


def test_the_example_runs(tmp_path: Path) -> None:
    for name, text in re.findall(r"```(?:python|ini)\n# (\S+)\n(.*?)```", DOCS, re.DOTALL):
        (tmp_path / name).write_text(text.replace("../rowcast", str(ROOT)), encoding="utf-8")
    assert {"pytest.ini", "conftest.py", "test_orders.py"} <= {path.name for path in tmp_path.iterdir()}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_the_docs_name_every_package_that_the_sandbox_imports() -> None:
    named = re.search(r"pip install (babel .*)", DOCS)
    assert named is not None
    packages = {IMPORTED_AS.get(name, name) for name in named[1].split()}
    assert packages == third_party() - BROUGHT | UNSEEN


def third_party() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "sandbox").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found.update(name.name.partition(".")[0] for name in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add((node.module or "").partition(".")[0])
    return found - sys.stdlib_module_names - {"sandbox"}
