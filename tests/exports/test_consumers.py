"""The programs in `examples/`, made of the schema and run on a feed with the tools that their languages have."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from poe_scraper.feed.reader import starter_feed
from poe_scraper.feed.schema import schema_text
from poe_scraper.items import SCHEMA_VERSION

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a large feed and its schema."""
    folder = tmp_path_factory.mktemp("consumer")
    feed = starter_feed().feed().model_copy(update={"schema_version": SCHEMA_VERSION})
    (folder / "models.json").write_text(feed.model_dump_json(by_alias=True), encoding="utf-8")
    (folder / "models.schema.json").write_bytes(schema_text())
    return folder


def run(*command: str | Path, folder: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_prices(printed: str) -> None:
    lines = [line.split() for line in printed.splitlines()]
    assert len(lines) == 5
    assert {name for name, _ in lines} <= set(starter_feed())
    prices = [float(price.removeprefix("$")) for _, price in lines]
    assert prices == sorted(prices)


@pytest.mark.slow
def test_python_with_generated_models(folder: Path) -> None:
    """No error of strict mypy in the models that datamodel-code-generator makes, nor in a program that uses them."""
    shutil.copy(EXAMPLES / "python" / "cheapest.py", folder)
    generator = [sys.executable, "-W", "ignore", "-m", "datamodel_code_generator"]
    options = ["--output-model-type", "pydantic_v2.BaseModel", "--use-annotated"]
    run(*generator, "--input", "models.schema.json", "--output", "poe_feed.py", *options, folder=folder)
    cache = ROOT / ".mypy_cache" / "consumers"
    checked = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={cache}"]
    assert "no issues found in 2 source files" in run(*checked, "cheapest.py", "poe_feed.py", folder=folder)
    check_prices(run(sys.executable, "cheapest.py", "models.json", folder=folder))


@pytest.fixture(scope="module")
def node(folder: Path) -> Path:
    """The folder, with the packages of the TypeScript example installed."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("npm is not installed")
    for path in (EXAMPLES / "typescript").iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefer-offline"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    if done.returncode != 0:
        pytest.skip(f"npm cannot install the example's packages: {done.stderr.strip()[-200:]}")
    return folder


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the standard library
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/models.json"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.slow
def test_typescript_with_generated_types(node: Path, address: str) -> None:
    types = node / "poe-feed.d.ts"
    bins = node / "node_modules" / ".bin"
    run(bins / "json2ts", "--additionalProperties=false", "models.schema.json", types.name, folder=node)
    assert "?:" not in types.read_text(encoding="utf-8"), "what is always there is not optional"
    run(bins / "tsc", folder=node)
    check_prices(run("node", "cheapest.js", address, folder=node, NO_PROXY="127.0.0.1"))


AJV = """
import { readFileSync } from "node:fs";
import Ajv from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
const read = (name) => JSON.parse(readFileSync(name, "utf-8"));
const ajv = new Ajv.default({ strict: true, allErrors: true });
addFormats.default(ajv);
const fits = ajv.compile(read("models.schema.json"));
const feed = read("models.json");
const whole = fits(feed);
feed.data[0].status = "asleep";
console.log(JSON.stringify([whole, fits(feed), fits.errors?.map((error) => error.instancePath)]));
"""


def test_ajv_compiles_the_schema_strictly(node: Path) -> None:
    (node / "check.mjs").write_text(AJV, encoding="utf-8")
    assert json.loads(run("node", "check.mjs", folder=node)) == [True, False, ["/data/0/status"]]
