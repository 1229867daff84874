"""What all tests share."""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# No test depends on the clock or on chance. To look for new cases: HYPOTHESIS_PROFILE=explore pytest
settings.register_profile("project", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "project"))


@pytest.fixture(scope="session", autouse=True)
def default_signals() -> Iterator[None]:
    """Start programs with the default SIGINT and SIGHUP, which a background shell, cron and nohup set to be ignored."""
    interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
    # a program that is started inherits what is ignored, not what is handled: the tests themselves still survive it
    hangup = signal.getsignal(signal.SIGHUP)
    if hangup is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)
    yield
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGHUP, hangup)


@pytest.fixture(scope="session", autouse=True)
def empty_working_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run tests away from the working tree, whose `output/` may hold any feed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("cwd"))
        for name in [name for name in os.environ if name.startswith("POE_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what crawls keep of the replica's answers out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
