/*
 * Runs in every page before the page's own scripts: records the answers to the page's GraphQL requests,
 * so that the rate card is read as Poe sent it. Before that it clears what an earlier bot's page has stored.
 */
(() => {
  try {
    if (window === window.top) {
      localStorage.clear();
      sessionStorage.clear();
    }
  } catch {
    // A page without storage has nothing to clear.
  }
  const MAX_TEXT = 4 * 1024 * 1024;
  const recorder = { answers: [], pending: 0, cardQueries: 0, wake: null };
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

  const begin = (url, body) => {
    if (!String(url).includes("gql")) return null;
    recorder.pending += 1;
    const query = /"queryName"\s*:\s*"([^"]*)"/.exec(typeof body === "string" ? body : "")?.[1] ?? "";
    const isCard = /rate.?(card|menu)/i.test(query);
    if (isCard) recorder.cardQueries += 1;
    return { isCard };
  };
  const end = (entry, status, text) => {
    recorder.pending -= 1;
    const hasCard = text.length <= MAX_TEXT && holdsCard(text);
    if (entry.isCard || hasCard) recorder.answers.push({ status, text: text.slice(0, MAX_TEXT), hasCard });
    recorder.wake?.();
  };

  const { fetch } = window;
  window.fetch = async function (resource, options) {
    const request = resource instanceof Request;
    const entry = begin(request ? resource.url : resource, options?.body ?? (request ? await resource.clone().text() : ""));
    if (!entry) return fetch.call(this, resource, options);
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
  XMLHttpRequest.prototype.open = function (method, url, ...rest) {
    this.poeScraperUrl = url;
    return open.call(this, method, url, ...rest);
  };
  XMLHttpRequest.prototype.send = function (body) {
    const entry = begin(this.poeScraperUrl, body);
    if (entry) {
      this.addEventListener("loadend", () => {
        const text = this.responseType === "" || this.responseType === "text" ? this.responseText : JSON.stringify(this.response);
        end(entry, this.status, text ?? "");
      });
    }
    return send.call(this, body);
  };
})();
