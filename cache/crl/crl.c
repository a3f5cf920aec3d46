/*
 * crl: look-ups in what the scanner found. Immutable, any thread, no lock, no
 * allocation. Does not decide whether the CRL is to be believed.
 */
#include "cache/crl/crl.h"

#include <stdlib.h>

#include "cache/crl/crl_entry.h"
#include "cache/crl/crl_parts.h"
#include "cache/der/der.h"

void
crl_free(struct crl *c)
{
	if (c == NULL)
		return;
	mem_block_cleanup(&c->der);
	crl_index_cleanup(&c->index);
	free(c->marks);
	free(c);
}

const struct crl_info *
crl_get0_info(const struct crl *c)
{
	return &c->info;
}

size_t
crl_index_bytes(const struct crl *c)
{
	return sizeof(*c) + c->index.block.len +
	    c->num_marks * sizeof(*c->marks);
}

struct extension_wanted {
	struct span oid, value;
	bool critical, found;
};

static void
extension_compare(void *arg, struct span oid, bool critical, struct span value)
{
	struct extension_wanted *want = arg;

	if (!span_equal(oid, want->oid))
		return;
	want->critical = critical;
	want->value = value;
	want->found = true;
}

bool
crl_extension(
    const struct crl *c, struct span oid, bool *critical, struct span *value)
{
	struct extension_wanted want = {.oid = oid};

	(void)crl_extensions_walk(c->info.extensions, extension_compare, &want);
	if (want.found) {
		*critical = want.critical;
		*value = want.value;
	}
	return want.found;
}

/* The certificateIssuer in force at the entry, or NULL. */
static const struct crl_mark *
crl_mark_at(const struct crl *c, size_t offset)
{
	size_t lo = 0, hi = c->num_marks, mid;

	/* The last mark at or before the entry. */
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (c->marks[mid].entry <= offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo > 0 ? &c->marks[lo - 1] : NULL;
}

static void
crl_mark_names(
    const struct crl *c, const struct crl_mark *m, struct crl_entry *out)
{
	const uint8_t *p = m != NULL ? c->der.p + m->name : NULL;

	out->certificate_issuer = span_of(p, m != NULL ? m->name_len : 0);
	out->other_names = m != NULL && m->others_len > 0
	    ? span_of(p + m->name_len, m->others_len)
	    : span_of(NULL, 0);
}

void
crl_entry_at(
    const struct crl *c, size_t offset, struct crl_entry *out, size_t *next)
{
	struct crl_entry_traits traits;
	struct span body = {0}, whole = {0};
	struct der d;

	der_init(&d, span_of(c->der.p + offset, c->entries_end - offset));
	(void)der_any(&d, NULL, &body, &whole);
	(void)crl_entry_read(body, out, &traits);
	crl_mark_names(c, crl_mark_at(c, offset), out);
	*next = offset + whole.len;
}

bool
crl_entry_names_issuer(const struct crl *c, size_t offset)
{
	const struct crl_mark *m = crl_mark_at(c, offset);

	return m != NULL && m->entry == offset;
}

static bool
name_equal(struct span a, struct span b, crl_same_name_fn *same, void *arg)
{
	return span_equal(a, b) || (same != NULL && same(a, b, arg));
}

/* The INTEGER of the entry at offset, trimmed. */
static struct span
entry_serial(const struct crl *c, size_t offset)
{
	struct span serial = {0};
	struct der d, entry;

	der_init(&d, span_of(c->der.p + offset, c->entries_end - offset));
	(void)der_enter(&d, DER_SEQUENCE, &entry);
	(void)der_get(&entry, DER_INTEGER, &serial);
	return der_serial_trim(serial);
}

struct entry_wanted {
	struct span serial; /* trimmed */
	struct span issuer;
	bool direct; /* see crl_find_direct */
	crl_same_name_fn *same_name;
	void *arg;
};

/* Whether the entry at offset is its issuer's. */
static bool
entry_is_of(const struct crl *c, size_t offset, const struct crl_entry *entry,
    const struct entry_wanted *want)
{
	struct span theirs = entry->certificate_issuer, other;
	struct der d;
	int tag;

	if (want->direct && theirs.len > 0 &&
	    (theirs.p[0] != DER_SEQUENCE || !crl_entry_names_issuer(c, offset)))
		theirs = span_of(NULL, 0);
	if (name_equal(theirs.len > 0 ? theirs : c->info.issuer, want->issuer,
		want->same_name, want->arg))
		return true;
	if (theirs.len == 0)
		return false;
	/* RFC 5280 5.3.3: one or more names of the issuer; each names it. */
	der_init(&d, entry->other_names);
	while (der_any(&d, &tag, &other, NULL))
		if (tag == DER_CONTEXT_C(4) &&
		    name_equal(other, want->issuer, want->same_name, want->arg))
			return true;
	return false;
}

static bool
entry_find(
    const struct crl *c, const struct entry_wanted *want, struct crl_entry *out)
{
	struct crl_entry entry;
	size_t at = SIZE_MAX, next;
	uint32_t offset, hash;
	int best = -1;

	if (want->serial.len == 0)
		return false;
	hash = crl_hash_any(&c->index, want->serial);
	while ((offset = crl_index_seek(&c->index, hash, &at)) != 0) {
		if (!span_equal(entry_serial(c, offset), want->serial))
			continue;
		crl_entry_at(c, offset, &entry, &next);
		if (!entry_is_of(c, offset, &entry, want) ||
		    crl_entry_rank(entry.reason) <= best)
			continue;
		best = crl_entry_rank(entry.reason);
		*out = entry;
	}
	return best >= 0;
}

bool
crl_find(const struct crl *c, struct span serial,
    struct span certificate_issuer, crl_same_name_fn *same_name, void *arg,
    struct crl_entry *out)
{
	struct entry_wanted want = {
	    .serial = der_serial_trim(serial),
	    .issuer = certificate_issuer.len > 0 ? certificate_issuer
						 : c->info.issuer,
	    .same_name = same_name,
	    .arg = arg,
	};

	return entry_find(c, &want, out);
}

bool
crl_find_direct(const struct crl *c, struct span serial,
    crl_same_name_fn *same_name, void *arg, struct crl_entry *out)
{
	struct entry_wanted want = {
	    .serial = der_serial_trim(serial),
	    .issuer = c->info.issuer,
	    .direct = true,
	    .same_name = same_name,
	    .arg = arg,
	};

	return entry_find(c, &want, out);
}

bool
crl_next(const struct crl *c, size_t *pos, struct crl_entry *out)
{
	size_t at = *pos > 0 ? *pos : c->entries;

	if (at >= c->entries_end)
		return false;
	crl_entry_at(c, at, out, pos);
	return true;
}
