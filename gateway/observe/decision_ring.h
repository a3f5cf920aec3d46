/*
 * decision_ring: the last N verdicts with their evidence, and counters of all
 * of them. N of each kind: peers refused before a verdict, peers refused by
 * one, other refusals, who was let in softly, who was cut, those that a proxy
 * asked about, good or not, and all others; what happens all day long erases
 * nothing of what is looked for.
 * Thread-safe: workers add, the control thread reads. Adding copies, of a
 * report what it says, of a leaf its name, unless its issuer's takes more than
 * 4 KiB; nothing is formatted then.
 */
#ifndef GATEWAY_OBSERVE_DECISION_RING_H
#define GATEWAY_OBSERVE_DECISION_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "cache/base/error.h"
#include "gateway/base/address.h"
#include "gateway/observe/outcome.h"
#include "revcheck/revcheck.h"

enum decision_way {
	DECISION_INBOUND = 0, /* a peer connected */
	DECISION_OUTBOUND,    /* a peer was dialled */
	DECISION_SESSION,     /* a session chain was handed over */
	DECISION_RECHECK,     /* a live connection was asked about again */
	DECISION_AUTHORIZE,   /* a proxy asked about a peer of its own */
	DECISION_NUM_WAYS
};
/* "inbound"; never NULL. */
const char *decision_way_name(enum decision_way way);

/*
 * What is known of a peer: one of enum revcheck_status, or what there is where
 * no certificate's status matters.
 */
enum {
	DECISION_NO_CERTIFICATE = REVCHECK_NOT_ASKED + 1, /* it showed none */
	DECISION_SUBJECT_REFUSED, /* not on the list of allowed subjects */
	DECISION_NOT_ALLOWED,     /* no rule of allow lets it in */
	DECISION_NUM_STATUSES
};
/* "good", "no-certificate"; never NULL. */
const char *decision_status_name(unsigned status);

struct decision_finding {
	enum revcheck_mode mode; /* in force */
	unsigned status;
	enum revcheck_why why;
};

struct decision {
	enum decision_way way;
	uint64_t connection;         /* 0: none */
	char peer[ADDRESS_TEXT_MAX]; /* as shown in logs */
	time_t at;
	uint32_t waited_ms; /* suspended for so long */
	/* The answer; NULL where nothing was asked of revcheck. */
	struct revcheck_report *report;
	X509 *leaf; /* who it was about; NULL: nobody, or not known */
	struct decision_finding found; /* without a report; else its own */
	bool allowed;
	char note[128]; /* what else decided, such as an allow-list; or empty */
};

struct decision_ring;

/* max of each kind are kept. */
int decision_ring_new(
    struct decision_ring **out, size_t max, struct err *err) MUST_USE;
void decision_ring_free(struct decision_ring *d);

/* d may be NULL. */
void decision_ring_add(struct decision_ring *d, const struct decision *x);

enum decision_choice {
	DECISION_ANY = 0,
	DECISION_ACCEPTED, /* softly or not */
	DECISION_SOFT,     /* undetermined, and let in or answered as Active */
	DECISION_REFUSED,  /* cut off included */
	DECISION_CUT,
	DECISION_NUM_CHOICES
};
/* "accepted"; "" for ANY, never NULL. */
const char *decision_choice_name(enum decision_choice choice);

/* Which to show. Zeroed: all. */
struct decision_filter {
	const char *peer; /* part of the address or of a subject */
	enum decision_choice choice;
	/* A bit for each that is shown; 0: all. */
	uint32_t statuses, ways;
	uint64_t whys;
	time_t since, before; /* at or after, and before; 0: whenever */
	uint64_t after;       /* only those with a larger sequence number */
	uint64_t sequence;    /* only this one; 0: all */
	size_t max;           /* 0: all that are kept */
	size_t report_bytes;  /* 0: as many as they are */
};

/*
 * Newest first, with full evidence as long as that takes no more bytes than the
 * filter has for it. NULL when out of memory.
 */
cJSON *decision_ring_json(
    struct decision_ring *d, const struct decision_filter *filter);

/* Sequence number of the newest; 0: there was none. */
uint64_t decision_ring_last(struct decision_ring *d);
void
decision_ring_get_outcomes(struct decision_ring *d, struct outcome_counts *out);

/*
 * Calls fn for every counter that is not zero. why is NONE for what was
 * allowed on evidence.
 */
struct decision_count {
	enum decision_way way;
	struct decision_finding found;
	bool allowed;
	uint64_t num;
};
void decision_ring_each_count(struct decision_ring *d,
    void (*fn)(const struct decision_count *c, void *arg), void *arg);

/* Wait of those that had to wait, by upper bound in seconds. */
#define DECISION_NUM_BUCKETS 10
extern const double decision_buckets[DECISION_NUM_BUCKETS];
struct decision_waits {
	uint64_t num[DECISION_NUM_BUCKETS + 1]; /* not cumulative; last: more */
	uint64_t sum_ms;
};
void
decision_ring_get_waits(struct decision_ring *d, struct decision_waits *out);

#endif
