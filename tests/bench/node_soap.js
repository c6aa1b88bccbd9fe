// The service on the npm package `soap`, for comparison: our WSDL, with RULES rules in a table.
//
//     node node_soap.js FOLDER_OF_NODE_MODULES WSDL RULES
//
// Keeps no journal. Prints a line that begins with "ready" once it answers.
"use strict";

const { readFileSync } = require("node:fs");
const http = require("node:http");
const { createRequire } = require("node:module");

const [folder, wsdl, size] = process.argv.slice(2);
const soap = createRequire(`${folder}/`)("soap");
const rules = new Map(Array.from({ length: Number(size) }, (_, number) => [number, `demo-${number}`]));

function startSession({ iSession, sAuthCode }) {
  const accepted = rules.get(Number(iSession)) === sAuthCode;
  return { startSessionResult: accepted ? "startSessionRet_OK" : "startSessionRet_Error" };
}

const server = http.createServer();
server.listen(0, "127.0.0.1", () => {
  const service = { API: { APISoap: { startSession } } };
  soap.listen(server, "/API/API.asmx", service, readFileSync(wsdl, "utf8"), (error) => {
    if (error) throw error;
    console.log(`ready http://127.0.0.1:${server.address().port}/API/API.asmx`);
  });
});
