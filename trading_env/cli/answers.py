"""What every command shares: its answer as text or JSON, and one line for whatever goes wrong.

A clean command returns 0, one that is refused 2, one that is interrupted 130 (SIGTERM: 143), an
audit that finds a fault, a training that diverges or an evaluation with cells that failed 1. A
closed pipe (`| head`) is not an error.
"""

import json
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from io import TextIOWrapper
from typing import Any

import typer

from trading_env.backtesting.interruption import interruptible
from trading_env.core.errors import FailedError, clip, one_line
from trading_env.core.files import jsonable, unicode

FAILED, REFUSED = 1, 2
LISTED = 10  # cells that failed
INTERRUPTED = 128 + signal.SIGINT  # as a shell counts it


def new_app(**settings: Any) -> typer.Typer:
    """Return an empty command or group, without decoration."""
    usual = {"add_completion": False, "rich_markup_mode": None, "pretty_exceptions_enable": False}
    return typer.Typer(**{**usual, **settings})


def run(app: typer.Typer, name: str, argv: Sequence[str]) -> int:
    """Run a command line, which is the context's `obj`; return the process's exit code."""
    command = typer.main.get_command(app)
    for stream in (sys.stdout, sys.stderr):  # a letter that a terminal lacks is no error
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    came: list[int] = []
    try:
        with interruptible() as came:
            code = command.main(
                list(argv),
                prog_name=name,
                standalone_mode=False,
                obj=shlex.join([*name.split(), *argv]),
            )
    except typer.TyperException as error:  # the command line itself is wrong
        reason = error.format_message().replace("Value error, ", "").removesuffix(".")
        where = getattr(error, "ctx", None)
        return _refuse(f"{reason} (see {where.command_path if where else name} --help)")
    except (ValueError, OSError) as error:
        return _refuse(error)
    except FailedError as error:
        return _refuse(error, FAILED)
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:
        print("error: interrupted", file=sys.stderr)
        return 128 + came[0] if came else code
    return code if isinstance(code, int) else 0


def _refuse(reason: object, code: int = REFUSED) -> int:
    print(f"error: {one_line(reason)}", file=sys.stderr)
    return code


def answer(
    found: dict[str, Any], as_json: bool, lines: Callable[[dict[str, Any]], Iterable[str]]
) -> None:
    """Print what a command found, until the reader stops reading.

    Raises:
        OSError: standard output cannot be written to, say because its disk is full.
    """
    if as_json:
        text = json.dumps(jsonable(found), indent=2, allow_nan=False)
    else:
        text = "\n".join(lines(found))
    try:
        print(unicode(text), flush=True)
    except OSError as error:
        # What is left in the buffer would fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise


def failed_cells(summary: dict[str, Any]) -> int:
    """Say on standard error which cells failed, and why; return the command's exit code."""
    failed = summary["failed"]
    for cell in failed[:LISTED]:
        names = ("policy", "market", "scenario", "severity", "window")
        where = ", ".join(f"{n} {clip(cell[n])}" for n in names if cell[n] is not None)
        _refuse(f"{where}: {cell['reason']}", FAILED)
    if len(failed) > LISTED:
        print(f"error: {len(failed)} cells failed, the first {LISTED} above", file=sys.stderr)
    return FAILED if failed else 0


def indented(values: dict[str, Any], indent: str = "") -> list[str]:
    """Write nested values as aligned, indented text."""
    width = max((len(name) for name in values), default=0)
    written: list[str] = []
    for name, value in values.items():
        items = value if isinstance(value, list) else []
        if isinstance(value, dict):
            written += [f"{indent}{name}", *indented(value, indent + "  ")]
        elif items and isinstance(items[0], dict):
            for number, item in enumerate(items):
                written += [f"{indent}{name}[{number}]", *indented(item, indent + "  ")]
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            written.append(f"{indent}{name:<{width}}  {shown}".rstrip())
    return written
