// Starts the emulator for tests on Node 18 or later.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export async function startEmulator(scenario) {
  const child = spawn("rescue-emulator", ["serve", scenario, "--port", "0", "--exit-with-stdin"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const failed = ended.then(([status]) => {
    throw new Error(`the emulator ended with status ${status}`);
  });
  failed.catch(() => {}); // handled by the race below, and expected after it
  const [line] = await Promise.race([once(createInterface(child.stdout), "line"), failed]);
  const url = line.split(" ")[1]; // ready http://127.0.0.1:45123/API/API.asmx scenario=... rules=...

  async function control(path, body) {
    const answer = await fetch(new URL(`/__admin${path}`, url), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(await answer.text());
  }

  return {
    url,
    addRule: (rule) => control("/rules", rule),
    verify: (when, times) => control("/verify", { when, times }),
    reset: () => control("/reset", {}),
    async stop() {
      child.stdin.end(); // if this process is killed, its end of the pipe is closed too, and the emulator ends
      const [status] = await ended;
      return status;
    },
  };
}
