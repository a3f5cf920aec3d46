/* der: see the header. Pure; any thread. */
#include "cache/der/der.h"

#include <string.h>

void
der_init(struct der *d, struct span in)
{
	d->p = in.p;
	d->end = in.len > 0 ? in.p + in.len : in.p;
	d->failed = false;
}

bool
der_done(const struct der *d)
{
	return !d->failed && d->p == d->end;
}

int
der_peek(const struct der *d)
{
	if (d->failed || d->p == d->end)
		return -1;
	return *d->p;
}

static bool
der_fail(struct der *d)
{
	d->failed = true;
	return false;
}

bool
der_any(struct der *d, int *tag, struct span *body, struct span *whole)
{
	const uint8_t *start = d->p, *p = d->p;
	size_t left, len;
	int num;

	if (d->failed)
		return false;
	left = (size_t)(d->end - p);
	/* X.690 8.1.2.4: multi-octet tags do not occur in what is read here. */
	if (left < 2 || (p[0] & 0x1f) == 0x1f)
		return der_fail(d);
	len = p[1];
	p += 2;
	left -= 2;
	if (len >= 0x80) {
		num = (int)(len & 0x7f);
		/* X.690 10.1: definite form, minimal number of octets. */
		if (num == 0 || num > 8 || (size_t)num > left || p[0] == 0)
			return der_fail(d);
		len = 0;
		for (int i = 0; i < num; i++)
			len = len << 8 | p[i];
		if (len < 0x80)
			return der_fail(d);
		p += num;
		left -= (size_t)num;
	}
	if (len > left)
		return der_fail(d);
	if (tag != NULL)
		*tag = start[0];
	if (body != NULL)
		*body = span_of(p, len);
	d->p = p + len;
	if (whole != NULL)
		*whole = span_of(start, (size_t)(d->p - start));
	return true;
}

bool
der_get(struct der *d, int tag, struct span *body)
{
	if (der_peek(d) != tag)
		return der_fail(d);
	return der_any(d, NULL, body, NULL);
}

bool
der_opt(struct der *d, int tag, struct span *body, bool *present)
{
	*present = der_peek(d) == tag;
	if (!*present)
		return !d->failed;
	return der_any(d, NULL, body, NULL);
}

bool
der_enter(struct der *d, int tag, struct der *inner)
{
	struct span body;

	if (!der_get(d, tag, &body)) {
		*inner = (struct der){.failed = true};
		return false;
	}
	der_init(inner, body);
	return true;
}

bool
der_bool(struct der *d, bool *out)
{
	struct span body;

	if (!der_get(d, DER_BOOLEAN, &body))
		return false;
	/* X.690 11.1: TRUE is 0xff in DER. */
	if (body.len != 1 || (body.p[0] != 0 && body.p[0] != 0xff))
		return der_fail(d);
	*out = body.p[0] != 0;
	return true;
}

bool
der_integer(struct der *d, struct span *content)
{
	if (!der_get(d, DER_INTEGER, content))
		return false;
	if (content->len == 0)
		return der_fail(d);
	/* X.690 8.3.2: the first nine bits are not all equal. */
	if (content->len > 1 &&
	    ((content->p[0] == 0 && content->p[1] < 0x80) ||
		(content->p[0] == 0xff && content->p[1] >= 0x80)))
		return der_fail(d);
	return true;
}

bool
der_uint(struct der *d, uint64_t *out)
{
	struct span c;
	uint64_t v = 0;

	if (!der_integer(d, &c))
		return false;
	if (c.p[0] >= 0x80 || c.len > 9 || (c.len == 9 && c.p[0] != 0))
		return der_fail(d);
	for (size_t i = 0; i < c.len; i++)
		v = v << 8 | c.p[i];
	*out = v;
	return true;
}

/* Two decimal digits at p, or -1. */
static int
two_digits(const uint8_t *p)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return -1;
	return (p[0] - '0') * 10 + (p[1] - '0');
}

/* Days since 1970-01-01 of a proleptic Gregorian date. */
static int64_t
days_from_civil(int64_t y, int m, int d)
{
	int64_t era, yoe, doy, doe;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

static int
days_in_month(int64_t y, int m)
{
	static const int days[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

	return m == 2 && leap ? 29 : days[m - 1];
}

/* "Z", "+hhmm" or "-hhmm" to the end: the seconds that local time is ahead. */
static bool
time_zone(struct span s, int *ahead, unsigned *odd)
{
	int hour, min;

	*ahead = 0;
	if (s.len == 1)
		return s.p[0] == 'Z';
	if (s.len != 5 || (s.p[0] != '+' && s.p[0] != '-'))
		return false;
	hour = two_digits(s.p + 1);
	min = two_digits(s.p + 3);
	if (hour < 0 || hour > 23 || min < 0 || min > 59)
		return false;
	*ahead = (s.p[0] == '+' ? 1 : -1) * (hour * 3600 + min * 60);
	*odd |= DER_TIME_OFFSET;
	return true;
}

/* What follows the minutes: the seconds, and where they end. */
static int
time_seconds(struct span s, size_t *n, unsigned *odd)
{
	int sec = s.len >= 2 ? two_digits(s.p) : -1;

	*n = 0;
	if (sec < 0) {
		*odd |= DER_TIME_SHORT;
		return 0;
	}
	*n = 2;
	if (s.len > 3 && (s.p[2] == '.' || s.p[2] == ',') && s.p[3] >= '0' &&
	    s.p[3] <= '9') {
		*odd |= DER_TIME_FRACTION;
		for (*n = 4; *n < s.len && s.p[*n] >= '0' && s.p[*n] <= '9';)
			++*n;
	}
	return sec;
}

bool
der_time_loose(struct der *d, time_t *out, unsigned *odd)
{
	struct span s;
	const uint8_t *p;
	int64_t year;
	size_t n, num_year;
	int hi, mon, day, hour, min, sec, ahead, tag = der_peek(d);

	*odd = 0;
	if (tag != DER_UTC_TIME && tag != DER_GENERAL_TIME)
		return der_fail(d);
	if (!der_any(d, NULL, &s, NULL))
		return false;
	num_year = tag == DER_UTC_TIME ? 2 : 4;
	if (s.len < num_year + 9)
		return der_fail(d);
	p = s.p + num_year;
	hi = two_digits(s.p);
	/* RFC 5280 4.1.2.5.1: 50..99 are 19YY. */
	year = hi >= 50 ? 1900 + hi : 2000 + hi;
	if (num_year == 4) {
		year = hi * 100 + two_digits(s.p + 2);
		if (two_digits(s.p + 2) < 0)
			return der_fail(d);
	}
	mon = two_digits(p);
	day = two_digits(p + 2);
	hour = two_digits(p + 4);
	min = two_digits(p + 6);
	s = span_of(p + 8, s.len - num_year - 8);
	sec = time_seconds(s, &n, odd);
	if (hi < 0 || mon < 1 || mon > 12 || day < 1 ||
	    day > days_in_month(year, mon) || hour < 0 || hour > 23 ||
	    min < 0 || min > 59 || sec > 59 ||
	    !time_zone(span_of(s.p + n, s.len - n), &ahead, odd))
		return der_fail(d);
	*out = (time_t)(days_from_civil(year, mon, day) * 86400 + hour * 3600 +
	    min * 60 + sec - ahead);
	return true;
}

bool
der_time(struct der *d, time_t *out)
{
	unsigned odd;
	time_t t;

	if (!der_time_loose(d, &t, &odd))
		return false;
	if (odd != 0)
		return der_fail(d);
	*out = t;
	return true;
}

struct span
der_serial_trim(struct span c)
{
	while (c.len > 1 &&
	    ((c.p[0] == 0 && c.p[1] < 0x80) ||
		(c.p[0] == 0xff && c.p[1] >= 0x80))) {
		c.p++;
		c.len--;
	}
	return c;
}
