// Where things are: addresses with copy buttons, the spaces, the scenario files, the downloads.

import { button, copy, find, make, replaceIfChanged, setText } from "./dom.js";
import { download, request, token } from "./server.js";

const ALL = 1_000_000_000; // more entries than a journal keeps
export const space = /\/spaces\/([^/]+)\/__admin\/$/.exec(location.pathname)?.[1] ?? null;
const server = space === null ? "" : "../../../__admin/"; // the server's own control API

// Show the addresses of the service and the scenario's description.
export function showAddresses({ url, wsdl_url: wsdl, description }) {
  setText(find("description"), description ?? "");
  for (const list of document.querySelectorAll(".addresses")) {
    replaceIfChanged(list, [url, wsdl], () => [
      ...address("Service", url, "the address of the service", null),
      ...address("WSDL", wsdl, "the address of the WSDL", wsdl),
      ...address("Help page", url, "the address of the help page", url),
    ]);
  }
}

function address(name, url, what, href) {
  const shown = href ? make("a", { href, target: "_blank", rel: "noopener", text: url }) : make("span", { text: url });
  return [make("dt", { text: name }), make("dd", {}, make("code", {}, shown), button("Copy", () => copy(url, what), { label: `Copy ${what}` }))];
}

export async function showSpaces() {
  const { spaces } = await request(`${server}spaces`);
  const names = spaces.map(({ name }) => name).sort();
  find("space-open").hidden = !names.length && space === null;
  setText(find("space-open"), space === null ? "Spaces" : `Space ${space}`);
  const here = space === null ? "../" : "../../../";
  replaceIfChanged(find("space-list"), names, () => [
    make("li", {}, link("The server itself", `${here}__admin/`, space === null)),
    ...names.map((name) => make("li", {}, link(name, `${here}spaces/${encodeURIComponent(name)}/__admin/`, name === space))),
  ]);
}

const link = (text, href, isHere) => make("a", { text, href, ...(isHere ? { "aria-current": "page" } : {}) });

export function showFiles({ files, in_force: inForce }) {
  const select = find("file");
  find("switch").hidden = !files.length;
  replaceIfChanged(select, files, () => files.map((file) => make("option", { text: file, value: file })));
  if (document.activeElement !== select && select.dataset.shown !== inForce) select.value = inForce;
  select.dataset.shown = inForce;
  offerUse();
}

// The button is there only while another file is chosen.
export function offerUse() {
  find("use").hidden = find("file").value === find("file").dataset.shown;
}

// Run an action that may fail, with the console's own way to show errors.
export function wire(act) {
  find("save-json").addEventListener("click", () => act(() => download(`calls?limit=${ALL}`, "calls.json")));
  find("save-har").addEventListener("click", () => act(() => download(`calls?limit=${ALL}&format=har`, "calls.har")));
  for (const [id, path, file] of [["openapi", "openapi.json", "openapi.json"], ["written", "scenario", "scenario.yaml"]]) {
    find(id).addEventListener("click", (event) => {
      if (!token()) return; // a link cannot send the token
      event.preventDefault();
      act(() => download(path, file));
    });
  }
}
