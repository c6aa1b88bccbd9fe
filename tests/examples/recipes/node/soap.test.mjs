// Calls with the npm package soap, which reads the WSDL: npm install, then node --test soap.test.mjs
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";

import soap from "soap";

import { startEmulator } from "./emulator.mjs";

const ARGUMENTS = { iSession: 1001, iNode: 337366, sAuthCode: "demo-ann" };
let rescue;

before(async () => {
  rescue = await startEmulator(fileURLToPath(new URL("../../scenarios/night_shift.yaml", import.meta.url)));
});
beforeEach(() => rescue.reset());
after(async () => assert.equal(await rescue.stop(), 0));

for (const port of ["APISoap", "APISoap12"]) {
  test(`the scenario and the rules of a test decide what comes back over ${port}`, async () => {
    const { url } = rescue;
    const client = await soap.createClientAsync(`${url}?wsdl`, { forceSoap12Headers: port === "APISoap12" });
    const startSession = async () => {
      const [answer] = await new Promise((resolve, reject) =>
        client.API[port].startSession(ARGUMENTS, (error, ...rest) => (error ? reject(error) : resolve(rest))),
      );
      return answer.startSessionResult;
    };
    assert.equal(await startSession(), "startSessionRet_OK");
    await rescue.addRule({
      when: { session: 1001 },
      replies: ["startSessionRet_NotLoggedInAsAdmin", { fail: { exception: "Timeout expired." } }],
    });
    assert.equal(await startSession(), "startSessionRet_NotLoggedInAsAdmin");
    await assert.rejects(startSession(), /Timeout expired\./);
    await rescue.verify({ session: 1001, binding: port === "APISoap" ? "soap11" : "soap12" }, 3);
  });
}
