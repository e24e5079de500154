"""Runs Apps Scripts, one execution after the other. A child process, so that a script which never ends can be ended.

Lines of JSON on standard input and output. In: an execution `{script, function, context, seconds}`. Out, as often as
the script uses a service: `{"call": name, "arguments": […]}`, which is answered by a line with `value` or `error`. Out
at the end: `{"value": …}` or `{"error": …, "stack": …}`. Imports nothing of the sandbox: it is started by its path.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import quickjs

_MEMORY = 64 * 2**20
_STACK = 512 * 2**10
_SERVICES = Path(__file__).with_name("services.js")


def main() -> None:
    services = _SERVICES.read_text(encoding="utf-8")
    for line in sys.stdin:
        execution = json.loads(line)
        # Its default action ends this process, wherever it is: the engine itself can't be interrupted while it may
        # call services.
        signal.alarm(execution["seconds"])
        outcome = _execute(services, execution)
        signal.alarm(0)
        _say(outcome)


def _execute(services: str, execution: dict[str, Any]) -> dict[str, Any]:
    context = quickjs.Context()
    context.set_memory_limit(_MEMORY)
    context.set_max_stack_size(_STACK)
    context.add_callable("__host", _call_service)
    try:
        run = context.eval(services)(json.dumps(execution["context"]))
        context.eval(execution["script"])
        text = run(execution["function"])
        while context.execute_pending_job():
            pass
    except quickjs.JSException as error:
        message, _, stack = str(error).partition("\n")
        return {"error": message, "stack": stack}
    return {"value": json.loads(text)}


def _call_service(name: str, arguments: str) -> str:
    """Never raises: the engine can't take it."""
    _say({"call": name, "arguments": json.loads(arguments)})
    answer = sys.stdin.readline()
    if not answer:
        # Nobody is there any more to want an outcome.
        os._exit(1)
    return answer


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
