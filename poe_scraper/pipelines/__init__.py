"""Item pipelines: one class, one duty."""
