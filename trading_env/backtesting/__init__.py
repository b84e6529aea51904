"""Policies x scenarios x severities x markets x windows x seeds, on the native batch."""

from trading_env.backtesting.evaluation import evaluate as evaluate
from trading_env.backtesting.journals import journal as journal
from trading_env.backtesting.journals import order_ledger as order_ledger
from trading_env.backtesting.lookup import find_policy as find_policy
from trading_env.backtesting.metrics import METRICS as METRICS
from trading_env.backtesting.rollouts import rollout as rollout
from trading_env.backtesting.tables import pool as pool
from trading_env.backtesting.tables import reasons as reasons
from trading_env.backtesting.tables import summarise as summarise
from trading_env.backtesting.walks import backtest as backtest
from trading_env.backtesting.windows import Walk as Walk
from trading_env.policies.policy import Policy as Policy
from trading_env.policies.policy import make_envs as make_envs
