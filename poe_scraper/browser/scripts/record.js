/*
 * Runs in every page before the page's own scripts: records the answers to the page's GraphQL requests,
 * so that the rate card is read as Poe sent it. Holds what observe.js and profile.js have in common.
 */
(() => {
  const MAX_TEXT = 4 * 1024 * 1024;
  const QUIET = 400; // ms without a change of the document or a pending request: the page has settled
  const recorder = { answers: [], deleted: [], held: [], pending: 0, cardQueries: 0, wake: null, release, until, deliver };
  Object.defineProperty(window, Symbol.for("poe-scraper"), { value: recorder });

  const holdsCard = (text) => {
    if (!text.includes("rateMenuMarkdown")) return false;
    let found = false;
    try {
      JSON.parse(text, (key, value) => {
        if (key === "rateMenuMarkdown" && typeof value === "string") found = true;
        return value;
      });
    } catch {
      return false; // cut short on the way
    }
    return found;
  };

  // Bots that an answer calls deleted, whatever the query's name and shape.
  const noteDeleted = (text) => {
    if (!text.includes("deletionState")) return;
    try {
      JSON.parse(text, (key, value) => {
        const { handle, deletionState } = Object(value);
        if (typeof handle === "string" && typeof deletionState === "string" && deletionState !== "not_deleted") recorder.deleted.push(handle);
        return value;
      });
    } catch {
      // cut short on the way
    }
  };

  // Poe is asked for no more than is needed: queries for other things than a card are held back. Where the
  // page stands still without what is looked for, they are let go.
  function release() {
    const held = recorder.held ?? [];
    recorder.held = null;
    held.forEach((go) => go());
    return held.length > 0;
  }

  const isQuery = (url) => String(url).includes("gql");
  const begin = (body) => {
    const query = /"queryName"\s*:\s*"([^"]*)"/.exec(typeof body === "string" ? body : "")?.[1] ?? "";
    const isCard = /rate.?(card|menu)/i.test(query);
    if (isCard) recorder.cardQueries += 1;
    return { isCard };
  };
  const end = (entry, status, text) => {
    recorder.pending -= 1;
    const hasCard = text.length <= MAX_TEXT && holdsCard(text);
    if (entry.isCard || hasCard) recorder.answers.push({ status, text: text.slice(0, MAX_TEXT), hasCard });
    if (text.length <= MAX_TEXT) noteDeleted(text);
    recorder.wake?.();
  };

  const { fetch } = window;
  window.fetch = async function (resource, options) {
    const request = resource instanceof Request;
    if (!isQuery(request ? resource.url : resource)) return fetch.call(this, resource, options);
    const entry = begin(options?.body ?? (request ? await resource.clone().text() : ""));
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

  const { open, send } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.open = function (method, url, async = true, ...rest) {
    this.poeScraper = { url, async };
    return open.call(this, method, url, async, ...rest);
  };
  XMLHttpRequest.prototype.send = function (body) {
    if (!isQuery(this.poeScraper?.url)) return send.call(this, body);
    const entry = begin(body);
    const go = () => {
      recorder.pending += 1;
      this.addEventListener("loadend", () => {
        const text = this.responseType === "" || this.responseType === "text" ? this.responseText : JSON.stringify(this.response);
        end(entry, this.status, text ?? "");
      });
      send.call(this, body);
    };
    if (entry.isCard || !recorder.held || !this.poeScraper.async) go();
    else recorder.held.push(go);
  };

  // Resolves with the first truthy value of probe(); with null at the deadline (as performance.now() has it).
  // A probe may also settle for less once nothing has moved for QUIET ms.
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
        if (recorder.pending === 0 && document.readyState !== "loading") check(true);
      };
      const observer = new MutationObserver(woken);
      observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
      recorder.wake = woken;
      const timer = setTimeout(() => finish(null), Math.max(0, deadline - performance.now()));
      woken();
    });
  }

  // The document with the observation inside. One that is larger than maxSize characters stays where it is.
  function deliver(observation, maxSize) {
    // What it took, for the politeness figures: transferSize is 0 for what came from the cache.
    const traffic = {};
    for (const entry of [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]) {
      if (!entry.transferSize) continue;
      const kind = entry.entryType === "navigation" ? "document" : entry.initiatorType;
      traffic[kind] ??= { requests: 0, bytes: 0 };
      traffic[kind].requests += 1;
      traffic[kind].bytes += entry.transferSize;
    }
    // "<" is escaped so that nothing within ends the element.
    const element = document.createElement("script");
    element.type = "application/json";
    element.id = "poe-scraper-observation";
    element.textContent = JSON.stringify(observation).replaceAll("<", "\\u003c");
    document.querySelectorAll(`#${element.id}`).forEach((other) => other.remove());
    (document.body ?? document.documentElement).append(element);
    const html = document.documentElement.outerHTML;
    return { html: html.length > maxSize ? null : html, size: html.length, traffic };
  }
})();
