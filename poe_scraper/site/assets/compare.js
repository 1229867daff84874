/* Up to five bots side by side. */
"use strict";

(() => {
  const MOST = 5;
  const $ = (id) => document.getElementById(id);
  const byId = new Map(Data.bots.map((bot) => [bot.id, bot]));
  const byName = new Map(Data.bots.flatMap((bot) => [[bot.id.toLowerCase(), bot], [bot.name.toLowerCase(), bot]]));
  let chosen = [...new Set(Address.read().getAll("bot"))].filter((id) => byId.has(id)).slice(0, MOST);

  const page = (bot) => `bots/${bot.page ?? bot.id}.html`;
  const known = (value) => (value === undefined || value === null || value === "" ? "–" : value);

  function row(label, cells) {
    return element("tr", {}, element("th", { scope: "row" }, label), cells.map((cell) => element("td", {}, [cell].flat())));
  }

  function figure(price, currency) {
    const rate = price[currency];
    const former = rate.list_amount ? element("del", {}, `${currency === "USD" ? "$" : ""}${Amounts.exact(rate.list_amount)}`) : null;
    const per = Amounts.per({ quantity: rate.quantity ?? "1", unit: price.unit, qualifier: price.qualifier });
    return element("span", { className: "pair" }, former, former ? " " : null, `${Amounts.money(currency, rate)} ${per}${price.suspect ? " (unsure)" : ""}`);
  }

  /** One row for each price that any of them has; what several have comes first. */
  function prices(bots) {
    const rows = new Map();
    bots.forEach((bot, place) => {
      for (const price of (bot.pricing.prices ?? []).filter((each) => !each.api)) {
        const unit = price.unit ?? "";
        const name = [price.label, ...Object.values(price.attributes ?? {})].join(", ");
        const key = JSON.stringify([name.toLowerCase(), unit]);
        if (!rows.has(key)) rows.set(key, { name, unit, cells: bots.map(() => []) });
        for (const currency of ["USD", "points"]) if (price[currency]) rows.get(key).cells[place].push(figure(price, currency));
      }
    });
    const shared = (each) => each.cells.filter((cell) => cell.length).length;
    const sorted = [...rows.values()].sort((one, other) => shared(other) - shared(one));
    return sorted.map(({ name, unit, cells }) =>
      row([element("bdi", {}, name), element("small", {}, unit ? `per ${unit}` : "no unit named")], cells.map((cell) => (cell.length ? cell : "–"))));
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

  function cost(bot, usage) {
    const answer = Bills.of(bot, usage, Data.pointsPerUsd);
    const told = Bills.brief(answer);
    const summary = told ? element("summary", {}, element("b", {}, told.usd), element("small", {}, told.points)) : element("summary", {}, "not known");
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
      usage ? row("Your use costs", bots.map((bot) => cost(bot, usage))) : null,
      ...prices(bots),
      row("Models API", bots.map(apiPrice)),
      row("What changes the price", bots.map((bot) => (adjustments(bot).length ? adjustments(bot) : "–"))),
      row("Takes in", bots.map((bot) => known(bot.in?.join(", ")))),
      row("Gives out", bots.map((bot) => known(bot.out?.join(", ")))),
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
    const bot = byName.get($("name").value.trim().toLowerCase());
    let told = "";
    if (!bot) told = "There is no bot of that name.";
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
  Use.start(show);
})();
