"""What a refused command prints."""

import pytest

from trading_env.cli.main import main


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one line of error of a command that must be refused.

    Above it may stand a line a file that says what was read of its bars.
    """
    assert main(arguments) == 2
    printed = capsys.readouterr()
    judged = arguments[:2] == ("data", "validate") and printed.out.startswith("refused: ")
    assert judged or printed.out == ""
    *read, said = printed.err.splitlines()
    assert printed.err.endswith("\n") and all("; layout " in line for line in read)
    assert said.startswith("error: ") and len(said) < 220
    assert said.isprintable() and "Traceback" not in said
    return said
