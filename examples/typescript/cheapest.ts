// The cheapest bots for a message of 1,000 tokens in and 500 out. Types come from the feed's schema:
//
//     npm install && npm run types && npm run build
//     node cheapest.js https://example.org/models.json

import type { Bot, PoeScraperFeed, Rate } from "./poe-feed.js";

declare const process: { argv: string[] };

function usdPerToken(bot: Bot, side: string): number | undefined {
  const fits = (rate: Rate): boolean =>
    rate.currency === "USD" &&
    rate.per.unit === "token" &&
    rate.bound === "exact" &&
    rate.label.toLowerCase().startsWith(side);
  const rate = bot.pricing.rates.find(fits);
  return rate && Number(rate.amount) / Number(rate.per.quantity);
}

function costs(feed: PoeScraperFeed): [string, number][] {
  const found: [string, number][] = [];
  for (const bot of feed.data) {
    // an adjustment may be of a kind that this program does not know: then the rates are not the whole price
    if (bot.status !== "active" || bot.pricing.adjustments.length > 0 || bot.pricing.unparsed.length > 0) continue;
    const input = usdPerToken(bot, "input");
    const output = usdPerToken(bot, "output");
    if (input !== undefined && output !== undefined) found.push([bot.id, 1000 * input + 500 * output]);
  }
  return found.sort(([, one], [, other]) => one - other);
}

const address = process.argv[2];
if (address === undefined) throw new Error("give the address of models.json");
const response = await fetch(address);
const feed = (await response.json()) as PoeScraperFeed;
for (const [id, usd] of costs(feed).slice(0, 5)) console.log(`${id.padEnd(30)} $${usd.toPrecision(3)}`);
