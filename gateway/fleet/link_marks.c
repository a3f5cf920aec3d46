/*
 * link_marks: the three keys of which every change leaves a mark, and whether
 * what they say is more, or less, than what was heard.
 */
#include "gateway/fleet/link_internal.h"

#include <string.h>

static const char *const mark_keys[NUM_MARKS] = {
    [MARK_FLEET] = FLEET_KEY_FLEET,
    [MARK_HEAD] = FLEET_KEY_HEAD,
    [MARK_NEWS] = FLEET_KEY_NEWS,
};

void
marks_hear(struct marks *m, const struct fleet_kv *kv)
{
	for (int i = 0; i < NUM_MARKS; i++) {
		if (strcmp(kv->key, mark_keys[i]) != 0)
			continue;
		m->revision[i] = kv->value != NULL ? kv->revision : 0;
		if (i == MARK_FLEET)
			SHA256(
			    kv->value != NULL ? kv->value : (const uint8_t *)"",
			    kv->len, m->fleet);
	}
}

void
marks_read(struct marks *m, const struct engine_answer *a)
{
	memset(m, 0, sizeof(*m));
	SHA256((const uint8_t *)"", 0, m->fleet);
	for (size_t i = 0; i < a->num; i++)
		marks_hear(m, &a->kv[i]);
}

bool
marks_same_fleet(const struct marks *a, const struct marks *b)
{
	return memcmp(a->fleet, b->fleet, sizeof(a->fleet)) == 0;
}

/*
 * The store is where it was when it was asked, or further: it has not forgotten
 * anything. (Meanwhile the watch may have told more than it answers.)
 */
bool
marks_go_on(
    const struct fleet_link *l, const struct marks *now, int64_t revision)
{
	const struct marks *then = &l->asked_marks;

	for (int i = 0; i < NUM_MARKS; i++)
		if (now->revision[i] < then->revision[i])
			return false;
	return revision >= l->asked_revision;
}

/* Has the watch told all that these know of? */
bool
marks_heard(const struct fleet_link *l, const struct marks *of)
{
	for (int i = 0; i < NUM_MARKS; i++)
		if (of->revision[i] > l->marks.revision[i])
			return false;
	return true;
}

void
marks_ask(struct fleet_link *l, unsigned timeout_ms, engine_done_fn *done)
{
	struct fleet_op op[NUM_MARKS];

	l->asked_revision = l->revision;
	l->asked_marks = l->marks;
	for (int i = 0; i < NUM_MARKS; i++)
		op[i] = (struct fleet_op){
		    .kind = FLEET_OP_GET, .key = mark_keys[i]};
	engine_txn(l->engine, NULL, 0, op, NUM_MARKS, timeout_ms, done, l);
}
