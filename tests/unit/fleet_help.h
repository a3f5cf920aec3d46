/*
 * fleet_help: an engine in memory in place of the link of machines, which loses
 * answers, keeps requests back, forgets all, or is written to by a stranger,
 * when a test says so.
 */
#ifndef TESTS_UNIT_FLEET_HELP_H
#define TESTS_UNIT_FLEET_HELP_H

#include "tests/unit/fleet_machine.h"

/* The engine. */

#define MAX_KEYS  4096
#define MAX_LINKS 256

struct stored {
	char *key;
	uint8_t *value;
	size_t len;
	int64_t revision, created, lease;
};

enum fault {
	FAULT_NONE = 0,
	FAULT_ANSWER_LOST, /* it is done, and nobody hears of it */
	FAULT_LOST,        /* it is not done, and nobody hears of it */
	FAULT_KEPT_BACK,   /* the same, and it is done when let_go is called */
	FAULT_FULL,
	FAULT_LOSES, /* a compare did not hold, as it seems */
};

struct request {
	struct request *next;
	struct fleet_link *link;
	struct fleet_compare compare[128];
	struct fleet_op op[128];
	size_t num_compare, num_op;
};

static struct engine_in_memory {
	struct stored v[MAX_KEYS];
	size_t num;
	int64_t revision, leases;
	struct fleet_link *links[MAX_LINKS];
	size_t num_links;
	struct request *kept;
	bool cuts_loads; /* before their end */
} store;

struct fleet_link {
	struct event_base *base;
	struct fleet_link_calls calls;
	enum fleet_link_state state;
	int64_t revision;
	enum fault fault; /* of the next transaction that writes `fault_key` */
	const char *fault_key;
	uint64_t txns, loads;
	bool freed;
};

/* An answer, or a word of the watch, on its way. */
struct later {
	struct fleet_link *link;
	engine_done_fn *done;
	void *arg;
	struct engine_answer a;
	struct fleet_kv kv[128];
	size_t num;
	bool watch;
};

static void
on_later(evutil_socket_t fd, short what, void *arg)
{
	struct later *l = arg;
	struct fleet_link *link = l->link;

	if (!link->freed && l->watch && link->state == FLEET_LINK_UP) {
		link->calls.records(link->calls.arg, l->kv, l->num, false);
		if (!link->freed)
			link->revision = l->a.revision;
	} else if (!link->freed && !l->watch && l->done != NULL) {
		l->a.kv = l->kv;
		l->a.num = l->num;
		l->a.why = l->a.why != NULL ? l->a.why : "";
		l->done(l->arg, &l->a);
	}
	for (size_t i = 0; i < l->num; i++) {
		free((void *)(uintptr_t)l->kv[i].key);
		free((void *)(uintptr_t)l->kv[i].value);
	}
	free(l);
}

static void
send_later(struct later *l)
{
	const struct timeval now = {0, 0};

	event_base_once(l->link->base, -1, EV_TIMEOUT, on_later, l, &now);
}

static struct later *
later_new(struct fleet_link *link, engine_done_fn *done, void *arg)
{
	struct later *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	l->link = link;
	l->done = done;
	l->arg = arg;
	return l;
}

static void
answer(struct fleet_link *link, engine_done_fn *done, void *arg,
    enum engine_result result, int64_t lease)
{
	struct later *l = later_new(link, done, arg);

	l->a = (struct engine_answer){
	    .result = result, .revision = store.revision, .lease = lease};
	send_later(l);
}

static void
later_add(struct later *l, const char *key, const uint8_t *value, size_t len,
    int64_t revision, int64_t created)
{
	struct fleet_kv *kv = &l->kv[l->num++];
	uint8_t *copy = NULL;

	if (value != NULL) {
		copy = malloc(len + 1);
		assert_non_null(copy);
		memcpy(copy, value, len);
	}
	*kv = (struct fleet_kv){.key = strdup(key),
	    .value = copy,
	    .len = len,
	    .revision = revision,
	    .create_revision = created};
}

HELPER struct stored *
stored_find(const char *key)
{
	for (size_t i = 0; i < store.num; i++)
		if (strcmp(store.v[i].key, key) == 0)
			return &store.v[i];
	return NULL;
}

static void
stored_drop(struct stored *s)
{
	free(s->key);
	free(s->value);
	*s = store.v[--store.num];
}

static void
stored_put(const char *key, const void *value, size_t len, int64_t lease)
{
	struct stored *s = stored_find(key);
	uint8_t *copy = malloc(len + 1);

	assert_non_null(copy);
	if (len > 0)
		memcpy(copy, value, len);
	if (s == NULL) {
		assert_true(store.num < MAX_KEYS);
		s = &store.v[store.num++];
		*s = (struct stored){
		    .key = strdup(key), .created = store.revision};
	}
	free(s->value);
	s->value = copy;
	s->len = len;
	s->lease = lease;
	s->revision = store.revision;
}

/* All who follow hear of the last revision. */
static void
tell_all(const struct fleet_op *op, size_t num)
{
	for (size_t k = 0; k < store.num_links; k++) {
		struct later *l;

		if (store.links[k]->state != FLEET_LINK_UP)
			continue;
		l = later_new(store.links[k], NULL, NULL);
		l->watch = true;
		l->a.revision = store.revision;
		for (size_t i = 0; i < num; i++)
			later_add(l, op[i].key,
			    op[i].kind == FLEET_OP_PUT ? op[i].value : NULL,
			    op[i].len, store.revision, 0);
		send_later(l);
	}
}

static enum engine_result
execute(const struct fleet_compare *compare, size_t num_compare,
    const struct fleet_op *op, size_t num_op)
{
	for (size_t i = 0; i < num_compare; i++) {
		const struct stored *s = stored_find(compare[i].key);

		if ((s != NULL ? s->revision : 0) != compare[i].revision)
			return ENGINE_LOST;
	}
	store.revision++;
	for (size_t i = 0; i < num_op; i++) {
		struct stored *s = stored_find(op[i].key);

		if (op[i].kind == FLEET_OP_PUT)
			stored_put(
			    op[i].key, op[i].value, op[i].len, op[i].lease);
		else if (s != NULL)
			stored_drop(s);
	}
	tell_all(op, num_op);
	return ENGINE_DONE;
}

/* What a stranger does who owns the engine; value NULL deletes. */
HELPER void
stranger_puts(const char *key, const void *value, size_t len)
{
	const struct fleet_op op = {
	    .kind = value != NULL ? FLEET_OP_PUT : FLEET_OP_DELETE,
	    .key = key,
	    .value = value,
	    .len = len};

	assert_int_equal(execute(NULL, 0, &op, 1), ENGINE_DONE);
}

static void
keep_back(struct fleet_link *link, const struct fleet_compare *compare,
    size_t num_compare, const struct fleet_op *op, size_t num_op)
{
	struct request *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->link = link;
	r->num_compare = num_compare;
	r->num_op = num_op;
	for (size_t i = 0; i < num_compare; i++)
		r->compare[i] = (struct fleet_compare){
		    strdup(compare[i].key), compare[i].revision};
	for (size_t i = 0; i < num_op; i++) {
		uint8_t *copy = malloc(op[i].len + 1);

		assert_non_null(copy);
		if (op[i].len > 0)
			memcpy(copy, op[i].value, op[i].len);
		r->op[i] = op[i];
		r->op[i].key = strdup(op[i].key);
		r->op[i].value = copy;
	}
	r->next = store.kept;
	store.kept = r;
}

/* What was kept back arrives at last. */
HELPER enum engine_result
let_go(void)
{
	struct request *r = store.kept;
	enum engine_result result;

	assert_non_null(r);
	store.kept = r->next;
	result = execute(r->compare, r->num_compare, r->op, r->num_op);
	for (size_t i = 0; i < r->num_compare; i++)
		free((void *)(uintptr_t)r->compare[i].key);
	for (size_t i = 0; i < r->num_op; i++) {
		free((void *)(uintptr_t)r->op[i].key);
		free((void *)(uintptr_t)r->op[i].value);
	}
	free(r);
	return result;
}

/* The link. */

static void
load(struct fleet_link *l)
{
	const struct stored *s = stored_find("fleet");
	struct fleet_kv kv = {.key = "fleet"};

	l->loads++;
	l->state = FLEET_LINK_LOADING;
	l->calls.state(l->calls.arg, l->state, "");
	l->calls.loading(l->calls.arg);
	if (s != NULL)
		kv = (struct fleet_kv){.key = s->key,
		    .value = s->value,
		    .len = s->len,
		    .revision = s->revision};
	l->calls.records(l->calls.arg, &kv, 1, true);
	for (size_t i = 0; i < store.num; i++) {
		s = &store.v[i];
		kv = (struct fleet_kv){.key = s->key,
		    .value = s->value,
		    .len = s->len,
		    .revision = s->revision};
		l->calls.records(l->calls.arg, &kv, 1, true);
	}
	if (store.cuts_loads) {
		l->state = FLEET_LINK_DOWN;
		l->calls.state(l->calls.arg, l->state, "cut");
		return;
	}
	l->revision = store.revision;
	l->calls.loaded(l->calls.arg, store.revision);
	l->state = FLEET_LINK_UP;
	l->calls.state(l->calls.arg, l->state, "");
}

HELPER void
link_up(struct fleet_link *l)
{
	load(l);
}

HELPER void
link_down(struct fleet_link *l)
{
	l->state = FLEET_LINK_DOWN;
	l->calls.state(l->calls.arg, l->state, "connection refused");
}

int
fleet_link_new(struct fleet_link **out, const struct fleet_link_options *o,
    const struct fleet_link_calls *calls, struct err *err)
{
	struct fleet_link *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	l->base = o->base;
	l->calls = *calls;
	assert_true(store.num_links < MAX_LINKS);
	store.links[store.num_links++] = l;
	*out = l;
	return 0;
}

/* Freed at the end of a test: something may be on its way. */
void
fleet_link_free(struct fleet_link *l)
{
	if (l == NULL)
		return;
	l->state = FLEET_LINK_DOWN;
	l->freed = true;
}

static void
on_load(evutil_socket_t fd, short what, void *arg)
{
	load(arg);
}

/* What is asked is told from the loop. */
int
fleet_link_configure(
    struct fleet_link *l, const struct fleet_link_options *o, struct err *err)
{
	l->state = FLEET_LINK_DOWN;
	event_base_once(l->base, -1, EV_TIMEOUT, on_load, l, NULL);
	return 0;
}

void
fleet_link_read_anew(struct fleet_link *l, const char *why)
{
	(void)why;
	l->state = FLEET_LINK_DOWN;
	event_base_once(l->base, -1, EV_TIMEOUT, on_load, l, NULL);
}

void
fleet_link_set_members(struct fleet_link *l, size_t num)
{
	(void)l;
	(void)num;
}

void
fleet_link_get(struct fleet_link *l, const char *key, bool linearizable,
    engine_done_fn *done, void *arg)
{
	struct later *later = later_new(l, done, arg);
	const struct stored *s = stored_find(key);

	assert_true(linearizable);
	later->a.result =
	    l->state == FLEET_LINK_DOWN ? ENGINE_AWAY : ENGINE_DONE;
	if (s != NULL && later->a.result == ENGINE_DONE)
		later_add(
		    later, key, s->value, s->len, s->revision, s->created);
	send_later(later);
}

void
fleet_link_txn(struct fleet_link *l, const struct fleet_compare *compare,
    size_t num_compare, const struct fleet_op *op, size_t num_op,
    engine_done_fn *done, void *arg)
{
	enum engine_result result = ENGINE_UNKNOWN;
	enum fault fault = FAULT_NONE;

	l->txns++;
	assert_true(num_op <= ENGINE_MAX_OPS && num_compare <= ENGINE_MAX_OPS);
	for (size_t i = 0; i < num_op && l->fault != FAULT_NONE; i++) {
		if (strcmp(op[i].key, l->fault_key) != 0)
			continue;
		fault = l->fault;
		l->fault = FAULT_NONE;
	}
	if (l->state == FLEET_LINK_DOWN)
		result = ENGINE_AWAY;
	else if (fault == FAULT_KEPT_BACK)
		keep_back(l, compare, num_compare, op, num_op);
	else if (fault == FAULT_FULL)
		result = ENGINE_FULL;
	else if (fault == FAULT_LOSES)
		result = ENGINE_LOST;
	else if (fault != FAULT_LOST)
		result = execute(compare, num_compare, op, num_op);
	answer(l, done, arg,
	    fault == FAULT_ANSWER_LOST ? ENGINE_UNKNOWN : result, 0);
}

void
fleet_link_lease(
    struct fleet_link *l, unsigned ttl_sec, engine_done_fn *done, void *arg)
{
	answer(l, done, arg,
	    l->state == FLEET_LINK_DOWN ? ENGINE_AWAY : ENGINE_DONE,
	    ++store.leases);
}

void
fleet_link_keepalive(
    struct fleet_link *l, int64_t lease, engine_done_fn *done, void *arg)
{
	answer(l, done, arg, ENGINE_DONE, lease);
}

/* As when it has ended. */
HELPER void
lease_ends(int64_t lease)
{
	for (size_t i = 0; i < store.num; i++) {
		struct fleet_op op = {.kind = FLEET_OP_DELETE};

		if (store.v[i].lease != lease)
			continue;
		op.key = strdup(store.v[i].key);
		assert_int_equal(execute(NULL, 0, &op, 1), ENGINE_DONE);
		free((void *)(uintptr_t)op.key);
		i = (size_t)-1;
	}
}

void
fleet_link_revoke(
    struct fleet_link *l, int64_t lease, engine_done_fn *done, void *arg)
{
	lease_ends(lease);
	answer(l, done, arg, ENGINE_DONE, lease);
}

bool
fleet_link_in_parts(const struct fleet_link *l)
{
	(void)l;
	return false;
}

int64_t
fleet_link_revision(const struct fleet_link *l)
{
	return l->revision;
}

void
fleet_link_stats(const struct fleet_link *l, struct fleet_link_stats *out)
{
	*out = (struct fleet_link_stats){.state = l->state,
	    .endpoint = "memory",
	    .revision = l->revision,
	    .beats = 1};
}

static void
machine_began(struct machine *m)
{
	m->link = store.links[store.num_links - 1];
	link_up(m->link);
}

HELPER int
fleet_help_teardown(void **state)
{
	if (!looping)
		loop_idle();
	while (store.num > 0)
		stored_drop(&store.v[0]);
	for (size_t i = 0; i < store.num_links && !looping; i++)
		free(store.links[i]);
	memset(&store, 0, sizeof(store));
	return machines_teardown(state);
}

#endif
