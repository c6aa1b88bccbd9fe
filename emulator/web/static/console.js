// The console: polls the emulator twice a second while the page is visible, and updates the parts of the page.

import * as call from "./call.js";
import * as chart from "./chart.js";
import * as desk from "./desk.js";
import { find, setText } from "./dom.js";
import "./help.js";
import * as journal from "./journal.js";
import * as places from "./places.js";
import * as ruleEditor from "./rule_editor.js";
import * as rules from "./rules.js";
import * as sender from "./sender.js";
import { request, setToken, token } from "./server.js";

const POLL_INTERVAL = 500; // milliseconds
const LEAST_PAUSE = 100; // milliseconds, however long a poll takes
const SLOW_INTERVAL = 1000; // milliseconds, while locked, and while more calls come than a person can read
const FULL_POLL_EVERY = 4; // polls: rules, desk, files and health change less often than the journal
const MAX_RULES = 200;

let polls = 0;
let isLocked = false;
let name = ""; // of the scenario
let running = Promise.resolve();

// Run one thing at a time, so that an answer from before a reset is not shown after it.
function serially(act) {
  running = running.then(act, act);
  return running;
}

async function poll() {
  const { page, restarted, arrived } = await journal.update();
  if (isLocked) unlock();
  if (restarted) {
    call.drop();
    polls = 0;
  }
  call.dropBefore(page.first);
  chart.show(page.timeline);
  const isFull = polls % FULL_POLL_EVERY === 0;
  if (isFull || (arrived && !journal.state.flooded)) await pollTheRest(isFull);
  if (!polls) await call.route();
  polls += 1;
}

async function pollTheRest(isFull) {
  const [ruleList, people] = await Promise.all([request(`rules?limit=${MAX_RULES}`), request("desk")]);
  rules.show(ruleList, act);
  desk.show(people, act);
  if (!isFull) return;
  const [files] = await Promise.all([request("scenarios"), pollHealth(), places.showSpaces()]);
  places.showFiles(files);
  sender.follow(`${files.in_force} ${name}`, people, ruleList);
}

async function pollHealth() {
  let health;
  try {
    health = await request("health");
    if (find("notice").dataset.about === "health") hideNotice();
    showState(`${health.scenario}: ready`, "ok");
  } catch (error) {
    if (error.status !== 503) throw error;
    health = error.content;
    showState(`${health.scenario}: not healthy`, "bad");
    showNotice(error.message, "health");
  }
  name = health.scenario;
  places.showAddresses(health);
  call.useService(health.url);
  setText(find("version"), `rescue-emulator ${health.version}`);
}

function showState(text, tone) {
  setText(find("health"), text);
  find("health").className = `state ${tone}`;
}

let dismissed = "";
function showNotice(text, about = "") {
  if (about && text === dismissed) return;
  find("notice").dataset.about = about;
  setText(find("notice-text"), text);
  find("notice").hidden = false;
}

function hideNotice() {
  dismissed = "";
  find("notice").hidden = true;
}

// Hide everything, and remove what was shown: nothing of it is known to be true any more.
function lock(error) {
  const needsToken = error.status === 401;
  showState(needsToken ? "locked" : "not available", "bad");
  find("unlock").hidden = !needsToken;
  if (!isLocked) {
    isLocked = true;
    document.documentElement.classList.add("locked");
    journal.clear();
    call.hide();
    polls = 0;
    for (const open of document.querySelectorAll("dialog[open]")) open.close();
    for (const open of document.querySelectorAll(":popover-open")) open.hidePopover();
    chart.show([]);
    rules.show({ rules: [], total: 0 }, act);
    desk.show({ administrators: [], technicians: [], sessions: [] }, act);
    places.showFiles({ files: [], in_force: null });
    hideNotice();
    if (needsToken) find("token").focus();
  }
  if (needsToken) setText(find("wrong-token"), token() ? "The token is wrong." : "");
  else showNotice(error.message, "lock");
}

function unlock() {
  isLocked = false;
  document.documentElement.classList.remove("locked");
  find("unlock").hidden = true;
  find("token").value = "";
  if (find("notice").dataset.about === "lock") hideNotice();
}

function failed(error) {
  const isGone = places.space !== null && error.status === 404 && !error.content?.service;
  if (error.status === 401 || error.status === 403) {
    lock(error);
  } else if (isGone) {
    lock(new Error(`There is no space “${places.space}” any more: it was ended, or nobody used it for too long.`));
  } else if (error.name === "TimeoutError" || error instanceof TypeError) {
    showState("no answer", "bad");
    showNotice("The emulator does not answer. What is shown here is from before.", "answer");
  } else {
    showNotice(error.message);
  }
}

// Do what a person asked for, then show what has become of it.
async function act(doing) {
  try {
    await serially(doing);
    if (!find("notice").dataset.about) hideNotice();
    polls -= polls % FULL_POLL_EVERY;
    await serially(poll);
  } catch (error) {
    failed(error);
  }
}

function when(id, event, doing) {
  find(id).addEventListener(event, (domEvent) => {
    domEvent.preventDefault();
    doing();
  });
}

async function sendCall(sending) {
  try {
    await sending();
    await act(() => {});
  } catch (error) {
    failed(error);
  }
}

when("switch", "submit", () => act(async () => {
  find("file").focus(); // its button goes
  await request(`scenarios/${encodeURIComponent(find("file").value)}`, "POST");
}));
when("file", "change", places.offerUse);
when("reset", "click", () => act(async () => {
  await request("reset", "POST");
  call.drop();
}));
when("pause", "click", () => {
  const is = !journal.state.paused;
  journal.state.paused = is;
  find("pause").textContent = is ? "Resume" : "Pause";
  setText(find("paused"), is ? "Paused" : "");
  act(() => {});
});
when("unlock", "submit", () => {
  setToken(find("token").value);
  act(() => {});
});
when("caller", "submit", () => sendCall(() => sender.send()));
when("send-again", "click", () => sendCall(call.sendAgain));
when("more", "click", () => act(journal.showOlder));
when("notice-close", "click", () => {
  const text = find("notice-text").textContent;
  hideNotice();
  dismissed = text;
});
ruleEditor.whenSaved(() => act(() => {}));
places.wire((doing) => Promise.resolve(doing()).catch(failed));

for (const skip of document.querySelectorAll(".skips a")) {
  skip.addEventListener("click", (event) => {
    event.preventDefault();
    const target = document.querySelector(skip.getAttribute("href"));
    if (!call.isVisible(target)) call.close(); // the panel is in its place
    target.focus();
    target.scrollIntoView({ block: "nearest" });
  });
}

// On a narrow screen the form comes before the desk, so that a call can be sent without a long way.
function place() {
  if (call.narrow.matches) find("desk").before(find("send-a-call"));
  else find("tasks").prepend(find("send-a-call"));
}

call.narrow.addEventListener("change", place);
place();

async function watch() {
  const begin = performance.now();
  if (document.visibilityState === "visible") {
    try {
      await serially(poll);
      if (find("notice").dataset.about === "answer") hideNotice();
    } catch (error) {
      failed(error);
    }
  }
  const interval = isLocked || journal.state.flooded ? SLOW_INTERVAL : POLL_INTERVAL;
  setTimeout(watch, Math.max(LEAST_PAUSE, interval - (performance.now() - begin)));
}

watch();
