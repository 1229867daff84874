// The site's own script: shows what the page's data says, some tens of milliseconds after it has loaded.
(self.webpackChunk_N_E = self.webpackChunk_N_E || []).push([
  [888],
  {
    // What the page and the dialog share.
    2741: (module, exports) => {
      "use strict";
      const release = {/* release */};
      const hashed = {/* class names */};
      const view = JSON.parse(document.getElementById("__next").dataset.view);
      const moved = view.fault === "moved_elements";

      const className = (name) =>
        view.fault === "new_classes" ? "x" + Math.random().toString(36).slice(2, 9) : hashed[name];

      // Tags that the fault "moved_elements" uses instead of the usual ones.
      const otherTags = { h1: "p", section: "div", p: "span", button: "a", div: "section", a: "b" };

      function element(tag, name, text, attributes = {}) {
        const made = document.createElement(moved ? (otherTags[tag] ?? tag) : tag);
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
          credentials: view.fault === "cookies" ? "omit" : "same-origin",
          headers: {
            "content-type": "application/json",
            poegraphql: "1",
            "poe-queryname": queryName,
            "poe-revision": release.revision,
            "poe-formkey": self.poeFormKey(),
          },
          body: JSON.stringify({ queryName, variables, extensions: { hash: release.hashes[queryName] } }),
        });
        if (!answer.ok) throw new Error("status " + answer.status);
        return answer.json();
      }

      Object.assign(exports, { element, query, view, moved });
    },

    // The pages.
    5573: (module, exports, require) => {
      "use strict";
      const { element, query, view, moved } = require(2741);
      const root = document.getElementById("__next");
      const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

      // Data that comes as React server components: lines of "id:json", and texts of "id:Tlength,text".
      function flightData() {
        const pieces = self.__next_f.filter((piece) => piece[0] === 1).map((piece) => piece[1]);
        const bytes = new TextEncoder().encode(pieces.join(""));
        const text = (start, end) => new TextDecoder().decode(bytes.subarray(start, end));
        const rows = {};
        for (let at = 0; at < bytes.length; ) {
          const colon = bytes.indexOf(58, at);
          const id = text(at, colon);
          const isText = bytes[colon + 1] === 84;
          const start = isText ? bytes.indexOf(44, colon) + 1 : colon + 1;
          const end = isText ? start + parseInt(text(colon + 2, start - 1), 16) : bytes.indexOf(10, start);
          rows[id] = text(start, end);
          at = isText ? end : end + 1;
        }
        const resolve = (key, value) => {
          if (typeof value !== "string" || !value.startsWith("$")) return value;
          return value.startsWith("$$") ? value.slice(1) : (rows[value.slice(1)] ?? value);
        };
        const row = Object.values(rows).find((line) => line.startsWith("[") && line.includes('"mainQuery"'));
        return JSON.parse(row, resolve)[3].data.mainQuery[view.kind];
      }

      async function askForData() {
        const handle = location.pathname.slice(1);
        const answer =
          view.kind === "bot"
            ? await query("HandleBotLandingPageQuery", { botHandle: handle })
            : await query("ProfilePageQuery", { handle });
        return answer.data[view.kind];
      }

      async function pageData() {
        if (view.fault === "no_hydration") return askForData();
        const script = document.getElementById("__NEXT_DATA__");
        if (!script) return flightData();
        const props = JSON.parse(script.textContent).props.pageProps;
        return props.data ? props.data.mainQuery[view.kind] : props.initialState.entities[1];
      }

      // Some objects have no botId; their global id says the same.
      const withBotId = (bot) => ({ ...bot, botId: bot.botId ?? Number(atob(bot.id).split(":")[1]) });
      const creatorOf = (bot) => bot.creator.handle ?? bot.creator.nullableHandle;

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

      const ICON = '<svg width="16" height="16" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7"/></svg>';

      // The button that opens the rate card, in the forms that faults give it.
      function trigger() {
        switch (view.fault) {
          case "label_points":
            return element("button", "Button_button", "Rates (points)");
          case "label_icon": {
            const button = element("button", "Button_button");
            button.innerHTML = ICON.replace("><circle", "><title>Rates</title><circle");
            return button;
          }
          case "label_aria": {
            const button = element("button", "Button_button", undefined, { "aria-label": "Rates" });
            button.innerHTML = ICON;
            return button;
          }
          case "label_link":
            return element("a", "Button_button", "Rates", { href: "#rates" });
          case "label_menuitem":
            return element("div", "DropdownMenuItem_item", "Rates", { role: "menuitem", tabindex: "0" });
          case "label_renamed":
            return element("button", "Button_button", "Pricing");
          default:
            return element("button", "Button_button", "Rates");
        }
      }

      function openRates(event, bot) {
        event.preventDefault();
        // Like next/dynamic, a dialog that cannot be loaded shows nothing.
        require.chunk(312).then(
          () => require(8461).open(bot),
          (error) => console.error(error.message),
        );
      }

      async function listen(button, bot) {
        if (view.fault === "dead_rates") return;
        if (view.fault === "listener_late") await wait(700);
        button.addEventListener("click", (event) => openRates(event, bot));
      }

      function actionBar(bot) {
        const bar = element("div", "BotInfoCardActionBar_actionBar");
        bar.append(element("button", "Button_button", "New chat"));
        if (view.rates !== "none") {
          const rates = trigger();
          listen(rates, bot);
          const holder = element("div", "", undefined, view.fault === "label_menuitem" ? { role: "menu" } : {});
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
        const creator = creatorOf(bot);
        operatedBy.append(element("a", "UserHandle_creatorHandle", "@" + creator, { href: "/" + creator }));
        header.append(
          element("img", "BotHeader_avatar", undefined, { src: bot.picture.url, alt: "" }),
          element("h1", "BotHeader_botName", bot.displayName ?? bot.handle),
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
        if (view.fault === "label_twice") {
          const navigation = document.createElement("nav");
          navigation.append(element("a", "", "Rates", { href: "/rates" }));
          root.append(navigation);
        }
        root.append(main);
      }

      // A deleted bot's page has neither a card nor a form to write to it.
      function showDeleted(bot) {
        const main = document.createElement("main");
        main.append(element("h1", "BotHeader_botName", bot.handle), element("p", "", "This bot has been deleted."));
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
          element("p", "", user.bio),
        );
        root.append(main);
        if (view.fault === "profile_no_panel") return;
        const panel = element("div", "ProfileCreatedBots_panel", undefined, { id: "profile-created-bots" });
        // Scrolls without a style sheet, too.
        panel.style.cssText = "height:420px;overflow-y:auto";
        main.append(panel);

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

      function setManyCookies() {
        for (let number = 0; number < 100; number += 1) {
          document.cookie = `filler-${number}=${"x".repeat(4000)}; path=/; max-age=3600`;
        }
      }

      // Leaves this page's handle wherever pages can leave something, and returns what other pages have left.
      async function exchangeTraces() {
        const own = location.pathname.slice(1);
        const found = [];

        found.push(document.cookie.match(/(?:^|; )last-visit=([^;]*)/)?.[1]);
        document.cookie = `last-visit=${own}; path=/; max-age=3600`;

        for (const storage of [localStorage, sessionStorage]) {
          found.push(storage.getItem("last-visit"));
          storage.setItem("last-visit", own);
        }

        const cache = await caches.open("visits");
        found.push(await (await cache.match("/last-visit"))?.text());
        await cache.put("/last-visit", new Response(own));

        const done = (request) =>
          new Promise((resolve, reject) => {
            request.onsuccess = () => resolve(request.result);
            request.onerror = () => reject(request.error);
          });
        const opening = indexedDB.open("visits");
        opening.onupgradeneeded = () => opening.result.createObjectStore("last");
        const store = (await done(opening)).transaction("last", "readwrite").objectStore("last");
        found.push(await done(store.get("visit")));
        store.put(own, "visit");

        const channel = new BroadcastChannel("visits");
        channel.onmessage = (message) => {
          if (found.includes(message.data)) return;
          found.push(message.data);
          channel.postMessage(own);
        };
        channel.postMessage(own);
        await wait(50);
        return found.filter((handle) => handle && handle !== own);
      }

      function addScript(address) {
        const script = document.createElement("script");
        script.src = address;
        script.async = true;
        document.head.append(script);
      }

      async function askStunServer() {
        const connection = new RTCPeerConnection({ iceServers: [{ urls: view.stun }] });
        connection.createDataChannel("probe");
        await connection.setLocalDescription(await connection.createOffer());
      }

      function fail(error) {
        root.textContent = "Application error: a client-side exception has occurred.";
        throw error;
      }

      async function show() {
        if (view.fault === "js_exception") fail(new Error("the replica was asked to fail here"));
        if (view.fault === "alert") alert("Welcome back!");
        if (view.fault === "memory") hoardMemory();
        if (view.fault === "cookies") setManyCookies();
        if (view.fault === "webrtc") askStunServer();
        if (view.fault === "late_page") await wait(5000);
        for (const address of view.trackers) addScript(address);
        if (view.fault === "shared_state") {
          const traces = await exchangeTraces();
          if (traces.length) fail(new Error("found traces of " + traces.join(", ")));
        }
        let data;
        try {
          data = await pageData();
          if (!data) throw new TypeError("no data");
        } catch (error) {
          fail(error);
        }
        if (view.kind === "user") showProfile(data);
        else if (data.isDeleted) showDeleted(data);
        else showBot(withBotId(data));
        if (view.overlay) showOverlay();
        document.addEventListener("keydown", (event) => {
          if (event.key === "Escape") document.querySelector('[role="dialog"]')?.parentElement.remove();
        });
      }

      // Queries that have nothing to do with rates; their answers, and the errors in them, are of no use here.
      const ignore = () => {};
      query("ViewerStateQuery", {}).catch(ignore);
      query("LayoutRightSidebarQuery", { useChat: false }).catch(ignore);
      wait(40).then(() => {
        show();
        query("SubscriptionsUpsellQuery", {}).catch(ignore);
      });
    },
  },
  (require) => require(5573),
]);
