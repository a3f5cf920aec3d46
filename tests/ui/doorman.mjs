/* The doorman's state on the page: a real one, one that is away, and what it calls itself. */
import {spawnSync} from 'node:child_process';
import {createServer} from 'node:http';
import {awaitText, Gateway, must, openBrowser, openPage, runAll, screenshot, startProgram, stopProgram, test, Town} from './scene.mjs';

const town = await Town.start();
const {FIXTURES} = process.env;
const made = spawnSync(FIXTURES + '/doorman', ['init', 'door'], {encoding: 'utf8', input: ''});

must(made.status === 0, made.stdout + made.stderr);
const door = await startProgram(FIXTURES + '/doorman', ['serve', '-c', 'door/doorman.conf'], {log: 'doorman.log'});
const url = 'http://' + /http=(\S+)/.exec(door.ready)[1];

await openBrowser();

test('where none is watched there is nothing of it', async () => {
	const gateway = await new Gateway(town).start();
	const page = await openPage(gateway, 'reader:reader-password');

	must(await page.$eval('#doorman', (e) => e.hidden), 'the block is there');
	await page.close();
	await gateway.stop();
});

test('what a real one says, and that it does not answer any more', async () => {
	const gateway = await new Gateway(town, {doorman: {status_url: url + '/', interval_ms: 1000, timeout_ms: 1000}}).start();
	const page = await openPage(gateway, 'reader:reader-password');

	await awaitText(page, '#doorman-state', /● ready version [0-9.]+, asked/);
	await awaitText(page, '#doorman-words', /^nothing waits$/);
	await awaitText(page, '#doorman-rows', /doorman 1 0 .*root 1 0 .*empty 1 0 /);
	await screenshot(page, 'doorman');
	await stopProgram(door.child);
	await awaitText(page, '#doorman-state', /✖ does not answer since \d/);
	await awaitText(page, '#doorman-words', /\/readyz: .*what it said last, .*nothing waits/);
	await awaitText(page, '#doorman-rows', /doorman 1 0 /);
	await screenshot(page, 'doorman-away');
	must(page.complaints.length === 0, page.complaints.join('; '));
	await page.close();
	await gateway.stop();
});

test('what it calls itself is text', async () => {
	const MARKUP = '<img src=x onerror=alert(1)>';
	const face = createServer((req, res) => {
		const ready = req.url === '/readyz';

		res.statusCode = ready ? 503 : 200;
		res.end(ready ? 'the list ' + MARKUP + ' \u202e has expired\n' : 'doorman_build_info{version="' + MARKUP + '"} 1\n' +
			'doorman_crl_number{list="' + MARKUP + '"} 7\ndoorman_crl_seconds_to_next_update{list="' + MARKUP + '"} -5\n' +
			'doorman_requests{kind="revocation",state="APPROVED"} 2\n' +
			'doorman_oldest_request_seconds{kind="revocation",state="APPROVED"} 7200\n');
	}).listen(0, '127.0.0.1');

	await new Promise((resolve) => face.on('listening', resolve));
	const gateway = await new Gateway(town, {doorman: {status_url: 'http://127.0.0.1:' + face.address().port, interval_ms: 1000}}).start();
	const page = await openPage(gateway, 'reader:reader-password');

	await awaitText(page, '#doorman-state', /✖ not ready version <img src=x onerror=alert\(1\)/);
	await awaitText(page, '#doorman-words', /the list <img src=x onerror=alert\(1\)> \?\?\? has expired waiting for the signature: 2 revocations, the oldest 2 h/);
	await awaitText(page, '#doorman-rows', /<img src=x onerror=alert\(1\)> 7 0 .*ran out/);
	must(await page.$$eval('#doorman img', (l) => l.length) === 0, 'an element was made of a name');
	must(page.complaints.length === 0, page.complaints.join('; '));
	await page.close();
	await gateway.stop();
	face.close();
	face.closeAllConnections();
});

await runAll();
