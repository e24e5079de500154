"""How a command ends that can't do its work: one message for people, and an exit code."""


class CommandError(Exception):
    """`exit_code` 1: something is missing or in the way. 2: the call or a setting is wrong."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def port_forbidden(port: int, variable: str) -> CommandError:
    return CommandError(f"Port {port} may not be used by this user: set {variable} to one of 1024 or above.")


def port_in_use(port: int, variable: str) -> CommandError:
    return CommandError(f"Port {port} is in use by another program: set {variable} to a free one.")
