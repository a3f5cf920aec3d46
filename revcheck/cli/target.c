/* target: see the header. URLs and names beyond ASCII are libcurl's to read. */
#include "revcheck/cli/target.h"

#include <arpa/inet.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "revcheck/cli/cli.h"

/* Schemes of URLs whose servers speak TLS, at once or after a word. */
static const struct {
	const char *name;
	const char *port; /* NULL: it has to be named */
	enum starttls starttls;
} schemes[] = {
    {"https", "443", STARTTLS_NONE},
    {"wss", "443", STARTTLS_NONE},
    {"tls", NULL, STARTTLS_NONE},
    {"ssl", NULL, STARTTLS_NONE},
    {"ldaps", "636", STARTTLS_NONE},
    {"smtps", "465", STARTTLS_NONE},
    {"submissions", "465", STARTTLS_NONE},
    {"imaps", "993", STARTTLS_NONE},
    {"pop3s", "995", STARTTLS_NONE},
    {"ftps", "990", STARTTLS_NONE},
    {"xmpps", "5223", STARTTLS_NONE},
    {"mqtts", "8883", STARTTLS_NONE},
    {"amqps", "5671", STARTTLS_NONE},
    {"rediss", "6379", STARTTLS_NONE},
    {"smtp", "25", STARTTLS_SMTP},
    {"submission", "587", STARTTLS_SMTP},
    {"imap", "143", STARTTLS_IMAP},
    {"pop3", "110", STARTTLS_POP3},
    {"ldap", "389", STARTTLS_LDAP},
    {"postgres", "5432", STARTTLS_POSTGRES},
    {"postgresql", "5432", STARTTLS_POSTGRES},
    {"mysql", "3306", STARTTLS_MYSQL},
    {"ftp", "21", STARTTLS_FTP},
    {"xmpp", "5222", STARTTLS_XMPP},
};

bool
target_is_address(const char *text)
{
	unsigned char buf[sizeof(struct in6_addr)];
	char plain[256];

	/* A zone behind it ("fe80::1%eth0") is part of how to get there. */
	snprintf(plain, sizeof(plain), "%.*s", (int)strcspn(text, "%"), text);
	return inet_pton(AF_INET, plain, buf) == 1 ||
	    inet_pton(AF_INET6, plain, buf) == 1;
}

static bool
is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

/* Letters, digits, '-', '.', '_': what a name in DNS and in SNI can be. */
static bool
is_name(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && n < 254 &&
	    strspn(text,
		"abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") == n;
}

int
target_ascii_name(char out[256], const char *name)
{
	CURLU *u;
	char *ascii = NULL;

	snprintf(out, 256, "%s", name);
	if (is_ascii(name)) {
		if (is_name(name) || target_is_address(name))
			return 0;
		return cli_fail(
		    EXIT_USAGE, "'%s' is not the name of a host", name);
	}
	/* libcurl reads names in the character set of the locale. */
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		setlocale(LC_CTYPE, "");
	u = curl_url();
	if (u != NULL &&
	    curl_url_set(u, CURLUPART_SCHEME, "https", 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_HOST, name, 0) == CURLUE_OK)
		curl_url_get(u, CURLUPART_HOST, &ascii, CURLU_PUNYCODE);
	if (ascii != NULL)
		snprintf(out, 256, "%s", ascii);
	curl_free(ascii);
	curl_url_cleanup(u);
	if (is_ascii(out) && is_name(out))
		return 0;
	return cli_fail(EXIT_USAGE,
	    "a name with letters beyond ASCII cannot be read: write it in "
	    "A-labels (xn--...)");
}

static int
set_port(struct target *t, const char *port, const char *text)
{
	size_t n = strlen(port);

	if (n == 0 || n > 5 || strspn(port, "0123456789") != n ||
	    atoi(port) < 1 || atoi(port) > 65535)
		return cli_fail(EXIT_USAGE,
		    "a port is a number from 1 to 65535, not '%s' in '%s'",
		    port, text);
	snprintf(t->port, sizeof(t->port), "%s", port);
	return 0;
}

static int
set_host(struct target *t, const char *host, size_t len, const char *text)
{
	char given[256];
	bool brackets = len > 2 && host[0] == '[' && host[len - 1] == ']';

	if (brackets) {
		host++;
		len -= 2;
	}
	if (len == 0 || len >= sizeof(given))
		return cli_fail(EXIT_USAGE,
		    "expected HOST:PORT, [ADDRESS]:PORT or a URL, not '%s'",
		    text);
	memcpy(given, host, len);
	given[len] = '\0';
	t->is_address = target_is_address(given);
	if (brackets && (!t->is_address || strchr(given, ':') == NULL))
		return cli_fail(EXIT_USAGE,
		    "brackets are for an IPv6 address: [ADDRESS]:PORT, not "
		    "'%s'",
		    text);
	if (t->is_address) {
		snprintf(t->host, sizeof(t->host), "%s", given);
		return 0;
	}
	return target_ascii_name(t->host, given);
}

/* HOST, HOST:PORT, [ADDRESS], [ADDRESS]:PORT. */
static int
parse_plain(struct target *t, const char *text)
{
	const char *port = NULL, *end = text + strlen(text), *colon;
	int rc;

	if (text[0] == '[') {
		end = strchr(text, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return cli_fail(EXIT_USAGE,
			    "expected [ADDRESS]:PORT, not '%s'", text);
		end++;
		port = *end == ':' ? end + 1 : NULL;
	} else if ((colon = strchr(text, ':')) != NULL) {
		if (strchr(colon + 1, ':') != NULL)
			return cli_fail(EXIT_USAGE,
			    "an IPv6 address goes into brackets: "
			    "[ADDRESS]:PORT, not '%s'",
			    text);
		end = colon;
		port = colon + 1;
	}
	rc = set_host(t, text, (size_t)(end - text), text);
	if (rc == 0)
		rc = set_port(
		    t, port != NULL ? port : starttls_port(t->starttls), text);
	return rc;
}

static int
find_scheme(const char *text, size_t len)
{
	int num = (int)(sizeof(schemes) / sizeof(schemes[0]));

	for (int i = 0; i < num; i++)
		if (strlen(schemes[i].name) == len &&
		    strncasecmp(schemes[i].name, text, len) == 0)
			return i;
	return -1;
}

/* scheme://host[:port][/...]; what is behind the host does not matter. */
static int
parse_url(
    struct target *t, const char *text, const char *mark, enum starttls given)
{
	size_t len = (size_t)(mark - text), host_len;
	int i = find_scheme(text, len), rc;
	const char *host = mark + 3, *port = NULL, *colon;
	char number[8] = "";

	if (i < 0 && len == 4 && strncasecmp(text, "http", 4) == 0)
		return cli_fail(EXIT_USAGE,
		    "'http' has no TLS: https://HOST[:PORT] was expected");
	if (i < 0)
		return cli_fail(EXIT_USAGE,
		    "a URL of scheme '%.*s' is not known here: give HOST:PORT, "
		    "with '--starttls' where TLS has to be asked for",
		    (int)len, text);
	if (given != STARTTLS_COUNT && given != schemes[i].starttls)
		return cli_fail(EXIT_USAGE,
		    "option '--starttls' and the scheme '%s' say different "
		    "things",
		    schemes[i].name);
	host_len = strcspn(host, "/?#");
	if (memchr(host, '@', host_len) != NULL)
		return cli_fail(EXIT_USAGE,
		    "a URL with a user in it: leave out what is before the @");
	t->starttls = schemes[i].starttls;
	if (host[0] == '[')
		colon = memchr(host, ']', host_len);
	else
		colon = host;
	colon = colon != NULL
	    ? memchr(colon, ':', host_len - (size_t)(colon - host))
	    : NULL;
	if (colon != NULL) {
		snprintf(number, sizeof(number), "%.*s",
		    (int)(host + host_len - colon - 1), colon + 1);
		port = number;
		host_len = (size_t)(colon - host);
	}
	rc = set_host(t, host, host_len, text);
	if (rc == 0 && port == NULL && schemes[i].port == NULL)
		rc = cli_fail(EXIT_USAGE,
		    "a URL of scheme '%s' needs a port: %s://HOST:PORT",
		    schemes[i].name, schemes[i].name);
	if (rc == 0)
		rc = set_port(t, port != NULL ? port : schemes[i].port, text);
	return rc;
}

int
target_parse(struct target *out, const char *text, enum starttls starttls)
{
	const char *mark = strstr(text, "://");

	*out = (struct target){
	    .starttls = starttls != STARTTLS_COUNT ? starttls : STARTTLS_NONE};
	return mark != NULL ? parse_url(out, text, mark, starttls)
			    : parse_plain(out, text);
}
