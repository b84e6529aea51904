"""The rule that a market must have volume.

The bars that warm an episode up tell how much is traded. An episode may begin anywhere, so before
every bar at which one may begin each listed asset has volume in at least one bar of the warm-up,
and so has at least one asset. A market that breaks this is refused: without volume there is no
measure of an account, of impact or of what fills. An asset is listed where the market's notices
say so, else from its first bar that has volume, or a price other than its first open.
"""

import numpy as np
from numpy.typing import NDArray

from trading_env.core.errors import MarketDataError, clip
from trading_env.markets.bars import Market
from trading_env.markets.reading.times import iso

ADVICE = "state liquidity (--liquidity unlimited, or a value a day) or cut them"


def require_volume(market: Market, warmup: int, length: int) -> None:
    """Refuse a market in which an episode may begin without a measure of what is traded.

    Args:
        market: Its bars.
        warmup: Bars before the bar of the first decision.
        length: Steps of an episode.

    Raises:
        MarketDataError: naming the first asset and bar, and the share of its bars without volume.
    """
    traded = market.volume > 0.0
    if traded.all():
        return
    listed = is_listed(market)
    total = np.cumsum(traded, axis=1, dtype=np.int64)
    total = np.concatenate((np.zeros_like(total[:, :1]), total), axis=1)
    begins = slice(warmup, market.bars - length)
    active = total[:, warmup + 1 : market.bars - length + 1] > total[:, : -warmup - 1 - length]
    silent = listed[:, begins] & ~active
    silent |= ~active.any(axis=2, keepdims=True)
    if not silent.any():
        return
    path, begin, asset = (int(i) for i in np.argwhere(silent)[0])
    none = ~traded[path, :, asset]
    row = begin + int(none[begin : begin + warmup + 1].argmax())
    reason = f"{none.mean():.0%} of its bars have no volume, as {warmup + 1} from "
    reason += f"{iso(market.time[row])[:10]}: {ADVICE}"
    raise MarketDataError.at(market.source, clip(market.symbols[asset], 20), reason)


def is_listed(market: Market) -> NDArray[np.bool_]:
    """Tell for each bar, (paths, bars, assets), whether the asset is listed by then."""
    if "listed" in market.notices:
        stated: NDArray[np.bool_] = market.notices["listed"] == 1.0
        return stated
    first = market.open[:, :1]
    moved = (market.high != first) | (market.low != first)
    listed: NDArray[np.bool_] = np.logical_or.accumulate((market.volume > 0.0) | moved, axis=1)
    return listed
