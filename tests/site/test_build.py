"""The files of a catalogue."""

import json
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from poe_scraper.feed.history import bot_snapshots, snapshots
from poe_scraper.feed.reader import open_feed
from poe_scraper.feed.store import FeedStore
from poe_scraper.feed.writer import FeedWriter
from poe_scraper.items import Bot
from poe_scraper.site import BuildResult, CatalogueError, build, timeline
from poe_scraper.site.build import page_name
from poe_scraper.site.folder import Folder
from tests.cli.conftest import POE_SCRAPER
from tests.made_feed import FIRST, SECOND, bot, both, bots, pricing, publish, run


def built(feed: Path, out: Path) -> BuildResult:
    return build(open_feed(feed), FeedStore(feed), out)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_a_catalogue_consists_of(made: Path, tmp_path: Path) -> None:
    done = built(made, tmp_path / "site")
    found = files(tmp_path / "site")
    assert set(found) == {*done.written}
    assert {"index.html", "compare.html", "changes.html", "about.html", "data/bots.js"} <= set(found)
    for name in open_feed(made):
        assert {f"bots/{name}.html", f"bots/{name}.json"} <= set(found)
    for name in ("models.json", "models.json.gz", "slim.json", "version.json", "changes.jsonl", "changes.atom"):
        assert found[name] == (made / name).read_bytes()
    assert json.loads(found["bots/gpt-test.json"]) == open_feed(made).entry("gpt-test")


def test_what_is_unchanged_is_not_written_again(tmp_path: Path) -> None:
    feed, out = publish(tmp_path / "feed"), tmp_path / "site"
    built(feed, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    again = built(feed, out)
    assert (again.written, again.removed) == ([], [])
    assert {path: path.stat().st_mtime_ns for path in before} == before

    later = SECOND + timedelta(days=1)
    changed = [
        each.model_copy(update={"description": "Talks less."}) if each.id == "gpt-test" else each
        for each in bots(SECOND)
    ]
    with FeedWriter(FeedStore(feed), "a test") as writer:
        writer.publish(changed, run(later), now=later)
    third = built(feed, out)
    pages = {name for name in third.written if name.startswith("bots/")}
    assert pages == {"bots/gpt-test.html", "bots/gpt-test.json"}
    assert "changes.html" in third.written


def test_an_unchanged_feed_is_not_rendered_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    feed, out = publish(tmp_path / "feed"), tmp_path / "site"
    built(feed, out)
    names = sorted(files(out))
    with monkeypatch.context() as without:
        without.setattr(Folder, "write", lambda *_: pytest.fail("it was rendered"))
        again = built(feed, out)
    assert sorted(again.unchanged) == names
    (out / "bots" / "gpt-test.html").unlink()
    (out / "index.html").write_text("edited")
    assert sorted(built(feed, out).written) == ["bots/gpt-test.html", "index.html"]
    assert sorted(files(out)) == names
    with (feed / "changes.jsonl").open("a") as log:
        log.write("\n")
    assert "changes.jsonl" in built(feed, out).written


def test_pages_of_bots_that_left_the_feed_are_removed(tmp_path: Path) -> None:
    feed, out = publish(tmp_path / "feed"), tmp_path / "site"
    built(feed, out)
    mine = out / "bots" / "notes.txt"
    mine.write_text("mine")
    later = SECOND + timedelta(days=100)
    with FeedWriter(FeedStore(feed), "a test") as writer:
        writer.publish([each for each in bots(SECOND) if each.id != "leaver"], run(later), now=later)
    done = built(feed, out)
    assert sorted(done.removed) == ["bots/leaver.html", "bots/leaver.json"]
    assert not (out / "bots" / "leaver.html").exists()
    assert mine.exists()


def test_a_folder_with_other_files_is_refused(made: Path, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(CatalogueError, match="is not empty and is not a catalogue"):
        built(made, tmp_path)
    assert files(tmp_path) == {"index.html": b"mine"}


def test_a_list_of_files_that_points_elsewhere_removes_nothing(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    built(made, out)
    other = tmp_path / "other.txt"
    other.write_text("mine")
    (out / "catalogue.json").write_text(json.dumps({"files": ["../other.txt", str(other)]}))
    assert built(made, out).removed == []
    assert other.exists()
    (out / "catalogue.json").write_text("[")
    with pytest.raises(CatalogueError, match="is broken"):
        built(made, out)


def test_a_folder_that_cannot_be_written(made: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CatalogueError, match="cannot be written"):
        built(made, tmp_path / "file" / "site")


@pytest.mark.parametrize(
    ("bot_id", "name"),
    [
        ("grok-4.7", "grok-4.7"),
        ("Grok-4.7", "grok-4.7"),
        ("../../etc/passwd", None),
        ("a/b", None),
        (".hidden", None),
        ("a b", None),
        ("ä", None),
        ("", None),
        ("x" * 101, None),
        ("a\x00", None),
        ("a\n", None),
    ],
)
def test_page_names_are_safe_file_names(bot_id: str, name: str | None) -> None:
    assert page_name(bot_id) == name if name else re.fullmatch(r"bot-[0-9a-f]{20}", page_name(bot_id))


def test_pages_are_without_inline_script_and_style(catalogue: Path) -> None:
    pages = [path.read_text(encoding="utf-8") for path in catalogue.rglob("*.html")]
    assert len(pages) > 15
    for page in pages:
        assert "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'" in page
        assert not re.search(r"<style|\sstyle=|\son\w+=", page)
        for tag in re.findall(r"<script[^>]*>", page):
            assert 'src="' in tag or 'type="application/json"' in tag
        assert not re.search(r"""(?:src|href)=["']?/""", page)


# --- history -----------------------------------------------------------------------------------


def test_states_read_back_from_the_log_are_those_of_the_versions(tmp_path: Path) -> None:
    """The log alone tells the same as reading every version."""
    days = [FIRST + timedelta(days=day) for day in range(5)]

    def at(day: int, *more: Bot) -> list[Bot]:
        return [bot("Steady", days[day], pricing(both("A", "1", "33000", "image"))), *more]

    def moving(day: int, usd: str, points: str, **more: object) -> Bot:
        return bot("Moving", days[day], pricing(both("A", usd, points, "image")), **more)

    versions = [
        at(0, moving(0, "1", "33000")),
        at(1, moving(1, "2", "66000")),
        at(2, moving(1, "2", "66000", status="gone", gone_since=days[2])),
        at(3, moving(3, "2", "66000")),
        at(4, moving(4, "3", "99000", description="Now dearer.")),
    ]
    store = FeedStore(tmp_path)
    with FeedWriter(store, "a test") as writer:
        for day, content in enumerate(versions):
            writer.publish(content, run(days[day]), now=days[day], accept=True)
    feed = open_feed(tmp_path)
    for name in feed:
        log = [change for change in store.changes() if change.bot == name]
        found = bot_snapshots(feed[name], log)
        assert found == snapshots(store, feed, name)
        for each in found:
            (then,) = (known for known in store.version(each.version).data if known.id == name)
            assert (each.bot.status, each.bot.pricing) == (then.status, then.pricing)
    kinds = [step.kind for step in timeline.steps(bot_snapshots(feed["moving"], [*store.changes()][2:]))]
    assert kinds == ["changed", "back", "gone", "changed", "added"]


def test_without_a_change_log_only_the_current_prices_are_shown(made: Path, tmp_path: Path) -> None:
    shutil.copy(made / "models.json", tmp_path / "models.json")
    feed = open_feed(tmp_path)
    (only,) = bot_snapshots(feed["gpt-test"], [])
    assert (only.version, only.at, only.bot) == (0, FIRST, feed["gpt-test"])
    built(tmp_path, tmp_path / "site")
    assert "No change is known yet" in (tmp_path / "site" / "changes.html").read_text(encoding="utf-8")


# --- the command -------------------------------------------------------------------------------


def command(*arguments: str | Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [POE_SCRAPER, "site", *map(str, arguments)], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_command_builds(made: Path, tmp_path: Path) -> None:
    result = command("--out", "site", "--output-dir", made, folder=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert re.fullmatch(r"A catalogue of 9 bots in site: \d+ files written, 0 unchanged, 0 removed\.\n", result.stdout)
    again = json.loads(command("--out", "site", "--output-dir", made, "--json", folder=tmp_path).stdout)
    assert again == {
        "out": "site",
        "version": 2,
        "bots": 9,
        "written": 0,
        "unchanged": len(files(tmp_path / "site")),
        "removed": 0,
    }


def test_the_command_wants_a_folder_or_a_server(tmp_path: Path) -> None:
    result = command(folder=tmp_path)
    assert result.returncode == 2
    assert "Give --out DIR, --serve, or both." in result.stderr


def test_the_command_serves(made: Path, tmp_path: Path) -> None:
    words = [str(POE_SCRAPER), "site", "--serve", "--port", "0", "--output-dir", str(made)]
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "9 bots" in process.stdout.readline()
            url = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())
            assert url is not None
            answer = requests.get(url[0], timeout=10, proxies={"http": ""})
            assert "What Poe’s bots cost" in answer.content.decode()
            port = url[0].split(":")[-1].strip("/")
            result = command("--serve", "--port", port, "--output-dir", made, folder=tmp_path)
            assert result.returncode == 1
            assert f"port {port} cannot be used" in result.stderr
        finally:
            process.terminate()
    assert [*tmp_path.iterdir()] == []


def test_the_catalogue_imports_no_crawler(tmp_path: Path) -> None:
    code = "import sys, poe_scraper.site; print([m for m in ('scrapy', 'twisted', 'playwright') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
