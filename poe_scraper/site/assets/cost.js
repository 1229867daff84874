/* What a usage costs on a bot: the same calculation as poe_scraper/pricing/bill.py, to the last digit.
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
    if (!match || !(match[2] || match[3])) throw new RangeError(`${text} is not a number`);
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
      if (exact[0] < 0n) throw new RangeError(`${name} must be a number of at least 0, got ${quantity}`);
      if (exact[0] > 0n) used.set(name, exact);
    }
    return used;
  }

  // --- prices

  // not Python's casefold, but alike where it matters: "ß" is "ss" in both
  const casefold = (text) => text.toUpperCase().toLowerCase();
  const folded = (text) => casefold(text.replace(/[\s\x1c-\x1f\x85]+/g, " ").trim());

  function exactly(rate) {
    const quantity = fraction(rate.quantity ?? "1");
    const high = rate.max_amount == null ? null : fraction(rate.max_amount);
    return { quantity, high, low: fraction(rate.amount), bound: rate.bound ?? "exact" };
  }

  /** A price in one or both currencies; what its label means was worked out when the site was built. */
  function price(told) {
    const traits = new Map([["label", told.label], ["section", told.section ?? ""]]);
    for (const [name, value] of Object.entries(told.attributes ?? {})) traits.set(name, value);
    const sums = {};
    for (const currency of ["USD", "points"]) if (told[currency]) sums[currency] = exactly(told[currency]);
    const figures = ["points", "USD"].map((currency) => {
      const sum = sums[currency];
      const high = sum?.high && decimal(sum.high);
      return sum && [decimal(sum.low), high, sum.bound, decimal(sum.quantity)];
    });
    return {
      ...told,
      section: told.section ?? null,
      attributes: told.attributes ?? {},
      unit: told.unit ?? null,
      source: told.api ? "api" : "page",
      kinds: new Set(told.kinds),
      named: told.named ?? [],
      rank: told.rank ?? 0,
      seconds: told.seconds ? fraction(told.seconds) : null,
      subject: [told.label, ...Object.values(told.attributes ?? {})].join(", "),
      traits,
      sums,
      figures: JSON.stringify(figures), // prices of equal figures need no choice between them
      free: Object.values(sums).every((sum) => !(sum.high ?? sum.low)[0]),
    };
  }

  const parsed = new WeakMap();

  /** The prices of a `pricing`, prepared once: a table of 5,000 bots is computed anew at every key. */
  function pricesOf(pricing) {
    if (!parsed.has(pricing)) {
      const prices = (pricing.prices ?? []).map(price);
      parsed.set(pricing, {
        page: prices.filter((each) => each.source === "page"),
        api: prices.filter((each) => each.source === "api"),
      });
    }
    return parsed.get(pricing);
  }

  // --- comparable units for media

  const MEDIA = new Map([["images", ["image"]], ["seconds", ["audio", "video"]]]);
  const IMAGE_UNITS = ["megapixel", "generation", "message", "request", null];
  const CLIP_UNITS = ["video", "clip", "song", "track", "generation", "message", "request", null];
  const least = (fractions) => fractions.reduce((one, other) => (order(one, other) <= 0 ? one : other));
  const most = (fractions) => fractions.reduce((one, other) => (order(one, other) >= 0 ? one : other));
  const seconds = (value) => `${Number(decimal(value))} s`;

  /** What images or seconds are counted as if no price is per image or second; null if nothing fits. */
  function assumed(name, quantity, prices, makes) {
    const wanted = MEDIA.get(name);
    for (const unit of name === "images" ? IMAGE_UNITS : CLIP_UNITS) {
      const fitting = prices.filter((each) => {
        if (each.unit !== unit || each.given || each.service || each.qualifier === "additional") return false;
        const named = each.named.filter((modality) => modality !== "text");
        if (name === "images" && named.includes("video")) return false;
        return (named.length ? named : makes).some((modality) => wanted.includes(modality));
      });
      if (!fitting.length) continue;
      const labelled = fitting.filter((each) => each.named.some((modality) => wanted.includes(modality)));
      const found = labelled.length ? labelled : fitting;
      const usage = unit === "message" ? "messages" : unit ?? "use";
      if (name === "images") {
        const words = unit === "megapixel" ? "one image is one megapixel" : `one ${unit ?? "use"} makes one image`;
        return { usage, quantity, prices: found, words };
      }
      const lengths = found.map((each) => each.seconds).filter(Boolean);
      if (!lengths.length) {
        return { usage, quantity: ONE, prices: found, words: `one ${unit ?? "use"} makes a clip of ${seconds(quantity)}` };
      }
      const enough = lengths.filter((length) => order(length, quantity) >= 0);
      const length = enough.length ? least(enough) : most(lengths);
      const ratio = over(quantity, length);
      const count = (ratio[0] + ratio[1] - 1n) / ratio[1];
      return {
        usage,
        quantity: [count, 1n],
        prices: found.filter((each) => !each.seconds || order(each.seconds, length) === 0),
        words: `${seconds(quantity)} are ${count} ${count === 1n ? "clip" : "clips"} of ${seconds(length)}`,
      };
    }
    return name === "seconds" && makes.includes("audio") ? spoken(quantity, prices) : null;
  }

  const CHARACTERS_PER_SECOND = 15n;
  const TOKENS_PER_SECOND = 25n;

  /** Speech on a bot that counts the characters of the text, or the tokens of the audio. */
  function spoken(quantity, prices) {
    const characters = prices.filter((each) => each.unit === "character" && !each.service);
    if (characters.length) {
      const words = `one second of speech is ${CHARACTERS_PER_SECOND} characters`;
      return { usage: "characters", quantity: times(quantity, [CHARACTERS_PER_SECOND, 1n]), prices: characters, words, bound: "about" };
    }
    const tokens = prices.filter((each) => each.unit === "token" && each.named.includes("audio"));
    if (!tokens.length) return null;
    const words = `one second of speech is ${TOKENS_PER_SECOND} tokens; those of the text are not counted`;
    return { usage: "output_tokens", quantity: times(quantity, [TOKENS_PER_SECOND, 1n]), prices: tokens, words, bound: "about" };
  }

  // --- choosing a price

  /** What the caller said about which price to take. */
  class Choice {
    constructor(attributes) {
      this.wanted = Object.entries(attributes).map(([key, values]) => [folded(key), new Set([values].flat().map(folded))]);
      this.met = new Set();
    }

    /** Whether the caller chose a price by its label. */
    names(price) {
      return this.wanted.some(([key, values]) => key === "label" && values.has(folded(price.label)));
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

  /** The name of a usage as people say it. */
  const inWords = (usage) => usage.replaceAll("_", " ");

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
      this.assumptions = [];
      this.suspects = new Set();
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
        assumptions: [...new Set(this.assumptions)],
        notes: this.notes,
        points_per_usd: decimal(this.pointsPerUsd),
      };
    }

    refuse(reason, prices = []) {
      throw new Unpriced(`What this costs on ${this.bot.id} is not known: ${reason}.`, choicesOf(prices));
    }

    // one usage

    charge(name, quantity) {
      const covered = this.flat && name !== "messages" && (isTokens(name) || unitOf(name, null));
      if (covered && this.usage.has("messages")) {
        this.notes.push(`${inWords(name)}: the price of a message covers them`);
      } else if (MEDIA.has(name)) {
        this.chargeMedia(name, quantity);
      } else if (covered) {
        this.refuse("it charges by the message; say how many messages");
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

    /** Images and seconds are made: a price of what is given to the bot does not answer for them. */
    chargeMedia(name, quantity) {
      const found = this.prices(name, this.page);
      const makes = this.bot.pricing.makes ?? [];
      const takesOnly = name === "seconds" && makes.join() === "text";
      const fitting = found.filter((each) => takesOnly || !each.given || this.choice.names(each));
      const other = fitting.length ? null : assumed(name, quantity, this.page, makes);
      if (fitting.length) {
        this.add(name, quantity, this.picked(name, fitting));
      } else if (other) {
        this.assumptions.push(other.words);
        this.bound = weaker(this.bound, other.bound ?? "exact");
        this.add(other.usage, other.quantity, this.picked(name, other.prices));
      } else if (found.length) {
        this.refuse(`its only prices per ${unitOf(name, name)} are for what is given to it; choose one by its label`);
      } else if (this.flat) {
        this.refuse("it charges by the message; say how many messages");
      } else {
        this.refuse(this.missing(name));
      }
    }

    chargeCached(name, quantity) {
      const [factor, tier] = this.inTier("input");
      const discounts = this.ofKind("cache_discount");
      if (this.prices(name, this.page).length || (!discounts.length && this.prices(name, this.api).length)) {
        this.add(name, quantity, this.price(name), factor, tier);
      } else if (!discounts.length) {
        this.add(name, quantity, this.price("input_tokens"), factor, tier);
        this.note("up_to", "cached input has no price of its own: counted as input, it costs no more than that");
      } else if (differ(discounts)) {
        this.refuse("the card has several cache discounts and does not say which holds");
      } else {
        const share = minus(ONE, over(fraction(discounts[0].percent), [100n, 1n]));
        this.add(name, quantity, this.price("input_tokens"), times(factor, share), [discounts[0], ...tier]);
      }
    }

    chargeWritten(name, quantity) {
      const [factor, tier] = this.inTier("input");
      const surcharges = this.ofKind("cache_write_surcharge");
      const onTop = this.page.filter((each) => each.kinds.has("cache_write_surcharge"));
      if (this.prices(name, this.page).length) {
        this.add(name, quantity, this.price(name), factor, tier);
      } else if (onTop.length) {
        this.add(name, quantity, this.price("input_tokens"), factor, tier);
        this.add(name, quantity, this.picked(name, onTop), factor, tier);
      } else if (differ(surcharges)) {
        this.refuse("the card has several surcharges on cache writes and does not say which holds");
      } else if (surcharges.length) {
        const share = plus(ONE, over(fraction(surcharges[0].percent), [100n, 1n]));
        this.add(name, quantity, this.price("input_tokens"), times(factor, share), [surcharges[0], ...tier]);
      } else if (this.prices(name, this.api).length) {
        this.add(name, quantity, this.price(name), factor, tier);
      } else {
        this.add(name, quantity, this.price("input_tokens"), factor, tier);
        this.note("from", "written input has no price of its own: counted as input, it may cost more than that");
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
        return prices.filter((each) => SEARCH_UNITS.has(each.unit) && each.search);
      }
      return found;
    }

    missing(name) {
      let reason = `it has no price for ${inWords(name)}`;
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
      if (!fitting.length) this.refuse(`no price for ${inWords(name)} fits the attributes given`, prices);
      const prefer = (test) => {
        const preferred = fitting.filter(test);
        if (preferred.length) fitting = preferred;
      };
      if (isTokens(name)) {
        prefer((each) => each.section === null);
        const best = Math.min(...fitting.map((each) => each.rank));
        prefer((each) => each.rank === best);
      } else {
        prefer((each) => !each.given);
      }
      if (new Set(fitting.map((each) => `${each.unit} ${each.figures}`)).size > 1) {
        this.refuse(`several prices fit ${inWords(name)}`, fitting);
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
      if (price.suspect) this.suspects.add(price);
      this.lines.push({ usage: name, quantity: decimal(quantity), label, section, attributes, source, applied, points, usd });
    }

    // the whole

    /** What else on the card bears on the whole. */
    weigh() {
      const names = [...this.usage.keys(), ...this.lines.map((line) => line.usage)];
      const used = new Set(names.map((name) => unitOf(name, isTokens(name) ? "token" : name)));
      for (const item of this.adjustments) {
        if (item.caveat) this.note(...item.caveat);
        if (item.kind === "free_allowance" && (item.unit == null || item.unit === "point" || used.has(item.unit))) {
          this.note("up_to", `the first ${item.quantity} ${item.unit || "use"}s may be free`);
        }
      }
      for (const each of this.page.length ? this.page : this.api) {
        if (each.fee && !each.free && !used.has(each.unit ?? "use")) {
          this.note("from", `not counted: ${each.label}, per ${each.unit ?? "use"}`);
        }
      }
      for (const each of this.suspects) {
        this.note("about", `unsure: other evidence contradicts the price of ${each.subject} (see checks)`);
      }
      if (this.bot.pricing.unparsed) this.note("about", "the card has an amount that could not be read");
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
   * @param bot `id` and `pricing` as poe_scraper/site/data.py writes them.
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
