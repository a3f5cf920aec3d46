/*
 * scene: a town, a gateway before it and a browser in front of its page, all of
 * them real, each the child of the test. Every wait has a bound.
 */
import {spawn, spawnSync} from 'node:child_process';
import {createInterface} from 'node:readline';
import {createRequire} from 'node:module';
import {mkdirSync, openSync, readFileSync, writeFileSync} from 'node:fs';
import https from 'node:https';
import tls from 'node:tls';

const {BIN, FIXTURES, BUILD, UI_TOOLS} = process.env;
const require = createRequire(UI_TOOLS + '/');
const puppeteer = require('puppeteer-core');

export const axeSource = () => readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
export const WAIT_MS = 30000;
export const USERS = [{name: 'operator', password: 'demo-password', roles: ['operate', 'check']},
	{name: 'reader', password: 'reader-password', roles: ['read']}, {name: 'node', password: 'node-password', roles: ['check']}];

const children = new Set();

/* Starts a program; resolves at its line "ready ...", with all lines before. */
export function startProgram(program, args, options) {
	const log = openSync(options.log, 'a');
	const child = spawn(program, args, {stdio: [options.stdin ?? 'ignore', 'pipe', log]});
	const lines = [];

	children.add(child);
	child.ended = new Promise((resolve) => child.on('exit', (code) => {
		children.delete(child);
		resolve(code);
	}));
	return new Promise((resolve, reject) => {
		createInterface({input: child.stdout}).on('line', (line) => {
			lines.push(line);
			if (line.startsWith('ready'))
				resolve({child, lines, ready: line});
		});
		child.ended.then((code) => reject(new Error(program + ' ended with ' + code + ': ' + readFileSync(options.log, 'utf8'))));
	});
}

export async function stopProgram(child) {
	child.kill('SIGTERM');
	return child.ended;
}

export class Town {
	static async start(dir = 'net') {
		const t = new Town();
		const {child, lines} = await startProgram(FIXTURES + '/town', ['--dir', dir], {log: 'town.log', stdin: 'pipe'});

		Object.assign(t, JSON.parse(lines[0]), {child});
		return t;
	}

	ca(command, ...args) {
		const done = spawnSync(FIXTURES + '/ca', [command, this.dir, ...args], {encoding: 'utf8'});

		if (done.status !== 0)
			throw new Error('ca ' + command + ' ' + args.join(' ') + ': ' + done.stdout + done.stderr);
	}

	pem(what) {
		return readFileSync(this.dir + '/' + what + '.pem', 'utf8');
	}

	end(server) {
		process.kill(this[server].pid, 'SIGTERM');
	}
}

export class Gateway {
	constructor(town, settings = {}) {
		this.town = town;
		this.config = {
			listen: '127.0.0.1:0', node: {addresses: ['127.0.0.1:' + town.node.port]},
			identities: [{name: 'gateway', certificate: town.dir + '/gateway.pem', key: town.dir + '/gateway.key'}],
			trust: [{group: 'town', anchors: town.dir + '/trust.pem'}],
			tls: {min_version: '1.2'}, state_dir: process.cwd() + '/state', limits: {drain_timeout_ms: 1000},
			rest: {listen: '127.0.0.1:0', users: USERS},
			revocation: {any_port: true, allow_addresses: ['127.0.0.1']}, ...settings,
		};
	}

	async start() {
		writeFileSync('gateway.json', JSON.stringify(this.config));
		const {child, ready} = await startProgram(BIN + '/p2p-gateway', ['--config', 'gateway.json'], {log: 'gateway.log'});

		this.child = child;
		this.port = Number(/listen=\S*:(\d+)/.exec(ready)[1]);
		this.url = /rest=(\S+)/.exec(ready)[1];
		this.restPort = Number(new URL(this.url).port);
		/* It comes back where the page looks for it. */
		this.config.rest.listen = '127.0.0.1:' + this.restPort;
		return this;
	}

	async stop() {
		const code = await stopProgram(this.child);

		if (code !== 0)
			throw new Error('the gateway ended with ' + code);
	}

	/* One request; headers are added. */
	ask(method, path, body, {user = 'operator:demo-password', headers = {}} = {}) {
		return new Promise((resolve, reject) => {
			const req = https.request({host: '127.0.0.1', port: this.restPort, method, path, rejectUnauthorized: false, agent: false,
				...(user === null ? {} : {auth: user}), headers}, (res) => {
				const parts = [], certificate = res.socket.getPeerCertificate().fingerprint256;

				res.on('data', (part) => parts.push(part));
				res.on('end', () => {
					const text = Buffer.concat(parts).toString();
					let json = null;

					try {
						json = JSON.parse(text);
					} catch {
						json = null;
					}
					resolve({status: res.statusCode, headers: res.headers, text, json, certificate});
				});
			});

			req.on('error', reject);
			req.end(body === undefined ? undefined : JSON.stringify(body));
		});
	}

	async put(section, config) {
		const {json} = await this.ask('GET', '/api/v1/config/' + section);
		const answer = await this.ask('PUT', '/api/v1/config', {section, version: json.version, config, schemaVersion: {major: 1, minor: 0}});

		if (answer.status !== 202)
			throw new Error(section + ': ' + answer.status + ' ' + answer.text);
	}

	/* Dials as peers/NAME: a socket that is in, or null when it was refused. */
	async peer(name) {
		const file = this.town.dir + '/' + (name.includes('/') ? name : 'peers/' + name);

		return this.dial({cert: readFileSync(file + '.pem'), key: readFileSync(file + '.key')});
	}

	dial(identity) {
		return new Promise((resolve) => {
			const s = tls.connect({host: '127.0.0.1', port: this.port, rejectUnauthorized: false, ...identity});

			s.on('error', () => resolve(null));
			s.on('close', () => resolve(null));
			s.on('secureConnect', () => s.write('hello\n'));
			s.once('data', () => resolve(s));
		});
	}
}

export const gone = (socket) => new Promise((resolve) => (socket.destroyed ? resolve() : socket.on('close', resolve)));

/* The browser. */

let browser = null;

export async function openBrowser() {
	mkdirSync('home', {recursive: true});
	browser = await puppeteer.launch({
		executablePath: process.env.CHROMIUM, headless: true, acceptInsecureCerts: true, timeout: WAIT_MS, protocolTimeout: 4 * WAIT_MS,
		env: {...process.env, HOME: process.cwd() + '/home', XDG_CONFIG_HOME: process.cwd() + '/home'},
		args: ['--no-sandbox', '--no-proxy-server', '--disable-dev-shm-usage', '--disable-gpu', '--disable-breakpad'],
	});
	return browser;
}

/* A page of a user of its own; `complaints` is what must stay empty. */
export async function openPage(gateway, user, {width = 1280, height = 900, wait = true, script = true, path = '/ui/', before = null} = {}) {
	const context = await browser.createBrowserContext();
	const page = await context.newPage();
	const [username, password] = (user ?? '').split(':');

	page.complaints = [];
	page.on('console', (m) => ['error', 'warn'].includes(m.type()) && page.complaints.push('console: ' + m.text()));
	page.on('pageerror', (e) => page.complaints.push('error: ' + e.message));
	page.on('dialog', (d) => {
		page.complaints.push('dialog: ' + d.message());
		d.dismiss();
	});
	page.setDefaultTimeout(WAIT_MS);
	await page.setViewport({width, height});
	await page.setJavaScriptEnabled(script);
	if (before !== null)
		await page.evaluateOnNewDocument(before);
	if (user !== null)
		await page.authenticate({username, password});
	page.answer = await page.goto(gateway.url + path).catch((error) => error);
	if (wait)
		await page.waitForSelector('#evidence:not([hidden])');
	return page;
}

/* Waits until the text of a block fits; what it is when it does not. */
export async function awaitText(page, selector, pattern, ms = WAIT_MS) {
	const till = Date.now() + ms;

	for (;;) {
		const text = await page.$eval(selector, (e) => e.innerText.replace(/\s+/g, ' ')).catch(() => '');

		if (pattern.test(text))
			return text;
		if (Date.now() > till)
			throw new Error(selector + ' is not ' + pattern + ': ' + text);
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

export const textOf = (page, selector) => page.$eval(selector, (e) => e.innerText.replace(/\s+/g, ' '));

/* Presses the button of that text, within a block, once it is there. */
export async function press(page, within, text) {
	const till = Date.now() + WAIT_MS;

	while (!await page.$$eval(within + ' button', (list, t) => {
		const b = list.find((x) => x.textContent.trim() === t && !x.disabled);

		b?.click();
		return b !== undefined;
	}, text)) {
		if (Date.now() > till)
			throw new Error('no button "' + text + '" in ' + within);
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

export async function screenshot(page, name) {
	const dir = BUILD + '/screenshots';

	mkdirSync(dir, {recursive: true});
	await page.screenshot({path: dir + '/' + name + '.png', fullPage: true});
}

/* TAP. */

const tests = [];

export const test = (name, run) => tests.push([name, run]);

export function must(so, what) {
	if (!so)
		throw new Error(what);
}

export async function runAll() {
	let bad = 0;

	console.log('1..' + tests.length);
	for (const [i, [name, run]] of tests.entries())
		try {
			await run();
			console.log('ok ' + (i + 1) + ' - ' + name);
		} catch (error) {
			bad++;
			console.log('not ok ' + (i + 1) + ' - ' + name + '\n# ' + String(error.stack).replaceAll('\n', '\n# '));
		}
	await browser?.close();
	for (const child of [...children].reverse())
		await stopProgram(child);
	process.exit(bad > 0 ? 1 : 0);
}
