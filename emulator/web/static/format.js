// What the journal's data is called on the page: outcomes, durations, states, messages.

import { draw, make, visible } from "./dom.js";

const PREFIX = "startSessionRet_";

// The kinds of outcomes in the order of the chart. Each has a colour and a pattern.
export const KINDS = ["ok", "other", "failure", "refused"];

export function kindOf(outcome) {
  if (outcome === `${PREFIX}OK`) return "ok";
  if (outcome.startsWith(PREFIX)) return "other";
  return outcome.startsWith("refused") ? "refused" : "failure";
}

export function swatch(kind) {
  const box = { x: 0.5, y: 0.5, width: 9, height: 9, rx: 1.5 };
  const mark = draw("svg", { viewBox: "0 0 10 10", class: `swatch tone-${kind}`, "aria-hidden": "true" });
  mark.append(draw("rect", { ...box, fill: `url(#pattern-${kind})`, class: "edge" }));
  return mark;
}

// Return an outcome with its mark; what all results begin with is set back.
export function outcomeNodes(outcome) {
  const name = make("span", { kind: "outcome-name" });
  if (outcome.startsWith(PREFIX)) {
    name.append(make("span", { kind: "prefix", text: PREFIX }), document.createElement("wbr"), visible(outcome.slice(PREFIX.length)));
  } else {
    name.append(visible(outcome));
  }
  return [swatch(kindOf(outcome)), name];
}

export function duration(seconds) {
  if (seconds >= 9.95) return `${seconds.toFixed(0)} s`;
  if (seconds >= 0.9995) return `${seconds.toFixed(2)} s`;
  const milliseconds = seconds * 1000;
  return `${milliseconds.toFixed(milliseconds < 9.95 ? 1 : 0)} ms`;
}

// Return a duration as a person would write it: 2 s, 1.5 s, 300 ms.
const roughly = (seconds) => (seconds >= 1 ? `${Number(seconds.toFixed(1))} s` : `${Math.round(seconds * 1000)} ms`);

export const number = (value) => value.toLocaleString("en");
export const count = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

function failureOf({ exception, status, connection }) {
  if (exception !== undefined) return "exception";
  return status !== undefined ? `status ${status}` : `connection ${connection}`;
}

export const isMasked = (code) => /\*{3}$/.test(code ?? "");

// Return the columns of an entry as texts.
export function viewOf(data) {
  const refused = data.kind === "refusal";
  const outcome = refused ? `refused with ${data.status}` : (data.reply.return ?? failureOf(data.reply.fail));
  return {
    id: data.id,
    time: new Date(data.time * 1000).toLocaleTimeString("en-GB"),
    binding: data.binding ?? "",
    session: refused ? "" : String(data.session),
    node: refused ? "" : String(data.node),
    code: refused ? "" : (data.auth_code ?? "(none)"),
    by: refused ? data.reason : (data.rule ?? (data.reason ? `${data.decided_by}: ${data.reason}` : data.decided_by)),
    outcome,
    kind: kindOf(outcome),
    waits: data.delivered === null,
    waited: data.answered_s ?? data.delay_s ?? 0,
    waitedText: data.answered_s === null ? "…" : duration(data.answered_s),
    state: stateOf(data),
  };
}

function stateOf({ delivered, delay_s: delay = 0 }) {
  if (delivered === null) return "waiting";
  if (delivered.startsWith("client left")) return "client left";
  return delay >= 0.001 ? `delayed ${roughly(delay)}` : "";
}

// Say in one sentence why an entry got its answer.
export function sentence(data) {
  if (data.kind === "refusal") return `Refused before it became a call: ${data.reason}`;
  if (data.rule !== null) return `The rule “${data.rule}”${data.source ? ` (${data.source})` : ""} accepted the call.`;
  if (data.decided_by === "desk") return `The desk decided: ${data.reason}.`;
  return data.reason
    ? `No rule accepted the call and the desk left it undecided (${data.reason}), so “otherwise” answered.`
    : "No rule accepted the call, so “otherwise” answered.";
}

// Put each element of XML on its own line. Only white space changes, whatever the text is.
export function indented(text) {
  if (!text.startsWith("<") || /^<!doctype html/i.test(text)) return text;
  const lines = [];
  let depth = 0;
  let leaf = false; // true while the last line is an element without child elements
  for (const token of text.match(/<[^>]*>|[^<]+|</g)) {
    const closes = token.startsWith("</");
    if (closes) depth = Math.max(0, depth - 1);
    if (token.startsWith("<") && !(closes && leaf)) {
      lines.push("  ".repeat(depth) + token);
    } else if (token.trim()) {
      lines[lines.length - 1] += token;
    }
    if (token.startsWith("<")) leaf = !closes && !/^<[?!]|\/>$/.test(token);
    if (leaf && token.startsWith("<")) depth += 1;
  }
  return lines.join("\n");
}

export function messageText(message) {
  const headers = message.headers.map(([name, value]) => `${name}: ${value}`);
  const head = message.start ? [message.start, ...headers, ""] : [];
  return [...head, indented(message.body)].join("\n").trimEnd();
}

const UNNEEDED = /^(host|connection|content-length|transfer-encoding|accept-encoding|user-agent|accept)$/i;
const NOT_WHOLE = /^\(\d+ bytes of .* only\)$|… \([\d,]+ bytes in all\)$/; // what the journal shows instead of a body
const quoted = (text) => `'${text.replaceAll("'", String.raw`'\''`)}'`;

// Return the curl command that sends a request of the journal again; null if not all of the body is shown.
export function curlOf({ start, headers, body }, service) {
  if (NOT_WHOLE.test(body)) return null;
  const [, method, target] = /^(\S*) (.*) /.exec(start);
  const parts = ["curl", "-i"];
  if (method !== (body ? "POST" : "GET")) parts.push("-X", method);
  parts.push(quoted(new URL(target, service).href));
  for (const [name, value] of headers) if (!UNNEEDED.test(name)) parts.push("-H", quoted(`${name}: ${value}`));
  if (body) parts.push("--data-binary", quoted(body));
  return parts.join(" ");
}
