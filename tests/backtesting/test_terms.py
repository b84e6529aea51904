"""Cash, fees, kind of account and risk, as a command line says them."""

import pytest

from trading_env.backtesting.terms import UNSTATED, Terms
from trading_env.core.errors import ConfigError
from trading_env.policies.policy import with_own


def test_what_is_not_said_is_the_default() -> None:
    assert UNSTATED.arguments("portfolio") == {}
    assert UNSTATED.options() == {}


def test_each_is_a_presets_name_or_json_and_fees_may_be_basis_points() -> None:
    said = Terms(10_000.0, "us_equities", "cash", '{"mode": "linear"}').arguments("portfolio")
    assert said == {
        "account": {"preset": "cash", "initial_cash": 10_000.0},
        "execution": {"preset": "us_equities"},
        "risk": {"mode": "linear"},
    }
    fees = Terms(fees="7.5").arguments("portfolio")["execution"]
    assert fees == {"fee_bps": 7.5, "maker_fee_bps": None}


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        (Terms(cash=-1.0), "initial_cash = -1.0"),
        (Terms(fees="nasdaq"), "no preset 'nasdaq'"),
        (Terms(fees="inf"), "fee_bps"),
        (Terms(account="cahs"), "did you mean 'cash'"),
        (Terms(risk='{"mode"'), "is not JSON"),
        (Terms(account="[1]"), "no preset"),
    ],
)
def test_what_is_wrong_is_one_line_before_anything_is_played(terms: Terms, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as found:
        terms.arguments("portfolio")
    assert "\n" not in str(found.value)


def test_parent_orders_decide_what_their_account_is_worth() -> None:
    with pytest.raises(ConfigError, match="worth its parent orders"):
        Terms(cash=1.0).arguments("execution")


def test_later_terms_replace_earlier_ones_one_by_one() -> None:
    merged = Terms(1.0, "5", None, "linear").merged(Terms(cash=2.0, account="cash"))
    assert merged == Terms(2.0, "5", "cash", "linear")


def test_a_policys_own_settings_go_before_the_common_ones_key_by_key() -> None:
    common = {"risk": {"preset": "kelly", "max_weight": 0.2}, "account": {"preset": "cash"}}
    own = {"risk": {"execution_floor": 0.5, "preset": "linear"}}
    assert with_own(common, own) == {
        "risk": {"preset": "linear", "max_weight": 0.2, "execution_floor": 0.5},
        "account": {"preset": "cash"},
    }
