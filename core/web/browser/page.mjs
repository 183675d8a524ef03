// page.mjs SUITE URL [ARG...]: tests of the page in a real browser. It is run by browser_test.go, which runs the daemon.
// Prints a line for each check; the status is 1 when one failed.
import { chromium } from "playwright-core";
import { suites as actions } from "./suites.mjs";
import { suites as more } from "./access.mjs";
import { suites as foreign } from "./foreign.mjs";
import { suites as states } from "./states.mjs";
import { suites as daemon } from "./daemon.mjs";

const suites = { ...actions, ...more, ...foreign, ...states, ...daemon };

const [suite, url, ...args] = process.argv.slice(2);
const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
	args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
let failed = 0;
const trouble = []; // what a page should never say

async function open(options = {}, path = "") {
	const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, ...options });
	const page = await context.newPage();
	page.setDefaultTimeout(45000);
	page.on("pageerror", (e) => trouble.push("error: " + e.message));
	page.on("console", (m) => { if (m.type() === "error" && !/status of (401|404)|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION/.test(m.text())) trouble.push("console: " + m.text()); });
	page.on("dialog", (d) => { trouble.push("dialog: " + d.message()); d.dismiss(); });
	await page.goto(url + path);
	return page;
}
async function check(name, run) {
	try {
		await run();
		console.log("ok   " + name);
	} catch (err) {
		failed++;
		console.log("FAIL " + name + ": " + err.message.split("\n").slice(0, 6).join("\n     "));
	}
}
async function call(method, ...params) { // XML-RPC, as another client
	const values = params.map((p) => "<param><value>" + (typeof p === "boolean" ? "<boolean>" + Number(p) + "</boolean>" : "<string>" + p + "</string>") + "</value></param>").join("");
	const r = await fetch(url + "RPC2", { method: "POST", headers: { "Content-Type": "text/xml" }, body: "<methodCall><methodName>" + method + "</methodName><params>" + values + "</params></methodCall>" });
	const text = await r.text();
	if (text.includes("<fault>")) throw new Error(method + ": " + text);
	return text;
}
const row = (page, name) => page.locator('tr[data-name="' + name + '"]');
async function state(page, name, wanted) { await row(page, name).locator("td.status span", { hasText: new RegExp("^" + wanted + "( |$)") }).waitFor(); }
function same(got, wanted) { if (got !== wanted) throw new Error("got " + JSON.stringify(got) + ", wanted " + JSON.stringify(wanted)); }
function has(text, part) { if (!text.includes(part)) throw new Error(JSON.stringify(text.slice(0, 400)) + " lacks " + JSON.stringify(part)); }
// agree answers yes to what the page asks before it acts, and returns what it said.
async function agree(page) {
	const box = page.locator("dialog");
	await box.waitFor();
	const said = (await box.innerText()).replace(/\n+/g, "\n");
	await box.locator("button.danger").click();
	await box.waitFor({ state: "detached" });
	return said;
}
// panel opens a panel by its button.
async function panel(page, name) {
	const menu = page.locator("#tools .menu");
	if (await menu.isVisible() && await menu.getAttribute("aria-expanded") === "false") await menu.click();
	await page.locator("#tools button", { hasText: name }).click();
	await page.locator("#drawer section").waitFor();
}
async function live(page) { await page.locator("#live", { hasText: "live" }).waitFor(); }

await suites[suite]({ browser, open, check, call, row, state, same, has, live, agree, panel, url, args });
await check("the page raised no error, opened no dialog and broke no policy", () => { if (trouble.length) throw new Error(trouble.join("; ")); });
await browser.close();
process.exit(failed ? 1 : 0);
