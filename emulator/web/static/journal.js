// The journal: a table of entries, the newest first, with filters, and the details of one entry.

import { breakable, find, make, messageText, setText, toneOf } from "./dom.js";
import { request } from "./server.js";

const MAX_ROWS = 500;
const FILTER_FIELDS = ["binding", "session", "node", "auth_code", "rule", "result"];

const rows = new Map(); // id -> { entry, row }, in the order of the ids
let opened = null;

let highest = 0;

export const newest = () => highest;

export function add(entries, { fresh }) {
  const body = find("calls").tBodies[0];
  for (const data of entries) {
    if (rows.has(data.id)) continue;
    const entry = view(data);
    const row = rowOf(entry, fresh);
    rows.set(entry.id, { entry, row });
    body.prepend(row);
    highest = Math.max(highest, entry.id);
  }
  while (rows.size > MAX_ROWS) remove([...rows.keys()][0]);
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

// Return the columns of an entry as texts.
function view(data) {
  const refused = data.kind === "refusal";
  const fail = data.reply?.fail;
  const failure = fail && (fail.exception !== undefined ? "exception" : Object.entries(fail)[0].join(" "));
  return {
    id: data.id,
    time: new Date(data.time * 1000).toLocaleTimeString([], { hour12: false }),
    binding: data.binding ?? "",
    session: refused ? "" : String(data.session),
    node: refused ? "" : String(data.node),
    auth_code: refused ? "" : (data.auth_code ?? "(none)"),
    rule: refused ? data.reason : (data.rule ?? data.decided_by),
    result: refused ? `refused with ${data.status}` : (data.reply.return ?? failure),
    tone: refused ? "idle" : toneOf(data.reply.return ?? "failure"),
    ms: (data.decided_s * 1000).toFixed(2),
    delay: data.delay_s ?? 0,
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
  const filters = new FormData(find("filters"));
  const minimum = Number.parseFloat(filters.get("ms")) || 0;
  const words = FILTER_FIELDS.map((name) => [name, filters.get(name).trim().toLowerCase()]).filter(([, word]) => word);
  let shown = 0;
  for (const { entry, row } of rows.values()) {
    const matches = words.every(([name, word]) => entry[name].toLowerCase().includes(word)) && Number(entry.ms) >= minimum;
    row.hidden = !matches;
    shown += matches;
  }
  find("shown").textContent = rows.size ? `${shown} of the last ${rows.size} shown` : "No calls yet.";
}

export async function show(id) {
  const full = await request(`calls/${id}`);
  const entry = view(full);
  rows.get(opened)?.row.classList.remove("open");
  rows.get(id)?.row.classList.add("open");
  opened = id;
  find("call-title").textContent = `${full.kind === "refusal" ? "Refusal" : "Call"} ${id}`;
  setText(find("call-summary"), summary(full, entry));
  find("near").replaceChildren(...nearMisses(full));
  setText(find("call-request"), messageText(full.request));
  setText(find("call-answer"), messageText(full.answer));
  find("call").hidden = false;
  find("call-title").focus();
}

function summary(full, entry) {
  const got = full.delivered && full.delivered !== "whole" ? `, ${full.delivered}` : "";
  const remarks = full.remarks.map((remark) => `; ${remark}`).join("");
  if (full.kind === "refusal") return full.reason.replace(/\.$/, "") + got + remarks;
  const by = full.rule === null ? full.decided_by + (full.reason && ` (${full.reason})`) : `rule ${full.rule}${full.source ? ` (${full.source})` : ""}`;
  return `${entry.result}, decided by ${by}${entry.delay ? `, after ${entry.delay} s` : ""}${got}${remarks}`;
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
