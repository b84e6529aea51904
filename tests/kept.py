"""Kernels that many tests call, with their machine code kept on disk as that of the drivers is.

Compiling one takes seconds in each process. The digest of the kernels' sources is part of the key,
so an edit of any of them is compiled anew.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

from trading_env.core.jit import driver
from trading_env.core.values import Address, Opening, Session
from trading_env.core.world import Lane, World
from trading_env.execution_engine import inside_bar, orders
from trading_env.risk_manager import instructions, sizing
from trading_env.risk_manager.desk import Desk, Rulebook
from trading_env.step import observation, pace, start, transition
from trading_env.step.drivers import DIGEST
from trading_env.stress import composition, feed

F = TypeVar("F", bound=Callable[..., Any])


class Kept(NamedTuple):
    """Compiled functions that change the records they are given."""

    trade_bar: Any
    step_asset: Any
    decide: Any
    begin_episode: Any


def _build(key: str) -> Kept:
    @driver
    def trade_bar(desk: Desk, session: Session, address: Address, seconds: float) -> None:
        """Work an asset through a bar, up to and including its ledger."""
        _ = key
        inside_bar.trade_bar(desk, session, address)
        inside_bar.finish_bar(desk.slots, desk.report, seconds)
        transition.close_ledger(desk, session.bar.close)

    @driver
    def step_asset(desk: Desk, base: Any, address: Address) -> None:
        """Take one asset through a whole step."""
        _ = key
        orders.send_order(desk, instructions.configured(desk.rules.execution), address)
        transition.open_asset(desk, base)
        transition.trade_asset(desk, base, address)

    @driver
    def decide(actions: Any, lane: Lane, rules: Rulebook) -> None:
        """Size the targets of a lane."""
        _ = key
        sizing.decide(actions, lane, rules)

    @driver
    def begin_episode(world: World, lane: Lane, seed: Any, opening: Opening) -> None:
        """Begin an episode of a lane."""
        _ = key
        start.begin_episode(world, lane, seed, opening)

    return Kept(trade_bar, step_asset, decide, begin_episode)


def kept(kernel: F) -> F:
    """Return a kernel as a function whose machine code is kept on disk."""

    def build(key: str) -> Any:
        @driver
        def call(*given: Any) -> Any:
            """Call the kernel."""
            _ = key
            return kernel(*given)

        return call

    return cast(F, build(DIGEST))


KEPT = _build(DIGEST)
complete = kept(pace.complete)
deliver = kept(feed.deliver)
observe = kept(observation.observe)
send_order = kept(orders.send_order)
stress_assets = kept(composition.stress_assets)
