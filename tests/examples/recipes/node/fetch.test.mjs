// Calls with the built-in fetch, in tests of the built-in runner: node --test fetch.test.mjs
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";

import { startEmulator } from "./emulator.mjs";

const NAMESPACE = "https://secure.logmeinrescue.com/API/API.asmx";
let rescue;

before(async () => {
  rescue = await startEmulator(fileURLToPath(new URL("../../scenarios/night_shift.yaml", import.meta.url)));
});
beforeEach(() => rescue.reset());
after(async () => assert.equal(await rescue.stop(), 0));

async function startSession(session, node, authCode) {
  const { url } = rescue;
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "text/xml; charset=utf-8", SOAPAction: `"${NAMESPACE}/startSession"` },
    body: `<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>
      <startSession xmlns="${NAMESPACE}">
        <iSession>${session}</iSession><iNode>${node}</iNode><sAuthCode>${authCode}</sAuthCode>
      </startSession></soap:Body></soap:Envelope>`,
    signal: AbortSignal.timeout(5000),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(/<faultstring>([^]*)<\/faultstring>/.exec(text)?.[1] ?? text);
  return /<startSessionResult>(\w+)<\/startSessionResult>/.exec(text)[1];
}

test("the scenario decides what comes back", async () => {
  assert.equal(await startSession(1001, 337366, "demo-ann"), "startSessionRet_OK");
  assert.equal(await startSession(2001, 337366, "demo-ann"), "startSessionRet_ActionFailed");
});

test("a rule of a test comes before those of the file", async () => {
  await rescue.addRule({ when: { session: 1001 }, return: "startSessionRet_NotLoggedInAsAdmin" });
  assert.equal(await startSession(1001, 337366, "demo-ann"), "startSessionRet_NotLoggedInAsAdmin");
});

test("failures reach the client, and the calls are counted", async () => {
  await rescue.addRule({
    when: { session: 1001 },
    replies: [{ fail: { exception: "Timeout expired." } }, { fail: { connection: "reset" } }, "startSessionRet_OK"],
  });
  await assert.rejects(startSession(1001, 337366, "demo-ann"), /Timeout expired\./);
  await assert.rejects(startSession(1001, 337366, "demo-ann"), TypeError); // fetch failed
  assert.equal(await startSession(1001, 337366, "demo-ann"), "startSessionRet_OK");
  await rescue.verify({ session: 1001, auth_code: "demo-ann" }, 3);
});
