/*
 * crl_scan: the scanner. Takes the bytes of a CRL as they arrive, hashes the
 * signed part and enters every revoked serial into the index while the bytes
 * are still in the processor's cache. One pass, no allocation per entry, one
 * thread at a time. It checks every length before use.
 */
#include <stdlib.h>
#include <string.h>

#include "cache/crl/crl_build.h"
#include "cache/crl/crl_entry.h"
#include "cache/crl/crl_fast.h"
#include "cache/der/der.h"

/*
 * Bytes hashed, then scanned, before the next are touched: they fit the
 * first-level cache.
 */
#define SCAN_BLOCK ((size_t)16 << 10)
/* An announced length is believed up to so many times what has arrived. */
#define BELIEF    64
#define MAX_MARKS ((size_t)1 << 24)

/* The index: one issuer and serial, one slot. */

static enum crl_index_same
build_same(void *arg, uint32_t old_offset, uint32_t new_offset)
{
	struct crl_builder *b = arg;
	struct crl_entry was, is;
	size_t next;

	crl_entry_at(b->crl, old_offset, &was, &next);
	crl_entry_at(b->crl, new_offset, &is, &next);
	if (!span_equal(was.serial, is.serial) ||
	    !span_equal(was.certificate_issuer, is.certificate_issuer) ||
	    !span_equal(was.other_names, is.other_names) ||
	    crl_entry_names_issuer(b->crl, old_offset) !=
		crl_entry_names_issuer(b->crl, new_offset))
		return CRL_INDEX_KEEP_BOTH;
	b->flaws |= CRL_FLAW_DUPLICATE_ENTRY;
	/* Look-ups return the strictest entry: only that one needs a slot. */
	return crl_entry_rank(is.reason) > crl_entry_rank(was.reason)
	    ? CRL_INDEX_KEEP_NEW
	    : CRL_INDEX_KEEP_OLD;
}

static int
build_index_failed(struct crl_builder *b, int rc)
{
	if (rc == E_PARSE)
		return crl_build_too_many(
		    b, "one serial listed for too many issuers");
	return crl_build_nomem(b);
}

/* Makes room for the entries to come, estimated from those that came. */
static int
build_make_room(struct crl_builder *b)
{
	size_t done = b->scanned - b->head.entries;
	size_t all = b->head.entries_end - b->head.entries;
	size_t want = 0, believed;
	int rc;

	if (crl_index_room(&b->crl->index) > 0)
		return 0;
	if (b->num_entries > 0) {
		want = (size_t)((double)all / (double)done *
		    (double)b->num_entries);
		want += want / 128;
		believed = BELIEF * b->num_entries;
		/* What is announced may never come. */
		if (!b->fixed && want > believed)
			want = believed;
		if (want < b->num_entries * 2 && done < all / 2)
			want = b->num_entries * 2;
		if (want < b->num_entries + b->num_entries / 8)
			want = b->num_entries + b->num_entries / 8;
	}
	/* grow_at rounds down: ask for one more than is there. */
	if (want < b->num_entries + 256)
		want = b->num_entries + 256;
	rc = crl_index_grow(&b->crl->index, want);
	return rc == 0 ? 0 : build_index_failed(b, rc);
}

/* Entries. */

static int
build_mark(struct crl_builder *b, size_t at, const struct crl_entry *entry)
{
	struct crl *c = b->crl;
	struct crl_mark *marks;
	size_t cap;

	if (c->num_marks == b->cap_marks) {
		cap = b->cap_marks > 0 ? b->cap_marks * 2 : 16;
		if (cap > MAX_MARKS)
			return crl_build_too_many(b, "too many issuers");
		marks = realloc(c->marks, cap * sizeof(*marks));
		if (marks == NULL)
			return crl_build_nomem(b);
		c->marks = marks;
		b->cap_marks = cap;
	}
	c->marks[c->num_marks++] = (struct crl_mark){
	    .entry = (uint32_t)at,
	    .name = (uint32_t)(entry->certificate_issuer.p - c->der.p),
	    .name_len = (uint32_t)entry->certificate_issuer.len,
	    .others_len = (uint32_t)entry->other_names.len,
	};
	return 0;
}

/*
 * Reads one entry that the fast path does not know with the strict reader. 1:
 * read; 0: it has not arrived whole; negative: failed.
 */
static int
build_entry(struct crl_builder *b, size_t lim)
{
	struct crl *c = b->crl;
	struct span in, body, whole;
	struct crl_entry_traits traits;
	struct crl_entry entry;
	size_t size;
	struct der d;
	int rc;

	in = span_of(c->der.p + b->scanned, lim - b->scanned);
	switch (crl_head_size(in, &size)) {
	case CRL_PART_OK:
		break;
	case CRL_PART_MORE:
		if (lim == b->head.entries_end)
			return crl_build_bad(b, "a cut entry", b->scanned);
		return 0;
	case CRL_PART_BAD:
		return crl_build_bad(b, "no SEQUENCE", b->scanned);
	}
	if (size > b->head.entries_end - b->scanned)
		return crl_build_bad(
		    b, "a length beyond revokedCertificates", b->scanned);
	if (size > in.len)
		return 0;
	der_init(&d, span_of(in.p, size));
	if (!der_any(&d, NULL, &body, &whole))
		return crl_build_bad(b, "a malformed length", b->scanned);
	if (!crl_entry_read(body, &entry, &traits))
		return crl_build_bad(b, "a malformed serial", b->scanned);
	if (traits.flaws != 0 && b->flawed_entry == 0)
		b->flawed_entry = b->num_entries + 1;
	b->flaws |= traits.flaws;
	if (traits.has_extensions)
		b->entry_extensions = true;
	if (entry.unknown_critical_ext)
		c->info.unknown_critical_entry_ext = true;
	if (traits.has_issuer) {
		c->info.has_certificate_issuer = true;
		rc = build_mark(b, b->scanned, &entry);
		if (rc != 0)
			return rc;
	}
	if (!crl_index_add(&c->index, crl_hash_any(&c->index, entry.serial),
		(uint32_t)b->scanned))
		return build_index_failed(b, E_PARSE);
	b->scanned += size;
	b->num_entries++;
	return 1;
}

static int
build_entries(struct crl_builder *b)
{
	struct crl *c = b->crl;
	size_t end = b->head.entries_end, lim, room;
	struct crl_fast_run run;
	int rc;

	lim = b->avail < end ? b->avail : end;
	while (b->scanned < lim) {
		if (b->num_entries >= b->limits.max_entries) {
			(void)err_set(&b->err, E_LIMIT,
			    "CRL has more than %zu entries",
			    b->limits.max_entries);
			return crl_build_fail(b, CRL_FAULT_TOO_MANY_ENTRIES);
		}
		rc = build_make_room(b);
		if (rc != 0)
			return rc;
		room = b->limits.max_entries - b->num_entries;
		if (room > crl_index_room(&c->index))
			room = crl_index_room(&c->index);
		run = (struct crl_fast_run){
		    .base = c->der.p,
		    .at = b->scanned,
		    /* Reading ahead of an entry stays inside the block. */
		    .lim = lim,
		    .max_entries = room,
		};
		if (!crl_fast_scan(&c->index, &run))
			return build_index_failed(b, E_PARSE);
		b->scanned = run.at;
		b->num_entries += run.num_entries;
		b->entry_extensions |= run.any_extension;
		if (run.num_entries == room || b->scanned >= lim)
			continue;
		rc = build_entry(b, lim);
		if (rc <= 0)
			return rc;
	}
	return 0;
}

/* Bytes that have arrived. */

static int
build_hash_init(struct crl_builder *b)
{
	const EVP_MD *md = crl_digest_of(b->head.inner_alg);
	struct crl *c = b->crl;

	if (md != NULL && EVP_MD_get_size(md) > (int)sizeof(c->info.digest))
		md = NULL;
	if (crl_hash_init(&b->hash, md) != 0)
		return crl_build_nomem(b);
	c->info.digest_nid = b->hash.nid;
	return 0;
}

static void
build_hash(struct crl_builder *b)
{
	const uint8_t *tbs = b->crl->der.p + b->head.tbs;
	size_t there = b->fixed && !b->alone ? b->crl->der.len : b->avail;

	if (there > b->head.tbs_end)
		there = b->head.tbs_end;
	crl_hash_take(&b->hash, span_of(tbs, there - b->head.tbs),
	    b->head.tbs_end - b->head.tbs, !b->alone);
}

static int
build_head(struct crl_builder *b)
{
	struct span in = span_of(b->crl->der.p, b->avail);
	const char *what = "no CertificateList";
	int rc;

	switch (crl_head_size(in, &b->head.total)) {
	case CRL_PART_OK:
		break;
	case CRL_PART_MORE:
		b->head.total = 0;
		return 0;
	case CRL_PART_BAD:
		return crl_build_bad(b, what, 0);
	}
	if (b->head.total > b->limits.max_bytes)
		return crl_build_too_large(b, b->head.total);
	switch (crl_head_read(b->crl, in, &b->head, &what)) {
	case CRL_PART_OK:
		break;
	case CRL_PART_MORE:
		return 0;
	case CRL_PART_BAD:
		return crl_build_bad(b, what, 0);
	}
	b->scanned = b->head.entries;
	b->crl->entries = b->head.entries;
	b->crl->entries_end = b->head.entries_end;
	rc = build_hash_init(b);
	if (rc != 0)
		return rc;
	if (crl_index_init(&b->crl->index, build_same, b) != 0)
		return crl_build_nomem(b);
	b->state = BUILD_ENTRIES;
	return 0;
}

/* Bytes behind the CRL: nothing of it, and not kept. */
static int
build_trailing(struct crl_builder *b, size_t num)
{
	b->flaws |= CRL_FLAW_TRAILING;
	if (num > CRL_MAX_TRAILING - b->trailing)
		return crl_build_bad(b, "bytes behind its end", b->head.total);
	b->trailing += num;
	return 0;
}

/* Hashes and scans as far as possible with the bytes up to `avail`. */
static int
build_advance(struct crl_builder *b)
{
	int rc;

	if (b->state == BUILD_HEAD) {
		rc = build_head(b);
		if (rc != 0 || b->state == BUILD_HEAD)
			return rc;
	}
	if (b->avail > b->head.total) {
		rc = build_trailing(
		    b, (b->fixed ? b->crl->der.len : b->avail) - b->head.total);
		if (rc != 0)
			return rc;
		b->avail = b->head.total;
	}
	build_hash(b);
	if (b->state == BUILD_ENTRIES) {
		rc = build_entries(b);
		if (rc != 0)
			return rc;
		if (b->scanned == b->head.entries_end)
			b->state = BUILD_TAIL;
	}
	return 0;
}

/* Room in der for len bytes in all. */
static int
build_reserve(struct crl_builder *b, size_t len)
{
	size_t cap = b->crl->der.len;

	if (len <= cap)
		return 0;
	if (len > b->limits.max_bytes)
		return crl_build_too_large(b, len);
	/*
	 * Never less than double, never more than announced or allowed. What is
	 * announced is believed as far as the index believes it: address space
	 * that nothing is written to costs nothing.
	 */
	if (len < cap * 2)
		len = cap * 2;
	if (b->head.total > 0 && len < b->avail * BELIEF)
		len = b->avail * BELIEF;
	if (b->head.total >= b->avail && b->head.total > 0 &&
	    len > b->head.total)
		len = b->head.total;
	if (len > b->limits.max_bytes)
		len = b->limits.max_bytes;
	if (len <= cap)
		return 0;
	if (len < 4096)
		len = 4096;
	crl_hash_halt(&b->hash);
	return mem_block_resize(&b->crl->der, len) == 0 ? 0
							: crl_build_nomem(b);
}

static int
build_feed_der(struct crl_builder *b, struct span in)
{
	size_t n, room = in.len;
	int rc = 0;

	if (b->head.total > 0 && room > b->head.total - b->avail) {
		room = b->head.total - b->avail;
		rc = build_trailing(b, in.len - room);
		in.len = room;
	}
	if (rc == 0)
		rc = build_reserve(b, b->avail + in.len);
	while (rc == 0 && in.len > 0) {
		n = in.len < SCAN_BLOCK ? in.len : SCAN_BLOCK;
		/* The total is known after the first block, most of the time.
		 */
		if (b->head.total > 0 && n > b->head.total - b->avail) {
			rc = build_trailing(
			    b, in.len - (b->head.total - b->avail));
			in.len = b->head.total - b->avail;
			continue;
		}
		memcpy(b->crl->der.p + b->avail, in.p, n);
		b->avail += n;
		in = span_of(in.p + n, in.len - n);
		rc = build_advance(b);
	}
	return rc;
}

static int
build_feed_pem(struct crl_builder *b, struct span in)
{
	uint8_t der[SCAN_BLOCK];
	size_t n, len;
	int rc = 0;

	/* Base64 and line ends; generous for the text that tools put before. */
	b->num_raw += in.len;
	if (b->num_raw / 2 > b->limits.max_bytes + ((size_t)1 << 20))
		return crl_build_too_large(b, b->num_raw / 2);
	while (rc == 0 && in.len > 0) {
		n = in.len < sizeof(der) ? in.len : sizeof(der);
		if (!pem_feed(&b->pem, span_of(in.p, n), der, &len))
			return crl_build_bad(b, "neither DER nor PEM", 0);
		in = span_of(in.p + n, in.len - n);
		if (len > 0)
			rc = build_feed_der(b, span_of(der, len));
	}
	return rc;
}

int
crl_build_feed(struct crl_builder *b, struct span in)
{
	if (in.len == 0)
		return 0;
	if (b->state == BUILD_SNIFF) {
		b->is_pem = in.p[0] != DER_SEQUENCE;
		if (b->is_pem)
			pem_init(&b->pem, "X509 CRL");
		b->state = BUILD_HEAD;
	}
	return b->is_pem ? build_feed_pem(b, in) : build_feed_der(b, in);
}

/* The end. */

int
crl_build_finish(struct crl_builder *b)
{
	struct crl *c = b->crl;
	const char *what = "cut short";
	int rc, len;

	if (b->is_pem && !pem_done(&b->pem))
		return crl_build_bad(b, "no whole PEM block 'X509 CRL'", 0);
	if (b->state != BUILD_TAIL || b->avail != b->head.total) {
		b->state = BUILD_TAIL;
		(void)err_set(&b->err, E_PARSE,
		    "malformed CRL: cut short after %zu bytes of %zu", b->avail,
		    b->head.total);
		return crl_build_fail(b, CRL_FAULT_MALFORMED);
	}
	rc = crl_index_finish(&c->index);
	if (rc != 0)
		return build_index_failed(b, rc);
	len = crl_hash_finish(&b->hash, c->info.digest);
	if (len < 0) {
		(void)err_ossl(&b->err, E_INTERNAL, "cannot hash a CRL");
		return crl_build_fail(b, CRL_FAULT_NOMEM);
	}
	if (!b->fixed && c->der.len > b->head.total &&
	    mem_block_resize(&c->der, b->head.total) != 0)
		return crl_build_nomem(b);
	mem_block_trim(&c->der);
	/* The bytes do not move any more: point into them again. */
	if (crl_head_read(c, span_of(c->der.p, b->avail), &b->head, &what) !=
		CRL_PART_OK ||
	    !crl_tail_read(c, &b->head, &what))
		return crl_build_bad(b, what, 0);
	c->info.digest_len = (size_t)len;
	c->info.num_entries = b->num_entries;
	c->info.flaws |= b->flaws;
	c->info.flawed_entry = b->flawed_entry;
	if (b->head.has_entries && b->num_entries == 0)
		c->info.flaws |= CRL_FLAW_EMPTY_REVOKED;
	if (b->entry_extensions && c->info.version == 1)
		c->info.flaws |= CRL_FLAW_V1_EXTENSIONS;
	c->index.same = NULL;
	c->index.same_arg = NULL;
	return 0;
}

/* Bytes that are all there. */

bool
crl_build_step(struct crl_builder *b, size_t max_bytes)
{
	size_t stop = b->crl->der.len, n;
	int rc = b->state == BUILD_FAILED ? -1 : 0;

	if (b->trailing > 0)
		return false;
	if (max_bytes < stop - b->avail)
		stop = b->avail + max_bytes;
	if (b->state == BUILD_SNIFF)
		b->state = BUILD_HEAD;
	while (rc == 0 && b->avail < stop && b->trailing == 0) {
		n = stop - b->avail;
		b->avail += n < SCAN_BLOCK ? n : SCAN_BLOCK;
		rc = build_advance(b);
	}
	return rc == 0 && b->trailing == 0 && b->avail < b->crl->der.len;
}
