/*
 * The status page: asks for everything by one request every two seconds and
 * shows it. What comes from peers and CAs is text and never anything else: it
 * goes through `clean` into text nodes, or into the few attributes that `el`
 * sets.
 */

const API = '/api/v1/';
const EVERY_MS = 2000;
const SLOWEST_MS = 30000;
const ROWS = 50;

/* Elements. */

const $ = (id) => document.getElementById(id);
/* What nobody sees, and what turns what others see. */
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]/gu;
const ATTRIBUTES = new Set(['class', 'id', 'title', 'type', 'name', 'value', 'for', 'scope', 'colspan', 'datetime', 'role',
	'aria-label', 'aria-pressed', 'aria-expanded', 'data-key', 'data-name', 'placeholder', 'rows', 'readonly',
	'spellcheck', 'required', 'autocomplete', 'viewBox', 'preserveAspectRatio', 'd', 'x', 'y', 'width', 'height', 'fill',
	'stroke', 'stroke-width', 'vector-effect']);

function clean(value) {
	const text = String(value ?? '').replace(HIDDEN, (c) => '\\u{' + c.codePointAt(0).toString(16) + '}');

	return text.length > 400 ? text.slice(0, 400) + '…' : text;
}

function fill(node, attributes, children) {
	for (const [name, value] of Object.entries(attributes ?? {}))
		if (name === 'click')
			node.addEventListener('click', value);
		else if (ATTRIBUTES.has(name))
			node.setAttribute(name, clean(value));
		else
			throw new Error('attribute ' + name);
	for (const child of children.flat(Infinity))
		if (child instanceof Node)
			node.append(child);
		else if (child !== null && child !== undefined && child !== '')
			node.append(document.createTextNode(clean(child)));
	return node;
}

const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) =>
	fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
const button = (text, key, click, more) => el('button', {type: 'button', 'data-key': key, click, ...more}, text);

/* What is the same is left alone, and who has the focus keeps it. */
const shown = new Map();
function show(id, data, make) {
	const text = JSON.stringify(data);

	if (shown.get(id) === text)
		return;
	const key = $(id).contains(document.activeElement) ? document.activeElement.getAttribute('data-key') : null;

	shown.set(id, text);
	$(id).replaceChildren(...[make(data)].flat(Infinity).map((x) => (x instanceof Node ? x : clean(x))));
	if (key !== null)
		[...$(id).querySelectorAll('[data-key]')].find((e) => e.getAttribute('data-key') === key)?.focus();
}

function say(id, text) {
	if ($(id).textContent !== text)
		$(id).textContent = text;
}

/* Words. */

const number = (n) => Math.round(n ?? 0).toLocaleString('en').replaceAll(',', '\u2009');
const plural = (n, word) => number(n) + ' ' + word + (n === 1 ? '' : 's');
const seconds = (text) => Date.parse(text) / 1000;

function span(s) {
	const steps = [[86400, 'd', 3600, 'h'], [3600, 'h', 60, 'min'], [60, 'min', 1, 's']];

	for (const [unit, word, next, nextWord] of steps)
		if (s >= unit) {
			const rest = Math.floor((s % unit) / next);

			return Math.floor(s / unit) + ' ' + word + (rest > 0 && s < 10 * unit ? ' ' + rest + ' ' + nextWord : '');
		}
	return Math.max(0, Math.floor(s)) + ' s';
}

/* The gateway's clock: that of the browser may be another. */
let clockAhead = 0;
const now = () => Date.now() / 1000 + clockAhead;

const moments = {
	clock(t) {
		const at = new Date(t * 1000);
		const day = now() - t > 43200 || t > now() + 43200 ? at.toLocaleDateString() + ' ' : '';

		return day + at.toLocaleTimeString([], {hour12: false});
	},
	ago: (t) => (now() - t < 2 ? 'now' : span(now() - t) + ' ago'),
	left: (t) => (t < now() ? 'ran out ' + span(now() - t) + ' ago' : span(t - now())),
	expires: (t) => (t < now() ? 'expired ' + span(now() - t) + ' ago' : 'in ' + span(t - now())),
};

/* A time that stays true: `tick` writes it anew. */
function moment(text, how) {
	if (text === null || text === undefined)
		return el('span', {class: 'small'}, 'never');
	const node = el('time', {datetime: text, title: text}, moments[how](seconds(text)));

	node.how = how;
	return node;
}

function tick() {
	for (const node of document.querySelectorAll('time'))
		if (node.how !== undefined)
			say_node(node, moments[node.how](seconds(node.getAttribute('datetime'))));
	if (state !== null) {
		say('up', 'up ' + span(now() - seconds(state.process.startedAt)));
		say('fresh', paused ? 'paused' : 'refreshed ' + moments.ago(seconds(state.at)));
	}
}

function say_node(node, text) {
	if (node.textContent !== text)
		node.textContent = text;
}

const SHAPES = {red: '✖', amber: '▲', grey: '○', good: '●'};
const word = (tone, text) => el('span', {class: 'w ' + tone}, SHAPES[tone] + ' ' + text);

function cells(row, ...list) {
	row.append(...list.map(([name, content, tag]) =>
		el(tag ?? 'td', name === '' ? {class: 'acts'} : {'data-name': name}, content)));
	return row;
}

const none = (columns, text) => el('tr', {class: 'none'}, el('td', {colspan: columns}, text));

/* Asking. */

class Refused extends Error {
	constructor(status, body) {
		super(body?.details?.reason ?? body?.title ?? 'status ' + status);
		this.status = status;
	}
}

async function ask(method, path, body) {
	const answer = await fetch(location.origin + path, {
		method, cache: 'no-store', credentials: 'same-origin', redirect: 'error',
		headers: body === undefined ? {} : {'Content-Type': 'application/json'},
		body: body === undefined ? undefined : JSON.stringify(body),
		signal: AbortSignal.timeout(30000),
	});
	const text = await answer.text();
	let json = null;

	try {
		json = text === '' ? null : JSON.parse(text);
	} catch {
		if (answer.ok)
			throw new Error('the answer is not JSON');
	}
	if (!answer.ok)
		throw new Refused(answer.status, json);
	return json;
}

let state = null;
let decisions = [];
let paused = false;
let wait = EVERY_MS;
let timer = null;
let asking = false;
let lastAnswer = null;
const may = (role) => state.user.roles.includes(role);

function take(fresh) {
	const restarted = state !== null && fresh.process.startedAt + fresh.process.pid !==
		state.process.startedAt + state.process.pid;

	if (restarted)
		decisions = [];
	decisions = [...fresh.decisions.rows, ...decisions].slice(0, 10 * ROWS);
	state = fresh;
	clockAhead = seconds(fresh.at) - Math.floor(Date.now() / 1000);
	return restarted;
}

async function refresh() {
	if (asking)
		return;
	asking = true;
	clearTimeout(timer);
	try {
		const after = state === null ? 0 : state.decisions.last;
		let fresh = await ask('GET', '/ui/state?after=' + after);

		/* It was started anew, and counts from 1 again. */
		if (take(fresh) && after > 0) {
			decisions = [];
			take(await ask('GET', '/ui/state'));
		}
		lastAnswer = new Date();
		wait = EVERY_MS;
		document.body.classList.remove('old');
		$('stale').hidden = true;
		render();
	} catch (error) {
		wait = Math.min(SLOWEST_MS, 2 * wait);
		document.body.classList.add('old');
		say('stale', (lastAnswer === null ? 'no answer' : 'no answer since ' +
			lastAnswer.toLocaleTimeString([], {hour12: false})) +
			(error instanceof Refused ? ': ' + clean(error.message) : ''));
		$('stale').hidden = false;
	}
	asking = false;
	plan();
}

function plan() {
	clearTimeout(timer);
	if (!paused && !document.hidden)
		timer = setTimeout(refresh, wait);
}

/* Banner and cards. */

const HEADLINES = [[/TLS peers is OFF/, 'TLS CHECKS ARE OFF', 'tls'], [/session checks is OFF/, 'SESSION CHECKS ARE OFF', 'sessions'],
	[/ONE_WAY/, 'ONE WAY', 'type'], [/^issuers/, 'EXEMPT ISSUERS', 'issuers']];

const originOf = (which) => (which === 'type' ? state.tls.typeSet : state[which]);

function origin(o) {
	return [o.section === null ? ' the file' : ' ' + o.section + ' version ' + o.version, o.by ? ', set by ' + o.by : '', ' at ',
		moment(o.since, 'clock')];
}

function banner() {
	const lines = state.loose.map((text) => {
		const [, head, which] = HEADLINES.find(([pattern]) => pattern.test(text)) ?? [null, 'NOT CHECKED', null];

		return el('p', {class: 'red'}, el('span', null, head), ': ' + text + '.',
			which === null ? '' : origin(originOf(which)));
	});
	const reasons = state.reasons.filter((text) => !state.loose.includes(text));

	if (!state.ready)
		lines.push(el('p', {class: 'red'}, 'NOT READY'));
	for (const text of reasons)
		lines.push(el('p', {class: 'amber'}, 'DEGRADED ' + text));
	if (state.warmUp?.active)
		lines.push(el('p', {class: 'amber'}, 'WARMING UP ' + state.warmUp.text));
	return lines;
}

/* A change is said once: not each second that a reason counts. */
let announced = null;
function announce() {
	const text = [...state.loose, state.ready ? '' : 'not ready', ...state.reasons.filter((r) => !state.loose.includes(r))]
		.filter(Boolean).join('; ');
	const what = text.replace(/\d+/g, '');

	if (announced !== null && announced !== what)
		say('live', text === '' ? 'nothing needs attention any more' : clean(text));
	announced = what;
}

function spark(rows) {
	const sums = rows[0].map((_, i) => rows.reduce((sum, row) => sum + row[i], 0));
	const most = Math.max(1, ...sums);
	const bars = sums.map((n, i) => (n === 0 ? '' : 'M' + (i * 4 + 2) + ' 36V' + (35 - 32 * n / most).toFixed(1))).join('');

	return svg('svg', {viewBox: '0 0 240 36', preserveAspectRatio: 'none', role: 'img',
		'aria-label': 'each minute of the last hour, at most ' + most},
	svg('path', {d: 'M0 35.5H240', stroke: 'currentColor', 'stroke-width': 1, fill: 'none'}),
	svg('path', {d: bars || 'M0 36', stroke: 'currentColor', 'stroke-width': 3, fill: 'none'}));
}

const sum = (row) => row.reduce((a, b) => a + b, 0);
const tone = (id, which) => {
	for (const t of ['red', 'amber'])
		$(id).classList.toggle(t, t === which);
};

function modeWord(mode) {
	return {OFF: word('red', 'OFF'), SOFT_FAIL: word('good', 'SOFT_FAIL'), HARD_FAIL: word('good', 'HARD_FAIL')}[mode] ?? mode;
}

function renderCards() {
	const {peers} = state.minutes, {refused} = peers, {summary} = state;
	const inside = state.connections.byStatus.unknown ?? 0;
	const words = [['revoked', 'revoked'], ['denylisted', 'denylisted'], ['path', 'path'], ['unknown', 'undetermined']];
	const more = [['subject', 'subject'], ['notAllowed', 'not allowed'], ['noCertificate', 'without certificate'], ['other', 'other']];

	show('tls-mode', state.tls.mode, modeWord);
	show('sessions-mode', state.sessions.mode, modeWord);
	show('tls-type', state.tls.type, (type) => (type === 'MUTUAL' ? 'mutual TLS' : word('red', 'ONE_WAY: no certificate asked')));
	show('tls-origin', state.tls, (t) => ['since ', moment(t.since, 'clock'), ' by ' + (t.by || 'start'),
		t.section === null ? ' (the file)' : ' (' + t.section + ' v' + t.version + ')', state.shadow.on ? '; shadow mode is on' : '']);
	tone('card-modes', state.loose.length > 0 ? 'red' : null);

	say('good-num', number(sum(peers.good)));
	say('good-when', 'last hour');
	say('good-more', number(summary.good) + ' since the start; ' + number(state.connections.byStatus.good ?? 0) + ' inside now' +
		(summary.notAsked > 0 ? '; ' + number(summary.notAsked) + ' not asked about' : ''));
	show('good-spark', peers.good, (row) => spark([row]));

	say('soft-num', number(sum(peers.soft)));
	say('soft-when', 'last hour');
	say('soft-more', number(inside) + ' inside now; ' + number(summary.soft) + ' since the start');
	show('soft-spark', peers.soft, (row) => spark([row]));
	tone('card-soft', inside > 0 || sum(peers.soft) > 0 ? 'amber' : null);

	show('refused-words', refused, () => words.flatMap(([name, text], i) =>
		[i === 0 ? '' : ', ', el('b', null, number(sum(refused[name]))), ' ' + text]));
	say('refused-more', 'last hour; ' + [...more.map(([name, text]) => number(sum(refused[name])) + ' ' + text),
		number(sum(peers.cut)) + ' cut off', number(summary.shed) + ' shed'].join(', ') +
		'; ' + number(summary.knownRevoked) + ' remembered as revoked');
	show('refused-spark', refused, () => spark(Object.values(refused)));
	show('mode-actions', may('operate'), (yes) => (yes ? button('change…', 'mode', openMode) : ''));
}

/* Evidence. */

/* Seconds left, "now" and the last tenth of a life. */
function life(from, until) {
	const whole = until - from, at = Math.min(1, Math.max(0, (now() - from) / whole));

	if (!(whole > 0))
		return '';
	return svg('svg', {class: 'life', viewBox: '0 0 100 10', preserveAspectRatio: 'none', role: 'img',
		'aria-label': Math.round(100 * at) + ' of 100 parts of its life have passed'},
	svg('rect', {x: 0, y: 3, width: 100, height: 4, fill: 'none', stroke: 'currentColor', 'stroke-width': 1}),
	svg('rect', {x: 0, y: 3, width: (100 * at).toFixed(1), height: 4, fill: 'currentColor', class: at > 0.9 ? 'late' : ''}),
	svg('rect', {x: 90, y: 0, width: 1, height: 10, fill: 'currentColor'}));
}

const SOURCE_WORDS = {ok: ['good', 'ok'], endsSoon: ['amber', 'ends soon'], ranOut: ['red', 'ran out'], failing: ['amber', 'failing'],
	notTried: ['grey', 'not tried']};

function sourceRow(s) {
	const [color, text] = SOURCE_WORDS[s.state] ?? ['amber', s.state];
	const failed = s.error !== null && s.failures > 0;

	return cells(el('tr', null),
		['state', [word(color, text), failed ? el('div', null, s.error.why + ' ×' + s.failures) : '',
			failed ? el('div', {class: 'small'}, s.error.text) : '']],
		['source', s.url, 'th'], ['kind', s.kind.toUpperCase() + (s.file ? ', file' : '')],
		['issuer', s.issuer ?? (s.kept > 1 ? number(s.kept) + ' kept' : '')],
		['left', s.soonestEnd === null ? '' : [moment(s.soonestEnd, 'left'), s.kept > 1 ? ' (the soonest of ' + number(s.kept) + ')' : '',
			s.thisUpdate ? life(seconds(s.thisUpdate), seconds(s.soonestEnd)) : '']],
		['last good', moment(s.lastSuccess, 'ago')], ['last try', moment(s.lastTry, 'ago')],
		['', may('operate') && s.key !== undefined
			? button('refresh', 'refresh ' + s.key, () => refreshEvidence(s), {'aria-label': 'refresh ' + s.url}) : '']);
}

function renderEvidence() {
	const part = $('evidence-filter').value.toLowerCase();
	const {rows, num} = state.sources;
	const fit = rows.filter((s) => (s.url + ' ' + (s.issuer ?? '')).toLowerCase().includes(part));

	say('evidence-num', number(num) + (num === 1 ? ' source' : ' sources') + (num > rows.length ? ', the ' + rows.length + ' most urgent' : ''));
	show('evidence-actions', may('operate'), (yes) => (yes ? button('refresh all', 'refresh-all', () => refreshEvidence(null)) : ''));
	show('evidence-rows', [fit, Math.floor(now() / 10)], ([list]) => (list.length > 0 ? list.map(sourceRow)
		: none(8, rows.length > 0 ? 'none fits' : 'nothing was asked for yet')));
}

function result(text) {
	$('evidence-result').hidden = false;
	say('evidence-result', clean(text));
	say('live', clean(text));
}

/* 202 says that it is tried; the page waits for what came of it. */
async function refreshEvidence(source) {
	const before = new Map(state.sources.rows.map((s) => [s.url + s.kind, s.lastTry]));
	const meant = (s) => (source === null ? before.has(s.url + s.kind) && !s.file : s.url === source.url && s.kind === source.kind);
	const done = (s) => s.lastTry !== before.get(s.url + s.kind);
	const name = source === null ? 'all sources' : source.url;

	result('refreshing ' + name + ' …');
	try {
		await ask('POST', API + (source === null ? 'cache/refresh' : 'cache/' + encodeURIComponent(source.key) + '/refresh'), {});
		for (let i = 0; i < 20; i++) {
			await new Promise((resolve) => setTimeout(resolve, 500));
			await refresh();
			const rows = state.sources.rows.filter(meant);

			if (rows.length > 0 && rows.every(done))
				break;
		}
	} catch (error) {
		result('not refreshed: ' + error.message);
		return;
	}
	const rows = state.sources.rows.filter(meant), tried = rows.filter(done), bad = tried.filter((s) => s.failures > 0);

	result(name + ': ' + (tried.length - bad.length) + ' of ' + rows.length + ' answered' +
		(source !== null && tried.length > 0 && bad.length === 0 ? ', ' + number(tried[0].lastBytes) + ' bytes in ' + number(tried[0].lastMs) + ' ms' : '') +
		bad.slice(0, 3).map((s) => '; ' + s.url + ': ' + s.error.why + ', ' + s.error.text).join('') +
		(tried.length < rows.length ? '; ' + (rows.length - tried.length) + ' were not asked again' : ''));
}

/* Decisions. */

const FILTERS = [['all', '', ''], ['softly let in', 'outcome', 'soft'], ['refused', 'outcome', 'refused'], ['cut off', 'outcome', 'cut'],
	['sessions', 'way', 'session'], ['by a proxy', 'way', 'authorize']];
let chosen = FILTERS[0];
let found = null; /* rows of a question of its own; null: the newest of all */
let searches = 0;
let opened = null;

async function search() {
	const text = $('decision-filter').value.trim();
	const mine = ++searches; /* an answer that comes late is not shown */

	if (chosen[1] === '' && text === '') {
		found = null;
		renderDecisions();
		return;
	}
	const query = new URLSearchParams({limit: ROWS});

	if (chosen[1] !== '')
		query.set(chosen[1], chosen[2]);
	if (text !== '')
		query.set('peer', text);
	try {
		const rows = await ask('GET', API + 'decisions?' + query);

		if (mine !== searches)
			return;
		found = rows;
	} catch (error) {
		say('live', 'decisions: ' + clean(error.message));
	}
	renderDecisions();
}

function outcome(d) {
	const words = {refused: ['red', 'refused'], soft: ['amber', 'SOFT'], cut: ['red', 'cut off'],
		accepted: d.status === 'not-asked' ? ['grey', 'not asked'] : ['good', 'let in']};
	const [color, text] = words[d.outcome] ?? ['amber', d.outcome];

	return word(color, text);
}

function culprit(d) {
	const list = d.report?.certificates ?? [];

	return list.find((c) => c.status === d.status && c.status !== 'good') ?? list[0];
}

function why(d) {
	const c = culprit(d);
	const parts = [d.status];

	if (c?.reason)
		parts.push(c.reason);
	if (d.why !== 'none' && d.why !== '')
		parts.push(d.why);
	if (c?.crlNumber && d.status !== 'good')
		parts.push('CRL ' + c.crlNumber);
	return parts.join(', ') + (d.report === undefined && d.note ? ': ' + d.note : '');
}

const subjectOf = (d) => d.report?.certificates?.[0]?.subject ?? d.subject ?? '(no certificate)';

function decisionRows(d) {
	const open = opened === d.sequence;
	const row = cells(el('tr', {id: 'd' + d.sequence}),
		['at', moment(d.at, 'clock')], ['outcome', [outcome(d), d.way === 'inbound' ? '' : el('span', {class: 'small'}, ' ' + d.way)]],
		['subject', subjectOf(d), 'th'], ['peer', d.peer], ['why', why(d)],
		['', button(open ? 'close' : 'open', 'open ' + d.sequence, () => {
			opened = open ? null : d.sequence;
			renderDecisions();
			if (!open)
				complete(d);
		}, {'aria-expanded': open, 'aria-label': (open ? 'close' : 'open') + ' the evidence about ' + subjectOf(d)})]);

	return open ? [row, el('tr', {class: 'detail'}, el('td', {colspan: 6}, evidence(d)))] : [row];
}

/* The state leaves out the evidence that it has no room for. */
async function complete(d) {
	if (d.report !== undefined || d.subject === undefined)
		return;
	try {
		d.report = (await ask('GET', API + 'decisions?sequence=' + Number(d.sequence)))[0]?.report;
	} catch (error) {
		say('live', 'no evidence: ' + clean(error.message));
	}
	renderDecisions();
}

function renderDecisions() {
	const list = (found ?? decisions).slice(0, found === null ? ROWS : undefined);

	show('decision-filters', chosen[0], () => FILTERS.map((f) => button(f[0], 'filter ' + f[0], () => {
		chosen = f;
		search();
	}, {'aria-pressed': f === chosen})));
	show('decision-rows', [list, opened], () => (list.length > 0 ? list.flatMap(decisionRows)
		: none(6, found === null ? 'nobody has come yet' : 'none fits')));
}

function step(c) {
	const facts = [['method', c.method], ['source', c.source], ['URL', c.url], ['CRL number', c.crlNumber], ['signer', c.signer],
		['serial', c.serial], ['issuer', c.issuer]].filter(([, v]) => v);
	const color = {revoked: 'red', unknown: 'amber', good: 'good'}[c.status] ?? 'grey';
	const dated = c.thisUpdate !== null && c.nextUpdate !== null;

	return el('li', null, el('b', null, c.subject), ' ', word(color, c.status),
		[c.reason, c.why].filter(Boolean).map((t) => ', ' + t), c.text ? el('div', null, c.text) : '',
		el('div', {class: 'small'}, facts.map(([name, value]) => name + ': ' + value).join('; ')),
		dated ? el('div', {class: 'small'}, moment(c.thisUpdate, 'clock'), ' to ', moment(c.nextUpdate, 'clock'), ' ',
			life(seconds(c.thisUpdate), seconds(c.nextUpdate))) : '');
}

function checkCommand(d) {
	const c = culprit(d);

	return 'revcheck check --chain PEER.pem --anchors ANCHORS.pem --mode ' + (d.mode === 'HARD_FAIL' ? 'HARD_FAIL' : 'SOFT_FAIL') +
		(c?.serial ? '  # serial ' + c.serial.replace(/[^0-9a-fA-F:]/g, '') : '');
}

function evidence(d) {
	const list = d.report?.certificates ?? [];

	return [
		list.length > 0 ? el('ol', {class: 'steps'}, list.map(step)) : el('p', null, d.note || 'no certificate was looked at'),
		el('p', {class: 'small'}, 'mode ' + d.mode + ', waited ' + number(d.waitedMs) + ' ms', d.note ? ', ' + d.note : ''),
		el('p', null,
			may('operate') && d.leaf ? [button('deny this certificate…', 'deny', () => openDeny(subjectOf(d), d.leaf)), ' '] : '',
			button('copy as JSON', 'json', () => copy(JSON.stringify(d, null, 2))), ' ',
			button('copy revcheck command', 'command', () => copy(checkCommand(d)))),
	];
}

async function copy(text) {
	try {
		await navigator.clipboard.writeText(text);
		say('live', 'copied');
	} catch {
		dialog('Copy this', [el('pre', null), choices()]);
		$('dialog').querySelector('pre').textContent = text.replace(HIDDEN, (c) => (c === '\n' ? c : clean(c)));
	}
}

/* Inside, denylist, own certificates, sections. */

function renderInside() {
	const c = state.connections;

	say('inside-num', number(c.notGood) + ' not known good of ' + number(c.num));
	show('inside-rows', c.rows, (rows) => (rows.length === 0 ? none(4, 'nobody who is not known good') : rows.map((r) =>
		cells(el('tr', null), ['subject', [r.subject || '(no certificate)', el('div', {class: 'small'}, r.way + ' ' + r.peer + ', ' + r.tlsVersion)], 'th'],
			['status', [word(r.status === 'not-asked' ? 'grey' : 'amber', r.status === 'unknown' ? 'SOFT' : r.status),
				r.why === 'none' ? '' : el('div', {class: 'small'}, r.why)]],
			['since', moment(r.since, 'ago')],
			['', may('operate') ? [r.leaf ? [button('deny…', 'deny ' + r.id, () => openDeny(r.subject, r.leaf)), ' '] : '',
				button('cut…', 'cut ' + r.id, () => openCut(r))] : '']))));
}

const denied = (e) => (e.spkiSha256 ? 'key ' + e.spkiSha256.slice(0, 16) + '…' : e.serial + ' of ' + (e.issuerName ?? ''));

function renderDenylist() {
	const d = state.denylist;

	say('denylist-num', number(d.num) + (d.num > d.rows.length ? ', the newest ' + d.rows.length : ''));
	show('denylist-actions', may('operate'), (yes) => (yes ? button('add…', 'add', () => openDeny(null, null)) : ''));
	show('denylist-rows', d.rows, (rows) => (rows.length === 0 ? none(4, 'nobody') : rows.map((e) =>
		cells(el('tr', null), ['who', [e.subject ? [e.subject, el('div', {class: 'small'}, denied(e))] : denied(e)], 'th'],
			['reason', e.reason], ['by', [e.addedBy, ' ', moment(e.addedAt, 'ago'), e.until ? [' until ', moment(e.until, 'clock')] : '']],
			['', may('operate') ? button('remove…', 'remove ' + e.id, () => openLift(e)) : '']))));
}

function renderOwn() {
	const tones = {good: 'good', revoked: 'red', expired: 'red'};

	show('own-rows', state.identities, (rows) => (rows.length === 0 ? none(4, 'none') : rows.map((i) =>
		cells(el('tr', null), ['name', [i.name, el('span', {class: 'small'}, ' ' + i.use)], 'th'],
			['status', [word(tones[i.status] ?? 'amber', i.status), el('div', {class: 'small'}, i.status === 'good' ? '' : i.text)]],
			['expires', [i.expiry === 'far' ? '' : word(i.expiry === 'warn' ? 'amber' : 'red', i.expiry), ' ', moment(i.notAfter, 'expires')]],
			['staple', i.stapleUntil === null ? 'none' : moment(i.stapleUntil, 'left')]))));
}

function renderConfig() {
	show('config-rows', state.configuration, (rows) => rows.map((s) =>
		cells(el('tr', null), ['section', s.section, 'th'], ['version', s.version < 0 ? 'nothing pushed' : 'v' + s.version],
			['set', s.at === undefined ? '' : ['by ' + s.who + ' ', moment(s.at, 'ago'), s.action === 'put' ? '' : ' (' + s.action + ')']],
			['', s.version < 0 ? '' : button('history', 'history ' + s.section, () => openHistory(s.section))])));
}

/* The doorman, where one is watched. */

const WAITS = {ticket: 'for the ticket tool', approval: 'for approval', signature: 'for the signature', operator: 'for the operator: it failed'};

function doormanState(d) {
	if (d.askedAt === null)
		return word('grey', 'not asked yet');
	if (!d.answers)
		return [word('red', 'does not answer'), ' since ', moment(d.silentSince, 'clock')];
	return [d.ready ? word('good', 'ready') : word('red', 'not ready'), el('span', {class: 'small'}, ' version ' + d.version + ', asked '),
		moment(d.answeredAt, 'ago')];
}

function doormanWords(d) {
	const waiting = (d.waiting ?? []).filter((w) => w.certificates + w.revocations > 0);

	return [d.error === undefined ? '' : el('p', {class: 'amber'}, d.error),
		d.answers || d.answeredAt === null ? '' : el('p', {class: 'small'}, 'what it said last, ', moment(d.answeredAt, 'ago'), ':'),
		(d.reasons ?? []).map((text) => el('p', {class: 'amber'}, text)),
		d.waiting === undefined ? '' : el('p', null, waiting.length === 0 ? 'nothing waits' : waiting.map((w, i) => [i === 0 ? 'waiting ' : '; ',
			(WAITS[w.for] ?? 'for ' + w.for) + ': ' + [[w.certificates, 'certificate'], [w.revocations, 'revocation']].filter(([n]) => n > 0)
				.map(([n, what]) => plural(n, what)).join(', ') + ', the oldest ' + span(w.oldestSeconds)]))];
}

function renderDoorman() {
	const d = state.doorman;

	$('doorman').hidden = d === undefined;
	if (d === undefined)
		return;
	show('doorman-state', [d.askedAt === null, d.answeredAt, d.answers, d.ready, d.silentSince, d.version], () => doormanState(d));
	show('doorman-words', d, doormanWords);
	show('doorman-rows', d.lists ?? [], (rows) => (rows.length === 0 ? none(5, 'none') : rows.map((l) => cells(el('tr', null),
		['list', l.name, 'th'], ['number', l.number === 0 ? word('red', 'never signed') : String(l.number)], ['entries', number(l.entries)],
		['signed', moment(l.signedAt, 'ago')],
		['next update', l.nextUpdate === null ? '' : [moment(l.nextUpdate, 'left'),
			l.signedAt === null ? '' : life(seconds(l.signedAt), seconds(l.nextUpdate))]]))));
}

const fleetWords = (f) => 'out of step for ' + plural(Math.floor(f.lagMs / 1000), 'second');

/* How this machine stands with the others; nothing where it is alone. */
function renderFleet() {
	const f = state.fleet;

	$('fleet').hidden = f === undefined;
	if (f === undefined)
		return;
	say('fleet-words', clean(f.name) + ', ' + plural(f.membersNum, 'member') + ', change ' + number(f.change));
	show('fleet-state', [f.state, f.why, f.outbox, f.notInForce, f.state === 'up' ? 0 : Math.floor(f.lagMs / 1000)], () => [
		word(f.state === 'up' ? 'good' : 'amber', f.state), ' ', f.state === 'up' ? '' : fleetWords(f) + (f.why ? ': ' + f.why : ''),
		f.outbox > 0 ? el('div', null, word('amber', 'pending'), ' ' + plural(f.outbox, 'change') +
			' in force here and not known to the others') : '',
		f.notInForce.map((r) => el('div', null, word('amber', 'not in force here'), ' ' + r.record + ': ' + r.why))]);
	show('fleet-rows', f.members, (rows) => (rows.length === 0 ? none(4, 'none') : rows.map((m) =>
		cells(el('tr', null), ['member', m.name + (m.name === f.member ? ' (this one)' : ''), 'th'], ['program', m.version ?? ''],
			['in force', Object.entries(m.config ?? {}).map(([name, v]) => el('div', {class: 'small'}, name + ' v' + v))],
			['not in force', m.lag ? [word('amber', 'lags'), ' ' + m.lag] : '']))));
}

function render() {
	const p = state.process;

	say('version', clean(p.version));
	say('host', clean(p.host));
	say('user', clean(state.user.name) + ' (' + state.user.roles.join(', ') + ')');
	document.title = (state.loose.length > 0 || !state.ready ? '!! ' : state.degraded ? '! ' : '') + 'p2p-gateway ' + clean(p.host);
	announce();
	show('banner', [state.loose, state.reasons, state.ready, state.warmUp, state.tls, state.sessions, state.issuers], banner);
	renderCards();
	renderEvidence();
	if (found !== null)
		search();
	else
		renderDecisions();
	renderInside();
	renderDenylist();
	renderOwn();
	renderConfig();
	renderDoorman();
	renderFleet();
	renderAsk();
	say('foot', 'pid ' + p.pid + '; ' + p.listeners.map((l) => clean(l.name) + ' ' + clean(l.address)).join(', ') + '; REST ' + clean(p.rest) + '; ' +
		Object.entries(p.libraries).map(([name, v]) => name + ' ' + clean(v)).join(', '));
	for (const e of document.querySelectorAll('.script-only'))
		e.hidden = false;
	$('pause').hidden = false;
	tick();
}

/* Dialogs: each asks before something is done. */

function dialog(title, content) {
	const d = $('dialog');

	d.replaceChildren(el('h2', {id: 'dialog-title'}, title), ...content.flat());
	d.setAttribute('aria-labelledby', 'dialog-title');
	if (!d.open)
		d.showModal();
}

function close() {
	$('dialog').close();
	$('dialog').replaceChildren();
}

/* "cancel", and what does it; that one says what went wrong and stays. */
function choices(text, act) {
	const wrong = el('span', {class: 'wrong', role: 'alert'});
	const go = text === undefined ? '' : button(text, 'go', async () => {
		go.disabled = true;
		wrong.textContent = '';
		try {
			await act();
			close();
			await refresh();
		} catch (error) {
			wrong.textContent = clean(error.message);
			go.disabled = false;
		}
	}, {id: 'go'});

	return el('p', {class: 'choices'}, wrong, button(text === undefined ? 'close' : 'cancel', 'cancel', close), go);
}

function openCut(r) {
	dialog('Cut this connection?', [el('p', null, r.subject || '(no certificate)'), el('p', {class: 'small'}, r.way + ' ' + r.peer +
		', inside since ', moment(r.since, 'ago'), '. The peer may come again.'),
	choices('cut', () => ask('DELETE', API + 'connections/' + Number(r.id)))]);
}

function openLift(e) {
	dialog('Remove this entry?', [el('p', null, e.subject ? e.subject + ': ' : '', denied(e)), el('p', null, 'reason: ' + e.reason),
		el('p', {class: 'small'}, 'Who it shuts out may come in again, if nothing else is against it.'),
		choices('remove', () => ask('DELETE', API + 'denylist/' + encodeURIComponent(e.id)))]);
}

/* Everybody inside by this certificate, known good or not. */
async function cutBy(leaf) {
	const rows = await ask('GET', API + 'connections?serial=' + encodeURIComponent(leaf.serial));

	return rows.filter((r) => r.leaf?.issuer === leaf.issuer).length;
}

/* Without a name it is a certificate that is pasted. */
function openDeny(subject, leaf) {
	const reason = el('input', {type: 'text', id: 'deny-reason', required: '', autocomplete: 'off'});
	const until = el('input', {type: 'datetime-local', id: 'deny-until'});
	const pem = el('textarea', {id: 'deny-pem', spellcheck: 'false', placeholder: '-----BEGIN CERTIFICATE-----'});
	const cuts = el('p', {id: 'deny-cuts'}, 'counting its live connections …');

	if (leaf !== null)
		cutBy(leaf).then((n) => say_node(cuts, 'Cuts ' + plural(n, 'live connection') + '.'),
			(error) => say_node(cuts, 'Its live connections cannot be counted: ' + clean(error.message)));
	dialog(leaf === null ? 'Deny a certificate' : 'Deny this certificate?', [
		leaf === null ? [el('label', null, 'certificate (PEM)', pem), el('p', {class: 'small'}, 'Whoever is inside by it is cut.')]
			: [el('p', null, el('b', null, subject)), el('p', null, 'serial ' + leaf.serial), cuts],
		el('label', null, 'reason (wanted)', reason), el('label', null, 'until (empty: for ever)', until),
		choices('deny', async () => {
			if (reason.value.trim() === '')
				throw new Error('say why');
			await ask('POST', API + 'denylist', {
				...(leaf === null ? {certificate: pem.value.trim() + '\n'} : {issuer: leaf.issuer, serial: leaf.serial}),
				reason: reason.value.trim(),
				...(until.value === '' ? {} : {until: new Date(until.value).toISOString().replace(/\.\d+Z/, 'Z')}),
			});
		})]);
}

const GATEWAY = 'corda.p2p.gateway', LINKS = 'corda.p2p.linkManager';

/* The section as it was pushed, with another mode in it. */
function withMode(section, config, mode) {
	const at = section === GATEWAY ? (config.sslConfig ??= {}) : config;

	(at.revocationCheck ??= {}).mode = mode;
	return config;
}

async function openMode() {
	const sections = {};
	const scope = el('select', {id: 'mode-scope'}, el('option', {value: LINKS}, 'sessions, and TLS peers unless told otherwise (' + LINKS + ')'),
		el('option', {value: GATEWAY}, 'TLS peers alone (' + GATEWAY + ')'));
	const mode = el('select', {id: 'mode-mode'}, ['HARD_FAIL', 'SOFT_FAIL', 'OFF'].map((m) => el('option', {value: m}, m)));
	const off = el('input', {type: 'text', id: 'mode-off', autocomplete: 'off'});
	const offLabel = el('label', null, 'Revoked peers will be let in. Type OFF to say that this is meant', off);
	const softly = state.connections.byStatus.unknown ?? 0;
	const facts = el('p', {id: 'mode-facts', class: 'note'});
	const tell = () => {
		offLabel.hidden = mode.value !== 'OFF';
		facts.hidden = mode.value === 'OFF';
		say_node(facts, mode.value === 'HARD_FAIL'
			? 'HARD_FAIL would refuse now: ' + plural(softly, 'peer') + ' inside not known good, ' + plural(sum(state.minutes.peers.soft), 'peer') +
				' let in softly in the last hour; ' + number(state.summary.hardFailWouldRefuse) + ' since the start by the shadow count.'
			: 'SOFT_FAIL lets in whoever is not known to be revoked.');
	};

	mode.addEventListener('change', tell);
	tell();
	try {
		for (const name of [LINKS, GATEWAY])
			sections[name] = await ask('GET', API + 'config/' + name);
	} catch (error) {
		dialog('Change the mode', [el('p', {class: 'wrong'}, error.message), choices()]);
		return;
	}
	dialog('Change the mode', [el('label', null, 'for', scope), el('label', null, 'mode', mode), facts, offLabel,
		choices('change', async () => {
			const s = sections[scope.value];

			if (mode.value === 'OFF' && off.value !== 'OFF')
				throw new Error('type the word OFF');
			try {
				await ask('PUT', API + 'config', {section: scope.value, version: s.version,
					config: withMode(scope.value, JSON.parse(s.sourceConfig), mode.value), schemaVersion: {major: 1, minor: 0}});
			} catch (error) {
				throw error.status === 409 ? new Error(await whoWasFaster(scope.value)) : error;
			}
		})]);
}

async function whoWasFaster(section) {
	const list = await ask('GET', API + 'config/' + section + '/history');
	const c = list.reduce((a, b) => (b.version > a.version ? b : a));

	return 'Not changed (409): ' + c.who + ' was faster, with version ' + c.version + ' at ' + moments.clock(seconds(c.at)) + '. Close, and look again.';
}

/* Lines that one has and the other has not. */
function difference(from, to) {
	const lines = (text) => {
		try {
			return JSON.stringify(JSON.parse(text), null, 2).split('\n');
		} catch {
			return String(text).split('\n');
		}
	};
	const a = lines(from), b = lines(to), out = el('pre', null);
	const put = (mark, text, kind) => out.append(el('span', {class: kind}, mark + text), '\n');
	let i = 0, j = 0;

	while (i < a.length || j < b.length)
		if (i < a.length && a[i] === b[j]) {
			put('  ', a[i++], '');
			j++;
		} else if (i < a.length && !b.slice(j).includes(a[i])) {
			put('- ', a[i++], 'less');
		} else if (j < b.length) {
			put('+ ', b[j++], 'more');
		} else {
			put('- ', a[i++], 'less');
		}
	return out;
}

async function openHistory(section) {
	let list;

	try {
		list = await ask('GET', API + 'config/' + encodeURIComponent(section) + '/history');
	} catch (error) {
		dialog('History of ' + section, [el('p', {class: 'wrong'}, error.message), choices()]);
		return;
	}
	const newest = list.reduce((a, b) => (b.version > a.version ? b : a), list[0]);

	list.sort((a, b) => b.version - a.version);
	dialog('History of ' + section, [list.map((c) => el('section', null,
		el('p', null, el('b', null, 'v' + c.version), ' by ' + c.who + ' from ' + c.from + ' ', moment(c.at, 'clock'), ' (' + c.action + ') ',
			may('operate') && c !== newest ? button('put back…', 'back ' + c.version, () => openRestore(section, c, newest)) : ''))), choices()]);
}

function openRestore(section, c, newest) {
	dialog('Put back v' + c.version + ' of ' + section + '?', [el('p', null, 'What changes, from v' + newest.version + ':'), difference(newest.config, c.config),
		choices('put back', () => ask('POST', API + 'config/' + encodeURIComponent(section) + '/history/' + Number(c.version) + '/restore', {}))]);
}

/* Ask about a certificate. */

function renderAsk() {
	const yes = may('check') || may('operate');

	$('ask').hidden = !yes;
	show('ask-form', yes, () => (yes ? [el('label', {for: 'ask-pem'}, 'A certificate or its chain (PEM): what would be decided now?'),
		el('textarea', {id: 'ask-pem', spellcheck: 'false', placeholder: '-----BEGIN CERTIFICATE-----'}),
		el('p', null, el('label', null, 'mode ', el('select', {id: 'ask-mode'}, ['HARD_FAIL', 'SOFT_FAIL'].map((m) => el('option', {value: m}, m)))), ' ',
			button('ask', 'ask', askAbout))] : ''));
}

async function askAbout() {
	const blocks = $('ask-pem').value.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
	const answer = (...content) => $('ask-answer').replaceChildren(...content);

	if (blocks.length === 0) {
		answer(el('p', {class: 'wrong', role: 'alert'}, 'no certificate in PEM is there'));
		return;
	}
	answer(el('p', null, 'asking …'));
	try {
		const a = await ask('POST', '/ui/check', {certificates: blocks.map((b) => b + '\n'), mode: $('ask-mode').value});
		const revoked = a.status.Revoked;

		answer(el('p', {role: 'status'}, revoked === undefined ? word('good', 'Active: would be let in') : word('red', 'would be refused'),
			revoked === undefined ? '' : ' ' + revoked.reason), el('ol', {class: 'steps'}, a.details.map(step)));
	} catch (error) {
		answer(el('p', {class: 'wrong', role: 'alert'}, error.message));
	}
}

/* Events of the page. */

$('dialog').addEventListener('close', () => $('dialog').open || $('dialog').replaceChildren());

$('pause').addEventListener('click', () => {
	paused = !paused;
	say('pause', paused ? 'go on' : 'pause');
	$('pause').setAttribute('aria-pressed', String(paused));
	if (paused)
		plan();
	else
		refresh();
	tick();
});
document.addEventListener('visibilitychange', () => {
	if (!document.hidden && !paused)
		refresh();
	else
		plan();
});
$('evidence-filter').addEventListener('input', () => state !== null && renderEvidence());
let typing = null;
$('decision-filter').addEventListener('input', () => {
	clearTimeout(typing);
	typing = setTimeout(search, 300);
});
setInterval(tick, 1000);
refresh();
