"""A cold start says what it waits for, once and by one process; a warm one says nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trading_env.cli.main import main
from trading_env.core.compiling import NotCompiledError

DRAW = """
import sys
import numpy as np
from trading_env.markets import loading
from trading_env.markets.models import draws
from trading_env.core.compiling import only_cached
print("ready", flush=True)
sys.stdin.readline()
fill = draws._normals(sys.argv[1])
out = np.empty((1, 2, 1))
{how}
print(out[0, :, 0])
"""
PLAIN, REFUSED = "fill(out, np.uint64(1), 0)", "with only_cached(): fill(out, np.uint64(1), 0)"
WORDS = "compiling the generator of bars, about "


def started(cache: Path, how: str = PLAIN) -> "subprocess.Popen[str]":
    """Begin a process that draws when it is told to, with machine code of its own."""
    env = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    command = [sys.executable, "-c", DRAW.format(how=how), "a key"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


@pytest.mark.proof
def test_a_cold_process_says_what_it_compiles_and_a_warm_one_nothing(tmp_path: Path) -> None:
    cold, cold_words = started(tmp_path).communicate("\n", timeout=300)
    warm, warm_words = started(tmp_path).communicate("\n", timeout=300)
    assert cold_words.count("\n") == 1 and cold_words.startswith(WORDS)
    assert (warm, warm_words) == (cold, "")


@pytest.mark.proof
def test_of_processes_that_compile_together_one_speaks(tmp_path: Path) -> None:
    several = [started(tmp_path) for _ in range(3)]
    for process in several:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=300)[1] for process in several]
    assert "".join(said).count(WORDS) == 1


@pytest.mark.proof
def test_where_only_cached_code_is_wanted_none_is_compiled(tmp_path: Path) -> None:
    _, words = started(tmp_path, REFUSED).communicate("\n", timeout=300)
    assert NotCompiledError.__name__ in words and WORDS not in words
    assert not list(tmp_path.rglob("*.nbi"))


def test_warm_finds_what_is_compiled_and_doctor_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["warm"]) == 0
    printed = capsys.readouterr()
    assert printed.err.startswith("looking for machine code")
    assert "machine code" in printed.out
    assert main(["warm"]) == 0
    assert capsys.readouterr().out.count("was warm") == 1
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out.count("  compiled\n") == 1
