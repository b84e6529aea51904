"""What a refused command prints."""

import pytest

from trading_env.cli.main import main


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one line of error of a command that must be refused."""
    assert main(arguments) == 2
    printed = capsys.readouterr()
    judged = arguments[:2] == ("data", "validate") and printed.out.startswith("refused: ")
    assert judged or printed.out == ""
    assert printed.err.count("\n") == 1 and printed.err.endswith("\n")
    assert printed.err.startswith("error: ") and len(printed.err) < 220
    assert printed.err[:-1].isprintable() and "Traceback" not in printed.err
    return printed.err
