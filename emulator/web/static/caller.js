// Send a call over one of the four bindings, and show the request and the response.

import { escaped, find, indented, setText } from "./dom.js";

const ENVELOPES = {
  soap11: "http://schemas.xmlsoap.org/soap/envelope/",
  soap12: "http://www.w3.org/2003/05/soap-envelope",
};

export async function send(form) {
  const request = requestFor(new FormData(form), form.dataset);
  setText(find("sent-request"), messageFor(`${request.method} ${new URL(request.url, document.baseURI).pathname}${request.query} HTTP/1.1`, request.headers, request.body));
  find("sent-answer").textContent = "";
  find("sent-result").textContent = "waiting for the response";
  find("sent").hidden = false;
  try {
    const { method, headers, body } = request;
    const response = await fetch(request.url + request.query, { method, headers, body, cache: "no-store" });
    const text = await response.text();
    setText(find("sent-answer"), messageFor(`HTTP/1.1 ${response.status} ${response.statusText}`, Object.fromEntries(response.headers), text));
    find("sent-result").textContent = text.match(/>(startSessionRet_\w+)</)?.[1] ?? `status ${response.status}`;
  } catch (error) {
    find("sent-answer").textContent = "";
    setText(find("sent-result"), `no response: ${error.message}`);
  }
}

function requestFor(values, names) {
  const binding = values.get("binding");
  const pairs = [[names.session, values.get("session")], [names.node, values.get("node")], [names.code, values.get("code")]];
  if (binding === "get" || binding === "post") {
    const url = `${names.service}/${names.operation}`;
    const form = new URLSearchParams(pairs).toString();
    return binding === "get"
      ? { method: "GET", url, query: `?${form}`, headers: {} }
      : { method: "POST", url, query: "", headers: { "Content-Type": "application/x-www-form-urlencoded" }, body: form };
  }
  const headers = binding === "soap11"
    ? { "Content-Type": "text/xml; charset=utf-8", SOAPAction: `"${names.action}"` }
    : { "Content-Type": `application/soap+xml; charset=utf-8; action="${names.action}"` };
  const parameters = pairs.map(([name, value]) => `<${name}>${escaped(value)}</${name}>`).join("");
  const body = `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="${ENVELOPES[binding]}"><soap:Body>`
    + `<${names.operation} xmlns="${names.namespace}">${parameters}</${names.operation}></soap:Body></soap:Envelope>`;
  return { method: "POST", url: names.service, query: "", headers, body };
}

function messageFor(start, headers, body = "") {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [start, ...lines, "", indented(body)].join("\n").trimEnd();
}
