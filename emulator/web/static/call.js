// The panel of one opened entry, at the address #call-7. Back and forward lead through the entries that were open.

import { copy, find, make, say, setText } from "./dom.js";
import { curlOf, duration, isMasked, messageText, outcomeNodes, sentence, viewOf } from "./format.js";
import * as journal from "./journal.js";
import * as ruleEditor from "./rule_editor.js";
import * as sender from "./sender.js";
import { request } from "./server.js";

export const narrow = matchMedia("(max-width: 63.99rem)");
const panel = find("call");
let shown = null; // the id of the entry that the panel shows
let data = null;
let service = "";

export const useService = (url) => { service = url; };
const idInAddress = () => Number(/^#call-(\d+)$/.exec(location.hash)?.[1] ?? 0) || null;

// Show the entry that the address names, or none.
export async function route() {
  const id = idInAddress();
  if (id === null) return hide();
  if (id === shown) return undefined;
  shown = id;
  journal.mark(id);
  await load(id, { isNew: true });
  return undefined;
}

async function load(id, { isNew = false } = {}) {
  let found = null;
  let problem = "";
  try {
    found = await request(`calls/${id}`);
  } catch (error) {
    if (error.status !== 404) throw error;
    problem = error.message;
  }
  if (shown !== id) return; // another was opened meanwhile
  data = found;
  show(id, problem);
  if (isNew) {
    panel.scrollTop = 0;
    find("call-title").focus({ preventScroll: true });
  }
}

function show(id, problem) {
  const isCall = data?.kind === "exchange";
  setText(find("call-title"), `${data && !isCall ? "Refusal" : "Call"} ${id}`);
  setText(find("call-why"), data ? sentence(data) : problem);
  for (const each of ["call-facts", "call-messages", "call-actions"]) find(each).hidden = !data;
  find("send-again").hidden = find("make-rule").hidden = !isCall;
  find("call-near").hidden = !data?.near_misses.length;
  find("call-outcome").replaceChildren();
  panel.hidden = false;
  document.documentElement.classList.add("has-call");
  coverPage();
  if (!data) return;
  const entry = viewOf(data);
  find("call-outcome").replaceChildren(...outcomeNodes(entry.outcome));
  find("call-facts").replaceChildren(...factsOf(entry).flatMap(([name, text]) => [make("dt", { text: name }), make("dd", { text })]));
  find("near").replaceChildren(...data.near_misses.map((miss) => make("li", {}, make("strong", { text: miss.rule }), make("span", { text: ` ${miss.reason}` }))));
  setText(find("call-request"), data.request ? messageText(data.request) : "the request was not kept");
  setText(find("call-answer"), data.answer ? messageText(data.answer) : entry.waits ? "the answer still waits" : "no byte was sent");
}

function factsOf(entry) {
  const waited = data.answered_s === null ? "still waiting" : duration(data.answered_s);
  const parts = [data.delay_s ? `delay ${duration(data.delay_s)}` : "", `decided in ${duration(data.decided_s)}`].filter(Boolean).join(", ");
  const facts = [["Time", entry.time], ["Waited", `${waited} (${parts})`], ["Delivered", data.delivered ?? "not yet"]];
  if (entry.binding) facts.unshift(["Binding", entry.binding]);
  if (data.kind === "exchange") facts.unshift(["Session", entry.session], ["Node", entry.node], ["Auth code", entry.code]);
  return [...facts, ...data.remarks.map((remark) => ["Remark", remark])];
}

// Close the panel, by a new step of the browser's history: Back opens the entry again.
export function close() {
  if (shown === null) return;
  const last = shown;
  history.pushState(null, "", location.pathname + location.search);
  hide();
  journal.focusRow(last);
}

// Close it without a step, when what it shows is gone.
export function drop() {
  if (shown === null) return;
  history.replaceState(null, "", location.pathname + location.search);
  hide();
}

// Close it if its entry was removed from the journal, such as by a reset.
export function dropBefore(first) {
  if (data !== null && shown < first) drop();
}

export function hide() {
  shown = data = null;
  panel.hidden = true;
  journal.mark(null);
  document.documentElement.classList.remove("has-call");
  coverPage();
}

// On a narrow screen the panel lies over the page, which nothing reaches then.
function coverPage() {
  const covers = shown !== null && narrow.matches;
  for (const each of document.querySelectorAll("body > header, .skips, #journal, #side")) each.inert = covers;
}

narrow.addEventListener("change", coverPage);
window.addEventListener("hashchange", () => route().catch((error) => say(error.message)));
window.addEventListener("popstate", () => route().catch((error) => say(error.message)));
journal.whenChanged((id) => id === shown && load(id).catch(() => {}));
panel.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !document.querySelector(":popover-open")) close();
});
find("close").addEventListener("click", close);
find("copy-curl").addEventListener("click", () => {
  const command = data.request && curlOf(data.request, service);
  if (!command) return say("Not copied: the journal does not show the whole request");
  const secret = command.includes("***") ? "; put in what is masked" : "";
  return copy(command, `the curl command${secret}`);
});
find("copy-address").addEventListener("click", () => copy(location.href, "the address of this call"));
find("make-rule").addEventListener("click", () => ruleEditor.fromCall(data));

// Send the opened call again; a masked code cannot be sent, so that the person types it into the form.
export async function sendAgain() {
  const { binding, session, node, auth_code } = data;
  const call = auth_code === null ? { binding, session, node } : { binding, session, node, auth_code };
  sender.fill({ ...call, auth_code: isMasked(auth_code) ? "" : auth_code });
  if (narrow.matches || !isVisible(find("caller"))) close();
  if (!isMasked(auth_code)) return sender.send(call);
  find("caller").elements.auth_code.focus();
  say("The journal has this auth code masked: type it, then send");
  return undefined;
}

export const isVisible = (element) => element.getClientRects().length > 0;
