"""One asset of one account in one step: what its risk manager and its execution engine share."""

from typing import TYPE_CHECKING, NamedTuple

from trading_env.core.jit import view
from trading_env.core.params import EpisodeParams, ExecutionParams
from trading_env.core.records import AccountState, AssetState, Report, Stress, Table
from trading_env.core.world import Lane, World

if TYPE_CHECKING:
    from trading_env.execution_engine.funds import AccountConfig
    from trading_env.risk_manager.config import RiskConfig


class Rules(NamedTuple):
    """Constants that one asset is traded by."""

    risk: "RiskConfig"
    execution: ExecutionParams
    episode: EpisodeParams
    funds: "AccountConfig"


class Rulebook(NamedTuple):
    """Constants of a world: those of execution are the asset's own."""

    risk: "RiskConfig"
    executions: Table  # ExecutionParams (assets,)
    episode: EpisodeParams
    funds: "AccountConfig"


class Desk(NamedTuple):
    """The records that one asset's order, fills and marks are read from and written to."""

    asset: AssetState
    slots: Table  # OrderSlot (slots,)
    account: AccountState
    report: Report
    stress: Stress
    rules: Rules


@view
def rulebook_of(world: World) -> Rulebook:
    """Return the records of a world's constants."""
    return Rulebook(world.risk[0], world.execution, world.episode[0], world.account[0])


@view
def rules_of(book: Rulebook, a: int) -> Rules:
    """Return the constants of one asset."""
    return Rules(book.risk, book.executions[a], book.episode, book.funds)


@view
def desk_of(lane: Lane, book: Rulebook, a: int) -> Desk:
    """Return one asset's records."""
    return Desk(
        lane.assets[a],
        lane.slots[:, a],
        lane.accounts[0],
        lane.reports[a],
        lane.stresses[a],
        Rules(book.risk, book.executions[a], book.episode, book.funds),
    )


@view
def in_use(desk: Desk) -> Desk:
    """Leave out the order slots that are empty."""
    slots = desk.slots[: desk.asset.slots_used]
    return Desk(desk.asset, slots, desk.account, desk.report, desk.stress, desk.rules)
