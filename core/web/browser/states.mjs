// Thirty programs in every state: what one sees of them, and what a click touches. Run by page.mjs.
import { writeFile } from "node:fs/promises";
import { contrasts, wide } from "./access.mjs";

const form = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/;
// looks returns the text and the colours of a program's state.
const looks = (page, name) => page.locator('tr[data-name="' + name + '"] td.status span').evaluate((e) => { const s = getComputedStyle(e); return { text: e.textContent, colours: [s.color, s.backgroundColor, s.boxShadow].join(" ") }; });
const order = (page) => page.locator("tr[data-name]").evaluateAll((all) => all.filter((tr) => !tr.hidden).map((tr) => tr.dataset.name));
const shown = (page, selector) => page.locator(selector).evaluate((e) => { const r = e.getBoundingClientRect(); return r.top >= 0 && r.left >= 0 && r.bottom <= innerHeight + 1 && r.right <= innerWidth + 1 && r.height > 100; });

export const suites = {
	async states({ open, check, row, state, same, has, live, call, panel, args }) {
		const [release, dir] = args;
		// Whether a process is UNKNOWN is up to the kernel; here the page gets one.
		const unknown = async (page) => {
			await page.route("**/ui/api/snapshot", async (route) => {
				const r = await route.fetch(), s = await r.json();
				for (const p of s.processes) if (p.name === "lost") Object.assign(p, { state: "UNKNOWN", description: "" });
				await route.fulfill({ response: r, json: s });
			});
			await page.reload();
			await live(page);
			await state(page, "lost", "unknown");
		};
		await call("supervisor.stopProcess", "stubborn", false);
		try {
			for (const width of [1024, 800]) await check(width + " wide: everything fits, and the actions can be seen", async () => {
				for (const javaScriptEnabled of [true, false]) {
					const page = await open({ viewport: { width, height: 740 }, javaScriptEnabled });
					if (javaScriptEnabled) await live(page);
					await wide(page, "the page");
					const link = page.locator("tr", { hasText: "worker:worker_03" }).locator("td.action li").first(), box = await link.boundingBox();
					if (box.x < 0 || box.x + box.width > width || box.height > 40) throw new Error(JSON.stringify(box));
					if (dir) await page.screenshot({ path: dir + "/light-" + width + (javaScriptEnabled ? "" : "-plain") + "-page.png" });
					await page.context().close();
				}
			});
			if (dir) for (const width of [1280, 360]) {
				const page = await open({ viewport: { width, height: 740 }, javaScriptEnabled: false });
				await page.screenshot({ path: dir + "/light-" + width + "-plain-page.png" });
				await page.context().close();
			}
			for (const colorScheme of ["light", "dark"]) for (const width of [1280, 360]) {
				const phone = width === 360, what = colorScheme + ", " + width + " wide: ";
				const page = await open({ colorScheme, viewport: { width, height: phone ? 740 : 900 }, isMobile: phone, hasTouch: phone });
				const shot = (name) => dir ? page.screenshot({ path: dir + "/" + colorScheme + "-" + width + "-" + name + ".png" }) : null;
				const readable = async () => { const { faint } = await page.evaluate(contrasts); if (faint.length) throw new Error(faint.join("; ")); };
				const fits = async () => { await readable(); await wide(page, "the page"); };
				await live(page);
				await unknown(page);
				await check(what + "every state is there, can be read, and fits", async () => {
					for (const [name, wanted] of [["ends", "exited 0"], ["fails", "exited 5"], ["crashes", "exited SIGSEGV"], ["broken", "fatal"], ["slow", "starting"], ["retries", "backoff"], ["report", "stopped"], ["stubborn", "stopping"], ["api", "running"]]) await state(page, name, wanted);
					await row(page, "api").locator("td.memory", { hasText: "MiB" }).waitFor();
					await shot("page");
					await fits();
				});
				await check(what + "how a process ended differs in text and in colour", async () => {
					const ends = [];
					for (const name of ["ends", "fails", "crashes", "report", "broken"]) ends.push(await looks(page, name));
					same(new Set(ends.map((e) => e.text)).size, 5);
					same(new Set(ends.map((e) => e.colours)).size, 5);
				});
				await check(what + "a box can be seen", async () => {
					const box = row(page, "api").locator("input"), colours = () => box.evaluate((e) => { const s = getComputedStyle(e), light = (c) => { const f = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4, [r, g, b] = c.match(/[\d.]+/g).map(Number); return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
						const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
						return { edge: ratio(s.borderTopColor, s.backgroundColor), tick: ratio(getComputedStyle(e, "::before").backgroundColor, s.backgroundColor), around: ratio(s.borderTopColor, getComputedStyle(e.closest("table")).backgroundColor) }; });
					const off = await colours();
					if (off.edge < 3) throw new Error("its edge " + off.edge);
					await box.check();
					const on = await colours();
					if (on.tick < 4.5 || on.around < 3) throw new Error(JSON.stringify(on));
				});
				await check(what + "a selection, the menu, the panels and the question fit", async () => {
					await row(page, "fails").locator("input").check();
					if (phone) await row(page, "fails").locator("td.tap button").tap();
					await row(page, "fails").scrollIntoViewIfNeeded();
					await shot("selected");
					await fits();
					if (phone) {
						await page.evaluate(() => scrollTo(0, 0));
						await page.locator("#tools .menu").tap();
						await shot("menu");
						await fits();
					}
					for (const name of ["Events", "Listeners"]) {
						await panel(page, name);
						await page.locator("#drawer li .pill, #drawer td").first().waitFor();
						await shot(name.toLowerCase());
						await fits();
						await page.locator("#drawer .close").click();
					}
					await row(page, "web:web_1").locator("td.name a").click();
					await page.locator("section.log pre", { hasText: "GET" }).waitFor();
					await shot("log");
					await fits();
					await page.locator("#drawer .close").click();
					await page.locator("#buttons a", { hasText: "Restart All" }).click();
					await page.locator("dialog").waitFor();
					await shot("ask");
					await fits();
					await page.keyboard.press("Escape");
				});
				await page.context().close();
			}
		} finally { await writeFile(release, ""); } // stubborn ends
	},

	async touched({ open, check, row, state, same, has, live, call, agree, panel, url, args }) {
		await writeFile(args[0], ""); // stubborn is not needed here
		const page = await open();
		await live(page);
		for (const [name, wanted] of [["crashes", "exited SIGSEGV"], ["fails", "exited 5"], ["broken", "fatal"], ["stubborn", "exited 0"]]) await state(page, name, wanted);
		const pids = async () => Object.fromEntries((await (await fetch(url + "ui/api/snapshot")).json()).processes.map((p) => [p.name, p.pid]));
		const pick = async (...names) => { for (const n of names) await row(page, n).locator("input").check(); };
		const none = async () => { await page.locator("#selection .none").click(); };
		const find = (text) => page.locator("#tools input[type=search]").fill(text);
		const leave = async () => { const box = page.locator("dialog"); await box.waitFor(); const said = await box.innerText(); await page.keyboard.press("Escape"); await box.waitFor({ state: "detached" }); return said; };

		await check("what a filter hides is not acted on, though it is selected", async () => {
			await pick("web:web_0", "web:web_1", "cache");
			await find("web_1");
			same(await page.locator("#selection .picked").innerText(), "3 selected, 2 of them hidden and left alone");
			const before = await pids();
			await page.locator("#selection .many", { hasText: "Restart" }).click();
			const said = await agree(page);
			has(said, "Restart web:web_1?\nStopped and started again (1)\nweb:web_1");
			same(/web_0|cache/.test(said), false);
			await page.locator("#statusmessage", { hasText: "Restarted web:web_1." }).waitFor();
			const after = await pids();
			same(Object.keys(after).filter((n) => after[n] !== before[n]).filter((n) => n !== "retries").join(), "web:web_1");
			await find("");
			same(await page.locator("#selection .picked").innerText(), "3 selected");
			await none();
		});
		await check("a chip hides as a filter does, and all of a filter is what is shown", async () => {
			await page.locator('.chip[data-state="EXITED"]').click();
			same(await page.locator("#buttons").innerText().then((t) => t.replace(/\s+/g, " ")), "Refresh Restart shown (4) Stop shown (4)");
			await page.locator("#buttons a", { hasText: "Stop shown" }).click();
			await page.locator("#statusmessage", { hasText: "There is nothing to stop" }).waitFor();
			const before = await pids();
			await page.locator("#buttons a", { hasText: "Restart shown" }).click();
			has(await agree(page), "Restart 4 programs?\nStarted (4)\ncrashes, ends, fails, stubborn\n");
			await page.locator("#statusmessage", { hasText: /Restarted|crashes/ }).waitFor();
			const after = await pids();
			same(after.api, before.api);
			same(after["web:web_0"], before["web:web_0"]);
			await page.locator('.chip[data-state="EXITED"]').click();
			same(await page.locator("#buttons a", { hasText: "Stop All" }).count(), 1);
		});
		await check("nor do keys act on a row that cannot be seen", async () => {
			await row(page, "cache").locator("td.name a").focus();
			await find("api");
			await page.evaluate(() => document.activeElement.blur());
			await page.keyboard.press("S");
			same(await page.locator("dialog").count(), 0);
			await find("");
			await page.evaluate(() => document.activeElement.blur());
			await page.keyboard.press("S");
			has(await leave(), "Stop cache?");
			await state(page, "cache", "running");
		});
		await check("rows of a folded group are left alone", async () => {
			await pick("worker:worker_00", "api");
			await page.locator("tr.group button", { hasText: "worker" }).click();
			await page.locator("#selection .many", { hasText: "Stop" }).click();
			has(await leave(), "Stop api?");
			await page.locator("tr.group button", { hasText: "worker" }).click();
			await none();
		});
		await check("who says no changes nothing", async () => {
			const before = await pids();
			for (const [name, action] of [["api", "Stop"], ["api", "Restart"], ["api", "Clear Log"]]) {
				await row(page, name).locator("td.action a", { hasText: action }).click();
				has(await leave(), "api");
			}
			for (const link of ["Stop All", "Restart All"]) {
				await page.locator("#buttons a", { hasText: link }).click();
				has(await leave(), " all 30 programs?");
			}
			for (const [b, says] of [["Reload…", "Reload supervisord?"], ["Shut down…", "Shut down supervisord?"]]) {
				await page.locator("#tools button", { hasText: b }).click();
				const said = await leave();
				has(said, says);
				has(said, "worker:worker_09");
			}
			same((await pids()).api, before.api);
		});
		await check("columns sort by clicks and by keys, and say so", async () => {
			const head = (name) => page.locator("#statustable th." + name), sorted = async (name) => await head(name).getAttribute("aria-sort");
			same(await sorted("name"), "ascending");
			same(await sorted("state"), null);
			const plain = await order(page);
			await head("state").locator("button").click();
			same(await sorted("state"), "ascending");
			same(await sorted("name"), null);
			const worst = await order(page);
			same(worst[0], "broken");
			if (!(worst.indexOf("crashes") < worst.indexOf("fails") && worst.indexOf("fails") < worst.indexOf("ends") && worst.indexOf("ends") < worst.indexOf("api"))) throw new Error(worst.join());
			same(await page.locator("tr.group").count(), 0);
			await head("state").locator("button").focus();
			await page.keyboard.press("Enter");
			same(await sorted("state"), "descending");
			same((await order(page)).at(-1), "broken");
			await page.keyboard.press("Enter");
			same(await sorted("state"), null);
			same(await sorted("name"), "ascending");
			same((await order(page)).join(), plain.join());
			same(await page.locator("tr.group").count(), 2);
			await head("name").locator("button").click();
			same((await order(page)).join(), [...plain].reverse().join());
			const used = { "web:web_3": 9e9, api: 8e9, "worker:worker_07": 7e9 };
			await page.route("**/ui/api/stats", async (route) => {
				const r = await route.fetch(), all = await r.json();
				for (const p of all) p.rss = used[p.name] || p.rss;
				await route.fulfill({ response: r, json: all });
			});
			await head("memory").locator("button").click();
			same(await sorted("memory"), "descending");
			await page.locator("h1").hover();
			await page.waitForFunction((wanted) => [...document.querySelectorAll("tr[data-name]")].slice(0, 3).map((tr) => tr.dataset.name).join() === wanted, Object.keys(used).join());
			await page.unroute("**/ui/api/stats");
			await head("desc").locator("button").click();
			same(await sorted("desc"), "ascending");
			await call("supervisor.startProcess", "nightly", true); // the last change comes first, when the pointer and the keys are elsewhere
			await page.locator("h1").hover();
			await page.evaluate(() => document.activeElement.blur());
			await page.waitForFunction(() => [...document.querySelectorAll("tr[data-name]")].slice(0, 3).some((tr) => tr.dataset.name === "nightly"));
			await head("name").locator("button").click();
		});
		await check("dates have one form", async () => {
			const texts = await page.locator("td.desc").allInnerTexts();
			const dates = texts.filter((t) => /\d\d:\d\d/.test(t) && !t.startsWith("pid "));
			if (dates.length < 3) throw new Error(texts.join("|"));
			for (const d of dates) if (!form.test(d)) throw new Error(d);
			await panel(page, "Events");
			await page.locator("#drawer time").first().waitFor();
			for (const d of await page.locator("#drawer time").allInnerTexts()) if (!form.test(d)) throw new Error(d);
			await page.locator("#drawer .close").click();
			await page.locator("#buttons a", { hasText: "Refresh" }).click();
			await page.locator("#statusmessage", { hasText: /at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/ }).waitFor();
			same(/\b[AP]M\b|\d\/\d/.test(await page.locator("main").innerText()), false);
		});
		await check("events show what was before the page, how it ended, and what comes", async () => {
			const late = await open();
			await live(late);
			await panel(late, "Events");
			await late.locator("#drawer li", { hasText: "EXITED SIGSEGV crashes not expected" }).first().waitFor();
			await late.locator("#drawer li", { hasText: "EXITED 5 fails not expected" }).first().waitFor();
			await late.locator("#drawer li", { hasText: "EXITED 0 ends expected" }).first().waitFor();
			const first = await late.locator("#drawer li").count();
			await call("supervisor.startProcess", "report", true);
			await late.locator("#drawer li", { hasText: "RUNNING report" }).waitFor();
			const all = await late.locator("#drawer li").allInnerTexts();
			same(new Set(all).size >= all.length - 30, true);
			same(all.filter((t) => t.includes("RUNNING report")).length, 1); // once, though it came with the past or live
			same(await late.locator("#drawer li").count() > first, true);
			await late.locator("#drawer input[type=checkbox]").check();
			await late.locator("#drawer li", { hasText: "RUNNING" }).first().waitFor({ state: "detached" });
			await late.locator("#drawer li", { hasText: "FATAL broken" }).first().waitFor();
			await row(late, "fails").locator("td.action a", { hasText: "Events" }).click();
			await late.locator("#drawer h2", { hasText: "Events of fails" }).waitFor();
			for (const t of (await late.locator("#drawer li").allInnerTexts()).slice(0, -1)) has(t, "fails");
			has(await late.locator("#drawer li").last().innerText(), "since supervisord started");
			await late.context().close();
		});
		await check("a panel opens where one looks, and leaves the row to be seen", async () => {
			const last = (await order(page)).at(-1), link = row(page, last).locator("td.name a");
			await link.scrollIntoViewIfNeeded();
			await link.click();
			await page.locator("section.log pre").waitFor();
			same(await shown(page, "#drawer"), true);
			const at = await row(page, last).boundingBox(), drawer = await page.locator("#drawer").boundingBox();
			if (at.y < 0 || at.y + at.height > drawer.y + 1) throw new Error(JSON.stringify([at, drawer]));
			same(await page.evaluate(() => document.getElementById("drawer").contains(document.activeElement)), true);
			await page.locator("#drawer .taller").click();
			await page.waitForFunction((h) => document.getElementById("drawer").getBoundingClientRect().height > h, drawer.height);
			same(await shown(page, "#drawer"), true);
			await page.keyboard.press("Escape");
			same(await page.locator("#drawer").isVisible(), false);
			same(await page.evaluate(() => document.activeElement.closest("tr").dataset.name), last);
			await panel(page, "Listeners");
			await panel(page, "Events"); // one at a time
			same(await page.locator("#drawer section").count(), 1);
			same(await page.locator("#tools button[aria-expanded=true]").innerText(), "Events");
			await page.locator("#tools button", { hasText: "Events" }).click();
			same(await page.locator("#drawer").isVisible(), false);
		});
		await check("the page's own stream is not listed, that of another is", async () => {
			const end = new AbortController(), other = await fetch(url + "events?announce", { signal: end.signal });
			const reader = other.body.pipeThrough(new TextDecoderStream()).getReader();
			let said = "";
			while (!said.includes("stream-")) said += (await reader.read()).value;
			const name = /stream-\d+/.exec(said)[0];
			await page.reload(); // what the page had before goes in a while only
			await live(page);
			await panel(page, "Listeners");
			await page.locator("#drawer td", { hasText: name }).waitFor();
			// That of the page which was closed above goes in a while; the one other stays.
			await page.waitForFunction((name) => [...document.querySelectorAll("#drawer td")].map((td) => td.textContent).filter((t) => t.startsWith("stream-")).join() === name, name);
			end.abort();
			await page.keyboard.press("Escape");
		});
		await check("the bar is in groups that have names", async () => {
			const names = await page.locator("[role=group]").evaluateAll((all) => all.map((g) => g.ariaLabel));
			same(names.join(), "Show,All programs,Daemon,Panels,Selected");
			same(await page.locator("#tools button, #tools a, #tools input, #tools select").evaluateAll((all) => all.filter((e) => !e.closest("[role=group]")).length), 0);
		});
		await page.context().close();

		const phone = await open({ viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true });
		await live(phone);
		await check("on a phone actions and the menu are behind a tap, and what is sorted is chosen", async () => {
			const tap = row(phone, "api").locator("td.tap button");
			same(await row(phone, "api").locator("td.action").isVisible(), false);
			same(await tap.getAttribute("aria-expanded"), "false");
			await tap.tap();
			same(await tap.getAttribute("aria-expanded"), "true");
			await row(phone, "api").locator("td.action a", { hasText: "Stop" }).tap();
			has(await agree(phone), "Stop api?");
			await state(phone, "api", "stopped");
			await tap.tap();
			same(await row(phone, "api").locator("td.action").isVisible(), false);
			same(await phone.locator("#tools .daemon").isVisible(), false);
			await phone.locator("#tools .menu").tap();
			same(await phone.locator("#tools .daemon").isVisible(), true);
			await phone.locator("#tools select").selectOption("state");
			same((await order(phone))[0], "broken");
			await phone.locator("#tools .menu").tap();
			same(await phone.locator("#tools .daemon").isVisible(), false);
			await panel(phone, "Events");
			const { width, height } = await phone.locator("#drawer").boundingBox();
			same(width === 360 && height > 700, true);
		});
		await phone.context().close();
	},
};
