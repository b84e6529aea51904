"""From an order to cash: arrival, fills, impact, fees, the account, and what it cost."""
