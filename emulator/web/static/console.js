// The console: polls the emulator twice a second while the page is visible, and updates the parts of the page.

import { send } from "./caller.js";
import * as chart from "./chart.js";
import * as desk from "./desk.js";
import { find, make, setText } from "./dom.js";
import * as journal from "./journal.js";
import * as rules from "./rules.js";
import { request, unlock } from "./server.js";

const POLL_INTERVAL = 500; // milliseconds
const FLOOD_INTERVAL = 900; // milliseconds, while more calls come than a person can read
const FULL_POLL_EVERY = 4; // polls: rules, desk, files and health change less often than the journal
const PAGE_SIZE = 200; // entries and rules in one response
const FLOOD = 40; // calls between two polls, beyond which only the newest are loaded

let polls = 0;
let last = 0;
let flooded = false;

async function poll() {
  const known = journal.newest();
  const query = flooded ? `limit=${FLOOD}` : `limit=${PAGE_SIZE}${known ? `&after=${known}` : ""}`;
  let page = await request(`calls?${query}`);
  if (page.last < last) {
    journal.clear(); // the emulator was restarted
    page = await request(`calls?limit=${PAGE_SIZE}`);
  }
  find("unlock").hidden = true; // the token is right, also when the refusal of an earlier one came late
  const arrived = page.last - last;
  flooded = polls > 0 && arrived > FLOOD;
  journal.forgetBefore(page.first);
  journal.add(page.calls, { fresh: polls > 0 });
  chart.show(page.timeline);
  if (polls % FULL_POLL_EVERY === 0 || (arrived && !flooded)) await pollTheRest();
  last = page.last;
  polls += 1;
}

async function pollTheRest() {
  const [ruleList, people, files] = await Promise.all([request(`rules?limit=${PAGE_SIZE}`), request("desk"), request("scenarios")]);
  rules.show(ruleList);
  desk.show(people, refresh, showError);
  if (!polls) fillCaller(desk.example(people));
  showFiles(files);
  await pollHealth();
}

async function pollHealth() {
  const shown = find("health");
  try {
    const health = await request("health");
    badge(shown, `${health.scenario}: ${health.status}`, "badge ok");
    find("notice").hidden = find("notice").dataset.about === "health" || find("notice").hidden;
  } catch (error) {
    badge(shown, "not healthy", "badge bad");
    showError(error, "health");
  }
}

function badge(element, text, kind) {
  setText(element, text);
  element.className = kind;
}

function fillCaller(values) {
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) find("caller").elements[name].value = value;
  }
}

function showFiles({ files, in_force }) {
  const select = find("file");
  find("switch").hidden = !files.length;
  const known = [...select.options].map((option) => option.value);
  if (known.join("\n") !== files.join("\n")) select.replaceChildren(...files.map((file) => make("option", { text: file, value: file })));
  if (document.activeElement !== select && select.dataset.shown !== in_force) {
    select.value = select.dataset.shown = in_force;
  }
}

function showError(error, about = "") {
  const notice = find("notice");
  find("unlock").hidden = error.status !== 401;
  notice.hidden = error.status === 401;
  notice.dataset.about = about;
  setText(notice, error.message);
}

async function refresh() {
  find("notice").hidden = true;
  polls = Math.max(1, polls - (polls % FULL_POLL_EVERY));
  last = -1;
  await poll();
}

function when(id, event, act) {
  find(id).addEventListener(event, (domEvent) => {
    domEvent.preventDefault();
    Promise.resolve(act(domEvent)).catch(showError);
  });
}

when("switch", "submit", async () => {
  await request(`scenarios/${encodeURIComponent(find("file").value)}`, "POST");
  find("file").dataset.shown = "";
  await refresh();
});
when("reset", "click", async () => {
  await request("reset", "POST");
  journal.clear();
  await refresh();
});
when("unlock", "submit", async () => {
  unlock(find("token").value);
  await refresh();
});
when("caller", "submit", async () => {
  await send(find("caller"));
  await refresh();
});
when("close", "click", journal.close);
find("filters").addEventListener("input", journal.filter);
find("filters").addEventListener("reset", () => setTimeout(journal.filter));
find("call").addEventListener("keydown", ({ key }) => key === "Escape" && journal.close());

async function watch() {
  if (document.visibilityState === "visible") {
    try {
      await poll();
      if (find("notice").dataset.about === "answer") find("notice").hidden = true;
    } catch (error) {
      badge(find("health"), error.status ? "locked" : "no response", "badge bad");
      showError(error.status ? error : new Error("The emulator does not respond."), "answer");
    }
  }
  setTimeout(watch, flooded ? FLOOD_INTERVAL : POLL_INTERVAL);
}

watch();
