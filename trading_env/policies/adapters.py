"""Turn what a user gives into a `Policy`.

A policy may be given as

- a `Policy`, or any object with `reset(num_envs)` and `act(observation, info)`;
- a function of `(observation, info)`, which remembers nothing;
- a class, or a function of one argument (or whose first one is called `layout`): it takes the
  `ObservationLayout` and returns one of these; a class may also take nothing;
- a Stable-Baselines3 model, or another object with its `predict`.
"""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from trading_env.core.errors import PolicyError, clip
from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.policy import Info, Observation, Policy


@runtime_checkable
class Acting(Protocol):
    """An object that acts as a `Policy` does, without being one."""

    def reset(self, num_envs: int) -> None:
        """Begin an episode in each of `num_envs` lanes."""

    def act(self, observation: Observation, info: Info) -> NDArray[Any]:
        """Return actions (num_envs, assets)."""


@runtime_checkable
class Predictor(Protocol):
    """The method that is used of a Stable-Baselines3 model, or of its policy."""

    def predict(
        self, observation: Any, state: Any, episode_start: Any, deterministic: bool
    ) -> tuple[NDArray[Any], Any]:
        """Return actions (num_envs, assets) and the state of a recurrent network."""


PolicySpec: TypeAlias = Acting | Predictor | Callable[..., Any]


def build_policy(spec: PolicySpec, layout: ObservationLayout) -> Policy:
    """Return the policy that was given, made for an observation layout where it asks for one.

    Raises:
        PolicyError: it is none of the forms above, or does not fit the layout.
    """
    made: Any = _made(spec, layout)
    if isinstance(made, Policy):
        return made
    if not isinstance(made, type):
        if isinstance(made, Predictor):
            return ModelPolicy(made, layout)
        if isinstance(made, Acting):
            return ObjectPolicy(made)
        if _takes(made, 2):
            return FunctionPolicy(made)
    raise PolicyError(f"{_called(made)} is no policy: it is without reset and act")


def _made(spec: Any, layout: ObservationLayout) -> Any:
    """Call what makes a policy: a class, or a function of the layout alone.

    A function that can also be called with (observation, info) is a policy, unless its first
    argument is called `layout`.
    """
    if isinstance(spec, type):
        return spec(layout) if _takes(spec, 1) else spec() if _takes(spec, 0) else spec
    if isinstance(spec, Acting | Predictor) or not _takes(spec, 1):
        return spec
    return spec if _takes(spec, 2) and _first_name(spec) != "layout" else spec(layout)


def _first_name(function: Any) -> str:
    """Return the name of a function's first argument; "" where it has no signature, as in C."""
    try:
        return next(iter(inspect.signature(function).parameters))
    except ValueError:
        return ""


def _takes(function: Any, count: int) -> bool:
    """Tell whether a value can be called with so many arguments by position."""
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # written in C, without a signature
        return True
    return True


def _called(value: object) -> str:
    return clip(getattr(value, "__qualname__", f"a value of type {type(value).__name__}"), 40)


class FunctionPolicy(Policy):
    """A function of `(observation, info)`."""

    def __init__(self, function: Callable[[Observation, Info], NDArray[Any]]) -> None:
        self.function = function
        self.fingerprint = getattr(function, "fingerprint", "")

    def act(self, observation: Observation, info: Info) -> NDArray[Any]:
        """Return what the function returns."""
        return self.function(observation, info)


class ObjectPolicy(Policy):
    """An object with `reset` and `act`, and perhaps the two attributes of a `Policy`."""

    def __init__(self, acting: Acting) -> None:
        if not _takes(acting.act, 2):
            raise PolicyError(f"{_called(type(acting))}: act must take (observation, info)")
        self.acting = acting
        self.env_overrides = getattr(acting, "env_overrides", {})
        self.fingerprint = getattr(acting, "fingerprint", "")

    def reset(self, num_envs: int) -> None:
        """Begin an episode in each of `num_envs` lanes."""
        self.acting.reset(num_envs)

    def act(self, observation: Observation, info: Info) -> NDArray[Any]:
        """Return what the object answers."""
        return self.acting.act(observation, info)


class ModelPolicy(Policy):
    """The mean action of a Stable-Baselines3 model, recurrent state included.

    Observations reach the model as the environment shows them: one trained under `VecNormalize`,
    or in a wrapper that changes them, needs a function around it that does the same. Its spaces,
    where it has them, must be the environment's.

    Raises:
        PolicyError: the model was trained on another observation.
    """

    def __init__(self, model: Predictor, layout: ObservationLayout) -> None:
        _check_observations(getattr(model, "observation_space", None), layout)
        self.acts_in = getattr(model, "action_space", None)
        self.model = model
        self.reset(1)

    def reset(self, num_envs: int) -> None:
        """Forget the recurrent state."""
        self.state: Any = None
        self.starts = np.ones(num_envs, dtype=np.bool_)

    def act(self, observation: Observation, info: Info) -> NDArray[Any]:
        """Return the model's deterministic action."""
        action, self.state = self.model.predict(
            observation, state=self.state, episode_start=self.starts, deterministic=True
        )
        self.starts = np.zeros_like(self.starts)
        return action


def _check_observations(space: Any, layout: ObservationLayout) -> None:
    """Refuse a model of other observations than the environment's; None is not known."""
    own = layout.space()
    if space is None or space == own:
        return
    if space.shape != own.shape:
        raise PolicyError(
            f"the model takes observations of shape {space.shape}, the environment has "
            f"{own.shape} (another market?)"
        )
    if space.dtype != own.dtype or not isinstance(space, Box):
        model, here = (f"{type(each).__name__} of {each.dtype}" for each in (space, own))
        raise PolicyError(f"the model observes a {model}, the environment has a {here}")
    index = int(np.argmax((space.low != own.low) | (space.high != own.high)))
    model, here = (f"[{each.low[index]:g}, {each.high[index]:g}]" for each in (space, own))
    name = clip(layout.features[index].name)
    raise PolicyError(
        f"the model's observation {index} is in {model}, the environment's ({name}) in {here} "
        "(another task? a wrapper?)"
    )


def load_model(path: Path) -> Predictor:
    """Load the policy network of a model that Stable-Baselines3 saved, whatever its algorithm.

    The file holds pickles, and loading a pickle can run any code: call this on files that you
    trust.

    Raises:
        PolicyError: there is no such file, it is damaged, or Stable-Baselines3 is not installed.
    """
    try:
        from stable_baselines3.common.save_util import load_from_zip_file
    except ImportError:
        raise PolicyError(
            f"{path}: needs Stable-Baselines3: install execution-gym[train]"
        ) from None
    try:
        data, weights, _ = load_from_zip_file(path, device="cpu")
        assert data is not None
        kwargs = {k: v for k, v in data["policy_kwargs"].items() if k != "device"}
        if data.get("use_sde"):
            kwargs["use_sde"] = True
        network: Any = data["policy_class"](
            data["observation_space"], data["action_space"], lambda _: 0.0, **kwargs
        )
        network.load_state_dict(weights["policy"])
        network.set_training_mode(False)
    except Exception as error:  # a pickle may raise anything
        raise PolicyError(f"{path}: cannot be read as a model: {error}") from None
    model: Predictor = network
    return model
