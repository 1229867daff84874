// The site's own script: shows what the page's data holds, some tens of milliseconds after it loaded.
(() => {
  "use strict";
  const hashed = {/* class names */};
  const root = document.getElementById("__next");
  const view = JSON.parse(root.dataset.view);
  const moved = view.fault === "moved_elements";

  const className = (name) =>
    view.fault === "new_classes" ? "x" + Math.random().toString(36).slice(2, 9) : hashed[name];

  // Tags that the fault "moved_elements" puts in place of the usual ones.
  const otherTags = { h1: "p", section: "div", p: "span", button: "a", div: "section", a: "b" };

  function element(tag, name, text, attributes = {}) {
    const made = document.createElement(moved ? otherTags[tag] ?? tag : tag);
    if (name) made.className = className(name);
    if (text !== undefined) made.textContent = text;
    if (tag === "button" && moved) {
      made.setAttribute("role", "button");
      made.tabIndex = 0;
    }
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  async function query(queryName, variables) {
    const answer = await fetch("/api/gql_POST", {
      method: "POST",
      headers: { "content-type": "application/json", "poe-queryname": queryName },
      body: JSON.stringify({ queryName, variables, extensions: { hash: "0".repeat(64) } }),
    });
    if (!answer.ok) throw new Error("status " + answer.status);
    return answer.json();
  }

  function pageData() {
    const script = document.getElementById("__NEXT_DATA__");
    const text = script ? script.textContent : self.__next_f[0][1];
    const props = JSON.parse(text).props.pageProps;
    const data = props.data ? props.data.mainQuery[view.kind] : props.initialState.entities[1];
    if (!data) throw new TypeError("no data");
    return data;
  }

  function showMarkdown(container, markdown) {
    // Markup inside a card is shown as text.
    const escapeHtml = (token) =>
      token.text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
    container.innerHTML = new marked.Marked({ renderer: { html: escapeHtml } }).parse(markdown);
  }

  function cardOf(answer) {
    return view.fault === "gql_moved"
      ? answer.data.bot.pricing.menu
      : answer.data.botById.botPricing.rateMenuMarkdown;
  }

  async function openRates(bot) {
    const overlay = element("div", "Modal_modalOverlay");
    const dialog = element("div", "Modal_modalContent", undefined, {
      role: "dialog",
      "aria-modal": "true",
      "aria-label": "Rates",
    });
    const close = element("button", "Button_button", "Close", { "aria-label": "Close" });
    const content = element("div", "Markdown_markdownContainer");
    content.append(element("p", "LoadingDots_dots", "Loading…"));
    close.addEventListener("click", () => overlay.remove());
    dialog.append(element("h1", "Modal_title", "Rates"), close, content);
    overlay.append(dialog);
    document.body.append(overlay);
    try {
      const name = view.fault === "gql_moved" ? "BotPricingDialogQuery" : "RateCardModalQuery";
      const card = cardOf(await query(name, { botId: bot.botId }));
      if (card) showMarkdown(content, card);
      else content.textContent = "No rates are known for this bot.";
    } catch (error) {
      content.textContent = "Something went wrong. Please try again.";
    }
  }

  function description(text) {
    const section = element("section", "BotDescriptionDisclaimerSection_container");
    const body = element("div", "BotDescriptionDisclaimerSection_text", text);
    section.append(body);
    const limit = 280;
    if (text.length > limit) {
      body.textContent = text.slice(0, limit) + "…";
      const expander = element("button", "BotDescriptionDisclaimerSection_expander", "View more", {
        "aria-expanded": "false",
      });
      expander.addEventListener("click", () => {
        const open = expander.getAttribute("aria-expanded") === "false";
        expander.setAttribute("aria-expanded", String(open));
        expander.textContent = open ? "View less" : "View more";
        body.textContent = open ? text : text.slice(0, limit) + "…";
      });
      section.append(expander);
    }
    return section;
  }

  function actionBar(bot) {
    const bar = element("div", "BotInfoCardActionBar_actionBar");
    bar.append(element("button", "Button_button", "New chat"));
    if (view.rates !== "none") {
      const rates = element("button", "Button_button", "Rates");
      if (view.fault !== "dead_rates") rates.addEventListener("click", () => openRates(bot));
      const holder = element("div");
      if (view.rates === "hidden") holder.style.display = "none";
      holder.append(rates);
      bar.append(holder);
    }
    bar.append(element("button", "Button_button", "Share"));
    return bar;
  }

  function showBot(bot) {
    const main = document.createElement("main");
    const header = element("div", "BotInfoCardHeader_container");
    const operatedBy = element("div", "BotInfoCardHeader_operatedBy", "Operated by ");
    operatedBy.append(
      element("a", "UserHandle_creatorHandle", "@" + bot.creator.handle, { href: "/" + bot.creator.handle })
    );
    header.append(
      element("img", "BotHeader_avatar", undefined, { src: bot.picture.url, alt: "" }),
      element("h1", "BotHeader_botName", bot.displayName)
    );
    if (view.costLabel) header.append(element("div", "BotInfoCardHeader_initialPointsCost", view.costLabel));
    header.append(operatedBy);
    const about = description(bot.description);
    if (bot.poweredBy) {
      const line = element("p", "BotDescriptionDisclaimerSection_disclaimerText", bot.poweredBy + " ");
      line.append(element("a", "", "Learn more", { href: "/about-providers" }));
      about.append(line);
    }
    const form = element("form", "ChatInput_form");
    form.append(element("textarea", "", "", { placeholder: "Start a new chat", "aria-label": "Message" }));
    if (moved) main.append(form, about, header, actionBar(bot));
    else main.append(header, actionBar(bot), about, form);
    root.append(main);
  }

  function showOverlay() {
    // Placed by attributes, so that it covers the page without a style sheet, too.
    const overlay = element("div", "ConsentBanner_overlay");
    overlay.style.cssText =
      "position:fixed;inset:0;z-index:1000;background:#0008;display:flex;align-items:end;justify-content:center";
    const box = element("div", "ConsentBanner_box", "This site would like to store cookies.");
    box.style.cssText = "background:#fff;color:#000;padding:24px;margin:24px";
    for (const label of ["Reject all", "Accept all"]) {
      const button = element("button", "Button_button", label);
      button.addEventListener("click", () => overlay.remove());
      box.append(button);
    }
    overlay.append(box);
    document.body.append(overlay);
  }

  function showProfile(user) {
    const main = document.createElement("main");
    main.append(
      element("h1", "ProfileHeader_handle", "@" + user.handle),
      element("div", "ProfileHeader_count", user.createdBotCount + " bots"),
      element("p", "", user.bio)
    );
    const panel = element("div", "ProfileCreatedBots_panel", undefined, { id: "profile-created-bots" });
    // Scrolls without a style sheet, too.
    panel.style.cssText = "height:420px;overflow-y:auto";
    main.append(panel);
    root.append(main);

    let pageInfo;
    let loading = false;
    const add = (connection) => {
      for (const { node } of connection.edges) {
        const item = element("div", "BotListItem_item", undefined, { "data-bot-list-item": "" });
        const link = element("a", "BotListItem_botName", node.handle, { href: "/" + node.handle });
        const text = node.deletionState === "deleted" ? "This bot was deleted." : node.description;
        item.append(link, element("div", "BotListItem_botDescription", text));
        panel.append(item);
      }
      pageInfo = connection.pageInfo;
    };
    const nearEnd = () => panel.scrollTop + panel.clientHeight > panel.scrollHeight - 80;
    const loadMore = async () => {
      if (loading || !pageInfo.hasNextPage || !nearEnd()) return;
      loading = true;
      try {
        const answer = await query("ProfileCreatedBotsPaginationQuery", {
          handle: user.handle,
          after: pageInfo.endCursor,
        });
        add(answer.data.user.createdBotsConnection);
      } catch (error) {
        pageInfo = { hasNextPage: false };
      }
      loading = false;
      loadMore();
    };
    add(user.createdBotsConnection);
    panel.addEventListener("scroll", loadMore);
    loadMore();
  }

  function hoardMemory() {
    const hoard = (self.hoard = []);
    const timer = setInterval(() => {
      hoard.push(new Uint8Array(16_000_000).fill(hoard.length + 1));
      if (hoard.length >= 64) clearInterval(timer);
    }, 20);
  }

  function show() {
    if (view.fault === "js_exception") {
      root.textContent = "Application error: a client-side exception has occurred.";
      throw new Error("the replica was told to fail here");
    }
    if (view.fault === "alert") alert("Welcome back!");
    if (view.fault === "memory") hoardMemory();
    let data;
    try {
      data = pageData();
    } catch (error) {
      root.textContent = "Application error: a client-side exception has occurred.";
      throw error;
    }
    if (view.kind === "bot") showBot(data);
    else showProfile(data);
    if (view.overlay) showOverlay();
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") document.querySelector('[role="dialog"]')?.parentElement.remove();
    });
  }

  // Queries that have nothing to do with rates; their answers, and the errors in them, are of no use here.
  const ignore = () => {};
  query("ViewerStateQuery", {}).catch(ignore);
  query("LayoutRightSidebarQuery", { useChat: false }).catch(ignore);
  setTimeout(() => {
    show();
    query("SubscriptionsUpsellQuery", {}).catch(ignore);
  }, 40);
})();
