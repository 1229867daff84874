"""What profile.js does in a creator's profile, in a real Chromium, against pages made for each case."""

import json
from typing import Any

import pytest

from poe_scraper.pages.profile import Profile, read_profile
from tests.pages.conftest import Look, Seen, Site
from tests.pages.made_pages import AT, STYLES, data_scripts, script_json

pytestmark = pytest.mark.browser


def user(in_data: int, count: int) -> dict[str, Any]:
    """A creator with `count` bots, the first of them in the page's data."""
    nodes = [
        {"handle": f"Bot-{number}", "description": "x", "deletionState": "not_deleted"} for number in range(in_data)
    ]
    edges = [{"cursor": str(number), "node": node} for number, node in enumerate(nodes)]
    connection = {"edges": edges, "pageInfo": {"hasNextPage": in_data < count}}
    return {"handle": "Maker", "fullName": "A Maker", "createdBotCount": count, "createdBotsConnection": connection}


PANEL = """
const panel = document.getElementById("profile-created-bots");
window.kept = {scrolled: 0};
let shown = 0;
const add = () => {
    for (const last = Math.min(shown + STEP, TOTAL); shown < last; shown += 1) {
        panel.insertAdjacentHTML("beforeend",
            `<div data-bot-list-item style="height: 90px"><a class="x_botName__1" href="/Bot-${shown}">b</a></div>`);
    }
};
panel.style.cssText = "height: 300px; overflow-y: auto";
panel.addEventListener("scroll", () => {
    window.kept.scrolled += 1;
    if (panel.scrollTop + 300 > panel.scrollHeight - 50) setTimeout(add, 30);
});
add();
"""


def page(style: str, in_data: int, count: int, *, panel: tuple[int, int] | None, late_data: bool = False) -> str:
    """A profile.

    Args:
        style: of the data, as in `data_scripts`.
        in_data: bots in the page's data.
        count: bots that the profile says it has.
        panel: how many bots the panel gets at a time, and how many at last; None for no panel.
        late_data: the rest of the bots' list is streamed after the page.
    """
    scripts = data_scripts(style, "user", user(in_data, count))
    if late_data:
        nodes = [{"node": {"handle": f"Bot-{number}", "deletionState": "not_deleted"}} for number in range(count)]
        row = "7:" + json.dumps({"createdBotsConnection": {"edges": nodes}}) + "\n"
        scripts += f"<script>(self.__next_f=self.__next_f||[]).push([1,{script_json(row)}])</script>"
    body = "<main><h1>@Maker</h1></main>"
    if panel is not None:
        script = PANEL.replace("STEP", str(panel[0])).replace("TOTAL", str(panel[1]))
        body = f'<div id="profile-created-bots"></div><script>{script}</script>'
    return f"<!DOCTYPE html><html><body>{body}{scripts}</body></html>"


def read(seen: Seen) -> Profile:
    site_url = seen.url.rpartition("/")[0]
    return read_profile(seen.html, url=seen.url, at=AT, site_url=site_url, creator="maker")


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    ("options", "scrolls"),
    [
        ({"in_data": 45, "count": 45, "panel": None}, None),
        ({"in_data": 110, "count": 110, "panel": (20, 20)}, False),
        ({"in_data": 20, "count": 110, "panel": (20, 110)}, True),
        ({"in_data": 20, "count": 45, "panel": (20, 20), "late_data": True}, False),
        ({"in_data": 20, "count": 45, "panel": None, "late_data": True}, None),
    ],
)
def test_a_profile_is_read_in_full(
    site: Site, look: Look, style: str, options: dict[str, Any], scrolls: bool | None
) -> None:
    site.files["/Maker"] = page(style, **options)
    seen = look("/Maker", kind="profile", seconds=30)
    found = read(seen)
    assert found.shortfall is None
    assert {bot.handle for bot in found.bots} == {f"Bot-{number}" for number in range(options["count"])}
    assert (seen.kept and seen.kept["scrolled"] > 0) == scrolls


def test_a_panel_that_ends_early_is_reported(site: Site, look: Look) -> None:
    site.files["/Maker"] = page("pages", 20, 45, panel=(20, 30))
    found = read(look("/Maker", kind="profile", seconds=30))
    assert len(found.bots) == 30
    assert found.shortfall == "it says that it has 45 bots, and shows 30"
