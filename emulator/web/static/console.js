// The console: looks at the emulator twice a second while somebody looks at it, and lets its parts show what there is.

import { send } from "./caller.js";
import * as chart from "./chart.js";
import * as desk from "./desk.js";
import { find, make, say } from "./dom.js";
import * as journal from "./journal.js";
import * as rules from "./rules.js";
import { ask, unlock } from "./server.js";

const PAUSE = 500; // milliseconds between two looks,
const LONG_PAUSE = 900; // and in a flood of calls
const SLOW = 4; // looks after which what seldom changes is looked at again
const MOST = 200; // entries and rules that are asked for at once
const FLOOD = 40; // calls between two looks, past which nobody can follow: then the newest of them are enough

let looks = 0;
let last = 0;
let flooded = false;

async function look() {
  const known = journal.newest();
  const which = flooded ? `limit=${FLOOD}` : `limit=${MOST}${known ? `&after=${known}` : ""}`;
  let told = await ask(`calls?${which}`);
  if (told.last < last) {
    journal.clear(); // the emulator began anew
    told = await ask(`calls?limit=${MOST}`);
  }
  const came = told.last - last;
  flooded = looks > 0 && came > FLOOD;
  journal.forgetBefore(told.first);
  journal.add(told.calls, { fresh: looks > 0 });
  chart.show(told.timeline);
  if (looks % SLOW === 0 || (came && !flooded)) await lookAtTheRest();
  last = told.last;
  looks += 1;
}

async function lookAtTheRest() {
  const [inForce, people, files] = await Promise.all([ask(`rules?limit=${MOST}`), ask("desk"), ask("scenarios")]);
  rules.show(inForce);
  desk.show(people, refresh, complain);
  if (!looks) suggest(desk.example(people));
  showFiles(files);
  await lookAtHealth();
}

async function lookAtHealth() {
  const shown = find("health");
  try {
    const health = await ask("health");
    badge(shown, `${health.scenario}: ${health.status}`, "badge ok");
    find("notice").hidden = find("notice").dataset.about === "health" || find("notice").hidden;
  } catch (error) {
    badge(shown, "not healthy", "badge bad");
    complain(error, "health");
  }
}

function badge(element, text, kind) {
  say(element, text);
  element.className = kind;
}

function suggest(values) {
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

function complain(error, about = "") {
  const notice = find("notice");
  find("unlock").hidden = error.status !== 401;
  notice.hidden = error.status === 401;
  notice.dataset.about = about;
  say(notice, error.message);
}

async function refresh() {
  find("notice").hidden = true;
  looks = Math.max(1, looks - (looks % SLOW));
  last = -1;
  await look();
}

function when(id, event, act) {
  find(id).addEventListener(event, (happened) => {
    happened.preventDefault();
    Promise.resolve(act(happened)).catch(complain);
  });
}

when("switch", "submit", async () => {
  await ask(`scenarios/${encodeURIComponent(find("file").value)}`, "POST");
  find("file").dataset.shown = "";
  await refresh();
});
when("reset", "click", async () => {
  await ask("reset", "POST");
  journal.clear();
  await refresh();
});
when("unlock", "submit", async () => {
  unlock(find("token").value);
  find("unlock").hidden = true;
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
      await look();
      if (find("notice").dataset.about === "answer") find("notice").hidden = true;
    } catch (error) {
      badge(find("health"), error.status ? "locked" : "no answer", "badge bad");
      complain(error.status ? error : new Error("The emulator does not answer."), "answer");
    }
  }
  setTimeout(watch, flooded ? LONG_PAUSE : PAUSE);
}

watch();
