// The journal: a table of what came, newest first, which filters narrow, and one entry of it in full.

import { breakable, find, make, messageText, say, toneOf } from "./dom.js";
import { ask } from "./server.js";

const KEPT = 500;
const FILTERED = ["binding", "session", "node", "auth_code", "rule", "result"];

const rows = new Map(); // id -> { entry, row }, in the order of the ids
let opened = null;

let highest = 0;

export const newest = () => highest;

export function add(entries, { fresh }) {
  const body = find("calls").tBodies[0];
  for (const told of entries) {
    if (rows.has(told.id)) continue;
    const entry = view(told);
    const row = rowOf(entry, fresh);
    rows.set(entry.id, { entry, row });
    body.prepend(row);
    highest = Math.max(highest, entry.id);
  }
  while (rows.size > KEPT) remove([...rows.keys()][0]);
  filter();
}

export function forgetBefore(id) {
  for (const known of [...rows.keys()]) if (known < id) remove(known);
  filter();
}

export function clear() {
  forgetBefore(Infinity);
  highest = 0;
  close();
}

function remove(id) {
  rows.get(id).row.remove();
  rows.delete(id);
}

// An entry as it is shown: every column as text.
function view(told) {
  const refused = told.kind === "refusal";
  const fail = told.reply?.fail;
  const failure = fail && (fail.exception !== undefined ? "exception" : Object.entries(fail)[0].join(" "));
  return {
    id: told.id,
    time: new Date(told.time * 1000).toLocaleTimeString([], { hour12: false }),
    binding: told.binding ?? "",
    session: refused ? "" : String(told.session),
    node: refused ? "" : String(told.node),
    auth_code: refused ? "" : (told.auth_code ?? "(none)"),
    rule: refused ? told.reason : (told.rule ?? told.decided_by),
    result: refused ? `refused with ${told.status}` : (told.reply.return ?? failure),
    tone: refused ? "idle" : toneOf(told.reply.return ?? "failure"),
    ms: (told.seconds * 1000).toFixed(2),
    delay: told.delay_s ?? 0,
  };
}

function rowOf(entry, fresh) {
  const open = make("button", { type: "button", text: String(entry.id), "aria-label": `Open call ${entry.id}` });
  open.addEventListener("click", () => show(entry.id));
  const cell = (label, text, kind = "") => make("td", { text, kind, "data-label": label });
  const number = make("td", { "data-label": "No.", kind: "number" }, open);
  const badge = make("td", { "data-label": "Result", kind: "wide result" }, make("span", { kind: `badge ${entry.tone}` }, ...breakable(entry.result)));
  return make(
    "tr",
    { kind: fresh ? "new" : "" },
    number,
    cell("Time", entry.time, "number"),
    cell("Binding", entry.binding),
    cell("Session", entry.session, "number"),
    cell("Node", entry.node, "number"),
    cell("Auth code", entry.auth_code),
    cell("Rule", entry.rule, "wide"),
    badge,
    cell("ms", entry.ms, "number"),
  );
}

export function filter() {
  const wanted = new FormData(find("filters"));
  const least = Number.parseFloat(wanted.get("ms")) || 0;
  const words = FILTERED.map((name) => [name, wanted.get(name).trim().toLowerCase()]).filter(([, word]) => word);
  let shown = 0;
  for (const { entry, row } of rows.values()) {
    const fits = words.every(([name, word]) => entry[name].toLowerCase().includes(word)) && Number(entry.ms) >= least;
    row.hidden = !fits;
    shown += fits;
  }
  find("shown").textContent = rows.size ? `${shown} of the last ${rows.size} shown` : "Nothing came yet.";
}

export async function show(id) {
  const full = await ask(`calls/${id}`);
  const entry = view(full);
  rows.get(opened)?.row.classList.remove("open");
  rows.get(id)?.row.classList.add("open");
  opened = id;
  find("call-title").textContent = `${full.kind === "refusal" ? "Refusal" : "Call"} ${id}`;
  say(find("call-summary"), summary(full, entry));
  find("near").replaceChildren(...nearMisses(full));
  say(find("call-request"), messageText(full.request));
  say(find("call-answer"), messageText(full.answer));
  find("call").hidden = false;
  find("call-title").focus();
}

function summary(full, entry) {
  if (full.kind === "refusal") return full.reason;
  const by = full.rule === null ? full.decided_by : `rule ${full.rule}${full.source ? ` (${full.source})` : ""}`;
  return `${entry.result}, decided by ${by}${entry.delay ? `, after ${entry.delay} s` : ""}`;
}

function nearMisses(full) {
  if (!full.near_misses.length) return [];
  const items = full.near_misses.map((miss) => make("li", { text: `${miss.rule}: ${miss.reason}` }));
  return [make("h4", { text: "Near misses" }), make("ul", {}, ...items)];
}

export function close() {
  find("call").hidden = true;
  const row = rows.get(opened)?.row;
  row?.classList.remove("open");
  row?.querySelector("button").focus();
  opened = null;
}
