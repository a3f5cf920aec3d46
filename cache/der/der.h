/*
 * der: a bounded, strict reader of DER (X.690). It borrows the bytes, never
 * allocates, never recurses, and never trusts a length: indefinite lengths,
 * non-minimal lengths, lengths beyond the parent and tags above 30 are all
 * refused. Any function may be called on a failed reader; it fails again.
 */
#ifndef CACHE_DER_DER_H
#define CACHE_DER_DER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "cache/base/span.h"

#define DER_BOOLEAN      0x01
#define DER_INTEGER      0x02
#define DER_BIT_STRING   0x03
#define DER_OCTET_STRING 0x04
#define DER_NULL         0x05
#define DER_OID          0x06
#define DER_ENUMERATED   0x0a
#define DER_UTC_TIME     0x17
#define DER_GENERAL_TIME 0x18
#define DER_SEQUENCE     0x30
#define DER_SET          0x31
#define DER_CONTEXT(n)   (0x80 | (n)) /* primitive */
#define DER_CONTEXT_C(n) (0xa0 | (n)) /* constructed */

struct der {
	const uint8_t *p;   /* next byte to read */
	const uint8_t *end; /* one past the last */
	bool failed;        /* sticky */
};

void der_init(struct der *d, struct span in);

/* der_done: nothing left over and nothing failed. */
bool der_done(const struct der *d);

/* der_peek is the next tag byte, or -1 at the end or after a failure. */
int der_peek(const struct der *d);

/*
 * der_any reads one element. *tag its tag byte, *body its content, *whole
 * (each may be NULL) the element with its header.
 */
bool der_any(struct der *d, int *tag, struct span *body, struct span *whole);

/* der_get reads one element that must have this tag. */
bool der_get(struct der *d, int tag, struct span *body);

/* der_opt reads one element if it has this tag; *present says whether. */
bool der_opt(struct der *d, int tag, struct span *body, bool *present);

/* der_enter descends into an element with this tag. */
bool der_enter(struct der *d, int tag, struct der *inner);

bool der_bool(struct der *d, bool *out);

/*
 * der_integer reads an INTEGER as its content octets, two's complement,
 * minimal as DER demands. der_uint reads one that fits into 64 bits, >= 0.
 */
bool der_integer(struct der *d, struct span *content);
bool der_uint(struct der *d, uint64_t *out);

/*
 * der_time reads UTCTime or GeneralizedTime in the RFC 5280 4.1.2.5 form
 * (seconds given, Zulu, no fraction). The year 9999 fits into time_t.
 */
bool der_time(struct der *d, time_t *out);

/*
 * der_time_loose reads what X.680 46 and 47 allow besides, where it names one
 * moment: a fraction of a second is cut off, an offset from UTC is taken into
 * account, seconds that are left out are 0. *odd says which, 0 for the form of
 * der_time. A time without a zone is not read.
 */
#define DER_TIME_FRACTION 1u
#define DER_TIME_OFFSET   2u
#define DER_TIME_SHORT    4u
bool der_time_loose(struct der *d, time_t *out, unsigned *odd);

/* der_serial_trim strips redundant sign octets, so that equal INTEGERs that
 * a careless encoder padded compare equal byte by byte. */
struct span der_serial_trim(struct span content);

#endif
