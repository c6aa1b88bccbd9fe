// Helpers for the page. Text from outside is inserted as text, never as markup, with invisible characters escaped.

export const find = (id) => document.getElementById(id);

// Escape control and format characters, which would be invisible or reverse the text.
export function visible(text) {
  return text.replace(/[^\P{C}\n\r\t]|\r(?!\n)|[\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0).toString(16)}}`);
}

export function setText(element, text) {
  const shown = visible(text);
  if (element.textContent !== shown) element.textContent = shown;
}

export function make(tag, { text = "", kind = "", ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  if (text !== "") setText(element, text);
  if (kind) element.className = kind;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Allow a line break after each underscore of a name such as startSessionRet_ActionFailed.
export function breakable(text) {
  return text.split(/(?<=_)/).flatMap((part, place) => (place ? [document.createElement("wbr"), part] : [part]));
}

export function draw(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// Return the class for the colour of an outcome's badge and bar: good, bad, a refusal or a failure.
export function toneOf(outcome) {
  if (outcome.endsWith("_OK")) return "ok";
  if (outcome === "refused") return "idle";
  return outcome.startsWith("startSessionRet_") ? "bad" : "warn";
}

export function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
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
  if (!message) return "no response was sent";
  const headers = message.headers.map(([name, value]) => `${name}: ${value}`);
  return [message.start, ...headers, "", indented(message.body)].join("\n").trimEnd();
}
