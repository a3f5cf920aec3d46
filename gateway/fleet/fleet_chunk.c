/* fleet_chunk: see the header. */
#include "gateway/fleet/fleet_chunk.h"

#include <stdlib.h>

#include "gateway/fleet/fleet_take.h"
#include "gateway/fleet/fleet_tally.h"

_Static_assert(FLEET_TXN_OPS < ENGINE_MAX_OPS, "and head");

void
fleet_chunk_choose(struct fleet_chunk *c, struct fleet_wish *v, size_t num)
{
	size_t octets = 0;

	c->v = v;
	for (c->num = 0; c->num < num; c->num++) {
		size_t more =
		    v[c->num].json_len + FLEET_SEAL_MORE + FLEET_KEY_SIZE;

		if (c->num == FLEET_TXN_OPS ||
		    (c->num > 1 && octets + more > FLEET_TXN_BYTES))
			break;
		octets += more;
	}
}

bool
fleet_chunk_needs_lease(const struct fleet_chunk *c)
{
	for (size_t i = 0; i < c->num; i++)
		if (c->v[i].tombstone)
			return c->lease == 0;
	return false;
}

int
fleet_chunk_seal(
    struct fleet *f, struct fleet_chunk *c, int64_t n, struct err *err)
{
	struct fleet_tally tally;
	int rc = fleet_tally_before(f, &tally, err);

	c->n = n;
	for (size_t i = 0; i < c->num && rc == 0; i++) {
		struct fleet_wish *w = &c->v[i];

		rc = fleet_tally_change(
		    f, &tally, w->key, n, w->tombstone ? NULL : w->json, err);
		if (rc == 0 && w->json != NULL)
			rc = fleet_seal_text(f, w->kind, w->key, n, w->json,
			    &w->sealed, &w->sealed_len, err);
	}
	if (rc == 0)
		rc = fleet_seal_head(f, n, &tally, &c->head, &c->head_len, err);
	return rc;
}

void
fleet_chunk_unseal(struct fleet_chunk *c)
{
	for (size_t i = 0; i < c->num; i++)
		fleet_wish_unseal(&c->v[i]);
	free(c->head);
	c->head = NULL;
}

void
fleet_chunk_send(
    struct fleet *f, struct fleet_chunk *c, engine_done_fn *done, void *arg)
{
	struct fleet_compare compare[FLEET_TXN_OPS + 1];
	struct fleet_op ops[FLEET_TXN_OPS + 1];
	size_t num_compare = 1;

	c->head_compared = f->head_revision;
	compare[0] = (struct fleet_compare){"head", c->head_compared};
	ops[0] = (struct fleet_op){.kind = FLEET_OP_PUT,
	    .key = "head",
	    .value = c->head,
	    .len = c->head_len};
	for (size_t i = 0; i < c->num; i++) {
		const struct fleet_wish *w = &c->v[i];

		ops[i + 1] = (struct fleet_op){
		    .kind = w->json != NULL ? FLEET_OP_PUT : FLEET_OP_DELETE,
		    .key = w->key,
		    .value = w->sealed,
		    .len = w->sealed_len,
		    .lease = w->tombstone ? c->lease : 0};
		if (w->compared >= 0)
			compare[num_compare++] =
			    (struct fleet_compare){w->key, w->compared};
	}
	fleet_link_txn(
	    f->link, compare, num_compare, ops, c->num + 1, done, arg);
}

void
fleet_chunk_see(struct fleet *f, const struct fleet_chunk *c, int64_t revision)
{
	struct fleet_kv kv = {.key = "head",
	    .value = c->head,
	    .len = c->head_len,
	    .revision = revision};

	fleet_see(f, &kv);
	for (size_t i = 0; i < c->num; i++) {
		kv.key = c->v[i].key;
		kv.value = c->v[i].sealed;
		kv.len = c->v[i].sealed_len;
		fleet_see(f, &kv);
	}
}

/* A history is written once, whatever came over its section since. */
const struct fleet_wish *
fleet_chunk_telling(const struct fleet_chunk *c)
{
	for (size_t i = 0; i < c->num; i++)
		if (c->v[i].kind == FLEET_HISTORY && c->v[i].json != NULL)
			return &c->v[i];
	return &c->v[0];
}

bool
fleet_chunk_moved(const struct fleet *f, const struct fleet_chunk *c)
{
	if (f->head_revision != c->head_compared)
		return true;
	for (size_t i = 0; i < c->num; i++)
		if (fleet_wish_moved(&c->v[i], f))
			return true;
	return false;
}
