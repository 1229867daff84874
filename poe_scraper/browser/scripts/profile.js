/*
 * Runs inside a creator's profile, in one round trip: waits for the list of bots, scrolls its panel until it holds
 * as many as the page advertises or no more come, and returns the document. Argument and result as in observe.js.
 */
async ({ seconds, maxSize }) => {
  const deadline = performance.now() + seconds * 1000;
  const recorder = window[Symbol.for("poe-scraper")];
  recorder.release(); // the list may come over GraphQL
  const PATIENCE = 5000; // ms that the browser gets to paint, and then the panel to grow, at most
  const MAX_LOOKS = 3; // in a row without growth

  const panel = () => document.getElementById("profile-created-bots");
  const rows = () => panel()?.querySelectorAll("[data-bot-list-item]") ?? [];
  const advertised = () => {
    const counts = [...document.scripts].flatMap((script) => [...script.text.matchAll(/"createdBotCount\\?"\s*:\s*(\d+)/g)]);
    return Math.max(0, ...counts.map((match) => Number(match[1])));
  };
  // True if the page's data alone names as many bots as the page advertises: then nothing has to be scrolled.
  const hasAllInData = () => {
    const count = advertised();
    if (!count) return false;
    const handles = new Set();
    for (const { createdBotsConnection } of recorder.pageObjects()) {
      const edges = createdBotsConnection?.edges ?? createdBotsConnection?.nodes;
      for (const edge of Array.isArray(edges) ? edges : []) {
        const handle = (edge?.node ?? edge)?.handle;
        if (typeof handle === "string") handles.add(handle.toLowerCase());
      }
    }
    return handles.size >= count;
  };
  // Whether the panel or the window scrolls, and whether the page listens for scrolling or for what comes into view,
  // differs. The browser reports either when it paints next: late on a busy machine, and never in a hidden window.
  const scroll = async (toEnd) => {
    const row = [...rows()].at(toEnd ? -1 : 0);
    row?.scrollIntoView({ block: toEnd ? "end" : "start" });
    panel().scrollTop = toEnd ? panel().scrollHeight : 0;
    window.scrollTo(0, toEnd ? document.documentElement.scrollHeight : 0);
    const painted = new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    await Promise.race([painted, new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
  };

  const observation = { settled: false, deleted: [] };

  // 1. Wait until the panel is there, or until the page has come to rest without it.
  const found = await recorder.until((settled) => panel() || (settled && "settled"), deadline);
  observation.settled = found !== null;

  // 2. Scroll to the end of the panel, where it grows. If it does not grow and is short, scroll up and down again.
  const isWhole = hasAllInData();
  for (let looks = 0; !isWhole && panel() && looks < MAX_LOOKS && performance.now() < deadline; ) {
    const before = rows().length;
    await scroll(looks % 2 === 0);
    const limit = Math.min(deadline, performance.now() + PATIENCE);
    const grown = await recorder.until((settled) => rows().length > before || (settled && "settled"), limit);
    looks = grown === true ? 0 : looks + 1;
    if (grown !== true && (rows().length >= advertised() || hasAllInData())) break;
  }
  observation.deleted = recorder.deleted;
  return recorder.deliver(observation, maxSize);
};
