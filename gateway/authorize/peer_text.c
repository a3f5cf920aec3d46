/* peer_text: see the header. */
#include "gateway/authorize/peer_text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "cache/base/text.h"

static const char begin[] = "-----BEGIN CERTIFICATE-----";
static const char end[] = "-----END CERTIFICATE-----";

static bool
is_base64(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9') || c == '+' || c == '/';
}

/* Digits, then at most two '=', a multiple of four in all. */
static bool
is_padded_base64(const char *p, size_t len, size_t *pad)
{
	size_t digits = len;

	while (digits > 0 && len - digits < 2 && p[digits - 1] == '=')
		digits--;
	*pad = len - digits;
	for (size_t i = 0; i < digits; i++)
		if (!is_base64(p[i]))
			return false;
	return digits > 0 && len % 4 == 0;
}

static int
add_der(struct peer_certs *out, const unsigned char *der, size_t len,
    struct err *err)
{
	const unsigned char *p = der;
	X509 *x;

	if ((size_t)sk_X509_num(out->list) >= out->max)
		return err_set(
		    err, E_PARSE, "has more than %zu certificates", out->max);
	x = d2i_X509(NULL, &p, (long)len);
	ERR_clear_error();
	if (x == NULL || p != der + len) {
		X509_free(x);
		return err_set(err, E_PARSE,
		    "has base64 that is no certificate, or has more behind it");
	}
	if (sk_X509_push(out->list, x) > 0)
		return 0;
	X509_free(x);
	return err_set(err, E_NOMEM, "out of memory");
}

int
peer_text_base64(
    struct peer_certs *out, const struct http_text *text, struct err *err)
{
	unsigned char *der;
	size_t pad;
	int n, rc;

	if (!is_padded_base64(text->p, text->len, &pad))
		return err_set(
		    err, E_PARSE, "is not base64 of a whole certificate");
	der = malloc(text->len / 4 * 3 + 1);
	if (der == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	n = EVP_DecodeBlock(
	    der, (const unsigned char *)text->p, (int)text->len);
	rc = n < 0 || (size_t)n <= pad
	    ? err_set(err, E_PARSE, "is not base64 of a whole certificate")
	    : add_der(out, der, (size_t)n - pad, err);
	free(der);
	return rc;
}

int
peer_text_unescape(
    char **out, size_t *len, const struct http_text *text, struct err *err)
{
	char *to = malloc(text->len + 1);
	const char *bad = NULL;
	size_t n = 0;

	*out = NULL;
	if (to == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	for (size_t i = 0; i < text->len && bad == NULL; i++) {
		char c = text->p[i];
		int hi, lo;

		if (c != '%') {
			if (c <= 0x20 || c >= 0x7f || c == '"' || c == '\\')
				bad = "is not %-escaped";
			to[n++] = c;
			continue;
		}
		hi = i + 2 < text->len ? text_hex_value(text->p[i + 1]) : -1;
		lo = i + 2 < text->len ? text_hex_value(text->p[i + 2]) : -1;
		if (hi < 0 || lo < 0) {
			bad = "has a '%' that no two hexadecimal digits follow";
			break;
		}
		c = (char)(hi * 16 + lo);
		if (c != '\n' && c != '\r' && (c < 0x20 || c >= 0x7f))
			bad = "has an escaped character that is no text";
		to[n++] = c;
		i += 2;
	}
	if (bad != NULL) {
		free(to);
		return err_set(err, E_PARSE, "%s", bad);
	}
	to[n] = '\0';
	*out = to;
	*len = n;
	return 0;
}

static bool
takes(char **at, const char *end_of, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(end_of - *at) < len || memcmp(*at, word, len) != 0)
		return false;
	*at += len;
	return true;
}

static void
skip_line_ends(char **at, const char *end_of)
{
	while (*at < end_of && (**at == '\n' || **at == '\r'))
		++*at;
}

/* The base64 of one, its lines put together in place. */
static bool
takes_body(char **at, const char *end_of, struct http_text *body)
{
	char *to = *at;

	body->p = to;
	while (*at < end_of && **at != '-') {
		if (**at != '\n' && **at != '\r')
			*to++ = **at;
		++*at;
	}
	body->len = (size_t)(to - body->p);
	return body->len > 0 && takes(at, end_of, end);
}

int
peer_text_escaped_pem(
    struct peer_certs *out, const struct http_text *text, struct err *err)
{
	char *pem, *at;
	size_t len = 0;
	int rc = peer_text_unescape(&pem, &len, text, err);

	if (rc != 0 || pem == NULL)
		return rc;
	at = pem;
	do {
		struct http_text body;

		if (takes(&at, pem + len, begin) &&
		    takes_body(&at, pem + len, &body))
			rc = peer_text_base64(out, &body, err);
		else
			rc = err_set(err, E_PARSE,
			    "is not PEM of whole certificates and nothing "
			    "else");
		skip_line_ends(&at, pem + len);
	} while (rc == 0 && at < pem + len);
	free(pem);
	return rc;
}
