"""One asset of one account in one step: what its risk manager and its execution engine share."""

from typing import TYPE_CHECKING, NamedTuple

from trading_env.core.jit import view
from trading_env.core.params import EpisodeParams, ExecutionParams
from trading_env.core.records import AccountState, AssetState, Report, Stress, Table
from trading_env.core.world import Lane, World

if TYPE_CHECKING:
    from trading_env.risk_manager.config import RiskConfig


class Rules(NamedTuple):
    """Constants that every asset of a world shares."""

    risk: "RiskConfig"
    execution: ExecutionParams
    episode: EpisodeParams


class Desk(NamedTuple):
    """The records that one asset's order, fills and marks are read from and written to."""

    asset: AssetState
    slots: Table  # OrderSlot (slots,)
    account: AccountState
    report: Report
    stress: Stress
    rules: Rules


@view
def rules_of(world: World) -> Rules:
    """Return the records of a world's constants."""
    return Rules(world.risk[0], world.execution[0], world.episode[0])


@view
def desk_of(lane: Lane, rules: Rules, a: int) -> Desk:
    """Return one asset's records."""
    return Desk(
        lane.assets[a],
        lane.slots[:, a],
        lane.accounts[0],
        lane.reports[a],
        lane.stresses[a],
        rules,
    )


@view
def in_use(desk: Desk) -> Desk:
    """Leave out the order slots that are empty."""
    slots = desk.slots[: desk.asset.slots_used]
    return Desk(desk.asset, slots, desk.account, desk.report, desk.stress, desk.rules)
