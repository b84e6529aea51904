"""Constants that a step reads, as records: settings in the units of the kernels."""


class RiskParams:
    """Constants of the risk manager."""

    mode: int
    stops: int  # 1: positions carry stop and target
    trailing: int  # 1: stops follow the price
    max_holding_bars: int  # 0: no time stop
    covariance: int  # 1: assets are sized together
    covariance_shrinkage: float  # share taken off the correlations
    edge_noise: float  # one over the bars the edge was estimated from; 0: it is known
    target_volatility: float  # standard deviation of a bar's return at full confidence
    kelly_multiplier: float
    max_win_probability: float
    stop_width: float  # standard deviations over the horizon, at zero confidence
    stop_confidence_slope: float  # the width grows by this share at full confidence
    reward_to_risk: float  # target distance over stop distance
    horizon_bars: float
    risk_tolerance: float  # loss at the stop over balance
    max_weight: float
    max_leverage: float  # gross exposure over equity
    participation_bars: float  # a position grows by at most what this many bars can fill
    max_drawdown: float  # 1: no throttle
    initial_margin: float
    execution_floor: float  # smallest multiplier of size for costly fills; 1: none
    no_trade_band: float  # share of equity
    feedback_rate: float  # weight of the newest fill in the feedback means


class ExecutionParams:
    """Constants of the execution engine."""

    latency_median_s: float
    latency_log_sd: float
    half_spread: float  # fraction
    spread_exponent: float
    temporary: float
    exponent: float
    volatility_scaled: int  # 1: impact coefficients multiply the day's volatility
    permanent: float  # fraction of the price at one day's volume (turnover factor included)
    transient_weight_0: float
    transient_weight_1: float
    transient_weight_2: float
    transient_decay_0: float  # share left after one bar
    transient_decay_1: float
    transient_decay_2: float
    transient_mean_0: float  # mean share felt over one bar
    transient_mean_1: float
    transient_mean_2: float
    participation: float  # cap, share of a bar's volume
    fee: float  # fraction of notional
    fee_per_unit: float
    maker_fee: float  # fraction of notional, of resting targets and limit orders
    fee_minimum: float  # per order
    fee_maximum: float  # per order, fraction of its notional
    tick: float  # prices of fills and levels are multiples of it; 0: any
    lot: float  # units: orders and their fills are multiples of it; 0: any
    limit_orders: int  # 1: orders carry a limit
    limit_offset: float  # from the shown price, fraction; > 0 is away from the market
    time_in_force: int
    impact_reference: int


class AccountParams:
    """Constants of the account; rates a year of 365.25 days, continuous but for the last two."""

    initial_cash: float  # 0: from `account_share`
    account_share: float  # initial cash over the mean daily traded value of an asset
    cash_rate: float
    margin_rate: float
    borrow_rate: float  # simple, on short positions
    funding_rate: float  # simple, paid by longs to shorts
    maintenance_margin: float  # equity over gross exposure


class EpisodeParams:
    """Constants of the task and of the market table."""

    paths: int
    bars: int  # of one path
    bar_seconds: float
    bars_per_day: float
    warmup: int
    length: int  # steps
    groups: int  # scenarios to draw from
    task: int  # Task
    bar_volatility: float  # sd of a bar over the arrival price; 0: as shown (Execution)
    growth: float  # weights of the reward's terms
    shortfall: float
    risk: float
    turnover: float
    scale: float


class ParentParams:
    """One asset's parent order: fixed, or drawn at the start of an episode."""

    drawn: int  # 1: side and size are drawn, and `quantity` is not used
    quantity: float  # units, signed
    side: float  # +1 buys, -1 sells, 0: drawn
    smallest: float  # share of the volume to be expected over the horizon
    largest: float
