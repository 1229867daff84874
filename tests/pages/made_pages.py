"""Documents of two independent styles, as Poe's pages may look: Next.js's pages router and its app router."""

import copy
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

AT = datetime(2026, 10, 22, 13, 19, 7, tzinfo=UTC)
STYLES = ("pages", "app")

BOT: dict[str, Any] = {
    "botId": 4711,
    "handle": "Grok-4.7",
    "displayName": "Grok 4.7",
    "description": "Made for <this> test.",
    "poweredBy": "Powered by a server managed by @xAI.",
    "creator": {"handle": "xAI", "fullName": "x.ai", "isDeleted": False},
    "deletionState": "not_deleted",
    "isDown": False,
}
RECORDED_BOT: dict[str, Any] = {
    "handle": "Grok-4.7",
    "creator": {"nullableHandle": "xAI", "fullName": "x.ai"},
    "description": "Made for <this> test.",
    "poweredBy": "Powered by a server managed by @xAI.",
    "isDeleted": False,
    "isDown": False,
    "allowsImageAttachments": True,
}
"""The bot's object without `botId` and `deletionState`, its creator under `nullableHandle`."""

OTHER_BOT: dict[str, Any] = {
    **BOT,
    "botId": 815,
    "handle": "Other-Bot",
    "displayName": "Other Bot",
    "description": "Another bot.",
    "creator": {"handle": "someone", "fullName": "Someone"},
}

CARD = """\
| Type | Rate (USD) | Rate (Points) |
|---|---|---|
| Input | $2.02/1M tokens | 67 points/1k tokens |
"""


def script_json(data: object) -> str:
    """JSON that cannot end the script element around it."""
    return json.dumps(data).replace("<", r"\u003c")


def data_scripts(style: str, name: str, value: object, *more: object) -> str:
    """The scripts that hold a page's data.

    Args:
        style: `pages` or `app`.
        name: `bot` or `user`.
        value: the page's main object.
        more: recommended bots.
    """
    recommended = [{"node": one} for one in more]
    query = {name: value, "viewer": None, "recommended": {"edges": recommended}}
    if style == "pages":
        data = {"props": {"pageProps": {"data": {"mainQuery": query}}}, "query": {"handle": "x"}, "buildId": "b1"}
        return f'<script id="__NEXT_DATA__" type="application/json">{script_json(data)}</script>'
    return flight_scripts([("0", {"b": "b1", "f": [["$", "main", None, {"mainQuery": query}]]})])


def flight_scripts(rows: Sequence[tuple[str, object]], size: int = 60) -> str:
    """Rows of React's flight format as `self.__next_f` scripts, cut into pieces without regard to the rows.

    Args:
        rows: id and value of each; bytes are sent as a text row.
        size: characters of a piece.
    """
    text = ':HL["/a.css","style"]\n1:I["x",[],"default"]\n'
    for number, value in rows:
        if isinstance(value, bytes):
            text += f"{number}:T{len(value):x},{value.decode()}"
        else:
            text += f"{number}:{json.dumps(value, ensure_ascii=False)}\n"
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    scripts = "".join(f"<script>self.__next_f.push([1,{script_json(piece)}])</script>" for piece in pieces)
    return f"<script>(self.__next_f=self.__next_f||[]).push([0])</script>{scripts}"


def answer(markdown: str | None, bot_id: object = None, **more: object) -> dict[str, object]:
    """A GraphQL answer as the page gets it."""
    data = {"data": {"botById": {"botPricing": {"rateMenuMarkdown": markdown}}}, **more}
    return {"status": 200, "text": json.dumps(data), "botId": bot_id}


def observation_script(observation: object) -> str:
    """What observe.js adds to the document."""
    return f'<script id="poe-scraper-observation" type="application/json">{script_json(observation)}</script>'


# --- changed at random -------------------------------------------------------------------------

JUNK: tuple[Any, ...] = (None, 0, -1, 1.5, True, "", [], {}, [[]], {"a": None}, [None, {"handle": 3}])


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """A JSON value with one thing in it removed, renamed, wrapped or replaced."""
    value = copy.deepcopy(value)
    holder, key = value, draw(st.sampled_from(sorted(value)))
    while isinstance(holder[key], dict | list) and holder[key] and draw(st.integers(0, 9)):
        holder = holder[key]
        key = draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
    match draw(st.sampled_from(["remove", "rename", "wrap", "replace", "replace"])):
        case "remove":
            del holder[key]
        case "rename" if isinstance(holder, dict):
            holder[f"{key}2"] = holder.pop(key)
        case "wrap":
            holder[key] = draw(st.sampled_from([[holder[key]], {"node": holder[key]}]))
        case _:
            holder[key] = draw(st.sampled_from(JUNK))
    return value
