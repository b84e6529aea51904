"""What a driver is given: the world all lanes read, their states, the buffers it writes."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.core.records import Flags, Floats, Table


class World(NamedTuple):
    """All that a step reads and never writes; shared by the lanes."""

    bars: Table  # BarRecord (rows, assets)
    signals: Floats  # (rows, assets, signals)
    elapsed_s: Floats  # (rows,) seconds since the bar before
    notices: Table  # NoticeRecord (rows, assets), or (0, assets) where there are none
    events: Table  # EventRecord (events,)
    ends: Table  # EventRecord (events,): the same at the other end of what is drawn
    hits: NDArray[np.int8]  # (events, assets)
    risk: Table  # RiskConfig (1,)
    execution: Table  # ExecutionParams (assets,)
    rates: Floats  # (rows, assets, 2), or (1, assets, 2) where they are the same in every bar: Rate
    account: Table  # AccountConfig (1,)
    episode: Table  # EpisodeParams (1,)
    parents: Table  # ParentParams (assets,)
    weights: Floats  # of the reward's terms


class Lane(NamedTuple):
    """Views of one environment's rows, state first; `transition` writes through them."""

    assets: Table  # AssetState (assets,)
    slots: Table  # OrderSlot (SLOTS, assets): the first slots, mostly all in use, side by side
    covariance: Floats  # (2, assets, assets): of shown returns, and a factor; (2, 0, 0) if not used
    accounts: Table  # AccountState (1,)
    logs: Table  # EpisodeLog (1,)
    starts: NDArray[np.int64]  # (events,)
    reports: Table  # Report (assets,)
    stresses: Table  # Stress (assets,)
    terms: Floats  # (terms,): the named terms of the last reward, before weights
    observation: NDArray[np.float32]  # (size,)


class Lanes(NamedTuple):
    """The state of a batch: all that its future depends on, but the seeds."""

    assets: Table  # AssetState (lanes, assets)
    slots: Table  # OrderSlot (lanes, SLOTS, assets)
    covariances: Floats  # (lanes, 2, assets, assets), or (lanes, 2, 0, 0)
    accounts: Table  # AccountState (lanes,)
    logs: Table  # EpisodeLog (lanes,)
    starts: NDArray[np.int64]  # (lanes, events) step at which each event begins


class Outputs(NamedTuple):
    """What a driver writes for the caller."""

    observations: NDArray[np.float32]  # (lanes, size)
    rewards: Floats  # (lanes,)
    terminated: Flags  # (lanes,)
    truncated: Flags  # (lanes,)
    final_observations: NDArray[np.float32]  # (lanes, size), where SAME_STEP reset
    final_logs: Table  # EpisodeLog (lanes,), of the episode that ended in this step
    final_accounts: Table  # AccountState (lanes,), at its end
    reports: Table  # Report (lanes, assets), or fewer rows as scratch
    stresses: Table  # Stress, the same shape
    terms: Floats  # (lanes, terms): the named terms of the last reward, before weights
