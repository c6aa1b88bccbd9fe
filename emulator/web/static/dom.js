// Small helpers for the page. Whatever comes from outside enters it as text, never as markup.

export const find = (id) => document.getElementById(id);

export function make(tag, { text = "", kind = "", ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  if (text !== "") element.textContent = text;
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

export function indented(text) {
  const parsed = new DOMParser().parseFromString(text, "text/xml");
  if (!text.trimStart().startsWith("<") || parsed.querySelector("parsererror")) return text;
  const lines = text.startsWith("<?xml") ? [text.slice(0, text.indexOf("?>") + 2)] : [];
  write(parsed.documentElement, "", lines);
  return lines.join("\n");
}

function write(element, indent, lines) {
  const attributes = [...element.attributes].map(({ name, value }) => ` ${name}="${value}"`).join("");
  const text = element.children.length ? "" : element.textContent;
  if (!element.children.length) {
    lines.push(`${indent}<${element.tagName}${attributes}${text ? `>${text}</${element.tagName}>` : " />"}`);
    return;
  }
  lines.push(`${indent}<${element.tagName}${attributes}>`);
  for (const child of element.children) write(child, `${indent}  `, lines);
  lines.push(`${indent}</${element.tagName}>`);
}

export function messageText(message) {
  if (!message) return "nothing was sent";
  const headers = message.headers.map(([name, value]) => `${name}: ${value}`);
  return [message.start, ...headers, "", indented(message.body)].join("\n").trimEnd();
}
