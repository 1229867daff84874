/*
 * Runs in every page before the page's own scripts. Records the page's GraphQL requests, so that the rate
 * card is read as Poe sent it, and holds what observe.js and profile.js share: waiting, reading the page's
 * data, and returning the document.
 */
(() => {
  const MAX_TEXT = 4 * 1024 * 1024; // characters of an answer
  const MAX_BODY = 64 * 1024; // characters of a request that is learned
  const QUIET = 400; // ms without a change or a pending request after which the page has settled
  const LOADING = 10_000; // ms that a script or style sheet may keep the page from having settled

  const recorder = {
    answers: [], // {status, text, hasCard, botId} of the requests for a card
    deleted: [], // handles of bots that an answer calls deleted
    held: [], // requests that wait for release()
    pending: 0, // requests under way
    cardQueries: [], // {botId} of every request for a card so far
    cardQuery: null, // how the page's script asks for a card: {path, method, headers, body}
    ownHeaders: {}, // headers of the page's latest GraphQL request
    wake: null,
    release,
    ask,
    until,
    pageObjects,
    deliver,
  };
  Object.defineProperty(window, Symbol.for("poe-scraper"), { value: recorder });

  // --- the page's requests ---

  const isQuery = (url) => /gql|graphql/i.test(new URL(url, location.href).pathname);
  // RateCardModalQuery since 2026, MessagePointsOverviewModalQuery in 2025
  const isCardQuery = (name) => /rate.?(card|menu)|points.?overview/i.test(name);

  // Calls visit(key, value) for every value of a JSON text, innermost first. Does nothing if the text is not JSON.
  const visitJson = (text, visit) => {
    try {
      JSON.parse(text, (key, value) => {
        visit(key, value);
        return value;
      });
    } catch {
      // an answer that was cut short, or not JSON at all
    }
  };

  const holdsCard = (text) => {
    let found = false;
    if (text.includes("rateMenuMarkdown")) visitJson(text, (key, value) => (found ||= key === "rateMenuMarkdown" && typeof value === "string"));
    return found;
  };

  const noteDeleted = (text) => {
    if (!/deletionState|isDeleted/.test(text)) return;
    visitJson(text, (key, value) => {
      const { handle, deletionState, isDeleted } = Object(value);
      const isGone = isDeleted === true || (typeof deletionState === "string" && deletionState !== "not_deleted");
      if (typeof handle === "string" && isGone) recorder.deleted.push(handle);
    });
  };

  const isBotId = (key) => /^bot_?id$/i.test(key);

  // What is known of a request before it is sent.
  const begin = (url, method, headers, body) => {
    const text = typeof body === "string" ? body : "";
    const entry = { isCard: false, botId: null, cardQuery: null };
    let request = null;
    visitJson(text, (key, value) => {
      if (key === "" && typeof value === "object") request = value;
    });
    const name = String(request?.queryName ?? request?.operationName ?? headers["poe-queryname"] ?? "");
    visitJson(JSON.stringify(request?.variables ?? null), (key, value) => {
      if (isBotId(key) && (Number.isInteger(value) || typeof value === "string")) entry.botId = value;
    });
    entry.isCard = isCardQuery(name);
    if (entry.isCard) recorder.cardQueries.push(entry);
    recorder.ownHeaders = headers;
    const { origin, pathname } = new URL(url, location.href);
    if (entry.botId !== null && origin === location.origin && text.length <= MAX_BODY) {
      entry.cardQuery = { path: pathname, method: method.toUpperCase(), headers, body: request };
    }
    return entry;
  };

  const end = (entry, status, text) => {
    recorder.pending -= 1;
    const isWhole = text.length <= MAX_TEXT;
    const hasCard = isWhole && holdsCard(text);
    if (entry.isCard || hasCard) recorder.answers.push({ status, text: text.slice(0, MAX_TEXT), hasCard, botId: entry.botId });
    if (hasCard && status === 200 && entry.cardQuery) recorder.cardQuery = entry.cardQuery;
    if (isWhole) noteDeleted(text);
    recorder.wake?.();
  };

  // Headers by name in lower case, without those that identify a person.
  const plainHeaders = (headers) => {
    const plain = {};
    new Headers(headers).forEach((value, name) => {
      if (!/^(cookie|authorization|proxy-)/.test(name)) plain[name] = value;
    });
    return plain;
  };

  // To ask Poe for no more than is needed, requests for other things than a card are held back. If the page comes
  // to rest without what is looked for, they are sent after all. Returns true if any was held back.
  function release() {
    const held = recorder.held ?? [];
    recorder.held = null;
    held.forEach((go) => go());
    return held.length > 0;
  }

  const { fetch } = window;
  window.fetch = async function (resource, options) {
    const request = resource instanceof Request ? resource : null;
    const url = request ? request.url : String(resource);
    let entry;
    try {
      if (!isQuery(url)) return fetch.call(this, resource, options);
      const body = options?.body ?? (request ? await request.clone().text() : "");
      entry = begin(url, options?.method ?? request?.method ?? "GET", plainHeaders(options?.headers ?? request?.headers), body);
    } catch {
      return fetch.call(this, resource, options); // not a request that fetch accepts: the error is the page's
    }
    if (!entry.isCard && recorder.held) await new Promise((go) => recorder.held.push(go));
    recorder.pending += 1;
    try {
      const response = await fetch.call(this, resource, options);
      response.clone().text().then(
        (text) => end(entry, response.status, text),
        () => end(entry, response.status, ""),
      );
      return response;
    } catch (error) {
      end(entry, 0, "");
      throw error;
    }
  };

  const { open, send, setRequestHeader } = XMLHttpRequest.prototype;
  const opened = new WeakMap();
  XMLHttpRequest.prototype.open = function (method, url, async = true, ...rest) {
    opened.set(this, { method: String(method), url: String(url), async, headers: {} });
    return open.call(this, method, url, async, ...rest);
  };
  XMLHttpRequest.prototype.setRequestHeader = function (name, value) {
    setRequestHeader.call(this, name, value);
    const request = opened.get(this);
    if (request) request.headers[name] = value;
  };
  XMLHttpRequest.prototype.send = function (body) {
    const request = opened.get(this);
    if (!request || !isQuery(request.url)) return send.call(this, body);
    const entry = begin(request.url, request.method, plainHeaders(request.headers), body);
    const go = () => {
      recorder.pending += 1;
      this.addEventListener("loadend", () => {
        const isText = this.responseType === "" || this.responseType === "text";
        end(entry, this.status, (isText ? this.responseText : JSON.stringify(this.response)) ?? "");
      });
      send.call(this, body);
    };
    if (entry.isCard || !recorder.held || !request.async) go();
    else recorder.held.push(go);
  };

  // Asks for a bot's card as another page's own script did. Returns {status, text, botId}, or null if the page
  // belongs to another release of the site than the learned request, or no answer comes in time.
  async function ask(cardQuery, botId, deadline) {
    const headers = { ...cardQuery.headers };
    for (const [name, value] of Object.entries(recorder.ownHeaders)) {
      if (!(name in headers) || /query.?name|content-type/.test(name)) continue;
      if (/revision|release|version/.test(name) && value !== headers[name]) return null;
      headers[name] = value; // a form key belongs to this page's visitor
    }
    const withBotId = (value, key) => {
      if (Array.isArray(value)) return value.map((part) => withBotId(part, ""));
      if (value !== null && typeof value === "object") {
        return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, withBotId(part, name)]));
      }
      return isBotId(key) ? (typeof value === "string" ? String(botId) : botId) : value;
    };
    const body = JSON.stringify({ ...cardQuery.body, variables: withBotId(cardQuery.body.variables, "") });
    const signal = AbortSignal.timeout(Math.max(0, deadline - performance.now()));
    try {
      const answer = await fetch.call(window, cardQuery.path, { method: cardQuery.method, headers, body, signal, redirect: "error" });
      return { status: answer.status, text: (await answer.text()).slice(0, MAX_TEXT), botId };
    } catch {
      return null; // no answer in time, or none at all
    }
  }

  // --- waiting ---

  // Scripts and style sheets that are being loaded, with the time from which they are no longer waited for.
  const loading = new Map();
  const LOADED = 'script[src]:is(:not([type]), [type=""], [type="module"], [type="text/javascript"]):not([nomodule]), link[rel~="stylesheet"][href]';
  const noteLoading = (node) => {
    if (!(node instanceof Element)) return;
    const elements = [...node.querySelectorAll(LOADED)].concat(node.matches(LOADED) ? [node] : []);
    elements.forEach((element) => loading.set(element, performance.now() + LOADING));
  };
  const noteLoaded = ({ target }) => {
    if (loading.delete(target)) recorder.wake?.();
  };
  new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach(noteLoading))).observe(document, {
    subtree: true,
    childList: true,
  });
  document.addEventListener("load", noteLoaded, true);
  document.addEventListener("error", noteLoaded, true);
  const isLoading = () => [...loading.values()].some((limit) => performance.now() < limit);

  // Resolves with the first truthy value of probe(settled), or with null at the deadline (in performance.now()
  // time). The probe runs on every change of the document and after every answer; `settled` is true once
  // nothing has happened for QUIET ms and nothing is being loaded.
  function until(probe, deadline) {
    return new Promise((resolve) => {
      let quiet;
      const finish = (value) => {
        observer.disconnect();
        clearTimeout(timer);
        clearTimeout(quiet);
        recorder.wake = null;
        resolve(value);
      };
      const check = (settled) => {
        const value = probe(settled);
        if (value) finish(value);
      };
      const woken = () => {
        clearTimeout(quiet);
        quiet = setTimeout(rest, QUIET);
        check(false);
      };
      const rest = () => {
        quiet = setTimeout(rest, QUIET);
        if (recorder.pending === 0 && document.readyState !== "loading" && !isLoading()) check(true);
      };
      const observer = new MutationObserver(woken);
      observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
      recorder.wake = woken;
      const timer = setTimeout(() => finish(null), Math.max(0, deadline - performance.now()));
      woken();
    });
  }

  // --- the page's data ---

  // Every object of the page's own data: `__NEXT_DATA__` (pages router) and the rows of `__next_f` (app router).
  // For questions that are asked while the page is open; Python reads the data in full (pages/document.py).
  function pageObjects() {
    const objects = [];
    const collect = (text) => visitJson(text, (key, value) => value !== null && typeof value === "object" && objects.push(value));
    collect(document.getElementById("__NEXT_DATA__")?.textContent ?? "");
    const chunks = [];
    for (const script of document.scripts) {
      const pushed = /__next_f[^;]{0,80}?\.push\(\s*(\[.*\])\s*\)/s.exec(script.src ? "" : script.text)?.[1];
      if (pushed) visitJson(pushed, (key, value) => key === "1" && typeof value === "string" && chunks.push(value));
    }
    for (const row of [...chunks.join("").split("\n"), ...chunks.filter((chunk) => chunk.startsWith("{"))]) collect(row.replace(/^[0-9a-f]*:/, ""));
    return objects;
  }

  // --- the result ---

  // Returns the document with the observation inside, and outside of it what must not be published. `html` is null
  // if it has more than maxSize characters.
  // missingSince: since when (Unix ms) something that the page needs may have been refused; null if it lacks nothing.
  function deliver(observation, maxSize, missingSince = 0) {
    // Traffic for the run report; transferSize is 0 for what came from the cache.
    const traffic = {};
    for (const entry of [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]) {
      if (!entry.transferSize) continue;
      const kind = entry.entryType === "navigation" ? "document" : entry.initiatorType;
      traffic[kind] ??= { requests: 0, bytes: 0 };
      traffic[kind].requests += 1;
      traffic[kind].bytes += entry.transferSize;
    }
    // "<" is escaped so that no text ends the element.
    const element = document.createElement("script");
    element.type = "application/json";
    element.id = "poe-scraper-observation";
    element.textContent = JSON.stringify(observation).replaceAll("<", "\\u003c");
    document.querySelectorAll(`#${element.id}`).forEach((other) => other.remove());
    (document.body ?? document.documentElement).append(element);
    const html = document.documentElement.outerHTML;
    return { html: html.length > maxSize ? null : html, size: html.length, traffic, query: recorder.cardQuery, missingSince };
  }
})();
