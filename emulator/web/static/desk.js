// The desk: a line for each session and person. A status can be changed; an id or a code fills in the form.

import { button, find, make, setText } from "./dom.js";
import { use } from "./sender.js";
import { request } from "./server.js";

const TONES = {
  active: "ok", online: "ok",
  waiting: "warn", connecting: "warn", incoming: "warn", outgoing: "warn", on_hold: "warn", away: "warn", busy: "warn",
  offline: "bad", disabled: "bad", deleted: "bad", closed: "idle", timed_out: "idle",
};

export function show({ administrators, technicians, sessions }, act) {
  find("no-desk").hidden = administrators.length + technicians.length + sessions.length > 0;
  const names = new Map(technicians.map((who) => [who.node, who.name]));
  const change = (path) => (status) => act(() => request(`desk/${path}`, "PUT", { status }));
  cards("sessions", sessions, ({ id, customer, node, status }) => ({
    key: id, title: customer ?? `Session ${id}`, detail: node === null ? "" : `at ${names.get(node) ?? `node ${node}`}`,
    status, field: "session", value: id, change: change(`sessions/${id}`),
  }));
  cards("technicians", technicians, ({ node, name, status }) => ({
    key: node, title: name, detail: "", status, field: "node", value: node, change: change(`technicians/${node}`),
  }));
  cards("administrators", administrators, ({ name, role, auth_code: code, status }) => ({
    key: name, title: name, detail: role === "administrator" ? "" : role, status, field: "auth_code", value: code, change: null,
  }));
}

function cards(id, people, viewOf) {
  find(`${id}-part`).hidden = !people.length;
  const list = find(id);
  const known = new Map([...list.children].map((card) => [card.dataset.card, card]));
  const views = people.map(viewOf);
  if (views.length !== known.size || views.some((view) => !known.has(String(view.key)))) {
    known.clear();
    list.replaceChildren(...views.map((view) => cardOf(id, view, known)));
  }
  for (const view of views) update(known.get(String(view.key)), view);
}

function cardOf(id, view, known) {
  const name = make("span", { kind: "name" }, make("strong"), make("span", { kind: "quiet" }));
  const value = button("", () => use(view.field, value.textContent), { class: "fill" });
  const card = make("li", { "data-card": String(view.key) }, name, value);
  if (view.change) {
    const select = find("statuses").content.querySelector(`[data-of=${id}]`).cloneNode(true);
    select.setAttribute("aria-label", `State of ${view.title}`);
    select.addEventListener("change", () => view.change(select.value));
    card.append(select);
  } else {
    card.append(make("span", { kind: "status" }));
  }
  known.set(String(view.key), card);
  return card;
}

function update(card, { title, detail, status, field, value }) {
  const [name, fill, state] = card.children;
  card.className = TONES[status] ?? "idle";
  setText(name.firstChild, title);
  setText(name.lastChild, detail);
  setText(fill, String(value));
  fill.setAttribute("aria-label", `Use ${field.replace("_", " ")} ${fill.textContent} in the call`);
  if (state.tagName === "SELECT") {
    if (document.activeElement !== state || state.value === status) state.value = status;
  } else {
    setText(state, status.replace("_", " "));
  }
}
