/*
 * fuzz_url: URLs out of certificates. What is read is what libcurl will
 * connect to; a host that any resolver takes for an address of this machine is
 * refused when it is written in some other way; and what goes to a responder
 * by GET is the request.
 */
#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <openssl/evp.h>

#include "cache/base/url_text.h"
#include "cache/fetch/address_rules.h"
#include "cache/fetch/url.h"

extern const char fuzz_seeds[];
const char fuzz_seeds[] = ".url";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* inet_aton knows 127.1, 0x7f000001 and 2130706433, as getaddrinfo does. */
static void
check_host(const struct url *u)
{
	static struct address_rules *rules;
	struct sockaddr_in in = {.sin_family = AF_INET};
	const char *kind;

	if (rules == NULL)
		assert(address_rules_new(&rules, NULL, true, NULL) == 0);
	kind = address_rules_literal_refused(rules, u->host);
	if (inet_aton(u->host, &in.sin_addr) == 0)
		return;
	assert((kind == NULL) ==
	    (address_rules_refused(rules, u->host, (struct sockaddr *)&in) ==
		NULL));
}

/* A number that was percent-encoded is written as an address the next time. */
static bool
same_address(const char *number, const char *address)
{
	struct in_addr a, b;

	return inet_aton(number, &a) != 0 && inet_aton(address, &b) != 0 &&
	    a.s_addr == b.s_addr;
}

/* libcurl's own writing of it reads the same. */
static void
check_again(const struct url *u, const char *text)
{
	CURLU *c = curl_url();
	char *whole = NULL;
	struct url again;

	assert(c != NULL);
	assert(curl_url_set(c, CURLUPART_URL, text, 0) == CURLUE_OK);
	if (curl_url_get(c, CURLUPART_URL, &whole, 0) == CURLUE_OK &&
	    strlen(whole) <= 2048 && url_read(&again, whole)) {
		assert(strcmp(u->scheme, again.scheme) == 0);
		assert(strcmp(u->host, again.host) == 0 ||
		    same_address(u->host, again.host));
		assert(u->port == again.port);
	}
	curl_free(whole);
	curl_url_cleanup(c);
}

static int
unescape(char *out, const char *p)
{
	int n = 0;

	for (; *p != '\0'; p++, n++) {
		out[n] = *p;
		if (*p != '%')
			continue;
		out[n] = strncmp(p, "%2B", 3) == 0 ? '+'
		    : strncmp(p, "%2F", 3) == 0    ? '/'
						   : '=';
		p += 2;
	}
	return n;
}

/* The request comes back out of the URL behind one slash. */
static void
check_get(const char *base, const uint8_t *request, size_t len)
{
	char b64[URL_OCSP_GET_MAX + 1];
	unsigned char der[URL_OCSP_GET_MAX + 3];
	struct bytes out;
	const char *text, *tail;
	int n;

	bytes_init(&out, 4096);
	if (url_ocsp_get(&out, base, span_of(request, len)) == 0) {
		text = (const char *)out.p;
		assert(strlen(text) == out.len);
		assert(out.len <= URL_OCSP_GET_MAX);
		tail = strrchr(text, '/');
		assert(tail != NULL && (tail == text || tail[-1] != '/'));
		n = unescape(b64, tail + 1);
		assert(n % 4 == 0 && n / 4 == (int)(len + 2) / 3);
		n = EVP_DecodeBlock(der, (unsigned char *)b64, n);
		assert(n >= (int)len && memcmp(der, request, len) == 0);
	}
	bytes_cleanup(&out);
}

/*
 * Of any octets: printable, and the same when it is done again. What is taken
 * has the host for libcurl that stands in it.
 */
static void
check_normal(struct span in)
{
	char *text, *again;
	struct url u;
	const char *host;
	size_t len;
	int rc = url_normalise(&text, in, NULL);

	assert(text != NULL && strlen(text) <= 3 * in.len + 1);
	for (const char *p = text; *p != '\0'; p++)
		assert(*p > 0x20 && *p < 0x7f);
	assert(url_normalise(&again, span_of(text, strlen(text)), NULL) == rc);
	assert(strcmp(text, again) == 0);
	if (rc == 0 && url_read(&u, text)) {
		host = strstr(text, "://") + 3;
		len = strcspn(host, ":/");
		if (*host == '[')
			len = strcspn(++host, "]");
		assert(
		    (strncmp(u.host, host, len) == 0 && u.host[len] == '\0') ||
		    strspn(u.host, "0123456789abcdef.:") == strlen(u.host));
	}
	free(again);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), scheme[16];
	size_t len;
	struct url u;

	assert(text != NULL);
	check_normal(span_of(data, size));
	len = strlen(text);
	if (url_read(&u, text)) {
		assert(u.host[0] != '\0' && strpbrk(u.host, " \r\n") == NULL);
		assert(!url_scheme(scheme, text) ||
		    strcmp(scheme, u.scheme) == 0 || strchr(text, '/') == NULL);
		check_host(&u);
		check_again(&u, text);
	}
	if (len < size)
		check_get(text, data + len + 1, size - len - 1);
	free(text);
	return 0;
}
