"""A deprecation has the form of CONTRIBUTING.md, is in the changelog, and goes when it says."""

import ast
import re
import textwrap
import warnings

import pytest

from scripts.memory_bank import ROOT
from trading_env import __version__

FORM = re.compile(r"(\S+) is deprecated: use .+; (\d+)\.(\d+) removes it")
SECTION = "## Deprecate something"
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition(SECTION)[2]
EXAMPLE = textwrap.dedent(re.findall(r"```python\n(.*?)```", PAGE, re.S)[0])
LISTED = "## 0.1.0\n\n### Breaking\n\n- `trading_env.plot` is deprecated.\n\n### New\n"


def warned(source: str) -> list[str]:
    """Return the messages of a file's deprecation warnings; "" where it is no plain text."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    ours = [c for c in calls if any(ast.unparse(a) == "DeprecationWarning" for a in given(c))]
    return [text_of(call.args[0]) for call in ours if ast.unparse(call.func).endswith("warn")]


def given(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def text_of(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""


def faults(message: str, changelog: str, version: str) -> list[str]:
    """Say what is wrong with a deprecation."""
    found = FORM.fullmatch(message)
    if not found:
        return ["not in the form of CONTRIBUTING.md"]
    breaking = "".join(re.findall(r"^### Breaking\n(.*?)(?=^##|\Z)", changelog, re.M | re.S))
    wrong = [] if f"`{found[1]}`" in breaking else ["the changelog does not name it under Breaking"]
    now = tuple(int(part) for part in version.split(".")[:2])
    return wrong + (["its release has come"] if (int(found[2]), int(found[3])) <= now else [])


@pytest.mark.proof
def test_every_deprecation_keeps_the_rule() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    wrong = {
        (path.relative_to(ROOT).as_posix(), message): said
        for path in sorted((ROOT / "trading_env").rglob("*.py"))
        for message in warned(path.read_text(encoding="utf-8"))
        if (said := faults(message, changelog, __version__))
    }
    assert wrong == {}


def test_the_example_warns_and_keeps_the_rule() -> None:
    with pytest.warns(DeprecationWarning, match=r"use trading_env\.report\.plots\.plot"):
        exec(EXAMPLE, {"warnings": warnings})
    (message,) = warned(EXAMPLE)
    assert faults(message, LISTED, __version__) == []


@pytest.mark.parametrize(
    ("old", "new", "version", "said"),
    [
        ("; 9.0 removes it", "", "0.2.0", "not in the form"),
        (" use ", " ", "0.2.0", "not in the form"),
        ('"trading_env', 'f"{__name__}', "0.2.0", "not in the form"),
        ("### Breaking", "### New", "0.2.0", "does not name it"),
        ("`trading_env.plot`", "`trading_env.evaluate`", "0.2.0", "does not name it"),
        ("9.0", "0.2", "0.2.0", "its release has come"),
        ("9.0", "0.9", "0.10.0", "its release has come"),
    ],
)
def test_a_deprecation_that_breaks_the_rule_is_told(
    old: str, new: str, version: str, said: str
) -> None:
    assert old in EXAMPLE + LISTED
    (message,) = warned(EXAMPLE.replace(old, new))
    assert said in " ".join(faults(message, LISTED.replace(old, new), version))
