/*
 * pkcs11_uri: RFC 7512 2.3. Reads nothing but its arguments.
 */
#include "gateway/pkcs11/pkcs11_uri.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "cache/base/text.h"

#define URI_TEXT(m)                                                \
	{                                                          \
#m, offsetof(struct pkcs11_uri, m),                \
		    sizeof(((struct pkcs11_uri *)0)->m) - 1, false \
	}

/* Where an attribute goes, and how many octets of it. */
static const struct uri_word {
	const char *name;
	size_t offset, max;
	bool binary;
} uri_words[] = {
    URI_TEXT(token),
    URI_TEXT(manufacturer),
    URI_TEXT(model),
    URI_TEXT(serial),
    URI_TEXT(object),
    {"id", offsetof(struct pkcs11_uri, id), PKCS11_ID_MAX, true},
    {"type", 0, 16, false},
};
#define NUM_URI_WORDS (sizeof(uri_words) / sizeof(uri_words[0]))

/* RFC 3986 2.1. Bytes written, or -1: malformed, or more than max. */
static int
decode(unsigned char *out, size_t max, const char *p, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++, n++) {
		int c = (unsigned char)p[i];

		if (c == '%') {
			int high = len - i > 2 ? text_hex_value(p[i + 1]) : -1;
			int low = len - i > 2 ? text_hex_value(p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return -1;
			c = high << 4 | low;
			i += 2;
		} else if (c <= 0x20 || c >= 0x7f) {
			return -1;
		}
		if (n == max)
			return -1;
		out[n] = (unsigned char)c;
	}
	return (int)n;
}

static int
read_attribute(struct pkcs11_uri *out, unsigned *seen, const char *p,
    size_t len, struct err *err)
{
	const char *eq = memchr(p, '=', len);
	size_t name_len = eq != NULL ? (size_t)(eq - p) : len, i = 0;
	const struct uri_word *w;
	unsigned char value[PKCS11_LABEL_MAX];
	int n;

	while (i < NUM_URI_WORDS &&
	    (strlen(uri_words[i].name) != name_len ||
		strncmp(uri_words[i].name, p, name_len) != 0))
		i++;
	if (i == NUM_URI_WORDS || eq == NULL)
		return err_set(err, E_PARSE,
		    "'%.*s' is not an attribute of a token or key: expected "
		    "token, manufacturer, model, serial, object, id or type",
		    (int)(name_len < 40 ? name_len : 40), p);
	w = &uri_words[i];
	n = decode(value, w->max, eq + 1, len - name_len - 1);
	if (n <= 0 || (*seen & 1u << i) ||
	    (!w->binary && memchr(value, '\0', (size_t)n) != NULL))
		return err_set(err, E_PARSE,
		    "attribute %s is empty, malformed, too long or there "
		    "twice",
		    w->name);
	*seen |= 1u << i;
	if (strcmp(w->name, "type") == 0)
		return n == 7 && memcmp(value, "private", 7) == 0
		    ? 0
		    : err_set(err, E_PARSE, "type: expected private");
	memcpy((char *)out + w->offset, value, (size_t)n);
	if (w->binary)
		out->id_len = (size_t)n;
	return 0;
}

int
pkcs11_uri_parse(struct pkcs11_uri *out, const char *text, struct err *err)
{
	size_t scheme = strlen(PKCS11_URI_SCHEME);
	unsigned seen = 0;
	const char *p;
	int rc = 0;

	memset(out, 0, sizeof(*out));
	if (strncasecmp(text, PKCS11_URI_SCHEME, scheme) != 0)
		return err_set(err, E_PARSE, "expected pkcs11:...");
	p = text + scheme;
	if (strchr(p, '?') != NULL)
		return err_set(err, E_PARSE,
		    "a query is not expected: module and PIN are named in "
		    "$.pkcs11");
	while (rc == 0 && *p != '\0') {
		size_t len = strcspn(p, ";");

		rc = read_attribute(out, &seen, p, len, err);
		p += len;
		if (*p == ';' && rc == 0 && *++p == '\0')
			rc = err_set(err, E_PARSE, "it ends with ';'");
	}
	return rc;
}

static bool
same(const char *a, const char *b)
{
	return *a == '\0' || strcmp(a, b) == 0;
}

bool
pkcs11_uri_same_token(const struct pkcs11_uri *a, const struct pkcs11_uri *b)
{
	return same(a->token, b->token) &&
	    same(a->manufacturer, b->manufacturer) &&
	    same(a->model, b->model) && same(a->serial, b->serial);
}
