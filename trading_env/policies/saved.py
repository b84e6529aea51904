"""Trained policies that come with the package, by the name of the track that they play.

Each is the first of ten trainings whose scores stand in `docs/results.md`; all ten are in the
repository's `benchmarks/policies`. They are weights and a description, never code.
"""

from collections.abc import Callable
from importlib.resources import as_file, files

from trading_env.core.errors import PolicyError, unknown
from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.adaptive import AdaptivePolicy
from trading_env.policies.pace import PacePolicy
from trading_env.policies.policy import Policy

KINDS: dict[str, type[PacePolicy] | type[AdaptivePolicy]] = {
    "adaptive-execution-v0": PacePolicy,
    "weak-signal-v0": AdaptivePolicy,
}


def load(name: str) -> Callable[[ObservationLayout], Policy]:
    """Return a trained policy, to be made for the layout of an environment.

    Args:
        name: of `KINDS`.

    Raises:
        PolicyError: there is none of this name.
    """
    if name not in KINDS:
        raise PolicyError(unknown("policy", name, KINDS))

    def make(layout: ObservationLayout) -> Policy:
        with as_file(files("trading_env.policies") / "trained" / name) as folder:
            return KINDS[name].load(folder, layout)

    return make
