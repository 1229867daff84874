/* What a usage costs on a bot: the same calculation as poe_scraper/costs.py, to the last digit.
 *
 * Money is a decimal string outside and an exact fraction of BigInts inside. It is rounded once, at the
 * end, and only where the decimal expansion does not end. Both programs are held to
 * tests/pricing/costs_cases.json, and the rules are told in docs/costs.md.
 */
"use strict";

const Cost = (() => {
  /** Thrown where the prices do not say what a usage costs. `choices` can be passed as `attributes`. */
  class Unpriced extends Error {
    constructor(message, choices) {
      super(message);
      this.choices = choices;
    }
  }

  // --- exact fractions: [numerator, denominator], the denominator above 0

  const ZERO = [0n, 1n];
  const ONE = [1n, 1n];

  function fraction(text) {
    const match = /^(-?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(String(text).trim());
    if (!match || !(match[2] || match[3])) throw new RangeError(`${text} is no number`);
    const decimals = match[3] ?? "";
    const power = Number(match[4] ?? 0) - decimals.length;
    const digits = BigInt(match[1] + (match[2] + decimals || "0"));
    return power < 0 ? [digits, 10n ** BigInt(-power)] : [digits * 10n ** BigInt(power), 1n];
  }

  const plus = (a, b) => [a[0] * b[1] + b[0] * a[1], a[1] * b[1]];
  const minus = (a, b) => plus(a, [-b[0], b[1]]);
  const times = (a, b) => [a[0] * b[0], a[1] * b[1]];
  const over = (a, b) => times(a, b[0] < 0n ? [-b[1], -b[0]] : [b[1], b[0]]);
  const order = (a, b) => {
    const difference = a[0] * b[1] - b[0] * a[1];
    return difference < 0n ? -1 : difference > 0n ? 1 : 0;
  };

  function reduced([numerator, denominator]) {
    let [a, b] = [numerator < 0n ? -numerator : numerator, denominator];
    while (b) [a, b] = [b, a % b];
    return a ? [numerator / a, denominator / a] : [0n, 1n];
  }

  /** The fraction in full where it ends; else to 12 decimals, half up. */
  function decimal(value) {
    const [numerator, denominator] = reduced(value);
    const exponents = [2n, 5n].map((prime) => {
      let count = 0;
      for (let rest = denominator; rest % prime === 0n; rest /= prime) count += 1;
      return count;
    });
    if (denominator !== 2n ** BigInt(exponents[0]) * 5n ** BigInt(exponents[1])) {
      const scaled = plus(times([numerator, denominator], [10n ** 12n, 1n]), [1n, 2n]);
      return decimal([scaled[0] / scaled[1], 10n ** 12n]); // no sum of money here is below 0
    }
    const places = Math.max(...exponents);
    const digits = String((numerator * 10n ** BigInt(places)) / denominator).padStart(places + 1, "0");
    return places ? `${digits.slice(0, -places)}.${digits.slice(-places)}` : digits;
  }

  // --- usage

  const TOKENS = {
    input_tokens: "input",
    cached_input_tokens: "cached",
    cache_write_tokens: "cache_write",
    output_tokens: "output",
  };
  const UNIT_OF_USAGE = {
    messages: "message",
    images: "image",
    seconds: "second",
    characters: "character",
    searches: "search",
  };
  const NAMES = [...Object.keys(TOKENS), ...Object.keys(UNIT_OF_USAGE)];
  const SECONDS = new Map([["second", ONE], ["minute", [1n, 60n]], ["hour", [1n, 3600n]]]);
  const SEARCH_UNITS = new Set(["request", "call", "query"]);
  const isTokens = (name) => Object.hasOwn(TOKENS, name);
  const unitOf = (name, otherwise) => (Object.hasOwn(UNIT_OF_USAGE, name) ? UNIT_OF_USAGE[name] : otherwise);

  /** Names and quantities of what is used, in the order of the bill. */
  function usageOf(usage) {
    const quantities = NAMES.map((name) => [name, usage[name] ?? "0"]);
    for (const [unit, quantity] of Object.entries(usage.units ?? {})) quantities.push([casefold(unit), quantity]);
    const used = new Map();
    for (const [name, quantity] of quantities) {
      const exact = fraction(quantity);
      if (exact[0] < 0n) throw new RangeError(`${name} must be a number from 0 up, not ${quantity}`);
      if (exact[0] > 0n) used.set(name, exact);
    }
    return used;
  }

  // --- prices

  // not Python's casefold, but alike where it matters: "ß" is "ss" in both
  const casefold = (text) => text.toUpperCase().toLowerCase();
  const folded = (text) => casefold(text.replace(/[\s\x1c-\x1f\x85]+/g, " ").trim());
  const words = (text) => new Set(casefold(text ?? "").match(/[a-z]+/g));
  const meet = (some, others) => others.some((each) => some.has(each));

  const CACHE = ["cache", "cached", "caching"];
  const WRITE = ["write", "writes", "writing", "written", "creation"];
  const INPUT = ["input", "inputs", "prompt", "prompts"];
  const OUTPUT = ["output", "outputs", "completion", "completions"];
  const MODALITIES = new Map([["images", "image"], ["videos", "video"], ["speech", "audio"]]);
  for (const name of ["text", "image", "video", "audio", "file"]) MODALITIES.set(name, name);

  /** Which tokens a price is for, from the first text that tells; empty where none does. */
  function kindsOf(texts) {
    for (const text of texts) {
      const found = words(text);
      if (meet(found, CACHE)) {
        if (!meet(found, WRITE)) return new Set(["cached"]);
        return new Set([found.has("surcharge") ? "cache_write_surcharge" : "cache_write"]);
      }
      const kinds = new Set();
      if (meet(found, INPUT)) kinds.add("input");
      if (meet(found, OUTPUT)) kinds.add("output");
      if (kinds.size) return kinds;
    }
    return new Set();
  }

  /** Rates of a card with dollars and points of one price together, in the order of the card. */
  function paired(rates) {
    const pairs = [];
    const byKey = new Map();
    for (const rate of rates) {
      const attributes = Object.entries(rate.attributes ?? {}).sort();
      const key = JSON.stringify([rate.section ?? null, rate.label, attributes, rate.per?.unit ?? null]);
      if (!byKey.has(key)) byKey.set(key, []);
      let pair = byKey.get(key).find((each) => !each[rate.currency]);
      if (!pair) {
        pair = {};
        byKey.get(key).push(pair);
        pairs.push(pair);
      }
      pair[rate.currency] = rate;
    }
    return pairs;
  }

  function exactly(rate) {
    const quantity = fraction(rate.per?.quantity ?? "1");
    const high = rate.max_amount == null ? null : fraction(rate.max_amount);
    return { quantity, high, low: fraction(rate.amount), bound: rate.bound ?? "exact" };
  }

  /** A price in one or both currencies. `rates` are its one or two rates as they stand in the feed. */
  function price(rates, unit, source, kinds) {
    const first = rates[0];
    const traits = new Map([["label", first.label], ["section", first.section ?? ""]]);
    for (const [name, value] of Object.entries(first.attributes ?? {})) traits.set(name, value);
    const sums = {};
    for (const rate of rates) sums[rate.currency] = exactly(rate);
    const labelWords = words(first.label);
    const qualifier = words(first.per?.qualifier);
    const figures = ["points", "USD"].map((currency) => {
      const sum = sums[currency];
      const high = sum?.high && decimal(sum.high);
      return sum && [decimal(sum.low), high, sum.bound, decimal(sum.quantity)];
    });
    const modalities = new Set([...labelWords].filter((word) => MODALITIES.has(word)).map((word) => MODALITIES.get(word)));
    return {
      label: first.label,
      section: first.section ?? null,
      attributes: first.attributes ?? {},
      unit,
      source,
      kinds,
      traits,
      sums,
      words: labelWords,
      figures: JSON.stringify(figures), // prices of equal figures need no choice between them
      free: Object.values(sums).every((sum) => !(sum.high ?? sum.low)[0]),
      // owed on top of the others: a price per message, or a base fee
      isFee: unit === "message" || (unit === null && meet(labelWords, ["base", "fee"])),
      ofInput: meet(new Set([...labelWords, ...qualifier]), ["input", "reference"]),
      // tokens are taken for tokens of text, unless the caller chooses others
      rank: [...modalities].every((each) => each === "text") ? 0 : modalities.has("text") ? 1 : 2,
    };
  }

  function pagePrices(rates) {
    return paired(rates ?? []).map((pair) => {
      const both = Object.values(pair);
      const { label, section, attributes, per } = both[0];
      const kinds = kindsOf([label, ...Object.values(attributes ?? {}), section, per?.qualifier]);
      return price(both, per?.unit ?? null, "page", kinds);
    });
  }

  const API_PRICES = [
    ["prompt", "token", "input"],
    ["completion", "token", "output"],
    ["input_cache_read", "token", "cached"],
    ["input_cache_write", "token", "cache_write"],
    ["request", "message", null],
  ];

  function apiPrices(api) {
    return API_PRICES.filter(([name]) => api?.[name] != null).map(([name, unit, kind]) =>
      price([{ label: name, currency: "USD", amount: api[name] }], unit, "api", new Set(kind ? [kind] : [])),
    );
  }

  const parsed = new WeakMap();

  /** The prices of a `pricing`, made out once: a table of 5,000 bots is computed anew at every key. */
  function pricesOf(pricing) {
    if (!parsed.has(pricing)) parsed.set(pricing, { page: pagePrices(pricing.rates), api: apiPrices(pricing.api) });
    return parsed.get(pricing);
  }

  // --- choosing a price

  /** What the caller said about which price to take. */
  class Choice {
    constructor(attributes) {
      this.wanted = Object.entries(attributes).map(([key, values]) => [folded(key), new Set([values].flat().map(folded))]);
      this.met = new Set();
    }

    /** The prices that fit. A trait that none of them has leaves them as they are. */
    narrow(prices) {
      for (const [key, values] of this.wanted) {
        const fitting = [];
        const without = [];
        for (const each of prices) {
          const traits = new Map([...each.traits].map(([name, value]) => [folded(name), folded(value)]));
          const value = traits.get(key);
          if (values.has(value)) {
            this.met.add(JSON.stringify([key, value]));
            fitting.push(each);
          } else if (value === undefined || key === "label" || key === "section") {
            without.push(each);
          }
        }
        prices = fitting.length ? fitting : without;
      }
      return prices;
    }

    /** What was asked for and fitted no price that was looked at. */
    unmet() {
      return this.wanted.flatMap(([key, values]) =>
        [...values].sort().filter((value) => !this.met.has(JSON.stringify([key, value]))).map((value) => `${key} '${value}'`),
      );
    }
  }

  /** What tells prices from each other. */
  function choicesOf(prices) {
    const names = [...new Set(prices.flatMap((each) => [...each.traits.keys()]))];
    const telling = names.filter((name) => new Set(prices.map((each) => each.traits.get(name))).size > 1);
    const found = prices.map((each) => telling.filter((name) => each.traits.has(name)).map((name) => [name, each.traits.get(name)]));
    const unique = new Map(found.filter((choice) => choice.length).map((choice) => [JSON.stringify([...choice].sort()), choice]));
    return [...unique.values()].map(Object.fromEntries);
  }

  // --- the bill

  /** The bound of a sum: an upper and a lower bound together bound nothing. */
  const weaker = (one, other) => (one === other || other === "exact" ? one : one === "exact" ? other : "about");

  function money(sum) {
    return {
      amount: decimal(sum.low),
      max_amount: sum.ranged ? decimal(sum.high) : null,
      bound: sum.bound,
      converted: sum.converted,
    };
  }

  function product(sum, count) {
    const each = over(count, sum.quantity);
    const low = times(sum.low, each);
    const high = sum.high ? times(sum.high, each) : low;
    return { low, high, ranged: Boolean(sum.high), bound: sum.bound, converted: false };
  }

  function converted(sum, factor) {
    return { ...sum, low: times(sum.low, factor), high: times(sum.high, factor), converted: sum.high[0] !== 0n };
  }

  class Bill {
    constructor(bot, usage, choice, pointsPerUsd) {
      const { page, api } = pricesOf(bot.pricing);
      Object.assign(this, { bot, usage, choice, pointsPerUsd, page, api });
      this.adjustments = bot.pricing.adjustments ?? [];
      const perMessage = (page.length ? page : api).map((each) => each.unit === "message");
      this.perMessage = perMessage.includes(true);
      this.flat = !perMessage.includes(false);
      this.tier = this.contextTier();
      this.lookedAt = [];
      this.lines = [];
      this.bound = "exact";
      this.notes = [];
    }

    ofKind(kind) {
      return this.adjustments.filter((item) => item.kind === kind);
    }

    madeOut() {
      if (this.ofKind("undisclosed_costs").length) this.refuse("its creator charges costs that the card does not disclose");
      if (!this.page.length && !this.api.length) this.refuse("no price of it is known");
      for (const [name, quantity] of this.usage) this.charge(name, quantity);
      const unmet = this.choice.unmet();
      if (unmet.length) this.refuse(`no price of this usage has the ${unmet[0]}`, this.lookedAt);
      this.weigh();
      return {
        bot: this.bot.id,
        points: money(this.total("points")),
        usd: money(this.total("usd")),
        lines: this.lines.map((line) => ({ ...line, points: money(line.points), usd: money(line.usd) })),
        notes: this.notes,
        points_per_usd: decimal(this.pointsPerUsd),
      };
    }

    refuse(reason, prices = []) {
      throw new Unpriced(`What this costs on ${this.bot.id} is not known: ${reason}.`, choicesOf(prices));
    }

    // one usage

    charge(name, quantity) {
      if (this.flat && name !== "messages" && (isTokens(name) || unitOf(name, null))) {
        if (!this.usage.has("messages")) this.refuse("it charges by the message; say how many messages");
        this.notes.push(`${name}: the price of a message covers them`);
      } else if (name === "messages" && !this.perMessage && this.usage.size > 1) {
        this.notes.push("messages: they have no price of their own");
      } else if (name === "cached_input_tokens") {
        this.chargeCached(name, quantity);
      } else if (name === "cache_write_tokens") {
        this.chargeWritten(name, quantity);
      } else if (isTokens(name)) {
        this.add(name, quantity, this.price(name), ...this.inTier(TOKENS[name]));
      } else {
        this.add(name, quantity, this.price(name));
      }
    }

    chargeCached(name, quantity) {
      const [factor, tier] = this.inTier("input");
      const discounts = this.ofKind("cache_discount");
      if (this.prices(name, this.page).length || !discounts.length) {
        this.add(name, quantity, this.price(name), factor, tier);
        return;
      }
      if (differ(discounts)) this.refuse("the card has several cache discounts and does not say which holds");
      const share = minus(ONE, over(fraction(discounts[0].percent), [100n, 1n]));
      this.add(name, quantity, this.price("input_tokens"), times(factor, share), [discounts[0], ...tier]);
    }

    chargeWritten(name, quantity) {
      const [factor, tier] = this.inTier("input");
      const surcharges = this.ofKind("cache_write_surcharge");
      const onTop = this.page.filter((each) => each.kinds.has("cache_write_surcharge"));
      if (this.prices(name, this.page).length || !(surcharges.length || onTop.length)) {
        this.add(name, quantity, this.price(name), factor, tier);
      } else if (onTop.length) {
        this.add(name, quantity, this.price("input_tokens"), factor, tier);
        this.add(name, quantity, this.picked(name, onTop), factor, tier);
      } else if (differ(surcharges)) {
        this.refuse("the card has several surcharges on cache writes and does not say which holds");
      } else {
        const share = plus(ONE, over(fraction(surcharges[0].percent), [100n, 1n]));
        this.add(name, quantity, this.price("input_tokens"), times(factor, share), [surcharges[0], ...tier]);
      }
    }

    contextTier() {
      const inputs = Object.keys(TOKENS).filter((name) => TOKENS[name] !== "output");
      const context = inputs.map((name) => this.usage.get(name) ?? ZERO).reduce(plus);
      const holding = this.ofKind("context_tier").filter(
        (tier) =>
          order(context, fraction(tier.min_tokens)) > 0 &&
          (tier.max_tokens == null || order(context, fraction(tier.max_tokens)) <= 0),
      );
      return holding.reduce(
        (best, tier) => (best && order(fraction(best.min_tokens), fraction(tier.min_tokens)) >= 0 ? best : tier),
        null,
      );
    }

    /** The tier's factor on prices of input or output, and the tier where it has one. */
    inTier(kind) {
      const factor = kind === "output" ? this.tier?.output_multiplier : this.tier?.input_multiplier;
      return factor == null ? [ONE, []] : [fraction(factor), [this.tier]];
    }

    // its price

    /** The one price of a usage: of the card, else of the API. */
    price(name) {
      let found = this.prices(name, this.page);
      if (!found.length) found = this.prices(name, this.api);
      if (!found.length) this.refuse(this.missing(name));
      return this.picked(name, found);
    }

    prices(name, prices) {
      if (isTokens(name)) return prices.filter((each) => each.unit === "token" && each.kinds.has(TOKENS[name]));
      if (name === "token") return prices.filter((each) => each.unit === "token" && !each.kinds.size);
      if (name === "use") return prices.filter((each) => each.unit === null);
      if (name === "seconds") return prices.filter((each) => SECONDS.has(each.unit));
      const found = prices.filter((each) => each.unit === unitOf(name, name));
      if (name === "searches" && !found.length) {
        return prices.filter((each) => SEARCH_UNITS.has(each.unit) && each.words.has("search"));
      }
      return found;
    }

    missing(name) {
      let reason = `it has no price for ${name}`;
      const variable = this.ofKind("variable").map((item) => item.label);
      if (variable.length) reason += `; the card calls ${variable.join(", ")} variable`;
      if (this.page.some((each) => each.unit === null)) {
        reason += "; some of its prices name no unit: count what they pay for as the unit 'use'";
      }
      const units = [...new Set([...this.page, ...this.api].map((each) => each.unit).filter(Boolean))].sort();
      return units.length ? `${reason}; it has prices per ${units.join(", ")}` : reason;
    }

    picked(name, prices) {
      this.lookedAt.push(...prices);
      let fitting = this.choice.narrow(prices);
      if (!fitting.length) this.refuse(`no price for ${name} fits the attributes given`, prices);
      const prefer = (test) => {
        const preferred = fitting.filter(test);
        if (preferred.length) fitting = preferred;
      };
      if (isTokens(name)) {
        prefer((each) => each.section === null);
        const best = Math.min(...fitting.map((each) => each.rank));
        prefer((each) => each.rank === best);
      } else {
        prefer((each) => !each.ofInput);
      }
      if (new Set(fitting.map((each) => `${each.unit} ${each.figures}`)).size > 1) {
        this.refuse(`several prices fit ${name}`, fitting);
      }
      return fitting[0];
    }

    // its line

    add(name, quantity, price, factor = ONE, applied = []) {
      let count = times(quantity, factor);
      if (name === "seconds") count = times(count, SECONDS.get(price.unit));
      let points = price.sums.points && product(price.sums.points, count);
      let usd = price.sums.USD && product(price.sums.USD, count);
      points ??= converted(usd, this.pointsPerUsd);
      usd ??= converted(points, over(ONE, this.pointsPerUsd));
      const { label, section, attributes, source } = price;
      this.lines.push({ usage: name, quantity: decimal(quantity), label, section, attributes, source, applied, points, usd });
    }

    // the whole

    /** What else on the card bears on the whole. */
    weigh() {
      const used = new Set([...this.usage.keys()].map((name) => unitOf(name, isTokens(name) ? "token" : name)));
      for (const item of this.adjustments) {
        if (item.kind === "plus_called_bots") this.note("from", "the bots that it calls cost extra");
        if (item.kind === "free_allowance" && (item.unit == null || item.unit === "point" || used.has(item.unit))) {
          this.note("up_to", `the first ${item.quantity} ${item.unit || "use"}s may be free`);
        }
      }
      for (const each of this.page.length ? this.page : this.api) {
        if (each.isFee && !each.free && !used.has(each.unit ?? "use") && !used.has("messages")) {
          this.note("from", `not counted: ${each.label}, per ${each.unit ?? "use"}`);
        }
      }
      if (this.bot.pricing.unparsed?.length) this.note("about", "the card holds an amount that could not be read");
    }

    note(bound, text) {
      this.bound = weaker(this.bound, bound);
      this.notes.push(text);
    }

    total(currency) {
      const sums = this.lines.map((line) => line[currency]);
      return {
        low: sums.map((sum) => sum.low).reduce(plus, ZERO),
        high: sums.map((sum) => sum.high).reduce(plus, ZERO),
        ranged: sums.some((sum) => sum.ranged),
        bound: sums.map((sum) => sum.bound).reduce(weaker, this.bound),
        converted: sums.some((sum) => sum.converted),
      };
    }
  }

  const differ = (adjustments) => new Set(adjustments.map((item) => decimal(fraction(item.percent)))).size > 1;

  /**
   * What a usage costs on a bot.
   *
   * @param bot `id` and `pricing` as in the feed; fields at their defaults may be left out.
   * @param usage decimal strings by name, other units under `units`.
   * @param options `attributes` choose between prices, `pointsPerUsd` converts a currency that is not known.
   * @returns the same as `poe-scraper cost --json`.
   * @throws Unpriced where the prices do not say; RangeError where a quantity is no number or nothing is used.
   */
  function cost(bot, usage, { attributes = {}, pointsPerUsd = "33000" } = {}) {
    const used = usageOf(usage);
    if (!used.size) throw new RangeError("nothing is used");
    return new Bill(bot, used, new Choice(attributes), fraction(pointsPerUsd)).madeOut();
  }

  return { cost, Unpriced, fraction, decimal, times, minus, over, order };
})();
