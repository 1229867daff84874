// The dialog with the rate card: a chunk that is loaded when Rates is opened for the first time.
(self.webpackChunk_N_E = self.webpackChunk_N_E || []).push([
  [312],
  {
    8461: (module, exports, require) => {
      "use strict";
      const { element, query, view } = require(2741);

      function showMarkdown(container, markdown) {
        // Markup inside a card is shown as text.
        const escapeHtml = (token) =>
          token.text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
        container.innerHTML = new marked.Marked({ renderer: { html: escapeHtml } }).parse(markdown);
      }

      async function askForCard(bot) {
        if (view.fault === "gql_moved") {
          const answer = await query("BotPricingDialogQuery", { botId: bot.botId });
          return answer.data.bot.pricing.menu;
        }
        const name = view.fault === "gql_2025" ? "MessagePointsOverviewModalQuery" : "RateCardModalQuery";
        const answer = await query(name, { botId: bot.botId });
        return answer.data.botById.botPricing.rateMenuMarkdown;
      }

      exports.open = async (bot) => {
        const overlay = element("div", "Modal_modalOverlay");
        const dialog = element("div", "Modal_modalContent", undefined, {
          role: "dialog",
          "aria-modal": "true",
          "aria-label": "Rates",
        });
        const close = element("button", "Button_button", "Close", { "aria-label": "Close" });
        const content = element("div", "Markdown_markdownContainer");
        content.append(element("p", "LoadingDots_dots", "Loading…"));
        close.addEventListener("click", () => overlay.remove());
        dialog.append(element("h1", "Modal_title", "Rates"), close, content);
        overlay.append(dialog);
        document.body.append(overlay);
        try {
          const card = await askForCard(bot);
          if (card) showMarkdown(content, card);
          else content.textContent = "No rates are known for this bot.";
        } catch (error) {
          content.textContent = "Something went wrong. Please try again.";
        }
      };
    },
  },
]);
