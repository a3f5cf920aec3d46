/*
 * report: the answer to one question. Filled by one thread, then published:
 * immutable and counted from there on.
 */
#ifndef REVCHECK_ENGINE_REPORT_H
#define REVCHECK_ENGINE_REPORT_H

#include <stdbool.h>

#include "cache/base/error.h"
#include "cache/base/ref.h"
#include "cache/base/span.h"
#include "revcheck/revcheck.h"

/* The OCSP response a result rests on. Owned by its report. */
struct report_response {
	void *der;
	size_t len;
};

/* What was looked at for one result. Owned by its report. */
struct report_tries {
	struct revcheck_result *v;
	size_t num;
};

struct revcheck_report {
	struct ref ref;
	bool allow; /* zero refuses */
	bool shadow_refuses;
	bool cached;             /* nothing was fetched or waited for */
	enum revcheck_mode mode; /* in force for the chain, resolved */
	enum revcheck_status status;
	enum revcheck_why why;
	int index;       /* certificate the verdict is about, -1: none */
	int path_error;  /* X509_V_* */
	time_t at;       /* the time asked about */
	size_t num;      /* results, leaf first, anchor last */
	bool has_anchor; /* the last result is the anchor's (NOT_ASKED) */
	char text[640];  /* the sentence */
	char notes[512]; /* broken supplied evidence and the like, may be empty;
			  * sentences separated by newlines */
	/* See revcheck_report_sources: owned; num may be REVCHECK_SOURCES_ALL.
	 */
	unsigned char (*sources)[32];
	size_t num_sources;
	uint64_t changes;
	time_t until;
	/* Mode that governed each result (per-issuer rules), for policy. */
	enum revcheck_mode *modes;
	/* One a result where asked for, else NULL; each owned, may be NULL. */
	struct report_response *responses;
	struct report_tries *tries; /* likewise */
	struct revcheck_result results[];
};

/* report_new has num zeroed results; NULL when out of memory. */
struct revcheck_report *report_new(size_t num);

/* The names and the serial of cert, as people read them. */
void report_describe(struct revcheck_result *res, X509 *cert);

/* Copies der beside result i. E_NOMEM. Before the report is published. */
int report_keep_response(
    struct revcheck_report *r, size_t i, struct span der) MUST_USE;

/* Copies what was looked at for result i. E_NOMEM. Before publication. */
int report_keep_tries(struct revcheck_report *r, size_t i,
    const struct revcheck_result *v, size_t num) MUST_USE;

struct revcheck_request;
/*
 * Fills sources, changes and until from the checks of r, which are over. Where
 * memory is short it rests on all of them.
 */
void report_note_sources(
    struct revcheck_report *rep, const struct revcheck_request *r);

#endif
