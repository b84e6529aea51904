"""Returns of the market's table: a bar's close against the one before, in the bar's own units."""

from trading_env.core.jit import kernel
from trading_env.core.records import Table


@kernel
def base_return(bars: Table, notices: Table, row: int, a: int) -> float:
    """Return of an asset in the bar of a row: splits and dividends are none."""
    before = bars[row - 1, a].close
    if notices.shape[0] > 0:
        before *= notices[row, a].kept / notices[row, a].units
    return float(bars[row, a].close / before - 1.0)
