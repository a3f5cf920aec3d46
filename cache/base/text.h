/*
 * text: strings copied, cut to fit; octets as hexadecimal digits and times as
 * RFC 3339 writes them, both ways. Pure; any thread.
 */
#ifndef CACHE_BASE_TEXT_H
#define CACHE_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "cache/base/error.h"

/* room: bytes at out, at least 1; NUL-terminated. */
static inline void
text_copy(char *out, size_t room, const char *s)
{
	size_t len = strlen(s);

	if (len > room - 1)
		len = room - 1;
	memcpy(out, s, len);
	out[len] = '\0';
}

/*
 * text_dup: a copy to be freed, NULL for none or an empty one; *ok turns false
 * when memory ran out.
 */
static inline char *
text_dup(const char *s, bool *ok)
{
	char *c;

	if (s == NULL || s[0] == '\0')
		return NULL;
	c = strdup(s);
	*ok = *ok && c != NULL;
	return c;
}

/*
 * text_format is vsnprintf for sentences: a quote within what stands between
 * the format's own quotes, as in "peer '%s'", is written \x27, so that nobody
 * can end them with a name and go on in our words. A format begins a quote with
 * one that no letter precedes, or that % follows ("a peer's" is none), and has
 * at most 255 bytes: of a longer one every quote is escaped. Returns the
 * length, cut to fit. room: at least 1.
 */
size_t text_vformat(char *out, size_t room, const char *fmt, va_list ap);
size_t
text_format(char *out, size_t room, const char *fmt, ...) PRINTF_LIKE(3, 4);

/*
 * A sentence put together piece by piece, for the answers that are given all
 * day long: formatting took longer than finding them. Cut to fit.
 */
struct text_line {
	char *at, *end; /* where the NUL is, and where it may be at most */
};
/* room: at least 1. */
void text_line_init(struct text_line *l, char *out, size_t room);
void text_line_put(struct text_line *l, const char *s);
/* As text_format writes '%.*s', max bytes of s: quotes and all. */
void text_line_put_quoted(struct text_line *l, const char *s, size_t max);

/* 2 * len digits and a NUL; lower case, upper case. */
void text_hex(char *out, const void *bytes, size_t len);
void text_hex_upper(char *out, const void *bytes, size_t len);
/* 0..15 for a digit of either case, or -1. */
int text_hex_value(char c);
/*
 * text_unhex reads exactly 2 * len digits of either case and then the end of
 * text. False otherwise; out may be written to all the same.
 */
bool text_unhex(uint8_t *out, const char *text, size_t len);

/* "2026-11-22T03:00:00Z"; "-" for 0 and outside the years 1..9999. */
#define TEXT_TIME_LEN 21
void text_time(char out[TEXT_TIME_LEN], time_t t);
/*
 * text_time_parse takes what text_time writes, of any day that there is:
 * RFC 3339 5.6 in UTC without fractions or leap seconds. False otherwise.
 */
bool text_time_parse(time_t *out, const char *text);

#endif
