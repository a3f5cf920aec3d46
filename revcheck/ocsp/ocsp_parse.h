/*
 * ocsp_parse: what is written in an OCSP response (RFC 6960 4.2.1), read once,
 * whether or not it is authentic. Everything is borrowed from the bytes that
 * were read.
 *
 * Malformed is that of which the list of answers, or the signature over it,
 * cannot be found without doubt. Whatever else is against RFC 6960 or DER is a
 * flaw: what such a response revokes is authentic all the same. ocsp_verify
 * decides what its good is worth.
 */
#ifndef REVCHECK_OCSP_OCSP_PARSE_H
#define REVCHECK_OCSP_OCSP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "cache/base/error.h"
#include "cache/base/span.h"
#include "cache/der/der.h"

/* RFC 6960 4.2.1 OCSPResponseStatus; 4 is not used. */
enum ocsp_response_status {
	OCSP_STATUS_SUCCESSFUL = 0,
	OCSP_STATUS_MALFORMED_REQUEST = 1,
	OCSP_STATUS_INTERNAL_ERROR = 2,
	OCSP_STATUS_TRY_LATER = 3,
	OCSP_STATUS_SIG_REQUIRED = 5,
	OCSP_STATUS_UNAUTHORIZED = 6,
};

/* "tryLater" and so on; NULL for a number that RFC 6960 does not define. */
const char *ocsp_response_status_name(uint64_t status);

/* What is wrong with the form; or'ed. */
enum ocsp_flaw {
	OCSP_FLAW_TRAILING = 1 << 0,  /* octets behind the response */
	OCSP_FLAW_REST = 1 << 1,      /* octets within that do not belong */
	OCSP_FLAW_STATUS = 1 << 2,    /* an error status, and an answer */
	OCSP_FLAW_VERSION = 1 << 3,   /* not v1 */
	OCSP_FLAW_RESPONDER = 1 << 4, /* no responderID that can be read */
	OCSP_FLAW_TIME = 1 << 5,      /* no GeneralizedTime, offset, ... */
	OCSP_FLAW_EXTENSIONS = 1 << 6,
	OCSP_FLAW_EXTENSION_TWICE = 1 << 7,
	OCSP_FLAW_CERTS = 1 << 8,        /* certs: not certificates */
	OCSP_FLAW_SINGLE = 1 << 9,       /* its certID cannot be read */
	OCSP_FLAW_CERT_ID = 1 << 10,     /* parameters of its hash */
	OCSP_FLAW_CERT_STATUS = 1 << 11, /* ill encoded, or none known */
	OCSP_FLAW_REASON = 1 << 12,      /* none of CRLReason: taken for none */
	/* Noted, and forgiven: they leave nothing in doubt. */
	OCSP_FLAW_FRACTION = 1 << 13,         /* of a second, cut off */
	OCSP_FLAW_EXTENSIONS_EMPTY = 1 << 14, /* a list of none */
};
#define OCSP_FLAWS_FORGIVEN \
	((unsigned)(OCSP_FLAW_FRACTION | OCSP_FLAW_EXTENSIONS_EMPTY))

/* So many octets behind a response are a flaw; more is something else. */
#define OCSP_MAX_TRAILING 4096

/* What the lowest of these flaws is, as in "its version is not v1". */
const char *ocsp_flaw_text(unsigned flaws);

struct ocsp_response {
	uint64_t status;       /* tbs is empty where there is no answer */
	struct span tbs;       /* ResponseData, whole element: what is signed */
	struct span sig_alg;   /* AlgorithmIdentifier, whole element */
	struct span signature; /* BIT STRING content without its first octet */
	bool by_key;
	struct span responder;  /* Name element, or the key hash; or empty */
	time_t produced_at;     /* 0: it cannot be read */
	struct span singles;    /* content of SEQUENCE OF SingleResponse */
	struct span extensions; /* content of SEQUENCE OF Extension, or empty */
	struct span certs; /* content of SEQUENCE OF Certificate, or empty */
	unsigned flaws;    /* enum ocsp_flaw, those of its parts included */
};

enum ocsp_cert_status {
	OCSP_CERT_GOOD = 0,
	OCSP_CERT_REVOKED = 1,
	OCSP_CERT_UNKNOWN = 2,
};

struct ocsp_single {
	struct span hash_oid; /* content octets */
	struct span name_hash, key_hash;
	struct span serial; /* INTEGER content, as written; empty: unreadable */
	enum ocsp_cert_status status;
	time_t revoked_at; /* 0: it cannot be read */
	int reason;        /* CRLReason, or -1 */
	time_t this_update;
	time_t next_update; /* 0: none; what is written is never 0 */
	struct span extensions;
	unsigned flaws;
};

struct ocsp_extension {
	struct span oid;
	bool critical;
	struct span value;
};

/*
 * ocsp_parse reads the whole response, every SingleResponse and extension
 * included. 0 and what is flawed, or E_PARSE with a sentence that says which
 * part is wrong.
 */
int ocsp_parse(
    struct ocsp_response *out, struct span der, struct err *err) MUST_USE;

/*
 * Walks over what ocsp_parse has already checked. `at` is started with
 * der_init over singles or extensions; false at the end, and where extensions
 * cannot be read on.
 */
bool ocsp_single_next(struct der *at, struct ocsp_single *out);
bool ocsp_extension_next(struct der *at, struct ocsp_extension *out);

/* The extension with this OID (content octets); false if absent. */
bool ocsp_extension_find(
    struct span extensions, struct span oid, struct ocsp_extension *out);

#endif
