/*
 * address_rules: see the header. Immutable after creation, any thread. Does not
 * resolve names.
 */
#include "cache/fetch/address_rules.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>
#include <netinet/in.h>

/* Addresses are kept as sixteen octets; IPv4 in its mapped form. */
struct range {
	uint8_t net[16];
	unsigned bits;
};

struct address_rules {
	struct range *ranges;
	size_t num_ranges;
	char **hosts;
	size_t num_hosts;
	bool refuse_private;
};

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* What is never asked unless allowed by name: text, kind, private or not. */
static const struct {
	const char *cidr;
	const char *kind;
	bool is_private;
} refused[] = {
    {"0.0.0.0/8", "unspecified", false},
    {"127.0.0.0/8", "loopback", false},
    {"169.254.0.0/16", "link-local", false},
    {"224.0.0.0/4", "multicast", false},
    {"240.0.0.0/4", "reserved", false},
    {"100.100.100.200/32", "cloud metadata", false},
    {"192.0.0.192/32", "cloud metadata", false},
    {"168.63.129.16/32", "cloud metadata", false},
    {"192.0.0.0/24", "reserved", false},
    {"::/128", "unspecified", false},
    {"::1/128", "loopback", false},
    {"fe80::/10", "link-local", false},
    {"ff00::/8", "multicast", false},
    {"fec0::/10", "site-local", false},
    {"64:ff9b:1::/48", "translated IPv4", false},  /* RFC 8215 */
    {"::ffff:0:0:0/96", "translated IPv4", false}, /* RFC 2765 2.1 */
    {"2001::/32", "Teredo", false},                /* RFC 4380 */
    {"100::/64", "reserved", false},               /* RFC 6666 */
    {"fd00:ec2::/64", "cloud metadata", false},
    {"fd00:42::42/128", "cloud metadata", false},
    {"fd20:ce::254/128", "cloud metadata", false},
    {"10.0.0.0/8", "private", true},
    {"172.16.0.0/12", "private", true},
    {"192.168.0.0/16", "private", true},
    {"100.64.0.0/10", "private", true},
    {"fc00::/7", "private", true},
};

static bool
address_parse(const char *text, uint8_t out[16], bool *is_v4)
{
	struct in_addr a4;
	struct in6_addr a6;

	if (inet_pton(AF_INET, text, &a4) == 1) {
		memcpy(out, v4_mapped, 12);
		memcpy(out + 12, &a4, 4);
		*is_v4 = true;
		return true;
	}
	*is_v4 = false;
	if (inet_pton(AF_INET6, text, &a6) != 1)
		return false;
	memcpy(out, &a6, 16);
	return true;
}

static bool
range_parse(const char *text, struct range *out)
{
	char host[64], *end;
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	unsigned long bits;
	bool v4;

	if (len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	if (!address_parse(host, out->net, &v4))
		return false;
	bits = v4 ? 32 : 128;
	if (slash != NULL) {
		if (!isdigit((unsigned char)slash[1]))
			return false;
		bits = strtoul(slash + 1, &end, 10);
		if (*end != '\0' || bits > (v4 ? 32 : 128))
			return false;
	}
	out->bits = (unsigned)bits + (v4 ? 96 : 0);
	return true;
}

static bool
range_has(const struct range *r, const uint8_t a[16])
{
	unsigned whole = r->bits / 8, rest = r->bits % 8;

	if (memcmp(r->net, a, whole) != 0)
		return false;
	return rest == 0 || ((r->net[whole] ^ a[whole]) >> (8 - rest)) == 0;
}

static bool
host_ok(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > 253)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '-' &&
		    text[i] != '.' && text[i] != '_')
			return false;
	/* All digits and dots is an address that did not parse. */
	return strspn(text, "0123456789.") != len;
}

static int
rules_add(struct address_rules *r, const char *text, struct err *err)
{
	if (range_parse(text, &r->ranges[r->num_ranges])) {
		r->num_ranges++;
		return 0;
	}
	if (!host_ok(text))
		return err_set(err, E_ARG,
		    "allowed address '%s' is neither an address, nor an "
		    "address with a prefix length, nor a host name",
		    text);
	r->hosts[r->num_hosts] = strdup(text);
	if (r->hosts[r->num_hosts] == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	r->num_hosts++;
	return 0;
}

int
address_rules_new(struct address_rules **out, const char *const *allow,
    bool refuse_private, struct err *err)
{
	struct address_rules *r = calloc(1, sizeof(*r));
	size_t num = 0;
	int rc = 0;

	*out = NULL;
	if (r == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	r->refuse_private = refuse_private;
	while (allow != NULL && allow[num] != NULL)
		num++;
	r->ranges = calloc(num + 1, sizeof(*r->ranges));
	r->hosts = calloc(num + 1, sizeof(*r->hosts));
	if (r->ranges == NULL || r->hosts == NULL) {
		free(r->hosts);
		free(r->ranges);
		free(r);
		return err_set(err, E_NOMEM, "out of memory");
	}
	for (size_t i = 0; rc == 0 && i < num; i++)
		rc = rules_add(r, allow[i], err);
	if (rc != 0)
		address_rules_free(r);
	else
		*out = r;
	return rc;
}

void
address_rules_free(struct address_rules *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->num_hosts; i++)
		free(r->hosts[i]);
	free(r->hosts);
	free(r->ranges);
	free(r);
}

static const char *
octets_refused(const struct address_rules *r, const uint8_t a[16])
{
	struct range range;

	for (size_t i = 0; i < r->num_ranges; i++)
		if (range_has(&r->ranges[i], a))
			return NULL;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (refused[i].is_private && !r->refuse_private)
			continue;
		if (range_parse(refused[i].cidr, &range) &&
		    range_has(&range, a))
			return refused[i].kind;
	}
	return NULL;
}

/* IPv6 forms that lead to an IPv4 address: checked as that address, too. */
static bool
embedded_v4(const uint8_t a[16], uint8_t out[16])
{
	static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
	static const uint8_t zero[12] = {0};
	static const uint8_t isatap[4] = {0, 0, 0x5e, 0xfe};

	memcpy(out, v4_mapped, 12);
	if (memcmp(a, nat64, 12) == 0 ||
	    (memcmp(a, zero, 12) == 0 && (a[12] | a[13] | a[14]) != 0)) {
		memcpy(out + 12, a + 12, 4); /* RFC 6052, RFC 4291 2.5.5.1 */
		return true;
	}
	if (a[0] == 0x20 && a[1] == 0x02) {
		memcpy(out + 12, a + 2, 4); /* RFC 3056 */
		return true;
	}
	/* The bit that says "unique everywhere" may be set: RFC 5214 6.1. */
	if ((a[8] & 0xfd) == isatap[0] && memcmp(a + 9, isatap + 1, 3) == 0) {
		memcpy(out + 12, a + 12, 4);
		return true;
	}
	return false;
}

static const char *
any_refused(const struct address_rules *r, const uint8_t a[16])
{
	const char *kind = octets_refused(r, a);
	uint8_t inner[16];

	if (kind == NULL && embedded_v4(a, inner))
		kind = octets_refused(r, inner);
	return kind;
}

static bool
host_allowed(const struct address_rules *r, const char *host)
{
	for (size_t i = 0; i < r->num_hosts; i++)
		if (strcasecmp(r->hosts[i], host) == 0)
			return true;
	return false;
}

const char *
address_rules_refused(
    const struct address_rules *r, const char *host, const struct sockaddr *sa)
{
	uint8_t a[16];

	if (host_allowed(r, host))
		return NULL;
	if (sa->sa_family == AF_INET) {
		memcpy(a, v4_mapped, 12);
		memcpy(a + 12,
		    &((const struct sockaddr_in *)(const void *)sa)->sin_addr,
		    4);
	} else if (sa->sa_family == AF_INET6) {
		memcpy(a,
		    &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr,
		    16);
	} else {
		return "neither IPv4 nor IPv6";
	}
	return any_refused(r, a);
}

const char *
address_rules_literal_refused(const struct address_rules *r, const char *host)
{
	uint8_t a[16];
	char bare[64];
	size_t len = strlen(host);
	struct in_addr a4;
	bool v4;

	if (host_allowed(r, host))
		return NULL;
	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	}
	if (len >= sizeof(bare))
		return NULL;
	memcpy(bare, host, len);
	bare[len] = '\0';
	if (address_parse(bare, a, &v4))
		return any_refused(r, a);
	/*
	 * 127.1, 0x7f000001, 2130706433: resolvers take them for addresses.
	 * libcurl writes them anew, but not those it finds percent-encoded.
	 */
	if (inet_aton(bare, &a4) == 0)
		return NULL;
	memcpy(a, v4_mapped, 12);
	memcpy(a + 12, &a4, 4);
	return any_refused(r, a);
}
