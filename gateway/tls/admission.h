/*
 * admission: may this peer come in, or stay? One answer from what it showed,
 * the trust and the configuration, for handshakes of both directions and for
 * live connections that are asked about again. Waits for nothing, fetches
 * nothing; revocation is asked by the caller, who hands the report in. Runs on
 * any thread; shallow it is not: not for the stack of an async job.
 */
#ifndef GATEWAY_TLS_ADMISSION_H
#define GATEWAY_TLS_ADMISSION_H

#include <stdbool.h>
#include <time.h>

#include <openssl/x509.h>

#include "gateway/observe/counters.h"
#include "gateway/observe/decision_ring.h"
#include "revcheck/revcheck.h"

struct conf;
struct path_cache;

/* What one configuration asks of a peer. All of it is lent. */
struct admission_terms {
	const struct conf *conf;
	struct revcheck_trust
	    *trust;                /* where its path may end; NULL: nowhere */
	bool inbound;              /* a TLS client; or the server we dialled */
	bool http;                 /* inbound: requests will be read */
	const char *listen;        /* inbound: the listener's address, as
				    * configured; NULL: unknown */
	const char *name;          /* outbound: DNS name or address that the
				    * certificate is for; NULL: any */
	struct path_cache *paths;  /* of these terms; NULL: none */
	struct counters *counters; /* hits and misses there; may be NULL */
};

/* What there is of the peer: nothing in it where it showed no certificate. */
struct admission_peer {
	const STACK_OF(X509) * sent;        /* in a handshake; leaf first */
	const struct revcheck_certs *certs; /* of a live one: its path */
	bool verified; /* certs, under terms with the same path rules */
	time_t at;     /* 0: now */
};

/* Zero denies, as does everything but the last. */
enum admission_why {
	ADMISSION_UNDECIDED = 0,
	ADMISSION_ERROR,
	ADMISSION_NO_CERTIFICATE,
	ADMISSION_PATH,
	ADMISSION_SUBJECT,
	ADMISSION_NOT_ALLOWED,
	ADMISSION_REVOKED,
	ADMISSION_UNKNOWN,
	ADMISSION_ALLOWED
};

struct admission {
	enum admission_why why;
	int x509_error; /* chooses the alert; X509_V_OK only when allowed */
	/* The verified path, leaf first, anchor last; lent by what is found,
	 * or by the peer's certs where that holds still. */
	const struct revcheck_certs *path;
	struct revcheck_certs *found; /* owned; NULL: nothing new */
	char error[256];              /* why not, for people; may be empty */
};

/*
 * All but revocation: how many certificates, path, purpose, strength, dates,
 * name, allowed subjects, rules of `allow`; and whether it may come without
 * any. True: the path is to be asked about, undecided until admission_hear.
 * False: decided. *a is overwritten; admission_cleanup it.
 */
bool admission_check(struct admission *a, const struct admission_terms *terms,
    const struct admission_peer *peer);

/* The answer about a->path, which decides. */
void admission_hear(struct admission *a, struct revcheck_report *report);

/* It cannot be asked about: denied for that. */
void admission_fail(struct admission *a, int x509_error, const char *error);

/* Whether a path that holds under one holds under the other, but for dates. */
bool admission_same_path(
    const struct admission_terms *a, const struct admission_terms *b);

/*
 * What it came to, in the words of a report; in_force is said where there is
 * none.
 */
struct decision_finding admission_finding(enum admission_why why,
    const struct revcheck_report *report, enum revcheck_mode in_force);

/* What a denial is counted as. */
enum counter admission_counter(const struct admission *a);

void admission_cleanup(struct admission *a);

#endif
