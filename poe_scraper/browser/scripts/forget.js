/*
 * Runs in every page before the page's own scripts: clears what an earlier bot's page has stored. Not in a
 * browser that somebody uses: what is stored there is theirs.
 */
(() => {
  try {
    if (window === window.top) {
      localStorage.clear();
      sessionStorage.clear();
    }
  } catch {
    // A page without storage has nothing to clear.
  }
})();
