/*
 * Random histories over REST: every route that changes something, valid values
 * and hostile ones, kill -9 at any moment. After each start, which never fails,
 * exactly what was acknowledged is there, in every list; of the one change that
 * was under way, all or nothing.
 *
 * Everything that can be set is a slot with a number in it: 0 is "not there".
 * A change sets one slot to one number; what is read is numbers again.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "tests/lib/enrol.h"
#include "tests/lib/scene.h"

#define LIMIT_SEC 12
#define MIN_KILLS 4
#define MAX_KILLS 60
#define MAX_SLOTS 24
#define HOST      "member.example"

static const char *const members[] = {"00000000000A", "00000000000B"};
static const char *const sections[] = {
    "corda.p2p.linkManager", "corda.p2p.gateway", "revcheck"};

enum kind {
	SECTION = 0, /* 3: the number that it sets */
	VERSION,     /* 3: of these; written with it */
	DENIED,      /* of a key; the number is in reason and date */
	SUBJECT,     /* half of them of each member */
	KEY,         /* made once */
	CHAIN,       /* which of two, of member 0, member 1, the cluster */
	REGISTERED,  /* which of two roots */
	SETUP,       /* which of two chains; member 0 alone */
	NUM_KINDS
};
static const int slots[NUM_KINDS] = {3, 3, 12, 12, MAX_SLOTS, 6, 2, 1};

struct state {
	int v[NUM_KINDS][MAX_SLOTS];
};

/* What one request does, if it is done. */
struct change {
	enum kind kind; /* NUM_KINDS: nothing */
	int slot, value;
};

static struct pki_ca roots[2];
static char *root_pem[2], *leaf[2], *session, *denied_ids[MAX_SLOTS];
static unsigned seed;

static int
setup(void **state)
{
	int rc = scene_setup(state);

	for (int i = 0; i < 2; i++) {
		pki_ca_init(&roots[i], i == 0 ? "root-0" : "root-1");
		root_pem[i] = enrol_pem(roots[i].cert);
	}
	seed = (unsigned)time(NULL) ^ (unsigned)getpid() << 16;
	print_message("# seed %u\n", seed);
	return rc;
}

static int
teardown(void **state)
{
	for (int i = 0; i < 2; i++) {
		pki_ca_cleanup(&roots[i]);
		free(root_pem[i]);
		free(leaf[i]);
	}
	free(session);
	for (int i = 0; i < MAX_SLOTS; i++)
		free(denied_ids[i]);
	return scene_teardown(state);
}

static int
lot(int num)
{
	return rand_r(&seed) % num;
}

/* Requests. */

struct request {
	const char *method;
	char *path, *body, *alias; /* alias: it is an upload of chain */
	const char *chain;
	struct change change;
	long status; /* that is right; 0: any of 400 to 499 */
};

static void
request_cleanup(struct request *r)
{
	free(r->path);
	free(r->body);
	free(r->alias);
}

static long
send_request(const struct request *r)
{
	struct web w;
	long status;

	if (r->alias != NULL) {
		enrol_upload(&gw, &w, r->path, r->alias, r->chain, NULL);
	} else {
		rest(&gw, &w, r->method, r->path, r->body);
	}
	status = w.status;
	web_free(&w);
	return status;
}

static const char *const section_keys[] = {
    "maxMessageSize", "maxRequestSize", "deadlineMs"};
static const int section_from[] = {1000, 10000000, 1000};

static char *
section_body(int slot, int version, int n)
{
	return xasprintf("{\"section\":\"%s\",\"version\":%d,"
			 "\"config\":{\"%s\":%d},"
			 "\"schemaVersion\":{\"major\":1,\"minor\":0}}",
	    sections[slot], version, section_keys[slot],
	    section_from[slot] + n);
}

#define SUBJECTS "/mgm/%s/mutual-tls/allowed-client-certificate-subjects"

static const char *const chain_paths[] = {
    "/certificates/vnode/00000000000A/p2p-tls",
    "/certificates/vnode/00000000000B/p2p-tls",
    "/certificates/cluster/p2p-tls"};

static void
make_change(struct request *r, const struct state *now)
{
	static const enum kind kinds[] = {SECTION, DENIED, DENIED, SUBJECT,
	    SUBJECT, KEY, CHAIN, CHAIN, REGISTERED, SETUP};
	enum kind kind = kinds[lot(sizeof(kinds) / sizeof(kinds[0]))];
	int slot = lot(slots[kind]), n = 1 + lot(1000);
	int was = now->v[kind][slot];

	*r = (struct request){.change = {kind, slot, n}};
	switch (kind) {
	case SECTION:
		r->method = "PUT";
		r->path = xstrdup("/config");
		r->body = section_body(slot, now->v[VERSION][slot], n);
		r->status = 202;
		break;
	case DENIED:
		if (was != 0 && lot(2)) {
			r->change.value = 0;
			r->method = "DELETE";
			r->path = xasprintf("/denylist/%s", denied_ids[slot]);
			r->status = 204;
			break;
		}
		r->method = "POST";
		r->path = xstrdup("/denylist");
		r->body = xasprintf("{\"spkiSha256\":\"%064d\",\"reason\":"
				    "\"r%d\",\"until\":%d}",
		    slot, n, 2000000000 + n);
		r->status = 201;
		break;
	case SUBJECT:
		r->change.value = lot(2);
		r->method = r->change.value ? "PUT" : "DELETE";
		r->path =
		    xasprintf(SUBJECTS "/CN%%3Ds%d", members[slot % 2], slot);
		r->body = xstrdup("");
		r->status = 204;
		break;
	case KEY:
		r->method = "POST";
		r->path = xasprintf("/keys/%s/alias/k%d/category/TLS/scheme/%s",
		    slot % 3 < 2 ? members[slot % 3] : "p2p", slot,
		    lot(3) ? ENROL_P256 : "CORDA.EDDSA.ED25519");
		r->body = xstrdup("");
		r->change.value = 1;
		r->status = was ? 409 : 200;
		break;
	case CHAIN:
		r->change.value = 1 + n % 2;
		r->path = xstrdup(chain_paths[slot % 3]);
		r->alias = xasprintf("c%d", slot);
		r->chain = root_pem[n % 2];
		r->status = 204;
		break;
	case REGISTERED: {
		cJSON *o = cJSON_CreateObject();
		cJSON *context = cJSON_AddObjectToObject(o, "context");

		/* Its setup's chain is root 0's. */
		n = slot == 0 ? 0 : n % 2;
		cJSON_AddStringToObject(
		    context, "corda.group.trustroot.tls.0", root_pem[n]);
		cJSON_AddStringToObject(
		    context, "corda.group.pki.session", "NoPKI");
		r->body = cJSON_PrintUnformatted(o);
		cJSON_Delete(o);
		r->method = "POST";
		r->path = xasprintf("/membership/%s", members[slot]);
		r->change.value = 1 + n;
		r->status = 200;
		break;
	}
	default:
		r->method = "PUT";
		r->path = xasprintf("/network/setup/%s", members[0]);
		r->body = xasprintf("{\"p2pTlsCertificateChainAlias\":\"%c\","
				    "\"sessionKeyId\":\"%s\"}",
		    'a' + n % 2, session);
		r->change.value = 1 + n % 2;
		r->status = 204;
		break;
	}
}

/* What must not be taken, and must leave nothing. */
static void
make_hostile(struct request *r, const struct state *now)
{
	static const struct {
		const char *method, *path, *body;
	} rows[] = {
	    {"POST",
		"/keys/00000000000A/alias/caf%E9/category/TLS/scheme"
		"/CORDA.ECDSA.SECP256R1",
		""},
	    {"POST",
		"/keys/00000000000C/alias/a%00b/category/TLS/scheme"
		"/CORDA.ECDSA.SECP256R1",
		""},
	    {"POST",
		"/keys/00000000000C/alias/a%0Ab/category/TLS/scheme"
		"/CORDA.ECDSA.SECP256R1",
		""},
	    {"POST", "/keys/00000000000C/alias/x/category/NO/scheme/NO", ""},
	    {"POST", "/denylist", "{\"spkiSha256\":\"00\"}"},
	    {"POST", "/denylist",
		"{\"issuer\":\"MAA=\",\"serial\":\"01\","
		"\"until\":999999999999}"},
	    {"POST", "/denylist",
		"{\"issuer\":\"MAA=\",\"serial\":\"01\",\"until\":1e400}"},
	    {"POST", "/denylist",
		"{\"issuer\":\"MAA=\",\"serial\":\"01\",\"until\":-5}"},
	    {"POST", "/denylist",
		"{\"issuer\":\"MAA=\",\"serial\":\"01\",\"reason\":\"\xe9\"}"},
	    {"POST", "/denylist",
		"{\"issuer\":\"MAA=\",\"serial\":\"01\","
		"\"reason\":\"\\u0000\"}"},
	    {"POST", "/denylist", "\xff\xfe"},
	    {"DELETE", "/denylist/0000000000000000", NULL},
	    {"DELETE", "/denylist/%FF%00", NULL},
	    {"PUT",
		"/mgm/00000000000A/mutual-tls"
		"/allowed-client-certificate-subjects/O%3Dcaf%E9",
		""},
	    {"PUT",
		"/mgm/00000000000A/mutual-tls"
		"/allowed-client-certificate-subjects/%00",
		""},
	    {"PUT",
		"/mgm/xyz/mutual-tls/allowed-client-certificate-subjects"
		"/CN%3Dx",
		""},
	    {"PUT", "/config", "{\"section\":\"revcheck\"}"},
	    {"PUT", "/config",
		"{\"section\":\"revcheck\",\"version\":1e99,\"config\":{},"
		"\"schemaVersion\":{\"major\":1,\"minor\":0}}"},
	    {"PUT", "/config",
		"{\"section\":\"revcheck\",\"version\":99999,\"config\":{},"
		"\"schemaVersion\":{\"major\":1,\"minor\":0}}"},
	    {"PUT", "/config",
		"{\"section\":\"revcheck\",\"version\":0,\"config\":"
		"\"{\\\"order\\\":\\\"\xe9\\\"}\","
		"\"schemaVersion\":{\"major\":1,\"minor\":0}}"},
	    {"POST", "/membership/00000000000A", "{\"context\":{}}"},
	    {"POST", "/membership/FFFFFFFFFFFF", "{\"context\":{}}"},
	    {"PUT", "/network/setup/00000000000A",
		"{\"p2pTlsCertificateChainAlias\":\"none\","
		"\"sessionKeyId\":\"000000000000\"}"},
	};
	int i = lot((int)(sizeof(rows) / sizeof(rows[0])) + 4);

	(void)now;
	*r = (struct request){.change = {.kind = NUM_KINDS}};
	switch (i) {
	case 0: /* not text; too long; nothing */
	case 1:
	case 2:
		r->path = xstrdup(chain_paths[lot(3)]);
		r->alias = i == 0 ? xstrdup("caf\xe9")
		    : i == 1      ? xasprintf("%0101d", 1)
				  : xstrdup("");
		r->chain = root_pem[0];
		return;
	case 3:
		r->method = "PUT";
		r->path = xasprintf(
		    SUBJECTS "/CN%%3D%0*d", members[0], 500 + lot(4000), 1);
		r->body = xstrdup("");
		return;
	default:
		r->method = rows[i - 4].method;
		r->path = xstrdup(rows[i - 4].path);
		r->body =
		    rows[i - 4].body != NULL ? xstrdup(rows[i - 4].body) : NULL;
	}
}

/* What is found. */

static cJSON *
get(const char *path)
{
	struct web w;
	cJSON *o;

	rest(&gw, &w, "GET", path, NULL);
	if (w.status != 200 || w.json == NULL)
		fail_msg("GET %s: %ld %s", path, w.status, w.body);
	o = w.json;
	w.json = NULL;
	web_free(&w);
	return o;
}

static void
find_denied(struct state *s)
{
	cJSON *all = get("/denylist"), *o;

	cJSON_ArrayForEach(o, all)
	{
		int slot = atoi(json_text(o, "spkiSha256"));
		int n = atoi(json_text(o, "reason") + 1);
		time_t at = 2000000000 + n;
		struct tm tm;
		char when[32];

		assert_in_range(slot, 0, slots[DENIED] - 1);
		assert_int_equal(s->v[DENIED][slot], 0);
		gmtime_r(&at, &tm);
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
		assert_string_equal(json_text(o, "until"), when);
		s->v[DENIED][slot] = n;
		if (denied_ids[slot] == NULL)
			denied_ids[slot] = xstrdup(json_text(o, "id"));
		assert_string_equal(json_text(o, "id"), denied_ids[slot]);
	}
	cJSON_Delete(all);
}

static void
find_sections(struct state *s)
{
	for (int i = 0; i < 3; i++) {
		char *path = xasprintf("/config/%s", sections[i]);
		cJSON *o = get(path), *config;
		int version = (int)json_number(o, "version");

		s->v[VERSION][i] = version < 0 ? 0 : version;
		config = cJSON_Parse(json_text(o, "sourceConfig"));
		assert_non_null(config);
		if (version > 0)
			s->v[SECTION][i] =
			    (int)json_number(config, section_keys[i]) -
			    section_from[i];
		cJSON_Delete(config);
		cJSON_Delete(o);
		free(path);
		path = xasprintf("/config/%s/history", sections[i]);
		o = get(path);
		assert_int_equal(cJSON_GetArraySize(o), s->v[VERSION][i]);
		cJSON_Delete(o);
		free(path);
	}
}

static void
find_subjects_and_keys(struct state *s)
{
	for (int m = 0; m < 3; m++) {
		const char *who = m < 2 ? members[m] : "p2p";
		char *path = xasprintf("/keys/%s", who);
		cJSON *all = get(path), *o;

		cJSON_ArrayForEach(o, all)
		{
			const char *alias = json_text(o, "alias");

			/* Two of member 0 are there from the beginning. */
			if (strcmp(alias, "tls") == 0 ||
			    strcmp(alias, "session") == 0 ||
			    strcmp(alias, "known") == 0)
				continue;
			assert_in_range(atoi(alias + 1), 0, slots[KEY] - 1);
			assert_int_equal(s->v[KEY][atoi(alias + 1)], 0);
			s->v[KEY][atoi(alias + 1)] = 1;
		}
		cJSON_Delete(all);
		free(path);
		if (m == 2)
			continue;
		path = xasprintf(SUBJECTS, who);
		all = get(path);
		cJSON_ArrayForEach(o, all)
		{
			int slot = atoi(cJSON_GetStringValue(o) + 4);

			assert_in_range(slot, 0, slots[SUBJECT] - 1);
			assert_int_equal(s->v[SUBJECT][slot], 0);
			s->v[SUBJECT][slot] = 1;
		}
		cJSON_Delete(all);
		free(path);
	}
}

static void
find_chains(struct state *s)
{
	for (int i = 0; i < 3; i++) {
		cJSON *all = get(chain_paths[i]), *o;

		cJSON_ArrayForEach(o, all)
		{
			const char *alias = cJSON_GetStringValue(o);
			char *path;
			struct web w;
			int slot;

			if (alias[1] == '\0')
				continue; /* "a" and "b" */
			slot = atoi(alias + 1);
			assert_in_range(slot, 0, slots[CHAIN] - 1);
			assert_int_equal(slot % 3, i);
			path = xasprintf("%s/%s", chain_paths[i], alias);
			rest(&gw, &w, "GET", path, NULL);
			s->v[CHAIN][slot] =
			    1 + (strcmp(w.body, root_pem[1]) == 0);
			assert_string_equal(
			    w.body, root_pem[s->v[CHAIN][slot] - 1]);
			web_free(&w);
			free(path);
		}
		cJSON_Delete(all);
	}
}

/* Nothing of REST shows these: another reader of the file does. */
static void
find_members(struct state *s)
{
	char *path = xasprintf("%s.state/state.db", gw.name);
	sqlite3_stmt *stmt;
	sqlite3 *h;

	assert_int_equal(
	    sqlite3_open_v2(path, &h, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(
	    sqlite3_prepare_v2(h, "SELECT id, registration, setup FROM member",
		-1, &stmt, NULL),
	    SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		const char *id = (const char *)sqlite3_column_text(stmt, 0);
		int m = strcmp(id, members[1]) == 0;
		cJSON *o =
		    cJSON_Parse((const char *)sqlite3_column_text(stmt, 1));
		const cJSON *root =
		    cJSON_GetArrayItem(cJSON_GetObjectItem(o, "tls"), 0);

		assert_string_equal(id, members[m]);
		if (root != NULL)
			s->v[REGISTERED][m] =
			    1 + (strcmp(root->valuestring, root_pem[1]) == 0);
		cJSON_Delete(o);
		if (m == 1)
			continue;
		o = cJSON_Parse((const char *)sqlite3_column_text(stmt, 2));
		if (o != NULL)
			s->v[SETUP][0] =
			    1 + (*json_text(o, "tls.alias") == 'b');
		cJSON_Delete(o);
	}
	sqlite3_finalize(stmt);
	sqlite3_close(h);
	free(path);
}

static void
find(struct state *s)
{
	memset(s, 0, sizeof(*s));
	find_sections(s);
	find_denied(s);
	find_subjects_and_keys(s);
	find_chains(s);
	find_members(s);
}

/* Histories. */

struct writer {
	pthread_t thread;
	struct state now; /* acknowledged */
	struct change under_way;
	atomic_int requests;
	char *wrong; /* what was answered and should not have been */
};

static void
apply(struct state *s, const struct change *c)
{
	if (c->kind == NUM_KINDS)
		return;
	s->v[c->kind][c->slot] = c->value;
	if (c->kind == SECTION)
		s->v[VERSION][c->slot]++;
}

static bool
is_right(const struct request *r, long status)
{
	return r->status != 0 ? status == r->status
			      : status >= 400 && status <= 499;
}

/* Writes as fast as it can until the gateway is gone. */
static void *
writer_main(void *arg)
{
	struct writer *wr = arg;

	for (;;) {
		struct request r;
		long status;

		if (lot(4) == 0)
			make_hostile(&r, &wr->now);
		else
			make_change(&r, &wr->now);
		wr->under_way = r.change;
		atomic_fetch_add(&wr->requests, 1);
		status = send_request(&r);
		if (status != 0 && !is_right(&r, status))
			wr->wrong = xasprintf("%s %s %s: %ld",
			    r.method != NULL ? r.method : "upload", r.path,
			    r.body != NULL ? r.body : "", status);
		if (status >= 200 && status <= 299)
			apply(&wr->now, &r.change);
		request_cleanup(&r);
		if (status == 0 || wr->wrong != NULL)
			return NULL;
		wr->under_way.kind = NUM_KINDS;
	}
}

static void
check(struct writer *wr)
{
	struct state found, with = wr->now;

	find(&found);
	apply(&with, &wr->under_way);
	if (memcmp(&found, &with, sizeof(found)) == 0)
		wr->now = with;
	for (int k = 0; k < NUM_KINDS; k++)
		for (int i = 0; i < MAX_SLOTS; i++)
			if (found.v[k][i] != wr->now.v[k][i])
				fail_msg("kind %d, slot %d: found %d, "
					 "acknowledged %d (under way: kind %d, "
					 "slot %d, value %d)",
				    k, i, found.v[k][i], wr->now.v[k][i],
				    (int)wr->under_way.kind, wr->under_way.slot,
				    wr->under_way.value);
	wr->under_way.kind = NUM_KINDS;
}

static void
one_life(struct writer *wr)
{
	int from = atomic_load(&wr->requests), some = 1 + lot(40);
	long spin = lot(3000);

	assert_int_equal(pthread_create(&wr->thread, NULL, writer_main, wr), 0);
	while (atomic_load(&wr->requests) < from + some && wr->wrong == NULL)
		sched_yield();
	/* Some moment of the next one. */
	for (; spin > 0; spin--)
		sched_yield();
	gateway_kill(&gw);
	pthread_join(wr->thread, NULL);
	if (wr->wrong != NULL)
		fail_msg("%s", wr->wrong);
}

/* What the histories need: two members, a key with two certificates. */
static void
enrol(void)
{
	char *key = enrol_key(&gw, members[0], "tls", "TLS", ENROL_P256);
	X509_REQ *req = enrol_csr(&gw, members[0], key,
	    "{\"x500Name\":\"CN=member\",\"subjectAlternativeNames\":"
	    "[\"" HOST "\"]}");

	for (int i = 0; i < 2; i++) {
		char alias[] = {(char)('a' + i), '\0'};

		leaf[i] = enrol_issue(&roots[0], req, 300);
		enrol_upload_ok(&gw, chain_paths[0], alias, leaf[i], NULL);
	}
	session =
	    enrol_key(&gw, members[0], "session", "SESSION_INIT", ENROL_P256);
	free(enrol_key(&gw, members[1], "known", "TLS", ENROL_P256));
	X509_REQ_free(req);
	free(key);
	/* An entry's id is a digest: seen once, it is known. */
	for (int i = 0; i < slots[DENIED]; i++) {
		char *body = xasprintf("{\"spkiSha256\":\"%064d\","
				       "\"reason\":\"r1\","
				       "\"until\":2000000001}",
		    i);
		struct web w;

		rest(&gw, &w, "POST", "/denylist", body);
		assert_int_equal(w.status, 201);
		web_free(&w);
		free(body);
	}
}

static void
what_was_acknowledged_is_there(void **state)
{
	struct writer wr = {.under_way = {.kind = NUM_KINDS}};
	time_t end = time(NULL) + LIMIT_SEC;
	int kills = 0;

	gateway_prepare(&gw, "histories", &town);
	gateway_set(&gw, "workers", "1");
	gateway_set(&gw, "rest.users", REST_CHEAP_USERS);
	gateway_start(&gw);
	enrol();
	for (int i = 0; i < slots[DENIED]; i++)
		wr.now.v[DENIED][i] = 1;
	check(&wr);
	while (kills < MIN_KILLS || (time(NULL) < end && kills < MAX_KILLS)) {
		one_life(&wr);
		gateway_start(&gw);
		check(&wr);
		kills++;
	}
	print_message(
	    "# %d kills, %d requests\n", kills, atomic_load(&wr.requests));
	gateway_stop(&gw);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(what_was_acknowledged_is_there),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
