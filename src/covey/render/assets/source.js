// Draws a source page: a row a line from the text, the marks beside it and the page's data.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const marks = document.getElementById("marks").textContent.split("\n").map((mark) => mark || " ");
  const text = document.getElementById("text").textContent.split("\n");
  const plain = document.getElementById("plain");
  if (marks.length && marks[marks.length - 1] === " " && marks.length > text.length) marks.pop();
  const size = Math.max(marks.length, text.length);
  const { esc } = covey;
  const CHUNK = 250;
  const parts = data.parts || [];
  const others = data.others || [];

  // Bit n of a hexadecimal number, whose last digit holds the bits 0 to 3.
  const bit = (hex, n) => {
    const at = hex.length - 1 - (n >> 2);
    return at >= 0 && (parseInt(hex[at], 16) >> (n & 3)) & 1;
  };
  const who = (slices, n) => slices.filter(([, hex]) => bit(hex, n)).map(([name]) => name);

  const hits = new Array(size + 1);
  let at = 0;
  for (let n = 1; n <= marks.length; n++) {
    if (marks[n - 1] !== " ") { if (data.hits) hits[n] = data.hits[at]; at++; }
  }

  const KINDS = { "+": "ran", "-": "missed", "~": "partial", " ": "" };
  const SAID = { ran: "ran", missed: "did not run", partial: "some branches not taken", "": "" };
  const compact = (number) => number < 1e4 ? String(number) : number.toExponential(0).replace("e+", "e");
  let kinds = [];
  let starts = [];  // first lines of runs of lines that did not run, or not in all ways

  function kindOf(n, part) {
    const kind = KINDS[marks[n - 1]] || "";
    return part === null || !kind ? kind : bit(part, n) ? "ran" : "missed";
  }

  function branchNote(n) {
    const arms = data.branches && data.branches[n];
    if (!arms) return "";
    const [taken, all, keys] = arms;
    const lacking = keys && keys.length ? ` · not to ${keys.map(esc).join(", ")}` : "";
    return `<span class="arms${taken < all ? " some" : ""}" title="${taken} of ${all} branches taken${lacking}">${taken}/${all}</span>`;
  }

  let before = "";
  function row(n, part) {
    const kind = kinds[n] = kindOf(n, part);
    const ran = kind === "ran" || kind === "partial";
    const names = ran && parts.length ? who(parts, n) : [];
    const only = names.length === 1 ? names[0] : "";
    const tag = only && only !== before ? `<span class="tag">only ${esc(only)}</span>` : "";
    if (kind) before = only;
    const tests = ran && others.length ? who(others, n) : [];
    const title = [names.length ? "In " + names.join(", ") : "", tests.slice(0, 20).join(", ") + (tests.length > 20 ? ", …" : "")];
    const count = part === null && hits[n] !== undefined ? `<span class="h" title="${covey.count(hits[n])} times">${compact(hits[n])}</span>`
      : '<span class="h"></span>';
    const said = title.filter(Boolean).join(" · ");
    return `<div class="l ${kind}${only ? " only" : ""}" id="L${n}"><a class="n" href="#L${n}"${kind ? ` aria-label="${n}, ${SAID[kind]}"` : ""}>${n}</a>${
      count}<span class="m" aria-hidden="true"></span><code${said ? ` title="${esc(said)}"` : ""}>${
      esc(text[n - 1] || "") || " "}</code>${part === null ? branchNote(n) : ""}${tag}</div>`;
  }

  function draw(part) {
    const chunks = [];
    kinds = [];
    before = "";
    for (let first = 1; first <= size; first += CHUNK) {
      const rows = [];
      for (let n = first; n < first + CHUNK && n <= size; n++) rows.push(row(n, part));
      chunks.push(`<div class="chunk">${rows.join("")}</div>`);
    }
    const out = document.getElementById("rows");
    out.innerHTML = chunks.join("");
    out.lastElementChild?.classList.add("last");
    starts = [];
    let open = false;
    for (let n = 1; n <= size; n++) {
      const off = kinds[n] === "missed" || kinds[n] === "partial";
      if (off && !open) starts.push(n);
      if (kinds[n]) open = off;
    }
    drawMap();
    say();
  }

  // The ruler at the right edge: where in the file the lines are that did not run.
  function drawMap() {
    const runs = [];
    for (let n = 1; n <= size; n++) {
      const kind = kinds[n] === "missed" || kinds[n] === "partial" ? kinds[n] : "";
      const last = runs[runs.length - 1];
      if (kind && last && last.kind === kind && last.end === n - 1) last.end = n;
      else if (kind) runs.push({ kind, start: n, end: n });
    }
    const map = document.getElementById("map");
    map.setAttribute("viewBox", `0 0 10 ${size}`);
    const least = size / 250;
    map.innerHTML = runs.map(({ kind, start, end }) =>
      `<rect class="${kind}" width="10" y="${start - 1}" height="${Math.max(end - start + 1, least)}"/>`).join("");
  }

  let place = -1;
  function say() {
    place = -1;
    document.getElementById("gaps").textContent = starts.length ? `${starts.length} ${starts.length === 1 ? "gap" : "gaps"}` : "no gaps";
    for (const id of ["gap-before", "gap-after"]) document.getElementById(id).disabled = !starts.length;
  }

  function go(n, focus) {
    const line = document.getElementById("L" + n);
    if (!line) return;
    document.querySelector(".l.here")?.classList.remove("here");
    line.classList.add("here");
    line.scrollIntoView({ block: "center", inline: "nearest" });
    if (focus) line.querySelector(".n").focus({ preventScroll: true });
  }

  function step(by) {
    if (!starts.length) return;
    if (place < 0) {  // from where the reader is: the chosen line, else the top of the window
      const here = Number((document.querySelector(".l.here") || {}).id?.slice(1) || 0);
      place = by > 0 ? starts.findIndex((n) => n > here) : starts.findLastIndex((n) => n < here);
      if (place < 0) place = by > 0 ? 0 : starts.length - 1;
    } else place = (place + by + starts.length) % starts.length;
    go(starts[place], true);
    document.getElementById("gaps").textContent = `gap ${place + 1} of ${starts.length}`;
  }

  const follow = (selector) => () => { const link = document.querySelector(selector); if (link) location.href = link.href; };
  const wrap = () => {
    const on = document.documentElement.classList.toggle("wrap");
    covey.keep("localStorage", "wrap", on ? "on" : "");
    document.getElementById("wrap").setAttribute("aria-pressed", on);
  };

  const options = parts.length ? `<label>Show <select id="part"><option value="">every part</option>${
    parts.map(([name], index) => `<option value="${index}">${esc(name)}</option>`).join("")}</select></label>` : "";
  const bar = document.createElement("div");
  bar.className = "reading";
  bar.innerHTML = `<div class="steps"><button type="button" id="gap-before" title="Previous line that did not run (p)">↑<span class="hear"> Previous gap</span></button>
    <button type="button" id="gap-after" title="Next line that did not run (n)">↓<span class="hear"> Next gap</span></button>
    <span id="gaps" role="status"></span></div>${options}
    <ul class="key" aria-label="Legend"><li class="l ran"><span class="m"></span>ran</li><li class="l partial"><span class="m"></span>in part</li>
    <li class="l missed"><span class="m"></span>did not run</li></ul><button type="button" id="wrap" aria-pressed="false" title="Wrap long lines (w)">Wrap</button>`;
  const rows = document.createElement("div");
  rows.className = "code";
  rows.innerHTML = '<div class="rows" id="rows"></div>';
  rows.style.setProperty("--digits", String(size).length);
  if (!data.hits) rows.classList.add("bare");
  plain.before(bar, rows);
  plain.remove();
  const map = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  map.id = "map";
  map.setAttribute("preserveAspectRatio", "none");
  map.setAttribute("aria-hidden", "true");
  document.body.append(map);
  map.addEventListener("click", (event) => {
    const box = map.getBoundingClientRect();
    go(Math.max(1, Math.ceil((event.clientY - box.top) / box.height * size)));
  });

  document.getElementById("gap-before").addEventListener("click", () => step(-1));
  document.getElementById("gap-after").addEventListener("click", () => step(1));
  document.getElementById("wrap").addEventListener("click", wrap);
  document.getElementById("part")?.addEventListener("change", (event) =>
    draw(event.target.value === "" ? null : parts[Number(event.target.value)][1]));
  if (covey.kept("localStorage", "wrap")) wrap();
  draw(null);

  const jump = () => {
    const line = /^#L(\d+)$/.exec(location.hash);
    if (line) { place = -1; go(Number(line[1])); }
  };
  addEventListener("hashchange", jump);
  jump();

  covey.keys.push(
    { keys: ["n", "j"], what: "Next line that did not run", run: () => step(1) },
    { keys: ["p", "k"], what: "Previous line that did not run", run: () => step(-1) },
    { keys: ["]"], what: "Next file", run: follow("a[rel=next]") },
    { keys: ["["], what: "Previous file", run: follow("a[rel=prev]") },
    { keys: ["u", "Escape"], what: "Back to all files", run: follow("#home") },
    { keys: ["w"], what: "Wrap long lines", run: wrap },
  );
})();
