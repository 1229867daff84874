/*
 * Runs in every page before the page's own scripts: clears what an earlier bot's page has stored. Not used in a
 * person's own browser, where the stored data is theirs.
 */
(() => {
  try {
    if (window === window.top) {
      localStorage.clear();
      sessionStorage.clear();
      window.name = ""; // it outlasts a navigation
    }
  } catch {
    // a page without storage
  }
})();
