// What pages of other sites can have a browser do here: nothing. Run by page.mjs.
import { createServer } from "node:http";

export const suites = {
	async foreign({ browser, check, same, url }) {
		const site = createServer((_, answer) => { answer.setHeader("Content-Type", "text/html"); answer.end("<!DOCTYPE html><p>kittens</p>"); });
		await new Promise((up) => site.listen(0, "127.0.0.1", up));
		const { port } = site.address();
		const asked = (path) => fetch(url + path);
		const state = async (name) => (await (await asked("ui/api/snapshot")).json()).processes.find((p) => p.name === name).state;
		const streams = async () => (await (await asked("ui/api/subscribers")).json()).filter((s) => s.kind === "stream").length;
		const call = '<?xml version="1.0"?><methodCall><methodName>supervisor.stopProcess</methodName><params><param><value><string>says</string></value></param></params></methodCall>';

		// Another site, and another port of the same one.
		for (const host of ["localhost", "127.0.0.1"]) {
			const context = await browser.newContext();
			const page = await context.newPage();
			page.setDefaultTimeout(45000);
			await page.goto("http://" + host + ":" + port + "/");
			const sent = async (path, run) => { // what the daemon answers to the request that run makes for a path
				const [r] = await Promise.all([context.waitForEvent("response", { predicate: (r) => new URL(r.url()).pathname === path }), run()]);
				return r.status();
			};
			// A browser keeps some answers from the page, and so from Playwright; what came over the wire is told here.
			const wire = await context.newCDPSession(page), paths = new Map(), statuses = new Map(); // by request; the two are told in any order
			let look = () => {};
			await wire.send("Network.enable");
			wire.on("Network.requestWillBeSent", (e) => { paths.set(e.requestId, new URL(e.request.url).pathname); look(); });
			wire.on("Network.responseReceivedExtraInfo", (e) => { statuses.set(e.requestId, e.statusCode); look(); });
			const answered = async (path, run) => {
				const answer = new Promise((over, late) => {
					const limit = setTimeout(() => late(new Error("no answer to " + path)), 45000);
					look = () => {
						for (const [id, p] of paths) if (p === path && statuses.has(id)) { paths.delete(id); clearTimeout(limit); over(statuses.get(id)); }
					};
				});
				await run();
				return answer;
			};
			await check(host + ": a form of text/plain calls nothing", async () => {
				same(await sent("/RPC2", () => page.evaluate(([url, call]) => {
					const form = document.createElement("form"), field = document.createElement("input"), frame = document.createElement("iframe");
					frame.name = "sink"; form.target = "sink"; form.method = "POST"; form.enctype = "text/plain"; form.action = url + "RPC2";
					const cut = call.indexOf("="); // name=value is the whole body
					field.name = call.slice(0, cut); field.value = call.slice(cut + 1);
					form.append(field); document.body.append(frame, form);
					form.submit();
				}, [url, call])), 403);
				same(await state("says"), "RUNNING");
			});
			await check(host + ": nor does fetch", async () => {
				same(await sent("/RPC2", () => page.evaluate(([url, call]) => fetch(url + "RPC2", { method: "POST", mode: "no-cors", credentials: "include", headers: { "Content-Type": "text/plain" }, body: call }).then(() => {}, () => {}), [url, call])), 403);
				same(await state("says"), "RUNNING");
			});
			await check(host + ": no stream is held", async () => {
				const before = await streams();
				same(await answered("/events", () => page.evaluate((url) => new Promise((over) => {
					const source = new EventSource(url + "events", { withCredentials: true });
					source.onerror = source.onopen = () => { over(source.readyState); source.close(); };
				}), url)), 403);
				same(await answered("/events", () => page.evaluate((url) => { new Image().src = url + "events"; }, url)), 403);
				same(await answered("/logtail/says", () => page.evaluate((url) => { new Image().src = url + "logtail/says"; }, url)), 403);
				same(await answered("/mainlogtail", () => page.evaluate((url) => fetch(url + "mainlogtail", { mode: "no-cors", credentials: "include" }).then(() => {}, () => {}), url)), 403);
				same(await streams(), before);
			});
			await check(host + ": what the page's script asks for is not made", async () => {
				same(await answered("/ui/api/stats", () => page.evaluate((url) => fetch(url + "ui/api/stats", { mode: "no-cors", credentials: "include" }).then(() => {}, () => {}), url)), 403);
			});
			await check(host + ": the page is put into no frame", async () => {
				await page.evaluate((url) => { const f = document.createElement("iframe"); f.src = url; f.name = "trap"; document.body.append(f); return new Promise((over) => { f.onload = over; }); }, url);
				const frame = page.frames().find((f) => f.name() === "trap");
				same(await frame.locator("#statustable").count(), 0);
			});
			await check(host + ": a link may still lead to a log", async () => {
				await page.evaluate((url) => { document.body.innerHTML = '<a id="a" target="_blank" href="' + url + 'logtail/says">x</a>'; }, url);
				same(await sent("/logtail/says", () => page.locator("#a").click()), 200);
			});
			await context.close();
		}
		await new Promise((over) => { site.closeAllConnections(); site.close(over); });
	},
};
