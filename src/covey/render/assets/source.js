// Draws a source page: a row a line from the text, the marks beside it and the page's data.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const marks = document.getElementById("marks").textContent.split("\n").map((mark) => mark || " ");
  const text = document.getElementById("text").textContent.split("\n");
  const plain = document.getElementById("plain");
  if (marks[marks.length - 1] === " " && marks.length > text.length) marks.pop();
  const size = Math.max(marks.length, text.length);
  const { esc } = covey;
  const CHUNK = 250;  // lines that the browser lays out together, once they come near
  const parts = data.parts || [];
  const others = data.others || [];

  // Bit n of a hexadecimal number, whose last digit holds the bits 0 to 3.
  const bit = (hex, n) => {
    const at = hex.length - 1 - (n >> 2);
    return at >= 0 && (parseInt(hex[at], 16) >> (n & 3)) & 1;
  };
  const who = (slices, n) => slices.filter(([, hex]) => bit(hex, n)).map(([name]) => name);

  const KINDS = { "+": "ran", "-": "missed", "~": "partial" };
  const SAID = { ran: "ran", missed: "did not run", partial: "ran in part" };
  const real = [""];  // by line: what became of it
  const hits = [];
  const reached = [[]];  // by line: the parts that reached it
  for (let n = 1, at = 0; n <= size; n++) {
    real[n] = KINDS[marks[n - 1]] || "";
    if (real[n] && data.hits) hits[n] = data.hits[at++];
    reached[n] = real[n] === "ran" || real[n] === "partial" ? who(parts, n) : [];
  }

  const compact = (number) => {  // at most four characters: 9999, 25k, 3M
    let unit = 0;
    while (number >= (unit ? 1000 : 10000)) { number /= 1000; unit++; }
    return Math.floor(number) + ["", "k", "M", "G", "T", "P", "E"][unit];
  };

  const arms = [];  // by line: [taken, all]
  (data.arms || []).forEach((n, at) => {
    arms[n] = arms[n] || [0, 0];
    arms[n][0] += data.took[at] === "1";
    arms[n][1]++;
  });
  function branchNote(n) {
    if (!arms[n]) return "";
    const [taken, all] = arms[n];
    const leads = (real[n] !== "missed" && data.leads && data.leads[n]) || [];
    const lacking = leads.length ? `; not ${leads.map((lead) => "to " + esc(lead)).join(", ")}` : "";
    return `<span class="arms${taken < all ? " some" : ""}" title="${taken} of ${all} branches taken${lacking}">${taken}/${all}</span>`;
  }

  // view: {} shows what ran; {part} what one part reached; {only} marks what nothing but one part reached.
  let view = {};
  let kinds = [];
  let stops = [];  // first lines of runs: of gaps, or of what a view marks
  const picked = (n) => view.only !== undefined && reached[n].length === 1 && reached[n][0] === view.only;

  function row(n, fresh) {
    const kind = kinds[n];
    const only = parts.length && reached[n].length === 1 ? reached[n][0] : "";
    const tag = only && fresh ? `<span class="tag">only ${esc(only)}</span>` : "";
    const tests = kind ? who(others, n) : [];
    const title = [reached[n].length ? "in " + reached[n].join(", ") : "", tests.slice(0, 20).join(", ") + (tests.length > 20 ? ", …" : "")]
      .filter(Boolean).join("; ");
    const times = view.part === undefined && hits[n] !== undefined
      ? `<span class="h" title="${covey.count(hits[n])} times">${compact(hits[n])}</span>` : '<span class="h"></span>';
    return `<div class="l ${kind}${only ? " only" : ""}${picked(n) ? " picked" : ""}" id="L${n}"><a class="n" href="#L${n}"${
      kind ? ` aria-label="${n}, ${SAID[kind]}"` : ""}>${n}</a>${times}<span class="m" aria-hidden="true"></span><code${
      title ? ` title="${esc(title)}"` : ""}>${esc(text[n - 1] || "") || " "}</code>${view.part === undefined ? branchNote(n) : ""}${tag}</div>`;
  }

  function draw() {
    kinds = real.map((kind, n) => view.part === undefined || !kind ? kind : reached[n].includes(view.part) ? "ran" : "missed");
    const chunks = [];
    let before = "";
    for (let first = 1; first <= size; first += CHUNK) {
      const rows = [];
      for (let n = first; n < first + CHUNK && n <= size; n++) {
        const only = reached[n].length === 1 ? reached[n][0] : "";
        rows.push(row(n, only !== before));
        if (kinds[n]) before = only;
      }
      chunks.push(`<div class="chunk">${rows.join("")}</div>`);
    }
    document.getElementById("rows").innerHTML = chunks.join("");
    stops = [];
    let open = false;
    for (let n = 1; n <= size; n++) {
      if (!kinds[n]) continue;
      const stop = view.only === undefined ? kinds[n] !== "ran" : picked(n);
      if (stop && !open) stops.push(n);
      open = stop;
    }
    place = -1;
    drawMap();
    say();
  }

  // The ruler at the right edge: where in the file the stops are.
  function drawMap() {
    const runs = [];
    for (let n = 1; n <= size; n++) {
      const kind = view.only !== undefined ? (picked(n) ? "picked" : "") : kinds[n] === "ran" ? "" : kinds[n];
      const last = runs[runs.length - 1];
      if (kind && last && last.kind === kind && last.end === n - 1) last.end = n;
      else if (kind) runs.push({ kind, start: n, end: n });
    }
    const map = document.getElementById("map");
    map.setAttribute("viewBox", `0 0 10 ${size}`);
    map.innerHTML = runs.map(({ kind, start, end }) =>
      `<rect class="${kind}" width="10" y="${start - 1}" height="${Math.max(end - start + 1, size / 250)}"/>`).join("");
  }

  let place = -1;
  function say() {
    const what = view.only === undefined ? ["gap", "gaps"] : ["run", "runs"];
    document.getElementById("gaps").textContent = place >= 0 ? `${what[0]} ${place + 1} of ${stops.length}`
      : stops.length ? `${stops.length} ${what[stops.length === 1 ? 0 : 1]}` : `no ${what[1]}`;
    for (const [id, page] of [["gap-before", data.before], ["gap-after", data.after]]) {
      document.getElementById(id).disabled = !stops.length && !onward(page);
    }
  }

  function go(n, focus) {
    const line = document.getElementById("L" + n);
    if (!line) return;
    document.querySelector(".l.here")?.classList.remove("here");
    line.classList.add("here");
    line.scrollIntoView({ block: "center", inline: "nearest" });
    if (focus) line.querySelector(".n").focus({ preventScroll: true });
  }

  // Past the last gap of the file comes the first of the next file that has any; views of parts stay in the file.
  const onward = (page) => page && view.part === undefined && view.only === undefined;
  function step(by) {
    let next = place + by;
    if (place < 0) {  // from the chosen line, where there is one
      const here = Number(document.querySelector(".l.here")?.id.slice(1) || 0);
      next = by > 0 ? stops.findIndex((n) => n > here) : here ? stops.findLastIndex((n) => n < here) : stops.length - 1;
      if (next < 0) next = by > 0 ? stops.length : -1;
    }
    if (next < 0 || next >= stops.length) {
      const page = by > 0 ? data.after : data.before;
      if (onward(page)) { location.href = page + (by > 0 ? "#first" : "#last"); return; }
      if (!stops.length) return;
      next = by > 0 ? 0 : stops.length - 1;
    }
    place = next;
    go(stops[place], true);
    say();
  }

  const follow = (selector) => () => { const link = document.querySelector(selector); if (link) location.href = link.href; };
  function wrap() {
    const on = document.documentElement.classList.toggle("wrap");
    covey.keep("localStorage", "wrap", on ? "on" : "");
    document.getElementById("wrap").setAttribute("aria-pressed", on);
  }

  function views() {
    if (!parts.length) return "";
    const alone = parts.map(([name]) => reached.filter((names) => names.length === 1 && names[0] === name).length);
    return `<label>Show <select id="view"><option value="">all parts</option>${
      parts.map(([name], at) => `<option value="part ${at}">what ${esc(name)} reaches</option>`).join("")}${
      parts.map(([name], at) => `<option value="only ${at}">what only ${esc(name)} reaches (${covey.count(alone[at])})</option>`).join("")}</select></label>`;
  }

  function functions() {
    if (!data.functions) return "";
    const told = ([name, first, hits]) => `<option value="${first}">${hits ? "" : "× "}${esc(name)}</option>`;
    const never = data.functions.filter(([, , hits]) => !hits).length;
    return `<label>Functions <select id="functions"><option value="">${covey.count(data.functions.length - never)} of ${
      covey.count(data.functions.length)} ran</option>${data.functions.map(told).join("")}</select></label>`;
  }

  const reading = document.createElement("div");
  reading.className = "reading";
  reading.innerHTML = `<div class="steps">
    <button type="button" id="gap-before" title="Previous (p)">↑<span class="hear"> Previous gap</span></button>
    <button type="button" id="gap-after" title="Next (n)">↓<span class="hear"> Next gap</span></button><span id="gaps" role="status"></span></div>
    ${views()}${functions()}<ul class="key" aria-label="Legend"><li class="l ran"><span class="m"></span>ran</li><li class="l partial"><span class="m"></span>in part</li>
    <li class="l missed"><span class="m"></span>did not run</li></ul><button type="button" id="wrap" aria-pressed="false" title="Wrap long lines (w)">Wrap</button>`;
  const code = document.createElement("div");
  code.className = data.hits ? "code" : "code bare";
  code.innerHTML = '<div class="rows" id="rows"></div>';
  code.style.setProperty("--digits", String(size).length);
  plain.before(reading, code);
  plain.remove();
  const map = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of [["id", "map"], ["preserveAspectRatio", "none"], ["aria-hidden", "true"]]) map.setAttribute(name, value);
  document.body.append(map);
  map.addEventListener("click", (event) => {
    const box = map.getBoundingClientRect();
    place = -1;
    go(Math.max(1, Math.ceil((event.clientY - box.top) / box.height * size)));
  });

  document.getElementById("gap-before").addEventListener("click", () => step(-1));
  document.getElementById("gap-after").addEventListener("click", () => step(1));
  document.getElementById("wrap").addEventListener("click", wrap);
  document.getElementById("view")?.addEventListener("change", (event) => {
    const [what, at] = event.target.value.split(" ");
    view = what ? { [what]: parts[Number(at)][0] } : {};
    draw();
  });
  document.getElementById("functions")?.addEventListener("change", (event) => {
    place = -1;
    if (event.target.value) go(Number(event.target.value));
    say();
  });
  if (covey.kept("localStorage", "wrap")) wrap();
  draw();

  function jump() {
    const line = /^#L(\d+)$/.exec(location.hash);
    if (line) { place = -1; go(Number(line[1])); say(); }
    else if (stops.length && (location.hash === "#first" || location.hash === "#last")) {
      place = location.hash === "#first" ? 0 : stops.length - 1;
      go(stops[place], true);
      say();
    }
  }
  addEventListener("hashchange", jump);
  jump();

  covey.keys.push(
    { keys: ["n", "j"], what: "Next gap, on into the next file", run: () => step(1) },
    { keys: ["p", "k"], what: "Previous gap", run: () => step(-1) },
    { keys: ["]"], what: "Next file", run: follow("a[rel=next]") },
    { keys: ["["], what: "Previous file", run: follow("a[rel=prev]") },
    { keys: ["u", "Escape"], what: "Back to all files", run: follow("#home") },
    { keys: ["w"], what: "Wrap long lines", run: wrap },
  );
})();
