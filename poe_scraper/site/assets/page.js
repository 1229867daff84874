/* What all pages share: ages, the "your use" panel and itemised costs. Text reaches a page as text only. */
"use strict";

/** An element with properties, data attributes and children; a string becomes text, never markup. */
function element(tag, properties = {}, ...children) {
  const { data, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  Object.assign(made.dataset, data);
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

// --- ages

const Ages = (() => {
  const words = new Intl.RelativeTimeFormat("en", { numeric: "always" });
  const spans = [["year", 31536000], ["month", 2592000, 5184000], ["day", 86400], ["hour", 3600], ["minute", 60]];

  function told(then) {
    const seconds = (Date.now() - then) / 1000;
    const [unit, length] = spans.find((span) => Math.abs(seconds) >= (span[2] ?? span[1])) ?? ["minute", 60];
    return words.format(-Math.trunc(seconds / length), unit);
  }

  /** Say behind every day within an element how long ago it is. */
  function tell(within) {
    for (const time of within.querySelectorAll("time:not([title], .badge time)")) {
      time.title = new Date(time.dateTime).toUTCString();
      time.after(" ", element("small", { className: "age" }, told(new Date(time.dateTime))));
    }
  }
  return { tell };
})();

// --- amounts

const Amounts = (() => {
  const rounding = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 });
  const short = new Map([["1000", "1k"], ["1000000", "1M"]]);

  /** A decimal string in full, thousands parted. */
  function exact(text) {
    const [whole, decimals] = text.split(".");
    return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (decimals ? `.${decimals}` : "");
  }

  const rounded = (text) => rounding.format(Number(text));

  /** What a price pays for: `/1M tokens`; empty where the card names nothing. */
  function per(denominator) {
    const { quantity = "1", unit, qualifier } = denominator ?? {};
    const one = Number(quantity) === 1;
    if (!unit) return one ? "" : `/${exact(quantity)}`;
    const named = qualifier ? `${qualifier} ${unit}` : unit;
    return one ? `/${named}` : `/${short.get(quantity) ?? exact(quantity)} ${named}s`;
  }

  const SIGNS = { up_to: "≤ ", from: "≥ ", about: "≈ " };

  /** A sum in dollars for a table cell: `≤ $0.81`. */
  function cell(sum) {
    const figures = sum.max_amount == null ? rounded(sum.amount) : `${rounded(sum.amount)}–${rounded(sum.max_amount)}`;
    return `${SIGNS[sum.bound] ?? (sum.converted ? "≈ " : "")}$${figures}`;
  }

  const bound = (name) => (name && name !== "exact" ? `${name.replace("_", " ")} ` : "");

  /** A sum of money: `up to $0.81`, `≈ 206 points`. */
  function money(currency, sum, format = exact) {
    const figures = sum.max_amount == null ? format(sum.amount) : `${format(sum.amount)}–${format(sum.max_amount)}`;
    const told = currency === "USD" ? `$${figures}` : `${figures} points`;
    return `${sum.converted ? "≈ " : ""}${bound(sum.bound)}${told}`;
  }
  return { exact, rounded, per, money, cell };
})();

// --- numbers that people write

const Quantities = (() => {
  const SCALES = { "": 0, k: 3, m: 6, b: 9 };
  const FORM = /^(\d{1,3}(?:[, _]\d{3})+|[\d_]+)?(\.\d+)?([kmb]?)$/i;
  const MOST = "1000000000000";

  /** The decimal string that a text such as `1500`, `1,500`, `1.5k` or `2M` means; null if it means none. */
  function parse(text) {
    const found = FORM.exec(text.trim());
    if (!found || !(found[1] || found[2])) return null;
    const whole = (found[1] ?? "").replace(/[, _]/g, "");
    if (!whole && !found[2]) return null;
    const decimals = (found[2] ?? ".").slice(1);
    const scale = SCALES[found[3].toLowerCase()];
    const padded = decimals.padEnd(scale, "0");
    const integer = (whole + padded.slice(0, scale)).replace(/^0+(?=\d)/, "") || "0";
    const rest = padded.slice(scale).replace(/0+$/, "");
    return rest ? `${integer}.${rest}` : integer;
  }

  const text = (field) => field.value.trim().replace(/^\$|%$/g, "").trim();

  /** What is wrong with a field, in words; empty if nothing is. */
  function wrong(field) {
    if (!text(field)) return "";
    const name = field.labels[0].firstChild.textContent.trim();
    const value = parse(text(field));
    if (value === null) return `${name}: “${field.value}” is not a number of at least 0, such as 1500, 1,500, 0.5, 12k or 2M.`;
    const most = field.dataset.most ?? MOST;
    return Number(value) > Number(most) ? `${name}: ${field.value} is more than ${Amounts.exact(most)}.` : "";
  }

  /** The value of a field as a decimal string; empty if there is none, or none that is right. */
  const of = (field) => (text(field) && !wrong(field) ? parse(text(field)) : "");

  /** Mark the fields of a form that are wrong, and say below them why. */
  function check(fields, place) {
    const told = fields.map((field) => {
      const words = wrong(field);
      field.ariaInvalid = words ? "true" : "false";
      return words;
    });
    let line = place.querySelector(":scope > .wrong");
    if (!line) {
      line = element("p", { className: "wrong", role: "alert" });
      place.append(line);
    }
    const words = told.filter(Boolean).join(" ");
    if (line.textContent !== words) line.textContent = words;
    return !words;
  }
  return { of, check };
})();

// --- the address, where the state is kept

const Address = {
  read: () => new URLSearchParams(location.search),
  /** Put the state into the address, so that it can be shared, without a step in the browser's history. */
  write(parameters) {
    const text = parameters.toString();
    history.replaceState(null, "", text ? `?${text}` : location.pathname);
  },
};

// --- your use

const Use = (() => {
  const names = ["input", "output", "cached", "messages", "images", "seconds", "characters", "searches"];
  const form = () => document.getElementById("usage");

  const fields = () => names.map((name) => form().elements[name]);

  /** What the fields say, by name; what is empty, zero or no number is left out. */
  function parameters() {
    return fields().map((field) => [field.name, Quantities.of(field)]).filter(([, value]) => Number(value) > 0);
  }

  /** The usage to compute with, exactly; null where nothing is used. */
  function usage() {
    const { input = "0", output = "0", cached = "0", ...others } = Object.fromEntries(parameters());
    const tokens = Cost.fraction(input);
    const read = Cost.times(tokens, Cost.over(Cost.fraction(cached), [100n, 1n]));
    const used = {
      input_tokens: Cost.decimal(Cost.minus(tokens, read)),
      cached_input_tokens: Cost.decimal(read),
      output_tokens: output,
      ...others,
    };
    return Object.values(used).some((quantity) => Number(quantity) > 0) ? used : null;
  }

  const words = { input: "tokens in", output: "tokens out", cached: "% cached" };

  function inWords() {
    return parameters().map(([name, value]) => `${Amounts.exact(value)}${name === "cached" ? "" : " "}${words[name] ?? (value === "1" ? name.replace(/(?<=ch)es$|s$/, "") : name)}`).join(", ");
  }

  /** Put a usage into the fields; those it does not name are emptied. */
  function fill(given) {
    for (const field of fields()) field.value = given.get(field.name) ?? "";
  }

  /** Show the panel with what the address says, and call back now and after every change. */
  function start(changed) {
    const panel = document.getElementById("use-panel");
    panel.hidden = false;
    const tell = () => {
      if (!Quantities.check(fields(), form())) panel.open = true;
      const told = inWords();
      document.getElementById("use-told").textContent = told;
      changed();
    };
    fill(Address.read());
    panel.open = document.body.dataset.page === "bot" && parameters().length > 0; // the bill stands in it
    form().addEventListener("input", tell);
    form().addEventListener("submit", (event) => event.preventDefault());
    form().addEventListener("reset", (event) => {
      event.preventDefault();
      fill(new URLSearchParams());
      tell();
    });
    for (const button of form().querySelectorAll("[data-use]")) {
      button.addEventListener("click", () => {
        fill(new URLSearchParams(button.dataset.use));
        tell();
      });
    }
    tell();
  }
  return { start, fill, usage, parameters };
})();

// --- what it costs

const Bills = (() => {
  const MOST = 40;

  function merged(attributes, choice) {
    const all = { ...attributes };
    for (const [key, value] of Object.entries(choice)) all[key] = [...new Set([...(all[key] ?? []), value])];
    return all;
  }

  /**
   * What a usage costs on a bot: one bill, or one for each variant where the usage does not say which.
   *
   * @returns `bills` as pairs of what was chosen and the bill, the cheapest first; `reason` where there is none.
   */
  function of(bot, usage, pointsPerUsd) {
    const bills = [];
    const attempt = (attributes, depth) => {
      try {
        bills.push([attributes, Cost.cost(bot, usage, { attributes, pointsPerUsd })]);
        return "";
      } catch (error) {
        if (!(error instanceof Cost.Unpriced)) throw error;
        // one choice may leave another open, as with a video of two lengths in two sizes
        if (depth < 3) error.choices.slice(0, MOST).forEach((choice) => bills.length < MOST && attempt(merged(attributes, choice), depth + 1));
        return error.message;
      }
    };
    const reason = attempt({}, 0);
    const amount = (pair) => Cost.fraction(pair[1].usd.amount);
    bills.sort((one, other) => Cost.order(amount(one), amount(other)));
    return { bills, reason: bills.length ? "" : reason };
  }

  const usages = {
    input_tokens: "tokens in",
    cached_input_tokens: "tokens in from the cache",
    cache_write_tokens: "tokens in to the cache",
    output_tokens: "tokens out",
  };

  function lineRow(line) {
    const priced = [line.section, line.label, ...Object.entries(line.attributes).map(([key, value]) => `${key}: ${value}`)];
    const notes = [...line.applied.map((item) => item.words ?? item.kind)];
    if (line.source === "api") notes.push("price of the models API");
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, `${Amounts.exact(line.quantity)} ${usages[line.usage] ?? line.usage}`,
        element("small", {}, element("bdi", {}, priced.filter(Boolean).join(" / "))), notes.map((note) => element("small", {}, note))),
      element("td", { className: "n" }, Amounts.money("USD", line.usd)),
      element("td", { className: "n" }, Amounts.money("points", line.points)),
    );
  }

  /** A bill with its items and what else a reader has to know. */
  function table(bill, title) {
    const head = ["For", "Dollars", "Points"].map((text, place) => element("th", { scope: "col", className: place ? "n" : "" }, text));
    const foot = element("tr", {}, element("th", { scope: "row" }, "Together"),
      element("td", { className: "n" }, Amounts.money("USD", bill.usd)), element("td", { className: "n" }, Amounts.money("points", bill.points)));
    const made = element("table", { className: "bill" }, element("caption", {}, title),
      element("thead", {}, element("tr", {}, head)), element("tbody", {}, bill.lines.map(lineRow)), element("tfoot", {}, foot));
    const notes = [...bill.assumptions.map((words) => `assumed: ${words}`), ...bill.notes];
    if (bill.usd.converted || bill.points.converted) notes.push(`≈ is converted at ${Amounts.exact(bill.points_per_usd)} points a dollar`);
    return [made, notes.length ? element("ul", { className: "hint" }, notes.map((note) => element("li", {}, note))) : null];
  }

  const named = (attributes) => Object.values(attributes).flat().filter(Boolean).join(", ");

  /** All that there is to tell about a cost, as elements. */
  function itemised(answer) {
    if (answer.reason) return [element("p", { className: "note" }, answer.reason)];
    const several = answer.bills.length > 1;
    const told = several ? [element("p", {}, `It depends on what you choose: ${answer.bills.length} variants, the cheapest first.`)] : [];
    for (const [attributes, bill] of answer.bills) {
      const title = named(attributes) || "Item by item";
      if (!several) told.push(...table(bill, title));
      else {
        const summary = element("summary", {}, element("bdi", {}, title), " ", element("b", {}, Amounts.money("USD", bill.usd)), ` ${Amounts.money("points", bill.points)}`);
        told.push(element("details", {}, summary, ...table(bill, title)));
      }
    }
    return told;
  }

  /** The short form for a table: dollars and points of the cheapest variant, rounded to four digits. */
  function brief(answer) {
    if (answer.reason) return null;
    const cheapest = answer.bills[0][1];
    return { usd: Amounts.cell(cheapest.usd), points: Amounts.money("points", cheapest.points, Amounts.rounded), variants: answer.bills.length };
  }
  return { of, itemised, brief };
})();

document.querySelector(".unscripted")?.remove();
if (!["index", "compare"].includes(document.body.dataset.page)) Ages.tell(document);
