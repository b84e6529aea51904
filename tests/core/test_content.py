"""A hash of content moves with whatever a value holds, and with nothing else.

Over 300 lines because every kind of value is a row of one list, which two processes hash.
"""

import functools
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import CellType, FunctionType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from trading_env.backtesting.fingerprint import fingerprint
from trading_env.core.content import content_digest
from trading_env.core.errors import ConfigError
from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.adapters import build_policy

LAYOUT = ObservationLayout(("A", "B"), ())


def printed(value: Any) -> str:
    return content_digest("value", value)


def typed_in(text: str, name: str = "act", module: str = "mypol") -> Any:
    """Run text that no file holds, as a notebook does."""
    scope: dict[str, Any] = {"np": np, "pd": pd, "re": re, "__name__": module}
    exec(compile(text, "<cell>", "exec"), scope)
    return scope[name]


def plain(a: float, b: float = 1.0, *, c: float = 2.0) -> float:
    return a * b * c


def other(a: float, b: float = 1.0, *, c: float = 2.0) -> float:
    return a + b + c


def holding() -> Callable[..., Any]:
    """Return a function with something in every place, all of its own."""
    module = {"SCALE": 0.5, "helper": FunctionType(plain.__code__, {}), "__name__": "mypol"}
    made = eval(
        "lambda cell: lambda a, b=1.0, *, c=2.0: (a, b, c, cell, SCALE, helper, (lambda x: x))",
        module,
    )
    function: Callable[..., Any] = made([1.0])
    return function


def set_code(f: Any) -> None:
    f.__code__ = f.__code__.replace(co_consts=(*f.__code__.co_consts, 7))


class Scaled:
    def __init__(self, scale: float) -> None:
        self.scale = scale

    def act(self, observation: Any, info: Any) -> Any:
        return observation * self.scale


PLACES: dict[str, Callable[[Any], Any]] = {
    "code": set_code,
    "defaults": lambda f: setattr(f, "__defaults__", (9.0,)),
    "keyword defaults": lambda f: f.__kwdefaults__.update(c=9.0),
    "a global": lambda f: f.__globals__.update(SCALE=9.0),
    "a function of the module": lambda f: f.__globals__.update(helper=other),
    "an attribute of that one": lambda f: setattr(f.__globals__["helper"], "scale", 9.0),
    "a C function of the module": lambda f: f.__globals__.update(helper=len),
    "another cell": lambda f: setattr(f.__closure__[0], "cell_contents", [9.0]),
    "what a cell holds": lambda f: f.__closure__[0].cell_contents.append(9.0),
    "an attribute": lambda f: setattr(f, "scale", 9.0),
    "what it says to be around": lambda f: setattr(f, "__wrapped__", other),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("around", ["it", "partial", "nested", "method", "cache", "attribute"])
def test_a_function_s_hash_moves_with_each_place_where_it_holds_something(
    place: str, around: str
) -> None:
    def put(function: Any) -> Any:
        if around == "attribute":
            outer = FunctionType(plain.__code__, {"__name__": "mypol"})
            outer.inner = function  # type: ignore[attr-defined]
            return outer
        if around == "nested":
            return FunctionType(
                (lambda: function).__code__, {"__name__": "mypol"}, closure=(CellType(function),)
            )
        held: dict[str, Callable[..., Any]] = {
            "it": lambda f: f,
            "partial": lambda f: partial(f, 1.0),
            "method": lambda f: Scaled(f).act,
            "cache": lambda f: functools.lru_cache(f),
        }
        return held[around](function)

    function, untouched = holding(), holding()
    before = printed(put(function))
    assert before == printed(put(untouched))
    PLACES[place](function)
    assert before != printed(put(function))


def test_partials_methods_and_caches_hold_more_than_their_function() -> None:
    assert printed(partial(plain, 1.0)) != printed(partial(plain, 2.0))
    assert printed(partial(plain, c=1.0)) != printed(partial(plain, c=2.0))
    assert printed(Scaled(1.0).act) == printed(Scaled(1.0).act) != printed(Scaled(2.0).act)
    caches = [functools.lru_cache(FunctionType(plain.__code__, {})) for _ in range(2)]
    assert printed(caches[0]) == printed(caches[1])
    caches[1].scale = 0.5  # type: ignore[attr-defined]
    assert printed(caches[0]) != printed(caches[1])


def test_functions_of_one_name_are_told_apart_when_met_again() -> None:
    def make(scale: float) -> Any:
        return lambda: scale

    first, second = make(1.0), make(2.0)
    assert printed([first, second, first]) != printed([first, second, second])


CLASS = """
from functools import partial, partialmethod
class Field:
    def __init__(self, value): self.value = value
    def __get__(self, held, kind): return self.value
class act:
    def size(self, scale): return scale
    def _set(self, value): self.scale = {0}
    half = partialmethod(size, {1})
    gain = property(lambda self: 1.0, _set)
    field = Field({2})
    part = staticmethod(partial(max, {3}))
"""


@pytest.mark.parametrize("place", range(4))
def test_a_class_is_every_kind_of_entry(place: str) -> None:
    numbers = [0.5] * 4
    before = printed(typed_in(CLASS.format(*numbers)))
    assert before == printed(typed_in(CLASS.format(*numbers)))
    numbers[int(place)] = 0.9
    assert before != printed(typed_in(CLASS.format(*numbers)))


GLOBALS = {
    "a ufunc": ("np.tanh", "np.sinh"),
    "a function of NumPy": ("np.mean", "np.median"),
    "a C function": ("__import__('math').sin", "__import__('cmath').sin"),
    "a pattern": ("re.compile('a')", "re.compile('b')"),
    "a pattern's flags": ("re.compile('a')", "re.compile('a', re.I)"),
    "a table": ("pd.DataFrame({'a': [1, 2]})", "pd.DataFrame({'a': [1, 3]})"),
    "a table's names": ("pd.DataFrame({'a': [1]})", "pd.DataFrame({'b': [1]})"),
    "a table of texts": ("pd.DataFrame({'a': ['x', None]})", "pd.DataFrame({'a': ['x', 'y']})"),
    "a series": ("pd.Series([1.0])", "pd.Series([1.0], index=[1])"),
    "a time": ("pd.Timestamp('2020')", "pd.Timestamp('2020', tz='UTC')"),
    "times": ("pd.date_range('2020', periods=2)", "pd.date_range('2021', periods=2)"),
    "times of a zone": (
        "pd.date_range('2020', periods=2, tz='UTC')",
        "pd.date_range('2020', periods=2, tz='Asia/Tokyo').tz_convert('Europe/Berlin')",
    ),
    "categories": (
        "pd.Series(['a'], dtype='category')",
        "pd.Series(pd.Categorical(['a'], categories=['b', 'a']))",
    ),
    "an index of levels": (
        "pd.MultiIndex.from_tuples([(1, 'a')])",
        "pd.MultiIndex.from_tuples([(1, 'b')])",
    ),
    "an array of objects": ("np.array([1, 'a'], object)", "np.array([1, 'b'], object)"),
}


@pytest.mark.parametrize("kind", GLOBALS)
def test_what_a_policy_names_goes_by_its_content(kind: str) -> None:
    text = "value = {}\ndef act(o, i): return value"
    one, again, another = (
        fingerprint(build_policy(typed_in(text.format(made)), LAYOUT))
        for made in (GLOBALS[kind][0], *GLOBALS[kind])
    )
    assert one == again != another


def test_a_table_is_the_same_however_it_is_cut_into_blocks() -> None:
    whole = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    grown = pd.DataFrame({"a": [1.0, 2.0, 0.0]})
    grown["b"] = [3.0, 4.0, 0.0]
    assert printed(whole) == printed(grown[:2].copy().set_index(pd.RangeIndex(2)))


class Node:
    def __init__(self, number: float, near: Any = None) -> None:
        self.number, self.near = number, near


def ring(*numbers: float) -> Node:
    nodes = [Node(number) for number in numbers]
    for node, near in zip(nodes, nodes[1:] + nodes[:1], strict=True):
        node.near = near
    return nodes[0]


def test_objects_may_refer_to_each_other() -> None:
    assert printed(ring(1.0, 2.0)) == printed(ring(1.0, 2.0)) != printed(ring(1.0, 3.0))
    assert printed(ring(1.0, 1.0)) != printed(ring(1.0, 1.0, 1.0))
    held: list[Any] = [1.0]
    held.append(held)
    assert printed(held) != printed([1.0, [1.0]])
    inner = {Node(1.0)}
    next(iter(inner)).near = inner
    assert printed(inner) != printed({Node(1.0)})


def test_many_objects_that_all_know_each_other_are_hashed_at_once() -> None:
    nodes = [Node(float(number)) for number in range(60)]
    for node in nodes:
        node.near = [other for other in nodes if other is not node]
    assert printed(nodes[0]) == printed(nodes[0]) != printed(nodes[1])


def test_equal_values_are_hashed_alike_whether_or_not_they_are_one() -> None:
    node = Node(1.0)
    assert printed([node, node]) == printed([Node(1.0), Node(1.0)])


def test_a_long_chain_has_a_hash_and_one_without_an_end_is_refused() -> None:
    first = None
    for number in range(2000):
        first = Node(number, first)
    assert printed(first) == printed(first)

    class Endless:
        def __getstate__(self) -> Any:
            return {"next": Endless()}

    with pytest.raises(ConfigError, match="nested without an end"):
        printed(Endless())


REFUSED: dict[str, tuple[str, str]] = {
    "a generator": ("(k for k in ())", "a generator has"),
    "a file": ("open(__import__('os').devnull)", "a _io.TextIOWrapper has"),
    "a lock": ("__import__('threading').Lock()", "a _thread.lock has"),
    "a socket": ("__import__('socket').socket()", "a socket.socket has"),
    "a ufunc of nobody": ("np.frompyfunc(len, 1, 1)", "a numpy.ufunc has"),
}


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.filterwarnings("ignore:unclosed")
def test_what_has_no_definite_content_is_refused_and_the_way_to_it_named(kind: str) -> None:
    made, said = REFUSED[kind]
    text = f"vn = [{{'held': {made}}}]\ndef act(o, i): return vn"
    with pytest.raises(ConfigError) as refused:
        fingerprint(build_policy(typed_in(text), LAYOUT))
    way = "policy: mypol.act: global 'vn'[0]['held']: "
    message = str(refused.value)
    assert message.startswith(way + said)
    assert message.endswith("no definite content; give it an attribute `fingerprint`, a string")


def test_the_way_goes_through_objects_closures_attributes_and_defaults() -> None:
    def refusal(value: Any) -> str:
        with pytest.raises(ConfigError) as refused:
            content_digest("policy", value)
        return str(refused.value).partition(": a _thread")[0].removeprefix("policy")

    lock = threading.Lock()
    text = (
        "def helper(): return LOCK\n"
        "class act:\n"
        "    def __init__(self): self.one = None\n"
        "    def size(self): return helper()\n"
    )
    kind = typed_in(text)
    kind.size.__globals__["LOCK"] = lock
    assert refusal([kind()]) == ": mypol.act.size: global 'helper': global 'LOCK'"
    act = typed_in("def act(o, i=None): return o")
    act.held = [lock]
    assert refusal({"a": act}) == ": mypol.act.held[0]"
    del act.held
    act.__defaults__ = (lock,)
    assert refusal([act]) == ": mypol.act: default [0]"
    assert refusal(lambda: lock) == ": closure 'lock'"
    node: Any = lock
    for _ in range(100):
        node = Node(0.0, node)
    assert len(refusal(node)) < 100


KINDS = """
import collections, dataclasses, datetime, enum, math, re
from functools import lru_cache, partial, singledispatch
import numpy as np, pandas as pd
from numba import njit
from trading_env.core.content import content_digest
class Node:
    def __init__(self, number): self.number, self.near = number, None
class Side(enum.Enum):
    BUY = 1
@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    sides: frozenset = frozenset("abc")
def make(x):
    def inner(): return x
    return inner
@singledispatch
def by_type(x): return 1
@by_type.register
def _(x: int): return 2
one, two = Node(1), Node(2)
one.near, two.near = two, one
def act(o, i, *, c={"a", "b"}): return o in {"u", "v"} and one
act.scale = {Node(k) for k in range(9)}
table = pd.DataFrame({"a": ["x", None], "t": pd.date_range("2020", periods=2, tz="UTC")})
kinds = {
    "function": act, "partial": partial(act, 1), "cache": lru_cache(act), "numba": njit(make(1)),
    "method": one.__init__, "dispatch": by_type, "objects": one, "enum": Side.BUY, "data": Point(1),
    "set of sets": {frozenset("abc"), frozenset("def"), frozenset("ghi")},
    "set of objects": {Node(k) for k in range(9)}, "keys": {Point(k): k for k in range(9)},
    "set of functions": {make(k) for k in range(9)}, "types": {int: 1, Node: 2, str: 3},
    "ufunc": np.tanh, "C": math.sin, "pattern": re.compile("a"), "table": table,
    "index": table.index, "time": pd.Timestamp("2020"), "missing": [pd.NaT, pd.NA, None],
    "levels": table.set_index(["a", "t"]),
    "dates": [datetime.datetime(2020, 1, 1), datetime.timedelta(1)],
    "random": np.random.default_rng(1),
    "objects in an array": np.array([{"a", "b"}, one], object), "deque": collections.deque("ab"),
}
"""
NETWORKS = """
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize
import gymnasium
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Tanh())
model = PPO("MlpPolicy", "Pendulum-v1", seed=0, device="cpu")
vn = VecNormalize(DummyVecEnv([lambda: gymnasium.make("Pendulum-v1")]))
def predicts(o, i): return model.predict(vn.normalize_obs(o))[0]
kinds |= {
    "tensor": torch.arange(3.0), "half": torch.ones(2, dtype=torch.bfloat16),
    "parameter": net[0].bias, "network": net, "sparse": torch.eye(2).to_sparse(),
    "optimizer": torch.optim.Adam(net.parameters()),
    "model": model, "policy": model.policy, "predicts": predicts, "torch": torch.tanh, "vn": vn,
}
"""
PRINTED = "for name, value in kinds.items(): print(name, content_digest(name, value))"


@pytest.mark.proof
@pytest.mark.parametrize("text", [KINDS, KINDS + NETWORKS], ids=["plain", "networks"])
def test_every_kind_of_value_has_the_same_hash_in_another_process(
    text: str, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(text + PRINTED, encoding="utf-8")
    found = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "mine.py"],
            capture_output=True,
            check=True,
            cwd=tmp_path,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        ).stdout.splitlines()
        for seed in ("1", "2")
    ]
    assert found[0] == found[1]
    prints = [line.rpartition(" ")[2] for line in found[0]]
    assert len(set(prints)) == len(prints) > 25


@pytest.mark.proof
def test_a_network_goes_by_what_it_answers_with() -> None:
    torch = pytest.importorskip("torch")
    sb3 = pytest.importorskip("stable_baselines3")

    def network() -> Any:
        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))

    before = printed(network())
    assert before == printed(network())
    for change in (
        lambda net: net[0].weight.data.add_(1e-3),
        lambda net: net[1].running_mean.add_(1e-3),
        lambda net: net.double(),
        lambda net: net.append(torch.nn.Tanh()),
    ):
        net = network()
        change(net)
        assert before != printed(net)
    ones = torch.ones(4)
    assert printed(ones) != printed(ones.reshape(2, 2)) != printed(ones.int().reshape(2, 2))
    assert printed(torch.arange(6)[::2]) == printed(torch.tensor([0, 2, 4]))

    def model(**policy: Any) -> Any:
        return sb3.PPO("MlpPolicy", "Pendulum-v1", seed=0, device="cpu", policy_kwargs=policy)

    one, other = model(), model(activation_fn=torch.nn.ReLU)
    before = printed(one)
    assert before == printed(model()) != printed(other)
    one.predict(np.zeros(3, np.float32))
    assert printed(one) == before, "playing is no change"
    next(one.policy.parameters()).data.add_(1e-3)
    assert printed(one) != before
