// Requests to the control API, by paths relative to the page. A control token is kept for this tab only.

const TOKEN_KEY = "rescue-emulator control token";
const PATIENCE = 15_000; // milliseconds; a server that was stopped in a debugger takes requests, and never answers

export class RequestError extends Error {
  constructor(status, content, detail) {
    super(detail);
    this.status = status;
    this.content = content; // the members of the problem, {} if the answer is none of the control API
  }
}

let skew = 0; // milliseconds by which the clock of the emulator's machine is ahead of the browser's
export const serverTime = () => Date.now() + skew;

export const token = () => sessionStorage.getItem(TOKEN_KEY);

export function setToken(text) {
  sessionStorage.setItem(TOKEN_KEY, text);
}

export async function request(path, method = "GET", body = undefined, signal = AbortSignal.timeout(PATIENCE)) {
  const text = await (await send(path, method, body, signal)).text();
  return text ? JSON.parse(text) : null;
}

// Save what a path returns as a file.
export async function download(path, name) {
  const address = URL.createObjectURL(await (await send(path)).blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

async function send(path, method = "GET", body = undefined, signal = undefined) {
  const headers = {};
  const used = token();
  if (used) headers.Authorization = `Bearer ${used}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const content = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
  const response = await fetch(path, { method, headers, body: content, cache: "no-store", signal });
  const ahead = Date.parse(response.headers.get("Date") ?? "") - Date.now();
  if (Math.abs(ahead - skew) > 2000) skew = ahead; // Date has whole seconds only
  if (response.ok) return response;
  const text = await response.text();
  if (response.status === 401 && used !== token()) return send(path, method, body, signal); // another was given since
  let problem = {};
  try {
    problem = JSON.parse(text);
  } catch {
    // not a response of the control API: show its text
  }
  throw new RequestError(response.status, problem, problem.detail ?? text);
}
