/*
 * Runs inside a creator's profile, in one round trip: waits for the panel of bots, scrolls it until it holds
 * as many as the page advertises or nothing more comes, and gives the document back. Argument and answer as in
 * observe.js.
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
  // Whether panel or window scroll, and whether the page listens for scrolling or for what comes into view, differs.
  // It hears of either when the browser paints next: late on a busy machine, and never in a window that is hidden.
  const scroll = async (toEnd) => {
    const row = [...rows()].at(toEnd ? -1 : 0);
    row?.scrollIntoView({ block: toEnd ? "end" : "start" });
    panel().scrollTop = toEnd ? panel().scrollHeight : 0;
    window.scrollTo(0, toEnd ? document.documentElement.scrollHeight : 0);
    const painted = new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    await Promise.race([painted, new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
  };

  const observation = { settled: false, deleted: [] };

  // 1. The profile stands when its panel is there, or when nothing moves any more without it.
  const found = await recorder.until((settled) => panel() || (settled && "settled"), deadline);
  observation.settled = found !== null;

  // 2. At its end the panel grows. Where it does not, and is short, it is scrolled up and down once more.
  for (let looks = 0; panel() && looks < MAX_LOOKS && performance.now() < deadline; ) {
    const before = rows().length;
    await scroll(looks % 2 === 0);
    const limit = Math.min(deadline, performance.now() + PATIENCE);
    const grown = await recorder.until((settled) => rows().length > before || (settled && "settled"), limit);
    looks = grown === true ? 0 : looks + 1;
    if (grown !== true && rows().length >= advertised()) break;
  }
  observation.deleted = recorder.deleted;
  return recorder.deliver(observation, maxSize);
};
