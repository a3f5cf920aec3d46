/* fleet_evidence: see the header. One lock, held for a copy at most. */
#include "gateway/control/fleet_evidence.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "cache/base/digest_map.h"
#include "cache/base/text.h"
#include "gateway/conf/conf_secret.h"
#include "gateway/control/fleet_evidence_text.h"

#define MAX_QUEUED       4096 /* more is not told */
#define SPREAD_MEMBER_MS 20
#define SPREAD_MAX_MS    (15 * 60 * 1000)
#define MAX_CREDENTIALS  2048
#define HEX_SOURCE       65

struct pointer_item {
	struct digest_item item; /* by source */
	struct revcheck_pointer pointer;
};

enum message_kind {
	MESSAGE_CLAIM = 0,
	MESSAGE_PUBLISHED,
	MESSAGE_RELEASED,
	MESSAGE_REVOKED
};

/* From the service thread. */
struct message {
	struct message *next;
	enum message_kind kind;
	unsigned char source[32];
	uint64_t ticket;
	bool failed;
	char why[160];
	time_t until;
	struct revcheck_pointer pointer;
	struct revcheck_told told;
};

/* A claim whose answer is awaited. */
struct claim {
	struct claim **prev, *next;
	struct fleet_evidence *evidence;
	unsigned char source[32];
	uint64_t ticket;
};

struct fleet_evidence {
	const struct services *services;
	struct fleet *fleet;
	unsigned share; /* enum conf_share */
	char *member;
	uint32_t spread_ms; /* as configured; 0: by the members */
	uint32_t spread_now_ms;
	struct event *queued;
	struct claim *claims;
	struct conf_fleet conf; /* lent by who has set it */

	pthread_mutex_t lock; /* of what follows */
	struct digest_map pointers;
	struct message *first, **last;
	size_t num;
};

/* On the service thread. */

static int
newest(void *arg, const unsigned char source[32], struct revcheck_pointer *out)
{
	struct fleet_evidence *e = arg;
	const struct pointer_item *p;
	int found;

	pthread_mutex_lock(&e->lock);
	p = (const struct pointer_item *)digest_map_find(&e->pointers, source);
	found = p != NULL;
	if (found)
		*out = p->pointer;
	pthread_mutex_unlock(&e->lock);
	return found;
}

/* Takes m over. False when there are too many. */
static bool
push(struct fleet_evidence *e, struct message *m)
{
	bool room;

	if (m == NULL)
		return false;
	pthread_mutex_lock(&e->lock);
	room = e->num < MAX_QUEUED;
	if (room) {
		*e->last = m;
		e->last = &m->next;
		e->num++;
	}
	pthread_mutex_unlock(&e->lock);
	if (room)
		event_active(e->queued, EV_READ, 0);
	else
		free(m);
	return room;
}

static struct message *
message_new(enum message_kind kind, const unsigned char source[32])
{
	struct message *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->kind = kind;
	memcpy(m->source, source, sizeof(m->source));
	return m;
}

static void
claim(void *arg, const unsigned char source[32], uint64_t ticket)
{
	struct fleet_evidence *e = arg;
	struct message *m = e->share & CONF_SHARE_EVIDENCE
	    ? message_new(MESSAGE_CLAIM, source)
	    : NULL;

	if (m != NULL)
		m->ticket = ticket;
	if (!push(e, m))
		revcheck_shared_claimed(e->services->engine, source, ticket,
		    REVCHECK_CLAIM_AWAY, 0);
}

static void
published(void *arg, const unsigned char source[32],
    const struct revcheck_pointer *p, int changed)
{
	struct fleet_evidence *e = arg;
	struct message *m;

	(void)changed;
	if (!(e->share & CONF_SHARE_EVIDENCE))
		return;
	m = message_new(MESSAGE_PUBLISHED, source);
	if (m != NULL)
		m->pointer = *p;
	(void)push(e, m);
}

static void
released(
    void *arg, const unsigned char source[32], const char *failed, time_t until)
{
	struct fleet_evidence *e = arg;
	struct message *m = message_new(MESSAGE_RELEASED, source);

	if (m != NULL) {
		m->failed = failed != NULL;
		text_copy(m->why, sizeof(m->why), failed != NULL ? failed : "");
		m->until = until;
	}
	(void)push(e, m);
}

static void
revoked(void *arg, const struct revcheck_told *told)
{
	struct fleet_evidence *e = arg;
	struct message *m;

	if (!(e->share & CONF_SHARE_REVOCATIONS))
		return;
	m = message_new(MESSAGE_REVOKED, told->source);
	if (m != NULL)
		m->told = *told;
	(void)push(e, m);
}

/* On the control thread. */

static void
claim_free(struct claim *c)
{
	*c->prev = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	free(c);
}

static void
on_claimed(void *arg, enum fleet_claim_result result, int64_t until)
{
	static const enum revcheck_claim answers[] = {
	    [FLEET_CLAIM_AWAY] = REVCHECK_CLAIM_AWAY,
	    [FLEET_CLAIM_WON] = REVCHECK_CLAIM_WON,
	    [FLEET_CLAIM_TAKEN] = REVCHECK_CLAIM_TAKEN,
	    [FLEET_CLAIM_BACKOFF] = REVCHECK_CLAIM_BACKOFF};
	struct claim *c = arg;

	revcheck_shared_claimed(c->evidence->services->engine, c->source,
	    c->ticket, answers[result], (time_t)until);
	claim_free(c);
}

static void
ask_claim(struct fleet_evidence *e, const struct message *m, const char *source)
{
	struct claim *c = calloc(1, sizeof(*c));
	struct err err;

	if (c == NULL) {
		revcheck_shared_claimed(e->services->engine, m->source,
		    m->ticket, REVCHECK_CLAIM_AWAY, 0);
		return;
	}
	c->evidence = e;
	c->ticket = m->ticket;
	memcpy(c->source, m->source, sizeof(c->source));
	c->next = e->claims;
	c->prev = &e->claims;
	if (c->next != NULL)
		c->next->prev = &c->next;
	e->claims = c;
	if (fleet_claim(e->fleet, source, on_claimed, c, &err) != 0)
		on_claimed(c, FLEET_CLAIM_AWAY, 0);
}

/* Takes json over. What cannot be told now the others find out themselves. */
static void
tell(struct fleet_evidence *e, const struct message *m, char *json)
{
	char source[HEX_SOURCE];
	struct err err;
	int rc = E_NOMEM;

	text_hex(source, m->source, sizeof(m->source));
	if (json != NULL && m->kind == MESSAGE_PUBLISHED)
		rc = fleet_put_evidence(e->fleet, source, json, &err);
	else if (json != NULL)
		rc = fleet_tell_revoked(e->fleet,
		    fleet_evidence_identity(source, &m->told), json,
		    m->told.not_after != 0
			? (int64_t)m->told.not_after - (int64_t)time(NULL)
			: 0,
		    &err);
	if (rc != 0)
		log_line(e->services->log, LOG_LEVEL_DEBUG,
		    "the fleet is not told of evidence: %s",
		    json != NULL ? err.msg : "out of memory");
	free(json);
}

static void
handle(struct fleet_evidence *e, const struct message *m)
{
	char source[HEX_SOURCE];

	text_hex(source, m->source, sizeof(m->source));
	switch (m->kind) {
	case MESSAGE_CLAIM:
		ask_claim(e, m, source);
		break;
	case MESSAGE_PUBLISHED:
		tell(e, m, fleet_evidence_pointer_text(&m->pointer, e->member));
		break;
	case MESSAGE_RELEASED:
		fleet_claim_release(e->fleet, source, m->failed ? m->why : NULL,
		    (int64_t)m->until);
		break;
	case MESSAGE_REVOKED:
		/* A certificate that has ended needs no word. */
		if (m->told.not_after == 0 || m->told.not_after > time(NULL))
			tell(e, m,
			    fleet_evidence_told_text(&m->told, e->member));
		break;
	}
}

static struct message *
take_queue(struct fleet_evidence *e)
{
	struct message *list;

	pthread_mutex_lock(&e->lock);
	list = e->first;
	e->first = NULL;
	e->last = &e->first;
	e->num = 0;
	pthread_mutex_unlock(&e->lock);
	return list;
}

static void
on_queued(evutil_socket_t fd, short what, void *arg)
{
	struct fleet_evidence *e = arg;
	struct message *m = take_queue(e), *next;

	(void)fd, (void)what;
	for (; m != NULL; m = next) {
		next = m->next;
		handle(e, m);
		free(m);
	}
}

/* From the fleet. */

static void
take_pointer(struct fleet_evidence *e, const unsigned char source[32],
    const struct fleet_record *r)
{
	struct pointer_item *p = calloc(1, sizeof(*p));
	int rc;

	if (p == NULL)
		return;
	ref_init(&p->item.ref);
	memcpy(p->item.key, source, sizeof(p->item.key));
	if (!r->gone && !fleet_evidence_pointer_read(&p->pointer, r->json)) {
		free(p);
		return;
	}
	pthread_mutex_lock(&e->lock);
	rc = r->gone ? E_ARG : digest_map_put(&e->pointers, &p->item);
	if (r->gone)
		(void)!digest_map_remove(&e->pointers, source);
	pthread_mutex_unlock(&e->lock);
	if (rc != 0)
		free(p);
	revcheck_shared_told(e->services->engine, source);
}

static void
take_revoked(struct fleet_evidence *e, const struct fleet_record *r)
{
	struct revcheck_error why;
	struct revcheck_told told;

	/*
	 * What is absent is kept until its own end. What this machine has said
	 * itself is heard, too: from before it lost its disk, or by another of
	 * its name.
	 */
	if (r->gone || !fleet_evidence_told_read(&told, r->json))
		return;
	if (revcheck_told_revoked(e->services->engine, &told, &why) < 0)
		log_line(e->services->log, LOG_LEVEL_ERROR,
		    "what '%s' found revoked is not remembered: %s", told.by,
		    why.msg);
}

void
fleet_evidence_take(struct fleet_evidence *e, const struct fleet_record *r)
{
	unsigned char source[32];

	if (r->kind == FLEET_REVOKED && (e->share & CONF_SHARE_REVOCATIONS))
		take_revoked(e, r);
	if ((r->kind != FLEET_EVIDENCE && r->kind != FLEET_CLAIM) ||
	    !(e->share & CONF_SHARE_EVIDENCE) ||
	    !text_unhex(source, r->name, sizeof(source)))
		return;
	if (r->kind == FLEET_EVIDENCE)
		take_pointer(e, source, r);
	else
		revcheck_shared_told(e->services->engine, source);
}

/* Life. */

static int
set_shared(struct fleet_evidence *e, const struct conf_fleet *conf,
    const char *credentials, struct err *err)
{
	const struct conf_evidence_store *s = &conf->store;
	bool header = strstr(credentials, ": ") != NULL;
	const struct revcheck_shared shared = {.size = sizeof(shared),
	    .arg = e,
	    .newest = newest,
	    .claim = claim,
	    .published = published,
	    .released = released,
	    .revoked = revoked,
	    .claim_wait_ms = conf->claim_wait_ms,
	    .spread_ms = e->spread_now_ms,
	    .store_url = s->url,
	    .store_ca_file = s->ca_file,
	    .store_credentials =
		credentials[0] != '\0' && !header ? credentials : NULL,
	    .store_header = header ? credentials : NULL,
	    .store_region = s->region,
	    .store_max_bytes = s->max_bytes};
	struct revcheck_error why;

	return revcheck_set_shared(e->services->engine, &shared, &why) == 0
	    ? 0
	    : err_set(err, why.code, "$.fleet.evidence_store: %s", why.msg);
}

int
fleet_evidence_set(
    struct fleet_evidence *e, const struct conf_fleet *conf, struct err *err)
{
	char credentials[MAX_CREDENTIALS] = "";
	struct err why;
	int rc = 0;

	if (conf->store.credentials_file != NULL)
		rc = conf_secret_read(credentials, sizeof(credentials),
		    conf->store.credentials_file, &why);
	if (rc != 0)
		err_set(err, rc,
		    "$.fleet.evidence_store.credentials_file is '%.80s': "
		    "%.100s",
		    conf->store.credentials_file, why.msg);
	if (conf->spread_ms != 0)
		e->spread_now_ms = conf->spread_ms;
	if (rc == 0)
		rc = set_shared(e, conf, credentials, err);
	explicit_bzero(credentials, sizeof(credentials));
	if (rc == 0)
		e->conf = *conf;
	return rc;
}

void
fleet_evidence_members(struct fleet_evidence *e, size_t num)
{
	uint64_t ms = (uint64_t)num * SPREAD_MEMBER_MS;

	if (ms > SPREAD_MAX_MS)
		ms = SPREAD_MAX_MS;
	/* Not for every member that comes and goes. */
	if (e->conf.spread_ms != 0 ||
	    (ms <= 2 * (uint64_t)e->spread_now_ms &&
		2 * ms >= e->spread_now_ms))
		return;
	e->spread_now_ms = (uint32_t)ms;
	revcheck_shared_spread(e->services->engine, e->spread_now_ms);
}

int
fleet_evidence_new(struct fleet_evidence **out, const struct services *services,
    struct fleet *fleet, const struct conf_fleet *conf, struct err *err)
{
	struct fleet_evidence *e = calloc(1, sizeof(*e));
	int rc = 0;

	*out = NULL;
	if (e == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	pthread_mutex_init(&e->lock, NULL);
	digest_map_init(&e->pointers, fleet_evidence_item_free);
	e->last = &e->first;
	e->services = services;
	e->fleet = fleet;
	e->share = conf->share;
	e->spread_now_ms = SPREAD_MEMBER_MS;
	e->member = strdup(conf->member);
	e->queued = event_new(services->base, -1, EV_PERSIST, on_queued, e);
	if (e->member == NULL || e->queued == NULL)
		rc = err_set(err, E_NOMEM, "out of memory");
	if (rc == 0)
		rc = fleet_evidence_set(e, conf, err);
	if (rc != 0) {
		fleet_evidence_free(e);
		return rc;
	}
	*out = e;
	return 0;
}

void
fleet_evidence_free(struct fleet_evidence *e)
{
	struct message *m, *next;

	if (e == NULL)
		return;
	(void)!revcheck_set_shared(e->services->engine, NULL, NULL);
	for (m = take_queue(e); m != NULL; m = next) {
		next = m->next;
		free(m);
	}
	while (e->claims != NULL)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		claim_free(e->claims);
	digest_map_cleanup(&e->pointers);
	if (e->queued != NULL)
		event_free(e->queued);
	free(e->member);
	pthread_mutex_destroy(&e->lock);
	free(e);
}
