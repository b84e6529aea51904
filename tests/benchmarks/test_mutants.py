"""The command that plants faults: it refuses a stale list, and tells killed from survived."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.mutants import LIST, ROOT, Mutant, MutantError, Tree, kept, read_list

ROW = """[[mutant]]
name = "example"
file = "one.py"
old = "{old}"
new = "{new}"
wrong = "It is an example."
tests = ["test_one.py"]
"""
PRICING = "trading_env/execution_engine/pricing.py"
FILLS = ("tests/execution_engine/test_pricing.py::test_a_worked_fill",)
checkout = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="git lists the files to copy")


def test_every_mutant_of_the_list_can_be_planted_and_names_tests_that_exist() -> None:
    mutants = read_list()
    assert len(mutants) >= 14
    for mutant in mutants:
        assert mutant.wrong.endswith(".")
        for path, _, name in (test.partition("::") for test in mutant.tests):
            function = name.partition("[")[0]  # one case of it may be named
            assert f"def {function}" in (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (ROW.format(old="gone", new="x"), "is there 0 times"),
        (ROW.format(old="a", new="x"), "is there 2 times"),
        (ROW.format(old="b", new="b"), "changes nothing"),
        (ROW.format(old="b", new="x") * 2, "is there twice"),
        (ROW.format(old="b", new="x").replace("wrong", "why"), "it needs"),
    ],
)
def test_a_mutant_that_cannot_be_planted_is_refused_in_one_line(
    rows: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "one.py").write_text("a = 1\nb = a\n")
    (tmp_path / "list.toml").write_text(rows)
    with pytest.raises(MutantError, match=words) as error:
        read_list(tmp_path / "list.toml", tmp_path)
    assert "example" in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 200


@checkout
@pytest.mark.slow
def test_one_mutant_is_killed_end_to_end(tmp_path: Path) -> None:
    out = tmp_path / "mutants.json"
    command = [sys.executable, "-m", "benchmarks.mutants", "--only", "spread_received"]
    done = subprocess.run([*command, "--out", out], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "1 of 1 killed" in done.stdout
    row = json.loads(out.read_text())["rows"][0]
    assert (row["verdict"], row["by"]) == ("killed", FILLS[0])


@checkout
@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ("Not modelled: the order book", "Modelled: the order book", "survived"),
        ("    side = 1.0 if quantity >= 0.0 else -1.0\n", "    side = nothing\n", "broken"),
    ],
)
def test_a_mutant_that_no_test_sees_or_that_does_not_compile_is_not_killed(
    old: str, new: str, verdict: str
) -> None:
    with Tree() as tree:
        before = (tree.folder / PRICING).read_bytes()
        assert tree.plant(Mutant("example", PRICING, old, new, "It.", FILLS)).verdict == verdict
        assert (tree.folder / PRICING).read_bytes() == before


@pytest.mark.proof
def test_an_unknown_name_is_one_line() -> None:
    command = [sys.executable, "-m", "benchmarks.mutants", "--only", "no_such"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{LIST.name} has no mutant no_such.\n"


def test_a_record_keeps_what_it_has_of_mutants_that_are_not_run(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    old = [{"name": name, "verdict": "killed"} for name in ("a", "b", "gone")]
    path.write_text(json.dumps({"commit": "old", "rows": old}))
    new = {"name": "b", "verdict": "survived", "commit": "new"}
    rows = kept({"commit": "new", "rows": [new]}, path, ["a", "b", "c"])["rows"]
    assert rows == [{"name": "a", "verdict": "killed", "commit": "old"}, new]
