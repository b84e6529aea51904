"""A run folder from elsewhere: its policy is refused in one line, its cells count as missing."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import numpy as tensors

from tests.figures import figure
from tests.mutations import mutate
from tests.policies.test_pace import network
from trading_env.backtesting.cells import Slice
from trading_env.backtesting.lookup import find_policy, policy_of_run, resolve
from trading_env.backtesting.plans import Plan
from trading_env.backtesting.playing import play
from trading_env.backtesting.store import CellStore, _digest
from trading_env.cli.main import main
from trading_env.core.codes import Task
from trading_env.core.errors import UserError
from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.adapters import build_policy
from trading_env.policies.adaptive import AdaptivePolicy, Network
from trading_env.policies.baselines import BASELINES
from trading_env.policies.pace import PaceInputs, PacePolicy
from trading_env.policies.patience import Clock

ONE = ObservationLayout(("A",), (), Task.EXECUTION)
TWO = ObservationLayout(("A", "B"), ())
DESCRIPTION, WEIGHTS, CONFIG = "policy/policy.json", "policy/policy.safetensors", "config.toml"
Damage = Callable[[Path], None]


def adaptive(folder: Path) -> Path:
    """Write the folder of a run with an adaptive policy."""
    rng = np.random.default_rng(0)
    sizes = [len(TWO.block), 4, 1]
    weights = {"mean": np.zeros(sizes[0]), "scale": np.ones(sizes[0])}
    for k in range(2):
        weights[f"layer_{k}.weight"] = rng.normal(size=(sizes[k + 1], sizes[k]))
        weights[f"layer_{k}.bias"] = rng.normal(size=sizes[k + 1])
    made = Network({name: w.astype(np.float32) for name, w in weights.items()})
    AdaptivePolicy(made, TWO).save(folder / "policy", scenarios=["calm"])
    (folder / CONFIG).write_text('env = "portfolio"\nmarket = "multiscale"\n')
    return folder


def pace(folder: Path) -> Path:
    """Write the folder of a run with a pace."""
    clock = Clock(ONE, 20)
    count = len(PaceInputs(clock, feedback=True).names)
    PacePolicy(network(count), clock).save(folder / "policy", scenarios=["calm"])
    (folder / CONFIG).write_text('env = "execution"\n')
    return folder


def used(folder: Path, layout: ObservationLayout) -> None:
    """Find the policy of a folder, and everything that it is played beside; let them act."""
    found = find_policy(str(folder))
    for spec in (found.spec, *found.company.values()):
        policy = build_policy(spec, layout)
        policy.reset(3)
        action = policy.act(np.zeros((3, len(layout.features)), dtype=np.float32), {})
        assert action.shape == (3, len(layout.symbols)) and np.isfinite(action).all()


def put(place: str, value: Any) -> Damage:
    """Return what sets one value of the description."""

    def damage(folder: Path) -> None:
        content = json.loads((folder / DESCRIPTION).read_text())
        content[place] = value
        (folder / DESCRIPTION).write_text(json.dumps(content))

    return damage


def tensor(name: str, change: Callable[[Any], Any] | None) -> Damage:
    """Return what changes a tensor, adds one, or drops it."""

    def damage(folder: Path) -> None:
        weights = tensors.load((folder / WEIGHTS).read_bytes())
        if change is None:
            del weights[name]
        else:
            weights[name] = np.ascontiguousarray(change(weights.get(name)))
        (folder / WEIGHTS).write_bytes(tensors.save(weights))

    return damage


def outputs(count: int) -> Damage:
    """Return what gives the network another number of outputs, in both files."""

    def damage(folder: Path) -> None:
        sizes = json.loads((folder / DESCRIPTION).read_text())["sizes"]
        put("sizes", [*sizes[:-1], count])(folder)
        tensor("layer_1.weight", lambda _: np.zeros((count, sizes[-2]), np.float32))(folder)
        tensor("layer_1.bias", lambda _: np.zeros(count, np.float32))(folder)

    return damage


def overwrite(name: str, content: bytes) -> Damage:
    return lambda folder: (folder / name).write_bytes(content) and None


def other_kind(name: str, make: Callable[[Path], Any]) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return damage


def filled(value: float) -> Callable[[Any], Any]:
    """Return what sets the first element of a tensor."""

    def change(values: Any) -> Any:
        values = values.copy()
        values.flat[0] = value
        return values

    return change


def damages() -> Iterator[tuple[str, Damage]]:
    """Yield the file that the refusal must name, and what damages it."""
    deep = b"[" * 100_000
    for name in (DESCRIPTION, WEIGHTS, CONFIG):
        for content in (b"{", b"\xff\xfe", deep, b"x = " + deep):
            yield name, overwrite(name, content)
        for make in (Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path)):
            yield name, other_kind(name, make)
    for content in (b"", b"[]", b"null", b'{"format": "other"}', b'{"a":' * 500):
        yield DESCRIPTION, overwrite(DESCRIPTION, content)
    for place, value in (
        ("format", "trading-env policy 2"),
        ("kind", None),
        ("scenarios", None),
        ("scenarios", "calm"),
        ("scenarios", [1]),
        ("sizes", None),
        ("sizes", []),
        ("sizes", [-1, 4, 2]),
        ("sizes", [10**9, 4]),
        ("sizes", [2.5, 4]),
        ("sizes", [True, True]),
    ):
        yield DESCRIPTION, put(place, value)
    yield WEIGHTS, lambda folder: (folder / WEIGHTS).unlink()
    for name in ("mean", "scale", "layer_0.weight", "layer_1.bias"):
        yield WEIGHTS, tensor(name, None)
        for bad in (np.nan, np.inf, -np.inf):
            yield WEIGHTS, tensor(name, filled(bad))
        yield WEIGHTS, tensor(name, lambda values: values.astype(np.float64))
        yield WEIGHTS, tensor(name, lambda values: values[:-1])
        yield WEIGHTS, tensor(name, lambda values: values[None])
    yield WEIGHTS, tensor("scale", filled(0.0))
    yield WEIGHTS, tensor("layer_2.weight", lambda _: np.zeros((2, 2), np.float32))
    yield CONFIG, overwrite(CONFIG, b"env = 7")
    yield CONFIG, overwrite(CONFIG, b"market = [1]")


def own_damages() -> Iterator[tuple[Callable[[Path], Path], str, Damage]]:
    """Yield those of one kind of policy alone: which, the file, the damage."""
    for place, value in (
        ("features", None),
        ("features", []),
        ("features", ["weight"]),
        ("signal_rule", {"aim": 0.1}),
        ("signal_rule", {"aim": 0.1, "keep": float("nan")}),
        ("signal_rule", "yes"),
        ("sizes", [7, 4, 2]),
    ):
        yield adaptive, "policy/policy", put(place, value)
    yield adaptive, DESCRIPTION, outputs(3)
    yield pace, DESCRIPTION, outputs(2)
    for place, value in (
        ("length", 0),
        ("length", None),
        ("length", 1e9),
        ("participation", 0.0),
        ("participation", float("nan")),
        ("participation", "0.1"),
        ("inputs", ["left"]),
        ("sizes", [3, 4, 1]),
    ):
        yield pace, "policy/policy", put(place, value)


DAMAGES = [(make, *each) for make in (adaptive, pace) for each in damages()] + [*own_damages()]


@pytest.mark.parametrize(("make", "name", "damage"), DAMAGES)
def test_a_policy_of_a_damaged_folder_is_refused_and_the_file_is_named(
    make: Callable[[Path], Path], name: str, damage: Damage, tmp_path: Path
) -> None:
    layout = TWO if make is adaptive else ONE
    used(make(tmp_path), layout)
    damage(tmp_path)
    with pytest.raises(UserError) as refused:
        used(tmp_path, layout)
    message = str(refused.value)
    assert Path(name).name in message and len(message) < 200 and "\n" not in message


def test_the_damages_are_many_and_the_command_line_says_them_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(DAMAGES) >= 60
    tensor("mean", filled(np.nan))(adaptive(tmp_path))
    out = tmp_path / "out"
    assert main(["evaluate", str(tmp_path), "--episodes", "1", "--out", str(out)]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and "policy.safetensors: mean" in said.err
    assert not out.exists()
    figure(f"{len(DAMAGES)} damaged policy folders")


def a_plan() -> Plan:
    market = {"generator": "multiscale", "paths": 2, "bars": 140, "assets": 2}
    return Plan(
        policies={"hold": BASELINES["buy_and_hold"]},
        scenarios={"calm": "calm"},
        slices=[Slice("m", {})],
        env_kwargs={"market": market, "episode_length": 20},
    )


@pytest.mark.proof
@pytest.mark.parametrize("damage", ["deep", "metrics", "curve", "lengths", "extra", "random"])
def test_a_cell_of_another_shape_is_played_again_though_its_hash_is_right(
    damage: str, tmp_path: Path
) -> None:
    store = CellStore(tmp_path)
    whole = repr(list(play(a_plan(), store=store)))
    (path,) = tmp_path.glob("*.json")
    text = path.read_text()
    rng = np.random.default_rng(7)
    for _ in range(40 if damage == "random" else 1):
        path.write_text(text)
        kept = json.loads(text)
        content = kept["content"]
        if damage == "metrics":
            content["metrics"].popitem()
        elif damage == "curve":
            content["curve"] = [1]
        elif damage == "lengths":
            content["reasons"] = []
        elif damage == "extra":
            content["more"] = 1
        if damage == "deep":
            path.write_text("[" * 100_000)
        elif damage == "random":
            mutate(tmp_path, [path.name], rng)
        else:
            path.write_text(json.dumps({**kept, "sha256": _digest(content)}))
        assert repr(list(play(a_plan(), store=store))) == whole


@pytest.mark.parametrize("name", ["momentum", "problems.run1", "mine.zip"])
def test_a_run_is_found_by_its_folder_however_that_is_called(name: str, tmp_path: Path) -> None:
    """A folder is no text: what `train.py` has trained is what it plays."""
    found = policy_of_run(adaptive(tmp_path / name))
    assert isinstance(build_policy(found.spec, TWO), AdaptivePolicy)


def test_a_policy_that_is_called_as_a_baseline_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would stand in that one's place, and a control that is none would be believed."""
    (tmp_path / "own_rules.py").write_text(
        "import numpy as np\n"
        "def flat(observation, info):\n    return np.ones((len(observation), 2))\n"
        "long = flat\n"
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="'flat' is a baseline's name"):
        find_policy("own_rules:flat")
    with pytest.raises(UserError, match="'flat' is a baseline's name"):
        resolve({"flat": BASELINES["momentum"]}, None, trust=False)
    named = resolve({"flat": "flat", "long": BASELINES["always_long"]}, None, trust=False)
    assert list(named.policies) == ["flat", "long"]
