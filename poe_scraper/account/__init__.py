"""The user's own account: balance, usage, and an audit of the charges."""
