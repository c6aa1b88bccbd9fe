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

export function button(text, act, { label = text, ...attributes } = {}) {
  const made = make("button", { type: "button", text, "aria-label": label, ...attributes });
  made.addEventListener("click", act);
  return made;
}

export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Replace the children of a list unless the data that they show is the same, and keep the focus on the same data-key.
const shownData = new WeakMap();
export function replaceIfChanged(element, data, childrenOf) {
  const state = JSON.stringify(data);
  if (shownData.get(element) === state) return;
  shownData.set(element, state);
  const key = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  element.replaceChildren(...childrenOf(data));
  if (key !== undefined) element.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

// Tell the person what was done, in the live region at the bottom.
let silence = 0;
export function say(text) {
  setText(find("said"), text);
  clearTimeout(silence);
  silence = setTimeout(() => setText(find("said"), ""), 4000);
}

export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { kind: "unseen", "aria-hidden": "true" }); // pages over plain HTTP have no clipboard
    area.value = text;
    const focused = document.activeElement;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    focused?.focus();
  }
  say(`Copied ${what}`);
}
