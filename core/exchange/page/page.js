"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const rings = JSON.parse(document.getElementById("outlines").textContent);
  const get = (id) => document.getElementById(id);
  const colours = ["#e0602a", "#4a80f0", "#2a9d55", "#bf52d4", "#c98618", "#1a9db8", "#df4f78", "#7a9f2a"];  // on light and dark
  const used = [...new Set(data.reports.map((report) => report.form))].sort();
  const colour = Object.fromEntries(used.map((form, i) => [form, colours[i % colours.length]]));
  const nameOf = (form) => (data.forms[form] && data.forms[form].title) || form;
  const words = (report) => report.words ??= [report.title, report.where, report.category, report.author, report.id,
    ...report.fields.flatMap((field) => field.slice(1).flat())].join(" ").toLowerCase();

  const chosen = { off: new Set(), from: "", until: "", words: "", conflicts: false, report: null, rows: 100 };
  let shown = [];

  // Small builders: everything people wrote goes in as text, never as markup.
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (name === "style") element.style.cssText = value;
      else element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  };
  const dot = (form) => make("span", { class: "dot", style: `background:${colour[form]}` });
  const gone = (report) => report.retracted !== undefined;
  const number = (value) => value.toLocaleString("en");
  const wide = () => window.matchMedia("(min-width: 901px)").matches;

  // -- Filters --------------------------------------------------------------------------------------------------
  const fits = (report) => !chosen.off.has(report.form) && (!chosen.from || (report.day && report.day >= chosen.from)) &&
    (!chosen.until || (report.day && report.day <= chosen.until)) && (!chosen.conflicts || report.conflicts > 0) &&
    (!chosen.words || chosen.words.split(/\s+/).every((word) => words(report).includes(word)));

  const refresh = () => {
    shown = data.reports.filter(fits);
    figures(); tables(); list(); draw(); drawTime();
  };

  const figures = () => {
    const rows = [["reports", shown.length], ["on the map", shown.filter((r) => r.at).length],
      ["with a conflict", shown.filter((r) => r.conflicts > 0).length]];
    get("figures").replaceChildren(...rows.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, number(value)))));
  };

  // -- Tables ---------------------------------------------------------------------------------------------------
  const tally = (key) => {
    const counts = new Map();
    for (const report of shown) { const name = key(report) || "(unknown)"; counts.set(name, (counts.get(name) || 0) + 1); }
    return [...counts];
  };
  const fill = (id, rows, label = (name) => name) => get(id).replaceChildren(make("tbody", {}, ...rows.slice(0, 12).map(([name, count]) =>
    make("tr", {}, make("td", {}, ...[label(name)].flat()), make("td", { class: "number" }, number(count))))),
    ...(rows.length > 12 ? [make("caption", { class: "quiet", style: "caption-side:bottom;text-align:left" }, `and ${number(rows.length - 12)} more`)] : []));
  const tables = () => {
    const largest = (a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1);
    fill("by-type", tally((r) => r.form).sort(largest), (form) => [dot(form), " ", nameOf(form)]);
    fill("by-place", tally((r) => r.where).sort(largest));
    fill("by-day", tally((r) => r.day).sort((a, b) => (a[0] < b[0] ? 1 : -1)));
  };
  const list = () => {
    const rows = shown.slice(0, chosen.rows).map((report) => {
      const open = () => { choose(report); if (report.at) centre(report.at); get(wide() ? "map" : "detail").scrollIntoView({ block: "nearest" }); };
      return make("tr", { tabindex: 0, onclick: open, onkeydown: (event) => { if (event.key === "Enter") open(); } },
        make("td", { class: "day" }, report.day || "(no day)"), make("td", { class: "kind" }, dot(report.form), " ", nameOf(report.form)),
        make("td", { class: gone(report) ? "what gone" : "what" }, (report.title || "(no title)").slice(0, 140)),
        make("td", { class: "where" }, report.where || ""), make("td", { class: "status" }, report.statuses ? report.statuses.join(" / ") : report.status),
        make("td", { class: "flag" }, report.conflicts ? `${number(report.conflicts)} in conflict` : ""));
    });
    get("list").replaceChildren(make("thead", {}, make("tr", {}, ...["Day", "Type", "What", "Where", "Status", ""].map((h) => make("th", {}, h)))), make("tbody", {}, ...rows));
    get("more").hidden = shown.length <= chosen.rows;
  };

  // A field is [label, value], or in a conflict [label, [value, author], [value, author] ...]; null is cleared. A label is
  // a number of the form's labels, a path, or one of these with the number of the repeat's item: [label, item].
  const labelOf = (report, label) => {
    if (Array.isArray(label)) return `${labelOf(report, label[0])} (${label[1]})`;
    return typeof label === "number" ? data.forms[report.form].labels[label] : label;
  };
  const valueOf = (value) => (value === null ? make("i", { class: "quiet" }, "cleared") : value);
  const cellOf = (values) => values.length === 1 ? [valueOf(values[0])] : [make("div", { class: "conflict" }, make("b", {}, "Conflict"),
    ...values.map(([value, author]) => make("div", {}, valueOf(value), make("span", { class: "quiet" }, ` by ${author}`))))];
  const choose = (report) => {
    chosen.report = report;
    const row = (label, values) => make("tr", {}, make("th", { scope: "row" }, label), make("td", {}, ...cellOf(values)));
    const facts = [nameOf(report.form), report.statuses ? "" : report.status, report.level, `by ${report.author}`, `report ${report.id}`];
    get("detail").replaceChildren(make("h3", { class: gone(report) ? "gone" : "" }, report.title ? report.title.slice(0, 200) : nameOf(report.form)),
      make("p", { class: "quiet" }, facts.filter(Boolean).join(" · ")),
      gone(report) ? make("p", { class: "flag" }, `Retracted: ${report.retracted || "without a reason"}`) : "",
      make("table", {}, make("tbody", {}, ...(report.statuses ? [make("tr", {}, make("th", { scope: "row" }, "Status"), make("td", {},
        make("div", { class: "conflict" }, make("b", {}, "Conflict"), ...report.statuses.map((status) => make("div", {}, status)))))] : []),
        ...report.fields.map(([label, ...values]) => row(labelOf(report, label), values)))));
    get("detail").scrollTop = 0;
    draw();
  };

  // -- Map: plate carrée, drawn on a canvas ---------------------------------------------------------------------
  const canvas = get("map"), context = canvas.getContext("2d");
  const view = { x: 0, y: 20, scale: 2 };  // centre in degrees, pixels a degree
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const size = (target) => {
    const ratio = window.devicePixelRatio || 1, box = target.getBoundingClientRect();
    target.width = Math.round(box.width * ratio); target.height = Math.round(box.height * ratio);
    target.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    return box;
  };
  const toScreen = ([lon, lat], box) => [box.width / 2 + (lon - view.x) * view.scale, box.height / 2 - (lat - view.y) * view.scale];
  const land = new Path2D();
  for (const ring of rings) {
    let x = ring[0], y = ring[1];
    land.moveTo(x / 10, -y / 10);
    // A step of half the world crosses the date line: the ring goes on beyond it.
    for (let i = 2; i < ring.length; i += 2) land.lineTo((x += ring[i] - 3600 * Math.round(ring[i] / 3600)) / 10, -(y += ring[i + 1]) / 10);
    land.closePath();
  }
  const radius = () => Math.max(2.2, Math.min(7, 2 + Math.log2(view.scale)));
  const draw = () => {
    const box = size(canvas);
    context.clearRect(0, 0, box.width, box.height);
    context.save();
    context.translate(box.width / 2, box.height / 2); context.scale(view.scale, view.scale); context.translate(-view.x, view.y);
    context.fillStyle = style("--land"); context.strokeStyle = style("--border"); context.lineWidth = 0.8 / view.scale;
    for (const turn of [0, -360, 720]) { context.translate(turn, 0); context.fill(land, "evenodd"); context.stroke(land); }  // what lies beyond the date line
    context.restore();
    const r = radius();
    for (const report of shown) {
      if (!report.at) continue;
      const [x, y] = toScreen(report.at, box);
      if (x < -9 || y < -9 || x > box.width + 9 || y > box.height + 9) continue;
      context.beginPath(); context.arc(x, y, r, 0, 7);
      context.globalAlpha = shown.length > 2000 ? 0.55 : 0.8; context.fillStyle = colour[report.form]; context.fill();
      context.globalAlpha = 1;
      if (report.conflicts) { context.lineWidth = 2; context.strokeStyle = style("--mark"); context.stroke(); }
    }
    if (chosen.report && chosen.report.at) {
      const [x, y] = toScreen(chosen.report.at, box);
      context.beginPath(); context.arc(x, y, r + 5, 0, 7); context.lineWidth = 2.5; context.strokeStyle = style("--ink"); context.stroke();
    }
    get("legend").textContent = `${number(shown.filter((report) => report.at).length)} of ${number(shown.length)} reports have a place. Outlines: Natural Earth, coarse, without judgement on borders.`;
  };
  const fit = () => {
    const places = shown.filter((report) => report.at).map((report) => report.at);
    const box = canvas.getBoundingClientRect();
    if (!places.length) { Object.assign(view, { x: 0, y: 20, scale: box.width / 360 }); return draw(); }
    const xs = places.map((p) => p[0]).sort((a, b) => a - b), ys = places.map((p) => p[1]).sort((a, b) => a - b);
    const [west, east, south, north] = [xs[0], xs[xs.length - 1], ys[0], ys[ys.length - 1]];
    view.x = (west + east) / 2; view.y = (south + north) / 2;
    view.scale = Math.min(box.width / (east - west + 4), box.height / (north - south + 4), 120);
    draw();
  };
  const zoom = (factor, at) => {
    const box = canvas.getBoundingClientRect(), [px, py] = at || [box.width / 2, box.height / 2];
    const next = Math.max(1.5, Math.min(4000, view.scale * factor)), lon = view.x + (px - box.width / 2) / view.scale, lat = view.y - (py - box.height / 2) / view.scale;
    view.x = lon - (px - box.width / 2) / next; view.y = lat + (py - box.height / 2) / next; view.scale = next;
    draw();
  };
  const centre = (at) => { [view.x, view.y] = at; view.scale = Math.max(view.scale, 12); draw(); };
  const nearest = (px, py) => {
    const box = canvas.getBoundingClientRect(); let best = null, reach = (radius() + 6) ** 2;
    for (const report of shown) {
      if (!report.at) continue;
      const [x, y] = toScreen(report.at, box), distance = (x - px) ** 2 + (y - py) ** 2;
      if (distance < reach) { best = report; reach = distance; }
    }
    return best;
  };
  // One finger or the mouse drags and chooses, two fingers zoom.
  const fingers = new Map();
  let grip = null;
  const spread = () => { const [a, b] = [...fingers.values()]; return { size: Math.hypot(a.x - b.x, a.y - b.y) || 1, at: [(a.x + b.x) / 2, (a.y + b.y) / 2] }; };
  canvas.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    grip = { x: event.offsetX, y: event.offsetY, vx: view.x, vy: view.y, moved: fingers.size > 1 };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!grip) { canvas.style.cursor = nearest(event.offsetX, event.offsetY) ? "pointer" : "grab"; return; }
    const before = fingers.size === 2 ? spread() : null;
    fingers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    if (fingers.size > 1) { if (before) { const after = spread(); zoom(after.size / before.size, after.at); } return; }
    const dx = event.offsetX - grip.x, dy = event.offsetY - grip.y;
    grip.moved = grip.moved || Math.abs(dx) + Math.abs(dy) > 4;
    view.x = grip.vx - dx / view.scale; view.y = grip.vy + dy / view.scale; draw();
  });
  const lift = (event) => {
    fingers.delete(event.pointerId);
    const report = event.type === "pointerup" && grip && !grip.moved && nearest(event.offsetX, event.offsetY);
    const [left] = fingers.values();
    grip = left ? { ...left, vx: view.x, vy: view.y, moved: true } : null;
    if (report) choose(report);
  };
  canvas.addEventListener("pointerup", lift); canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("wheel", (event) => { event.preventDefault(); zoom(event.deltaY < 0 ? 1.3 : 1 / 1.3, [event.offsetX, event.offsetY]); }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const step = 60 / view.scale, move = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }[event.key];
    if (move) { view.x += move[0]; view.y += move[1]; draw(); event.preventDefault(); }
    if (event.key === "+" || event.key === "=") zoom(1.4);
    if (event.key === "-") zoom(1 / 1.4);
  });

  // -- Over time: one bar a day, week or month, whichever gives at most 180 -------------------------------------
  const drawTime = () => {
    const target = get("time"), box = size(target), pen = target.getContext("2d");
    pen.clearRect(0, 0, box.width, box.height);
    const days = shown.filter((report) => report.day).map((report) => Date.parse(report.day) / 864e5);
    if (!days.length) return;
    const first = days.reduce((a, b) => Math.min(a, b)), last = days.reduce((a, b) => Math.max(a, b));
    const width = [1, 7, 30.44, 365.25].find((step) => (last - first) / step < 180) || 3652.5;
    const bars = new Array(Math.floor((last - first) / width) + 1).fill(0);
    for (const day of days) bars[Math.floor((day - first) / width)]++;
    const top = Math.max(...bars), step = (box.width - 20) / bars.length;
    pen.fillStyle = style("--focus");
    bars.forEach((count, i) => { const height = count / top * (box.height - 34); pen.fillRect(10 + i * step, box.height - 18 - height, Math.max(1, step - 1), height); });
    pen.fillStyle = style("--quiet"); pen.font = "12px system-ui, sans-serif";
    const text = (day) => new Date(day * 864e5).toISOString().slice(0, 10);
    pen.fillText(text(first), 10, box.height - 4); pen.textAlign = "right"; pen.fillText(text(last), box.width - 10, box.height - 4);
    pen.textAlign = "left"; pen.fillText(`most in one ${{ 1: "day", 7: "week", 30.44: "month", 365.25: "year" }[width] || "decade"}: ${number(top)}`, 10, 13);
  };

  // -- Start ----------------------------------------------------------------------------------------------------
  get("title").textContent = data.title || "Reports";
  get("made").textContent = `Made ${data.made_at.replace("T", " ").replace("Z", " UTC")}` + (data.from ? ` from ${data.from}` : "");
  get("types").replaceChildren(...used.map((form) => make("button", { class: "type", type: "button", "aria-pressed": "true", onclick: (event) => {
    chosen.off.has(form) ? chosen.off.delete(form) : chosen.off.add(form);
    event.currentTarget.setAttribute("aria-pressed", String(!chosen.off.has(form))); refresh();
  } }, dot(form), nameOf(form))));
  get("from").addEventListener("change", (event) => { chosen.from = event.target.value; refresh(); });
  get("until").addEventListener("change", (event) => { chosen.until = event.target.value; refresh(); });
  get("words").addEventListener("input", (event) => { chosen.words = event.target.value.toLowerCase().trim(); refresh(); });
  get("only-conflicts").addEventListener("change", (event) => { chosen.conflicts = event.target.checked; refresh(); });
  get("more").addEventListener("click", () => { chosen.rows += 300; list(); });
  get("reset").addEventListener("click", () => {
    Object.assign(chosen, { off: new Set(), from: "", until: "", words: "", conflicts: false });
    for (const id of ["from", "until", "words"]) get(id).value = "";
    get("only-conflicts").checked = false;
    for (const button of get("types").children) button.setAttribute("aria-pressed", "true");
    refresh(); fit();
  });
  get("in").addEventListener("click", () => zoom(1.6)); get("out").addEventListener("click", () => zoom(1 / 1.6)); get("fit").addEventListener("click", fit);
  window.addEventListener("resize", () => { draw(); drawTime(); });
  refresh(); fit();
})();
