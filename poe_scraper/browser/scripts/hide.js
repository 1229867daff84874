/*
 * Runs inside a page before its screenshot is taken: replaces personal data in visible text with as many
 * x's. Argument: the texts to hide. E-mail addresses and IP addresses are hidden wherever they are.
 */
(texts) => {
  const escaped = texts.map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).sort((a, b) => b.length - a.length);
  const patterns = [
    "[\\w.+-]+@[\\w-]+(?:\\.[\\w-]+)+",
    "\\b(?:\\d{1,3}\\.){3}\\d{1,3}\\b",
    "(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{0,4}",
    "[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}",
    "\\b[0-9a-f]{16}\\b",
  ];
  const personal = new RegExp([...escaped, ...patterns].join("|"), "gi");
  const hide = (text) => text.replace(personal, (found) => "x".repeat(found.length));

  const walker = document.createTreeWalker(document, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.parentElement?.closest("script, style")) continue;
    const hidden = hide(node.data);
    if (hidden !== node.data) node.data = hidden;
  }
  for (const field of document.querySelectorAll("input, textarea")) {
    field.value = hide(field.value);
    field.placeholder = hide(field.placeholder);
  }
};
