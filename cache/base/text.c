/* text: see the header. */
#include "cache/base/text.h"

#include <ctype.h>
#include <stdio.h>

static void
hex_write(char *out, const uint8_t *p, size_t len, const char digits[16])
{
	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * len] = '\0';
}

void
text_hex(char *out, const void *bytes, size_t len)
{
	hex_write(out, bytes, len, "0123456789abcdef");
}

void
text_hex_upper(char *out, const void *bytes, size_t len)
{
	hex_write(out, bytes, len, "0123456789ABCDEF");
}

int
text_hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
text_unhex(uint8_t *out, const char *text, size_t len)
{
	int hi, lo;

	for (size_t i = 0; i < len; i++) {
		hi = text_hex_value(text[2 * i]);
		lo = hi < 0 ? -1 : text_hex_value(text[2 * i + 1]);
		if (lo < 0)
			return false;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return text[2 * len] == '\0';
}

#define FORMAT_MAX 255
#define LINE_BYTES 2048 /* of a sentence; what is longer is cut */

/*
 * The format with its own quotes replaced by c. What becomes of them in the
 * text is found by formatting twice, with two bytes, and comparing: nothing
 * that an argument holds looks so.
 */
static const char *
format_mark(char out[FORMAT_MAX + 1], const char *fmt, char c)
{
	size_t len = strlen(fmt);
	bool inside = false;

	if (len > FORMAT_MAX)
		return fmt;
	memcpy(out, fmt, len + 1);
	for (size_t i = 0; i < len; i++) {
		bool word = i > 0 && isalpha((unsigned char)fmt[i - 1]);

		if (fmt[i] != '\'' || (!inside && word && fmt[i + 1] != '%'))
			continue;
		inside = !inside;
		out[i] = c;
	}
	return out;
}

size_t
text_vformat(char *out, size_t room, const char *fmt, va_list ap)
{
	char mark[FORMAT_MAX + 1], a[LINE_BYTES], b[LINE_BYTES];
	bool inside = strlen(fmt) > FORMAT_MAX;
	va_list again;
	size_t n = 0;

	va_copy(again, ap);
	vsnprintf(a, sizeof(a), format_mark(mark, fmt, 1), ap);
	vsnprintf(b, sizeof(b), format_mark(mark, fmt, 2), again);
	va_end(again);
	for (size_t i = 0; a[i] != '\0' && n + 1 < room; i++) {
		if (a[i] != b[i]) {
			inside = !inside;
			out[n++] = '\'';
		} else if (inside && a[i] == '\'') {
			if (room - n < 5)
				break;
			memcpy(out + n, "\\x27", 4);
			n += 4;
		} else {
			out[n++] = a[i];
		}
	}
	out[n] = '\0';
	return n;
}

size_t
text_format(char *out, size_t room, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = text_vformat(out, room, fmt, ap);
	va_end(ap);
	return n;
}

void
text_line_init(struct text_line *l, char *out, size_t room)
{
	l->at = out;
	l->end = out + room - 1;
	*out = '\0';
}

static void
put_bytes(struct text_line *l, const char *s, size_t len)
{
	size_t room = (size_t)(l->end - l->at);

	if (len > room)
		len = room;
	memcpy(l->at, s, len);
	l->at += len;
	*l->at = '\0';
}

void
text_line_put(struct text_line *l, const char *s)
{
	put_bytes(l, s, strlen(s));
}

void
text_line_put_quoted(struct text_line *l, const char *s, size_t max)
{
	const char *end = s + strnlen(s, max), *quote;

	put_bytes(l, "'", 1);
	while ((quote = memchr(s, '\'', (size_t)(end - s))) != NULL) {
		put_bytes(l, s, (size_t)(quote - s));
		/* Half an escape would be another sign. */
		if (l->end - l->at < 4)
			l->end = l->at;
		put_bytes(l, "\\x27", 4);
		s = quote + 1;
	}
	put_bytes(l, s, (size_t)(end - s));
	put_bytes(l, "'", 1);
}

/* Digits of n, least significant last, no more than width. */
static void
put_digits(char *p, int width, int64_t n)
{
	for (int i = width - 1; i >= 0; i--, n /= 10)
		p[i] = (char)('0' + n % 10);
}

/*
 * By hand and not by strftime, which looks at the time zone and takes longer
 * than the whole look-up that it describes.
 */
static void
time_write(char out[TEXT_TIME_LEN], time_t t)
{
	int64_t days, sec, era, doe, yoe, doy, mp, year;

	days = t / 86400;
	sec = t % 86400;
	if (sec < 0) {
		sec += 86400;
		days--;
	}
	/* Civil from days, proleptic Gregorian, years beginning in March. */
	days += 719468;
	era = days / 146097;
	doe = days - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	year = yoe + era * 400 + (mp >= 10);
	memcpy(out, "0000-00-00T00:00:00Z", 21);
	put_digits(out, 4, year);
	put_digits(out + 5, 2, mp < 10 ? mp + 3 : mp - 9);
	put_digits(out + 8, 2, doy - (153 * mp + 2) / 5 + 1);
	put_digits(out + 11, 2, sec / 3600);
	put_digits(out + 14, 2, sec / 60 % 60);
	put_digits(out + 17, 2, sec % 60);
}

static bool
has_four_digits(time_t t)
{
	return t >= -62135596800 && t <= 253402300799;
}

void
text_time(char out[TEXT_TIME_LEN], time_t t)
{
	if (t != 0 && has_four_digits(t))
		time_write(out, t);
	else
		memcpy(out, "-", 2);
}

bool
text_time_parse(time_t *out, const char *text)
{
	char again[TEXT_TIME_LEN];
	struct tm tm = {0};
	time_t t;

	if (strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) == NULL)
		return false;
	t = timegm(&tm);
	if (!has_four_digits(t))
		return false;
	/* Written back it is the same: no 31 February, no short year. */
	time_write(again, t);
	if (strcmp(again, text) != 0)
		return false;
	*out = t;
	return true;
}
