// What every page of the report shares: theme, keys, the help overlay, figures. Runs in the head, before anything is drawn.
"use strict";
const covey = (() => {
  const root = document.documentElement;
  root.classList.add("js");

  // Storage may be refused (private windows, some file:// rules): then choices last as long as the page.
  const kept = (store, name) => { try { return window[store].getItem("covey." + name); } catch { return null; } };
  const keep = (store, name, value) => { try { window[store].setItem("covey." + name, value); } catch { /* not kept */ } };

  const theme = kept("localStorage", "theme");
  if (theme === "dark" || theme === "light") root.dataset.theme = theme;
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

  const signs = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  const esc = (text) => text.replace(/[&<>"']/g, (sign) => signs[sign]);

  // The rule of the command line: never a false 0 or 100, and of two equally near the even one, where toFixed takes the
  // greater. Exact: only a power of two is multiplied by to see that a value is between two.
  function shown(covered, total, digits) {
    if (!total) return "–";
    const scale = 10 ** digits, step = 1 / scale;
    let value = covered * 100 / total;
    if (covered && value < step) value = step;
    else if (covered < total && value > 100 - step) value = 100 - step;
    if (value * 2 ** (digits + 1) % 2 === 1) {
      const below = Math.floor(value * scale);
      value = (below + below % 2) / scale;
    }
    return value.toFixed(digits) + "%";
  }

  const count = (number) => number.toLocaleString("en-US");
  const bar = (covered, total) =>
    `<svg class="meter" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true"><rect width="${
      total ? (covered * 100 / total).toPrecision(4) : 0}" height="1"/></svg>`;

  const keys = [];  // {keys: ["n", "j"], what, run}
  let dialog;

  function help() {
    if (!dialog) {
      dialog = document.createElement("dialog");
      dialog.className = "help";
      dialog.setAttribute("aria-labelledby", "help-title");
      const rows = keys.map((key) =>
        `<div><dt>${key.keys.map((name) => `<kbd>${esc(name)}</kbd>`).join(" ")}</dt><dd>${esc(key.what)}</dd></div>`);
      dialog.innerHTML = `<h2 id="help-title">Keys</h2><dl>${rows.join("")}</dl>
        <form method="dialog"><label><input type="checkbox" id="keys-on"> Single-key shortcuts</label><button>Close</button></form>`;
      document.body.append(dialog);
      const on = dialog.querySelector("#keys-on");
      on.checked = kept("localStorage", "keys") !== "off";
      on.addEventListener("change", () => keep("localStorage", "keys", on.checked ? "on" : "off"));
      dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    }
    if (dialog.open) dialog.close(); else dialog.showModal();
  }

  function turn() {
    root.dataset.theme = dark() ? "light" : "dark";
    keep("localStorage", "theme", root.dataset.theme);
    name();
  }

  let themeButton;
  function name() {
    const label = `Switch to ${dark() ? "light" : "dark"} theme`;
    themeButton.setAttribute("aria-label", label);
    themeButton.title = label + " (t)";
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const typing = event.target.matches("input[type=search], select, textarea");
    if (typing && event.key !== "Escape") return;
    if (dialog && dialog.open && event.key !== "?") return;
    if (event.key.length === 1 && event.key !== "?" && kept("localStorage", "keys") === "off") return;
    const key = keys.find((one) => one.keys.includes(event.key));
    if (key && key.run(event) !== false) event.preventDefault();
  });

  document.addEventListener("DOMContentLoaded", () => {
    const tools = document.getElementById("tools");
    tools.innerHTML = `<button type="button" id="theme"><svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="6.2"
      fill="none" stroke="currentColor" stroke-width="1.6"/><path d="M8 1.8a6.2 6.2 0 0 1 0 12.4z" fill="currentColor"/></svg></button>
      <button type="button" id="help" aria-label="Keys" title="Keys (?)">?</button>`;
    themeButton = document.getElementById("theme");
    themeButton.addEventListener("click", turn);
    document.getElementById("help").addEventListener("click", help);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
    name();
    keys.push({ keys: ["t"], what: "Light or dark", run: turn }, { keys: ["?"], what: "These keys", run: help });
  });

  return { esc, shown, count, bar, keys, kept, keep };
})();
