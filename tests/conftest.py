"""What all tests share."""

import os

from hypothesis import HealthCheck, settings

# No test depends on the clock or on chance. To look for new cases: HYPOTHESIS_PROFILE=explore pytest
settings.register_profile("project", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "project"))
