// Whether everybody can use the page: contrast, keys, small screens, names in any script. Run by page.mjs.

import { writeFile } from "node:fs/promises";

// contrasts tells which texts of the page, or of what is in it, are too faint (WCAG 2.1, 1.4.3): 4.5 to 1, or 3 to 1 for large ones.
export const contrasts = () => {
	const parse = (s) => { const m = s.match(/[\d.]+/g).map(Number); return { r: m[0], g: m[1], b: m[2], a: m.length > 3 ? m[3] : 1 }; };
	const over = (top, under) => ({ r: top.r * top.a + under.r * (1 - top.a), g: top.g * top.a + under.g * (1 - top.a), b: top.b * top.a + under.b * (1 - top.a), a: 1 });
	const light = ({ r, g, b }) => { const f = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
	const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
	const behind = (e) => {
		const layers = [];
		for (; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor));
		return layers.reverse().reduce((under, top) => over(top, under), { r: 255, g: 255, b: 255, a: 1 });
	};
	const faint = [], seen = new Set();
	let texts = 0;
	const look = (e, text, pseudo) => {
		const s = getComputedStyle(e, pseudo);
		let alpha = 1;
		for (let p = e; p; p = p.parentElement) alpha *= Number(getComputedStyle(p).opacity);
		const back = behind(e), ink = parse(s.webkitTextFillColor || s.color);
		ink.a *= alpha;
		const got = ratio(over(ink, back), back), size = parseFloat(s.fontSize);
		const large = size >= 24 || size >= 18.66 && Number(s.fontWeight) >= 700;
		texts++;
		const what = e.tagName + "." + e.className + " " + JSON.stringify(text.trim().slice(0, 30)) + " " + got.toFixed(2);
		if (got < (large ? 3 : 4.5) && !seen.has(what)) { seen.add(what); faint.push(what); }
	};
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walker.nextNode()) {
		const e = walker.currentNode.parentElement, text = walker.currentNode.data;
		if (!text.trim() || !e.checkVisibility({ visibilityProperty: true }) || e.closest("[disabled]")) continue;
		if (document.querySelector("dialog[open]") && !e.closest("dialog")) continue; // dimmed behind it
		look(e, text);
	}
	for (const e of document.querySelectorAll("input[placeholder]")) look(e, e.placeholder, "::placeholder");
	return { texts, faint };
};

// focusRings tells which of the things that can be focused do not show when they are.
const focusRings = () => {
	const bad = [];
	for (const e of (document.querySelector("dialog[open]") || document).querySelectorAll("a[href], button:not([disabled]), input, select, summary, pre[tabindex]")) {
		if (!e.checkVisibility({ visibilityProperty: true })) continue;
		document.activeElement.blur();
		e.focus({ focusVisible: true });
		const s = getComputedStyle(e);
		if (document.activeElement !== e || s.outlineStyle === "none" || parseFloat(s.outlineWidth) < 1) bad.push(e.tagName + " " + (e.ariaLabel || e.textContent || e.type).slice(0, 40));
	}
	document.activeElement.blur();
	return bad;
};

// wide tells where a page is wider than what one sees of it.
export const wide = async (page, what) => {
	const over = await page.evaluate(() => {
		const limit = document.documentElement.clientWidth, out = [];
		if (document.documentElement.scrollWidth > limit) for (const e of document.querySelectorAll("body *")) {
			if (e.checkVisibility() && e.getBoundingClientRect().right > limit + 1 && !e.closest(".scroll")) out.push(e.tagName + "." + e.className + " " + Math.round(e.getBoundingClientRect().right));
		}
		return { width: document.documentElement.scrollWidth, limit, out: out.slice(0, 6) };
	});
	if (over.width > over.limit) throw new Error(what + ": " + over.width + " wide where " + over.limit + " are: " + over.out.join("; "));
};

export const suites = {
	async access({ open, check, row, state, same, has, live, agree, panel, url, args }) {
		await writeFile(args[0], process.env.NEW_CONF); // read only where a difference is asked for
		const none = (list) => { if (list.length) throw new Error(list.length + ": " + list.slice(0, 12).join("; ")); };
		const readable = async (page, least) => {
			const got = await page.evaluate(contrasts);
			none(got.faint);
			if (got.texts < least) throw new Error("only " + got.texts + " texts were looked at");
		};
		// A daemon with plugins and log sinks, as the page sees them.
		const hostile = '<b>x</b>"';
		const extended = async (page) => {
			await page.route("**/ui/api/snapshot", async (route) => { const r = await route.fetch(); await route.fulfill({ response: r, json: { ...await r.json(), has_plugins: true, has_sinks: true } }); });
			await page.route("**/ui/api/plugins", (route) => route.fulfill({ json: [{ name: hostile, statename: "BACKOFF", version: "1", pid: 0, restarts: 3, failures: 2, instances: [{ section: "logsink:loki", ready: false, trouble: "x" }], trouble: hostile }] }));
			await page.route("**/ui/api/sinks", (route) => route.fulfill({ json: [{ name: hostile, overflow: "spool", queued: 5 << 20, buffer_bytes: 8 << 20, in_flight: 4, paused: 1, written: 3e9, dropped: 0, refused: 7, oldest_age: 400, last_error: "x", spool: { fault: hostile, bytes: 5 } }] }));
			await page.reload();
			await live(page);
		};
		for (const colorScheme of ["light", "dark"]) {
			const page = await open({ colorScheme });
			await extended(page);
			await check(colorScheme + ": what the page says can be read", async () => {
				for (const s of ["running", "stopped", "exited", "fatal", "backoff"]) await page.locator("td.status span", { hasText: new RegExp("^" + s + "( |$)") }).first().waitFor();
				await readable(page, 60);
				await page.locator('.chip[data-state="RUNNING"]').click(); // pressed
				await row(page, "says").locator("input[type=checkbox]").check(); // a selected row, buttons that are not disabled
				await readable(page, 40);
				await page.locator('.chip[data-state="RUNNING"]').click();
			});
			await check(colorScheme + ": messages, good and bad", async () => {
				await row(page, "gone").locator("td.action a", { hasText: /^Start$/ }).click();
				await page.locator("#statusmessage.error", { hasText: "gone: " }).waitFor();
				await readable(page, 60);
				await page.locator("#buttons a", { hasText: "Refresh" }).click();
				await page.locator("#statusmessage", { hasText: "Page refreshed" }).waitFor();
				await readable(page, 60);
			});
			await check(colorScheme + ": panels, and a log in all colours", async () => {
				for (const b of ["Events", "Listeners"]) {
					await panel(page, b);
					await page.locator("#drawer li, #drawer td").first().waitFor();
					await readable(page, 60);
					none(await page.evaluate(focusRings));
				}
				await panel(page, "Log sinks");
				await page.locator("#drawer td").first().waitFor();
				has((await page.locator('section[aria-label="Log sinks"] td').allInnerTexts()).join("|"), hostile + "|spool|5.0 MiB / 8.0 MiB|4|1|2.8 GiB|0 B|7|7 min|" + hostile);
				await panel(page, "Plugins");
				await page.locator('section[aria-label="Plugins"] td').first().waitFor();
				has((await page.locator('section[aria-label="Plugins"] td').allInnerTexts()).join("|"), hostile + "|BACKOFF|1||3|logsink:loki (not ready)|" + hostile);
				await readable(page, 60);
				none(await page.evaluate(focusRings));
				await row(page, "paints").locator("td.name a").click();
				await page.locator("section.log pre", { hasText: "the end of colours" }).waitFor();
				await page.locator("section.log input[type=search]").fill("plain");
				await page.locator("section.log mark").first().waitFor();
				same(await page.locator("section.log pre span span").count() > 40, true);
				await readable(page, 150);
				none(await page.evaluate(focusRings));
				await page.keyboard.press("Escape");
			});
			await check(colorScheme + ": dialogs", async () => {
				await page.keyboard.press("?");
				await page.locator("dialog dl").waitFor();
				await readable(page, 20);
				await page.keyboard.press("Escape");
				await page.locator("dialog").waitFor({ state: "detached" });
				await page.locator("#tools button", { hasText: "Configuration" }).click();
				await page.locator("dialog .diff li").first().waitFor();
				await readable(page, 8);
				none(await page.evaluate(focusRings));
				await page.keyboard.press("Escape");
			});
			await page.context().close();
			const plain = await open({ colorScheme, javaScriptEnabled: false }, "?message=done");
			await check(colorScheme + ": without scripts, and the form that asks", async () => {
				await readable(plain, 40);
				await plain.goto(url + "tail.html?processname=says");
				await readable(plain, 3);
				await plain.goto("data:text/html,<a id=a href='" + url + "index.html?processname=idle%26action=stop'>x</a>");
				await plain.locator("#a").click();
				await plain.locator("h1", { hasText: "Is that wanted?" }).waitFor();
				await readable(plain, 5);
			});
			await plain.context().close();
		}

		const page = await open();
		await live(page);
		await check("everything that can be focused shows it", async () => none(await page.evaluate(focusRings)));
		await check("keys alone are enough, and stay where they were", async () => {
			await page.reload();
			await live(page);
			await page.keyboard.press("Tab");
			same(await page.evaluate(() => document.activeElement.className), "skip");
			has(await page.evaluate(() => String(document.activeElement.getBoundingClientRect().left >= 0)), "true");
			const reach = async (label) => { // by Tab alone
				for (let i = 0; i < 400; i++) {
					if (await page.evaluate(() => document.activeElement.ariaLabel || document.activeElement.textContent) === label) return;
					await page.keyboard.press("Tab");
				}
				throw new Error("Tab does not reach " + label);
			};
			const at = () => page.evaluate(() => { const tr = document.activeElement.closest("tr"); return tr ? tr.dataset.name + " " + document.activeElement.textContent : "nowhere"; });
			await reach("Start idle");
			await page.keyboard.press("Enter");
			await state(page, "idle", "running");
			has(await at(), "idle "); // what has come in the place of Start
			await reach("Stop idle");
			await page.keyboard.press("Enter");
			await page.locator("dialog").waitFor();
			same(await page.evaluate(() => document.activeElement.textContent), "Leave it"); // a key that is held down says no
			await page.keyboard.press("Enter");
			await page.locator("dialog").waitFor({ state: "detached" });
			await state(page, "idle", "running");
			has(await at(), "idle ");
			await page.keyboard.press("Enter");
			await page.locator("dialog").waitFor();
			await page.keyboard.press("Tab");
			await page.keyboard.press("Enter");
			await state(page, "idle", "stopped");
			has(await at(), "idle ");
			await reach(await page.locator("tr.group button").first().evaluate((e) => e.textContent));
			await page.keyboard.press("Enter");
			same(await row(page, "many:many_1").isVisible(), false);
			same(await page.evaluate(() => document.activeElement.ariaExpanded), "false");
			await page.keyboard.press("Enter");
			same(await row(page, "many:many_1").isVisible(), true);
			await page.keyboard.press("?");
			await page.locator("dialog").waitFor();
			await page.keyboard.press("Escape");
			await page.locator("dialog").waitFor({ state: "detached" });
			same(await page.evaluate(() => document.activeElement.closest("tr.group") !== null), true);
		});
		await check("what happens is read out", async () => {
			await page.reload();
			await live(page);
			const line = page.locator("#statusmessage");
			same(await line.getAttribute("role"), "status"); // polite, by itself
			same(await line.evaluate((e) => getComputedStyle(e).display), "block"); // before there is anything, so that it is known when it comes
			await row(page, "gone").locator("td.action a", { hasText: /^Start$/ }).click();
			await page.locator("#statusmessage.error").waitFor();
			same(await page.locator("#live").getAttribute("role"), "status");
			same(await page.locator("#selection .picked").getAttribute("role"), "status");
			same(await page.evaluate(() => [...document.querySelectorAll("a, button, input, select")].filter((e) => !(e.ariaLabel || e.textContent.trim() || e.closest("label"))).length), 0);
		});
		await check("nothing moves for who does not want it", async () => {
			const fresh = () => page.evaluate(() => { const tr = document.querySelector("tr[data-name]"); tr.classList.add("fresh"); const n = getComputedStyle(tr.cells[0]).animationName; tr.classList.remove("fresh"); return n; });
			await page.emulateMedia({ reducedMotion: "reduce" });
			same(await fresh(), "none");
			await page.emulateMedia({ reducedMotion: "no-preference" });
			same(await fresh(), "fresh");
		});
		await check("a name from right to left turns nothing around it", async () => {
			const name = "\u202etxt.exe";
			same(await row(page, name).locator("td.name a").evaluate((e) => getComputedStyle(e).unicodeBidi), "isolate");
			await row(page, name).locator("td.action a", { hasText: /^Start$/ }).click();
			await page.locator("#statusmessage", { hasText: "\u2068txt.exe\u2069" }).waitFor();
			await page.locator("#tools button", { hasText: "Events" }).click();
			await page.locator(".panel li bdi", { hasText: name }).first().waitFor();
			await page.keyboard.press("Escape");
		});
		await page.context().close();

		await check("360 pixels are enough, without scrolling sideways", async () => {
			const phone = await open({ viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true });
			await extended(phone);
			await wide(phone, "the table");
			await row(phone, "says").locator("input[type=checkbox]").check();
			await wide(phone, "with a selection");
			for (const b of ["Events", "Listeners", "Log sinks", "Plugins"]) {
				await panel(phone, b);
				await wide(phone, b);
				await phone.locator("#drawer .close").click();
			}
			await row(phone, "paints").locator("td.name a").click();
			await phone.locator("section.log pre", { hasText: "the end of colours" }).waitFor();
			await wide(phone, "panels");
			await phone.keyboard.press("Escape");
			same(await row(phone, "gone").locator("td.action").isVisible(), false); // actions are behind a tap
			await row(phone, "gone").locator("td.tap button").tap();
			await wide(phone, "the actions of a row");
			await row(phone, "gone").locator("td.action a", { hasText: /^Start$/ }).tap();
			await phone.locator("#statusmessage.error").waitFor();
			await wide(phone, "a message");
			await phone.locator("#tools button", { hasText: "Configuration" }).click();
			await phone.locator("dialog .diff li").first().waitFor();
			await wide(phone, "the difference");
			same(await phone.evaluate(() => { const d = document.querySelector("dialog"); return d.scrollWidth <= d.clientWidth; }), true);
			await phone.keyboard.press("Escape");
			await phone.context().close();
			const plain = await open({ viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, javaScriptEnabled: false }, "?message=" + "long".repeat(60));
			await wide(plain, "without scripts");
			await plain.goto(url + "tail.html?processname=says");
			await wide(plain, "the tail");
			await plain.context().close();
		});
	},
};
