"""A reward that the user writes: a function of the named terms of a step.

    def careful(growth, turnover):
        return 100.0 * (growth + 0.1 * turnover)  # turnover is minus what was traded

    gym.make("trading_env/Portfolio-v0", reward=careful)

Its parameters are names of terms (`step/reward.py`), of which all but growth are minus a cost; what
it returns is the reward, unscaled. The step computes the terms, and the function is called on them
afterwards, on all environments at once: compiled by numba where it can be, else as it is, on arrays
with one number for each environment, with a note of what that costs. Each environment is scored
from its own terms alone, which is tried before the first step, so a batch gives what its
environments give one by one.

A snapshot and a run folder hold the function's name and a hash of what it does and holds
(`core/content.py`, or its attribute `fingerprint`), never the function: a snapshot goes on only
where a function of that name and hash is given again.
"""

import inspect
import sys
import time
from collections.abc import Callable
from typing import Any, cast

import numba
import numpy as np
from numba.core.errors import NumbaError

from trading_env.core.codes import names_of
from trading_env.core.content import content_digest
from trading_env.core.errors import ConfigError, clip, shown, unknown
from trading_env.core.records import Flags, Floats
from trading_env.step.reward import Term

vectorize: Any = numba.vectorize  # it has no types
TERMS = names_of(Term)
TRIED = 5  # environments that a function is tried on
_SAID: set[str] = set()  # what a note was written about


class OwnReward:
    """The reward of a function; picklable where the function is.

    Raises:
        ConfigError: a parameter is no term, or the function fails, returns something else than one
            number for each environment, mixes environments, or holds what has no definite content.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name = _name_of(function)
        self.columns = _columns_of(function, self.name)
        self._sha256 = content_digest(f"reward: {clip(self.name)}", function)
        self._score = self._compiled()
        self._try()

    def __getstate__(self) -> dict[str, Any]:
        """Keep the function; what is compiled is made again."""
        return {"function": self.function}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make it again."""
        self.__init__(state["function"])  # type: ignore[misc]

    def as_dict(self) -> dict[str, Any]:
        """Say which function it is, JSON-able: a name and a hash, from which none can be made."""
        module = getattr(self.function, "__module__", type(self.function).__module__)
        return {"function": self.name, "module": module, "sha256": self._sha256}

    def score(self, terms: Floats, played: Flags) -> Floats:
        """Return the rewards of a step; 0 where no step was `played`.

        Args:
            terms: (lanes, terms) of the step.
            played: (lanes,).

        Raises:
            ConfigError: a reward is not finite.
        """
        rewards = np.where(played, self._called(terms), 0.0)
        if not np.isfinite(rewards).all():
            lane = int(np.flatnonzero(~np.isfinite(rewards))[0])
            given = ", ".join(f"{TERMS[c]} = {terms[lane, c]:.6g}" for c in self.columns)
            where = f" in environment {lane}" if len(terms) > 1 else ""
            raise ConfigError(f"reward: {clip(self.name)} is {rewards[lane]}{where} for {given}")
        return rewards

    def _called(self, terms: Floats) -> Floats:
        """Call the function on all lanes."""
        try:
            found = np.asarray(self._score(*(terms[:, c].copy() for c in self.columns)), np.float64)
        except Exception as error:  # the user's code may raise anything
            why = f"{type(error).__name__}: {error}"
            raise ConfigError(f"reward: {clip(self.name)} failed on arrays: {why}") from None
        if found.shape not in ((), (len(terms),)):
            shape = f"shape {found.shape} for {len(terms)} environments"
            raise ConfigError(f"reward: {clip(self.name)} returns {shape}: must be one number each")
        return np.broadcast_to(found, len(terms))

    def _compiled(self) -> Callable[..., Any]:
        """Compile the function, or say why it is called as it is."""
        count = len(self.columns)
        signature = f"float64({', '.join(['float64'] * count)})"
        try:
            return cast(Callable[..., Any], vectorize([signature])(self.function))
        except (NumbaError, TypeError, AttributeError) as error:
            self._why = f"{type(error).__name__}: {error}".split("\n")[0]
        return self.function

    def _try(self) -> None:
        """Call it on a few lanes together and one by one, and note what an uncompiled one costs."""
        rng = np.random.default_rng(0)
        terms = rng.normal(0.0, 1e-3, (TRIED, len(TERMS)))
        started = time.perf_counter()
        together = self._called(terms)
        cost = 1e6 * (time.perf_counter() - started)
        alone = np.concatenate([self._called(terms[i : i + 1]) for i in range(TRIED)])
        if not np.array_equal(together, alone, equal_nan=True):
            raise ConfigError(
                f"reward: {clip(self.name)} gives one environment {alone[0]!s:.24}, and "
                f"{together[0]!s:.24} beside others: score each by its own terms alone"
            )
        costs = [column for column in self.columns if column != Term.GROWTH]
        paid = -np.abs(terms)  # every term a loss
        for column in costs:
            dearer = paid.copy()
            dearer[:, column] *= 2.0
            if (self._called(dearer) > self._called(paid)).all() and self.name not in _SAID:
                _SAID.add(self.name)
                print(
                    f"note: reward {clip(self.name, 60)} rises with what {TERMS[column]} costs: "
                    "the term is minus the cost already, so that a weight above 0 punishes it",
                    file=sys.stderr,
                )
        if self._score is self.function and self.name not in _SAID:
            _SAID.add(self.name)
            print(
                f"note: reward {clip(self.name, 60)} is not compiled ({self._why[:80]}); it is "
                f"called on arrays, {cost:.0f} us a step of {TRIED} environments",
                file=sys.stderr,
            )


def _name_of(function: Callable[..., Any]) -> str:
    """Return a function's name inside its module."""
    name: str = getattr(function, "__qualname__", type(function).__qualname__)
    return name.rpartition("<locals>.")[2]


def _columns_of(function: Callable[..., Any], name: str) -> list[int]:
    """Find the terms that a function's parameters name."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # written in C, without a signature
        raise ConfigError(f"reward: {clip(name)} has no parameters that could be read") from None
    columns = []
    for parameter in parameters:
        if parameter.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
            given = f"{parameter.name!r} is {parameter.kind.description}"
            raise ConfigError(f"reward: {clip(name)}: {given}: name terms, as (growth, turnover)")
        if parameter.name not in TERMS:
            raise ConfigError(f"reward: {clip(name)}: {unknown('term', parameter.name, TERMS)}")
        columns.append(TERMS.index(parameter.name))
    if not columns:
        raise ConfigError(f"reward: {shown(name)} takes no term; known: {', '.join(TERMS)}")
    return columns
