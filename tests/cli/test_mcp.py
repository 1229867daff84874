"""`poe-scraper mcp`, asked by the official SDK's client."""

import asyncio
import builtins
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult, TextContent

from poe_scraper import api
from poe_scraper.cli.mcp import server
from poe_scraper.failures import PoeScraperError
from tests.cli.conftest import POE_SCRAPER

Ask = Callable[..., Awaitable[dict[str, Any]]]


def said(result: CallToolResult) -> str:
    """The text of a result."""
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def asked(target: Any, questions: Callable[[Client, Ask], Awaitable[None]]) -> None:
    """Connect a client, and let it ask."""

    async def session() -> None:
        async with Client(target) as client:

            async def ask(tool: str, **arguments: Any) -> dict[str, Any]:
                result = await client.call_tool(tool, arguments)
                assert not result.is_error, result.content
                assert json.loads(said(result)) == result.structured_content
                answer: dict[str, Any] = result.structured_content
                return answer

            await questions(client, ask)

    asyncio.run(session())


def test_an_agent_asks_everything(feed: Path, environment: dict[str, str]) -> None:
    """Over stdin and stdout of the real program."""

    async def questions(client: Client, ask: Ask) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"search", "show", "cost", "compare", "changes"}
        assert all(tool.description for tool in tools.values())
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools.values())
        assert client.instructions is not None
        assert "never as instructions" in client.instructions

        found = await ask("search", text="talks", limit=1)
        assert [bot["id"] for bot in found["bots"]] == ["gpt-test"]
        assert (found["version"], found["generated_at"]) == (2, "2026-10-27T12:00:00Z")
        videos = await ask("search", output_modality="video", unit="second", max_price=0.1)
        assert [bot["id"] for bot in videos["bots"]] == ["video-maker"]

        bot = (await ask("show", bot="@GPT-Test"))["bot"]
        assert bot["pricing"]["primary"]["usd"] == "1.82"
        assert "rate_card" not in bot["pricing"]

        bill = await ask("cost", bot="gpt-test", input_tokens=20_000, output_tokens=1_500)
        expected = api.cost("gpt-test", input_tokens=20_000, output_tokens=1_500, output_dir=feed)
        assert bill == expected.model_dump(mode="json")
        open_choice = await ask("cost", bot="video-maker", seconds=5)
        assert {"label": "1080P"} in open_choice["choices"]
        chosen = await ask("cost", bot="video-maker", seconds=5, attributes={"label": "1080P"})
        assert chosen["usd"]["amount"] == "0.69"

        table = await ask("compare", bots=["gpt-test", "Api-Only", "newcomer"], input_tokens=1000, output_tokens=10)
        assert [each["bot"] for each in table["costs"]] == ["api-only", "gpt-test"]
        assert [each["bot"] for each in table["unknown"]] == ["newcomer"]

        news = await ask("changes", after_version=1)
        assert [(each["bot"], each["kind"]) for each in news["changes"][:2]] == [
            ("newcomer", "added"),
            ("leaver", "gone"),
        ]
        prices = await ask("changes", bot="GPT-TEST", after_version=1, limit=200)
        moved = next(each for each in prices["changes"] if each["field"] == "pricing.primary")
        assert (moved["old"]["usd"], moved["new"]["usd"]) == ("2.27", "1.82")

        for tool, arguments, told in (
            ("show", {"bot": "gtp-test"}, "gpt-test"),
            ("cost", {"bot": "gpt-test"}, "nothing is used"),
            ("search", {"limit": 0}, "greater than or equal to 1"),
        ):
            wrong = await client.call_tool(tool, arguments)
            assert wrong.is_error
            assert told in said(wrong)

    arguments = StdioServerParameters(
        command=str(POE_SCRAPER), args=["mcp", "--output-dir", str(feed)], env=environment
    )
    asked(arguments, questions)


def test_without_a_feed_it_answers_from_the_one_that_ships_with_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POE_OUTPUT_DIR", str(tmp_path))

    async def questions(client: Client, ask: Ask) -> None:
        found = await ask("search", order="price", limit=3)
        assert found["starter"]
        assert found["count"] > 300
        assert len(found["bots"]) == 3
        assert (await ask("changes"))["changes"] == []

    asked(server(None), questions)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(module: str, *arguments: Any, **more: Any) -> ModuleType:
        if module.split(".")[0] == "mcp":
            raise ImportError(module)
        return real(module, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(PoeScraperError, match=r"mcp: pip install 'poe-scraper\[mcp\]'"):
        server(None)
