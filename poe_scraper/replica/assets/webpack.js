// A module runtime in the manner of webpack 5. A chunk that is loaded later comes with its style sheet, and
// loading it fails when the style sheet cannot be had, as with mini-css-extract-plugin in builds of Next.js.
(() => {
  "use strict";
  const publicPath = "/* public path */";
  const scripts = {/* chunk scripts */};
  const styles = {/* chunk styles */};
  const factories = {};
  const modules = {};
  const chunks = {};

  function require(id) {
    if (!(id in modules)) {
      modules[id] = { exports: {} };
      factories[id](modules[id], modules[id].exports, require);
    }
    return modules[id].exports;
  }

  function load(tag, attributes) {
    return new Promise((resolve, reject) => {
      const element = Object.assign(document.createElement(tag), attributes);
      element.onload = resolve;
      element.onerror = () => reject(new Error("Loading chunk failed: " + (attributes.src ?? attributes.href)));
      document.head.append(element);
    });
  }

  // Like next/dynamic, a chunk that failed once is not asked for again while the page is open.
  require.chunk = (id) =>
    (chunks[id] ??= Promise.all([
      load("script", { src: publicPath + scripts[id], async: true }),
      load("link", { href: publicPath + styles[id], rel: "stylesheet" }),
    ]));

  function install([, added, start]) {
    Object.assign(factories, added);
    start?.(require);
  }

  const queue = (self.webpackChunk_N_E = self.webpackChunk_N_E || []);
  queue.forEach(install);
  queue.push = install;
})();
