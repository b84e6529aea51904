"""The environments: conformance, parity, identities, causality, scenarios."""
