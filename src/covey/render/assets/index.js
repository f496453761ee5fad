// Draws the tree of files: sorts, filters, folds. Rows are drawn as they come into view, so size does not matter.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const digits = Number(document.body.dataset.digits);
  const { esc, shown, count } = covey;
  const BATCH = 150;
  const WIDTH = 8 + data.parts.length;
  // Numbers of a row: [reached, all] of lines, branches, functions, statements, then lines only in each part.
  const LINES = 0, BRANCHES = 2, FUNCTIONS = 4, STATEMENTS = 6, PARTS = 8;

  const files = data.files.map(([name, page, ...numbers]) => ({ name, label: name, page, numbers, folder: false }));
  const total = new Array(WIDTH).fill(0);
  for (const file of files) for (let at = 0; at < WIDTH; at++) total[at] += file.numbers[at];

  const share = (at) => (row) => row.numbers[at + 1] ? row.numbers[at] / row.numbers[at + 1] : null;
  const first = (row) => [row.numbers[STATEMENTS], row.numbers[STATEMENTS + 1]];  // lines, where a format counts no statements
  const missed = (row) => row.numbers[STATEMENTS + 1] - row.numbers[STATEMENTS];
  const gappy = ({ numbers }) => [LINES, BRANCHES, STATEMENTS].some((at) => numbers[at] < numbers[at + 1]);
  const percentCell = (at) => (row) => `<td class="n more">${shown(row.numbers[at], row.numbers[at + 1], digits)}</td>`;
  const columns = [
    { id: "name", label: "File", key: (row) => row.label, first: 1 },
    { id: data.statements ? "statements" : "lines", label: data.statements ? "Statements" : "Lines", key: share(STATEMENTS), first: 1, css: "cover",
      cell: (row) => `<td class="cover">${covey.bar(...first(row))}<span>${shown(...first(row), digits)}</span></td>` },
    { id: "missed", label: "Missed", key: (row) => missed(row), first: -1, css: "n",
      cell: (row) => `<td class="n missed${missed(row) ? "" : " no"}">${count(missed(row))}</td>` },
    { id: "all", label: "Of", key: (row) => first(row)[1], first: -1, css: "n more", cell: (row) => `<td class="n more soft">${count(first(row)[1])}</td>` },
  ];
  for (const [id, label, at, show] of [["lines", "Lines", LINES, data.statements], ["branches", "Branches", BRANCHES, total[3]],
    ["functions", "Functions", FUNCTIONS, total[5]]]) {
    if (show) columns.push({ id, label, key: share(at), first: 1, css: "n more", cell: percentCell(at) });
  }
  data.parts.forEach((name, index) => columns.push({
    id: "only" + index, label: `Only ${name}`, key: (row) => row.numbers[PARTS + index], first: -1, css: "n more only",
    cell: (row) => `<td class="n more only">${row.numbers[PARTS + index] ? count(row.numbers[PARTS + index]) : '<span class="none">·</span>'}</td>` }));

  const state = { sort: "name", turned: 1, text: "", flat: false, gaps: false, open: null, ...restored() };

  function restored() {
    try { return JSON.parse(covey.kept("sessionStorage", "index:" + location.pathname)) || {}; } catch { return {}; }
  }

  // Folders with one folder inside and nothing else are drawn as one: src/covey/render.
  function tree(list) {
    const top = { path: "", kids: [], folders: new Map(), numbers: new Array(WIDTH).fill(0) };
    for (const file of list) {
      const cut = data.several ? file.name.indexOf("//") : -1;  // repository//path
      const steps = cut > 0 ? [file.name.slice(0, cut + 1), ...file.name.slice(cut + 2).split("/")] : file.name.split("/");
      let node = top;
      for (let depth = 0; depth < steps.length - 1; depth++) {
        let next = node.folders.get(steps[depth]);
        if (!next) {
          next = { path: node.path + steps[depth] + "/", label: steps[depth], kids: [], folders: new Map(), numbers: new Array(WIDTH).fill(0), folder: true };
          node.folders.set(steps[depth], next);
          node.kids.push(next);
        }
        node = next;
        for (let at = 0; at < WIDTH; at++) node.numbers[at] += file.numbers[at];
      }
      node.kids.push({ ...file, label: steps[steps.length - 1] });
    }
    const joined = (node) => {
      while (node.folder && node.kids.length === 1 && node.kids[0].folder) {
        const kid = node.kids[0];
        Object.assign(node, { label: node.label.replace(/\/?$/, "/") + kid.label, path: kid.path, kids: kid.kids });
      }
      node.kids.forEach((kid) => kid.folder && joined(kid));
      return node;
    };
    return joined(top);
  }

  const order = new Intl.Collator("en", { numeric: true });
  function sorted(list) {
    const { key } = columns.find((column) => column.id === state.sort) || columns[0];
    const keyed = list.map((row) => [key(row), row]);
    keyed.sort(([a, one], [b, two]) => (state.sort === "name" ? two.folder - one.folder || state.turned * order.compare(a, b)
      : (a === null) - (b === null) || state.turned * (a - b)) || order.compare(one.label, two.label));
    return keyed.map(([, row]) => row);
  }

  const whole = tree(files);
  const folders = [];
  (function gather(node) { for (const kid of node.kids) if (kid.folder) { folders.push(kid); gather(kid); } })(whole);
  if (!state.open) {  // all of a small project; the upper floors of a large one
    state.open = files.length + folders.length <= 200 ? folders.map((folder) => folder.path)
      : whole.kids.length === 1 ? whole.kids.map((folder) => folder.path) : [];
  }
  let open = new Set(state.open);

  let rows = [];
  let drawn = 0;
  let matched = files;
  function build() {
    const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
    const narrowed = words.length > 0 || state.gaps;
    const list = narrowed ? files.filter((file) => (!state.gaps || gappy(file))
      && words.every((word) => file.name.toLowerCase().includes(word))) : files;
    matched = list;
    rows = [];
    if (state.flat) rows = sorted(list.map((file) => ({ ...file, depth: 0 })));
    else {
      const walk = (node, depth) => {
        for (const kid of sorted(node.kids)) {
          kid.depth = depth;
          kid.opened = kid.folder && (words.length > 0 || open.has(kid.path));
          rows.push(kid);
          if (kid.opened) walk(kid, depth + 1);
        }
      };
      walk(narrowed ? tree(list) : whole, 0);
    }
  }

  function name(row) {
    if (row.folder) {
      return `<th scope="row" class="name d${Math.min(row.depth, 9)}"><button type="button" class="fold" aria-expanded="${row.opened}" data-path="${
        esc(row.path)}"><bdi>${esc(row.label)}</bdi></button></th>`;
    }
    return `<th scope="row" class="name d${Math.min(row.depth, 9)}"><a href="files/${row.page}"><bdi>${esc(row.label)}</bdi></a></th>`;
  }
  const drawRow = (row) => `<tr${row.folder ? ' class="dir"' : ""}>${name(row)}${columns.slice(1).map((column) => column.cell(row)).join("")}</tr>`;

  const out = document.getElementById("tree");
  out.innerHTML = `<div class="filters"><input type="search" id="filter" placeholder="Filter files" aria-label="Filter files" autocomplete="off" spellcheck="false">
    <label><input type="checkbox" id="gaps-only"> with gaps only</label><label><input type="checkbox" id="flat"> without folders</label>
    <span class="folds"><button type="button" id="unfold">Unfold</button><button type="button" id="fold">Fold</button></span>
    <span id="found" role="status"></span></div>
    <table class="listing"><thead><tr>${columns.map((column) => `<th scope="col" class="${column.css || "name"}" data-id="${column.id}"><button type="button"><bdi>${
      esc(column.label)}</bdi><i aria-hidden="true"></i></button></th>`).join("")}</tr></thead><tbody id="body"></tbody></table><div id="end"></div>`;
  const body = document.getElementById("body");
  const filter = document.getElementById("filter");

  function more(upTo) {
    if (drawn >= rows.length) return;
    const next = rows.slice(drawn, upTo || drawn + BATCH);
    drawn += next.length;
    body.insertAdjacentHTML("beforeend", next.map(drawRow).join(""));
  }

  function draw(least) {
    build();
    drawn = 0;
    body.textContent = "";
    more(Math.max(BATCH, least || 0));
    if (!rows.length) body.innerHTML = `<tr><td class="empty" colspan="${columns.length}">${files.length ? "No file matches." : "No files."}</td></tr>`;
    for (const head of out.querySelectorAll("thead th")) {
      if (head.dataset.id === state.sort) head.setAttribute("aria-sort", state.turned > 0 ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    }
    document.getElementById("found").textContent = matched.length < files.length ? `${count(matched.length)} of ${count(files.length)}` : "";
    for (const id of ["fold", "unfold"]) document.getElementById(id).disabled = state.flat;
    state.open = [...open];
    covey.keep("sessionStorage", "index:" + location.pathname, JSON.stringify(state));
  }

  function sortBy(id) {
    const column = columns.find((one) => one.id === id);
    state.turned = state.sort === id ? -state.turned : column.first;
    state.sort = id;
    draw();
  }

  function toggle(button, to) {
    const path = button.dataset.path;
    const index = [...body.querySelectorAll(".fold")].indexOf(button);
    if (to === undefined ? open.has(path) : !to) open.delete(path); else open.add(path);
    draw(drawn);
    body.querySelectorAll(".fold")[index]?.focus();
  }

  out.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.classList.contains("fold")) toggle(button);
    else if (button.id === "fold") { open = new Set(); draw(); }
    else if (button.id === "unfold") { open = new Set(folders.map((folder) => folder.path)); draw(); }
    else if (button.closest("thead")) sortBy(button.closest("th").dataset.id);
  });
  filter.addEventListener("input", () => { state.text = filter.value; draw(); });
  for (const [id, field] of [["gaps-only", "gaps"], ["flat", "flat"]]) {
    const box = document.getElementById(id);
    box.checked = state[field];
    box.addEventListener("change", () => { state[field] = box.checked; draw(); });
  }
  new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting)) { more(); watch(); } }, { rootMargin: "800px" })
    .observe(document.getElementById("end"));
  // An end that stays in view gives no new event: go on until it is out of view.
  function watch() {
    if (drawn < rows.length) requestAnimationFrame(() => {
      if (document.getElementById("end").getBoundingClientRect().top < innerHeight + 800) { more(); watch(); }
    });
  }
  addEventListener("scroll", watch, { passive: true });
  addEventListener("beforeprint", () => more(rows.length));

  const inside = () => body.contains(document.activeElement);  // elsewhere arrows scroll
  function move(by) {
    const stops = [...body.querySelectorAll("a, .fold")];
    const here = stops.indexOf(document.activeElement);
    const next = stops[here < 0 ? (by > 0 ? 0 : stops.length - 1) : here + by];
    if (!next) return false;
    next.focus();
    next.scrollIntoView({ block: "nearest" });
    return true;
  }
  const onFold = (to) => () => {
    const button = document.activeElement;
    if (!button.classList.contains("fold") || (button.getAttribute("aria-expanded") === "true") === to) return false;
    toggle(button, to);
    return true;
  };
  const flip = (id) => () => document.getElementById(id).click();

  covey.keys.push(
    { keys: ["/"], what: "Filter files", run: () => { filter.focus(); filter.select(); } },
    { keys: ["Escape"], what: "Clear the filter", run: () => {
      if (!state.text) return filter === document.activeElement ? filter.blur() : false;
      state.text = filter.value = "";
      draw();
    } },
    { keys: ["j", "ArrowDown"], what: "Next row", run: (event) => (event.key === "j" || inside()) && move(1) },
    { keys: ["k", "ArrowUp"], what: "Previous row", run: (event) => (event.key === "k" || inside()) && move(-1) },
    { keys: ["ArrowRight"], what: "Unfold the folder", run: onFold(true) },
    { keys: ["ArrowLeft"], what: "Fold the folder", run: onFold(false) },
    { keys: ["e"], what: "Unfold all", run: flip("unfold") },
    { keys: ["c"], what: "Fold all", run: flip("fold") },
    { keys: ["f"], what: "With or without folders", run: flip("flat") },
    { keys: ["g"], what: "Files with gaps only", run: flip("gaps-only") },
    { keys: ["m"], what: "Sort by what was missed", run: () => sortBy("missed") },
    { keys: ["l"], what: "Sort by share", run: () => sortBy(columns[1].id) },
    { keys: ["n"], what: "First gap of the first file shown here", run: () => {
      const file = rows.find((row) => !row.folder && gappy(row)) || matched.find(gappy);
      if (file) location.href = "files/" + file.page + "#first";
    } },
  );

  filter.value = state.text;
  draw();
})();
