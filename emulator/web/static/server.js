// Requests to the control API, by paths relative to the page. A control token is kept for this tab only.

const TOKEN_KEY = "rescue-emulator control token";

export class RequestError extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export function unlock(token) {
  sessionStorage.setItem(TOKEN_KEY, token);
}

export async function request(path, method = "GET", body = undefined) {
  const headers = {};
  const token = sessionStorage.getItem(TOKEN_KEY);
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const content = body === undefined ? undefined : JSON.stringify(body);
  const response = await fetch(path, { method, headers, body: content, cache: "no-store" });
  const text = await response.text();
  if (response.ok) return text ? JSON.parse(text) : null;
  let detail = text;
  try {
    detail = JSON.parse(text).detail;
  } catch {
    // not a response of the control API: show its text
  }
  throw new RequestError(response.status, detail);
}
