/*
 * fleet_check: see fleet_check.h. What etcd says, and what it means: each of
 * these was met at the real one (tests/net/fleet/check.c).
 */
#include "gateway/fleet/fleet_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "cache/base/text.h"
#include "gateway/fleet/fleet_password.h"

#define LEASE_SEC 60

/* One check: the endpoint tried, and what was answered last. */
struct check {
	const struct fleet_link_options *o;
	struct event_base *base;
	struct engine *engine;
	const char *endpoint;
	char prefix[ENGINE_MAX_KEY];
	char key[64];
	uint8_t value[16];
	bool answered, created, seen, ended;
	enum engine_result result;
	int64_t revision, lease;
	size_t num;
	bool same; /* the record read is the one written */
	char why[512];
};

/* Explanations. */

struct meaning {
	const char *says; /* in `why` */
	const char *means;
};

static const struct meaning meanings[] = {
    {"CommonName of client",
	"its users are on, and the certificate of this machine has a common "
	"name, which etcd would take for a user: the machine needs a "
	"certificate without a common name"},
    {"user name is empty",
	"its users are on, and none is configured here: set 'user' and "
	"'password_file'"},
    {"user or password are wrong",
	"'user' is no user there, or 'password_file' has another password"},
    {"permission denied",
	"the user has no role that may read and write everything that begins "
	"with the prefix: etcdctl role grant-permission ROLE --prefix=true "
	"readwrite PREFIX"},
    {"space exceeded",
	"its quota is used up, and it refuses every write until it has been "
	"compacted and defragmented and the alarm is off: etcdctl compact, "
	"etcdctl defrag, etcdctl alarm disarm"},
    {"unable to get local issuer certificate",
	"its certificate is not from the CA in 'ca_file'"},
    {"self-signed certificate",
	"its certificate is not from the CA in 'ca_file'"},
    {"certificate verify failed",
	"its certificate is not from the CA in 'ca_file'"},
    {"no alternative certificate subject name",
	"its certificate is for another name than that of the endpoint"},
    {"certificate has expired", "its certificate has expired"},
    {"could not load PEM client certificate",
	"'certificate' cannot be read, or is none"},
    {"unable to set private key file", "'key' cannot be read, or is none"},
    {"error setting certificate",
	"'ca_file' cannot be read, or has no certificate"},
    {"Could not resolve host", "the name of the endpoint is not known"},
    {"Could not connect", "nobody listens there, or the way is blocked"},
    {"Failed to connect", "nobody listens there, or the way is blocked"},
};

/* How a connection ends that etcd refuses after the handshake (TLS 1.3). */
static const char *const cut_short[] = {
    "getpeername", "SSL_read", "SSL_write", "Send failure", "Recv failure"};

static const char *
meaning_of(const struct engine_answer *a, const struct fleet_link_options *o)
{
	/* etcd speaks to itself over TLS for JSON, and refuses itself. */
	if (a->status == 503)
		return "etcd cannot reach itself: with --client-cert-auth its "
		       "own certificate needs clientAuth beside serverAuth, "
		       "for its JSON interface is a client of it";
	if (a->status == 404 && a->code == 0)
		return "its JSON interface is off, as it is with a "
		       "configuration file: that needs the line "
		       "'enable-grpc-gateway: true'";
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (strstr(a->why, meanings[i].says) != NULL)
			return meanings[i].means;
	for (size_t i = 0; i < sizeof(cut_short) / sizeof(cut_short[0]); i++)
		if (strstr(a->why, cut_short[i]) != NULL)
			return o->certificate == NULL
			    ? "it ends the connection: where it wants a "
			      "certificate of this machine, set 'certificate' "
			      "and 'key'"
			    : "it ends the connection: 'certificate' may not "
			      "be from the CA of its --trusted-ca-file";
	return NULL;
}

void
fleet_check_explain(char *out, size_t room, const struct engine_answer *a,
    const struct fleet_link_options *o, const char *endpoint)
{
	const char *means = meaning_of(a, o);

	if (means != NULL)
		text_format(
		    out, room, "'%s': %s (%s)", endpoint, means, a->why);
	else
		text_format(out, room, "'%s': %s", endpoint, a->why);
}

/* Asking, and waiting for it. */

static void
check_wait(struct check *c, const bool *what)
{
	while (!*what && !c->ended)
		if (event_base_loop(c->base, EVLOOP_ONCE) != 0)
			return;
}

static void
answered(void *arg, const struct engine_answer *a)
{
	struct check *c = arg;

	c->answered = true;
	c->result = a->result;
	c->revision = a->revision;
	c->num = a->num;
	if (a->lease != 0)
		c->lease = a->lease;
	c->same = a->num == 1 && a->kv[0].len == sizeof(c->value) &&
	    memcmp(a->kv[0].value, c->value, sizeof(c->value)) == 0;
	if (a->result != ENGINE_DONE)
		fleet_check_explain(
		    c->why, sizeof(c->why), a, c->o, c->endpoint);
}

/* What was just asked. */
static bool
done(struct check *c)
{
	check_wait(c, &c->answered);
	c->answered = false;
	return c->result == ENGINE_DONE;
}

static void
created(void *arg, int64_t revision)
{
	struct check *c = arg;

	c->created = true;
}

static void
events(void *arg, const struct fleet_kv *kv, size_t num, int64_t revision,
    unsigned damaged)
{
	struct check *c = arg;

	for (size_t i = 0; i < num; i++)
		c->seen = c->seen || strcmp(kv[i].key, c->key) == 0;
}

static void
ended(void *arg, enum engine_result result, const char *why)
{
	struct check *c = arg;
	struct engine_answer a = {.result = result, .why = why};

	c->ended = true;
	fleet_check_explain(c->why, sizeof(c->why), &a, c->o, c->endpoint);
}

static void
too_late(evutil_socket_t fd, short what, void *arg)
{
	ended(arg, ENGINE_UNKNOWN, "the watch told nothing in time");
}

/* Steps. */

static bool
step_write(struct check *c)
{
	struct fleet_op op = {.kind = FLEET_OP_PUT,
	    .key = c->key,
	    .value = c->value,
	    .len = sizeof(c->value)};

	engine_lease(c->engine, LEASE_SEC, answered, c);
	if (!done(c))
		return false;
	op.lease = c->lease;
	engine_txn(c->engine, NULL, 0, &op, 1, 0, answered, c);
	return done(c);
}

/* From the write on: it is told, though it was there before the watch was. */
static bool
step_watch(struct check *c)
{
	struct engine_watch_calls calls = {c, created, events, ended};
	unsigned ms =
	    c->o->request_timeout_ms != 0 ? c->o->request_timeout_ms : 2000;
	struct timeval tv = {.tv_sec = ms / 1000 + 1};
	struct event *late = evtimer_new(c->base, too_late, c);

	if (late == NULL || evtimer_add(late, &tv) != 0)
		return false;
	engine_watch(c->engine, c->revision, &calls);
	check_wait(c, &c->seen);
	event_free(late);
	return !c->ended;
}

static bool
step_read(struct check *c)
{
	engine_get(c->engine, c->key, true, answered, c);
	if (!done(c))
		return false;
	if (!c->same)
		text_format(c->why, sizeof(c->why),
		    "'%s': what was read is not what was written", c->endpoint);
	return c->same;
}

static bool
step_delete(struct check *c)
{
	struct fleet_op op = {.kind = FLEET_OP_DELETE, .key = c->key};

	engine_txn(c->engine, NULL, 0, &op, 1, 0, answered, c);
	if (!done(c))
		return false;
	engine_revoke(c->engine, c->lease, answered, c);
	return done(c);
}

/* An endpoint answers when a linearizable read does: login, role, quorum. */
static bool
reach(struct check *c, const char *password)
{
	const struct fleet_link_options *o = c->o;
	struct engine_options e = {.base = c->base,
	    .endpoint = c->endpoint,
	    .prefix = c->prefix,
	    .ca_file = o->ca_file,
	    .certificate = o->certificate,
	    .key = o->key,
	    .user = o->user,
	    .password = password,
	    .timeout_ms = o->request_timeout_ms};
	struct err err;

	if (engine_open(&c->engine, &e, &err) != 0) {
		text_copy(c->why, sizeof(c->why), err.msg);
		return false;
	}
	engine_get(c->engine, FLEET_KEY_FLEET, true, answered, c);
	return done(c);
}

static const struct {
	bool (*step)(struct check *c);
	const char *good;
} steps[] = {
    {step_write, "a record was written"},
    {step_watch, "a watch saw it"},
    {step_read, "it was read"},
    {step_delete, "it was deleted"},
};

/* All of it, at an endpoint that answers. */
static bool
try_out(struct check *c, void (*say)(void *, bool, const char *), void *arg)
{
	uint8_t random[8];

	if (RAND_bytes(random, sizeof(random)) != 1 ||
	    RAND_bytes(c->value, sizeof(c->value)) != 1) {
		text_copy(c->why, sizeof(c->why), "no random bytes");
		return false;
	}
	memcpy(c->key, FLEET_KEY_CHECK, sizeof(FLEET_KEY_CHECK));
	text_hex(c->key + strlen(c->key), random, sizeof(random));
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (!steps[i].step(c))
			return false;
		say(arg, true, steps[i].good);
	}
	return true;
}

static int
check_all(struct check *c, const char *password,
    void (*say)(void *, bool, const char *), void *arg, struct err *err)
{
	const struct fleet_link_options *o = c->o;
	char text[600];
	unsigned reached = 0, faults = 0;

	for (size_t i = 0; o->endpoints[i] != NULL; i++) {
		bool good;

		c->endpoint = o->endpoints[i];
		c->ended = c->seen = false;
		good = reach(c, password);
		if (good) {
			text_format(
			    text, sizeof(text), "'%s' answers", c->endpoint);
			say(arg, true, text);
		}
		/* The rest once: all of them are one store. */
		if (good && reached++ == 0)
			good = try_out(c, say, arg);
		if (!good) {
			say(arg, false, c->why);
			if (faults++ == 0)
				err_set(err, E_IO, "%s", c->why);
		}
		engine_close(c->engine);
		c->engine = NULL;
	}
	if (reached == 0)
		say(arg, false, "no endpoint can be used");
	return faults > 0 ? E_IO : 0;
}

int
fleet_check(const struct fleet_link_options *o,
    void (*say)(void *arg, bool good, const char *sentence), void *arg,
    struct err *err)
{
	struct check c = {.o = o};
	char *password = NULL;
	int rc = fleet_link_check(o, err);

	if (rc == 0 && o->user != NULL)
		rc = fleet_password_read(&password, o->password_file, err);
	if (rc == 0) {
		c.base = event_base_new();
		if (c.base == NULL)
			rc = err_set(err, E_NOMEM, "out of memory");
	}
	if (rc != 0)
		say(arg, false, err->msg);
	snprintf(c.prefix, sizeof(c.prefix), FLEET_PREFIX, o->name);
	if (rc == 0)
		rc = check_all(&c, password, say, arg, err);
	fleet_password_free(password);
	if (c.base != NULL)
		event_base_free(c.base);
	return rc;
}
