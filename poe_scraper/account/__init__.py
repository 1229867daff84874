"""The user's own account: balance, usage, and an audit of what was charged."""
