// What the console asks of the control API, by paths relative to the page; a control token is kept for this tab alone.

const KEPT = "rescue-emulator control token";

export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export function unlock(token) {
  sessionStorage.setItem(KEPT, token);
}

export async function ask(path, method = "GET", body = undefined) {
  const headers = {};
  const token = sessionStorage.getItem(KEPT);
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const answer = await fetch(path, { method, headers, body: sent, cache: "no-store" });
  const text = await answer.text();
  if (answer.ok) return text ? JSON.parse(text) : null;
  let detail = text;
  try {
    detail = JSON.parse(text).detail;
  } catch {
    // not from the control API: the text as it is
  }
  throw new Refused(answer.status, detail);
}
