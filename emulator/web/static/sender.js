// "Send a call": the emulator itself sends one call, and the page shows what came back or how the connection failed.

import { find, make, say, setText } from "./dom.js";
import { duration, messageText, outcomeNodes } from "./format.js";
import { request } from "./server.js";

const form = find("caller");
const STARTABLE = ["waiting", "incoming", "outgoing", "on_hold"];
const typed = new Set(); // the fields that the person filled in
let sending = null; // the AbortController of the call under way
let example = "";

form.addEventListener("input", ({ target }) => typed.add(target.name));
find("cancel").addEventListener("click", () => sending?.abort());

// Fill in one field, as a person would.
export function use(field, value) {
  form.elements[field].value = value;
  typed.add(field);
  say(`${field.replace("_", " ")} ${value} is in the form`);
}

// Fill in what the scenario in force answers, unless the person typed something else.
export function follow(scenario, desk, { rules }) {
  const own = rules.filter((rule) => rule.id === null);
  const state = JSON.stringify([scenario, own.map((rule) => rule.text), ...Object.values(desk).map((all) => all.map(({ id, auth_code: code, node }) => id ?? code ?? node))]);
  if (state === example) return;
  example = state;
  const values = { ...fromRules(own), ...fromDesk(desk) };
  for (const [field, value] of Object.entries(values)) {
    if (value !== undefined && !typed.has(field)) form.elements[field].value = value;
  }
}

function fromDesk({ administrators, technicians, sessions }) {
  const found = {
    session: sessions.find((each) => STARTABLE.includes(each.status))?.id,
    node: technicians.find((who) => who.status === "online")?.node,
    auth_code: administrators.find((who) => who.status === "active" && who.role === "administrator")?.auth_code,
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

function fromRules(rules) {
  const values = { binding: "soap11", session: 1001, node: 337366, auth_code: "demo-ann" };
  for (const { rule } of rules) {
    const found = Object.entries(rule?.when ?? {}).map(([field, condition]) => [field, literal(condition)]);
    const literals = found.filter(([, value]) => value !== undefined);
    if (literals.length) return { ...values, ...Object.fromEntries(literals) };
  }
  return values;
}

function literal(condition) {
  if (Array.isArray(condition)) return literal(condition[0]);
  return typeof condition === "object" ? condition?.from : condition;
}

const whole = (text) => (/^[+-]?\d+$/.test(text.trim()) ? Number(text) : text); // else the server says what is right

function written() {
  const { binding, session, node, auth_code } = Object.fromEntries(new FormData(form));
  return { binding, session: whole(session), node: whole(node), auth_code };
}

// Send a call, by default that of the form. Cancelling ends the wait, not the call.
export async function send(call = written()) {
  if (sending) return;
  sending = new AbortController();
  busy(true);
  const begin = performance.now();
  const passed = () => duration((performance.now() - begin) / 1000);
  const clock = setInterval(() => setText(find("sent-wait"), passed()), 200);
  setText(find("sent-result"), "waiting for the answer");
  try {
    showAnswer(await request("calls", "POST", call, sending.signal));
  } catch (error) {
    if (error.name !== "AbortError") {
      setText(find("sent-result"), `not sent: ${error.message}`);
      if (error.status !== 422) throw error;
    } else {
      setText(find("sent-result"), `cancelled after ${passed()}; the call itself goes on`);
    }
  } finally {
    clearInterval(clock);
    sending = null;
    busy(false);
  }
}

function busy(is) {
  find("send").hidden = is;
  find("cancel").hidden = !is;
  setText(find("sent-wait"), "");
  if (is) find("sent").hidden = true;
  if (is || document.activeElement === document.body) find(is ? "cancel" : "send").focus({ preventScroll: true });
}

function showAnswer({ request: sent, answer, failure, result, status, answered_s: seconds, call }) {
  const parts = result ? outcomeNodes(result) : [make("span", { text: failure ?? `status ${status}` })];
  const facts = [result && failure, seconds !== null && duration(seconds)].filter(Boolean).join(", ");
  if (facts) parts.push(make("span", { kind: "quiet", text: facts }));
  if (call !== null) parts.push(make("a", { href: `#call-${call}`, text: `call ${call}` }));
  find("sent-result").replaceChildren(...parts.flatMap((part) => [part, " "]));
  setText(find("sent-answer"), answer ? messageText(answer) : "no byte came");
  setText(find("sent-request"), messageText(sent));
  find("sent").hidden = false;
  find("sent").scrollIntoView({ block: "nearest" });
}

// Fill in all fields.
export function fill({ binding, session, node, auth_code: code }) {
  Object.entries({ binding, session, node, auth_code: code ?? "" }).forEach(([field, value]) => {
    form.elements[field].value = value;
    typed.add(field);
  });
}
