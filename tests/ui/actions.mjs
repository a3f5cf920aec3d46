/* What operators do on the page, and what pages of other sites try. */
import {createServer} from 'node:http';
import {awaitText, Gateway, gone, must, openBrowser, openPage, press, runAll, screenshot, test, textOf, Town} from './scene.mjs';

const town = await Town.start();
const gateway = await new Gateway(town).start();

await openBrowser();

const page = await openPage(gateway, 'operator:demo-password');
const modeOf = async (which) => (await gateway.ask('GET', '/api/v1/status')).json[which].mode;

/* In the dialog: chooses, types, presses; waits until it has closed, or says what is wrong. */
async function choose(p, id, value) {
	await p.waitForSelector('#' + id);
	await p.select('#' + id, value);
}

async function closed(p) {
	await p.waitForFunction(() => !document.getElementById('dialog').open, {polling: 'mutation'}).catch(async () => {
		throw new Error('the dialog stays: ' + await textOf(p, '#dialog'));
	});
}

const softly = await gateway.peer('nosource');
const good = await gateway.peer('good');

must(softly !== null && good !== null, 'peers are in');
await awaitText(page, '#inside-rows', /O=nosource/);

test('the mode asks first: whom HARD_FAIL would refuse, and the word OFF', async () => {
	await press(page, '#mode-actions', 'change…');
	await choose(page, 'mode-scope', 'corda.p2p.gateway');
	await choose(page, 'mode-mode', 'HARD_FAIL');
	await awaitText(page, '#mode-facts', /HARD_FAIL would refuse now: 1 peer inside not known good, 1 peer let in softly in the last hour/);
	await choose(page, 'mode-mode', 'OFF');
	await screenshot(page, 'mode-off');
	await press(page, '#dialog', 'change');
	await awaitText(page, '#dialog .wrong', /type the word OFF/);
	must(await modeOf('tls') === 'SOFT_FAIL', 'nothing has changed');
	await page.type('#mode-off', 'off');
	await press(page, '#dialog', 'change');
	await awaitText(page, '#dialog .wrong', /type the word OFF/);
	await page.$eval('#mode-off', (e) => (e.value = ''));
	await page.type('#mode-off', 'OFF');
	await press(page, '#dialog', 'change');
	await closed(page);
	must(await modeOf('tls') === 'OFF', 'it is off');
	await awaitText(page, '#banner', /TLS CHECKS ARE OFF/);
});

test('who was slower is told by whom', async () => {
	const other = await openPage(gateway, 'operator:demo-password');

	for (const p of [page, other]) {
		await press(p, '#mode-actions', 'change…');
		await choose(p, 'mode-scope', 'corda.p2p.gateway');
	}
	await choose(page, 'mode-mode', 'SOFT_FAIL');
	await press(page, '#dialog', 'change');
	await closed(page);
	await choose(other, 'mode-mode', 'HARD_FAIL');
	await press(other, '#dialog', 'change');
	await awaitText(other, '#dialog .wrong', /409.*operator was faster, with version 2/);
	must(await modeOf('tls') === 'SOFT_FAIL', 'the first one holds');
	await other.close();
});

test('what a section has besides stays when the mode is changed', async () => {
	await gateway.put('corda.p2p.linkManager', {revocationCheck: {mode: 'SOFT_FAIL'}, maxRequestSize: 1048576}).catch(() => {});
	const before = JSON.parse((await gateway.ask('GET', '/api/v1/config/corda.p2p.linkManager')).json.sourceConfig);

	await press(page, '#mode-actions', 'change…');
	await choose(page, 'mode-scope', 'corda.p2p.linkManager');
	await choose(page, 'mode-mode', 'HARD_FAIL');
	await press(page, '#dialog', 'change');
	await closed(page);
	const after = JSON.parse((await gateway.ask('GET', '/api/v1/config/corda.p2p.linkManager')).json.sourceConfig);

	must(after.revocationCheck.mode === 'HARD_FAIL', JSON.stringify(after));
	delete before.revocationCheck;
	delete after.revocationCheck;
	must(JSON.stringify(before) === JSON.stringify(after), JSON.stringify(after));
	must(await modeOf('sessions') === 'HARD_FAIL', 'sessions');
});

test('a version is put back, with its difference', async () => {
	await press(page, '#config-rows tr:nth-child(2)', 'history');
	await awaitText(page, '#dialog', /History of corda\.p2p\.gateway.*v2 by operator.*v1 by operator/);
	await press(page, '#dialog', 'put back…');
	await awaitText(page, '#dialog', /from v2:.*- .*"mode": "SOFT_FAIL".*\+ .*"mode": "OFF"|from v2:.*\+ .*"OFF".*- .*"SOFT_FAIL"/);
	await screenshot(page, 'difference');
	await press(page, '#dialog', 'put back');
	await closed(page);
	must(await modeOf('tls') === 'OFF', 'version 1 is in force');
	await gateway.put('corda.p2p.gateway', {});
	await gateway.put('corda.p2p.linkManager', {revocationCheck: {mode: 'SOFT_FAIL'}});
	await awaitText(page, '#banner', /^(?!.*OFF)/);
});

test('a denial wants a reason, cuts who is inside, and is lifted', async () => {
	const s = await gateway.peer('nosource');

	must(s !== null, 'it is in');
	/* The good one was not known good while the mode was OFF. */
	await awaitText(page, '#inside-rows', /^(?!.*O=good).*O=nosource/);
	await press(page, '#inside-rows', 'deny…');
	await awaitText(page, '#dialog', /O=nosource.*serial [0-9A-F]+.*Cuts 1 live connection\./i);
	await press(page, '#dialog', 'deny');
	await awaitText(page, '#dialog .wrong', /say why/);
	await page.type('#deny-reason', '<b>lost</b>');
	await press(page, '#dialog', 'deny');
	await closed(page);
	await gone(s);
	await awaitText(page, '#denylist-rows', /of C=GB,L=London,O=Test doorman CA <b>lost<\/b> operator/);
	await awaitText(page, '#decision-rows', /cut off .*O=nosource.*denylisted/);
	must(await gateway.peer('nosource') === null, 'it stays out');
	await press(page, '#denylist-rows', 'remove…');
	await press(page, '#dialog', 'remove');
	await closed(page);
	await awaitText(page, '#denylist-rows', /nobody/);
	const again = await gateway.peer('nosource');

	must(again !== null, 'it is in again');
	again.destroy();
});

test('a denial says how many it will cut, known good or not', async () => {
	await page.type('#decision-filter', 'O=good');
	await awaitText(page, '#decision-rows', /^(?!.*O=nosource).*O=good/);
	await press(page, '#decision-rows', 'open');
	await press(page, '#decision-rows .detail', 'deny this certificate…');
	await awaitText(page, '#deny-cuts', /^Cuts 1 live connection\.$/);
	await press(page, '#dialog', 'cancel');
	await closed(page);
	await press(page, '#decision-rows', 'close');
	await page.$eval('#decision-filter', (e) => {
		e.value = '';
		e.dispatchEvent(new Event('input'));
	});
	await awaitText(page, '#decision-rows', /O=nosource/);
});

test('a refused one is denied from its decision, another by its certificate', async () => {
	must(await gateway.peer('onhold') === null, 'on hold is refused');
	await page.type('#decision-filter', 'O=onhold');
	await awaitText(page, '#decision-rows', /^(?!.*O=good).*O=onhold/);
	await press(page, '#decision-rows', 'open');
	await press(page, '#decision-rows .detail', 'deny this certificate…');
	await page.type('#deny-reason', 'never again');
	await press(page, '#dialog', 'deny');
	await closed(page);
	await awaitText(page, '#denylist-rows', /never again/);
	await press(page, '#denylist', 'add…');
	await page.type('#deny-reason', 'pasted');
	await press(page, '#dialog', 'deny');
	await awaitText(page, '#dialog .wrong', /certificate/);
	await page.$eval('#deny-pem', (e, pem) => (e.value = pem), /-----BEGIN[^]*?END CERTIFICATE-----/.exec(town.pem('peers/unseen'))[0]);
	await press(page, '#dialog', 'deny');
	await closed(page);
	await awaitText(page, '#denylist-num', /^2$/);
	must(await gateway.peer('unseen') === null, 'it is shut out');
});

test('one connection is cut', async () => {
	const s = await gateway.peer('nosource');

	await page.$eval('#decision-filter', (e) => {
		e.value = '';
		e.dispatchEvent(new Event('input'));
	});
	await awaitText(page, '#inside-num', /^1 not known good/);
	await press(page, '#inside-rows', 'cut…');
	await awaitText(page, '#dialog', /Cut this connection\?.*O=nosource/);
	await press(page, '#dialog', 'cut');
	await closed(page);
	await gone(s);
	await awaitText(page, '#decision-rows', /cut off .*O=nosource/);
});

test('evidence is refreshed, and what came of it is said', async () => {
	await press(page, '#evidence-rows', 'refresh');
	await awaitText(page, '#evidence-result', /http:\S+: 1 of 1 answered, .* bytes in .* ms/);
});

test('a pasted certificate is asked about', async () => {
	const paste = (what) => page.$eval('#ask-pem', (e, pem) => (e.value = pem), what);

	await paste('nothing');
	await press(page, '#ask-form', 'ask');
	await awaitText(page, '#ask-answer', /no certificate in PEM is there/);
	for (const [peer, pattern] of [['peers/revoked', /✖ would be refused .*revoked.*keyCompromise/], ['peers/good', /● Active: would be let in.*O=good.*ocsp/i]]) {
		await paste(town.pem(peer));
		await press(page, '#ask-form', 'ask');
		await awaitText(page, '#ask-answer', pattern);
	}
	await screenshot(page, 'asked');
	must(page.complaints.filter((c) => !/40\d/.test(c)).length === 0, page.complaints.join('; '));
});

test('pages of other sites get 403, and change nothing', async () => {
	const site = createServer((req, res) => {
		res.setHeader('Content-Type', 'text/html');
		res.end('<!DOCTYPE html><title>evil</title><p>evil</p>');
	}).listen(0, '127.0.0.1');

	await new Promise((resolve) => site.on('listening', resolve));
	const before = (await gateway.ask('GET', '/api/v1/status')).json;
	const num = before.summary.crossSiteRefused;
	/* The browser of somebody who is logged in. */
	const victim = await openPage(gateway, 'operator:demo-password');
	const targets = [['POST', 'denylist'], ['POST', 'reload'], ['POST', 'cache/refresh'], ['POST', 'config/corda.p2p.gateway/history/1/restore']];

	await victim.goto('http://127.0.0.1:' + site.address().port + '/');
	await victim.evaluate(async (url, list) => {
		for (const [method, path] of list)
			await fetch(url + '/api/v1/' + path, {method, mode: 'no-cors', credentials: 'include', headers: {'Content-Type': 'text/plain'},
				body: JSON.stringify({spkiSha256: '00'.repeat(32), reason: 'evil'})}).catch(() => null);
	}, gateway.url, targets);
	const after = (await gateway.ask('GET', '/api/v1/status')).json;

	must(after.summary.crossSiteRefused === num + targets.length, 'refused: ' + (after.summary.crossSiteRefused - num));
	must(after.summary.denied === before.summary.denied, 'the denylist');
	must(JSON.stringify(after.configuration) === JSON.stringify(before.configuration), 'the sections');
	for (const headers of [{Origin: 'https://evil.example'}, {'Sec-Fetch-Site': 'cross-site'}, {'Sec-Fetch-Site': 'same-site'}, {Origin: 'null'}])
		for (const [method, path] of [...targets, ['PUT', 'config'], ['DELETE', 'connections/1'], ['DELETE', 'cache']]) {
			const a = await gateway.ask(method, '/api/v1/' + path, undefined, {headers});

			must(a.status === 403, method + ' ' + path + ' ' + JSON.stringify(headers) + ': ' + a.status);
		}
	const plain = await gateway.ask('POST', '/api/v1/cache/refresh');

	must(plain.status === 202, 'who is no browser: ' + plain.status);
	site.close();
	site.closeAllConnections();
	await victim.close();
});

await runAll();
