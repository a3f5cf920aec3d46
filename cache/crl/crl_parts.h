/*
 * crl_parts: struct crl from the inside, and the parts of a CertificateList
 * around its entries. For cache/crl*.c only.
 */
#ifndef CACHE_CRL_CRL_PARTS_H
#define CACHE_CRL_CRL_PARTS_H

#include "cache/der/mem_block.h"
#include "cache/crl/crl.h"
#include "cache/crl/crl_index.h"

#include <openssl/evp.h>

/*
 * From this entry on (until the next mark) entries belong to `name` (RFC 5280
 * 5.3.3): offsets into the DER, ascending.
 */
struct crl_mark {
	uint32_t entry;
	uint32_t name;
	uint32_t name_len;
	uint32_t others_len; /* of its other names, behind it */
};

/* Immutable once its builder has let it go. */
struct crl {
	struct crl_info info;
	struct mem_block der;
	struct crl_index index;
	size_t entries;     /* offset of the first entry */
	size_t entries_end; /* offset behind the last; == entries: none */
	struct crl_mark *marks;
	size_t num_marks;
};

/*
 * crl_entry_at reads the entry at offset, issuer in force included, and sets
 * *next behind it. It was found to have a serial when it was scanned.
 */
void crl_entry_at(
    const struct crl *c, size_t offset, struct crl_entry *out, size_t *next);

/* Whether the entry at offset has a certificateIssuer of its own. */
bool crl_entry_names_issuer(const struct crl *c, size_t offset);

enum crl_part {
	CRL_PART_OK = 0,
	CRL_PART_MORE, /* not all of it has arrived */
	CRL_PART_BAD,
};

/* What stands before the entries; offsets into the DER. */
struct crl_head {
	size_t total; /* bytes of the whole CRL, as it announces */
	size_t tbs, tbs_end;
	size_t entries, entries_end;
	bool has_entries;      /* revokedCertificates is present */
	struct span inner_alg; /* whole AlgorithmIdentifier */
};

/*
 * crl_head_size reads no more than the outermost header: how long the CRL is
 * going to be.
 */
enum crl_part crl_head_size(struct span in, size_t *total);

/*
 * crl_head_read reads up to the first entry, filling c->info on the way; `in`
 * is what has arrived so far.
 */
enum crl_part crl_head_read(
    struct crl *c, struct span in, struct crl_head *head, const char **what);

/* crl_tail_read reads what follows the entries; everything has arrived. */
bool
crl_tail_read(struct crl *c, const struct crl_head *head, const char **what);

/*
 * crl_digest_of: the message digest of a signature AlgorithmIdentifier (whole
 * element), or NULL when it has none of its own.
 */
const EVP_MD *crl_digest_of(struct span alg);

#endif
