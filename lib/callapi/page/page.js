// The page of a node: asks the methods of administration and hears its events over one WebSocket. What comes from the
// network is put into the page as text alone.
"use strict";

const $ = (id) => document.getElementById(id);
const POLL_MS = 2000;
const CHART_POINTS = 300; // of POLL_MS each
const CALLS_MAX = 200;
const CDRS_MAX = 50;
const RETRY_MS = [500, 1000, 2000, 5000, 10000];
const ANSWER_MS = 10000;

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function svg(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// The connection: calls with their answers, events, and its own return.
const link = {
  socket: null, tries: 0, last: 0, waiting: new Map(), token: sessionStorage.getItem("token") || "",

  open() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const words = this.token ? ["tandem", "bearer." + base64url(this.token)] : [];
    const socket = new WebSocket(`${scheme}//${location.host}/rpc`, words);
    let wasOpen = false;
    this.socket = socket;
    show("wait", "connecting");
    socket.onopen = () => { wasOpen = true; this.tries = 0; show("on", location.host); begin(); };
    socket.onmessage = (message) => this.take(JSON.parse(message.data));
    socket.onclose = () => {
      for (const { fail } of this.waiting.values()) fail(new Error("the connection is lost"));
      this.waiting.clear();
      show("off", "not connected");
      if (wasOpen) this.again(); else this.askWhy();
    };
  },

  again() {
    setTimeout(() => this.open(), RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]);
  },

  // A browser does not say why a WebSocket was refused; the same question by HTTP does.
  async askWhy() {
    const headers = this.token ? { Authorization: "Bearer " + this.token } : {};
    let status = 0;
    try { status = (await fetch("/metrics", { headers, cache: "no-store" })).status; } catch { /* it is down */ }
    if (status === 401) return logIn();
    if (status === 429) show("off", "too many wrong tokens; a moment");
    this.again();
  },

  call(method, params) {
    return new Promise((done, fail) => {
      const id = ++this.last;
      const timer = setTimeout(() => { this.waiting.delete(id); fail(new Error("no answer")); }, ANSWER_MS);
      const over = (then) => (value) => { clearTimeout(timer); then(value); };
      this.waiting.set(id, { done: over(done), fail: over(fail) });
      try {
        this.socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params: params || {} }));
      } catch (error) {
        this.waiting.delete(id);
        over(fail)(error);
      }
    });
  },

  take(message) {
    if (message.method === "Event") return hear(message.params);
    const asked = this.waiting.get(message.id);
    if (!asked) return;
    this.waiting.delete(message.id);
    if (message.error) asked.fail(new Error(message.error.message)); else asked.done(message.result);
  },
};

const base64url = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)))
  .replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

function show(state, text) {
  $("link").dataset.state = state;
  $("link").textContent = text;
}

function logIn() {
  show("off", "token wanted");
  $("login-note").textContent = link.token ? "That token is not the right one."
    : "This server asks for the token of its [admin] section.";
  if (!$("login").open) $("login").showModal();
}

$("login").addEventListener("close", () => {
  link.token = $("token").value;
  $("token").value = "";
  sessionStorage.setItem("token", link.token);
  link.open();
});

// What is asked again and again; each question waits for the answer to the one before.
const polls = [];
function every(ms, ask) {
  const poll = { ms, ask, timer: 0, isAsking: false, isWanted: false };
  polls.push(poll);
  return poll;
}

async function run(poll) {
  clearTimeout(poll.timer);
  if (poll.isAsking) { poll.isWanted = true; return; }
  poll.isAsking = true;
  poll.isWanted = false;
  try { await poll.ask(); } catch { /* the next one will say */ }
  poll.isAsking = false;
  if (link.socket.readyState !== WebSocket.OPEN) return;
  poll.timer = setTimeout(() => run(poll), poll.isWanted ? 200 : poll.ms);
}

// Soon, and once for all that happens in a moment.
function soon(poll) {
  if (poll.isAsking) { poll.isWanted = true; return; }
  clearTimeout(poll.timer);
  poll.timer = setTimeout(() => run(poll), 200);
}

async function begin() {
  for (const poll of polls) run(poll);
  for (const event of ["dialog.state", "cdr", "trunk.state"]) {
    link.call("EventSubscribe", { event }).catch(() => { /* the polls show it, later */ });
  }
}

function hear(event) {
  if (event.event === "trunk.state") soon(trunks);
  if (event.event === "cdr" || event.event === "gap") soon(cdrs);
  if (event.event === "dialog.state" || event.event === "gap") { soon(counts); soon(calls); soon(profiles); }
}

// Counts and the chart.
const points = [];
let seen = []; // what was processed, of the last minute
const counts = every(POLL_MS, async () => {
  const now = await link.call("dlg.stats_active");
  const early = now.starting + now.connecting;
  $("early").textContent = early;
  $("active").textContent = now.ongoing;
  $("failed").textContent = now.failed;
  $("limited").textContent = now.limited;
  const at = performance.now();
  if (seen.length && now.processed < seen.at(-1).processed) seen = []; // it has been restarted
  seen.push({ at, processed: now.processed });
  while (seen.length > 1 && at - seen[0].at > 60000) seen.shift();
  const minutes = (at - seen[0].at) / 60000;
  $("rate").textContent = minutes ? Math.round((now.processed - seen[0].processed) / minutes) : "\u2013";
  if (points.length === 0 || at - points.at(-1).at >= POLL_MS * .9) {
    points.push({ at, early, active: now.ongoing });
    if (points.length > CHART_POINTS) points.shift();
  }
  draw();
});

function draw() {
  const top = Math.max(1, ...points.map((one) => Math.max(one.early, one.active)));
  const x = (i) => (CHART_POINTS - points.length + i) * 600 / (CHART_POINTS - 1);
  const line = (name) => svg("polyline", { class: name,
    points: points.map((one, i) => `${x(i).toFixed(1)},${(98 - one[name] * 94 / top).toFixed(1)}`).join(" ") });
  $("chart").replaceChildren(svg("svg", { viewBox: "0 0 600 100", preserveAspectRatio: "none" },
    svg("line", { x1: 0, x2: 600, y1: 98, y2: 98 }), svg("line", { x1: 0, x2: 600, y1: 4, y2: 4 }),
    line("early"), line("active")));
  $("span").textContent = `\u00b7 highest ${top} \u00b7 last ${CHART_POINTS * POLL_MS / 60000} minutes`;
}

// Profiles and trunks.
const none = (text) => element("li", { class: "soft" }, text);

const profiles = every(POLL_MS, async () => {
  const { items } = await link.call("dlg.profiles");
  $("profiles").replaceChildren(...(items.length ? items.map((one) => {
    const limit = one.has_values ? 0 : one.limit;
    const size = limit ? `${one.size} of ${limit}` : one.has_values ? `${one.size} in ${one.values} values` : one.size;
    const row = element("li", { "data-name": one.name },
      element("div", { class: "row" }, element("span", {}, one.name),
        element("span", { class: "soft" }, String(size))));
    if (limit) row.append(element("meter", { min: 0, max: limit, value: one.size, high: limit * .8, optimum: 0 }));
    if (one.refused) row.append(element("small", { class: "bad" }, `${one.refused} refused`));
    return row;
  }) : [none("none is declared")]));
});

const trunks = every(5 * POLL_MS, async () => {
  const { items } = await link.call("trunk.list");
  $("trunks").replaceChildren(...(items.length ? items.map((one) => {
    const isBad = one.registers && one.failures > 0;
    const state = one.registers ? one.state || "unknown" : "no registration";
    const text = isBad ? `${state} ${one.status || ""} ${one.reason || ""}` : state;
    return element("li", { "data-name": one.name },
      element("div", { class: "row" }, element("span", {}, one.name),
        element("span", { class: isBad ? "bad" : "soft" }, text)),
      element("small", { class: "soft" }, one.uri));
  }) : [none("none is configured")]));
});

// Calls.
const party = (uri) => uri.replace(/^sips?:/, "").replace(/[;?].*$/, "");

function span(us) {
  const seconds = Math.max(0, Math.floor(us / 1e6));
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

let listed = []; // with the time that each was asked at
const calls = every(POLL_MS, async () => {
  const word = $("filter").value.trim();
  const pattern = word.includes("*") ? word : `*${word}*`;
  const filters = word ? [{ from: pattern }, { to: pattern }] : [{}];
  const found = new Map();
  let isMore = false;
  for (const filter of filters) {
    let cursor;
    do {
      const page = await link.call("dlg.list", { filter, limit: CALLS_MAX, ...(cursor && { cursor }) });
      for (const one of page.items) found.set(one.id, one);
      cursor = page.next;
    } while (cursor && found.size < CALLS_MAX);
    isMore ||= Boolean(cursor);
  }
  const at = performance.now();
  listed = [...found.values()].sort((one, other) => other.init_ts - one.init_ts).slice(0, CALLS_MAX);
  for (const one of listed) one.at = at;
  $("calls-shown").textContent = isMore ? `${listed.length} of more` : listed.length || "";
  drawCalls();
});

const lasts = (one) => one.start_ts ? span(one.duration + (performance.now() - one.at) * 1000) : "";

function drawCalls() {
  const body = $("calls").tBodies[0];
  const rows = new Map([...body.rows].map((row) => [row.dataset.id, row]));
  body.replaceChildren(...(listed.length ? listed.map((one) => {
    const row = rows.get(one.id) || element("tr", { "data-id": one.id, tabindex: 0 },
      element("td", { class: "wide" }), element("td", { class: "wide" }), element("td"), element("td"), element("td"));
    const texts = [party(one.from_uri), party(one.to_uri), one.state, lasts(one), one.trunk];
    texts.forEach((text, i) => { if (row.cells[i].textContent !== text) row.cells[i].textContent = text; });
    row.cells[2].dataset.state = one.state;
    row.onclick = () => openLadder(one);
    row.onkeydown = (event) => { if (event.key === "Enter") openLadder(one); };
    return row;
  }) : [element("tr", {}, element("td", { class: "none", colspan: 5 }, "none"))]));
}

setInterval(() => {
  for (const row of $("calls").tBodies[0].rows) {
    const one = listed.find((call) => call.id === row.dataset.id);
    if (one) row.cells[3].textContent = lasts(one);
  }
}, 1000);

$("filter").addEventListener("input", () => soon(calls));

// Records.
const cdrs = every(5 * POLL_MS, async () => {
  const { items } = await link.call("cdr.list", { limit: CDRS_MAX });
  $("cdrs").tBodies[0].replaceChildren(...(items.length ? items.map((one) => {
    const row = element("tr", { "data-id": one.id, tabindex: 0 },
      element("td", {}, new Date(one.ended_us / 1000).toLocaleTimeString()),
      element("td", { class: "wide" }, party(one.from_uri)), element("td", { class: "wide" }, party(one.to_uri)),
      element("td", {}, one.answered_us ? span(one.duration_us) : ""), element("td", {}, String(one.sip_code || "")),
      element("td", {}, one.end_reason.replaceAll("_", " ")));
    row.onclick = () => openLadder(one);
    row.onkeydown = (event) => { if (event.key === "Enter") openLadder(one); };
    return row;
  }) : [element("tr", {}, element("td", { class: "none", colspan: 6 }, "none"))]));
});

// Of the legs of a live call, or of a record.
function callIds(one) {
  const caller = one.caller ? one.caller["call-id"] : one.caller_call_id;
  const callee = one.callee ? one.callee["call-id"] : one.callee_call_id;
  return { ...(caller && { caller }), ...(callee && { callee }) };
}

// The ladder of one call: its messages between the caller, this node and the callee, from top to bottom.
async function openLadder(one) {
  $("ladder-title").textContent = `${party(one.from_uri)} \u2192 ${party(one.to_uri)}`;
  $("ladder-note").textContent = "";
  $("ladder-lines").replaceChildren();
  $("ladder-text").hidden = true;
  if (!$("ladder").open) $("ladder").showModal();
  try {
    const { items, dropped } = await link.call("dlg.messages", callIds(one));
    $("ladder-note").textContent = !items.length
      ? "No message of it is kept: they are while a page like this one is open."
      : dropped ? `The last ${items.length}; ${dropped} before are not kept.` : "";
    if (items.length) $("ladder-lines").replaceChildren(ladder(items));
  } catch (error) {
    $("ladder-note").textContent = error.message;
  }
}

function ladder(items) {
  const sides = { caller: [], callee: [] };
  for (const one of items) {
    const peers = sides[one.leg];
    if (!peers.includes(one.peer)) peers.push(one.peer);
  }
  const columns = [...sides.caller.map((peer) => ["caller", peer]), ["tandem", ""],
    ...sides.callee.map((peer) => ["callee", peer])];
  const width = Math.max(600, columns.length * 200), step = width / columns.length;
  const x = (leg, peer) => step * (columns.findIndex((one) => one[0] === leg && one[1] === peer) + .5);
  const high = 26, head = 44;
  const picture = svg("svg", { viewBox: `0 0 ${width} ${head + items.length * high + 10}` });
  for (const [leg, peer] of columns) {
    const at = x(leg, peer);
    picture.append(svg("text", { x: at, y: 14, "text-anchor": "middle" }, leg),
      svg("text", { x: at, y: 30, "text-anchor": "middle", class: "soft" }, peer),
      svg("line", { x1: at, x2: at, y1: 36, y2: head + items.length * high }));
  }
  items.forEach((one, i) => picture.append(arrow(one, head + (i + 1) * high - 6, x("tandem", ""), x(one.leg, one.peer),
    (one.ts - items[0].ts) / 1000)));
  return picture;
}

function arrow(one, y, node, peer, ms) {
  const [from, to] = one.sent ? [node, peer] : [peer, node];
  const tip = to > from ? -7 : 7;
  const [line] = one.text.split("\r\n", 1);
  const word = line.startsWith("SIP/2.0 ") ? line.slice(8) : line.split(" ", 1)[0];
  const number = /^cseq\s*:\s*(.*)$/im.exec(one.text)?.[1].trim() || "";
  const made = svg("g", { tabindex: 0, role: "button", "aria-pressed": false },
    svg("line", { x1: from, x2: to + tip, y1: y, y2: y, class: "arrow" }),
    svg("path", { d: `M${to},${y} l${tip},-4 l0,8 z`, class: "head" }),
    svg("text", { x: (from + to) / 2, y: y - 5, "text-anchor": "middle" }, `${word.slice(0, 40)} (${number})`),
    svg("text", { x: 4, y: y, class: "soft" }, `${ms.toFixed(ms < 100 ? 1 : 0)} ms`));
  const open = () => {
    for (const other of made.parentNode.querySelectorAll("g")) other.setAttribute("aria-pressed", other === made);
    $("ladder-text").textContent = one.text;
    $("ladder-text").hidden = false;
  };
  made.addEventListener("click", open);
  made.addEventListener("keydown", (event) => { if (event.key === "Enter") open(); });
  return made;
}

for (const button of document.querySelectorAll("[data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}

link.open();
