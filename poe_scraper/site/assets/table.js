/* The table of all bots: search, filters, order, costs of your use, and what to compare.
 *
 * The rows stand in the page, so that it can be read without scripts. Here they are taken out, and only
 * those that are looked at are put back: a browser lays out a hundred rows within a key stroke, not 5,000.
 */
"use strict";

(() => {
  const STEP = 100;
  const MOST_COMPARED = 5;
  const $ = (id) => document.getElementById(id);

  const filters = $("filters");
  const fields = filters.elements;
  const table = $("bots");
  const body = table.tBodies[0];
  const search = $("q");

  /** Text as it is searched: "GPT-5", "gpt 5" and "@gpt5" are the same. */
  const squeezed = (text) => text.toLowerCase().replace(/[\s@_\p{Dash}]+/gu, "");

  const bots = [...body.rows].map((row, place) => {
    const bot = Data.bots[place];
    const names = [bot.id, bot.name, bot.handle].filter(Boolean).map(squeezed);
    const words = [bot.creator, bot.creator_name, bot.owner, bot.about, bot.free ? "free" : ""].filter(Boolean);
    return { ...bot, row, place, names, text: [...names, ...words.map(squeezed)].join("\n"), price: bot.price === undefined ? null : Number(bot.price) };
  });
  const byId = new Map(bots.map((bot) => [bot.id, bot]));
  const SIMPLE = ["q", "creator", "owner", "in", "out", "unit", "free", "changed", "unsure", "gone", "min", "max", "sort"];
  const purposes = [...$("purposes").querySelectorAll("[data-purpose]")];
  const range = [fields.min, fields.max];

  let chosen = new Set();
  let purpose = "";
  let usage = null;
  let answers = new Map(); // what the present usage costs, by bot
  let found = [];
  let shown = 0;
  let columns = table.tHead.rows[0].cells.length;

  // --- which bots

  const yesNo = (wanted, is) => !wanted || (wanted === "yes") === Boolean(is);

  function test() {
    const words = fields.q.value.split(/\s+/).map(squeezed).filter(Boolean);
    const value = Object.fromEntries(SIMPLE.map((name) => [name, fields[name].value]));
    const unit = value.unit === "-" ? undefined : value.unit;
    const [least, most] = range.map((field) => (!field.disabled && Quantities.of(field) ? Number(Quantities.of(field)) : null));
    const since = value.changed && new Date(Date.parse(Data.date) - value.changed * 86400000).toISOString().slice(0, 10);
    return (bot) =>
      words.every((word) => bot.text.includes(word)) &&
      (!value.creator || bot.creator === value.creator) &&
      (!value.owner || bot.owner === value.owner) &&
      (!value.in || (bot.in ?? []).includes(value.in)) &&
      (!value.out || (bot.out ?? []).includes(value.out)) &&
      (!value.unit || (bot.unit === unit && bot.price !== null)) &&
      yesNo(value.free, bot.free) &&
      yesNo(value.unsure, bot.unsure) &&
      (!since || (bot.changed ?? "") >= since) &&
      (least === null || (bot.price !== null && bot.price >= least)) &&
      (most === null || (bot.price !== null && bot.price <= most));
  }

  /** Why a bot does not answer the question that is asked; empty if it does, or if none is asked. */
  function unfit(bot) {
    if (!purpose) return "";
    if (!(bot.fit ?? []).includes(purpose)) return bot.why?.[purpose] ?? Data.questions[purpose].unfit;
    return (usage && answer(bot).reason).replace(/^.*? is not known: |\.$/g, "");
  }

  // --- in which order

  /** How well a bot's names match what is searched for: the whole name, its beginning, a part, or not. */
  function match(bot, wanted) {
    if (bot.names.includes(wanted)) return 0;
    if (bot.names.some((name) => name.startsWith(wanted))) return 1;
    return bot.names.some((name) => name.includes(wanted)) ? 2 : 3;
  }

  const unitName = (bot) => (bot.price === null ? "no price known" : bot.unit ?? "no unit named");

  function answer(bot) {
    if (!answers.has(bot)) answers.set(bot, Bills.of(bot, usage, Data.pointsPerUsd));
    return answers.get(bot);
  }

  function byNumber(figure, direction) {
    return (one, other) => {
      const [a, b] = [figure(one), figure(other)];
      if (a === null || b === null) return (a === null) - (b === null) || one.place - other.place;
      return (a - b) * direction || one.place - other.place;
    };
  }

  function ordered(list) {
    const order = fields.sort.value;
    const direction = order.startsWith("-") ? -1 : 1;
    switch (order) {
      case "price":
      case "-price": {
        const sizes = new Map();
        for (const bot of list) sizes.set(unitName(bot), (sizes.get(unitName(bot)) ?? 0) + 1);
        // the units with the most bots come first, those without a price last
        const rank = (bot) => (bot.price === null ? 2e9 : bot.unit === undefined ? 1e9 : -sizes.get(bot.unit));
        const within = byNumber((bot) => bot.price, direction);
        return list.sort((one, other) => rank(one) - rank(other) || unitName(one).localeCompare(unitName(other)) || within(one, other));
      }
      case "cost":
      case "-cost":
        if (!usage) return list;
        return list.sort(byNumber((bot) => (answer(bot).reason ? null : Number(answer(bot).bills[0][1].usd.amount)), direction));
      case "changed":
        return list.sort((one, other) => (other.changed ?? "").localeCompare(one.changed ?? "") || one.place - other.place);
      case "window":
        return list.sort(byNumber((bot) => bot.window ?? null, -1));
      default: {
        const wanted = squeezed(fields.q.value);
        return wanted ? list.sort((one, other) => match(one, wanted) - match(other, wanted) || one.place - other.place) : list;
      }
    }
  }

  // --- the rows

  /** Give a row what only scripts can do: the box to compare it, ages, the cell of its cost. */
  function prepared(bot) {
    const { row } = bot;
    if (!bot.box) {
      bot.box = element("input", { type: "checkbox", ariaLabel: `Compare ${bot.name}` });
      bot.box.addEventListener("change", () => choose(bot));
      row.prepend(element("td", { className: "pick" }, bot.box));
      bot.cost = element("td", { className: "n cost" });
      row.append(bot.cost);
      Ages.tell(row);
    }
    bot.box.checked = chosen.has(bot.id);
    bot.box.disabled = !bot.box.checked && chosen.size >= MOST_COMPARED;
    bot.cost.hidden = !usage;
    if (usage && bot.costOf !== usage) {
      bot.costOf = usage;
      bot.cost.replaceChildren(costButton(bot));
    }
    return row;
  }

  function costButton(bot) {
    const told = Bills.brief(answer(bot));
    const label = told ? [told.variants > 1 ? element("small", {}, `${told.variants} variants from `) : null, element("b", {}, told.usd)] : ["not known"];
    const button = element("button", { type: "button", className: told ? "sum" : "sum unknown", title: told?.points ?? "", ariaLabel: `${told ? told.usd : "not known"}: what your use costs on ${bot.name}, item by item` }, label);
    button.addEventListener("click", () => showBill(bot));
    return button;
  }

  function showBill(bot) {
    $("bill-title").textContent = bot.name;
    $("bill-body").replaceChildren(...Bills.itemised(answer(bot)).filter(Boolean));
    $("bill").showModal();
  }

  function heading(bot, count) {
    const ranked = bot.price === null ? "" : bot.unit === "token" ? "ranked by dollars per 1M tokens" : bot.unit ? `ranked by dollars per ${bot.unit}` : "their cards do not say what one is: they need not be comparable";
    const title = bot.price === null || bot.unit === undefined ? unitName(bot) : `per ${bot.unit}`;
    return element("tr", { className: "unit" }, element("th", { scope: "colgroup", colSpan: columns }, element("bdi", {}, title),
      element("small", {}, ` ${count} ${count === 1 ? "bot" : "bots"}${ranked ? `, ${ranked}` : ""}`)));
  }

  /** Put more of the bots found into the table. */
  function extend(count) {
    const rows = [];
    const grouped = fields.sort.value.endsWith("price");
    for (const bot of found.slice(shown, shown + count)) {
      const before = found[shown + rows.filter((row) => !row.classList.contains("unit")).length - 1];
      if (grouped && (!before || unitName(before) !== unitName(bot))) rows.push(heading(bot, found.filter((each) => unitName(each) === unitName(bot)).length));
      rows.push(prepared(bot));
    }
    body.append(...rows);
    shown = Math.min(shown + count, found.length);
    $("rest").hidden = shown >= found.length;
    $("show-rest").textContent = `Show ${Math.min(STEP * 5, found.length - shown)} more of ${found.length - shown}`;
  }

  function show() {
    const matching = bots.filter(test());
    const present = matching.filter((bot) => fields.gone.checked || !bot.gone);
    const reasons = new Map();
    found = ordered(present.filter((bot) => {
      const reason = unfit(bot);
      if (reason) reasons.set(reason, [...(reasons.get(reason) ?? []), bot]);
      return !reason;
    }));
    shown = 0;
    body.replaceChildren();
    extend(STEP);
    tellUnfit(reasons);
    const left = matching.length - present.length;
    $("gone-too").hidden = !fields.q.value || !left;
    $("gone-told").textContent = left === 1 ? "1 bot that is gone matches." : `${left} bots that are gone match.`;
    const all = bots.filter((bot) => fields.gone.checked || !bot.gone).length;
    $("count").textContent = found.length === all ? `${all.toLocaleString("en")} bots` : `${found.length.toLocaleString("en")} of ${all.toLocaleString("en")} bots`;
    $("empty").hidden = found.length > 0;
    table.hidden = found.length === 0;
    $("ranking").hidden = !fields.sort.value.endsWith("price") || new Set(found.map(unitName)).size < 2;
  }

  const NAMED = 60;

  /** Say which bots do not answer the question, and why. */
  function tellUnfit(reasons) {
    const sorted = [...reasons].sort((one, other) => other[1].length - one[1].length);
    const count = sorted.reduce((sum, [, those]) => sum + those.length, 0);
    $("unfit").hidden = count === 0;
    $("unfit").firstElementChild.textContent = `${count} ${count === 1 ? "bot does" : "bots do"} not fit: why`;
    $("unfit").lastElementChild.replaceChildren(...sorted.map(([reason, those]) => {
      const named = those.slice(0, NAMED).flatMap((bot, place) => [place ? ", " : "", element("bdi", {}, bot.name)]);
      const more = those.length > NAMED ? ` and ${those.length - NAMED} more` : "";
      return element("li", {}, element("b", {}, `${reason} (${those.length}): `), named, more);
    }));
  }

  // --- the state, in the form and in the address

  const controls = () => SIMPLE.map((name) => fields[name]);

  function fill(given) {
    for (const field of controls()) {
      if (field.type === "checkbox") field.checked = given.get(field.name) === field.value;
      else field.value = given.get(field.name) ?? "";
      if (field.selectedIndex === -1) field.value = ""; // a choice that this catalogue does not have
    }
    purpose = Object.hasOwn(Data.questions, given.get("for") ?? "") ? given.get("for") : "";
    chosen = new Set(given.getAll("bot").filter((id) => byId.has(id)).slice(0, MOST_COMPARED));
  }

  function state() {
    const set = controls().filter((field) => !field.disabled && (field.type === "checkbox" ? field.checked : field.value));
    const asked = purpose ? [["for", purpose]] : [];
    return [...asked, ...set.map((field) => [field.name, field.dataset.quantity === undefined ? field.value : Quantities.of(field)]).filter(([, value]) => value), ...Use.parameters(), ...[...chosen].map((id) => ["bot", id])];
  }

  function changed() {
    const unit = fields.unit.value;
    for (const field of range) field.disabled = !unit || unit === "-";
    if (!Quantities.check(range, $("more-filters"))) $("more-filters").open = true;
    for (const button of purposes) button.ariaPressed = String(button.dataset.purpose === purpose);
    $("range-unit").textContent = !unit || unit === "-" ? "choose a unit first" : `dollars per ${unit === "token" ? "1M tokens" : unit}`;
    const active = controls().filter((field) => !["q", "sort"].includes(field.name) && !field.disabled && (field.type === "checkbox" ? field.checked : field.value));
    $("active-filters").textContent = active.length ? `${active.length} active` : "";
    for (const head of table.tHead.rows[0].cells) {
      const order = fields.sort.value;
      if (!head.dataset.sort) continue;
      const mine = (order.replace("-", "") || "name") === head.dataset.sort;
      if (mine) head.ariaSort = order.startsWith("-") ? "descending" : "ascending";
      else head.removeAttribute("aria-sort");
    }
    Address.write(new URLSearchParams(state()));
    show();
  }

  function useChanged() {
    usage = Use.usage();
    answers = new Map();
    costHead.hidden = !usage;
    if (purpose && !usage) purpose = "";
    for (const option of fields.sort.options) if (option.value.endsWith("cost")) option.disabled = !usage;
    table.classList.toggle("costed", Boolean(usage));
    if (!usage && fields.sort.value.endsWith("cost")) fields.sort.value = "";
    columns = [...table.tHead.rows[0].cells].filter((head) => !head.hidden).length;
    changed();
    tray();
  }

  /** Ask for the cheapest bots for a purpose; pressed again, show all bots. */
  function ask(button) {
    const leave = button.dataset.purpose === purpose;
    purpose = leave ? "" : button.dataset.purpose;
    fields.sort.value = leave ? "" : "cost";
    Use.fill(new URLSearchParams(leave ? "" : button.dataset.use));
    $("usage").dispatchEvent(new Event("input"));
  }

  // --- what to compare

  function choose(bot) {
    if (bot.box.checked) chosen.add(bot.id);
    else chosen.delete(bot.id);
    Address.write(new URLSearchParams(state()));
    tray();
  }

  function tray() {
    $("tray").hidden = chosen.size === 0;
    $("tray-names").textContent = `${chosen.size} of ${MOST_COMPARED}: ${[...chosen].map((id) => byId.get(id).name).join(", ")}`;
    $("tray-go").search = new URLSearchParams([...[...chosen].map((id) => ["bot", id]), ...Use.parameters()]);
    for (const bot of bots) if (bot.box) prepared(bot);
  }

  // --- keys

  const links = () => [...body.querySelectorAll("th a")];

  function keys(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || $("bill").open) return;
    const typing = event.target.closest("input:not([type=checkbox]), select, textarea");
    if (event.key === "/" && !typing) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "Escape" && event.target === search) {
      search.value = "";
      changed();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && (event.target === search || !typing)) {
      const all = links();
      const at = all.indexOf(event.target.closest("tr")?.querySelector("th a"));
      if (event.target !== search && at === -1) return; // elsewhere the page scrolls
      event.preventDefault();
      const next = at + (event.key === "ArrowDown" ? 1 : -1);
      if (next < 0) search.focus();
      else if (next >= all.length && shown < found.length) {
        extend(STEP);
        links()[next].focus();
      } else all[Math.min(next, all.length - 1)]?.focus();
    }
  }

  // --- start

  const heads = table.tHead.rows[0];
  heads.prepend(element("th", { scope: "col", className: "pick" }, element("span", { className: "hidden" }, "Compare")));
  const costHead = element("th", { scope: "col", className: "n cost", hidden: true, data: { sort: "cost" } }, "Your use");
  heads.append(costHead);
  for (const head of heads.querySelectorAll("[data-sort]")) {
    const name = head.dataset.sort;
    const button = element("button", { type: "button" }, head.textContent);
    button.addEventListener("click", () => {
      fields.sort.value = name === "name" ? "" : fields.sort.value === name ? `-${name}` : name;
      changed();
    });
    head.replaceChildren(button);
  }

  body.replaceChildren();
  fill(Address.read());
  for (const id of ["filters", "status"]) $(id).hidden = false;
  $("more-filters").open = state().some(([name]) => SIMPLE.includes(name) && !["q", "sort"].includes(name));
  filters.addEventListener("input", changed);
  $("more-filters").addEventListener("input", changed); // in the form by name, not by place
  for (const button of purposes) button.addEventListener("click", () => ask(button));
  $("show-gone").addEventListener("click", () => {
    fields.gone.checked = true;
    changed();
    search.focus();
  });
  filters.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", keys);
  $("reset").addEventListener("click", () => {
    for (const field of controls()) if (field.type === "checkbox") field.checked = false;
    else if (field.name !== "sort") field.value = "";
    purpose = "";
    changed();
    search.focus();
  });
  $("show-rest").addEventListener("click", () => {
    const next = shown;
    extend(STEP * 5);
    links()[next]?.focus();
  });
  $("tray-clear").addEventListener("click", () => {
    chosen.clear();
    Address.write(new URLSearchParams(state()));
    tray();
    search.focus();
  });
  addEventListener("beforeprint", () => extend(found.length));
  new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting)) extend(STEP);
  }, { rootMargin: "600px" }).observe($("rest"));
  Ages.tell(document.querySelector(".lead"));
  // a sort by cost in the address needs the usage first
  Use.start(useChanged);
})();
