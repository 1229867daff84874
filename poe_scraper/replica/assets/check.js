// A bot check that nobody has to click: it takes half a second, sets a cookie and shows the page asked for.
(() => {
  "use strict";
  const answer = document.currentScript.dataset.answer;
  setTimeout(async () => {
    await fetch(answer, { method: "POST" });
    location.reload();
  }, 500);
})();
