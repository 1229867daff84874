/*
 * Runs inside a bot page, in one round trip: waits for the page, opens Rates, waits for the rate card,
 * and gives everything back as one document. Argument: {seconds, maxSize}: how long it may take, and how many
 * characters the document may have. Answer: {html, size, traffic}; html is null where it is larger than that.
 *
 * Waits are for events: every change of the document and every answer of the page's own requests wakes
 * the check. record.js, which runs before the page's scripts, records what the page asks over GraphQL, and
 * does the waiting.
 */
async ({ seconds, maxSize }) => {
  const deadline = performance.now() + seconds * 1000;
  const recorder = window[Symbol.for("poe-scraper")];
  const MAX_CLICKS = 5; // on Rates, each after the page has settled

  const until = (probe) => recorder.until(probe, deadline);
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
  const found = await until((settled) => trigger() || (settled && !recorder.release() && "settled"));
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
      if (!settled || recorder.release()) return false;
      if (clicks === MAX_CLICKS) return document.readyState === "complete";
      clicks += 1;
      (trigger() ?? rates).click();
      return opened();
    });
    // 3. The answer with the card is enough; where it fails, the dialog once it has settled.
    await until((settled) => hasCard() || (settled && !recorder.release() && dialog()));
    observation.answers = recorder.answers.map(({ status, text }) => ({ status, text }));
    observation.dialog = hasCard() ? null : (dialog()?.outerHTML ?? null);
  }
  if (expander()) expander().click();
  observation.hasHeader = Boolean(named("BotInfoCardHeader_") || named("BotInfoCardActionBar_") || document.querySelector("h1"));

  return recorder.deliver(observation, maxSize);
};
