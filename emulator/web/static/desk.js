// The desk: a card for each person and each session, with a status that the user can change.

import { find, make, setText } from "./dom.js";
import { request } from "./server.js";

const TONES = {
  active: "ok", online: "ok",
  waiting: "warn", connecting: "warn", incoming: "warn", outgoing: "warn", on_hold: "warn", away: "warn", busy: "warn",
  offline: "bad", disabled: "bad", deleted: "bad", closed: "idle", timed_out: "idle",
};

const STARTABLE = ["waiting", "incoming", "outgoing", "on_hold"];

// Return a session that can be started and a node that can start it; undefined where there is none.
export function example({ technicians, sessions }) {
  return {
    session: sessions.find((each) => STARTABLE.includes(each.status))?.id,
    node: technicians.find((who) => who.status === "online")?.node,
  };
}

export function show({ administrators, technicians, sessions }, changed, failed) {
  const empty = !administrators.length && !technicians.length && !sessions.length;
  find("no-desk").hidden = !empty;
  const names = new Map(technicians.map((who) => [who.node, who.name]));
  const at = (node) => `at ${names.get(node) ?? `node ${node}`}`;
  const change = (of, key) => (status) => request(`desk/${of}/${key}`, "PUT", { status }).then(changed, failed);
  cards("sessions", sessions, (each) => ({
    key: each.id,
    title: each.customer ?? `Session ${each.id}`,
    detail: `${each.id}${each.node === null ? "" : `, ${at(each.node)}`}`,
    status: each.status,
    change: change("sessions", each.id),
  }));
  cards("technicians", technicians, (who) => ({
    key: who.node, title: who.name, detail: `node ${who.node}`, status: who.status, change: change("technicians", who.node),
  }));
  cards("administrators", administrators, (who) => ({
    key: who.name, title: who.name, detail: `${who.auth_code}, ${who.role}`, status: who.status, change: null,
  }));
}

function cards(id, people, viewOf) {
  const list = find(id);
  const title = find(`${id}-title`);
  list.hidden = title.hidden = !people.length;
  const known = new Map([...list.children].map((card) => [card.dataset.key, card]));
  const views = people.map(viewOf);
  if (views.length !== known.size || views.some((view) => !known.has(String(view.key)))) {
    known.clear();
    list.replaceChildren(...views.map((view) => cardOf(id, view, known)));
  }
  for (const view of views) update(known.get(String(view.key)), view);
}

function cardOf(id, view, known) {
  const card = make("li", { "data-key": String(view.key) }, make("strong"), make("span", { kind: "quiet" }));
  if (!view.change) {
    card.append(make("span", { kind: "badge" }));
  } else {
    const select = find("statuses").content.querySelector(`[data-of=${id}]`).cloneNode(true);
    select.setAttribute("aria-label", `State of ${view.title}`);
    select.addEventListener("change", () => view.change(select.value));
    card.append(select);
  }
  known.set(String(view.key), card);
  return card;
}

function update(card, { title, detail, status }) {
  const [name, about, state] = card.children;
  card.className = TONES[status] ?? "idle";
  setText(name, title);
  setText(about, detail);
  if (state.tagName === "SELECT") {
    if (document.activeElement !== state || state.value === status) state.value = status;
  } else {
    state.textContent = status.replace("_", " ");
    state.className = `badge ${TONES[status] ?? "idle"}`;
  }
}
