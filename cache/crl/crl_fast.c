/*
 * crl_fast: see the header. Pure but for the index it fills. What is found out
 * about an entry is joined before it is asked: a mispredicted branch costs as
 * much as all of it. Every load is bounded by FAST_BYTES.
 */
#include "cache/crl/crl_fast.h"

#include "cache/der/der.h"

/* The longest entry of a known form is 2 + 2 + 24 + 15 + 14 bytes. */
#define FAST_BYTES      64
#define FAST_MAX_SERIAL 24
#define TIME_LEN        15
#define REASON_LEN      14

/* A date at once: as octets, then as numbers of two digits. */
typedef uint8_t octets16 __attribute__((vector_size(16)));
typedef int16_t pairs8 __attribute__((vector_size(16)));
typedef uint64_t halves2 __attribute__((vector_size(16)));

static bool
day_in_month(unsigned year, unsigned month, unsigned day)
{
	/* Days 29 to 31, by month 1 to 12, one bit a month. */
	static const uint16_t has[] = {
	    [29 - 29] = 0x1ffa, [30 - 29] = 0x1ffa, [31 - 29] = 0x15aa};

	/* 2000 is a leap year; 1950 to 2049 hold no other century. */
	if (day == 29 && month == 2)
		return year % 4 == 0;
	return (has[day - 29] >> month & 1) != 0;
}

/* YYMMDDHHMMSSZ at p, RFC 5280 4.1.2.5.1. Reads 16 octets. */
static inline bool
utc_time_ok(const uint8_t *p)
{
	const octets16 nine = {
	    9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 255, 255, 255, 255};
	const pairs8 least = {0, 1, 1},
		     most = {99, 12, 31, 23, 59, 59, INT16_MAX, INT16_MAX};
	octets16 digit;
	pairs8 pair;
	halves2 bad;

	memcpy(&digit, p, sizeof(digit));
	digit -= '0';
	pair = (pairs8)digit;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	pair = (pair & 0xff) * 10 + (pair >> 8 & 0xff);
#else
	pair = (pair >> 8 & 0xff) * 10 + (pair & 0xff);
#endif
	bad = (halves2)(digit > nine) | (halves2)(pair > most) |
	    (halves2)(pair < least);
	return (bad[0] | bad[1]) == 0 && p[12] == 'Z' &&
	    (pair[2] <= 28 ||
		day_in_month(
		    (unsigned)pair[0], (unsigned)pair[1], (unsigned)pair[2]));
}

/* Extensions with nothing but a reasonCode, not critical. */
static inline bool
reason_ok(const uint8_t *p)
{
	/* 30 0c 30 0a 06 03 55 1d, then 55 1d 15 04 03 0a 01 RR */
	const uint64_t first = 0x1d5503060a300c30u, last = 0x010a0304151d55u;
	uint64_t v = crl_hash_load(p + 6);
	unsigned reason = (unsigned)(v >> 56);

	/* 0..6 and 8..10 are defined (RFC 5280 5.3.1). */
	return (crl_hash_load(p) == first) &
	    ((v & 0x00ffffffffffffffu) == last) & (reason <= 10) &
	    (reason != 7);
}

/* The two octets at p, the first one low. */
static inline unsigned
load2(const uint8_t *p)
{
	return (unsigned)p[0] | (unsigned)p[1] << 8;
}

bool
crl_fast_scan(struct crl_index *x, struct crl_fast_run *run)
{
	const uint8_t *base = run->base, *p = base + run->at, *s, *t;
	const uint8_t *lim = base + run->lim;
	size_t serial, more, left = run->max_entries;
	unsigned head;
	bool any = false, ok = true, padded, odd;

	while (left > 0 && (size_t)(lim - p) >= FAST_BYTES) {
		serial = p[3];
		s = p + 4;
		if (p[0] != DER_SEQUENCE || p[2] != DER_INTEGER ||
		    serial - 1 >= FAST_MAX_SERIAL)
			break;
		/* Redundant octets are for the strict reader. */
		head = (unsigned)s[0] << 8 | s[1];
		padded = (serial > 1) & (((head + 0x80) & 0xffff) < 0x100);
		t = s + serial;
		odd = load2(t) != (DER_UTC_TIME | (TIME_LEN - 2) << 8);
		more = p[1] - serial - (2 + TIME_LEN);
		odd |= (more != 0) &
		    ((more != REASON_LEN) | !reason_ok(t + TIME_LEN));
		if ((padded | odd) || !utc_time_ok(t + 2))
			break;
		any |= more != 0;
		ok = crl_index_add(
		    x, crl_hash(x, s, serial), (uint32_t)(p - base));
		if (!ok)
			break;
		p += 2 + p[1];
		left--;
	}
	run->at = (size_t)(p - base);
	run->num_entries = run->max_entries - left;
	run->any_extension = any;
	return ok;
}
