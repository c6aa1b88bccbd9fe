// The journal: a table of the newest entries, with filters. It fetches what came since, and what changed.

import { find, make, replaceIfChanged, setText } from "./dom.js";
import { count, number, outcomeNodes, viewOf } from "./format.js";
import { request } from "./server.js";

const PAGE = 500; // entries in one response, and rows in the table unless older ones are asked for
const FLOOD_PAGE = 100; // while more calls come than can be shown
const MOST_IDS = 100; // entries that one request asks for again
const UNREPORTED = 10_000; // milliseconds after which an answer was due whose delivery another WSGI server never reports
const ENDLESS = ["stall", "trickle"];

const rows = new Map(); // id -> { entry, row, seen }, the oldest first
const body = find("calls").tBodies[0];
const scroller = find("calls-scroll");
let started = null; // when the emulator started: a new value is a restart
let highest = 0;
let keep = PAGE;
let first = 1; // older entries are no longer in the journal
let current = null; // the id of the row that the Tab key reaches
let opened = null;
let changed = () => {};

export const state = { flooded: false, paused: false };
export const has = (id) => rows.has(id);
export const whenChanged = (act) => { changed = act; };

// Fetch what is new. Return the last response, how many entries came, and whether the emulator was restarted.
export async function update() {
  let page = await request(query());
  const restarted = started !== null && (page.started !== started || page.last < highest);
  if (restarted) {
    clear();
    page = await request(`calls?limit=${PAGE}`);
  }
  started = page.started;
  first = page.first;
  const arrived = page.last - highest;
  forget((id) => id < first);
  if (state.paused) {
    setText(find("paused"), page.found ? `Paused: ${count(page.found, "new call")}` : "Paused");
  } else {
    await merge(page);
    await again();
  }
  find("journal").classList.toggle("empty", page.last < page.first);
  tell(page);
  return { page, restarted, arrived: Math.max(0, arrived) };
}

function query() {
  if (state.paused) return `calls?limit=0&after=${highest}`;
  if (!highest) return `calls?limit=${PAGE}`;
  return state.flooded ? `calls?limit=${FLOOD_PAGE}` : `calls?limit=${PAGE}&after=${highest}`;
}

async function merge(page) {
  const known = highest;
  const oldest = page.calls[0]?.id ?? page.last + 1;
  const isGap = state.flooded ? oldest > known + 1 : known > 0 && page.found > page.calls.length;
  if (isGap && !state.flooded) page = await request(`calls?limit=${FLOOD_PAGE}`);
  if (isGap) forget(() => true); // the table has no gaps: older rows go, and the line below it counts them
  state.flooded = isGap;
  add(page.calls, { isFresh: known > 0 });
  const lowest = rows.keys().next().value;
  if (!isGap && rows.size < PAGE && lowest > first) await older(PAGE - rows.size);
}

// Fetch older entries to the end of the table.
async function older(limit) {
  const lowest = rows.keys().next().value;
  const page = await request(`calls?before=${lowest}&limit=${limit}`);
  const newer = [...rows];
  rows.clear();
  const added = page.calls.filter(({ id }) => id < lowest).map((data) => keepRow(viewOf(data), false));
  for (const [id, each] of newer) rows.set(id, each);
  body.append(...added.reverse());
  filter();
}

export async function showOlder() {
  keep = rows.size + PAGE;
  await older(PAGE);
}

// Ask again for the entries whose answers waited, in turn if there are many.
let turn = 0;
async function again() {
  const waiting = [...rows.values()].filter(({ entry, seen }) => entry.waits && !isUnreported(entry, seen)).map(({ entry }) => entry.id);
  if (!waiting.length) return;
  turn = turn < waiting.length ? turn : 0;
  const ids = waiting.slice(turn, turn + MOST_IDS);
  turn += MOST_IDS;
  const { calls } = await request(`calls?limit=${MOST_IDS}&ids=${ids.join(",")}`);
  const answered = calls.filter(({ id, delivered }) => delivered !== null && rows.has(id));
  for (const data of answered) {
    const known = rows.get(data.id);
    known.entry = viewOf(data);
    redraw(known);
    if (data.id === opened) changed(data.id);
  }
  if (answered.length) filter();
}

function redraw({ entry, row }) {
  const focused = row.contains(document.activeElement);
  row.replaceChildren(...cellsOf(entry));
  if (focused) linkOf(entry.id).focus({ preventScroll: true });
}

function isUnreported(entry, seen) {
  if (ENDLESS.some((fault) => entry.outcome.endsWith(fault))) return false;
  const is = performance.now() - seen > entry.waited * 1000 + UNREPORTED;
  if (is) {
    entry.waits = false;
    entry.state = "not reported";
    redraw(rows.get(entry.id));
  }
  return is;
}

function add(entries, { isFresh }) {
  const added = entries.filter(({ id }) => !rows.has(id)).map((data) => keepRow(viewOf(data), isFresh));
  if (added.length) {
    const before = scroller.scrollHeight;
    const place = scroller.scrollTop;
    body.prepend(...added.reverse());
    if (place > 0) scroller.scrollTop = place + scroller.scrollHeight - before; // what a person reads stays where it is
  }
  for (const id of rows.keys()) {
    if (rows.size <= keep) break;
    remove(id);
  }
  filter();
}

function keepRow(entry, isFresh) {
  const row = make("tr", { kind: isFresh ? "new" : "" }, ...cellsOf(entry));
  row.classList.toggle("open", entry.id === opened);
  row.dataset.id = entry.id;
  rows.set(entry.id, { entry, row, seen: performance.now() });
  highest = Math.max(highest, entry.id);
  return row;
}

function cellsOf(entry) {
  const link = make("a", { href: `#call-${entry.id}`, text: String(entry.id), "aria-label": `Open call ${entry.id}`, tabindex: entry.id === current ? "0" : "-1" });
  const cell = (kind, text) => make("td", { kind, text });
  return [
    make("td", { kind: "no" }, link),
    cell("time", entry.time),
    cell("binding", entry.binding),
    cell("session", entry.session),
    cell("node", entry.node),
    cell("code", entry.code),
    make("td", { kind: "by" }, make("span", { text: entry.by })),
    make("td", { kind: `outcome tone-${entry.kind}` }, make("span", { kind: "line" }, ...outcomeNodes(entry.outcome),
      ...(entry.state ? [make("span", { kind: "tag", text: entry.state })] : []))),
    cell("waited", entry.waitedText),
  ];
}

function forget(isGone) {
  for (const id of [...rows.keys()]) if (isGone(id)) remove(id);
}

function remove(id) {
  rows.get(id).row.remove();
  rows.delete(id);
  if (id === current) current = null;
}

export function clear() {
  forget(() => true);
  highest = 0;
  keep = PAGE;
  started = null;
  state.flooded = false;
  filter();
}

// Each word of the filter must be in some column, or with "column:" before it in that one.
const COLUMNS = { session: "session", node: "node", code: "code", by: "by", rule: "by", result: "outcome", binding: "binding" };

function matcher() {
  const { words, binding, kind, slow } = Object.fromEntries(new FormData(find("filters")));
  const least = Number(slow);
  const tests = words.toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
    const [name, ...rest] = word.split(":");
    const column = rest.length ? COLUMNS[name] : undefined;
    return column
      ? (entry) => entry[column].toLowerCase().includes(rest.join(":"))
      : (entry) => [entry.session, entry.node, entry.code, entry.by, entry.outcome, entry.state, entry.binding].some((text) => text.toLowerCase().includes(word));
  });
  if (binding) tests.push((entry) => entry.binding === binding);
  if (kind) tests.push((entry) => entry.kind === kind);
  if (least) tests.push((entry) => entry.waited >= least);
  return tests.length ? (entry) => tests.every((test) => test(entry)) : null;
}

let matching = null; // how many rows match; null without a filter

export function filter() {
  const matches = matcher();
  matching = matches ? 0 : null;
  for (const { entry, row } of rows.values()) {
    const is = !matches || matches(entry);
    if (row.hidden === is) row.hidden = !is;
    if (matches && is) matching += 1;
  }
  find("clear-filters").hidden = !matches;
  setText(find("shown"), shownText());
  const isUsed = opened !== null || body.contains(document.activeElement);
  if (!isUsed || current === null || rows.get(current).row.hidden) reach(newestVisible());
}

function shownText() {
  if (!rows.size) return "";
  const all = highest - first + 1;
  const newest = all > rows.size ? "the newest " : "";
  if (matching !== null) return `${number(matching)} of ${newest}${number(rows.size)} match`;
  return newest ? `the newest ${number(rows.size)} of ${number(all)}` : `${number(rows.size)} ${rows.size === 1 ? "entry" : "entries"}`;
}

function tell({ dropped, calls }) {
  const lowest = rows.keys().next().value ?? first;
  const kept = rows.size ? Math.max(0, lowest - first) : 0;
  const facts = [];
  if (kept) facts.push(`${number(kept)} older ${kept === 1 ? "entry is" : "entries are"} not shown${state.flooded ? ": calls come faster than a table can show them" : ""}.`);
  if (dropped) facts.push(`${number(dropped)} ${dropped === 1 ? "entry was" : "entries were"} dropped to save memory.`);
  replaceIfChanged(find("older"), facts, () => facts.map((text) => make("span", { text: `${text} ` })));
  find("more").hidden = !kept || state.flooded;
}

const newestVisible = () => [...rows.values()].reverse().find(({ row }) => !row.hidden)?.entry.id ?? null;

// Make a row the one that the Tab key reaches.
function reach(id) {
  linkOf(current)?.setAttribute("tabindex", "-1");
  current = id;
  linkOf(id)?.setAttribute("tabindex", "0");
}

const linkOf = (id) => rows.get(id)?.row.querySelector("a");

export function focusRow(id) {
  const reached = rows.has(id) && !rows.get(id).row.hidden ? id : newestVisible();
  reach(reached);
  (linkOf(reached) ?? find("journal")).focus();
}

// Mark the row of the opened entry; null for none.
export function mark(id) {
  rows.get(opened)?.row.classList.remove("open");
  opened = id;
  if (id === null) return;
  rows.get(id)?.row.classList.add("open");
  if (rows.has(id)) reach(id);
}

const STEPS = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" };

body.addEventListener("keydown", (event) => {
  const row = event.target.closest("tr");
  let next = STEPS[event.key] ? row[STEPS[event.key]] : null;
  while (next?.hidden) next = next[STEPS[event.key]];
  if (event.key === "Home") next = rows.get(newestVisible()).row;
  if (event.key === "End") next = [...rows.values()].find(({ row: each }) => !each.hidden).row;
  if (!next) return;
  event.preventDefault();
  focusRow(Number(next.dataset.id));
  next.scrollIntoView({ block: "nearest" });
});
body.addEventListener("click", ({ target }) => {
  if (!target.closest("a") && !String(getSelection())) target.closest("tr")?.querySelector("a").click();
});
find("filters").addEventListener("input", filter);
find("filters").addEventListener("submit", (event) => event.preventDefault());
find("filters").addEventListener("reset", () => setTimeout(filter));
