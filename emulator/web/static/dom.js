// Small helpers for the page. Whatever comes from outside enters it as text, never as markup, and is visible.

export const find = (id) => document.getElementById(id);

// A text in which each sign that would show as nothing, or turn the writing around, shows as an escape.
export function visible(text) {
  return text.replace(/[^\P{C}\n\r\t]|\r(?!\n)|[\p{Zl}\p{Zp}]/gu, (sign) => `\\u{${sign.codePointAt(0).toString(16)}}`);
}

export function say(element, text) {
  const shown = visible(text);
  if (element.textContent !== shown) element.textContent = shown;
}

export function make(tag, { text = "", kind = "", ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  if (text !== "") say(element, text);
  if (kind) element.className = kind;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// A name such as startSessionRet_ActionFailed, which may be broken behind its underscores.
export function breakable(text) {
  return text.split(/(?<=_)/).flatMap((part, place) => (place ? [document.createElement("wbr"), part] : [part]));
}

export function draw(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// Whether an outcome is good, bad, a refusal or a failure: the colour of its badge and of its bar.
export function toneOf(outcome) {
  if (outcome.endsWith("_OK")) return "ok";
  if (outcome === "refused") return "idle";
  return outcome.startsWith("startSessionRet_") ? "bad" : "warn";
}

export function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

// XML with each element on a line of its own; whatever it is, nothing of it but white space is lost.
export function indented(text) {
  if (!text.startsWith("<") || /^<!doctype html/i.test(text)) return text;
  const lines = [];
  let depth = 0;
  let leaf = false; // whether the last line is an element that has held no other yet
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
  if (!message) return "nothing was sent";
  const headers = message.headers.map(([name, value]) => `${name}: ${value}`);
  return [message.start, ...headers, "", indented(message.body)].join("\n").trimEnd();
}
