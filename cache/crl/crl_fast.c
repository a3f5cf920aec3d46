/*
 * crl_fast: see the header. Pure but for the index it fills. Eight characters
 * of a date are checked at a time; every load is bounded by FAST_BYTES.
 */
#include "cache/crl/crl_fast.h"

#include "cache/der/der.h"

/* The longest entry of a known form is 2 + 2 + 24 + 15 + 14 bytes. */
#define FAST_BYTES      64
#define FAST_MAX_SERIAL 24
#define TIME_LEN        15
#define REASON_LEN      14

#define LANES(a, b, c, d)                                            \
	((uint64_t)(a) | (uint64_t)(b) << 16 | (uint64_t)(c) << 32 | \
	    (uint64_t)(d) << 48)
#define LANE_TOP LANES(0x8000, 0x8000, 0x8000, 0x8000)
/* Added to a lane: the top bit appears from v = n on. */
#define FROM(n) (0x8000 - (n))

static inline bool
all_digits(uint64_t v)
{
	const uint64_t high = 0xf0f0f0f0f0f0f0f0u, zeros = 0x3030303030303030u;

	return ((v & high) ^ zeros) == 0 &&
	    (((v + 0x0606060606060606u) & high) ^ zeros) == 0;
}

/* Four two-digit numbers, one in each 16-bit lane, the first lowest. */
static inline uint64_t
pairs(uint64_t v)
{
	v &= 0x0f0f0f0f0f0f0f0fu;
	return (v * 10 + (v >> 8)) & 0x00ff00ff00ff00ffu;
}

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

/* YYMMDDHHMMSSZ at p, RFC 5280 4.1.2.5.1. */
static inline bool
utc_time_ok(const uint8_t *p)
{
	uint64_t a = crl_hash_load(p), b = crl_hash_load(p + 4), low, high;
	unsigned day;

	if (!all_digits(a) || !all_digits(b) || p[12] != 'Z')
		return false;
	a = pairs(a); /* YY MM DD HH */
	b = pairs(b); /* DD HH MM SS */
	low = a + LANES(FROM(0), FROM(1), FROM(1), FROM(0));
	high = (a + LANES(FROM(100), FROM(13), FROM(32), FROM(24))) |
	    (b + LANES(FROM(32), FROM(24), FROM(60), FROM(60)));
	if ((low & LANE_TOP) != LANE_TOP || (high & LANE_TOP) != 0)
		return false;
	day = b & 0xff;
	return day <= 28 || day_in_month(a & 0xff, a >> 16 & 0xff, day);
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
	return crl_hash_load(p) == first && (v & 0x00ffffffffffffffu) == last &&
	    reason <= 10 && reason != 7;
}

bool
crl_fast_scan(struct crl_index *x, struct crl_fast_run *run)
{
	const uint8_t *base = run->base, *p = base + run->at, *s, *t;
	const uint8_t *lim = base + run->lim;
	size_t len, serial, left = run->max_entries;
	bool any = false, ok = true;

	while (left > 0 && (size_t)(lim - p) >= FAST_BYTES) {
		len = p[1];
		serial = p[3];
		s = p + 4;
		if (p[0] != DER_SEQUENCE || p[2] != DER_INTEGER ||
		    serial - 1 >= FAST_MAX_SERIAL)
			break;
		/* Redundant octets are for the strict reader. */
		if (serial > 1 &&
		    ((s[0] == 0 && s[1] < 0x80) ||
			(s[0] == 0xff && s[1] >= 0x80)))
			break;
		t = s + serial;
		if (t[0] != DER_UTC_TIME || t[1] != TIME_LEN - 2 ||
		    !utc_time_ok(t + 2))
			break;
		if (len != 2 + serial + TIME_LEN) {
			if (len != 2 + serial + TIME_LEN + REASON_LEN ||
			    !reason_ok(t + TIME_LEN))
				break;
			any = true;
		}
		ok = crl_index_add(
		    x, crl_hash(x, s, serial), (uint32_t)(p - base));
		if (!ok)
			break;
		p += 2 + len;
		left--;
	}
	run->at = (size_t)(p - base);
	run->num_entries = run->max_entries - left;
	run->any_extension = any;
	return ok;
}
