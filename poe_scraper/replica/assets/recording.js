// Acts for the scripts of a recorded page.
(() => {
  "use strict";
  const scene = {/* scene */};
  document.currentScript.remove();

  // The recording was made at the end of a visit: take out the dialog, and what the visit left.
  document.getElementById("poe-scraper-observation")?.remove();
  const DIALOGS = "[role=dialog], [role=alertdialog], [aria-modal=true], dialog[open]";
  const dialogs = [...document.querySelectorAll(DIALOGS)]
    .filter((dialog) => !dialog.parentElement.closest(DIALOGS))
    .map((dialog) => ({ dialog, parent: dialog.parentElement }));
  for (const { dialog } of dialogs) dialog.remove();

  // A script that was not loaded is asked for again, at a host that does not exist.
  function load(address) {
    const script = document.createElement("script");
    script.src = address;
    document.head.append(script);
  }
  scene.blockedScripts.forEach(load);

  function send({ name, body }) {
    const headers = { "content-type": "application/json", poegraphql: "1", "poe-queryname": name };
    fetch("/api/gql_POST", { method: "POST", headers, body }).catch(() => {});
  }

  // Which button opened the dialog is not recorded: every one does, and every link that leads to no other page.
  let opened = false;
  document.addEventListener("click", (event) => {
    const control = event.target.closest("button, a, summary, [role=button], [role=menuitem], [role=link], [role=tab]");
    if (!control || opened) return;
    const link = control.closest("a[href]");
    if (link && new URL(link.href, location.href).pathname !== location.pathname) return;
    event.preventDefault();
    opened = true;
    scene.neededScripts.forEach(load);
    for (const { dialog, parent } of dialogs) parent.append(dialog);
    for (const query of scene.queries) send(query);
  });
})();
