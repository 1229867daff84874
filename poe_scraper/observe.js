/*
 * Runs inside a bot page, in one round trip: waits for the page, opens Rates, waits for the rate card,
 * and gives everything back as one document. Argument: {seconds, maxSize}: how long it may take, and how many
 * characters the document may have. Answer: {html, size, traffic}; html is null where it is larger than that.
 *
 * Waits are for events: every change of the document and every answer of the page's own requests wakes
 * the check. What the page asks over GraphQL is recorded by record.js, which runs before the page's scripts.
 */
async ({ seconds, maxSize }) => {
  const deadline = performance.now() + seconds * 1000;
  const recorder = window[Symbol.for("poe-scraper")];
  const QUIET = 400; // ms without a change of the document or a pending request: the page has settled
  const MAX_CLICKS = 5; // on Rates, each after the page has settled

  // Resolves with the first truthy value of probe(); with null when the time is over. A probe may also
  // settle for less once nothing has moved for QUIET ms.
  const until = (probe) =>
    new Promise((resolve) => {
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

  const named = (part) => document.querySelector(`[class*="${part}"]`);
  const trigger = () =>
    [...document.querySelectorAll("button, [role=button]")].find(
      (element) => !element.closest("[role=dialog]") && element.textContent.trim() === "Rates",
    );
  const dialog = () => [...document.querySelectorAll("[role=dialog]")].find((element) => element.textContent.trim());
  const expander = () => document.querySelector('[class*="_expander__"][aria-expanded="false"]');
  const hasCard = () => recorder.answers.some((answer) => answer.hasCard);

  const observation = { trigger: false, settled: false, answers: [], dialog: null };

  // 1. The page stands when Rates is there, or when nothing moves any more without it.
  const found = await until((settled) => trigger() || (settled && "settled"));
  observation.settled = found === "settled";
  const rates = found instanceof Element ? found : null;

  // 2. Rates is clicked from inside, so that neither a hidden element nor an overlay is in the way. A
  // click before the page's scripts listen goes nowhere: click again until something happens.
  if (rates) {
    observation.trigger = true;
    const before = new Set(document.querySelectorAll("[role=dialog]"));
    const asked = recorder.cardQueries;
    const opened = () => recorder.cardQueries > asked || hasCard() || [...document.querySelectorAll("[role=dialog]")].some((d) => !before.has(d));
    let clicks = 1;
    rates.click();
    await until((settled) => {
      if (opened()) return true;
      if (!settled) return false;
      if (clicks === MAX_CLICKS) return document.readyState === "complete";
      clicks += 1;
      (trigger() ?? rates).click();
      return opened();
    });
    // 3. The answer with the card is enough; where it fails, the dialog once it has settled.
    await until((settled) => hasCard() || (settled && dialog()));
    observation.answers = recorder.answers.map(({ status, text }) => ({ status, text }));
    observation.dialog = hasCard() ? null : (dialog()?.outerHTML ?? null);
  }
  if (expander()) expander().click();
  observation.hasHeader = Boolean(named("BotInfoCardHeader_") || named("BotInfoCardActionBar_") || document.querySelector("h1"));

  // 4. What it took, for the politeness figures: transferSize is 0 for what came from the cache.
  const traffic = {};
  for (const entry of [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]) {
    if (!entry.transferSize) continue;
    const kind = entry.entryType === "navigation" ? "document" : entry.initiatorType;
    traffic[kind] ??= { requests: 0, bytes: 0 };
    traffic[kind].requests += 1;
    traffic[kind].bytes += entry.transferSize;
  }
  // 5. The observation travels inside the document; "<" is escaped so that nothing within ends the element.
  const element = document.createElement("script");
  element.type = "application/json";
  element.id = "poe-scraper-observation";
  element.textContent = JSON.stringify(observation).replaceAll("<", "\\u003c");
  document.querySelectorAll(`#${element.id}`).forEach((other) => other.remove());
  (document.body ?? document.documentElement).append(element);
  const html = document.documentElement.outerHTML;

  // A page that is too large stays where it is.
  return { html: html.length > maxSize ? null : html, size: html.length, traffic };
};
