// The rules in order of precedence, with the number of calls that each answered, and the last of them.

import { find, make } from "./dom.js";
import { show as showCall } from "./journal.js";

let shown = "";

export function show({ rules, total }) {
  const state = JSON.stringify([rules, total]);
  if (state === shown) return;
  shown = state;
  const focused = find("rules").contains(document.activeElement) ? document.activeElement.dataset.rule : null;
  find("rules").replaceChildren(...rules.map(itemOf));
  if (focused !== null) find("rules").querySelector(`[data-rule="${CSS.escape(focused)}"]`)?.focus();
  find("more-rules").textContent = total > rules.length ? `and ${total - rules.length} more` : total ? "" : "No rules.";
}

function itemOf(rule, place) {
  const hits = make("span", { kind: `badge ${rule.hits ? "ok" : ""}`, text: rule.hits === 1 ? "1 call" : `${rule.hits} calls` });
  const line = make("div", { kind: "line" }, make("strong", { text: rule.name }), hits);
  const when = Object.entries(rule.when).map(([field, condition]) => `${field} ${condition}`).join(", ") || "every call";
  const item = make("li", {}, line, make("p", { text: `${when} → ${rule.replies.join(", then ")}` }));
  const source = rule.id === null ? (rule.source ?? "") : "added at run time";
  const about = make("p", { kind: "quiet", text: source });
  if (rule.last !== null) {
    const last = make("button", { type: "button", text: `last: call ${rule.last}`, "data-rule": String(place) });
    last.addEventListener("click", () => showCall(rule.last).catch(() => last.replaceWith("the last call is no longer in the journal")));
    about.append(" ", last);
  }
  item.append(about);
  return item;
}
