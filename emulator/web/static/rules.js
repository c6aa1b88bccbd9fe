// The rules in order of precedence: how many calls each answered, its next reply, and what can be done with it.

import { button, find, make, replaceIfChanged } from "./dom.js";
import { count } from "./format.js";
import * as editor from "./rule_editor.js";
import { request } from "./server.js";

export function show({ rules, total }, act) {
  replaceIfChanged(find("rules"), rules, () => rules.map((rule, place) => itemOf(rule, place, act)));
  find("more-rules").textContent = total > rules.length ? `and ${total - rules.length} more` : total ? "" : "No rules: the desk or “otherwise” answers every call.";
}

function itemOf(rule, place, act) {
  const key = rule.id === null ? `file ${place}` : `added ${rule.id}`;
  const hits = rule.last === null
    ? make("span", { kind: "quiet", text: "no calls" })
    : make("a", { href: `#call-${rule.last}`, text: count(rule.hits, "call"), "data-key": key, "aria-label": `${count(rule.hits, "call")}, open the last, call ${rule.last}` });
  const item = make("li", {}, make("div", { kind: "line" }, make("strong", { text: rule.name }), hits));
  const when = Object.entries(rule.when).map(([field, condition]) => `${field.replace("_", " ")} ${condition}`).join(", ") || "every call";
  item.append(make("p", { kind: "when", text: when }));
  if (rule.chance !== null) item.lastChild.append(" ", make("span", { kind: "tag", text: `${rule.chance.replace("%", " %")} of these calls` }));
  item.append(make("ol", { kind: "replies" }, ...rule.replies.map((reply, index) => replyOf(rule, reply, index))));
  const about = make("p", { kind: "line quiet" }, make("span", { text: rule.id === null ? (rule.source ?? "") : "added at run time" }));
  const spent = rule.times !== null && rule.next === null && rule.per === "rule";
  if (rule.times !== null) about.append(make("span", { text: spent ? "spent" : `${count(rule.times, "time")} at most` }));
  if (rule.id !== null) about.append(actionsOf(rule, key, act));
  item.append(about);
  return item;
}

function replyOf({ replies, next, per, times }, reply, index) {
  const item = make("li", { text: reply });
  const counts = replies.length > 1 || times !== null;
  if (counts && next === index) item.append(" ", make("span", { kind: "tag next", text: "next" }));
  if (replies.length > 1 && per !== "rule" && index === 0) item.append(" ", make("span", { kind: "tag", text: `counted per ${per}` }));
  return item;
}

function actionsOf(rule, key, act) {
  const actions = make("span", { kind: "actions" });
  if (rule.rule !== null) {
    actions.append(button("Edit", () => editor.edit(rule), { "data-key": `${key} edit`, label: `Edit the rule ${rule.name}` }));
  }
  actions.append(button("Remove", () => act(() => request(`rules/${rule.id}`, "DELETE")), { "data-key": `${key} remove`, label: `Remove the rule ${rule.name}` }));
  return actions;
}
