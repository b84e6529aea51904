"""A policy's fingerprint follows what its code does, wherever that is written."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trading_env.backtesting.fingerprint import fingerprint
from trading_env.core.content import content_digest
from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.adapters import build_policy

LAYOUT = ObservationLayout(("A", "B"), ())


def typed_in(text: str, name: str) -> Any:
    """Run text that no file holds, as a notebook does."""
    scope: dict[str, Any] = {"np": np, "__name__": "__main__"}
    exec(compile(text, "<cell>", "exec"), scope)
    return scope[name]


SHORT = """
from functools import cached_property, lru_cache, partial
def helper(x): return {0} * x
@lru_cache
def kept(x): return {0} * x
class Base:
    def size(self): return {0}
    @property
    def gain(self): return {0}
    @cached_property
    def once(self): return {0}
    class Inner:
        def size(self): return {0}
class OnBase(Base):
    def reset(self, num_envs): pass
    def act(self, o, i): return self.size()
class OnNothing:
    def reset(self, num_envs): pass
    def act(self, o, i): return np.full((len(o), 5), {0})
def constant(o, i): return np.full((len(o), 5), {0})
def inner(o, i): return (lambda: np.full((len(o), 5), {0}))()
def by_helper(o, i): return helper(1.0)
def by_kept(o, i): return kept(1.0)
part = partial(lambda c, o, i: c, {0})
def names(o, i): return np.{1}(o)
def columns(o, i): return {2}
"""


@pytest.mark.parametrize(
    "name",
    [
        "OnBase",
        "OnNothing",
        "constant",
        "inner",
        "by_helper",
        "by_kept",
        "part",
        "names",
        "columns",
    ],
)
def test_a_policy_is_what_its_code_does_though_no_file_holds_it(name: str) -> None:
    one, other, again = (
        fingerprint(build_policy(typed_in(SHORT.format(*parts), name), LAYOUT))
        for parts in ((0.2, "sin", "o"), (0.9, "cos", "i"), (0.2, "sin", "o"))
    )
    assert one == again != other


@pytest.mark.parametrize("name", ["gain", "once", "Inner"])
def test_every_part_of_a_class_belongs_to_it(name: str) -> None:
    def only(text: str) -> str:
        base = typed_in(text, "Base")
        part = type("Part", (), {name: vars(base)[name], "__module__": "__main__"})
        return content_digest("part", part)

    first, second = (only(SHORT.format(number, "sin", "o")) for number in (0.2, 0.9))
    assert first != second


def test_policies_of_one_file_or_line_are_told_apart() -> None:
    first, second = lambda o, i: np.full((len(o), 5), 0.2), lambda o, i: np.full((len(o), 5), 0.9)
    assert fingerprint(build_policy(first, LAYOUT)) != fingerprint(build_policy(second, LAYOUT))


def test_a_function_of_another_module_of_the_user_s_belongs_to_the_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for imported in ("from beside import size", "import beside"):
        call = "size()" if "size" in imported else "beside.size()"
        text = f"{imported}\ndef act(o, i): return {call}"
        prints = []
        for number in (0.2, 0.9, 0.2):
            (tmp_path / "beside.py").write_text(f"def size(): return {number}\n", encoding="utf-8")
            sys.modules.pop("beside", None)
            prints.append(fingerprint(build_policy(typed_in(text, "act"), LAYOUT)))
        assert prints[0] == prints[2] != prints[1]


def test_a_set_has_one_content_whatever_its_order() -> None:
    text = (
        "from trading_env.core.content import content_digest\n"
        "def act(o, i): return o in {'a', 'b', 'c', 'd'}\n"
        "print(content_digest('act', [act, {'one', 'two', 'three'}]))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", text],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1
