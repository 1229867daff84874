import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from protego import Protego

from poe_scraper.replica import Replica, running

from .conftest import Site


def ask(site: Site, name: str, language: str = "en-US", **variables: object) -> Any:
    answer = site.query(name, variables, language=language)
    assert answer.status_code == 200
    return answer.json()


def test_the_page_holds_the_bot(http: requests.Session, replica: Replica, next_data: Callable[[str], Any]) -> None:
    answer = http.get(f"{replica.url}/Grok-4.7", timeout=10)
    assert answer.headers["Content-Type"].startswith("text/html")
    bot = next_data(answer.text)["props"]["pageProps"]["data"]["mainQuery"]["bot"]
    known = next(bot for bot in replica.catalog()["bots"] if bot["id"] == "grok-4.7")
    assert bot["botId"] == known["bot_id"]
    assert (bot["handle"], bot["creator"]["handle"]) == ("Grok-4.7", "xAI")
    assert bot["description"] == known["description"]
    assert bot["poweredBy"] == "Powered by a server managed by @xAI."
    assert bot["displayName"] == known["display_name"]
    assert (bot["deletionState"], bot["isDown"]) == ("not_deleted", False)
    assert known["rate_card"] not in answer.text


@pytest.mark.parametrize(("path", "canonical"), [("grok-4.7", "Grok-4.7"), ("PAPERLANTERN", "paperlantern")])
def test_another_case_redirects_to_the_canonical_handle(
    http: requests.Session, replica: Replica, path: str, canonical: str
) -> None:
    answer = http.get(f"{replica.url}/{path}?x=1", allow_redirects=False, timeout=10)
    assert (answer.status_code, answer.headers["Location"]) == (307, f"/{canonical}?x=1")
    assert http.get(f"{replica.url}/{path}", timeout=10).url == f"{replica.url}/{canonical}"


def test_unknown_and_deleted_bots_are_not_found(http: requests.Session, replica: Replica) -> None:
    deleted = next(bot["handle"] for bot in replica.catalog()["bots"] if bot["deleted"])
    for path in ("No-Such-Bot", deleted, "a/b", "%2e%2e/etc", "favicon.ico", "assets/_next/static/none.js"):
        assert http.get(f"{replica.url}/{path}", timeout=10).status_code == 404, path


def test_the_rate_card_comes_by_graphql(site: Site, replica: Replica) -> None:
    for bot in replica.catalog()["bots"][::20]:
        answer = ask(site, "RateCardModalQuery", botId=bot["bot_id"])
        assert answer["data"]["botById"]["botPricing"]["rateMenuMarkdown"] == bot["rate_card"]
    assert ask(site, "RateCardModalQuery", botId=1) == {"data": {"botById": None}}


def test_a_chinese_browser_gets_chinese_labels(site: Site, replica: Replica) -> None:
    bot_id = next(bot["bot_id"] for bot in replica.catalog()["bots"] if bot["id"] == "grok-4.7")
    answers = [
        ask(site, "RateCardModalQuery", language, botId=bot_id)["data"]["botById"]["botPricing"]
        for language in ("en-US,en;q=0.9,zh;q=0.8", "zh-CN,zh;q=0.9")
    ]
    english, chinese = (answer["rateMenuMarkdown"] for answer in answers)
    assert "| Input |" in english
    assert "输入" not in english
    assert chinese == english.replace("Input", "输入").replace("Output", "输出")


def test_the_landing_page_query_gives_the_same_bot_as_the_page(
    http: requests.Session, replica: Replica, site: Site, next_data: Callable[[str], Any]
) -> None:
    html = http.get(f"{replica.url}/Grok-4.7", timeout=10).text
    bot = next_data(html)["props"]["pageProps"]["data"]["mainQuery"]["bot"]
    assert ask(site, "HandleBotLandingPageQuery", botHandle="grok-4.7")["data"]["bot"] == bot
    assert ask(site, "HandleBotLandingPageQuery", botHandle="none")["data"]["bot"] is None


@pytest.mark.parametrize("body", ["", "[]", "{", "null"])
def test_a_body_that_is_not_a_query_is_refused(http: requests.Session, replica: Replica, body: str) -> None:
    assert http.post(f"{replica.url}/api/gql_POST", data=body, timeout=10).status_code == 400


@pytest.mark.parametrize("missing", ["poegraphql", "poe-queryname", "poe-revision", "poe-formkey"])
def test_a_query_without_the_headers_of_the_site_s_scripts_is_refused(site: Site, missing: str) -> None:
    fine = site.query("ViewerStateQuery", {})
    assert fine.status_code == 200
    headers = {name: value for name, value in fine.request.headers.items() if name != missing}
    assert site.query("ViewerStateQuery", {}, headers=headers).status_code == 400


def test_a_query_with_another_hash_is_refused(site: Site) -> None:
    body = {"queryName": "ViewerStateQuery", "variables": {}, "extensions": {"hash": "0" * 64}}
    assert site.query("ViewerStateQuery", {}, json=body).status_code == 400


def files(html: str) -> list[str]:
    return re.findall(r'(?:src|href)="(http://[^"]+/_next/static/[^"]+)"', html)


def test_class_names_change_with_every_start(http: requests.Session) -> None:
    scripts = []
    for _ in range(2):
        with running(bots=1) as replica:
            handle = replica.catalog()["bots"][0]["handle"]
            html = http.get(f"{replica.url}/{handle}", timeout=10).text
            scripts.append("".join(http.get(path, timeout=10).text for path in files(html) if path.endswith(".js")))
    names = [set(re.findall(r'"(\w+_initialPointsCost__[\w-]+)"', script)) for script in scripts]
    assert [len(found) for found in names] == [1, 1]
    assert not names[0] & names[1]


def test_files_of_a_page_come_from_another_host_with_their_types(http: requests.Session, replica: Replica) -> None:
    html = http.get(f"{replica.url}/Grok-4.7", timeout=10).text
    assert {urlsplit(path).hostname for path in files(html)} == {"localhost"}
    answers = [http.get(path, timeout=10) for path in sorted(set(files(html)))]
    types = {answer.headers["Content-Type"].split(";")[0] for answer in answers}
    assert types == {"application/javascript", "text/css", "font/woff2"}
    assert all("immutable" in answer.headers["Cache-Control"] for answer in answers)
    avatar = re.search(r'"(http://localhost:[^"]+/avatar[^"]+)"', html)
    assert avatar is not None
    assert http.get(avatar[1], timeout=10).headers["Content-Type"] == "image/svg+xml"
    kinds = replica.requests()["by_kind"]
    assert {kind: kinds[kind]["count"] for kind in ("script", "stylesheet", "font", "image")} == {
        "script": 3,
        "stylesheet": 1,
        "font": 1,
        "image": 1,
    }
    assert replica.requests()["by_host"] == {"127.0.0.1": 1, "localhost": 6}


def test_the_site_s_own_host_has_no_files(http: requests.Session, replica: Replica) -> None:
    html = http.get(f"{replica.url}/Grok-4.7", timeout=10).text
    for path in files(html):
        assert http.get(replica.url + urlsplit(path).path, timeout=10).status_code == 404, path


def test_shares_of_the_bots_have_quirks(replica: Replica) -> None:
    bots = [bot for bot in replica.catalog()["bots"] if bot["rate_card"]]
    assert 0.03 < sum(bot["display_name"] != bot["handle"] for bot in bots) / len(bots) < 0.2
    for quirk in ("hidden_rates", "overlay", "cost_label"):
        share = sum(bool(bot[quirk]) for bot in bots) / len(bots)
        assert 0.03 < share < 0.35, quirk
    cards = {bot["rate_card"] for bot in replica.catalog()["bots"]}
    assert None in cards, "a bot without Rates"
    assert "" in cards, "a dialog without a card"
    assert any(card and not re.search(r"\d", card) for card in cards), "a card without a number"


def test_robots_txt_allows_pages(http: requests.Session, replica: Replica) -> None:
    robots = Protego.parse(http.get(f"{replica.url}/robots.txt", timeout=10).text)
    for path in ("/Grok-4.7", "/paperlantern", "/v1/models"):
        assert robots.can_fetch(replica.url + path, "poe-scraper")
    assert not robots.can_fetch(f"{replica.url}/api/gql_POST", "poe-scraper")
    assert not robots.can_fetch(f"{replica.url}/settings", "poe-scraper")


def load_profile(
    http: requests.Session, replica: Replica, site: Site, next_data: Callable[[str], Any], handle: str
) -> Any:
    html = http.get(f"{replica.url}/{handle}", timeout=10).text
    user = next_data(html)["props"]["pageProps"]["data"]["mainQuery"]["user"]
    connection = user["createdBotsConnection"]
    nodes = [edge["node"] for edge in connection["edges"]]
    assert len(nodes) <= 20
    while connection["pageInfo"]["hasNextPage"]:
        answer = ask(
            site,
            "ProfileCreatedBotsPaginationQuery",
            handle=handle,
            after=connection["pageInfo"]["endCursor"],
        )
        connection = answer["data"]["user"]["createdBotsConnection"]
        nodes += [edge["node"] for edge in connection["edges"]]
    return user, nodes


def test_a_profile_of_110_bots_comes_in_pages(
    http: requests.Session, replica: Replica, site: Site, next_data: Callable[[str], Any]
) -> None:
    user, nodes = load_profile(http, replica, site, next_data, "paperlantern")
    assert (user["handle"], user["createdBotCount"]) == ("paperlantern", 110)
    assert len({node["handle"] for node in nodes}) == 110
    states = [node["deletionState"] for node in nodes]
    assert (states.count("deleted"), states.count("not_deleted")) == (6, 104)
    bots = [bot for bot in replica.catalog()["bots"] if bot["creator"] == "paperlantern"]
    assert sum(bot["listed"] for bot in bots) == 10, "the API lists some of them"


def test_a_profile_has_fewer_bots_than_it_claims(
    http: requests.Session, replica: Replica, site: Site, next_data: Callable[[str], Any]
) -> None:
    user, nodes = load_profile(http, replica, site, next_data, "halfmoonworks")
    assert (user["createdBotCount"], len(nodes)) == (48, 30)


def test_signing_in_opens_a_closed_profile(http: requests.Session, replica: Replica) -> None:
    profile = f"{replica.url}/closedatelier"
    with requests.Session() as session:
        session.trust_env = False
        form = session.get(profile, timeout=10)
        assert form.url == f"{replica.url}/login?redirect_url=%2Fclosedatelier"
        data = {"email": "a@example.org", "code": "999999", "redirect_url": "/closedatelier"}
        refused = session.post(f"{replica.url}/login", data=data, timeout=10)
        assert refused.status_code == 401
        assert not session.cookies
        opened = session.post(f"{replica.url}/login", data={**data, "code": "123456"}, timeout=10)
        assert opened.url == profile
        assert '"viewer":{' in opened.text
        assert session.get(f"{replica.url}/login", timeout=10).url == f"{replica.url}/"
        assert replica.account()["sessions"] == 1
        replica.change_account(sign_out=True)
        assert "/login" in session.get(profile, timeout=10).url, "the session has expired"
        session.post(f"{replica.url}/login", data={**data, "code": "123456"}, timeout=10)
        session.get(f"{replica.url}/logout", timeout=10)
        assert replica.account()["sessions"] == 0
        assert not session.cookies


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "evil"])
def test_signing_in_leads_nowhere_else(http: requests.Session, replica: Replica, target: str) -> None:
    data = {"email": "a@example.org", "code": "123456", "redirect_url": target}
    answer = http.post(f"{replica.url}/login", data=data, allow_redirects=False, timeout=10)
    assert answer.headers["Location"] == "/"


def test_descriptions_cannot_leave_their_script_element(
    http: requests.Session, replica: Replica, next_data: Callable[[str], Any]
) -> None:
    replica.change(add=[{"id": "closer", "description": "</script><!-- <script>"}])
    html = http.get(f"{replica.url}/Closer", timeout=10).text
    assert "</script><!--" not in html
    bot = next_data(html)["props"]["pageProps"]["data"]["mainQuery"]["bot"]
    assert bot["description"] == "</script><!-- <script>"
    assert json.dumps(bot)
    replica.change(remove=["closer"])
