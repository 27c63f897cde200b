// A headless Chromium with one page, for a test that asks by lines: each is an expression, evaluated in the page, and
// answered by a line of JSON, {"value"} or {"error"}. What the page complains of is a line {"complaint"}.
//
//     node browser.js FOLDER URL WIDTH HEIGHT
"use strict";
const { spawn } = require("child_process");
const fs = require("fs");
const http = require("http");
const path = require("path");
const readline = require("readline");
const WebSocket = require("ws");

const [folder, url, width, height] = process.argv.slice(2);
const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");

const chromium = spawn("chromium", ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
  "--no-first-run", "--remote-debugging-port=0", `--user-data-dir=${folder}`, "about:blank"],
{ stdio: ["ignore", "ignore", "pipe"] });
chromium.on("error", (error) => { say({ complaint: String(error) }); process.exit(1); });
process.on("exit", () => chromium.kill("SIGKILL"));

const get = (address) => new Promise((done, fail) => http.get(address, (answer) => {
  let text = "";
  answer.on("data", (more) => { text += more; });
  answer.on("end", () => done(JSON.parse(text)));
}).on("error", fail));

// The port that it has chosen is in what it says, and so that nothing of that blocks it all of it is read.
const port = new Promise((done) => {
  let said = "";
  chromium.stderr.on("data", (more) => {
    said = (said + more).slice(-10000);
    const found = /DevTools listening on ws:\/\/[^:]+:(\d+)\//.exec(said);
    if (found) done(found[1]);
  });
});

class Page {
  constructor(socket) {
    this.socket = socket;
    this.last = 0;
    this.waiting = new Map();
    socket.on("message", (text) => this.take(JSON.parse(text)));
  }

  call(method, params = {}) {
    return new Promise((done) => {
      this.waiting.set(++this.last, done);
      this.socket.send(JSON.stringify({ id: this.last, method, params }));
    });
  }

  take(message) {
    if (message.id) return this.waiting.get(message.id)(message.result || { error: message.error });
    if (message.method === "Runtime.exceptionThrown") say({ complaint: message.params.exceptionDetails });
    if (message.method === "Log.entryAdded" && message.params.entry.level === "error") {
      say({ complaint: message.params.entry.text });
    }
  }

  async evaluate(expression) {
    const answer = await this.call("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    if (!answer.result || answer.exceptionDetails) return { error: answer.exceptionDetails || answer.error };
    return { value: answer.result.value === undefined ? null : answer.result.value };
  }

  async picture(name) {
    const { data } = await this.call("Page.captureScreenshot", { format: "png" });
    fs.writeFileSync(name, Buffer.from(data, "base64"));
    return { value: name };
  }
}

async function main() {
  const pages = await get(`http://127.0.0.1:${await port}/json`);
  const socket = new WebSocket(pages.find((one) => one.type === "page").webSocketDebuggerUrl);
  await new Promise((done) => socket.on("open", done));
  const page = new Page(socket);
  for (const part of ["Runtime", "Log", "Page"]) await page.call(`${part}.enable`);
  await page.call("Emulation.setDeviceMetricsOverride",
    { width: Number(width), height: Number(height), deviceScaleFactor: 1, mobile: Number(width) < 600 });
  await page.call("Page.navigate", { url });
  say({ value: "ready" });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const name = /^picture (.*)$/.exec(line);
    say(name ? await page.picture(path.join(folder, name[1])) : await page.evaluate(line));
  }
  process.exit(0);
}

main().catch((error) => { say({ complaint: String(error) }); process.exit(1); });
