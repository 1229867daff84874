/*
 * Runs inside a bot's page, in one round trip: waits for the page, opens Rates, waits for the rate card, and
 * returns everything as one document. Argument: {seconds, maxSize, query}: the time it may take, the characters
 * that the document may have, and how other pages asked for a card (null if unknown). Result: {html, size,
 * traffic, query}; html is null if the document is larger, query is how this page asked for its card.
 *
 * It waits for events, not for time: every change of the document and every answer to the page's own
 * requests runs the check. See record.js.
 */
async ({ seconds, maxSize, query }) => {
  const start = performance.now();
  const deadline = start + seconds * 1000;
  const recorder = window[Symbol.for("poe-scraper")];
  const MAX_CLICKS = 5;
  const FIRST_PAUSE = 400; // ms before the second click; each further pause is twice as long, up to
  const LONGEST_PAUSE = 2000;
  const MAX_NAME = 80; // characters of a button's name

  const { until } = recorder;

  // --- the Rates button ---

  const CONTROLS = "button, a, summary, [role=button], [role=menuitem], [role=link], [role=tab], input[type=button], input[type=submit]";
  const DIALOGS = '[role=dialog], [role=alertdialog], [aria-modal=true], [class*="Modal_modalContent"], dialog';

  const clean = (text) => (text ?? "").replace(/\s+/g, " ").trim();
  // All texts that may be a control's accessible name. textContent includes the <title> of an icon.
  const names = (element) => {
    const labels = (element.getAttribute("aria-labelledby") ?? "").split(/\s+/).map((id) => id && document.getElementById(id)?.textContent);
    const images = [...element.querySelectorAll("img[alt], [aria-label], [title]")].flatMap((part) => [part.alt, part.ariaLabel, part.title]);
    const all = [element.ariaLabel, labels.join(" "), element.textContent, element.value, element.title, ...images];
    return all.filter((text) => typeof text === "string").map(clean).filter((text) => text && text.length <= MAX_NAME);
  };
  const some = (element, pattern) => names(element).some((name) => pattern.test(name));

  // A link is a button if it leads nowhere else: to this page, or to an address below it.
  const staysHere = (element) => {
    const link = element.closest("a[href]");
    if (!link || !URL.canParse(link.href)) return true;
    const { protocol, origin, pathname } = new URL(link.href);
    if (protocol === "javascript:") return true;
    const here = location.pathname.toLowerCase().replace(/\/$/, "");
    return origin === location.origin && `${pathname.toLowerCase()}/`.startsWith(`${here}/`);
  };

  // Buttons and links outside of dialogs that hold no further one.
  const controls = (part) =>
    [...part.querySelectorAll(CONTROLS)].filter((element) => !element.querySelector(CONTROLS) && !element.closest(DIALOGS));
  // The bot's own bar of buttons.
  const actionBars = () => {
    for (const selector of ['[class*="BotInfoCardActionBar"]', '[class*="BotInfo"] [class*="ctionBar"]', "[role=toolbar]"]) {
      const bars = [...document.querySelectorAll(selector)].filter((bar) => controls(bar).length);
      if (bars.length) return bars;
    }
    return [];
  };
  // If no class name tells: what holds "Share" and another button.
  const likelyActionBars = () => {
    const bar = controls(document).find((element) => some(element, /^share\b/i))?.parentElement;
    return bar && controls(bar).length > 1 ? [bar] : [];
  };
  // All buttons that may open the card: those that are called little more than "Rates", else those of the action bar
  // with "Rates" in their name. Not one that names the bot, which may be called Exchange-Rates; and not elsewhere,
  // where a longer text may be a question to ask the bot. `everywhere` looks outside of the action bar too, which
  // takes longer.
  const PLAIN = /^((view|see|show|open) )?rates( ?[(:].*)?$/i;
  const handle = location.pathname.split("/").pop().toLowerCase();
  const hasRates = (element) => names(element).some((name) => /\brates\b/i.test(name) && !name.toLowerCase().includes(handle));
  const ratesIn = (bars) => {
    const all = bars.flatMap(controls).filter(staysHere);
    const plain = all.filter((element) => some(element, PLAIN));
    return plain.length ? plain : all.filter(hasRates);
  };
  const triggers = (everywhere) => {
    const found = ratesIn(actionBars());
    if (found.length || !everywhere) return found;
    const likely = ratesIn(likelyActionBars());
    return likely.length ? likely : controls(document).filter((element) => staysHere(element) && some(element, PLAIN));
  };

  // Clicks from inside, so that neither a hidden element nor an overlay is in the way, and without leaving the page.
  const click = (element) => {
    const stay = (event) => {
      if (event.target.closest("a[href], [type=submit], form button")) event.preventDefault();
    };
    window.addEventListener("click", stay);
    element.click();
    window.removeEventListener("click", stay);
  };

  // --- the dialog ---

  const dialogs = () => {
    const open = [...document.querySelectorAll("details[open]")].filter((details) => details.querySelector(":scope > summary"));
    return [...document.querySelectorAll(DIALOGS)].filter((element) => element.tagName !== "DIALOG" || element.open).concat(open);
  };

  // The bot's number: from its own object in the page's data, else the only one that the page names.
  const findBotId = () => {
    const pathOf = (name) => new URL(`/${name}`, location.href).pathname.toLowerCase();
    const here = location.pathname.toLowerCase().replace(/\/$/, "");
    const objects = recorder.pageObjects().filter((object) => Number.isInteger(object.botId));
    const own = objects.find((object) => pathOf(object.handle ?? object.nullableHandle) === here);
    if (own) return own.botId;
    const named = [...document.scripts].flatMap((script) => [...script.text.matchAll(/\\?"botId\\?"\s*:\s*(\d{1,15})\b/g)]);
    const ids = new Set(named.map((match) => Number(match[1])));
    return ids.size === 1 ? [...ids][0] : null;
  };
  let botId; // undefined until it is needed; null may change while the page loads
  const ownBotId = () => {
    if (botId === undefined || (botId === null && document.readyState !== "complete")) botId = findBotId();
    return botId;
  };
  // Whether a request for a card, or the answer to it, is about this bot: a page may fetch the cards of others in advance.
  const isOwn = (entry) => entry.botId === null || ownBotId() === null || String(entry.botId) === String(ownBotId());
  const hasCard = () => recorder.answers.some((answer) => answer.hasCard && isOwn(answer));

  const observation = { settled: false, trigger: false, actionBar: false, controls: [], clickedAt: null, answers: [], dialog: null, repeated: null };

  // 1. Wait until Rates is there, or until the page has come to rest without it.
  const found = await until(
    (settled) => triggers(settled).length > 0 || (settled && !recorder.release() && "settled"),
    start + seconds * 800,
  );
  observation.settled = found === "settled";
  observation.trigger = !observation.settled && triggers(true).length > 0;

  // 2. Click Rates. A click before the page's scripts listen has no effect: click again until something happens.
  if (observation.trigger) {
    const before = new Map(dialogs().map((dialog) => [dialog, dialog.innerHTML]));
    const newDialogs = () => dialogs().filter((dialog) => before.get(dialog) !== dialog.innerHTML);
    const dialog = () => newDialogs().find((element) => element.textContent.trim());
    const asked = recorder.cardQueries.length;
    const opened = () => recorder.cardQueries.slice(asked).some(isOwn) || hasCard() || newDialogs().length > 0;
    const limit = start + seconds * 900; // leaves time to repeat the query
    let clicks = 0;
    let nextClick = 0;
    const clickNext = () => {
      const all = triggers(true); // a page may have one button for wide and one for narrow windows
      if (all.length) click(all[clicks % all.length]);
      nextClick = performance.now() + Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** clicks);
      clicks += 1;
    };
    observation.clickedAt = Math.round(performance.timeOrigin + performance.now());
    clickNext();
    await until((settled) => {
      if (opened()) return true;
      if (!settled || recorder.release() || performance.now() < nextClick) return false;
      if (clicks === MAX_CLICKS) return document.readyState === "complete";
      clickNext();
      return opened();
    }, limit);
    // 3. The answer with the card is enough; without one, the dialog once it has settled.
    const isDone = () => dialog() || recorder.answers.some(isOwn) || !opened();
    await until((settled) => hasCard() || (settled && !recorder.release() && isDone()), limit);
    observation.dialog = hasCard() ? null : (dialog()?.outerHTML ?? null);
  }

  // 4. If the page neither asked for the card itself nor shows it, ask as other pages did.
  if (query && !recorder.answers.some(isOwn) && !/\d/.test(observation.dialog ?? "") && performance.now() < deadline) {
    if (ownBotId() !== null) observation.repeated = await recorder.ask(query, ownBotId(), deadline);
  }

  observation.answers = recorder.answers.map(({ status, text, botId }) => ({ status, text, botId }));
  const bars = actionBars().length ? actionBars() : likelyActionBars();
  observation.actionBar = bars.length > 0;
  observation.controls = bars.flatMap(controls).map((element) => names(element)[0] ?? "").slice(0, 20);
  document.querySelector('[class*="_expander__"][aria-expanded="false"]')?.click();

  // a page with its action bar has loaded what it shows; a click may need more
  const missingSince = hasCard() ? null : (observation.clickedAt ?? (observation.actionBar ? null : 0));
  return recorder.deliver(observation, maxSize, missingSince);
};
