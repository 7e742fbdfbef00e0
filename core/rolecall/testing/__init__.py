"""The conformance kit that ships: contracts to inherit, wire, factories and fixtures."""
