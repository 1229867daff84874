"""The feed that ships with the package: facts and figures of Poe as observed in October 2026."""
