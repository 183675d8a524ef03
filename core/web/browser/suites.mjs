// The suites of page.mjs, each for a daemon that browser_test.go has configured for it.
import { readFile, writeFile } from "node:fs/promises";

export const suites = {
	async actions({ open, check, call, row, state, same, has, live, agree, args }) {
		const [conf] = args;
		const page = await open();
		await live(page);
		const click = (name, text) => row(page, name).locator("td.action a", { hasText: new RegExp("^" + text + "$") }).click();
		await check("start, restart and stop of a row", async () => {
			await state(page, "idle", "stopped");
			await click("idle", "Start");
			await state(page, "idle", "running");
			has(await row(page, "idle").locator("td.desc").innerText(), "pid ");
			await click("idle", "Restart");
			has(await agree(page), "Restart idle?");
			await page.locator("#statusmessage", { hasText: "Restarted idle." }).waitFor();
			await state(page, "idle", "running");
			await click("idle", "Stop");
			has(await agree(page), "Stop idle?");
			await state(page, "idle", "stopped");
		});
		await check("what another client does shows by itself", async () => {
			await call("supervisor.startProcess", "idle", true);
			await state(page, "idle", "running");
			await call("supervisor.stopProcess", "idle", true);
			await state(page, "idle", "stopped");
		});
		await check("a failure is told", async () => {
			await click("gone", "Start");
			await page.locator("#statusmessage.error", { hasText: "gone: " }).waitFor();
		});
		await check("several at once", async () => {
			for (const n of [0, 1, 2]) await row(page, "many:many_" + n).locator("input[type=checkbox]").check();
			await page.locator("#selection .picked", { hasText: "3 selected" }).waitFor();
			await page.locator("#selection .many", { hasText: "Start" }).first().click();
			has(await agree(page), "Start 3 programs?\nStarted (3)\nmany:many_0, many:many_1, many:many_2");
			for (const n of [0, 1, 2]) await state(page, "many:many_" + n, "running");
			await page.locator("tr.group .count", { hasText: "3 of 3 running" }).waitFor();
			await page.locator("#selection .many", { hasText: "Stop" }).click();
			has(await agree(page), "Stop 3 programs?\nStopped (3)\nmany:many_0, many:many_1, many:many_2");
			for (const n of [0, 1, 2]) await state(page, "many:many_" + n, "stopped");
		});
		await check("filter, chips and folding", async () => {
			await page.keyboard.press("Escape");
			await page.keyboard.press("/");
			await page.keyboard.type("many_1");
			same(await row(page, "many:many_1").isVisible(), true);
			same(await row(page, "idle").isVisible(), false);
			await page.locator("#tools input[type=search]").fill("");
			await page.locator('.chip[data-state="RUNNING"]').click();
			same(await row(page, "idle").isVisible(), false);
			same(await row(page, "says").isVisible(), true);
			await page.locator('.chip[data-state="RUNNING"]').click();
			await page.locator("tr.group button", { hasText: "many" }).click();
			same(await row(page, "many:many_1").isVisible(), false);
			await page.locator("tr.group button", { hasText: "many" }).click();
			same(await row(page, "many:many_1").isVisible(), true);
		});
		await check("a log: past, following, search, both channels, download", async () => {
			await row(page, "says").locator("td.name a").click();
			const log = page.locator("section.log"), pre = log.locator("pre");
			await pre.locator("text=line 1").first().waitFor();
			const before = (await pre.innerText()).length;
			await page.waitForFunction((n) => document.querySelector("section.log pre").innerText.length > n, before);
			await log.locator("input[type=search]").fill("line 1");
			await log.locator("mark").first().waitFor();
			has(await log.locator(".found").innerText(), "place");
			await log.locator("input[type=search]").fill("");
			await log.locator(".c2").first().waitFor(); // green
			const [download] = await Promise.all([page.waitForEvent("download"), log.locator(".download").click()]);
			same(download.suggestedFilename(), "says.log");
			await log.locator("select").selectOption("stderr");
			await pre.locator("text=an error").first().waitFor();
			await log.locator(".close").click();
			same(await page.locator("section.log").count(), 0);
		});
		await check("the timeline and the listeners", async () => {
			await page.locator("#tools button", { hasText: "Events" }).click();
			await page.locator(".panel li", { hasText: "STOPPED many:many_2" }).first().waitFor();
			await page.locator("#tools button", { hasText: "Listeners" }).click();
			await page.locator(".panel td", { hasText: "hears" }).first().waitFor();
			await page.keyboard.press("Escape");
			same(await page.locator(".panel").count(), 0);
		});
		await check("keys move and act", async () => {
			await page.keyboard.press("?");
			await page.locator("dialog dl").waitFor();
			await page.locator("dialog button").click();
			await page.locator("dialog").waitFor({ state: "detached" });
			const names = await page.locator("tr[data-name]").evaluateAll((all) => all.map((tr) => tr.dataset.name)), at = () => page.evaluate(() => document.activeElement.closest("tr").dataset.name);
			await row(page, names[0]).locator("td.name a").focus();
			await page.keyboard.press("j");
			same(await at(), names[1]);
			await page.keyboard.press("k");
			same(await at(), names[0]);
			await page.keyboard.press("x");
			same(await row(page, names[0]).locator("input").isChecked(), true);
			await page.keyboard.press("x");
		});
		await check("clear a log", async () => {
			await click("says", "Clear Log");
			has(await agree(page), "Clear the log of says?");
			await page.locator("#statusmessage", { hasText: "Cleared the log of says." }).waitFor();
		});
		await check("stop all and restart all", async () => {
			await page.locator("#buttons a", { hasText: "Stop All" }).click();
			const said = await agree(page);
			has(said, "Stop all 7 programs?\nStopped (2)\nhears, says\nNot running (5)\n");
			await page.locator("#statusmessage", { hasText: /All stopped at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/ }).waitFor();
			await state(page, "says", "stopped");
			await page.locator("#buttons a", { hasText: "Restart All" }).click();
			has(await agree(page), "Restart all 7 programs?\nStarted (7)\n");
			await page.locator("#statusmessage", { hasText: "All restarted at" }).waitFor();
			await state(page, "says", "running");
			await page.locator("#buttons a", { hasText: "Refresh" }).click();
			await page.locator("#statusmessage", { hasText: "Page refreshed at" }).waitFor();
		});
		await check("a new configuration: what would change, and the update", async () => {
			await writeFile(conf, process.env.NEW_CONF);
			await page.locator("#tools button", { hasText: "Configuration" }).click();
			await page.locator("dialog li.diff-added", { hasText: "Added: fresh" }).waitFor();
			await page.locator("dialog li.diff-removed", { hasText: "Removed: gone" }).waitFor();
			const changed = page.locator("dialog li.diff-changed", { hasText: "Changed: idle" });
			const cells = (text) => changed.locator("tr", { hasText: text }).locator("td").allInnerTexts();
			same((await cells("command")).join(" | "), "command | /bin/sleep 1000 | /bin/sleep 2000");
			same((await cells("environment TOKEN")).join(" | "), "environment TOKEN | not set | <secret>");
			has(await page.locator("dialog li.diff-removed", { hasText: "Removed: says" }).evaluate((e) => e.textContent), "says will be stopped");
			has(await page.locator("dialog li.diff-added").evaluate((e) => e.textContent), "fresh will start");
			same((await page.locator("dialog li.diff-added td").allInnerTexts()).join(" | "), "command | /bin/sleep 1000 | startsecs | 0");
			same((await page.locator("dialog").innerText()).includes("hunter2"), false);
			await page.locator("dialog button", { hasText: "Update" }).click();
			await row(page, "fresh").waitFor();
			await state(page, "fresh", "running");
			same(await row(page, "gone").count(), 0);
		});
	},

	async unserved({ open, check, call, same, has, live, args: [conf] }) {
		const page = await open(), plain = await open({ javaScriptEnabled: false });
		const said = "Not served, so nothing reaches them: [notifier:ghost] plugin \"shoot\" not found";
		await check("a section that no plugin serves is at the top, with and without scripts", async () => {
			for (const p of [page, plain]) {
				await p.locator("#unserved.warning").waitFor();
				has(await p.locator("#unserved").innerText(), said);
			}
			await live(page);
			has(await page.locator("#unserved").innerText(), said);
		});
		await check("it goes when the section does, without a reload of the page", async () => {
			await writeFile(conf, (await readFile(conf, "utf8")).replace(/\[notifier:ghost\][^[]*/, ""));
			await call("supervisor.reloadConfig");
			await call("supervisor.removeProcessGroup", "notifier:ghost");
			await page.locator("#unserved.warning").waitFor({ state: "detached" });
			same(await page.locator("#unserved").textContent(), "");
			await plain.reload();
			same(await plain.locator("#unserved.warning").count(), 0);
		});
		await check("and comes when one does", async () => {
			await writeFile(conf, (await readFile(conf, "utf8")) + "\n[logsink:late]\nplugin=shoot\n");
			await page.locator("#tools button", { hasText: "Configuration" }).click();
			await page.locator("dialog button", { hasText: "Update" }).click();
			await page.locator("#statusmessage", { hasText: "logsink:late: added section" }).waitFor();
			await page.locator("#unserved.warning").waitFor();
			has(await page.locator("#unserved").innerText(), "[logsink:late] plugin");
		});
	},
	async nojs({ open, check, state, same, has }) {
		const page = await open({ javaScriptEnabled: false });
		const status = (name) => page.locator("tr", { has: page.locator("td.name a", { hasText: new RegExp("^" + name + "$") }) });
		await check("links act, and the message says what was done", async () => {
			await status("idle").locator("a", { hasText: "Start" }).click();
			same(await page.locator("#statusmessage").innerText(), "Process idle started");
			has(await status("idle").locator("td.status").innerText(), "running");
			await status("idle").locator("a", { hasText: "Restart" }).click();
			same(await page.locator("#statusmessage").innerText(), "Process idle restarted");
			await status("idle").locator("a", { hasText: "Stop" }).click();
			same(await page.locator("#statusmessage").innerText(), "Process idle stopped");
			await status("idle").locator("a", { hasText: "Clear Log" }).click();
			same(await page.locator("#statusmessage").innerText(), "Log for idle cleared");
		});
		await check("all, and refresh", async () => {
			await page.locator("#buttons a", { hasText: "Stop All" }).click();
			has(await page.locator("#statusmessage").innerText(), "All stopped at ");
			await page.locator("#buttons a", { hasText: "Restart All" }).click();
			has(await page.locator("#statusmessage").innerText(), "All restarted at ");
			await page.locator("#buttons a", { hasText: "Refresh" }).click();
			has(await page.locator("#statusmessage").innerText(), "Page refreshed at ");
		});
		await check("the tail of a log", async () => {
			const [tail] = await Promise.all([page.waitForEvent("popup"), status("says").locator("td.name a").click()]);
			await tail.waitForLoadState();
			has(await tail.locator("pre").innerText(), "line 1");
			await tail.locator("a", { hasText: "Refresh" }).click();
			has(await tail.locator("pre").innerText(), "line 1");
		});
		await check("a link from another site asks first", async () => {
			await page.setContent('<a href="' + page.url().split("?")[0] + '?processname=idle&action=stop">kittens</a>');
			await page.goto("data:text/html,<a id=a href='" + page.url().split("?")[0].replace(/index.html$/, "") + "index.html?processname=idle%26action=stop'>kittens</a>");
			await page.locator("#a").click();
			has(await page.locator("h1").innerText(), "Is that wanted?");
			await page.locator("button", { hasText: "Yes" }).click();
			same(await page.locator("#statusmessage").innerText(), "Process idle stopped");
		});
	},

	async auth({ open, check, same, url, row, live, state }) {
		await check("nobody gets in without the password", async () => {
			const r = await fetch(url);
			same(r.status, 401);
		});
		await check("who may control works as usual", async () => {
			const page = await open({ httpCredentials: { username: "boss", password: "boss" } });
			await live(page);
			await row(page, "idle").locator("td.action a", { hasText: /^Start$/ }).click();
			await state(page, "idle", "running");
		});
		await check("who may only read sees all and can press nothing", async () => {
			const page = await open({ httpCredentials: { username: "guest", password: "guest" } });
			await live(page);
			await state(page, "idle", "running");
			same(await page.locator("#buttons li").count(), 1);
			same(await page.locator("#selection").count(), 0);
			same(await row(page, "idle").locator("td.action a", { hasText: /^(Stop|Restart|Clear Log)$/ }).count(), 0);
		});
	},

	async hostile({ open, check, row, same, has, live, call }) {
		const name = "<script>alert(1)<script>", quote = '"><b>x<b>';
		const page = await open({}, "?message=" + encodeURIComponent("<img src=x onerror=alert(2)>"));
		await live(page);
		await check("names and messages are text", async () => {
			same(await page.locator("#statusmessage").innerText(), "<img src=x onerror=alert(2)>");
			same(await page.locator("td.name a", { hasText: name }).count(), 1);
			same(await page.locator("td.name a", { hasText: quote }).count(), 1);
			same(await page.locator("#content img, #content b, #content script").count(), 0);
		});
		await check("events and errors are text", async () => {
			await page.locator("#tools button", { hasText: "Events" }).click();
			await call("supervisor.sendRemoteCommEvent", "&lt;b&gt;", "&lt;img src=x onerror=alert(3)&gt;");
			await page.locator(".panel li", { hasText: "onerror=alert(3)" }).waitFor();
			same(await page.locator(".panel img, .panel li b").count(), 0);
		});
		await check("logs are text", async () => {
			await row(page, "html").locator("td.name a").click();
			const pre = page.locator("section.log pre");
			await pre.locator("text=<script>alert(4)</script>").first().waitFor();
			has(await pre.innerText(), '<a href="javascript:alert(5)">');
			same(await pre.locator("a, script, img, svg").count(), 0);
		});
		await check("escapes in logs are colours and nothing else, however they are cut", async () => {
			await page.locator("section.log .close").click();
			await row(page, "escapes").locator("td.name a").click();
			const pre = page.locator("section.log pre");
			await pre.locator("text=the end").first().waitFor();
			const text = await pre.innerText();
			has(text, "[a link]");
			has(text, "before after");
			has(text, "10%\n20%\n");
			has(text, "split green the end");
			same(await pre.locator("span.c2", { hasText: /^green$/ }).count(), 1); // its escape came in two pieces
			same(await pre.locator("span.c1", { hasText: /^bright red$/ }).count(), 1); // 38;5;196
			same(await pre.locator("a, img").count(), 0);
			same(/[\x00-\x08\x0b-\x1f\x7f-\x9f]|javascript|evil.test|title!|DCS/.test(text), false);
		});
		await check("addresses in names and messages lead nowhere", async () => {
			same(await page.evaluate(() => [...document.querySelectorAll("[href], [src], [action]")].filter((e) => !(e.href || e.src || e.action || "").toString().startsWith(location.origin) && !e.closest("#footer")).length), 0);
			same(await page.locator("td.name a", { hasText: "&#106;avascript&colon;alert(6)" }).count(), 1);
			same(await page.evaluate(() => [...document.querySelectorAll("*")].some((e) => [...e.attributes].some((a) => a.name.startsWith("on")))), false);
		});
		await check("the tail is text", async () => {
			await page.goto(page.url().split("?")[0] + "tail.html?processname=html");
			has(await page.locator("pre").innerText(), "<script>alert(4)</script>");
			same(await page.locator("pre *").count(), 0);
		});
	},

	async thousand({ open, check, call, state, live, row, same }) {
		const page = await open();
		await live(page);
		await check("a thousand rows are shown, and stay alive", async () => {
			same(await page.locator("tr[data-name]").count(), 1000);
			await row(page, "w:w_0500").scrollIntoViewIfNeeded();
			await call("supervisor.stopProcess", "w:w_0500", true);
			await state(page, "w:w_0500", "stopped");
			await call("supervisor.startProcess", "w:w_0500", true);
			await state(page, "w:w_0500", "running");
		});
		// What a person waits for; printed, since a test must not depend on speed.
		await page.evaluate(() => {
			window.long = []; window.at = []; window.shown = [];
			new PerformanceObserver((l) => { for (const e of l.getEntries()) window.long.push(Math.round(e.duration)); }).observe({ type: "longtask" });
			new MutationObserver(() => window.shown.push(Date.now())).observe(document.querySelector('tr[data-name="w:w_0001"] td.status span'), { childList: true, characterData: true, subtree: true });
			const source = new EventSource("events?types=PROCESS_STATE&programs=w:w_0001");
			source.onmessage = (m) => window.at.push(Date.parse(JSON.parse(m.data).time));
			return new Promise((open) => { source.onopen = open; });
		});
		for (let i = 0; i < 5; i++) {
			await call("supervisor.stopProcess", "w:w_0001", true);
			await state(page, "w:w_0001", "stopped");
			await call("supervisor.startProcess", "w:w_0001", true);
			await state(page, "w:w_0001", "running");
		}
		console.log("figures " + JSON.stringify(await page.evaluate(() => ({
			firstPaintMs: Math.round(performance.getEntriesByName("first-contentful-paint")[0].startTime),
			tasksOver50Ms: window.long,
			eventToScreenMs: window.shown.map((t) => t - Math.max(...window.at.filter((a) => a <= t))),
		}))));
	},

	async pictures({ open, check, live, row, state, args }) {
		const [dir, conf] = args;
		const how = { httpCredentials: { username: "ops", password: "ops" }, viewport: { width: 1280, height: 760 }, deviceScaleFactor: 1.25 };
		// Lines worth looking at take half a minute: only for pictures that are kept.
		const lines = (page) => page.waitForFunction((n) => [...document.querySelectorAll("polyline.spark")].some((p) => p.points.numberOfItems >= n), process.env.HARK_PICTURES ? 14 : 1, { timeout: 90000 });
		await check("pictures", async () => {
			let page = await open(how);
			await live(page);
			await state(page, "migrate", "exited");
			await state(page, "mailer", "fatal");
			await state(page, "import", "exited 5");
			await state(page, "payments", "exited SIGSEGV");
			await row(page, "web:web_0").locator("td.cpu").waitFor();
			await lines(page);
			await page.screenshot({ path: dir + "/page.png" });
			await row(page, "web:web_1").locator("td.name a").click();
			await page.locator("section.log pre").locator("text=GET").nth(12).waitFor();
			await page.screenshot({ path: dir + "/page-log.png" });
			await page.locator("#tools button", { hasText: "Events" }).click();
			await page.locator(".panel .pill").nth(5).waitFor();
			await page.screenshot({ path: dir + "/page-events.png" });
			await page.keyboard.press("Escape");
			await writeFile(conf, process.env.NEW_CONF);
			await page.locator("#tools button", { hasText: "Configuration" }).click();
			await page.locator("dialog .diff li").first().waitFor();
			await page.screenshot({ path: dir + "/page-update.png" });
			await page.context().close();
			page = await open({ ...how, colorScheme: "dark" });
			await live(page);
			await row(page, "web:web_0").locator("td.cpu").waitFor();
			await lines(page);
			await page.screenshot({ path: dir + "/page-dark.png" });
			await page.context().close();
			page = await open({ ...how, viewport: { width: 360, height: 760 }, colorScheme: "dark" });
			await live(page);
			await row(page, "alerts").locator("td.cpu").waitFor();
			await page.screenshot({ path: dir + "/page-phone-dark.png" });
		});
	},
};
