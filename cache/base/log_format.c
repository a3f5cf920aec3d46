/* log_format: see the header. */
#include "cache/base/log_format.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#define MAX_WORDS 6
#define SPEC_MAX  16 /* bytes of a conversion, "%.128s" */

/* One conversion of a format. */
struct spec {
	size_t len;     /* from % to its letter */
	int precision;  /* -1: none */
	bool star;      /* width or precision is an argument */
	char length[3]; /* "", "l", "ll", "z", ... */
	char letter;
};

/* False: no conversion that is known. p is at its %. */
static bool
spec_read(struct spec *s, const char *p)
{
	const char *at = p + 1;
	size_t n = 0;

	*s = (struct spec){.precision = -1};
	at += strspn(at, "-+ #0");
	at += strspn(at, "0123456789");
	s->star = *at == '*';
	if (*at == '.') {
		at++;
		s->star = *at == '*';
		s->precision = 0;
		for (; isdigit((unsigned char)*at); at++)
			s->precision = s->precision * 10 + (*at - '0');
	}
	while (n < 2 && *at != '\0' && strchr("lzjht", *at) != NULL)
		s->length[n++] = *at++;
	s->letter = *at;
	s->len = (size_t)(at - p) + 1;
	return !s->star && *at != '\0' && s->len < SPEC_MAX &&
	    strchr("diuxXoscgfep%", *at) != NULL;
}

/* Arguments. */

static int64_t
take_signed(const struct spec *s, va_list *ap)
{
	if (strcmp(s->length, "ll") == 0)
		return va_arg(*ap, long long);
	switch (s->length[0]) {
	case 'l':
		return va_arg(*ap, long);
	case 'z':
		return va_arg(*ap, ssize_t);
	case 'j':
		return va_arg(*ap, intmax_t);
	case 't':
		return va_arg(*ap, ptrdiff_t);
	default:
		return va_arg(*ap, int);
	}
}

static uint64_t
take_unsigned(const struct spec *s, va_list *ap)
{
	if (strcmp(s->length, "ll") == 0)
		return va_arg(*ap, unsigned long long);
	switch (s->length[0]) {
	case 'l':
		return va_arg(*ap, unsigned long);
	case 'z':
	case 't':
		return va_arg(*ap, size_t);
	case 'j':
		return va_arg(*ap, uintmax_t);
	default:
		return va_arg(*ap, unsigned);
	}
}

/* Room in the pool for len bytes and a NUL; NULL: there is none. */
static char *
pool_take(struct log_format_fields *f, size_t len)
{
	char *p = f->pool + f->used;

	if (len + 1 > sizeof(f->pool) - f->used)
		return NULL;
	f->used += len + 1;
	return p;
}

static const char *
pool_copy(struct log_format_fields *f, const char *s, size_t len)
{
	char *p = pool_take(f, len);

	if (p == NULL)
		return NULL;
	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

/* What another base has is text, as it was written: mode=0644. */
static const char *
pool_number(struct log_format_fields *f, const char *p, const struct spec *s,
    uint64_t n)
{
	char as[SPEC_MAX + 2], text[40];
	int head = (int)(s->len - 1 - strlen(s->length));

	snprintf(as, sizeof(as), "%.*sll%c", head, p, s->letter);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), as, (unsigned long long)n);
#pragma GCC diagnostic pop
	return pool_copy(f, text, strlen(text));
}

/* Takes the argument of a conversion at p; out NULL: and forgets it. */
static void
take(struct log_field *out, struct log_format_fields *f, const char *p,
    const struct spec *s, va_list *ap)
{
	struct log_field ignored;
	const char *text;
	uint64_t number;
	char c;

	if (out == NULL)
		out = &ignored;
	switch (s->letter) {
	case 'd':
	case 'i':
		out->kind = LOG_INTEGER;
		out->integer = take_signed(s, ap);
		break;
	case 'u':
		out->kind = LOG_UNSIGNED;
		out->number = take_unsigned(s, ap);
		break;
	case 'x':
	case 'X':
	case 'o':
		number = take_unsigned(s, ap);
		out->kind = LOG_TEXT;
		out->text =
		    out == &ignored ? NULL : pool_number(f, p, s, number);
		break;
	case 'f':
	case 'g':
	case 'e':
		out->kind = LOG_REAL;
		out->real = va_arg(*ap, double);
		break;
	case 'c':
		c = (char)va_arg(*ap, int);
		out->kind = LOG_TEXT;
		out->text = out == &ignored ? NULL : pool_copy(f, &c, 1);
		break;
	case 's':
		text = va_arg(*ap, const char *);
		out->kind = LOG_TEXT;
		out->text = text;
		if (out != &ignored && text != NULL && s->precision >= 0)
			out->text = pool_copy(
			    f, text, strnlen(text, (size_t)s->precision));
		break;
	case 'p':
		(void)va_arg(*ap, void *);
		out->kind = LOG_TEXT;
		out->text = NULL;
		break;
	default: /* %% */
		break;
	}
}

/* Fields. */

static bool
is_key(char c)
{
	return (c >= 'a' && c <= 'z') || isdigit((unsigned char)c) || c == '_';
}

/* Length of the key before the conversion at p, 0: there is none. */
static size_t
key_before(const char *fmt, const char *p, const char **key)
{
	const char *end = p;

	if (end > fmt && end[-1] == '\'')
		end--;
	if (end == fmt || end[-1] != '=')
		return 0;
	end--;
	*key = end;
	while (*key > fmt && is_key((*key)[-1]))
		(*key)--;
	if (*key == fmt || strchr(" (", (*key)[-1]) == NULL)
		return 0;
	return (size_t)(end - *key);
}

static bool
has_key(const struct log_format_fields *f, const char *key, size_t len)
{
	for (size_t i = 0; i < f->num; i++)
		if (strlen(f->v[i].key) == len &&
		    memcmp(f->v[i].key, key, len) == 0)
			return true;
	return false;
}

void
log_format_begin(
    struct log_format_fields *f, const struct log_field *given, size_t num)
{
	f->used = 0;
	f->num = num < LOG_FORMAT_MAX_FIELDS ? num : LOG_FORMAT_MAX_FIELDS;
	if (f->num > 0)
		memcpy(f->v, given, f->num * sizeof(*given));
}

void
log_format_fields(struct log_format_fields *f, const char *fmt, va_list ap)
{
	const char *p = fmt, *key;
	struct log_field field;
	struct spec s;
	va_list args;
	size_t len;

	va_copy(args, ap);
	while ((p = strchr(p, '%')) != NULL && spec_read(&s, p)) {
		len = s.letter != '%' ? key_before(fmt, p, &key) : 0;
		field = (struct log_field){.text = NULL};
		if (len == 0 || f->num == LOG_FORMAT_MAX_FIELDS ||
		    has_key(f, key, len)) {
			take(NULL, f, p, &s, &args);
		} else {
			take(&field, f, p, &s, &args);
			field.key = pool_copy(f, key, len);
			if (field.key != NULL &&
			    (field.kind != LOG_TEXT || field.text != NULL))
				f->v[f->num++] = field;
		}
		p += s.len;
	}
	va_end(args);
}

/* "key=%s" or "key='%s'": where it ends; NULL: it is no such thing. */
static const char *
field_end(const char *p)
{
	size_t len = 0;
	bool quoted;
	struct spec s;

	while (is_key(p[len]))
		len++;
	if (len == 0 || p[len] != '=')
		return NULL;
	p += len + 1;
	quoted = *p == '\'';
	p += quoted;
	if (*p != '%' || !spec_read(&s, p) || s.letter == '%')
		return NULL;
	p += s.len;
	if (quoted && *p != '\'')
		return NULL;
	return p + quoted;
}

bool
log_format_sentence(char out[LOG_FORMAT_MAX + 1], const char *fmt)
{
	size_t len = strlen(fmt);
	const char *p;

	if (len == 0 || len > LOG_FORMAT_MAX || fmt[len - 1] != ')')
		return false;
	for (p = fmt + len - 1; p > fmt; p--)
		if (p[0] == '(' && p[-1] == ' ')
			break;
	if (p == fmt)
		return false;
	memcpy(out, fmt, (size_t)(p - 1 - fmt));
	out[p - 1 - fmt] = '\0';
	do {
		p = field_end(p + 1);
	} while (p != NULL && *p == ' ');
	return p != NULL && p[0] == ')' && p[1] == '\0';
}

/* Past what stands at p and varies: '%s', %d, (key=%s; or p. */
static const char *
skip_variable(const char *p)
{
	struct spec s;

	if (p[0] == '\'' && p[1] == '%') {
		const char *end = strchr(p + 1, '\'');

		return end != NULL ? end + 1 : p + strlen(p);
	}
	if (*p == '%')
		return spec_read(&s, p) ? p + s.len : p + strlen(p);
	return p;
}

void
log_format_event(char out[LOG_FORMAT_EVENT_SIZE], const char *fmt)
{
	size_t n = 0, words = 0;
	bool inside = false; /* a word */

	for (const char *p = fmt; *p != '\0' && strchr(":,;(", *p) == NULL;) {
		const char *next = skip_variable(p);
		bool letter = next == p && isalnum((unsigned char)*p);

		if (letter && !inside) {
			if (words++ == MAX_WORDS)
				break;
			if (n > 0)
				out[n++] = '-';
		}
		inside = letter || (inside && *p == '\'' && next == p);
		if (letter)
			out[n++] = (char)tolower((unsigned char)*p);
		if (n + 2 >= LOG_FORMAT_EVENT_SIZE)
			break;
		p = next != p ? next : p + 1;
	}
	out[n] = '\0';
	if (n == 0)
		memcpy(out, "message", sizeof("message"));
}
