"""The feed on disk."""
