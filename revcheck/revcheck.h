/*
 * revcheck: is this X.509 certificate still good, now?
 *
 * One engine (struct revcheck) answers from CRLs (RFC 5280) and OCSP responses
 * (RFC 6960) that it fetches, verifies, keeps and refreshes by itself. The
 * smallest useful program (compiled by `make check-headers`):
 *
 *	#include <revcheck.h>
 *	#include <stdio.h>
 *
 *	int
 *	main(int argc, char **argv)
 *	{
 *		struct revcheck_error err;
 *		struct revcheck *rc = NULL;
 *		struct revcheck_trust *trust = NULL;
 *		struct revcheck_certs *chain = NULL;
 *		struct revcheck_report *rep = NULL;
 *		int ok = 0;
 *
 *		if (argc == 3 && revcheck_new(&rc, NULL, &err) == 0 &&
 *		    revcheck_certs_load(&chain, argv[1], &err) == 0 &&
 *		    revcheck_trust_load(&trust, argv[2], &err) == 0) {
 *			struct revcheck_query q = {
 *			    .size = sizeof(q), .chain = chain, .trust = trust};
 *
 *			if (revcheck_check(rc, &rep, &q, &err) == 0) {
 *				ok = revcheck_report_allows(rep);
 *				puts(revcheck_report_text(rep));
 *			}
 *		}
 *		revcheck_report_free(rep);
 *		revcheck_certs_free(chain);
 *		revcheck_trust_free(trust);
 *		revcheck_free(rc);
 *		return ok ? 0 : 1;
 *	}
 *
 * Conventions, assumed below and not repeated:
 *  - int functions return 0 or a positive outcome on success, one of the
 *    negative REVCHECK_E_* codes otherwise, and then *err (if err is not NULL)
 *    says why. A revoked certificate is an outcome, never an error.
 *  - Pointers are not NULL unless stated. Every _free accepts NULL.
 *  - Arguments are borrowed for the duration of the call; what is kept is
 *    referenced or copied. _up_ref takes a reference, _free gives one back,
 *    _get0_ lends.
 *  - Wall-clock times are time_t. Durations carry their unit (_ms, _sec).
 *    Sizes are bytes.
 *  - One thread at a time per object, unless the comment says "thread-safe".
 *  - A structure with a member `size` is set by the caller to its sizeof, so
 *    that it can grow; zeroed members mean the documented default.
 *  - The library never prints, exits or installs signal handlers.
 *  - Threads: an engine has a service thread; one more writes where a state_dir
 *    is given, one more watches files where crl_paths are, and a large CRL is
 *    hashed by one more for a moment. They block all signals. revcheck_new
 *    calls evthread_use_pthreads(); a program that makes an event base of its
 *    own before calls it earlier.
 *  - fork(): a child has none of these threads. There an engine of the parent's
 *    answers nothing (REVCHECK_E_CLOSED), and revcheck_free leaves it as it is;
 *    make engines after the fork. exec after fork is fine: descriptors are
 *    closed by it.
 */
#ifndef REVCHECK_H
#define REVCHECK_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <openssl/x509.h>

#ifdef __cplusplus
extern "C" {
#endif

#define REVCHECK_API      __attribute__((visibility("default")))
#define REVCHECK_MUST_USE __attribute__((warn_unused_result))

#define REVCHECK_VERSION "0.1.0"
/* The version of the library that is linked. Thread-safe. */
REVCHECK_API const char *revcheck_version(void);

/*
 * The security level (SSL_CTX_set_security_level(3)) of paths and evidence
 * where none is given: 112 bits, without RSA of 1024 bits and SHA-1.
 */
#define REVCHECK_SECURITY_LEVEL 2

struct event_base; /* libevent's */

struct revcheck;          /* the engine: policy, archive, one service thread */
struct revcheck_request;  /* a question that has not been answered yet */
struct revcheck_report;   /* an answer */
struct revcheck_certs;    /* an ordered list of certificates */
struct revcheck_trust;    /* a set of trust anchors */
struct revcheck_evidence; /* CRLs and OCSP responses supplied by the caller */
struct revcheck_shared;   /* what several engines tell each other, see below */

/* Errors. */

enum {
	REVCHECK_OK = 0,
	REVCHECK_E_ARG = -1, /* the call was wrong */
	REVCHECK_E_NOMEM = -2,
	REVCHECK_E_PARSE = -3,  /* input is malformed */
	REVCHECK_E_CLOSED = -4, /* the engine is shutting down */
	REVCHECK_E_LIMIT = -5,  /* a configured bound was reached */
	REVCHECK_E_IO = -6,     /* the operating system refused: sys_errno */
	REVCHECK_E_INTERNAL = -7
};

struct revcheck_error {
	int code;           /* REVCHECK_E_* */
	int sys_errno;      /* 0 when no system call failed */
	unsigned long ossl; /* OpenSSL's error code, 0 when none */
	char msg[256];      /* one sentence, for people and logs */
};

/* The words of an answer. */

/* What is known about one certificate. Zero is UNKNOWN, and UNKNOWN denies. */
enum revcheck_status {
	REVCHECK_UNKNOWN = 0,
	REVCHECK_GOOD,
	REVCHECK_REVOKED, /* on hold is a reason */
	REVCHECK_PATH_INVALID,
	REVCHECK_NOT_ASKED /* anchor, exempt, mode OFF, or outside the scope */
};

/* Why a status is UNKNOWN (or what was wrong on the way). */
enum revcheck_why {
	REVCHECK_WHY_NONE = 0,
	REVCHECK_WHY_NO_SOURCE,   /* the CA names none, none configured */
	REVCHECK_WHY_UNREACHABLE, /* no connection, DNS failure, reset */
	REVCHECK_WHY_DEADLINE,    /* timed out */
	REVCHECK_WHY_HTTP_ERROR,  /* a status other than 200 */
	REVCHECK_WHY_MALFORMED,   /* not a CRL / not an OCSP response */
	/*
	 * The signature fails under the key that the evidence names, or the
	 * signer is not authorised. SOFT_FAIL refuses, unless it came by http,
	 * where anybody on the way can have made it.
	 */
	REVCHECK_WHY_FORGED,
	REVCHECK_WHY_STALE,           /* nextUpdate passed, or too old */
	REVCHECK_WHY_NOT_YET_VALID,   /* thisUpdate in the future */
	REVCHECK_WHY_RESPONDER_ERROR, /* tryLater, internalError, ... */
	REVCHECK_WHY_UNKNOWN_CERT,    /* the responder does not know it */
	REVCHECK_WHY_OUT_OF_SCOPE,    /* evidence about other certificates */
	REVCHECK_WHY_REASONS_MISSING, /* not every reason is covered */
	REVCHECK_WHY_URL_REFUSED,     /* scheme, port or address not allowed */
	REVCHECK_WHY_TOO_LARGE,       /* bytes or entries beyond the limit */
	REVCHECK_WHY_BACKOFF,         /* the source failed, cause not known */
	REVCHECK_WHY_OFFLINE,         /* fetching is switched off */
	REVCHECK_WHY_NONCE, /* nonce absent though required, or wrong */
	REVCHECK_WHY_SIGNER_REVOKED, /* who signed the evidence is revoked */
	REVCHECK_WHY_SIGNER_UNKNOWN, /* it, its path or status is not known */
	REVCHECK_WHY_CRITICAL_EXT,   /* an unknown critical extension */
	REVCHECK_WHY_DENYLISTED,     /* on the local denylist (REVOKED) */
	REVCHECK_WHY_PATH,           /* the chain does not verify */
	REVCHECK_WHY_CANCELLED,
	REVCHECK_WHY_INTERNAL,
	REVCHECK_WHY_OLDER /* older than what was seen and is still in date */
};
#define REVCHECK_NUM_WHY (REVCHECK_WHY_OLDER + 1)

/* RFC 5280 5.3.1 CRLReason; -1 where none is given. 7 is not used. */
enum revcheck_reason {
	REVCHECK_REASON_NONE = -1,
	REVCHECK_REASON_UNSPECIFIED = 0,
	REVCHECK_REASON_KEY_COMPROMISE = 1,
	REVCHECK_REASON_CA_COMPROMISE = 2,
	REVCHECK_REASON_AFFILIATION_CHANGED = 3,
	REVCHECK_REASON_SUPERSEDED = 4,
	REVCHECK_REASON_CESSATION_OF_OPERATION = 5,
	REVCHECK_REASON_CERTIFICATE_HOLD = 6,
	REVCHECK_REASON_REMOVE_FROM_CRL = 8,
	REVCHECK_REASON_PRIVILEGE_WITHDRAWN = 9,
	REVCHECK_REASON_AA_COMPROMISE = 10
};

/* Zero is the default wherever a mode is optional. */
enum revcheck_mode {
	REVCHECK_MODE_DEFAULT = 0, /* the engine's; SOFT_FAIL until set */
	REVCHECK_MODE_OFF,
	REVCHECK_MODE_SOFT_FAIL,
	REVCHECK_MODE_HARD_FAIL
};

enum revcheck_method {
	REVCHECK_METHOD_NONE = 0,
	REVCHECK_METHOD_OCSP,
	REVCHECK_METHOD_CRL,
	REVCHECK_METHOD_DENYLIST,
	REVCHECK_METHOD_MEMORY, /* a remembered revocation */
	REVCHECK_METHOD_FLEET   /* another engine's word, see revcheck_told */
};

/* Where the evidence came from. */
enum revcheck_source {
	REVCHECK_SOURCE_NONE = 0,
	REVCHECK_SOURCE_NETWORK, /* fetched for this question */
	REVCHECK_SOURCE_CACHE,   /* was in memory */
	REVCHECK_SOURCE_DISK,    /* was on disk, verified again */
	REVCHECK_SOURCE_FILE,    /* supplied by the caller */
	REVCHECK_SOURCE_STAPLE   /* sent by the TLS peer */
};

/*
 * Names as written in JSON and logs ("good", "no-source", "keyCompromise",
 * "SOFT_FAIL", "ocsp", "cache"). Never NULL; "?" for a value out of range.
 * revcheck_mode_parse takes OFF, SOFT_FAIL, HARD_FAIL, ON (= SOFT_FAIL), any
 * case; E_PARSE otherwise. Thread-safe.
 */
REVCHECK_API const char *revcheck_status_name(enum revcheck_status s);
REVCHECK_API const char *revcheck_why_name(enum revcheck_why w);
REVCHECK_API const char *revcheck_reason_name(int reason);
REVCHECK_API const char *revcheck_mode_name(enum revcheck_mode m);
REVCHECK_API const char *revcheck_method_name(enum revcheck_method m);
REVCHECK_API const char *revcheck_source_name(enum revcheck_source s);
REVCHECK_API REVCHECK_MUST_USE int
revcheck_mode_parse(enum revcheck_mode *out, const char *word);

/*
 * One certificate's answer with its evidence: a plain value without pointers,
 * to be copied freely between threads. Texts are escaped and NUL-terminated,
 * cut to fit. It grows at its end, and with it what revcheck_ocsp_judge writes.
 */
struct revcheck_result {
	enum revcheck_status status;
	enum revcheck_why why; /* NONE when GOOD or REVOKED by evidence */
	int reason;            /* enum revcheck_reason */
	enum revcheck_method method;
	enum revcheck_source source;
	int http_status;    /* last HTTP status seen, 0 when none */
	int stale;          /* revoked by evidence past its nextUpdate */
	int soft_accepted;  /* UNKNOWN, let in by SOFT_FAIL */
	time_t revoked_at;  /* 0 when not revoked */
	time_t this_update; /* 0 when not known, likewise below */
	time_t next_update;
	time_t produced_at; /* OCSP */
	time_t fetched_at;
	char crl_number[48]; /* hexadecimal, empty when none */
	char url[256];       /* URL or file the evidence came from */
	char subject[256];
	char issuer[256];
	char serial[80];  /* hexadecimal */
	char signer[256]; /* subject of who signed the evidence */
	char text[384];   /* the sentence a person reads */
	/* Place in query.chain; SIZE_MAX: it is not in there. */
	size_t submitted_index;
};

/* Lists of certificates, anchors, supplied evidence. */

/*
 * revcheck_certs_load reads a file of PEM (any number) or DER (one);
 * revcheck_certs_parse the same from memory (`name` appears in errors). Order
 * is kept. Anything that is not a certificate is E_PARSE naming file, ordinal
 * and expectation. At most 100 certificates a list (E_LIMIT).
 */
REVCHECK_API REVCHECK_MUST_USE int revcheck_certs_load(
    struct revcheck_certs **out, const char *path, struct revcheck_error *err);
REVCHECK_API REVCHECK_MUST_USE int
revcheck_certs_parse(struct revcheck_certs **out, const void *data, size_t len,
    const char *name, struct revcheck_error *err);
/* revcheck_certs_from_x509 references num certificates, leaf first. */
REVCHECK_API REVCHECK_MUST_USE int
revcheck_certs_from_x509(struct revcheck_certs **out, X509 *const *certs,
    size_t num, struct revcheck_error *err);
REVCHECK_API size_t revcheck_certs_num(const struct revcheck_certs *certs);
REVCHECK_API X509 *
revcheck_certs_get0(const struct revcheck_certs *certs, size_t i);
REVCHECK_API void revcheck_certs_free(struct revcheck_certs *certs);

/*
 * A trust is an immutable set of anchors: any certificate may be one,
 * self-signed or not. An anchor's own status is never asked. Evidence found
 * under one trust never answers for another. Counted, thread-safe.
 * Up to 100,000 anchors.
 */
REVCHECK_API REVCHECK_MUST_USE int revcheck_trust_load(
    struct revcheck_trust **out, const char *path, struct revcheck_error *err);
REVCHECK_API REVCHECK_MUST_USE int
revcheck_trust_new(struct revcheck_trust **out, X509 *const *anchors,
    size_t num, struct revcheck_error *err);
/*
 * A trust of t's anchors, and CA certificates that complete paths to them where
 * a peer forgets to send them. They vouch for nothing by themselves and are
 * asked about like any other: give intermediates here rather than make anchors
 * of them. E_PARSE names one that is no CA's.
 */
REVCHECK_API REVCHECK_MUST_USE int revcheck_trust_with_intermediates(
    struct revcheck_trust **out, struct revcheck_trust *t,
    const struct revcheck_certs *intermediates, struct revcheck_error *err);
REVCHECK_API size_t revcheck_trust_num_intermediates(
    const struct revcheck_trust *t);
REVCHECK_API X509 *
revcheck_trust_get0_intermediate(const struct revcheck_trust *t, size_t i);
REVCHECK_API struct revcheck_trust *
revcheck_trust_up_ref(struct revcheck_trust *t);
REVCHECK_API void revcheck_trust_free(struct revcheck_trust *t);
/* For SSL_CTX_set1_verify_cert_store and friends. Lends. Thread-safe. */
REVCHECK_API X509_STORE *revcheck_trust_get0_store(struct revcheck_trust *t);

/* What revcheck_trust_verify is asked. */
struct revcheck_path_query {
	size_t size;
	const struct revcheck_certs *chain; /* leaf first, others any order */
	const struct revcheck_certs *untrusted; /* more intermediates; may be
						 * NULL */
	time_t at;                              /* 0: now */
	int any_time;       /* 1: dates do not count, nor does at */
	int purpose;        /* 0 none, 1 TLS client, 2 TLS server */
	int security_level; /* OpenSSL's 0..5 [2]; -1 means 0 */
};
/*
 * revcheck_trust_verify builds a path (RFC 5280 6.1) from chain's leaf to an
 * anchor: signatures, dates, purpose, strength of keys and digests, by the same
 * rules as the engine. Revocation is not asked. 1 and *path (leaf first, anchor
 * last; path may be NULL) when there is one; 0 when there is none, and then
 * *err says at which depth of the path it failed and why (REVCHECK_E_PARSE).
 * *x509_error (may be NULL) is X509_V_OK or X509_V_ERR_*. Thread-safe.
 */
REVCHECK_API REVCHECK_MUST_USE int
revcheck_trust_verify(struct revcheck_trust *t, struct revcheck_certs **path,
    const struct revcheck_path_query *query, int *x509_error,
    struct revcheck_error *err);

/*
 * Supplied evidence passes the same checks as fetched evidence. _add_file
 * takes a file (DER, or PEM with any number of objects, between text and
 * objects of other kinds) or a directory (every file in it). What cannot be
 * read as a CRL or response is E_PARSE for a file in which nothing can; else,
 * and in a directory, it is kept as malformed evidence, reported in the answer,
 * and never ends the run. `kind` says what to expect.
 */
enum revcheck_evidence_kind {
	REVCHECK_EVIDENCE_CRL = 1,
	REVCHECK_EVIDENCE_OCSP = 2
};
REVCHECK_API REVCHECK_MUST_USE int revcheck_evidence_new(
    struct revcheck_evidence **out, struct revcheck_error *err);
REVCHECK_API REVCHECK_MUST_USE int revcheck_evidence_add_file(
    struct revcheck_evidence *e, enum revcheck_evidence_kind kind,
    const char *path, struct revcheck_error *err);
REVCHECK_API REVCHECK_MUST_USE int revcheck_evidence_add(
    struct revcheck_evidence *e, enum revcheck_evidence_kind kind,
    const void *data, size_t len, const char *name, struct revcheck_error *err);
REVCHECK_API void revcheck_evidence_free(struct revcheck_evidence *e);

/* The engine. */

enum revcheck_order {
	REVCHECK_ORDER_OCSP_CRL = 0,
	REVCHECK_ORDER_CRL_OCSP,
	REVCHECK_ORDER_OCSP,
	REVCHECK_ORDER_CRL,
	REVCHECK_ORDER_ALL /* ask all, revoked wins */
};

enum revcheck_nonce {
	REVCHECK_NONCE_OFF = 0,
	REVCHECK_NONCE_OPTIONAL, /* sent; absent is fine, wrong is not */
	REVCHECK_NONCE_REQUIRED
};

/* What may be relaxed for CAs that break the profile; or'ed. */
enum revcheck_relax {
	REVCHECK_RELAX_CRL_VERSION = 1 << 0,   /* extensions in a v1 CRL */
	REVCHECK_RELAX_EMPTY_REVOKED = 1 << 1, /* empty revokedCertificates */
	REVCHECK_RELAX_EMPTY_IDP = 1 << 2,     /* an IDP that says nothing */
	REVCHECK_RELAX_TRAILING = 1 << 3,      /* bytes after CRL or response */
	REVCHECK_RELAX_NO_CRLSIGN = 1 << 4,    /* keyUsage without cRLSign */
	REVCHECK_RELAX_SERIAL_PADDING = 1 << 5,
	/*
	 * Dates with an offset or without seconds; revocationDates that cannot
	 * be read.
	 */
	REVCHECK_RELAX_CRL_DATES = 1 << 6,
	/*
	 * Values of extensions that say nothing about what a CRL covers:
	 * numbers, key ids, freshestCRL, reasons; critical FALSE written.
	 */
	REVCHECK_RELAX_CRL_EXTENSIONS = 1 << 7,
	/*
	 * Makes stricter: an empty revokedCertificates, which common tools
	 * write, is not forgiven. Goes before REVCHECK_RELAX_EMPTY_REVOKED,
	 * which says what is usual since and changes nothing.
	 */
	REVCHECK_STRICT_EMPTY_REVOKED = 1 << 8
};

/*
 * Which evidence is accepted, and what is refused without it. Immutable once
 * given; revcheck_set_policy replaces it at run time, atomically, for questions
 * asked from then on. Defaults in brackets; a zeroed policy is the default
 * policy.
 */
struct revcheck_policy {
	size_t size;
	enum revcheck_mode mode;     /* [SOFT_FAIL] */
	enum revcheck_order order;   /* [OCSP, then CRL] */
	enum revcheck_nonce nonce;   /* [off] */
	unsigned relax;              /* enum revcheck_relax [0] */
	uint32_t skew_sec;           /* clock skew allowed [300]; see no_skew */
	int no_skew;                 /* 1: skew_sec = 0 means zero */
	uint32_t max_age_sec;        /* stale beyond thisUpdate + [no limit] */
	uint32_t no_next_update_sec; /* age allowed without nextUpdate
				      * [86400] */
	uint32_t deadline_ms;        /* whole check [5000] */
	int security_level;          /* OpenSSL's 0..5 [2]; -1 means 0 */
	int shadow_hard;             /* evaluate HARD_FAIL beside SOFT_FAIL,
				      * count what it would refuse [0] */
	uint32_t soft_window_sec;    /* SOFT_FAIL stops being soft after so
				      * long without evidence for an
				      * issuer [off] */
};

/*
 * One exchange with a source of evidence as it goes, for a progress bar or a
 * report of what was asked. Lent for the call.
 */
enum revcheck_exchange_event {
	REVCHECK_EXCHANGE_BEGUN = 1,
	REVCHECK_EXCHANGE_BYTES, /* more has arrived */
	REVCHECK_EXCHANGE_ENDED
};
struct revcheck_exchange {
	size_t size;
	enum revcheck_exchange_event event;
	uint64_t id; /* the same from its beginning to its end */
	enum revcheck_evidence_kind kind;
	const char *url; /* as the certificate has it */
	int post;
	const void *request; /* OCSP: what is asked, DER */
	size_t request_len;
	uint64_t bytes; /* received so far */
	uint64_t total; /* as announced; 0: not known */
	uint32_t ms;    /* since it began */
	/* At its end. */
	int http_status;       /* 0: none was received */
	int not_modified;      /* what is held already */
	enum revcheck_why why; /* NONE: what came is authentic */
	const char *text;      /* the sentence for why; else empty */
};
/* On the service thread, one call at a time; must not block. */
typedef void revcheck_exchange_fn(void *arg, const struct revcheck_exchange *x);

/*
 * A line of the log in parts: what happened ("fetch-failed"; new ones may
 * come), a sentence without what is in fields, and the fields with types.
 */
enum revcheck_log_kind {
	REVCHECK_LOG_TEXT = 0,
	REVCHECK_LOG_INTEGER,  /* integer */
	REVCHECK_LOG_UNSIGNED, /* number */
	REVCHECK_LOG_REAL,     /* real */
	REVCHECK_LOG_BOOL,     /* integer: 0 or 1 */
};
struct revcheck_log_field {
	const char *key;
	enum revcheck_log_kind kind;
	const char *text; /* as it came: not escaped. NULL: another kind */
	int64_t integer;
	uint64_t number;
	double real;
};
struct revcheck_log_record {
	size_t size;
	int level;
	const char *event;
	const char *message; /* printable ASCII, in one line */
	const struct revcheck_log_field *fields;
	size_t num_fields;
};

/*
 * How the engine fetches and keeps. Fixed at creation, but for what
 * revcheck_set_addresses replaces. Strings and lists are
 * copied. Addresses: "10.0.0.0/8", "127.0.0.1", "::1/128" or a host name.
 */
struct revcheck_options {
	size_t size;
	const char *state_dir;       /* disk store; NULL: memory only */
	int offline;                 /* 1: never fetch */
	uint32_t connect_timeout_ms; /* [2000] */
	uint32_t fetch_timeout_ms;   /* whole transfer, OCSP [4000] */
	uint32_t crl_timeout_ms;     /* whole transfer, CRL [60000] */
	uint64_t max_crl_bytes;      /* [128 MiB] */
	uint64_t max_crl_entries;    /* [10,000,000] */
	uint32_t max_ocsp_bytes;     /* [65536] */
	uint64_t memory_bytes;       /* budget for evidence [512 MiB] */
	uint32_t max_requests;       /* pending questions [10000] */
	/* NULL-terminated, beyond the default. */
	const char *const *allow_addresses;
	int refuse_private;    /* 1: private ranges are refused too */
	const uint16_t *ports; /* 0-terminated; NULL: 80 and 443 */
	int any_port;          /* 1: every port is allowed */
	const char *proxy;     /* NULL: none; the environment never counts */
	const char *https_ca_file; /* NULL: the system's store */
	const char *user_agent;    /* ["revcheck/VERSION"] */
	/* Log lines (level 0 error .. 3 debug); called on any thread. */
	void (*log)(void *arg, int level, const char *line);
	void *log_arg;
	int log_level;
	/*
	 * CRL files and directories of them, NULL-terminated: evidence for
	 * every question, read again when they change: when they are written,
	 * renamed, linked or removed, and so with each directory and link on
	 * the way. A path need not exist if its directory does. NULL: none.
	 */
	const char *const *crl_paths;
	/* Source of wall time for tests; NULL: the system's. Thread-safe. */
	time_t (*now)(void *arg);
	void *now_arg;
	uint32_t min_refresh_sec; /* floor between two fetches of one [60] */
	int prefetch_crls; /* 1: fetch the CRLs of every CA that is seen, also
			    * where OCSP answered, so that they are there when
			    * the responder is not [0] */
	/*
	 * How often the files of crl_paths are looked at besides being watched,
	 * in milliseconds: for network file systems and other places that tell
	 * of no change [30000].
	 */
	uint32_t crl_look_ms;
	/*
	 * Told of each exchange with a source: at its beginning, as its bytes
	 * come, and at its end unless the engine is freed before. NULL: nobody.
	 */
	revcheck_exchange_fn *exchange;
	void *exchange_arg;
	/*
	 * In place of log, for who wants a line in parts; on any thread. What
	 * is shown is lent for the call.
	 */
	void (*log_record)(void *arg, const struct revcheck_log_record *r);
	/* CRLs that several engines get once; NULL: this one is alone. */
	const struct revcheck_shared *shared;
};

/* revcheck_new starts an engine and its service thread; NULL: defaults. */
REVCHECK_API REVCHECK_MUST_USE int revcheck_new(struct revcheck **out,
    const struct revcheck_options *options, struct revcheck_error *err);

/*
 * Whether revcheck_new would take these options: addresses, proxy, files,
 * directories and what shared says of its store are looked at, nothing is made
 * or read whole. E_ARG, E_IO.
 */
REVCHECK_API REVCHECK_MUST_USE int revcheck_check_options(
    const struct revcheck_options *options, struct revcheck_error *err);

/*
 * revcheck_free cancels what is pending (done functions that are still owed
 * receive REVCHECK_WHY_CANCELLED before it returns, for requests without an
 * event base; requests with one must have been cancelled by their thread),
 * stops the service thread and frees the engine.
 */
REVCHECK_API void revcheck_free(struct revcheck *rc);

/* Thread-safe. What is invalid is E_ARG and leaves the old policy in force. */
REVCHECK_API REVCHECK_MUST_USE int revcheck_set_policy(struct revcheck *rc,
    const struct revcheck_policy *policy, struct revcheck_error *err);
/* Copies the policy in force, defaults resolved. Thread-safe. */
REVCHECK_API void
revcheck_get_policy(struct revcheck *rc, struct revcheck_policy *out);

/*
 * Gives up the memory of certificates that were first asked about at or after
 * `since`, for when a crowd has come and gone: what was read out of them, which
 * only saves time. No answer changes. Thread-safe.
 */
REVCHECK_API void revcheck_trim(struct revcheck *rc, time_t since);

/*
 * Replaces where evidence may be fetched from: allow_addresses, refuse_private,
 * ports and any_port of options, whose other members are not looked at. Acts on
 * every connection made from then on; fetches that had failed before are tried
 * again when they are asked for. Thread-safe. E_ARG, E_NOMEM: nothing changed.
 */
REVCHECK_API REVCHECK_MUST_USE int revcheck_set_addresses(struct revcheck *rc,
    const struct revcheck_options *options, struct revcheck_error *err);

/*
 * Local denylist, effective at once and in every mode, OFF included. An entry
 * names a certificate by issuer + serial or a key by the SHA-256 of its
 * SubjectPublicKeyInfo. Every certificate of the path is looked up, its anchor,
 * exempt ones and those above the leaf of a _LEAF_ONLY question included (of a
 * _STATUS_ONLY one: subject and issuer). All thread-safe.
 */
struct revcheck_deny {
	const uint8_t *issuer_der; /* Name, or NULL with spki */
	size_t issuer_len;
	const uint8_t *serial; /* INTEGER content octets */
	size_t serial_len;
	const uint8_t *spki_sha256; /* 32 octets, or NULL with issuer */
	time_t until;               /* 0: for ever */
	const char *note;           /* reason for people, may be NULL */
};
/*
 * Replaces the whole list. Of several entries that name the same the one that
 * lasts longest counts. E_ARG, E_NOMEM: the old list stays.
 */
REVCHECK_API REVCHECK_MUST_USE int revcheck_set_denylist(struct revcheck *rc,
    const struct revcheck_deny *list, size_t num, struct revcheck_error *err);
/*
 * One entry more, in place of one that names the same, or one less: `until` and
 * `note` do not matter then. What it takes does not grow with the list.
 * revcheck_denylist_remove returns 1 when there was one and 0 when there was
 * none. E_ARG, E_NOMEM: the list stays as it was.
 */
REVCHECK_API REVCHECK_MUST_USE int revcheck_denylist_add(struct revcheck *rc,
    const struct revcheck_deny *entry, struct revcheck_error *err);
REVCHECK_API REVCHECK_MUST_USE int revcheck_denylist_remove(struct revcheck *rc,
    const struct revcheck_deny *entry, struct revcheck_error *err);

/*
 * Per-issuer overrides, chosen by the issuing CA's subjectKeyIdentifier (or
 * the SHA-1 of its key where it has none). Replaces the whole list.
 * Thread-safe.
 */
struct revcheck_issuer_rule {
	const uint8_t *ski;
	size_t ski_len;
	enum revcheck_mode mode;      /* DEFAULT: the policy's */
	int exempt;                   /* 1: never asked */
	const char *const *ocsp_urls; /* instead of AIA; NULL: AIA */
	const char *const *crl_urls;  /* besides the CDP; NULL: none */
	X509 *ocsp_signer;            /* pinned responder, or NULL */
};
REVCHECK_API REVCHECK_MUST_USE int revcheck_set_issuer_rules(
    struct revcheck *rc, const struct revcheck_issuer_rule *rules, size_t num,
    struct revcheck_error *err);

/*
 * revcheck_set_policy, revcheck_set_issuer_rules and, unless addresses is NULL,
 * revcheck_set_addresses in one: all of it acts, or nothing has changed. No
 * question sees the policy without the rules. Thread-safe. E_ARG, E_NOMEM.
 */
REVCHECK_API REVCHECK_MUST_USE int
revcheck_configure(struct revcheck *rc, const struct revcheck_policy *policy,
    const struct revcheck_issuer_rule *rules, size_t num,
    const struct revcheck_options *addresses, struct revcheck_error *err);

/*
 * Evidence for every question from then on, besides what a question brings
 * itself: CRL files kept by an operator, for instance. Replaces the whole set;
 * NULL: none. A reference is kept, and e must not be added to afterwards. What
 * is proven of it is remembered, so that a large CRL is verified once.
 * Thread-safe.
 */
REVCHECK_API void
revcheck_set_local_evidence(struct revcheck *rc, struct revcheck_evidence *e);

/* Asking. */

enum {
	/* chain is already verified up to and including its anchor. */
	REVCHECK_QUERY_PATH_VERIFIED = 1 << 0,
	/* ask about the leaf alone (the path is still verified whole) */
	REVCHECK_QUERY_LEAF_ONLY = 1 << 1,
	/*
	 * chain[0] and chain[1] are taken as subject and issuer as given, no
	 * path is verified, trust may be NULL.
	 */
	REVCHECK_QUERY_STATUS_ONLY = 1 << 2,
	/* fetch nothing for this question */
	REVCHECK_QUERY_OFFLINE = 1 << 3,
	/* keep the OCSP responses that answers rest on with the report */
	REVCHECK_QUERY_KEEP_RESPONSES = 1 << 4,
	/*
	 * nobody comes in by the answer: it is about who is in already. What
	 * SOFT_FAIL forgives is counted as soft_kept then, not soft_accepts
	 */
	REVCHECK_QUERY_RECHECK = 1 << 5,
	/* keep what was looked at on the way: revcheck_report_get0_try */
	REVCHECK_QUERY_KEEP_TRIES = 1 << 6
};

struct revcheck_query {
	size_t size;
	const struct revcheck_certs *chain; /* leaf first, others any order */
	const struct revcheck_certs *untrusted; /* more intermediates and CRL
						 * signers; may be NULL */
	struct revcheck_trust *trust;
	const struct revcheck_evidence *evidence; /* may be NULL */
	enum revcheck_mode mode;                  /* DEFAULT: the policy's */
	unsigned flags;                           /* REVCHECK_QUERY_* */
	time_t at;            /* 0: now. The time for everything */
	uint32_t deadline_ms; /* 0: the policy's */
	const void *staple;   /* OCSP response for the leaf */
	size_t staple_len;
	/* Overrides of the policy for this question; NULL: none. */
	const struct revcheck_policy *policy;
	/* Purpose of the path: 0 none, 1 TLS client, 2 TLS server. */
	int purpose;
};

enum {
	REVCHECK_DONE = 1,
	REVCHECK_PENDING = 2
};

/*
 * done receives the report (may be kept: take a reference) exactly once. It is
 * never called after revcheck_request_cancel has returned on the thread that
 * drives `base`.
 */
typedef void revcheck_done_fn(struct revcheck_report *report, void *arg);

/*
 * revcheck_submit asks about a chain without ever blocking on the network.
 *
 *   REVCHECK_DONE     *report is final (one reference, the caller's). done is
 *                     never called; *req is NULL.
 *   REVCHECK_PENDING  *report is NULL. done is called exactly once, later, on
 *                     the thread that runs `base` (or, if base is NULL, on the
 *                     service thread, possibly before this call returns).
 *                     *req holds a reference to give back with _request_free.
 *   negative          nothing was started, done is never called.
 *
 * The deadline bounds the whole check from the moment of the call; when it
 * passes, what is not known by then is UNKNOWN with WHY_DEADLINE, and fetches
 * go on and fill the archive. base, if given, must have been made after
 * evthread_use_pthreads(): one that other threads cannot wake is E_ARG as soon
 * as an answer would have to wait. A question that is pending keeps the loop of
 * its base going (event_base_dispatch does not return). Thread-safe.
 */
REVCHECK_API REVCHECK_MUST_USE int revcheck_submit(struct revcheck *rc,
    struct revcheck_request **req, struct revcheck_report **report,
    const struct revcheck_query *query, struct event_base *base,
    revcheck_done_fn *done, void *arg, struct revcheck_error *err);

/* After it returns (on the thread of `base`) done will not be called. */
REVCHECK_API void revcheck_request_cancel(struct revcheck_request *req);
REVCHECK_API void revcheck_request_free(struct revcheck_request *req);

/* revcheck_check is submit, then wait. Not on a thread that must not block. */
REVCHECK_API REVCHECK_MUST_USE int
revcheck_check(struct revcheck *rc, struct revcheck_report **report,
    const struct revcheck_query *query, struct revcheck_error *err);

/* Reading an answer (thread-safe, immutable, counted). */

/* 1: let it in. 0: refuse. The only function that says so. */
REVCHECK_API int revcheck_report_allows(const struct revcheck_report *r);
/*
 * Of the whole chain: the strictest of the parts; NOT_ASKED where nothing was
 * asked (OFF, exempt issuers, an anchor alone) and the path alone decided.
 */
REVCHECK_API enum revcheck_status
revcheck_report_status(const struct revcheck_report *r);
REVCHECK_API enum revcheck_why
revcheck_report_why(const struct revcheck_report *r);
REVCHECK_API enum revcheck_mode
revcheck_report_mode(const struct revcheck_report *r);
/* Certificate the refusal is about, or -1 where none can be named. */
REVCHECK_API int revcheck_report_index(const struct revcheck_report *r);
/* X509_V_ERR_* of an invalid path, X509_V_OK otherwise. */
REVCHECK_API int revcheck_report_path_error(const struct revcheck_report *r);
/* 1 if HARD_FAIL (shadow mode) would have refused what was accepted. */
REVCHECK_API int
revcheck_report_shadow_refuses(const struct revcheck_report *r);
/* Certificates asked about, leaf first, and the anchor last if it is known. */
REVCHECK_API size_t revcheck_report_num(const struct revcheck_report *r);
REVCHECK_API const struct revcheck_result *
revcheck_report_get0(const struct revcheck_report *r, size_t i);
/*
 * The signed OCSP response (DER, as it came) that answer i rests on, for
 * stapling (RFC 6066 8) and the like: lent for as long as the report lives.
 * NULL unless the question asked for it with _KEEP_RESPONSES and the answer
 * comes from a response that the engine holds: not from a CRL, nor from
 * memory of a revocation, nor from what the question itself brought. What it
 * was worth at the time of the report is in the answer (status, next_update).
 * The engine allows for clock skew and for a missing nextUpdate; who passes a
 * response on must not do so after nextUpdate.
 */
REVCHECK_API const void *revcheck_report_response(
    const struct revcheck_report *r, size_t i, size_t *len);
/*
 * What was looked at on the way to answer i, in that order, where the question
 * asked for it with _KEEP_TRIES: each piece of evidence with what it says by
 * itself, each source that gave none with the reason (method NONE). At most 32;
 * lent for as long as the report lives. NULL beyond the last.
 */
REVCHECK_API size_t revcheck_report_num_tries(
    const struct revcheck_report *r, size_t i);
REVCHECK_API const struct revcheck_result *
revcheck_report_get0_try(const struct revcheck_report *r, size_t i, size_t k);
/* One sentence for people: what was decided, about which, by what evidence. */
REVCHECK_API const char *revcheck_report_text(const struct revcheck_report *r);
/* Remarks on the way: unreadable supplied evidence and the like, a line each;
 * empty when there are none. */
REVCHECK_API const char *revcheck_report_notes(const struct revcheck_report *r);
/*
 * The whole answer as JSON (see revcheck(1), JSON OUTPUT); free() it. NULL
 * when out of memory. pretty: 1 for indented.
 */
REVCHECK_API char *
revcheck_report_json(const struct revcheck_report *r, int pretty);
/* Element i of its "certificates" alone, not indented; likewise. */
REVCHECK_API char *
revcheck_report_certificate_json(const struct revcheck_report *r, size_t i);
/*
 * The sources of evidence that the answer rests on, looked into in vain, or
 * lacked, those of who signed evidence included; and each certificate that was
 * asked about, which is told of like a source when it is learned from any that
 * it is revoked. An id of 32 bytes each, lent
 * for as long as the report lives, none twice. Returns how many; none where
 * nothing was asked. REVCHECK_SOURCES_ALL with *ids NULL: they cannot be named,
 * and each change concerns it.
 */
#define REVCHECK_SOURCES_ALL SIZE_MAX
REVCHECK_API size_t revcheck_report_sources(
    const struct revcheck_report *r, const unsigned char (**ids)[32]);
/*
 * So many changes (see revcheck_watch_fn) the answer takes into account. One
 * of a higher number to a source that it names is a reason to ask again.
 */
REVCHECK_API uint64_t revcheck_report_changes(const struct revcheck_report *r);
/*
 * When the first of the evidence that it rests on runs out, the allowance for
 * clock skew included: to be asked about again then. 0: none does. What an
 * UNKNOWN lacks is not counted.
 */
REVCHECK_API time_t revcheck_report_until(const struct revcheck_report *r);
/*
 * A report in as few bytes as it says something in (some 1,000 for three
 * certificates, where a report has 6,000), for who keeps many. pack returns how
 * many these are, and writes them if max are enough. unpack makes a report of
 * exactly them again, in the same process: its own, to be freed; NULL when
 * memory is short, and for bytes that are not whole. It says what the first one
 * says, but names no sources (_SOURCES_ALL, no _changes, no _until) and has
 * nothing of what _KEEP_RESPONSES and _KEEP_TRIES keep. Any thread.
 */
REVCHECK_API size_t revcheck_report_pack(
    const struct revcheck_report *r, void *out, size_t max);
REVCHECK_API struct revcheck_report *
revcheck_report_unpack(const void *packed, size_t len);
REVCHECK_API struct revcheck_report *
revcheck_report_up_ref(struct revcheck_report *r);
REVCHECK_API void revcheck_report_free(struct revcheck_report *r);

/*
 * The TLS verify result that sends the right alert from a verify callback:
 * X509_V_OK when allowed; X509_V_ERR_CERT_REVOKED (certificate_revoked);
 * X509_V_ERR_OCSP_CERT_UNKNOWN (certificate_unknown) when undetermined; the
 * path's own error otherwise.
 */
REVCHECK_API int revcheck_report_x509_error(const struct revcheck_report *r);

/* In a TLS server or client of one's own. */

/*
 * What an SSL_CTX asks of its peers. Three lines put it into a program:
 *
 *	struct revcheck_ssl_options o = {.size = sizeof(o), .trust = trust,
 *	    .mode = REVCHECK_MODE_HARD_FAIL};
 *	if (revcheck_ssl_ctx_attach(ctx, rc, &o, &err) != 0)
 *		...
 */
struct revcheck_ssl_options {
	size_t size;
	struct revcheck_trust *trust; /* a reference is kept */
	enum revcheck_mode mode;      /* DEFAULT: the engine's */
	uint32_t deadline_ms;         /* 0: the policy's */
	/*
	 * Called on the thread of the handshake with what was decided, before
	 * the peer is told; may be NULL. report is NULL where the path did not
	 * verify, or nothing could be asked: refused.
	 */
	void (*decided)(
	    void *arg, SSL *ssl, const struct revcheck_report *report);
	void *arg;
	/*
	 * A server that takes peers without a certificate [0]. They are asked
	 * about nothing; SSL_get0_peer_certificate says who they are.
	 */
	int optional;
};

/*
 * From now on a handshake of ctx, server or client, verifies the peer's path to
 * trust (by ctx's own parameters: purpose, names, time) and asks rc about it;
 * who is refused gets the right alert (certificate_revoked and so on). Sets the
 * verify mode, the verify callback, the certificate store and, on a client,
 * asks the server for a staple, which counts with TLS 1.3: in 1.2 it comes
 * after the verdict. Switches resumption and tickets off: a resumed session
 * would not be asked about. What ctx had of these is replaced.
 *
 * The handshake waits, deadline_ms at most, where memory cannot answer. Where
 * the SSL has SSL_MODE_ASYNC it does not: SSL_do_handshake returns and
 * SSL_get_error says SSL_ERROR_WANT_ASYNC; SSL_get_all_async_fds names a
 * descriptor that becomes readable when it can go on. An SSL that is freed
 * before it has gone on leaks OpenSSL's job: finish it, or shut the engine
 * down.
 *
 * rc must outlive the last handshake of ctx. ctx is not to be in use while it
 * is attached. E_ARG, E_NOMEM: ctx is as it was.
 */
REVCHECK_API REVCHECK_MUST_USE int
revcheck_ssl_ctx_attach(SSL_CTX *ctx, struct revcheck *rc,
    const struct revcheck_ssl_options *options, struct revcheck_error *err);
/*
 * What was decided about the peer of an SSL; NULL: nothing yet, or its path did
 * not verify. Lent until ssl is freed or cleared.
 */
REVCHECK_API const struct revcheck_report *
revcheck_ssl_get0_report(const SSL *ssl);

/*
 * The rules of an engine for what may be fetched, for who fetches something
 * else that a certificate names. Immutable, thread-safe.
 */
struct revcheck_addresses;
struct sockaddr;

/* Of options: allow_addresses, refuse_private, ports, any_port. E_ARG. */
REVCHECK_API REVCHECK_MUST_USE int
revcheck_addresses_new(struct revcheck_addresses **out,
    const struct revcheck_options *options, struct revcheck_error *err);
REVCHECK_API void revcheck_addresses_free(struct revcheck_addresses *a);
/*
 * The URL as it would be asked for: http or https, a port that is allowed, no
 * address that is not; free() it. E_ARG: it may not be asked. What its name
 * resolves to, and what redirects lead to, is to be judged, too.
 */
REVCHECK_API REVCHECK_MUST_USE int
revcheck_addresses_url(char **out, const struct revcheck_addresses *a,
    const char *url, struct revcheck_error *err);
/* NULL when host may be asked at sa; else what it is: "loopback" and so on. */
REVCHECK_API const char *
revcheck_addresses_refused(const struct revcheck_addresses *a, const char *host,
    const struct sockaddr *sa);

/* Looking into evidence. */

/*
 * What is written in one CRL, for tools; its signature is not checked.
 * Immutable after loading; look-ups are thread-safe. A million entries take a
 * fraction of a second to load and microseconds to search.
 */
struct revcheck_crl;

struct revcheck_crl_info {
	size_t size;
	int version;        /* 1 or 2 */
	size_t bytes;       /* of DER */
	size_t index_bytes; /* memory beyond the DER */
	size_t num_entries;
	time_t this_update;
	time_t next_update; /* 0: none given */
	char issuer[256];
	char number[256];        /* hexadecimal, empty when none */
	char delta_base[256];    /* of a delta CRL: the base it builds on */
	char authority_key[256]; /* key identifier, hexadecimal */
	char signature[64];      /* algorithm */
	char scope[512];         /* issuing distribution point in words */
	char flaws[1024];        /* what RFC 5280 would have otherwise */
};

struct revcheck_crl_entry {
	char serial[256]; /* hexadecimal */
	char issuer[256]; /* certificate issuer of an indirect CRL, or empty */
	time_t revoked_at;
	int reason; /* enum revcheck_reason */
};

/* revcheck_crl_load maps a file of DER or reads one of PEM (one CRL). */
REVCHECK_API REVCHECK_MUST_USE int revcheck_crl_load(
    struct revcheck_crl **out, const char *path, struct revcheck_error *err);
/* The bytes are copied; `name` appears in errors. */
REVCHECK_API REVCHECK_MUST_USE int revcheck_crl_parse(struct revcheck_crl **out,
    const void *data, size_t len, const char *name, struct revcheck_error *err);
REVCHECK_API void revcheck_crl_free(struct revcheck_crl *crl);
/* Fills *out up to out->size, which the caller has set. */
REVCHECK_API void revcheck_crl_get_info(
    const struct revcheck_crl *crl, struct revcheck_crl_info *out);
/*
 * 1 and *out if a certificate of the CRL's own issuer with this serial
 * (hexadecimal, "-" in front of a negative one) is listed, 0 if not, E_ARG
 * when serial is not hexadecimal.
 */
REVCHECK_API REVCHECK_MUST_USE int
revcheck_crl_find(const struct revcheck_crl *crl, const char *serial,
    struct revcheck_crl_entry *out);
/* Entries in the order of the CRL: *pos starts at 0; 0 at the end. */
REVCHECK_API REVCHECK_MUST_USE int
revcheck_crl_next(const struct revcheck_crl *crl, size_t *pos,
    struct revcheck_crl_entry *out);

/* What revcheck_crl_judge is asked. */
struct revcheck_crl_query {
	size_t size;
	X509 *issuer; /* NULL: who signed it is not looked at */
	time_t at;    /* 0: now */
	const struct revcheck_policy *policy; /* NULL: the defaults */
};
/*
 * revcheck_crl_judge says what a CRL by itself is worth, by the same rules as
 * the engine: GOOD where the silence of it counts, for certificates in its
 * scope; UNKNOWN with why and a sentence where it proves nothing. What it lists
 * counts all the same, unless it is forged. The issuer is taken as given. 0
 * whatever the answer.
 */
REVCHECK_API REVCHECK_MUST_USE int
revcheck_crl_judge(struct revcheck_result *out, const struct revcheck_crl *crl,
    const struct revcheck_crl_query *query, struct revcheck_error *err);

/*
 * OCSP by hand, for tools and for those who do their own transport.
 * revcheck_ocsp_request makes the DER of a request for one certificate, with
 * a nonce (1..32 octets) or without (NULL, 0); free() it.
 */
REVCHECK_API REVCHECK_MUST_USE int revcheck_ocsp_request(unsigned char **out,
    size_t *out_len, X509 *cert, X509 *issuer, const void *nonce,
    size_t nonce_len, struct revcheck_error *err);
/*
 * The GET form of a request at a responder; free() it. E_LIMIT where it would
 * be longer than 255 characters (RFC 5019): POST it then.
 */
REVCHECK_API REVCHECK_MUST_USE int
revcheck_ocsp_get_url(char **out, const char *base, const void *request,
    size_t len, struct revcheck_error *err);
/*
 * Responders named in a certificate, in order, trimmed and escaped, those
 * included that cannot be asked; NULL-terminated, NULL when out of memory. Free
 * with revcheck_ocsp_urls_free.
 */
REVCHECK_API char **revcheck_ocsp_urls(X509 *cert);
REVCHECK_API void revcheck_ocsp_urls_free(char **urls);

/*
 * A file with one response, DER or PEM (BEGIN OCSP RESPONSE): its DER; free()
 * it. Whether it is one is not looked at.
 */
REVCHECK_API REVCHECK_MUST_USE int revcheck_ocsp_load(unsigned char **out,
    size_t *out_len, const char *path, struct revcheck_error *err);

struct revcheck_ocsp_info {
	size_t size;
	size_t bytes;
	char status[32];     /* responseStatus; without more where an error */
	char responder[256]; /* its name, or its key's hash, hexadecimal */
	char signature[64];  /* algorithm */
	char nonce[136];     /* hexadecimal, empty when none */
	time_t produced_at;  /* 0: it cannot be read */
	size_t num_answers;
	size_t num_certs; /* brought with it */
	char flaws[1024]; /* what RFC 6960 would have otherwise */
};
/* What is said about one certificate. */
struct revcheck_ocsp_answer {
	char serial[256]; /* hexadecimal; empty: it cannot be read */
	char hash[32];    /* of the next two */
	char issuer_name[136], issuer_key[136]; /* hexadecimal */
	enum revcheck_status status;
	int reason; /* enum revcheck_reason */
	time_t revoked_at;
	time_t this_update;
	time_t next_update; /* 0: none given */
};
/*
 * What is written in a response, believed or not: about all of it, and one by
 * one (*pos starts at 0; 1, and 0 at the end). E_PARSE.
 */
REVCHECK_API REVCHECK_MUST_USE int
revcheck_ocsp_get_info(struct revcheck_ocsp_info *out, const void *response,
    size_t len, struct revcheck_error *err);
REVCHECK_API REVCHECK_MUST_USE int revcheck_ocsp_next(const void *response,
    size_t len, size_t *pos, struct revcheck_ocsp_answer *out);

struct revcheck_ocsp_query {
	size_t size;
	X509 *cert, *issuer; /* cert NULL: only who signed it is asked */
	const void *response;
	size_t response_len;
	const void *nonce; /* what was sent, or NULL */
	size_t nonce_len;
	X509 *signer;                         /* pinned responder, or NULL */
	time_t at;                            /* 0: now */
	const struct revcheck_policy *policy; /* NULL: the defaults */
};

/*
 * revcheck_ocsp_judge says what one response proves about one certificate, by
 * the same rules as the engine. The issuer is taken as given; the status of a
 * delegated signer is not asked. 0 whatever the answer: an unusable response
 * is UNKNOWN with its why and a sentence. Without a certificate the status is
 * NOT_ASKED where who signed the response may.
 */
REVCHECK_API REVCHECK_MUST_USE int
revcheck_ocsp_judge(struct revcheck_result *out,
    const struct revcheck_ocsp_query *query, struct revcheck_error *err);

/* A state directory without an engine. */

/*
 * One piece of evidence kept on disk. Texts are escaped where they come from
 * strangers. error is empty unless it cannot be read, or was refused.
 */
struct revcheck_cache_item {
	size_t size;
	char key[65]; /* of its source, which may have several; hexadecimal */
	enum revcheck_evidence_kind kind;
	size_t bytes;
	size_t num_entries; /* of a CRL; answers of an OCSP response */
	time_t this_update, next_update, fetched_at;
	char number[48];  /* CRL number, hexadecimal */
	char issuer[256]; /* of a CRL */
	char url[256];
	char error[256];
	/* REVCHECK_SOURCE_FILE: of crl_paths, and url is the path. */
	enum revcheck_source source;
	unsigned failures; /* to refresh it, in a row */
};
/* Returns 0 to go on, anything else to stop. */
typedef int
revcheck_cache_fn(void *arg, const struct revcheck_cache_item *item);

/*
 * These work on a directory that an engine may be using at the same time. All
 * return how many pieces they dealt with, or a negative code. Nothing here
 * makes evidence believed: an engine proves again what it finds on disk.
 */
REVCHECK_API REVCHECK_MUST_USE int revcheck_state_list(const char *state_dir,
    revcheck_cache_fn *fn, void *arg, struct revcheck_error *err);
/*
 * The signed bytes of the newest under that key: 1 and *out (free() it), 0 when
 * there is none.
 */
REVCHECK_API REVCHECK_MUST_USE int revcheck_state_get(unsigned char **out,
    size_t *out_len, enum revcheck_evidence_kind *kind, const char *state_dir,
    const char *key, struct revcheck_error *err);
/* Forgets what is kept under one key (NULL: all). */
REVCHECK_API REVCHECK_MUST_USE int revcheck_state_flush(
    const char *state_dir, const char *key, struct revcheck_error *err);
/*
 * Writes everything into one file to be carried elsewhere; _import takes it
 * into another directory. Only what one of certs with a path to trust has
 * signed is taken; `refused` (may be NULL) is called for the others.
 */
REVCHECK_API REVCHECK_MUST_USE int revcheck_state_export(
    const char *state_dir, const char *path, struct revcheck_error *err);
REVCHECK_API REVCHECK_MUST_USE int
revcheck_state_import(const char *state_dir, const char *path,
    struct revcheck_trust *trust, const struct revcheck_certs *certs,
    revcheck_cache_fn *refused, void *arg, struct revcheck_error *err);
/*
 * Fetches again, now, what is kept (key NULL: all of it) from where it came,
 * and keeps what is newer and proven as for _import. Blocks. options say how
 * to fetch; their state_dir and offline do not count. `failed` (may be NULL) is
 * called for what could not be fetched; that stays as it was.
 */
REVCHECK_API REVCHECK_MUST_USE int revcheck_state_refresh(const char *state_dir,
    const char *key, const struct revcheck_options *options,
    struct revcheck_trust *trust, const struct revcheck_certs *certs,
    revcheck_cache_fn *failed, void *arg, struct revcheck_error *err);

/*
 * One certificate that was found revoked, as it is remembered: also when its
 * evidence is gone and when its CA does not list it any more.
 */
struct revcheck_known {
	size_t size;
	char issuer_key[65]; /* SHA-256 of the issuer's public key, hex */
	char serial[129];    /* hexadecimal, without leading zeros */
	char issuer[256];    /* its name; may be empty */
	int reason;          /* enum revcheck_reason */
	time_t revoked_at, this_update; /* as the evidence says */
	time_t first_seen;
	char document[65]; /* SHA-256 of the evidence, hexadecimal */
	char url[256];     /* where that came from */
};
/* Returns 0 to go on, anything else to stop. */
typedef int revcheck_known_fn(void *arg, const struct revcheck_known *known);

/*
 * Shows what a state directory remembers as revoked, in the order in which it
 * was found. Returns how many were shown, or a negative code. fn must not use
 * the directory.
 */
REVCHECK_API REVCHECK_MUST_USE int revcheck_state_known(const char *state_dir,
    revcheck_known_fn *fn, void *arg, struct revcheck_error *err);
/*
 * The operator's word that a certificate is not revoked after all, such as one
 * whose CA has taken it back: from then on its evidence alone counts.
 * issuer_key: as _each shows it; serial: hexadecimal. How many were forgotten:
 * 0 when none was known. An engine that is running remembers it still.
 */
REVCHECK_API REVCHECK_MUST_USE int revcheck_state_forget(const char *state_dir,
    const char *issuer_key, const char *serial, struct revcheck_error *err);

/* Watching. */

/*
 * Called on the service thread, one call at a time, whenever what the engine
 * knows has changed; it must not block. source: what one source says is not
 * what it said before, the first that it says included; 32 bytes, lent.
 * Ask again about what is live and names it (revcheck_report_sources); answers
 * come from the archive without a fetch. NULL: the denylist, the rules, the
 * policy or local evidence changed, which concerns everything. change counts
 * these calls, watched or not; it is in force when fn is called.
 */
typedef void
revcheck_watch_fn(void *arg, const unsigned char *source, uint64_t change);

/*
 * At most one watcher; NULL removes it, and when that call has returned the old
 * one is not running any more. fn must not call revcheck_watch. Thread-safe.
 */
REVCHECK_API void
revcheck_watch(struct revcheck *rc, revcheck_watch_fn *fn, void *arg);

/* Counters since the engine was made. Thread-safe. */
#define REVCHECK_FETCH_TIME_BOUNDS_MS                                        \
	{                                                                    \
		10, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000 \
	}
#define REVCHECK_NUM_FETCH_TIMES 12
struct revcheck_stats {
	size_t size;
	uint64_t checks, checks_cached, pending, soft_accepts, shadow_refusals;
	uint64_t good, revoked, unknown, path_invalid;
	uint64_t hits, misses, disk_hits;
	uint64_t fetches, fetches_304, fetched_bytes, joins;
	uint64_t fail_unreachable, fail_deadline, fail_http, fail_malformed,
	    fail_forged, fail_stale, fail_older, fail_too_large, fail_refused,
	    fail_backoff;
	uint64_t evictions, entries, bytes, refreshes;
	uint64_t not_asked, soft_kept;
	/* In the state directory; of writes those that were given up. */
	uint64_t disk_bytes, disk_lost;
	/*
	 * CRLs used though their number is below that of one which ran out: a
	 * CA that counts anew. And certificates that are known revoked.
	 */
	uint64_t number_restarts, known_revoked;
	/*
	 * How long transfers took, whatever came of them: [i] is how many ended
	 * within the i-th of REVCHECK_FETCH_TIME_BOUNDS_MS and not within the
	 * one before, the last how many took longer; and all of them together.
	 */
	uint64_t crl_fetch_times[REVCHECK_NUM_FETCH_TIMES], crl_fetch_ms;
	uint64_t ocsp_fetch_times[REVCHECK_NUM_FETCH_TIMES], ocsp_fetch_ms;
	/*
	 * Of struct revcheck_shared. How often another's check was enough, how
	 * many CRLs came from the store, were not there, were refused, and were
	 * put there or could not be. Then answers to claims, those that did not
	 * come in time among the last. And how many are known revoked by word.
	 */
	uint64_t shared_pointers, shared_blobs, shared_missing, shared_refused,
	    shared_puts, shared_puts_failed;
	uint64_t claims_won, claims_taken, claims_backoff, claims_away;
	uint64_t told_revoked;
};
REVCHECK_API void
revcheck_get_stats(struct revcheck *rc, struct revcheck_stats *out);

/* What an engine keeps. */

/*
 * The evidence an engine holds now, and what may be done about it (key NULL:
 * all of it). _list returns how many fn was shown; error says when refreshing
 * fails, or what is wrong with a file. _refresh asks for newer evidence soon,
 * at most once a second each, and reads the files of crl_paths again. _flush
 * forgets in memory and on disk; known revocations are remembered all the same,
 * and files keep to what is said at crl_paths: what one said before it was
 * replaced or went away is forgotten by its key alone. Thread-safe.
 */
REVCHECK_API int
revcheck_archive_list(struct revcheck *rc, revcheck_cache_fn *fn, void *arg);
/*
 * One place that evidence comes from: a URL of CRLs, a responder, or a file of
 * crl_paths. Texts are escaped where they come from strangers.
 */
struct revcheck_source_item {
	size_t size;
	enum revcheck_evidence_kind kind;
	enum revcheck_source
	    source;         /* _FILE, and url is the path; or _NETWORK */
	size_t kept, bytes; /* pieces held that came from here */
	/* Of those the one that ends first; 0: nothing is held, or has no end.
	 */
	time_t this_update, next_update;
	time_t last_success, last_try, next_try; /* 0: never, none */
	enum revcheck_why why; /* of the last try; NONE: it did not fail */
	int http_status;       /* 0: none was received */
	unsigned failures;     /* in a row */
	uint64_t last_bytes;   /* of the last transfer */
	uint32_t last_ms;
	char key[65]; /* of a piece: see revcheck_cache_item; may be empty */
	char url[1024];
	char error[256]; /* the sentence for why */
};
typedef int
revcheck_source_fn(void *arg, const struct revcheck_source_item *item);
/*
 * Shows fn each place that an engine fetches from, those that never answered
 * included, and each file, in no order. fn must be short, for fetching waits
 * meanwhile, and must not call the engine. Returns how many it was shown.
 * Thread-safe.
 */
REVCHECK_API int revcheck_archive_sources(
    struct revcheck *rc, revcheck_source_fn *fn, void *arg);
/*
 * The pieces that an engine holds under one key, each with its signed bytes,
 * lent; the one that came last first. How many it was shown; E_ARG: it is no
 * key. Thread-safe, and nothing is taken for asked.
 */
typedef int revcheck_piece_fn(void *arg, const struct revcheck_cache_item *item,
    const unsigned char *der, size_t der_len);
REVCHECK_API REVCHECK_MUST_USE int
revcheck_archive_get(struct revcheck *rc, const char *key,
    revcheck_piece_fn *fn, void *arg, struct revcheck_error *err);
/* revcheck_crl_find in the CRLs under that key. E_ARG says what is wrong. */
REVCHECK_API REVCHECK_MUST_USE int
revcheck_archive_find(struct revcheck *rc, const char *key, const char *serial,
    struct revcheck_crl_entry *out, struct revcheck_error *err);
/* Reads the files of crl_paths again, soon, whether they changed or not. */
REVCHECK_API void revcheck_archive_reread(struct revcheck *rc);
REVCHECK_API REVCHECK_MUST_USE int revcheck_archive_refresh(
    struct revcheck *rc, const char *key, struct revcheck_error *err);
REVCHECK_API REVCHECK_MUST_USE int
revcheck_archive_fetch_missing(struct revcheck *rc, struct revcheck_error *err);
REVCHECK_API REVCHECK_MUST_USE int revcheck_archive_flush(
    struct revcheck *rc, const char *key, struct revcheck_error *err);
/*
 * Shows what this engine remembers as revoked; `document` is empty. Returns how
 * many were shown. fn must not call the engine. Thread-safe.
 */
REVCHECK_API int
revcheck_archive_known(struct revcheck *rc, revcheck_known_fn *fn, void *arg);
/*
 * revcheck_state_forget for an engine that is running, in its state directory,
 * too; everything live is asked about again. Thread-safe.
 */
REVCHECK_API REVCHECK_MUST_USE int revcheck_archive_forget(struct revcheck *rc,
    const char *issuer_key, const char *serial, struct revcheck_error *err);

/* Several engines. */

/*
 * Engines that trust nobody but CAs may still spare each other work. A program
 * that runs one of them gives it functions (struct revcheck_shared) by which it
 * learns what the others have and tells them what it has itself; how that
 * travels is the program's affair. The bytes of CRLs lie in an HTTP store under
 * their SHA-256. Whatever comes by this way is an address of evidence, which is
 * accepted by the same rules as an answer of the CA, or not at all; what is
 * missing, late or wrong costs time and never a refusal that would not have
 * been one without. The one thing that is taken on another's word is that a
 * certificate is revoked: see struct revcheck_told.
 *
 * A source is named by the 32 bytes that revcheck_watch_fn gets: SHA-256 over
 * "crl" (a delta: "crl-delta"), SHA-256 of the issuer's key, an empty part and
 * each URL, each part after its length in 8 octets, the lowest first. It is the
 * same in every engine. OCSP responses are not shared.
 */

/* The newest CRL of a source that any of the engines has accepted. */
struct revcheck_pointer {
	size_t size;
	unsigned char sha256[32]; /* of its DER: its name in the store */
	uint64_t len;             /* of its DER */
	char number[129]; /* hexadecimal, no leading zeros; empty: none */
	time_t this_update;
	time_t next_update; /* 0: none given */
	time_t checked;     /* when the CA last said that it is the newest */
	char url[1024];     /* where it said so */
	char etag[256];     /* as it came from there; empty: none */
	char last_modified[256]; /* likewise */
};

/* May this engine fetch, for all of them? */
enum revcheck_claim {
	REVCHECK_CLAIM_AWAY = 0, /* nobody can say: it fetches as if alone */
	REVCHECK_CLAIM_WON,      /* it may, and tells when it is done */
	REVCHECK_CLAIM_TAKEN,    /* another does so now */
	REVCHECK_CLAIM_BACKOFF   /* another failed: not before until */
};

/*
 * One certificate that an engine found revoked, or was told so.
 *
 * What an engine is told of counts where its own evidence is older than the one
 * named here, or says nothing: by thisUpdate, and in the same second by number.
 * It never says good, and own evidence that is as new or newer is what counts,
 * which then takes its place. A thisUpdate in the future counts as now. The
 * answer has method FLEET, and says by whom and from which evidence.
 */
struct revcheck_told {
	size_t size;
	unsigned char issuer_key[32]; /* SHA-256 of the issuer's public key */
	unsigned char serial[64];     /* without leading zeros */
	size_t serial_len;
	int reason; /* enum revcheck_reason */
	time_t revoked_at;
	time_t not_after; /* the certificate's; 0: not known */
	/* The evidence. */
	unsigned char source[32]; /* zeros: not known */
	time_t this_update;
	char number[129]; /* of a CRL, hexadecimal; else empty */
	char url[256];
	char issuer[256]; /* its name, for people; may be empty */
	char by[128];     /* who says so; empty from this engine */
};

/*
 * What several engines share. Functions are called on the service thread, one
 * at a time, and must not block; arg goes to each. They may call the engine's
 * functions that are thread-safe, but for revcheck_set_shared. Strings are
 * copied, pointers to structures lent for the call.
 */
struct revcheck_shared {
	size_t size;
	void *arg;
	/* 1 and *out (zeroed, its size set); 0: nobody has one. */
	int (*newest)(void *arg, const unsigned char source[32],
	    struct revcheck_pointer *out);
	/*
	 * Asks for the right to fetch. The answer is given by
	 * revcheck_shared_claimed, with the ticket; it may be given from inside
	 * this call. The engine does not wait for it longer than claim_wait_ms,
	 * and gives back by `released` what it won, also when that was late.
	 */
	void (*claim)(
	    void *arg, const unsigned char source[32], uint64_t ticket);
	/*
	 * The CA gave p, and it was accepted. changed: with other bytes than
	 * `newest` said; they are in the store by now, unless there is none or
	 * it does not take them. Else the CA said that p is the newest still,
	 * and only `checked` differs.
	 */
	void (*published)(void *arg, const unsigned char source[32],
	    const struct revcheck_pointer *p, int changed);
	/*
	 * A claim is given back, after `published` where there is something.
	 * failed: why there is nothing; NULL: it did not fail. until: it is not
	 * asked again before; 0: not known.
	 */
	void (*released)(void *arg, const unsigned char source[32],
	    const char *failed, time_t until);
	/* Found revoked here, by evidence: the others are to know. */
	void (*revoked)(void *arg, const struct revcheck_told *told);
	/*
	 * A question waits for another engine's fetch, and for the store, so
	 * long at most, and at most half of the time that it has left [2000].
	 */
	uint32_t claim_wait_ms;
	/*
	 * Engines that hear that there is something new get it within so long,
	 * each at a moment of its own, unless a question waits for it [0].
	 */
	uint32_t spread_ms;
	/*
	 * The store: a GET of store_url with the name of an object behind it
	 * gives that object, a PUT keeps it: WebDAV, S3 and the like. NULL:
	 * none. It is asked for these objects alone, whatever allow_addresses
	 * and ports say, without proxy, and never follows a redirect.
	 */
	const char *store_url;
	const char *store_ca_file; /* NULL: the system's store */
	/*
	 * "USER:PASSWORD", and with a region access key and secret. Not by
	 * http, except to a loopback address. NULL: none.
	 */
	const char *store_credentials;
	/* A whole line, such as "Authorization: Bearer ..."; likewise. */
	const char *store_header;
	const char *store_region;  /* sign as S3 wants it (AWS version 4) */
	uint64_t store_max_bytes;  /* [max_crl_bytes] */
	uint32_t store_timeout_ms; /* of one transfer [10000] */
};

/*
 * Replaces what revcheck_options.shared said (NULL: nothing is shared from now
 * on). When it has returned, no function of what was before is running or will
 * be called, but on the service thread itself. Thread-safe. E_ARG names what is
 * wrong with the store, never its credentials; E_NOMEM. Then nothing changed.
 */
REVCHECK_API REVCHECK_MUST_USE int revcheck_set_shared(struct revcheck *rc,
    const struct revcheck_shared *shared, struct revcheck_error *err);
/*
 * Another spread_ms, as engines come and go: nothing that is under way ends by
 * it. Thread-safe.
 */
REVCHECK_API void
revcheck_shared_spread(struct revcheck *rc, uint32_t spread_ms);
/*
 * The answer to a claim, once; until counts for BACKOFF alone. Who answers WON
 * has `newest` give what was published before, first. Thread-safe.
 */
REVCHECK_API void
revcheck_shared_claimed(struct revcheck *rc, const unsigned char source[32],
    uint64_t ticket, enum revcheck_claim answer, time_t until);
/*
 * `newest` says something else of that source by now, or a claim to it is gone.
 * Thread-safe.
 */
REVCHECK_API void
revcheck_shared_told(struct revcheck *rc, const unsigned char source[32]);
/*
 * Another engine found this certificate revoked. 1: that is news; what is live
 * is told of it (revcheck_watch), and its source is asked for newer evidence at
 * once, unless what it said last is as new; 0: it is known. E_ARG: no serial,
 * or no date. Not kept in state_dir: tell it again at the start. At most
 * 262,144 are remembered; the longest known give way. Thread-safe.
 */
REVCHECK_API REVCHECK_MUST_USE int revcheck_told_revoked(struct revcheck *rc,
    const struct revcheck_told *told, struct revcheck_error *err);

#ifdef __cplusplus
}
#endif
#endif
