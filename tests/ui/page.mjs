/*
 * The status page, as somebody sees it: who may, who comes, which source is
 * silent, what is switched off, and the gateway away.
 */
import {readFileSync} from 'node:fs';
import {awaitText, axeSource, Gateway, must, openBrowser, openPage, press, runAll, screenshot, test, textOf, Town, USERS} from './scene.mjs';

const town = await Town.start();
const gateway = await new Gateway(town).start();
const browser = await openBrowser();
const inside = [];
const SOON_MS = 20000; /* the page asks every two seconds; others share the machine */

const operator = await openPage(gateway, 'operator:demo-password');

test('without credentials there is the 401 and nothing else', async () => {
	for (const path of ['/', '/ui/', '/ui/page.js', '/ui/page.css', '/ui/icon.svg', '/ui/state', '/ui/logout', '/ui/other'])
		for (const user of [null, 'operator:wrong']) {
			const a = await gateway.ask('GET', path, undefined, {user});

			must(a.status === 401, path + ' ' + user + ': ' + a.status);
			must(!/0\.1\.0|script/.test(a.text), path + ': ' + a.text);
			must(a.headers['www-authenticate'] === 'Basic realm="p2p-gateway"', path);
			must(a.headers['content-security-policy'].includes("default-src 'none'"), path);
		}
	const page = await openPage(gateway, 'operator:wrong', {wait: false});

	must(page.answer instanceof Error || page.answer.status() === 401, 'a wrong password');
	await page.close();
});

test('every answer says what a browser may do with it', async () => {
	const root = await gateway.ask('GET', '/');

	must(root.status === 302 && root.headers.location === '/ui/', 'GET /: ' + root.status);
	for (const [path, kept] of [['/ui/', 'no-store'], ['/ui', 'no-store'], ['/ui/state', 'no-store'], ['/ui/page.js', 'no-cache'],
		['/ui/page.css', 'no-cache'], ['/ui/icon.svg', 'no-cache']]) {
		const a = await gateway.ask('GET', path);
		const h = a.headers;

		must(a.status === 200, path + ': ' + a.status);
		must(h['content-security-policy'] === "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
			"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'", path);
		must(h['x-content-type-options'] === 'nosniff' && h['referrer-policy'] === 'no-referrer' &&
			h['cross-origin-opener-policy'] === 'same-origin' && h['cross-origin-resource-policy'] === 'same-origin', path);
		must(h['cache-control'] === kept, path + ': ' + h['cache-control']);
		must(!Object.keys(h).some((name) => name.startsWith('access-control')), path);
		if (kept === 'no-cache') {
			const again = await gateway.ask('GET', path, undefined, {headers: {'If-None-Match': h.etag}});
			const other = await gateway.ask('GET', path, undefined, {headers: {'If-None-Match': '"x"'}});

			must(again.status === 304 && again.text === '' && other.status === 200, path + ': ' + again.status);
		}
	}
	const out = await gateway.ask('GET', '/ui/logout');

	must(out.status === 401 && /logged out/.test(out.headers['www-authenticate']), 'log out: ' + out.status);
	must((await gateway.ask('GET', '/ui/nothing')).status === 404, 'what is not there');
});

test('the log says by which certificate a browser may know it', async () => {
	const {certificate} = await gateway.ask('GET', '/ui/');

	must(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/.test(certificate), certificate);
	must(readFileSync('gateway.log', 'utf8').includes('the certificate of REST (sha256=' + certificate + ')'), certificate);
});

test('who only reads has no buttons, who checks has no page', async () => {
	const page = await openPage(gateway, 'reader:reader-password');
	const texts = await page.$$eval('button', (list) => list.filter((b) => b.offsetParent !== null).map((b) => b.textContent));

	must(texts.includes('pause'), 'buttons: ' + texts);
	must(!texts.some((t) => /…|refresh|^ask$/.test(t)), 'buttons: ' + texts);
	must(page.complaints.length === 0, page.complaints.join('; '));
	await page.close();

	const refused = await openPage(gateway, 'node:node-password', {wait: false});

	must(refused.answer.status() === 403, 'check: ' + refused.answer.status());
	await awaitText(refused, 'main', /Not for this user/);
	must((await gateway.ask('GET', '/ui/page.js', undefined, {user: 'node:node-password'})).status === 403, 'its script');
	must((await gateway.ask('GET', '/ui/state', undefined, {user: 'node:node-password'})).status === 403, 'its state');
	await refused.close();
});

test('who comes is there, by word', async () => {
	inside.push(await gateway.peer('good'), await gateway.peer('nosource'));
	must(inside.every((s) => s !== null), 'good and soft are let in');
	must(await gateway.peer('revoked') === null, 'revoked is refused');
	const denied = await gateway.ask('POST', '/api/v1/denylist', {certificate: town.pem('peers/fresh').match(/-----BEGIN[^]*?END CERTIFICATE-----\n/)[0], reason: 'stolen laptop'});

	must(denied.status === 201 || denied.status === 200, 'denylist: ' + denied.status + denied.text);
	must(await gateway.peer('fresh') === null, 'denied is refused');
	await awaitText(operator, '#decision-rows', /refused \S*O=revoked\S* .*revoked, keyCompromise/, SOON_MS);
	await awaitText(operator, '#decision-rows', /SOFT \S*O=nosource\S* .*unknown, no-source/, SOON_MS);
	await awaitText(operator, '#decision-rows', /let in \S*O=good/, SOON_MS);
	await awaitText(operator, '#decision-rows', /refused \S*O=fresh\S* .*denylist/, SOON_MS);
	await awaitText(operator, '#inside-rows', /O=nosource.*SOFT no-source/, SOON_MS);
	await awaitText(operator, '#inside-num', /1 not known good of 2/, SOON_MS);
	await awaitText(operator, '#denylist-rows', /stolen laptop operator/, SOON_MS);
	await awaitText(operator, '#card-refused', /1 revoked, 1 denylisted/, SOON_MS);
	await awaitText(operator, '#card-soft', /1 last hour 1 inside now/, SOON_MS);
	must(!/O=good/.test(await textOf(operator, '#inside-rows')), 'the good one is not listed');
});

test('the evidence of a decision opens, and the filters find', async () => {
	await press(operator, '#decision-filters', 'softly let in');
	await awaitText(operator, '#decision-rows', /^(?!.*O=revoked).*O=nosource/);
	await press(operator, '#decision-filters', 'refused');
	await awaitText(operator, '#decision-rows', /^(?!.*O=nosource).*O=revoked/);
	await press(operator, '#decision-filters', 'all');
	await operator.type('#decision-filter', 'O=revoked');
	await awaitText(operator, '#decision-rows', /^(?!.*O=good).*O=revoked/);
	await press(operator, '#decision-rows', 'open');
	await awaitText(operator, '#decision-rows .detail', /method: OCSP.*signer: .*deny this certificate.*copy as JSON/i);
	await press(operator, '#decision-rows', 'close');
	await operator.$eval('#decision-filter', (e) => {
		e.value = '';
		e.dispatchEvent(new Event('input'));
	});
	await awaitText(operator, '#decision-rows', /O=good/);
});

test('pictures at two widths, light and dark; axe finds nothing serious', async () => {
	for (const [width, height] of [[1280, 900], [390, 844]])
		for (const scheme of ['light', 'dark']) {
			await operator.setViewport({width, height});
			await operator.emulateMediaFeatures([{name: 'prefers-color-scheme', value: scheme}]);
			await screenshot(operator, 'page-' + width + '-' + scheme);
			/* By the debugging port, which no policy of the page holds up. */
			await operator.evaluate(axeSource());
			const bad = await operator.evaluate(() => window.axe.run({resultTypes: ['violations']}).then((r) => r.violations
				.filter((v) => v.impact === 'serious' || v.impact === 'critical').map((v) => v.id + ': ' + v.nodes.map((n) => n.html).join(' '))));

			must(bad.length === 0, width + ' ' + scheme + ': ' + bad.join('\n'));
			must(await operator.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), width + ': wider than the window');
		}
	await operator.setViewport({width: 1280, height: 900});
	await operator.emulateMediaFeatures([{name: 'prefers-color-scheme', value: 'light'}]);
});

test('everything can be reached by the keyboard', async () => {
	const seen = new Set();

	await operator.evaluate(() => document.activeElement.blur());
	for (let i = 0; i < 80; i++) {
		await operator.keyboard.press('Tab');
		seen.add(await operator.evaluate(() => document.activeElement.getAttribute('data-key') ?? document.activeElement.id));
	}
	for (const key of ['pause', 'mode', 'refresh-all', 'evidence-filter', 'filter refused', 'decision-filter', 'add', 'ask-pem', 'ask'])
		must(seen.has(key), key + ' is not among ' + [...seen]);
	await press(operator, '#denylist', 'add…');
	must(await operator.$eval('#dialog', (d) => d.open), 'a dialog');
	await operator.keyboard.press('Escape');
	must(await operator.$eval('#dialog', (d) => !d.open), 'Escape cancels');
});

test('a source that is silent says so, and since when; the end of its CRL is told before', async () => {
	const now = Math.floor(Date.now() / 1000);

	town.end('ocsp');
	/* 95 of 100 parts of its life have passed. */
	town.ca('crl', 'doorman', '--this', String(now - 5700), '--next', String(now + 300));
	inside.push(await gateway.peer('crlonly'));
	await press(operator, '#evidence', 'refresh all');
	await awaitText(operator, '#evidence-result', /all sources: \d+ of \d+ answered/);
	await awaitText(operator, '#evidence-rows', /CRL/);
	town.end('web');
	await press(operator, '#evidence', 'refresh all');
	await awaitText(operator, '#evidence-rows', /(failing|ends soon).*(unreachable|connect).* ×\d+.* ago /);
	must(/^\d{4}-\d\d-\d\dT/.test(await operator.$eval('#evidence-rows td[data-name="last good"] time', (e) => e.title)), 'since when, to the second');
	await awaitText(operator, '#evidence-result', /all sources: .*(unreachable|connect|refused)/);
	await awaitText(operator, '#banner', /DEGRADED .*certificate-revocation-list/);
});

test('what lets in unasked is red, with who did it', async () => {
	await gateway.put('corda.p2p.gateway', {sslConfig: {revocationCheck: {mode: 'OFF'}}});
	await awaitText(operator, '#banner', /TLS CHECKS ARE OFF.*corda\.p2p\.gateway version 1, set by operator at \d/);
	await awaitText(operator, '#tls-mode', /✖ OFF/);
	await gateway.put('corda.p2p.gateway', {sslConfig: {tlsType: 'ONE_WAY'}});
	await awaitText(operator, '#banner', /ONE WAY.*corda\.p2p\.gateway version 2, set by operator/);
	await gateway.put('corda.p2p.gateway', {});
	await gateway.put('revcheck', {issuers: [{ski: 'ab'.repeat(20), exempt: true}]});
	await awaitText(operator, '#banner', /EXEMPT ISSUERS.*revcheck version 1, set by operator/);
	await gateway.put('revcheck', {});
	await gateway.put('corda.p2p.linkManager', {revocationCheck: {mode: 'OFF'}});
	await awaitText(operator, '#banner', /SESSION CHECKS ARE OFF.*corda\.p2p\.linkManager version 1/);
	await gateway.put('corda.p2p.linkManager', {revocationCheck: {mode: 'SOFT_FAIL'}});
	await awaitText(operator, '#banner', /^(?!.*ARE OFF)/);
});

test('without a script there are banner, modes and counts', async () => {
	await gateway.put('corda.p2p.linkManager', {revocationCheck: {mode: 'OFF'}});
	const page = await openPage(gateway, 'reader:reader-password', {wait: false, script: false});

	await awaitText(page, '#banner', /^(?!.*TLS peers.*TLS peers).*revocation mode of TLS peers is OFF/);
	await awaitText(page, '#tls-mode', /^OFF$/);
	await awaitText(page, '#good-num', /^[12]$/);
	await awaitText(page, '#refused-words', /1 revoked, 1 denylisted/);
	await awaitText(page, 'noscript', /need JavaScript/);
	must(!/\{\{|\}\}/.test(await page.content()), 'a place was not filled in');
	await screenshot(page, 'page-without-script');
	await page.close();
	await gateway.put('corda.p2p.linkManager', {revocationCheck: {mode: 'SOFT_FAIL'}});
});

test('nobody who does not look asks; who gets no answer asks less and less often', async () => {
	/* Its long waits are written down, and over as soon as the test says. */
	const page = await openPage(gateway, 'reader:reader-password', {before: () => {
		const later = window.setTimeout;

		window.waits = [];
		window.setTimeout = (f, ms, ...rest) => (ms < 1000 ? later(f, ms, ...rest) : window.waits.push({f, ms, on: true}));
		const never = window.clearTimeout;

		window.clearTimeout = (id) => (window.waits[id - 1] ? (window.waits[id - 1].on = false) : never(id));
		window.look = (hidden) => {
			Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden});
			document.dispatchEvent(new Event('visibilitychange'));
		};
		window.next = () => {
			const w = window.waits.at(-1);

			w.on = false;
			w.f();
		};
	}});
	const planned = () => page.evaluate(() => window.waits.filter((w) => w.on).map((w) => w.ms));
	const awaitWaits = (n) => page.waitForFunction((num) => window.waits.length >= num, {polling: 50}, n);
	const delays = [];

	await awaitWaits(1);
	must(String(await planned()) === '2000', 'planned: ' + await planned());
	await page.evaluate(() => window.look(true));
	must(String(await planned()) === '', 'hidden: ' + await planned());
	await page.evaluate(() => window.look(false));
	await awaitWaits(2);
	must(String(await planned()) === '2000', 'seen again: ' + await planned());
	await press(page, 'header', 'pause');
	must(String(await planned()) === '', 'paused: ' + await planned());
	await page.evaluate(() => window.look(true));
	await page.evaluate(() => window.look(false));
	must(String(await planned()) === '', 'paused, and seen again: ' + await planned());
	await press(page, 'header', 'go on');
	await awaitWaits(3);
	await page.setOfflineMode(true);
	for (let n = 4; n < 10; n++) {
		await page.evaluate(() => window.next());
		await awaitWaits(n);
		delays.push(...await planned());
	}
	must(String(delays) === '4000,8000,16000,30000,30000,30000', String(delays));
	await awaitText(page, '#stale', /no answer since \d/);
	await page.setOfflineMode(false);
	await page.evaluate(() => window.next());
	await awaitWaits(10);
	must(String(await planned()) === '2000', 'answered: ' + await planned());
	await page.waitForSelector('#stale[hidden]');
	await page.close();
});

test('a gateway that is away is told, and goes on by itself', async () => {
	for (const s of inside)
		s?.destroy();
	operator.complaints.length = 0;
	await gateway.stop();
	await awaitText(operator, '#stale', /no answer since \d/);
	must(await operator.$eval('body', (b) => b.classList.contains('old')), 'stale numbers are greyed');
	await screenshot(operator, 'page-no-answer');
	await gateway.start();
	await operator.waitForSelector('#stale[hidden]', {timeout: 60000});
	await awaitText(operator, '#decision-rows', /nobody has come yet/);
	operator.complaints.length = 0;
});

test('switched off it is not there', async () => {
	await gateway.stop();
	gateway.config.rest.ui = false;
	await gateway.start();
	for (const path of ['/', '/ui/', '/ui/page.js', '/ui/state', '/ui/logout'])
		must((await gateway.ask('GET', path)).status === 404, path);
});

must(USERS.length === 3 && browser.connected, 'the scene');
await runAll();
