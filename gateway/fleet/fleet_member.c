/* fleet_member: see the header. */
#include "gateway/fleet/fleet_member.h"

#include <stdlib.h>
#include <string.h>

#include "cache/base/clock.h"
#include "gateway/fleet/fleet_take.h"
#include "gateway/fleet/fleet_twin.h"

#define KEEPALIVE_MS 10000
#define AGAIN_MS     1000
/* Changes that come closer together are written as one. */
#define PACE_MS 250

struct fleet_membership {
	struct event *timer;
	char key[FLEET_KEY_SIZE];
	char *text, *written; /* to be said; what the engine has */
	char *asked;          /* on its way */
	uint8_t *sealed;      /* the same */
	size_t sealed_len;
	bool asking;
	int64_t lease;
	uint64_t not_before, keep_at; /* monotonic, ms */
};

static void step_on(struct fleet *f);

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	step_on(arg);
}

int
fleet_member_init(struct fleet *f, struct err *err)
{
	struct fleet_membership *m = calloc(1, sizeof(*m));

	f->membership = m;
	if (m != NULL)
		m->timer = evtimer_new(f->base, on_timer, f);
	if (m == NULL || m->timer == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (!fleet_key_make(m->key, FLEET_MEMBER, f->member))
		return err_set(err, E_ARG,
		    "'%s' cannot name a member of a fleet", f->member);
	return 0;
}

void
fleet_member_cleanup(struct fleet *f)
{
	struct fleet_membership *m = f->membership;

	if (m == NULL)
		return;
	if (m->timer != NULL)
		event_free(m->timer);
	free(m->text);
	free(m->written);
	free(m->asked);
	free(m->sealed);
	free(m);
	f->membership = NULL;
}

int
fleet_set_member(struct fleet *f, const char *json, struct err *err)
{
	struct fleet_membership *m = f->membership;
	struct fleet_meaning meaning;
	char *text;

	if (fleet_record_read(
		&meaning, FLEET_MEMBER, json, strlen(json), err) != 0)
		return E_ARG;
	text = strdup(json);
	if (text == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	free(m->text);
	m->text = text;
	fleet_twin_own(f, text);
	fleet_kick(f);
	return 0;
}

static void
pause_ms(struct fleet *f, unsigned ms)
{
	f->membership->not_before = clock_mono_ms() + ms;
	fleet_after(f->membership->timer, ms);
}

static void
on_put(void *arg, const struct engine_answer *a)
{
	struct fleet *f = arg;
	struct fleet_membership *m = f->membership;

	m->asking = false;
	if (a->result == ENGINE_DONE) {
		const struct fleet_kv kv = {.key = m->key,
		    .value = m->sealed,
		    .len = m->sealed_len,
		    .revision = a->revision};

		free(m->written);
		m->written = m->asked;
		m->asked = NULL;
		fleet_see(f, &kv);
		(void)!fleet_commit(f, NULL);
		pause_ms(f, PACE_MS);
		return;
	}
	if (a->result == ENGINE_NO_LEASE)
		m->lease = 0;
	pause_ms(f, AGAIN_MS);
}

static void
on_lease(void *arg, const struct engine_answer *a)
{
	struct fleet *f = arg;
	struct fleet_membership *m = f->membership;

	m->asking = false;
	if (a->result == ENGINE_DONE) {
		m->lease = a->lease;
		m->keep_at = clock_mono_ms() + KEEPALIVE_MS;
		step_on(f);
	} else {
		pause_ms(f, AGAIN_MS);
	}
}

static void
on_kept(void *arg, const struct engine_answer *a)
{
	struct fleet *f = arg;
	struct fleet_membership *m = f->membership;

	m->asking = false;
	if (a->result == ENGINE_NO_LEASE) {
		m->lease = 0;
		free(m->written);
		m->written = NULL;
	}
	pause_ms(f, 0);
}

static void
put(struct fleet *f)
{
	struct fleet_membership *m = f->membership;
	struct fleet_op op = {
	    .kind = FLEET_OP_PUT, .key = m->key, .lease = m->lease};
	struct err err;

	free(m->asked);
	free(m->sealed);
	m->sealed = NULL;
	m->asked = strdup(m->text);
	if (m->asked == NULL ||
	    fleet_seal_text(f, FLEET_MEMBER, m->key, 0, m->asked, &m->sealed,
		&m->sealed_len, &err) != 0) {
		pause_ms(f, AGAIN_MS);
		return;
	}
	op.value = m->sealed;
	op.len = m->sealed_len;
	m->asking = true;
	fleet_link_txn(f->link, NULL, 0, &op, 1, on_put, f);
}

/* Lost with the engine's data, or with the lease. */
static bool
is_gone(const struct fleet *f)
{
	const struct mirror_entry *e =
	    mirror_find(f->mirror, f->membership->key);

	return e == NULL || e->revision == 0;
}

static void
step_on(struct fleet *f)
{
	struct fleet_membership *m = f->membership;
	uint64_t now = clock_mono_ms();

	if (m->text == NULL || m->asking || !fleet_usable(f))
		return;
	if (now < m->not_before) {
		fleet_after(m->timer, (unsigned)(m->not_before - now));
		return;
	}
	if (m->lease == 0) {
		m->asking = true;
		fleet_link_lease(f->link,
		    fleet_kind_rule(FLEET_MEMBER)->lease_sec, on_lease, f);
	} else if (now >= m->keep_at) {
		m->asking = true;
		m->keep_at = now + KEEPALIVE_MS;
		/* So that the other one hears of it, too. */
		if (f->twin.writes)
			fleet_member_again(f);
		fleet_link_keepalive(f->link, m->lease, on_kept, f);
	} else if (m->written == NULL || strcmp(m->written, m->text) != 0 ||
	    is_gone(f)) {
		put(f);
	} else {
		fleet_after(m->timer, (unsigned)(m->keep_at - now));
	}
}

void
fleet_member_again(struct fleet *f)
{
	free(f->membership->written);
	f->membership->written = NULL;
}

void
fleet_member_moved(struct fleet *f)
{
	step_on(f);
}
