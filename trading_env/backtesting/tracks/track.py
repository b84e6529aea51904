"""What a track is: an environment, bands of seeds, a metric, a scale, and what a policy may do.

`v0.toml` holds the tracks; its SHA-256 names them in every entry. A track of a problem with a known
optimum takes the problem's arguments and policies. Policies are called by the names of the
baselines, of the problem's policies, and of two rules that need to know the track: `signal_rule`
and the two of parent orders, `patience` and `pov`.

A track hands a policy what it may see. `info` at full detail tells true prices and the scenario, so
where the track says "observation", `info` is empty.
"""

import hashlib
import tomllib
from collections.abc import Mapping
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Annotated, Any, Literal, NamedTuple

from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from trading_env.backtesting.cells import Slice
from trading_env.backtesting.lookup import NAMED, OPTIMUM
from trading_env.backtesting.metrics import METRICS
from trading_env.backtesting.plans import Plan
from trading_env.backtesting.tracks.controls import CONTROLS
from trading_env.backtesting.walks import slices_of
from trading_env.core.doors import Checked
from trading_env.core.errors import ConfigError, shown, unknown
from trading_env.markets import load_market
from trading_env.policies.adapters import PolicySpec, build_policy
from trading_env.policies.adaptive import Rule
from trading_env.policies.baselines import Participation
from trading_env.policies.patience import Clock, Patience
from trading_env.policies.policy import Info, Observation, Policy
from trading_env.policies.signal_rule import SignalRule
from trading_env.problems import PROBLEMS, Problem
from trading_env.stress.crises import crises_alone

FIRST_SEEDS = {"train": 0, "validation": 1_000_000, "test": 2_000_000}
Band = Literal["train", "validation", "test"]
Count = Annotated[int, Field(ge=1)]
Arguments = dict[str, Any]


class Track(Checked):
    """One track of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    title: str
    env: Literal["portfolio", "execution"]
    problem: str = ""
    parameters: Arguments = Field({})
    arguments: Arguments = Field({})
    train: Arguments = Field({})
    validation: Arguments = Field({})
    test: Arguments = Field({})
    windows: str = ""
    crises: str = ""
    """A group of `stress.crises.crises_alone`: each is played by itself."""
    metric: str
    better: Literal["more", "less"]
    is_control: bool = False
    """Whether nothing is there to earn beyond the reference."""
    zero: str
    reference: str
    headline: Literal["", "regret", "share"] = ""
    floor: str = ""
    """The policy that a share is counted from."""
    beside: list[str]
    rule: Rule | None = None
    sees: Literal["observation", "observation and info"]
    may_bring: list[Literal["risk"]] = Field([])
    steps: Count
    seeds: Count
    episodes: Count
    note: str = ""

    @cached_property
    def made(self) -> Problem | None:
        """Make the problem of a track that has one."""
        return PROBLEMS[self.problem](**self.parameters) if self.problem else None

    @property
    def baselines(self) -> list[str]:
        """Name the policies that play the track beside an entry, the reference first."""
        names = [self.reference, *([self.floor] if self.floor else []), *self.beside, self.zero]
        return [*dict.fromkeys(names), *CONTROLS]

    @property
    def sign(self) -> float:
        """Return +1 where more is better, -1 where less is."""
        return 1.0 if self.better == "more" else -1.0

    @property
    def factor(self) -> float:
        """Return what turns the metric's stored unit into its title's."""
        return METRICS[self.metric].factor

    def env_kwargs(self, band: Band) -> Arguments:
        """Return the arguments of the environment in a band."""
        common = dict(self.made.env_kwargs) if self.made else {}
        return merged(merged(common, self.arguments), getattr(self, band))

    @property
    def scenarios(self) -> Arguments:
        """Return name -> scenario of each cell."""
        if not self.crises:
            return {self.id: self.arguments.get("scenario")}
        alone, groups = crises_alone(self.arguments["episode_length"])
        return {name: alone[name] for name in groups[self.crises]}

    def slices(self, band: Band) -> list[Slice]:
        """Return what is played: the whole of a band, or the test part of each window."""
        kwargs = self.env_kwargs(band)
        name = str(self.id)
        if self.windows:
            market = load_market(kwargs["market"], seed_band=None)
            return slices_of(name, market, self.windows)
        cut = {key: kwargs[key] for key in ("market", "seed_band", "episode_length")}
        return [Slice(name, cut)]

    def plan(self, policies: Mapping[str, PolicySpec], *, band: Band = "test") -> Plan:
        """Return the plan that plays policies on the track."""
        kwargs = self.env_kwargs(band)
        for key in ("market", "scenario", "seed_band", "episode_length"):
            kwargs.pop(key, None)
        return Plan(
            policies={name: self.seen_by(spec) for name, spec in policies.items()},
            scenarios=self.scenarios,
            slices=self.slices(band),
            episodes=self.episodes,
            seed=FIRST_SEEDS[band],
            env_kwargs=kwargs,
            env=self.env,
        )

    def named(self, name: str) -> PolicySpec:
        """Return one of the policies that the track knows by name.

        Raises:
            ConfigError: there is none of this name.
        """
        if name in CONTROLS:
            control, reference = CONTROLS[name], self.named(self.reference)
            return lambda layout: control(build_policy(reference, layout))
        known = self.known
        if name not in known:
            raise ConfigError(f"{self.id}: {unknown('policy', name, known)}")
        return known[name]

    @cached_property
    def known(self) -> dict[str, PolicySpec]:
        """Return name -> the policies of the task, of the problem, and the track's own rules."""
        found: dict[str, PolicySpec] = dict(NAMED[self.env])
        length = self.env_kwargs("test").get("episode_length", 0)
        if self.env == "execution":
            found["patience"] = lambda layout: Patience(Clock(layout, length))
            found["pov"] = lambda layout: Participation(layout, length)
        if self.rule:
            aim, keep = self.rule.aim, self.rule.keep
            found["signal_rule"] = lambda layout: SignalRule(layout, aim, keep)
        if self.made:
            found |= {**self.made.policies, OPTIMUM: self.made.optimal_policy}
        return found

    def seen_by(self, spec: PolicySpec) -> PolicySpec:
        """Wrap a policy so that it gets what the track shows, and brings what it allows."""
        return lambda layout: Entrant(build_policy(spec, layout), self)


class Entrant(Policy):
    """A policy as a track lets it play.

    Raises:
        ConfigError: it brings settings that the track does not allow.
    """

    def __init__(self, policy: Policy, track: Track) -> None:
        for name in policy.env_overrides:
            if name not in track.may_bring:
                allowed = f"only {', '.join(track.may_bring)}" if track.may_bring else "nothing"
                raise ConfigError(
                    f"{track.id}: the policy brings {shown(name)}, and the track allows {allowed}"
                )
        self.policy = policy
        self.is_told = track.sees != "observation"
        self.env_overrides = policy.env_overrides
        self.acts_in = policy.acts_in
        if policy.fingerprint:
            self.fingerprint = f"{track.sees}: {policy.fingerprint}"

    def reset(self, num_envs: int) -> None:
        """Begin an episode in each lane."""
        self.policy.reset(num_envs)

    def act(self, observation: Observation, info: Info) -> NDArray[Any]:
        """Return the policy's actions."""
        return self.policy.act(observation, info if self.is_told else {})


class Tracks(NamedTuple):
    """A file of tracks."""

    version: str
    sha256: str
    tracks: dict[str, Track]

    def chosen(self, ids: str) -> list[Track]:
        """Return tracks by their ids, separated by commas; "all" takes every one.

        Raises:
            ConfigError: there is no such track.
        """
        if ids == "all":
            return list(self.tracks.values())
        names = [name.strip() for name in ids.split(",")]
        for name in names:
            if name not in self.tracks:
                raise ConfigError(unknown("track", name, self.tracks))
        return [self.tracks[name] for name in dict.fromkeys(names)]


class TrackFile(Checked):
    """What `v0.toml` holds."""

    tracks: list[Track]


@lru_cache
def load_tracks(version: str = "v0") -> Tracks:
    """Read the tracks that come with the package."""
    content = files("trading_env.backtesting.tracks").joinpath(f"{version}.toml").read_bytes()
    found = TrackFile.model_validate(tomllib.loads(content.decode("utf-8")))
    digest = hashlib.sha256(content).hexdigest()
    return Tracks(version, digest, {track.id: track for track in found.tracks})


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Arguments:
    """Return arguments with some replaced, mapping by mapping."""
    found = dict(below)
    for key, value in above.items():
        mixed = isinstance(value, Mapping) and isinstance(found.get(key), Mapping)
        found[key] = merged(found[key], value) if mixed else value
    return found
