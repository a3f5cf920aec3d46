/*
 * url: see the header. Pure, any thread. The parser is libcurl's, so that the
 * URL that is checked is the one that libcurl connects to.
 */
#include "cache/fetch/url.h"
#include "cache/base/text.h"
#include "cache/base/url_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

static bool
part_copy(CURLU *u, CURLUPart part, unsigned flags, char *out, size_t room)
{
	char *text = NULL;
	bool ok;

	if (curl_url_get(u, part, &text, flags) != CURLUE_OK)
		return false;
	ok = strlen(text) < room;
	if (ok)
		text_copy(out, room, text);
	curl_free(text);
	return ok;
}

static bool
url_parts(struct url *out, CURLU *u)
{
	char port[8], *user = NULL, *end;
	unsigned long n;
	CURLUcode rc;
	size_t len;

	if (!part_copy(
		u, CURLUPART_SCHEME, 0, out->scheme, sizeof(out->scheme)) ||
	    !part_copy(u, CURLUPART_HOST, 0, out->host, sizeof(out->host)) ||
	    out->host[0] == '\0')
		return false;
	if (!part_copy(
		u, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof(port)))
		return false;
	for (char *p = out->scheme; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	n = strtoul(port, &end, 10);
	if (*end != '\0' || n > 65535)
		return false;
	out->port = (uint16_t)n;
	len = strlen(out->host);
	if (len > 2 && out->host[0] == '[' && out->host[len - 1] == ']') {
		memmove(out->host, out->host + 1, len - 2);
		out->host[len - 2] = '\0';
	}
	/* A certificate has no reason to name credentials in a URL. */
	rc = curl_url_get(u, CURLUPART_USER, &user, 0);
	if (rc == CURLUE_OK)
		curl_free(user);
	return rc == CURLUE_NO_USER;
}

bool
url_scheme(char out[16], const char *text)
{
	size_t n = 0;

	/* RFC 3986 3.1 */
	while (isalnum((unsigned char)text[n]) || text[n] == '+' ||
	    text[n] == '-' || text[n] == '.') {
		if (n == 15)
			return false;
		out[n] = (char)tolower((unsigned char)text[n]);
		n++;
	}
	out[n] = '\0';
	return n > 0 && isalpha((unsigned char)text[0]) && text[n] == ':';
}

bool
url_read(struct url *out, const char *text)
{
	CURLU *u;
	bool ok;

	*out = (struct url){0};
	if (strlen(text) > URL_TEXT_MAX)
		return false;
	for (const char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p <= 0x20 || *p == 0x7f)
			return false;
	u = curl_url();
	if (u == NULL)
		return false;
	ok = curl_url_set(u, CURLUPART_URL, text, 0) == CURLUE_OK &&
	    url_parts(out, u);
	curl_url_cleanup(u);
	return ok;
}

bool
url_ocsp_get_fits(const char *base, struct span request)
{
	struct bytes url;
	bool fits;

	bytes_init(&url, URL_OCSP_GET_MAX + 1);
	fits = url_ocsp_get(&url, base, request) == 0;
	bytes_cleanup(&url);
	return fits;
}

static int
append_escaped(struct bytes *out, char c)
{
	/* The three characters of base64 that a path must escape. */
	if (c == '+')
		return bytes_append(out, "%2B", 3);
	if (c == '/')
		return bytes_append(out, "%2F", 3);
	if (c == '=')
		return bytes_append(out, "%3D", 3);
	return bytes_append(out, &c, 1);
}

int
url_ocsp_get(struct bytes *out, const char *base, struct span request)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz"
				       "0123456789+/";
	size_t from = out->len, len = strlen(base);
	uint32_t v;
	int rc, n;

	if (len + request.len > URL_OCSP_GET_MAX)
		return E_LIMIT;
	/* Exactly one slash between, whether or not the CA wrote one. */
	while (len > 0 && base[len - 1] == '/')
		len--;
	rc = bytes_append(out, base, len);
	if (rc == 0)
		rc = bytes_append(out, "/", 1);
	for (size_t i = 0; rc == 0 && i < request.len; i += 3) {
		n = request.len - i < 3 ? (int)(request.len - i) : 3;
		v = (uint32_t)request.p[i] << 16;
		if (n > 1)
			v |= (uint32_t)request.p[i + 1] << 8;
		if (n > 2)
			v |= request.p[i + 2];
		for (int k = 0; rc == 0 && k < 4; k++)
			rc = append_escaped(out,
			    k <= n ? alphabet[v >> (18 - 6 * k) & 63] : '=');
	}
	if (rc == 0 && out->len - from > URL_OCSP_GET_MAX)
		rc = E_LIMIT;
	if (rc == 0)
		rc = bytes_append(out, "", 1);
	if (rc == 0)
		out->len--;
	else
		out->len = from;
	return rc;
}
