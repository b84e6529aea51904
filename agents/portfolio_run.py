"""The portfolio of `python train.py`: a weak signal to find, and real bars with nothing to earn.

The usual market is the synthetic one, whose signal is known to be worth something: what the rule by
hand earns with it is the reference. On bars of one's own the question is whether anything beyond
buy-and-hold was found, and the verdict says so either way.
"""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from agents.checkpoint import Checkpoints
from agents.portfolio import fit
from agents.reference import tuned_signal_rule
from agents.run import TrainingRun
from trading_env.backtesting.run_folder import RunFolder
from trading_env.backtesting.runs import market_name
from trading_env.backtesting.verdict import claims
from trading_env.cli.options import scenarios_of
from trading_env.core.codes import Task
from trading_env.core.errors import ConfigError
from trading_env.envs.world import WARMUP
from trading_env.markets import load_market
from trading_env.markets.bars import BANDS, Market, bars_for
from trading_env.policies.adaptive import AdaptivePolicy

MARKET = {"generator": "multiscale", "paths": 512}
CALM = "calm"
CRISES = ("liquidity_drought", "flash_crash_2010", "bad_data", "gfc_2008", "covid_2020")
LONGEST, SHORTEST = 252, 20  # steps of an episode
LEARNER, REFERENCE = "ppo", "signal_rule"


class PortfolioRun(TrainingRun):
    """Train on calm bars, evaluate there and in crises."""

    task = Task.PORTFOLIO
    unit = "timesteps"
    usual = (1_000_000, 256)
    little = (100_000, 32)
    learners = (LEARNER,)
    beside = ("flat", "random", "always_long", "buy_and_hold", "volatility_target", "momentum")

    def fill_in(self) -> None:
        """Choose the market and the scenarios."""
        self.market = self.market or MARKET
        crises = CRISES[1:2] if self.quick else CRISES
        self.scenarios = scenarios_of(",".join((CALM, *crises)))
        self.groups = {CALM: [CALM], "crises": list(crises)}

    def length_of(self, tables: Iterable[Market]) -> int:
        """Return the steps of an episode on the shortest band."""
        bars = min(table.bars for table in tables)
        length = min(LONGEST, bars - WARMUP - 2)
        if length < SHORTEST:
            need = WARMUP + 2 + SHORTEST
            whole = bars_for("test", need)
            reason = f"{bars} bars in a band, {need} are needed, so about {whole} in all"
            raise ConfigError(f"market {market_name(self.market)}: {reason}")
        return length

    def train(self, seed: int, folder: Path, run_folder: RunFolder) -> None:
        """Train the network, tune the reference, and write both."""
        arguments = {"market": self.market, "episode_length": self.length}
        arguments |= self.terms.arguments(self.env)
        with tqdm(total=self.effort, desc="portfolio", unit=" steps", disable=None) as bar:
            trained = fit(
                arguments,
                timesteps=self.effort,
                seed=seed,
                advance=bar.update,
                tensorboard=folder / "tensorboard",
                checkpoints=Checkpoints(folder, LEARNER),
            )
        notes = {"scenarios": [CALM], "kept_step": trained.step}
        notes |= {"validation_utility": trained.validation_score}
        if len(load_market(self.market, seed_band=BANDS[0]).signal_names) == 1:
            notes[REFERENCE] = tuned_signal_rule(arguments, seed=seed)
        AdaptivePolicy(trained.network, trained.layout).save(folder / "policy", **notes)
        run_folder.note(training=notes)

    def verdict(self, frame: pd.DataFrame) -> list[str]:
        """Say what the episodes show."""
        others = ["buy_and_hold", "volatility_target", "momentum", "random"]
        sharpe = {"metric": "sharpe", "groups": self.groups}
        found = claims(frame, self.agent, others, relative=False, **sharpe)
        reference = claims(frame, self.agent, [REFERENCE], relative=True, **sharpe)
        rate = claims(
            frame, self.agent, ["without_rate"], self.groups, metric="return", relative=False
        )
        lines = [str(claim) for claim in (*found, *reference, *rate)]
        held = next((c for c in found if c.other == "buy_and_hold"), None)
        if held is not None and held.low <= 0.0:
            lines.append(f"{held.where}: no edge beyond buy-and-hold was found")
        return lines
