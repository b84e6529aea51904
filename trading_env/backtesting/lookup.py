"""Find the policy that a POLICY text names, and what comes with it.

POLICY is one of

- a baseline's name, as `momentum`;
- the folder of a run of `train.py`, which brings its market and its ablation;
- `problems.NAME` or `problems.NAME.POLICY`: a policy of a problem with a known optimum, which
  brings the problem's environment and its other policies;
- `module:callable`, anything that `policies/adapters.py` takes; the module is looked for in the
  current folder too, and importing it runs its code;
- a Stable-Baselines3 `.zip`, which is loaded only when it is trusted: it holds pickles.

Over 300 lines because each kind of text is one function, and they are tried in turn.
"""

import importlib
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from trading_env.backtesting.summaries import CONSTANTS
from trading_env.backtesting.terms import UNSTATED, Terms
from trading_env.core.arguments import choice, flag, mapping
from trading_env.core.doors import Loose, is_there, read_json, read_toml
from trading_env.core.errors import ConfigError, PolicyError, nearest, shown, unknown
from trading_env.envs.spaces import ObservationLayout
from trading_env.markets.loading import market_from
from trading_env.policies.adapters import PolicySpec, build_policy, load_model
from trading_env.policies.adaptive import (
    DESCRIPTION,
    AdaptiveDescription,
    AdaptivePolicy,
    Description,
)
from trading_env.policies.baselines import BASELINES, EXECUTION_BASELINES
from trading_env.policies.pace import BLIND, KIND, PaceDescription, PacePolicy
from trading_env.policies.patience import Patience
from trading_env.policies.plain import PLAIN, PlainPolicy
from trading_env.policies.policy import ENVS, Policy
from trading_env.policies.recurrent import RECURRENT, RecurrentPolicy
from trading_env.policies.signal_rule import SignalRule
from trading_env.problems import PROBLEMS

NAMED = {"portfolio": BASELINES, "execution": EXECUTION_BASELINES}
WHOLE: dict[str, type[PlainPolicy]] = {  # policies of the whole observation, by kind
    **dict.fromkeys(PLAIN, PlainPolicy),
    **dict.fromkeys(RECURRENT, RecurrentPolicy),
}
OPTIMUM = "optimal_policy"
RATED = (
    "without_rate is the same network, trading at once whatever fills cost. signal_rule, where it "
    "plays, is the rule by hand whose two numbers had the highest Sharpe ratio in validation."
)
PACED = (
    "without_feedback is the same learner without quotes and without its own fills. patience is "
    "the rule by hand that adaptive corrects. Cost is the shortfall less the market's own moves."
)


class RunConfig(Loose):
    """What is read of a run's `config.toml`."""

    env: str = "portfolio"
    market: str | dict[str, Any] | None = None
    cwd: str | None = None  # where its options were typed
    cash: float | None = None
    fees: str | None = None
    account: str | None = None
    risk: str | None = None

    @property
    def terms(self) -> Terms:
        """Return what its accounts traded on."""
        return Terms(self.cash, self.fees, self.account, self.risk)


class Candidate(NamedTuple):
    """A policy to evaluate, and what is known about it."""

    name: str
    spec: PolicySpec
    env: str = "portfolio"
    company: Mapping[str, PolicySpec] = {}  # its ablation, or its problem's other policies
    env_kwargs: Mapping[str, Any] = {}  # of its problem
    market: Any = None  # that a run was trained on: what `load_market` takes, or None
    length: int | None = None  # steps of the episodes that it was trained on
    trained_on: tuple[str, ...] = ()  # scenarios
    terms: Terms = UNSTATED  # that it was trained on
    notes: tuple[str, ...] = ()


def find_policy(
    text: str,
    env: str | None = None,
    *,
    trust: bool = False,
    parameters: Mapping[str, Any] | None = None,
) -> Candidate:
    """Find the policy that a text names.

    Args:
        text: POLICY, see above.
        env: "portfolio" or "execution"; None takes the policy's own.
        trust: load a pickled model.
        parameters: of a problem.

    Raises:
        ConfigError: the text matches nothing, the policy cannot be loaded, or it is for another
            task.
    """
    is_problem = text.partition(".")[0] == "problems" and ":" not in text
    if parameters and not is_problem:
        raise ConfigError(f"POLICY {shown(text)}: only problems take parameters")
    if is_problem:
        found = _from_problem(text, dict(parameters or {}))
    elif Path(text).suffix == ".zip":
        found = _from_model(text, env, trust)
    elif own := [task for task in NAMED if text in NAMED[task] and env in (None, task)]:
        found = Candidate(text, NAMED[own[0]][text], own[0])
    elif text and Path(text).is_dir():
        found = policy_of_run(Path(text))
    else:
        found = _from_module(text, env or "portfolio")
    if env not in (None, found.env):
        raise ConfigError(f"POLICY {shown(text)}: is for env {found.env!r}, not {env!r}")
    if not is_problem:
        check_name(text, found.name, found.spec, found.env)
    return found


def check_name(text: str, name: str, spec: PolicySpec, env: str) -> None:
    """Refuse a policy that is called as a baseline is: it would stand in that one's place.

    Raises:
        ConfigError: it is.
    """
    if name in NAMED[env] and spec is not NAMED[env][name]:
        raise ConfigError(f"POLICY {shown(text)}: {name!r} is a baseline's name: give it another")


class Resolved(NamedTuple):
    """Policies that were given as texts or as they are."""

    policies: dict[str, PolicySpec]
    env: str
    env_kwargs: dict[str, Any]  # of their problem


def resolve(
    policies: Mapping[str, PolicySpec | str] | str, env: str | None, *, trust: bool
) -> Resolved:
    """Find the policies that are given as texts.

    Args:
        policies: name -> a policy or a POLICY text; or one text, which comes with its company.
        env: of all of them; None takes the first text's own, or "portfolio".
        trust: load pickled models.

    Raises:
        ConfigError: a policy is not found, or two belong to different environments.
    """
    if env is not None:
        choice("env", env, ENVS)
    flag("trust", trust)
    found: dict[str, PolicySpec] = {}
    own: dict[str, Any] = {}
    if isinstance(policies, str):
        only = find_policy(policies, env, trust=trust)
        return Resolved({only.name: only.spec, **only.company}, only.env, dict(only.env_kwargs))
    for name, given in mapping("policies", policies).items():
        if isinstance(given, str):
            candidate = find_policy(given, env, trust=trust)
            env = candidate.env
            if own and dict(candidate.env_kwargs) not in ({}, own):
                raise ConfigError(f"POLICY {shown(given)}: is of another problem than the others")
            own = own or dict(candidate.env_kwargs)
            given = candidate.spec
        found[name] = given
    env = env or "portfolio"
    for name, given in found.items():
        if name in CONSTANTS and not own:  # a verdict reads them as such; a problem names its own
            check_name(name, name, given, env)
    return Resolved(found, env, own)


def _from_problem(text: str, parameters: dict[str, Any]) -> Candidate:
    """Make a problem, and take one of its policies."""
    _, _, rest = text.partition(".")
    name, _, chosen = rest.partition(".")
    if name not in PROBLEMS:
        raise ConfigError(f"POLICY {shown(text)}: {unknown('problem', name, PROBLEMS)}")
    make = PROBLEMS[name]
    for key in parameters:
        if key not in inspect.signature(make).parameters:
            known = inspect.signature(make).parameters
            raise ConfigError(f"problems.{name}: {unknown('parameter', key, known)}")
    try:
        problem = make(**parameters)
    except Exception as error:  # a parameter of the wrong type fails anywhere
        raise ConfigError(f"problems.{name}: {error}") from None
    policies = {OPTIMUM: problem.optimal_policy, **problem.policies}
    chosen = chosen or OPTIMUM
    if chosen not in policies:
        raise ConfigError(f"POLICY {shown(text)}: {unknown('policy', chosen, policies)}")
    values = {OPTIMUM: problem.optimal_value, **problem.reference_values}
    worth = ", ".join(f"{key} {value:.6g}" for key, value in values.items())
    return Candidate(
        chosen,
        policies.pop(chosen),
        env=next(env for env in ENVS if problem.env_id == f"trading_env/{env.title()}-v0"),
        company=policies,
        env_kwargs=problem.env_kwargs,
        notes=(f"problems.{name} in closed form: {worth}.",),
    )


def _from_model(text: str, env: str | None, trust: bool) -> Candidate:
    """Load a pickled model, if that is allowed."""
    if not trust:
        reason = "a model holds pickles, and loading them can run any code; --trust loads it"
        raise ConfigError(f"POLICY {shown(text)}: {reason}")
    if not Path(text).is_file():
        raise ConfigError(f"POLICY {shown(text)}: there is no such file")
    return Candidate(Path(text).stem, _told(text, load_model(Path(text))), env or "portfolio")


def policy_of_run(run: Path) -> Candidate:
    """Read the folder of a run, or the policy folder in one."""
    folder = run / "policy" if (run / "policy").is_dir() else run
    if not is_there(folder / DESCRIPTION):
        reason = f"not the folder of a run of train.py: it holds no {DESCRIPTION}"
        raise ConfigError(f"POLICY {run}: {reason}")
    description = read_json(folder / DESCRIPTION, Description, PolicyError)
    kind, scenarios = description.kind, tuple(description.scenarios)
    path = run / "config.toml"
    config = read_toml(path, RunConfig) if is_there(path) else RunConfig()
    market = market_from(config.market, config.cwd)
    if kind in WHOLE:
        whole = WHOLE[kind]
        return Candidate(
            kind,
            _told(str(run), lambda layout: whole.load(folder, layout)),
            env=read_json(folder / DESCRIPTION, whole.description, PolicyError).env,
            market=market,
            trained_on=scenarios,
            terms=config.terms,
        )
    if kind in (KIND, BLIND):
        length = read_json(folder / DESCRIPTION, PaceDescription, PolicyError).length
        found = _of_pace(run, folder, market, length, scenarios)
        return found._replace(terms=config.terms)

    told = read_json(folder / DESCRIPTION, AdaptiveDescription, PolicyError)

    def load(rate: bool) -> PolicySpec:
        return _told(str(run), lambda layout: AdaptivePolicy.load(folder, layout, rate=rate))

    company: dict[str, PolicySpec] = {"without_rate": load(False)}
    if rule := told.signal_rule:
        made = _told(str(run), lambda layout: SignalRule(layout, rule.aim, rule.keep))
        company["signal_rule"] = made
    return Candidate(
        kind,
        load(True),
        env=config.env,
        company=company,
        market=market,
        trained_on=scenarios,
        terms=config.terms,
        notes=(RATED,),
    )


def _of_pace(
    run: Path, folder: Path, market: Any, length: int, scenarios: tuple[str, ...]
) -> Candidate:
    """Read a pace of parent orders, with its ablation and the hand rule that it corrects."""

    def load(path: Path) -> PolicySpec:
        return _told(str(run), lambda layout: PacePolicy.load(path, layout))

    rule = _told(str(run), lambda layout: Patience(PacePolicy.load(folder, layout).clock))
    blind = run / "policy_without_feedback"
    company: dict[str, PolicySpec] = {"patience": rule}
    if blind.is_dir():
        company = {"without_feedback": load(blind), **company}
    return Candidate(
        "adaptive",
        load(folder),
        env="execution",
        company=company,
        market=market,
        length=length,
        trained_on=scenarios,
        notes=(PACED,),
    )


def _from_module(text: str, env: str) -> Candidate:
    """Import a user's module and take the callable out of it."""
    module, colon, attribute = text.partition(":")
    if not (colon and module and attribute) or os.sep in text:
        names = [name for task in NAMED for name in NAMED[task]]
        known = "a run folder, problems.NAME, module:callable, model.zip or a baseline"
        raise ConfigError(f"POLICY {shown(text)}: not {known}{nearest(text, names)}")
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        spec = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # the user's module may raise anything
        raise ConfigError(_failed(text, "importing", error)) from None
    return Candidate(attribute, _told(text, spec), env)


def _told(text: str, spec: PolicySpec) -> Callable[[ObservationLayout], Policy]:
    """Wrap a policy so that a failure to make it is one line that names POLICY."""

    def make(layout: ObservationLayout) -> Policy:
        try:
            return build_policy(spec, layout)
        except PolicyError as error:  # says what is wrong, and in which file
            raise PolicyError(f"POLICY {shown(text, 40)}: {error}") from None
        except Exception as error:  # the user's code may raise anything
            raise ConfigError(_failed(text, "making", error)) from None

    return make


def _failed(text: str, action: str, error: Exception) -> str:
    return f"POLICY {shown(text)}: {action} it failed: {type(error).__name__}: {error}"
