/*
 * ocsp_parse: what is written in an OCSP response (RFC 6960 4.2.1), read once
 * and strictly, whether or not it is authentic. Everything is borrowed from the
 * bytes that were read.
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

/* At most so many certificates of the response are looked at. */
#define OCSP_MAX_CERTS 16

struct ocsp_response {
	uint64_t status;       /* the rest is set only when successful */
	struct span tbs;       /* ResponseData, whole element: what is signed */
	struct span sig_alg;   /* AlgorithmIdentifier, whole element */
	struct span signature; /* BIT STRING content without its first octet */
	bool by_key;
	struct span responder; /* Name element, or the key hash */
	time_t produced_at;
	struct span singles;    /* content of SEQUENCE OF SingleResponse */
	struct span extensions; /* content of SEQUENCE OF Extension, or empty */
	struct span certs; /* content of SEQUENCE OF Certificate, or empty */
};

enum ocsp_cert_status {
	OCSP_CERT_GOOD = 0,
	OCSP_CERT_REVOKED = 1,
	OCSP_CERT_UNKNOWN = 2,
};

struct ocsp_single {
	struct span hash_oid; /* content octets */
	bool hash_params_ok;  /* absent or NULL */
	struct span name_hash, key_hash;
	struct span serial; /* INTEGER content, as written */
	enum ocsp_cert_status status;
	time_t revoked_at;
	int reason; /* CRLReason, or -1 */
	time_t this_update;
	time_t next_update; /* 0: none */
	struct span extensions;
};

struct ocsp_extension {
	struct span oid;
	bool critical;
	struct span value;
};

/*
 * ocsp_parse reads the whole response, every SingleResponse and extension
 * included. relax_trailing: bytes after the outermost element are tolerated.
 * 0, or E_PARSE with a sentence that says which part is wrong.
 */
int ocsp_parse(struct ocsp_response *out, struct span der, bool relax_trailing,
    struct err *err) MUST_USE;

/*
 * Walks over what ocsp_parse has already checked. `at` is started with
 * der_init over singles or extensions; false at the end.
 */
bool ocsp_single_next(struct der *at, struct ocsp_single *out);
bool ocsp_extension_next(struct der *at, struct ocsp_extension *out);

/* The extension with this OID (content octets); false if absent. */
bool ocsp_extension_find(
    struct span extensions, struct span oid, struct ocsp_extension *out);

#endif
