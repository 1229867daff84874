/* Up to five bots side by side. */
"use strict";

(() => {
  const MOST = 5;
  const $ = (id) => document.getElementById(id);
  const byId = new Map(Data.bots.map((bot) => [bot.id, bot]));
  const byName = new Map(Data.bots.flatMap((bot) => [[bot.name.toLowerCase(), bot], [bot.id.toLowerCase(), bot]]));
  const named = (name) => byName.get(name.trim().replace(/^@/, "").toLowerCase());
  const wanted = [...new Set(Address.read().getAll("bot"))];
  const unknown = wanted.filter((name) => !named(name));
  const known = [...new Set(wanted.map(named).filter(Boolean).map((bot) => bot.id))];
  let chosen = known.slice(0, MOST);

  const page = (bot) => `bots/${bot.page ?? bot.id}.html`;
  const orDash = (value) => (value === undefined || value === null || value === "" ? "–" : value);

  function row(label, cells) {
    return element("tr", {}, element("th", { scope: "row" }, label), cells.map((cell) => element("td", {}, [cell].flat())));
  }

  function figure(price, currency) {
    const rate = price[currency];
    const former = rate.list_amount ? element("del", {}, `${currency === "USD" ? "$" : ""}${Amounts.exact(rate.list_amount)}`) : null;
    const per = Amounts.per({ quantity: rate.quantity ?? "1", unit: price.unit, qualifier: price.qualifier });
    return element("span", { className: "pair" }, former, former ? " " : null, `${Amounts.money(currency, rate)} ${per}${price.suspect ? " (unsure)" : ""}`);
  }

  /** What tells a price from the other prices of its bot: its section too, where a bot has the rest twice. */
  function nameOf(price, all) {
    const name = [price.label, ...Object.values(price.attributes ?? {})].join(", ");
    const same = (other) => other.unit === price.unit && [other.label, ...Object.values(other.attributes ?? {})].join(", ") === name;
    return price.section && all.filter(same).length > 1 ? `${price.section} / ${name}` : name;
  }

  /** Places of the cheapest of several sums; none if fewer than two are known or all are the same. */
  function cheapest(sums) {
    const known = sums.filter(Boolean);
    if (known.length < 2) return [];
    const least = known.reduce((one, other) => (Cost.order(one, other) <= 0 ? one : other));
    if (known.every((sum) => Cost.order(sum, least) === 0)) return [];
    return sums.flatMap((sum, place) => (sum && Cost.order(sum, least) === 0 ? [place] : []));
  }

  const mark = () => element("span", { className: "badge" }, "cheapest");

  /** One row for each price that any of them has; what several have comes first. */
  function prices(bots) {
    const rows = new Map();
    bots.forEach((bot, place) => {
      const all = (bot.pricing.prices ?? []).filter((each) => !each.api);
      for (const price of all) {
        const unit = price.unit ?? "";
        const name = nameOf(price, all);
        const key = JSON.stringify([name.toLowerCase(), unit]);
        if (!rows.has(key)) rows.set(key, { name, unit, cells: bots.map(() => []), sums: bots.map(() => null) });
        const row = rows.get(key);
        for (const currency of ["USD", "points"]) if (price[currency]) row.cells[place].push(figure(price, currency));
        if (price.USD && unit) row.sums[place] = Cost.over(Cost.fraction(price.USD.amount), Cost.fraction(price.USD.quantity ?? "1"));
      }
    });
    const shared = (each) => each.cells.filter((cell) => cell.length).length;
    const sorted = [...rows.values()].sort((one, other) => shared(other) - shared(one));
    return sorted.map(({ name, unit, cells, sums }) => {
      for (const place of cheapest(sums)) cells[place].push(mark());
      return row([element("bdi", {}, name), element("small", {}, unit ? `per ${unit}` : "no unit named")], cells.map((cell) => (cell.length ? cell : "–")));
    });
  }

  function apiPrice(bot) {
    const { prompt, completion, request } = bot.pricing.api ?? {};
    const million = (amount) => Cost.decimal(Cost.times(Cost.fraction(amount), [1000000n, 1n]));
    const told = [];
    if (prompt) told.push(`in $${Amounts.exact(million(prompt))} /1M tokens`);
    if (completion) told.push(`out $${Amounts.exact(million(completion))} /1M tokens`);
    if (request) told.push(`$${Amounts.exact(request)} /message`);
    return told.length ? told.map((text) => element("span", { className: "pair" }, text)) : "–";
  }

  /** The row of what the use costs on each bot: variants folded, the cheapest bot marked. */
  function costs(bots, usage) {
    const answers = bots.map((bot) => Bills.of(bot, usage, Data.pointsPerUsd));
    const best = cheapest(answers.map((answer) => (answer.reason ? null : Cost.fraction(answer.bills[0][1].usd.amount))));
    return row("Your use costs", answers.map((answer, place) => [cost(answer), best.includes(place) ? mark() : null].filter(Boolean)));
  }

  function cost(answer) {
    const told = Bills.brief(answer);
    const summary = told ? element("summary", {}, told.variants > 1 ? element("small", {}, `${told.variants} variants from `) : null, element("b", {}, told.usd), element("small", {}, told.points)) : element("summary", {}, "not known");
    return element("details", {}, summary, Bills.itemised(answer).filter(Boolean));
  }

  function head(bot) {
    const remove = element("button", { type: "button", ariaLabel: `Remove ${bot.name}` }, "Remove");
    remove.addEventListener("click", () => {
      chosen = chosen.filter((id) => id !== bot.id);
      show();
      $("name").focus();
    });
    const badges = [bot.gone && "gone", bot.unsure && "unsure"].filter(Boolean);
    return element("th", { scope: "col" }, element("a", { href: page(bot) }, bot.name), element("small", {}, bot.creator ?? bot.owner ?? ""),
      badges.map((badge) => element("span", { className: "badge warn" }, badge)), remove);
  }

  function show() {
    const bots = chosen.map((id) => byId.get(id));
    const usage = Use.usage();
    const adjustments = (bot) => (bot.pricing.adjustments ?? []).map((item) => element("span", { className: "pair" }, item.words));
    const rows = [
      usage ? costs(bots, usage) : null,
      ...prices(bots),
      row("Models API", bots.map(apiPrice)),
      row("What changes the price", bots.map((bot) => (adjustments(bot).length ? adjustments(bot) : "–"))),
      row("Takes in", bots.map((bot) => orDash(bot.in?.join(", ")))),
      row("Makes", bots.map((bot) => orDash(bot.out?.join(", ")))),
      row("Context window", bots.map((bot) => (bot.window ? `${bot.window.toLocaleString("en")} tokens` : "–"))),
      row("Price seen", bots.map((bot) => element("time", { dateTime: bot.seen }, bot.seen.slice(0, 10)))),
    ];
    const table = element("table", { className: "side" }, element("caption", { className: "hidden" }, "Bots side by side"),
      element("thead", {}, element("tr", {}, element("td", {}), bots.map(head))), element("tbody", {}, rows.filter(Boolean)));
    $("side").replaceChildren(table);
    Ages.tell(table);
    $("side").hidden = bots.length === 0;
    $("none").hidden = bots.length > 0;
    Address.write(new URLSearchParams([...chosen.map((id) => ["bot", id]), ...Use.parameters()]));
  }

  $("add").addEventListener("submit", (event) => {
    event.preventDefault();
    const bot = named($("name").value);
    let told = "";
    if (!bot) told = `There is no bot “${$("name").value.trim()}”.`;
    else if (chosen.includes(bot.id)) told = `${bot.name} is there already.`;
    else if (chosen.length >= MOST) told = `Five bots fit side by side: remove one first.`;
    else {
      chosen.push(bot.id);
      $("name").value = "";
      show();
      told = `${bot.name} was added.`;
    }
    $("add-told").textContent = told;
  });
  $("names").append(...Data.bots.map((bot) => element("option", { value: bot.name })));
  $("add").hidden = false;
  const left = [
    unknown.length ? `There is no bot ${unknown.map((name) => `“${name}”`).join(", ")}.` : "",
    known.length > MOST ? `Five bots fit side by side: ${known.slice(MOST).map((id) => byId.get(id).name).join(", ")} left out.` : "",
  ];
  $("add-told").textContent = left.filter(Boolean).join(" ");
  Use.start(show);
})();
