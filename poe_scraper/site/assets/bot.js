/* A bot's page: what your use would cost on it. */
"use strict";

(() => {
  const { bot, pointsPerUsd } = JSON.parse(document.getElementById("data").textContent);
  const compare = document.getElementById("compare-link");

  Use.start(() => {
    const usage = Use.usage();
    const body = document.getElementById("bill-body");
    body.replaceChildren(...(usage ? Bills.itemised(Bills.of(bot, usage, pointsPerUsd)) : []).filter(Boolean));
    Address.write(new URLSearchParams(Use.parameters()));
    compare.search = new URLSearchParams([["bot", bot.id], ...Use.parameters()]);
  });
})();
