/* What strangers call themselves is text; and much of everything is a small answer. */
import {spawnSync} from 'node:child_process';
import {readFileSync, writeFileSync} from 'node:fs';
import {awaitText, Gateway, must, openBrowser, openPage, press, runAll, screenshot, test, textOf, Town} from './scene.mjs';

const town = await Town.start();
const gateway = await new Gateway(town, {rest: {listen: '127.0.0.1:0', max_decisions: 1000, users: [{name: 'operator', password: 'demo-password',
	roles: ['operate', 'check']}]}}).start();

await openBrowser();

const page = await openPage(gateway, 'operator:demo-password');
const IMAGE = '<img src=x onerror=alert(1)>', SCRIPT = '"><script>alert(2)</script>', TURNED = 'gnp\u202Eexe.', HIDDEN = 'a\u200Bb\u2066c\u180Ed\uFFF9e\u{E0061}f';

/* The doorman CA gives a peer whatever subject it asks for. */
function mint(file, subject) {
	const ca = town.dir + '/doorman/ca';
	const run = (...args) => {
		const done = spawnSync('openssl', args, {encoding: 'utf8'});

		must(done.status === 0, args.join(' ') + ': ' + done.stderr);
	};

	writeFileSync(file + '.cnf', '[req]\nprompt=no\nutf8=yes\nstring_mask=utf8only\ndistinguished_name=dn\n[dn]\n' + subject +
		'\n[ext]\nkeyUsage=digitalSignature\nextendedKeyUsage=clientAuth,serverAuth\nauthorityKeyIdentifier=keyid\n');
	run('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', file + '.key');
	run('req', '-new', '-config', file + '.cnf', '-key', file + '.key', '-out', file + '.csr');
	run('x509', '-req', '-in', file + '.csr', '-CA', ca + '.pem', '-CAkey', ca + '.key', '-set_serial', '0x' + Buffer.from(file).toString('hex'),
		'-days', '2', '-extfile', file + '.cnf', '-extensions', 'ext', '-out', file + '.leaf');
	return {cert: readFileSync(file + '.leaf', 'utf8') + readFileSync(ca + '.pem', 'utf8'), key: readFileSync(file + '.key')};
}

test('names that are markup, that turn the text, that are long: all of them are text', async () => {
	const long = Array.from({length: 1000}, (_, i) => i + '.OU=' + 'x'.repeat(60)).join('\n');
	const names = [['image', 'O=' + IMAGE + '\nC=GB'], ['script', 'O=' + SCRIPT.replace('"', '\\"') + '\nC=GB'], ['turned', 'O=' + TURNED + '\nC=GB'],
		['hidden', 'O=' + HIDDEN + '\nC=GB'], ['long', long + '\nC=GB']];
	const sockets = [];

	for (const [file, subject] of names)
		sockets.push(await gateway.dial(mint(file, subject)));
	must(sockets.slice(0, 4).every((s) => s !== null), 'they are let in softly: ' + sockets.map((s) => s !== null));
	await awaitText(page, '#decision-rows', /<img src=x onerror=alert\(1\)\\?>/);
	await awaitText(page, '#inside-rows', /<script\\?>alert\(2\)\\?<\/script\\?>/);
	must(await page.$$eval('img, script:not([src]), iframe, object, embed', (l) => l.length) === 0, 'an element was made of a name');
	for (const id of ['decision-rows', 'inside-rows'])
		must(!/[\u202A-\u202E\u2066-\u2069\u200B\u180E\uFFF9\u{E0061}]/u.test(await page.$eval('#' + id, (e) => e.textContent)), id + ': text that turns');
	await awaitText(page, '#inside-rows', /\\u\{202e\}|\\202E|\\E2\\80\\AE|\\xE2\\x80\\xAE|\\U202E/i);
	await press(page, '#decision-rows', 'open');
	await press(page, '#inside-rows', 'deny…');
	await page.type('#deny-reason', IMAGE + TURNED);
	await press(page, '#dialog', 'deny');
	await awaitText(page, '#denylist-rows', /<img src=x onerror=alert\(1\)>gnp\\u\{202e\}exe/);
	await page.type('#evidence-filter', IMAGE);
	await page.type('#decision-filter', SCRIPT);
	await screenshot(page, 'hostile');
	must(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), 'wider than the window');
	must(page.complaints.length === 0, page.complaints.join('; '));
	for (const s of sockets)
		s?.destroy();
});

test('the policy stops what a mistake of ours would let through', async () => {
	const reports = await page.evaluate(async () => {
		const seen = [];

		document.addEventListener('securitypolicyviolation', (e) => seen.push(e.effectiveDirective));
		let thrown = false;

		try {
			document.body.insertAdjacentHTML('beforeend', '<p>x</p>');
		} catch {
			thrown = true;
		}
		const image = document.createElement('img');

		image.src = 'https://127.0.0.1:1/x.png';
		document.body.append(image);
		await new Promise((resolve) => (image.onerror = resolve));
		image.remove();
		return [thrown, seen.includes('img-src'), seen.includes('require-trusted-types-for')];
	});

	must(reports.every((x) => x), 'markup, image, report: ' + reports);
});

test('the source has nothing that makes markup of text', async () => {
	const dir = process.env.TOP + '/gateway/ui/';
	const script = readFileSync(dir + 'page.js', 'utf8');

	for (const word of ['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'document.write', 'eval(', 'new Function', 'srcdoc', 'DOMParser',
		'createContextualFragment', 'setHTMLUnsafe', 'trustedTypes', 'localStorage', 'location.href', 'import(', "'href'", "'src'", "'style'"])
		must(!script.includes(word), word);
	must(!/\.(href|src|style|on[a-z]+)\s*=[^=]/.test(script), 'a property that is more than text');
	must(!/setTimeout\(['"`]/.test(script), 'a text that is run');
	for (const file of ['index.html', 'refused.html'])
		must(!/\son[a-z]+=|javascript:|style=|<script(?! type="module" src="\/ui\/page\.js")/.test(readFileSync(dir + file, 'utf8')), file);
});

test('a thousand decisions are a small answer, and a smaller one the next time', async () => {
	const answer = await gateway.ask('GET', '/ui/state');

	for (let i = 0; i < 60; i++)
		await gateway.peer('revoked');
	const full = await gateway.ask('GET', '/ui/state');
	const next = await gateway.ask('GET', '/ui/state?after=' + full.json.decisions.last);

	must(full.json.decisions.rows.length === 50 && next.json.decisions.rows.length === 0, 'rows: ' + full.json.decisions.rows.length);
	must(next.text.length < 100000, 'next: ' + next.text.length);
	console.log('# /ui/state: ' + answer.text.length + ', ' + full.text.length + ' bytes with 50 decisions, ' + next.text.length + ' without');
});

must(await textOf(page, 'h1') !== '', 'the page');
await runAll();
