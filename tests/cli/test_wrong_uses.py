"""Wrong uses of `poe-scraper`: each has one message and an exit code, and prints nothing to stdout."""

from pathlib import Path

import pytest

from poe_scraper import api
from poe_scraper.cli import main

WRONG_USES = [
    # commands
    ("lst", 2, "No such command 'lst'. Did you mean 'list'?"),
    ("lost", 2, "No such command 'lost'. Did you mean 'list'?"),
    ("frobnicate", 2, "No such command 'frobnicate'."),
    # filters
    ("list --unit tonkes", 2, "no bot of the feed has 'tonkes'. Did you mean token?"),
    ("list --unit fortnight", 2, "no bot of the feed has 'fortnight'"),
    ("list --creator openaii", 2, "no bot of the feed has 'openaii'. Did you mean openai?"),
    ("list --input pictres", 2, "no bot of the feed has 'pictres'. The feed has audio, image, text, video."),
    ("list --limit 0", 2, "Invalid value for '--limit'"),
    ("list --max-price cheap", 2, "'cheap' is not a number of at least 0"),
    ("list --max-price -1", 2, "'-1' is not a number of at least 0"),
    ("list --sort prise", 2, "'prise' is not one of 'name', 'price'"),
    ("list --nonsense", 2, "No such option '--nonsense'"),
    ("list extra", 2, "unexpected extra argument (extra)"),
    ("search", 2, "Missing argument 'TEXT...'"),
    ("search claud sonet", 2, "no bot matches 'claud sonet'. Did you mean claude-sonnet"),
    # bots
    ("show", 2, "Missing argument 'BOT'"),
    ("show grok-4.7 gpt-5", 2, "unexpected extra argument (gpt-5)"),
    ("show grok47", 1, "The feed has no bot 'grok47'. Did you mean grok-4.7"),
    ("show https://poe.com/Nobody", 1, "The feed has no bot 'https://poe.com/Nobody'."),
    ("history nobody", 1, "The feed has no bot 'nobody'."),
    ("cost nobody --messages 1", 1, "The feed has no bot 'nobody'."),
    ("compare", 2, "Name the bots to compare, or give --for PURPOSE"),
    ("compare gpt-5 --for image", 2, "Name the bots to compare, or give --for PURPOSE"),
    ("compare --for image --at 2026-01-01", 2, "--at needs the names of bots"),
    ("compare grok-4.7 nobody --messages 1", 1, "The feed has no bot 'nobody'."),
    # usages
    ("cost grok-4.7", 2, "nothing is used"),
    ("cost grok-4.7 --input-tokens many", 2, "'many' is not a number of at least 0"),
    ("cost grok-4.7 --input-tokens NaN", 2, "'NaN' is not a number of at least 0"),
    ("cost grok-4.7 --input-tokens 1,2", 2, "'1,2' is not a number of at least 0"),
    ("cost grok-4.7 --images 2", 1, "it has no price for images; it has prices per search, token."),
    ("cost grok-4.7 --messages 1 --attribute x", 2, "'x' is not of the form KEY=VALUE"),
    ("cost grok-4.7 --unit page=x", 2, "'x' is not a number"),
    ("cost grok-4.7 --messages 1 --at soon", 2, "Invalid value for '--at'"),
    # files and folders
    ("diff 0", 2, "Invalid value"),
    ("diff 1 2", 1, "Version 1 does not exist"),
    ("export", 2, "Missing argument 'FORMAT'"),
    ("export cvs", 2, "'cvs' is not one of 'csv'"),
    ("export parquet", 2, "name a file or folder with --output"),
    ("export csv --json", 2, "give --output too"),
    ("export csv -o no/such/folder/prices.csv", 1, "no/such/folder/prices.csv could not be written"),
    ("export models.dev -o no/such/folder", 1, "could not be written"),
    ("list --output-dir no/folder", 1, "There is no feed no/folder/models.json."),
    ("list --output-dir file", 2, "'file' is a file"),
    ("merge no/folder", 2, "Directory 'no/folder' does not exist."),
    ("merge", 2, "Missing argument 'PART...'"),
    ("reread", 1, "output has no crawled feed."),
    ("site", 2, "Give --out DIR, --serve, or both."),
    ("rates --batch", 2, "requires an argument"),
    # crawls
    ("update --limit x", 2, "limit must be a whole number of at least 1, got 'x'"),
    ("update --only price", 2, "only must be pricing or info, got 'price'"),
    ("update --shard 5/4", 2, "shard must be i/n with 1 <= i <= n, such as 2/4, got '5/4'"),
    ("update --bots ,", 2, "bots must be handles of bots, separated by commas, got ','"),
    ("update --bots a --creators b", 2, "bots and creators exclude each other"),
    ("update --worker --limit 3", 2, "role=worker takes no other argument"),
    ("update --quiet --verbose", 2, "--quiet and --verbose exclude each other"),
    ("probe a/b", 2, "BOT must be a handle such as GPT-5, or @ and a creator's handle, got 'a/b'"),
    ("probe GPT-5 --record file", 2, "'file' is a file"),
    ("replica --fault nothing=1", 2, "'nothing' is not a fault"),
    ("replica --recording no/folder", 2, "Directory 'no/folder' does not exist."),
    ("schedule --url poe", 2, "'poe' is not the address of a Scrapyd server"),
    ("schedule -a limit", 2, "'limit' is not of the form KEY=VALUE"),
    # account
    ("balance", 2, "there is no API key"),
    ("usage --since yesterday", 2, "'yesterday' is not a date (YYYY-MM-DD) or a number of days."),
    ("usage --by hour", 2, "'hour' is not one of 'bot', 'day', 'kind', 'message'"),
]
"""What is typed in an empty folder with a file `file`; the exit code; a part of the message."""


@pytest.mark.parametrize(("line", "code", "message"), WRONG_USES, ids=[line for line, _, _ in WRONG_USES])
def test_wrong_use(
    line: str,
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("in the way", encoding="utf-8")
    api.reload_models()
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    printed = capfd.readouterr()
    assert (ended.value.code, printed.out) == (code, "")
    assert message in " ".join(printed.err.split())
    assert "Traceback" not in printed.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
