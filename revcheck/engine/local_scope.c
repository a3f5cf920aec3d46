/* local_scope: see the header. */
#include "revcheck/engine/local_scope.h"

#include <stdlib.h>
#include <string.h>

static const struct span ext_number = {(const uint8_t *)"\x55\x1d\x14", 3},
			 ext_delta = {(const uint8_t *)"\x55\x1d\x1b", 3},
			 ext_idp = {(const uint8_t *)"\x55\x1d\x1c", 3},
			 ext_aki = {(const uint8_t *)"\x55\x1d\x23", 3};

static struct span
extension(const struct evidence *e, struct span oid)
{
	struct span value = span_of(NULL, 0);
	bool critical;

	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
	return crl_extension(e->crl, oid, &critical, &value) ? value
							     : span_of(NULL, 0);
}

struct evidence_key
local_scope_id(const struct evidence *e)
{
	const struct span parts[] = {crl_get0_info(e->crl)->issuer,
	    extension(e, ext_aki), extension(e, ext_idp),
	    span_of("delta", extension(e, ext_delta).len > 0 ? 5 : 0)};

	return evidence_key_of(parts, sizeof(parts) / sizeof(parts[0]));
}

bool
local_scope_seems_older(const struct evidence *is, const struct evidence *was)
{
	const struct span a = extension(is, ext_number),
			  b = extension(was, ext_number);
	struct evidence x = {
	    .this_update = crl_get0_info(is->crl)->this_update};
	struct evidence y = {
	    .this_update = crl_get0_info(was->crl)->this_update};

	/* The content of an INTEGER, short form: 20 octets at most (5.2.3). */
	if (a.len > 2 && b.len > 2) {
		x.number = span_of(a.p + 2, a.len - 2);
		y.number = span_of(b.p + 2, b.len - 2);
	}
	return evidence_older(&x, &y);
}

bool
local_scope_same_bytes(const struct evidence *a, const struct evidence *b)
{
	return a == b || span_equal(evidence_der(a), evidence_der(b));
}

void
local_scope_free(struct local_scope *s)
{
	documents_free(s->proven);
	for (size_t i = 0; i < s->num_unproven; i++)
		evidence_free(s->unproven[i]);
	evidence_free(s->now);
	free(s);
}

void
local_scope_remove(struct local_scope *s, size_t i)
{
	evidence_free(s->unproven[i]);
	memmove(&s->unproven[i], &s->unproven[i + 1],
	    (--s->num_unproven - i) * sizeof(s->unproven[0]));
}

/* e was proven: the newest stays. */
static enum documents_change
prove(struct revcheck *rc, struct local_scope *s, struct evidence *e)
{
	time_t now = wall_clock_now(&rc->clock);
	struct documents *all;
	enum documents_change c =
	    documents_with(&all, s->proven, e, now, POLICY_SKEW_SEC);

	if (c == DOCUMENTS_NOMEM)
		return c;
	if (c == DOCUMENTS_RESTARTED)
		log_line(&rc->log, LOG_LEVEL_WARN,
		    "CRL file '%s' counts from a lower number than before; the "
		    "one of the higher number is out of date, so this one is "
		    "used, and what the other lists stays revoked",
		    e->url);
	documents_free(s->proven);
	s->proven = all;
	return c;
}

/* Those that were proven meanwhile. Whether more is in force than before. */
bool
local_scope_settle(struct revcheck *rc, struct local_scope *s)
{
	enum documents_change c;
	bool more = false;
	size_t i = 0;

	while (i < s->num_unproven) {
		struct evidence *e = s->unproven[i];

		if (!atomic_load(&e->described)) {
			i++;
			continue;
		}
		c = prove(rc, s, e);
		if (c == DOCUMENTS_NOMEM)
			return more;
		if (c == DOCUMENTS_OLDER && e == s->now) {
			log_line(&rc->log, LOG_LEVEL_WARN,
			    "CRL file '%s' has a CRL older than one before, "
			    "which stays in force",
			    e->url);
			s->overruled = true;
		}
		local_scope_remove(s, i);
	}
	/* Its time may have come: the newer one is out of date. */
	c = DOCUMENTS_OLDER;
	if (s->overruled && s->now != NULL)
		c = prove(rc, s, s->now);
	if (c == DOCUMENTS_KEPT || c == DOCUMENTS_RESTARTED) {
		s->overruled = false;
		more = true;
	}
	return more;
}

static struct evidence *
find_same(const struct local_scope *s, const struct evidence *e)
{
	for (size_t i = 0; i < s->num_unproven; i++)
		if (local_scope_same_bytes(s->unproven[i], e))
			return s->unproven[i];
	return documents_same(s->proven, e);
}

/* The oldest but for the one that seems the newest, and the last. */
static size_t
least_needed(const struct local_scope *s)
{
	size_t top = 0;

	for (size_t i = 1; i < s->num_unproven; i++)
		if (!local_scope_seems_older(s->unproven[i], s->unproven[top]))
			top = i;
	return top == 0 ? 1 : 0;
}

/* e is in the file. Whether that is news. */
bool
local_scope_take(struct local_scope *s, struct evidence *e)
{
	struct evidence *same = find_same(s, e);

	s->seen = true;
	evidence_free(s->now);
	s->now = evidence_up_ref(same != NULL ? same : e);
	s->overruled = false;
	if (same != NULL)
		return false;
	if (s->num_unproven == LOCAL_SCOPE_UNPROVEN)
		local_scope_remove(s, least_needed(s));
	s->unproven[s->num_unproven++] = evidence_up_ref(e);
	return true;
}

/* The newest: what is listed. */
const struct evidence *
local_scope_get0_top(const struct local_scope *s)
{
	if (s->now != NULL)
		return s->now;
	return s->num_unproven > 0 ? s->unproven[s->num_unproven - 1]
	    : s->proven != NULL    ? s->proven->v[s->proven->num - 1]
				   : NULL;
}
