// Plugins, notifiers and the daemon itself, from the page. Run by page.mjs.
import { readFile } from "node:fs/promises";

export const suites = {
	async daemon({ open, check, row, state, same, has, live, agree, panel, url, args }) {
		const [notes] = args, as = (name) => ({ httpCredentials: { username: name, password: name } });
		const page = await open(as("boss"));
		await live(page);
		await check("a plugin is restarted, and what it serves is named before", async () => {
			await panel(page, "Plugins");
			const line = page.locator("#drawer tr", { hasText: "recorder" });
			await line.locator("td", { hasText: /^RUNNING$/ }).waitFor();
			const pid = await line.locator("td").nth(3).innerText();
			await line.locator("button", { hasText: "Restart" }).click();
			has(await agree(page), "Restart the plugin recorder?\nWhat comes for its sections meanwhile waits in their queues.\nIt serves (1)\nnotifier:ops\n");
			await page.locator("#drawer .note", { hasText: "Restarting recorder." }).waitFor();
			await page.waitForFunction((was) => { const td = document.querySelectorAll("#drawer tbody td"); return td.length && td[1].textContent === "RUNNING" && td[3].textContent !== was; }, pid);
			same(await page.evaluate(() => document.activeElement.ariaLabel), "Restart recorder"); // where the keys were
		});
		await check("a notifier is tested", async () => {
			await panel(page, "Listeners");
			await page.locator("#drawer tr", { hasText: "ops" }).locator("button", { hasText: "Test" }).click();
			await page.locator("#drawer .note", { hasText: "ops: the sample was delivered" }).waitFor();
			has(await readFile(notes, "utf8"), "\n");
			same(await page.locator("#drawer tr", { hasText: "hears" }).locator("button").count(), 0); // only notifiers
			await page.keyboard.press("Escape");
		});
		await check("who may only read is offered neither, and sees what happened", async () => {
			const guest = await open(as("guest"));
			await live(guest);
			for (const name of ["Plugins", "Listeners"]) {
				await panel(guest, name);
				await guest.locator("#drawer td").first().waitFor();
				same(await guest.locator("#drawer td button").count(), 0);
			}
			await panel(guest, "Events");
			await guest.locator("#drawer li", { hasText: "PLUGIN_STATE_RUNNING recorder" }).first().waitFor();
			same(await guest.locator("#tools .daemon, #selection").count(), 0);
			await guest.context().close();
		});
		await check("a reload names what it stops, and the page goes on with the daemon that comes back", async () => {
			const token = () => page.locator("meta[name=hark-token]").getAttribute("content"), was = await token();
			await state(page, "runs", "running");
			await page.locator("#tools button", { hasText: "Reload…" }).click();
			has(await agree(page), "Reload supervisord?\nIt reads its configuration again, stops all programs, and starts those with autostart.\nStopped (2)\nhears, runs\n");
			await page.waitForFunction((was) => { const m = document.querySelector("meta[name=hark-token]"); return m && m.content !== was; }, was);
			await live(page);
			await row(page, "idle").locator("td.action a", { hasText: /^Start$/ }).click();
			await state(page, "idle", "running");
		});
		await check("a shutdown too, and the page says that the daemon is gone", async () => {
			await state(page, "runs", "running");
			await page.locator("#tools button", { hasText: "Shut down…" }).click();
			has(await agree(page), "Shut down supervisord?\nIt stops all programs and ends. This page goes with it and cannot start it again.\nStopped (3)\nhears, idle, runs\n");
			await page.locator("#live.off", { hasText: "does not answer" }).waitFor();
		});
	},
};
