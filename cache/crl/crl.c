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

bool
crl_extension(
    const struct crl *c, struct span oid, bool *critical, struct span *value)
{
	struct span got;
	struct der d;

	der_init(&d, c->info.extensions);
	while (der_peek(&d) >= 0) {
		if (!crl_extension_read(&d, &got, critical, value))
			return false;
		if (span_equal(got, oid))
			return true;
	}
	return false;
}

static struct span
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
	if (lo == 0)
		return span_of(NULL, 0);
	return span_of(
	    c->der.p + c->marks[lo - 1].name, c->marks[lo - 1].name_len);
}

void
crl_entry_at(
    const struct crl *c, size_t offset, struct crl_entry *out, size_t *next)
{
	struct crl_entry_traits traits;
	const char *what;
	struct span body = {0}, whole = {0};
	struct der d;

	der_init(&d, span_of(c->der.p + offset, c->entries_end - offset));
	(void)der_any(&d, NULL, &body, &whole);
	(void)crl_entry_read(body, out, &traits, &what);
	out->certificate_issuer = crl_mark_at(c, offset);
	*next = offset + whole.len;
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

bool
crl_find(const struct crl *c, struct span serial,
    struct span certificate_issuer, crl_same_name_fn *same_name, void *arg,
    struct crl_entry *out)
{
	struct span issuer = certificate_issuer, theirs;
	struct crl_entry entry;
	size_t at = SIZE_MAX, next;
	uint32_t offset, hash;
	int best = -1;

	serial = der_serial_trim(serial);
	if (serial.len == 0)
		return false;
	if (issuer.len == 0)
		issuer = c->info.issuer;
	hash = crl_hash_any(&c->index, serial);
	while ((offset = crl_index_seek(&c->index, hash, &at)) != 0) {
		if (!span_equal(entry_serial(c, offset), serial))
			continue;
		crl_entry_at(c, offset, &entry, &next);
		theirs = entry.certificate_issuer.len > 0
		    ? entry.certificate_issuer
		    : c->info.issuer;
		if (!name_equal(theirs, issuer, same_name, arg) ||
		    crl_entry_rank(entry.reason) <= best)
			continue;
		best = crl_entry_rank(entry.reason);
		*out = entry;
	}
	return best >= 0;
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
