// The dialog that adds a rule or changes one, as JSON in the scenario language; problems are shown in place.

import { find, make, say } from "./dom.js";
import { isMasked } from "./format.js";
import { request } from "./server.js";

const dialog = find("rule-editor");
const text = find("rule-json");
const parts = find("rule-parts");
let path = "rules";
let call = null; // the call that the rule is made from
let saved = () => {};

export const whenSaved = (act) => { saved = act; };

export function add() {
  open("Add a rule", "rules", { name: "my rule", when: { session: 1001 }, return: "startSessionRet_OK" });
}

export function edit(rule) {
  open(`Edit the rule ${rule.name}`, `rules/${rule.id}`, rule.rule);
}

// Begin with the values of a call; the person chooses which of them count, and what is answered.
export function fromCall(data) {
  const masked = data.auth_code === null || isMasked(data.auth_code);
  parts.reset();
  parts.elements.auth_code.disabled = masked;
  parts.elements.auth_code.checked = false;
  find("rule-masked").hidden = !isMasked(data.auth_code);
  open(`Answer calls like call ${data.id}`, "rules", null, data);
}

function open(title, target, rule, made = null) {
  find("rule-title").textContent = title;
  path = target;
  call = made;
  parts.hidden = made === null;
  text.value = made ? "" : JSON.stringify(rule, null, 2);
  show([]);
  if (made) compose();
  dialog.showModal();
}

function compose() {
  const chosen = new FormData(parts);
  const when = {};
  for (const field of ["session", "node", "auth_code", "binding"]) if (chosen.has(field)) when[field] = call[field];
  const rule = { name: `like call ${call.id}`, ...(Object.keys(when).length ? { when } : {}), ...JSON.parse(chosen.get("reply")) };
  if (chosen.get("delay").trim()) rule.delay = chosen.get("delay").trim();
  if (chosen.has("once")) rule.times = 1;
  text.value = JSON.stringify(rule, null, 2);
  show([]);
}

function show(problems) {
  find("rule-problems").replaceChildren(...problems.map((problem) => make("li", { text: problem })));
  text.setAttribute("aria-invalid", String(problems.length > 0));
}

async function save() {
  try {
    JSON.parse(text.value);
  } catch (error) {
    return show([`This is not JSON: ${error.message}`]);
  }
  try {
    await request(path, path === "rules" ? "POST" : "PUT", text.value);
  } catch (error) {
    return show(error.content?.problems?.map((each) => each.message) ?? [error.message]);
  }
  dialog.close();
  say(path === "rules" ? "The rule is in force, before all others" : "The rule was changed");
  return saved();
}

parts.addEventListener("input", compose);
parts.addEventListener("submit", (event) => event.preventDefault());
find("rule-save").addEventListener("click", save);
find("rule-cancel").addEventListener("click", () => dialog.close());
find("add-rule").addEventListener("click", add);
