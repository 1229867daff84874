"""Files that people copy to where crawls are scheduled."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import yaml
from redis import Redis
from redis.exceptions import AuthenticationError

from tests.deploy.conftest import PASSWORD, ROOT, USER, started
from tests.distributed.conftest import wait_until

DEPLOY = ROOT / "deploy"
BIN = Path(sys.executable).parent
UNITS = ("poe-scraper.service", "poe-scraper.timer", "scrapyd.service")


def check(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("schema", "file", "more"),
    [
        ("github-workflows", "deploy/github/crawl.yml", []),
        ("github-workflows", ".github/workflows/catalogue.yml", []),
        ("gitlab-ci", "deploy/gitlab/gitlab-ci.yml", ["--data-transform=gitlab-ci"]),
        ("compose-spec", "compose.yaml", []),
    ],
)
def test_a_file_fits_its_published_schema(schema: str, file: str, more: list[str]) -> None:
    done = check(BIN / "check-jsonschema", f"--builtin-schema=vendor.{schema}", *more, file)
    assert done.returncode == 0, done.stdout


def test_the_dockerfile_is_clean() -> None:
    done = check(BIN / "hadolint", "--format=json", "Dockerfile")
    assert (done.returncode, json.loads(done.stdout)) == (0, []), done.stderr


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="there is no redis-server here")
def test_the_redis_of_the_composition_has_a_password(tmp_path: Path) -> None:
    service = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]["redis"]
    with tempfile.TemporaryDirectory() as folder:  # the path of a Unix socket has 107 characters at most
        socket = f"{folder}/redis.sock"
        here = {
            "$$": "$",
            "--dir /data": f"--dir {folder} --port 0 --unixsocket {socket}",
            "redis-cli": f"redis-cli -s {socket}",
        }

        def words(command: list[str]) -> list[str]:
            for old, new in here.items():
                command = [word.replace(old, new) for word in command]
            return command

        refused = subprocess.run(words(service["command"]), capture_output=True, text=True, timeout=60, check=False)
        assert refused.returncode != 0
        assert "set a password for Redis" in refused.stderr
        secret = os.environ | {"REDIS_PASSWORD": "0a1b"}
        with subprocess.Popen(words(service["command"]), env=secret, stdout=subprocess.DEVNULL) as process:
            try:
                wait_until(Path(socket).exists)
                with pytest.raises(AuthenticationError):
                    Redis(unix_socket_path=socket).ping()
                _, *healthy = service["healthcheck"]["test"]
                healthy = words(["sh", "-c", *healthy])
                assert subprocess.run(healthy, env=secret, check=False, timeout=60).returncode == 0
                assert (
                    subprocess.run(healthy, env=secret | {"REDIS_PASSWORD": "no"}, check=False, timeout=60).returncode
                    != 0
                )
            finally:
                process.terminate()  # as the end of a container does: it must reach Redis itself
        assert process.returncode == 0


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for program in ("poe-scraper", "scrapyd"):
        path = tmp_path / "opt" / program / "bin" / program
        path.parent.mkdir(parents=True)
        path.touch(mode=0o755)
    units = tmp_path / "etc" / "systemd" / "system"
    units.mkdir(parents=True)
    targets = Path("/usr/lib/systemd/system").glob("*.target")
    for path in (*(DEPLOY / "systemd" / unit for unit in UNITS), *targets):
        shutil.copy(path, units)
    done = check("systemd-analyze", "verify", "--man=no", f"--root={tmp_path}", *UNITS)
    assert (done.returncode, done.stderr) == (0, "")


def test_scrapyd_in_the_container_has_the_project_and_takes_no_other(tmp_path: Path) -> None:
    conf = (DEPLOY / "container" / "scrapyd.conf").read_text(encoding="utf-8")
    (tmp_path / "scrapyd.conf").write_text(conf.replace("/var/lib/poe-scraper", str(tmp_path)))
    healthy: list[str | Path] = [sys.executable, DEPLOY / "container" / "healthy"]
    settings = {"SCRAPY_SETTINGS_MODULE": "poe_scraper.settings"}
    assert "SCRAPY_SETTINGS_MODULE=poe_scraper.settings" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
    with started(sys.executable, tmp_path, **settings) as scrapyd:
        assert "poe_models" in scrapyd.get("listspiders.json", project="poe_scraper")["spiders"]
        for service in ("addversion.json", "delversion.json", "delproject.json"):
            assert requests.post(scrapyd.url + service, auth=(USER, PASSWORD), timeout=60).status_code == 404
        port = {"SCRAPYD_HTTP_PORT": str(urlsplit(scrapyd.url).port)}
        login = {"SCRAPYD_USERNAME": USER, "SCRAPYD_PASSWORD": PASSWORD}
        assert subprocess.run(healthy, env={**os.environ, **port, **login}, check=False).returncode == 0
        assert subprocess.run(healthy, env={**os.environ, **port}, capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize(("code", "mailed"), [(0, ""), (5, ""), (1, "it failed\n"), (4, "it failed\n")])
def test_cron_mails_what_a_crawl_said_if_it_failed(tmp_path: Path, code: int, mailed: str) -> None:
    lines = (DEPLOY / "cron" / "poe-scraper").read_text(encoding="utf-8").splitlines()
    (line,) = (line for line in lines if line[0].isdigit())
    *when, user, command = line.split(" ", 6)
    assert (when, user) == (["17", "4", "*", "*", "*"], "root")
    assert "%" not in command, "cron reads it as the end of the line"
    program, environment = tmp_path / "poe-scraper", tmp_path / "environment"
    program.write_text(
        f'#!/bin/sh\n[ "$SCRAPYD_USERNAME $1" = "crawler schedule" ] || exit 9\necho it failed >&2\nexit {code}\n'
    )
    program.chmod(0o755)
    environment.write_text("SCRAPYD_USERNAME=crawler\n")
    command = command.replace("/opt/poe-scraper/bin/poe-scraper", str(program))
    command = command.replace("/etc/scrapyd/environment", str(environment))
    assert check("/bin/sh", "-c", command).stdout == mailed
