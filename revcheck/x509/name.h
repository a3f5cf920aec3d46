/*
 * name: distinguished names and GeneralNames compared as RFC 5280 7 asks.
 * Works on DER as it stands in a certificate or CRL, before any signature on
 * it was checked: pure, bounded, no allocation, and whatever cannot be
 * compared safely is different.
 */
#ifndef REVCHECK_X509_NAME_H
#define REVCHECK_X509_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/base/span.h"
#include "cache/der/der.h"

/*
 * name_equal compares two Names (whole elements): RDNs in order, the values of
 * one RDN in any order, strings without regard to type, case and white space
 * (RFC 5280 7.1, RFC 4518 2). What does not parse equals only its own bytes.
 */
bool name_equal(struct span a, struct span b);

/* The same for names that are equal. */
uint64_t name_hash(struct span name);

/* A GeneralName. body: its content; of a directoryName, the Name element. */
struct general_name {
	int tag; /* 0..8 as in RFC 5280 4.2.1.6 */
	struct span body;
};

#define GENERAL_NAME_DIRECTORY 4
#define GENERAL_NAME_URI       6

/* general_name_next reads one; false at the end or on error (d->failed). */
bool general_name_next(struct der *d, struct general_name *out);

/*
 * general_name_equal: directoryName by name_equal, DNS names and the scheme
 * and host of URIs without regard to case, the rest byte by byte. otherName,
 * x400Address and ediPartyName are never equal to anything: their comparison
 * has been a way to crash verifiers, and no CRL needs it.
 */
bool
general_name_equal(const struct general_name *a, const struct general_name *b);

#endif
