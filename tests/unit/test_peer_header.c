/*
 * peer_header: certificates in headers, as nginx, Envoy, Traefik and RFC 9440
 * write them, and everything that is not quite that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "gateway/authorize/peer_header.h"
#include "gateway/authorize/peer_memory.h"
#include "tests/lib/pkimake.h"

static X509 *leaf, *issuer;

/* What is freed at the end. */
static char *kept[5000];
static size_t num_kept;

static char *
keep(char *s)
{
	assert_non_null(s);
	assert_true(num_kept < sizeof(kept) / sizeof(kept[0]));
	return kept[num_kept++] = s;
}

static char *text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static char *
text(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	assert_true(vasprintf(&s, fmt, ap) >= 0);
	va_end(ap);
	return keep(s);
}

static char *
base64_of(X509 *x)
{
	unsigned char *der = NULL;
	int len = i2d_X509(x, &der);
	char *out;

	assert_true(len > 0);
	out = keep(calloc(1, (size_t)len * 2));
	EVP_EncodeBlock((unsigned char *)out, der, len);
	OPENSSL_free(der);
	return out;
}

/* The same with three octets more. */
static char *
base64_behind(X509 *x)
{
	unsigned char *der = NULL, *more;
	int len = i2d_X509(x, &der);
	char *out = keep(calloc(1, (size_t)len * 2 + 8));

	more = calloc(1, (size_t)len + 3);
	assert_non_null(more);
	memcpy(more, der, (size_t)len);
	EVP_EncodeBlock((unsigned char *)out, more, len + 3);
	OPENSSL_free(der);
	free(more);
	return out;
}

static char *
pem_of(X509 *x)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *p, *out;
	long len;

	assert_int_equal(PEM_write_bio_X509(b, x), 1);
	len = BIO_get_mem_data(b, &p);
	out = text("%.*s", (int)len, p);
	BIO_free(b);
	return out;
}

/* All but letters, digits and what stands in keep. */
static char *
escaped(const char *s, const char *plain, bool upper)
{
	char *out = keep(calloc(1, strlen(s) * 3 + 1)), *to = out;

	for (; *s != '\0'; s++)
		if ((*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z') ||
		    (*s >= 'a' && *s <= 'z') || strchr(plain, *s) != NULL)
			*to++ = *s;
		else
			to += sprintf(
			    to, upper ? "%%%02X" : "%%%02x", (unsigned char)*s);
	return out;
}

static char *
nginx_of(X509 *x)
{
	return escaped(pem_of(x), "-", true);
}

static int
setup(void **state)
{
	static const uint8_t serial[] = {1, 2, 3};
	struct pki_ca ca;

	pki_ca_init(&ca, "issuer");
	leaf = pki_leaf(&ca, serial, sizeof(serial), "http://crl.example/c");
	issuer = ca.cert;
	X509_up_ref(issuer);
	pki_ca_cleanup(&ca);
	return 0;
}

static int
teardown(void **state)
{
	X509_free(leaf);
	X509_free(issuer);
	while (num_kept > 0)
		free(kept[--num_kept]);
	return 0;
}

/* What the lines of a head (each with its CRLF) come to. */
static int
read_head(const struct peer_header *rules, const char *lines, int *num,
    struct err *err)
{
	char *head = text("GET /any HTTP/1.1\r\nHost: h\r\n%s\r\n", lines);
	STACK_OF(X509) *out = NULL;
	struct http_head *h = calloc(1, sizeof(*h));
	const char *why = "";
	int rc;

	err->msg[0] = '\0';
	if (http_parse_request(h, head, strlen(head), &why) != 0)
		fail_msg("%s: %.200s", why, head);
	rc = peer_header_read(&out, rules, h, err);
	*num = out != NULL ? sk_X509_num(out) : 0;
	if (rc == 1)
		assert_int_equal(X509_cmp(sk_X509_value(out, 0), leaf), 0);
	if (rc == 1 && *num > 1)
		assert_int_equal(X509_cmp(sk_X509_value(out, 1), issuer), 0);
	assert_true((rc == 1) == (out != NULL));
	sk_X509_pop_free(out, X509_free);
	free(h);
	return rc;
}

static struct peer_header
rules_of(enum conf_peer_format format, const char *name)
{
	return (struct peer_header){
	    .format = format, .name = name, .hop = 1, .max_certs = 3};
}

static void
good(const struct peer_header *rules, int want, const char *lines)
{
	struct err err;
	int num;

	if (read_head(rules, lines, &num, &err) != 1 || num != want)
		fail_msg("%d: %s: %.300s", num, err.msg, lines);
}

static void
bad(const struct peer_header *rules, const char *says, const char *lines)
{
	struct err err;
	int num;

	if (read_head(rules, lines, &num, &err) != E_PARSE ||
	    strstr(err.msg, says) == NULL ||
	    strstr(err.msg, rules->name) == NULL)
		fail_msg("not '%s' but '%s': %.300s", says, err.msg, lines);
}

static void
none(const struct peer_header *rules, const char *lines)
{
	struct err err;
	int num;

	assert_int_equal(read_head(rules, lines, &num, &err), 0);
}

static char *
lower(const char *s)
{
	char *out = text("%s", s);

	for (char *p = out; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p | 0x20);
	return out;
}

/* What every format refuses and ignores. */
static void
common(const struct peer_header *r, const char *value)
{
	none(r, "");
	none(r, text("%s:\r\n", r->name));
	none(r, text("X-%s: %s\r\n", r->name, value));
	none(r, text("%s-: %s\r\n", r->name, value));
	/* Names have no case; a front may write any. */
	good(r, 1, text("%s: %s\r\n", lower(r->name), value));
	bad(r, "more than once",
	    text("%s: %s\r\n%s: %s\r\n", r->name, value, r->name, value));
	bad(r, "more than once",
	    text("%s: %s\r\nX: y\r\n%s:\r\n", r->name, value, r->name));
	bad(r, "", text("%s: x\r\n", r->name));
	/* Cut anywhere it is none any more. */
	for (size_t cut = 1; cut + 3 < strlen(value); cut += 61)
		bad(r, "", text("%s: %.*s\r\n", r->name, (int)cut, value));
	bad(r, "", text("%s: %s%s\r\n", r->name, value, "AAAA"));
}

static void
nginx(void **state)
{
	const struct peer_header r = rules_of(CONF_PEER_NGINX, "X-SSL-Cert");
	char *value = nginx_of(leaf);
	char *two = text("%s%s", pem_of(leaf), pem_of(issuer));

	common(&r, value);
	good(&r, 1, text("X-SSL-Cert: %s\r\n", value));
	good(&r, 1, text("x-ssl-cert: \t %s \r\n", value));
	/* Lower-case digits; '+', '/', '=' as they are, as AWS has it. */
	good(&r, 1,
	    text("X-SSL-Cert: %s\r\n", escaped(pem_of(leaf), "-+/=", false)));
	bad(&r, "$ssl_client_escaped_cert",
	    text("X-SSL-Cert: -----BEGIN CERTIFICATE----- %s "
		 "-----END CERTIFICATE-----\r\n",
		base64_of(leaf)));
	bad(&r, "is not %-escaped",
	    text("X-SSL-Cert: -----BEGIN CERTIFICATE-----%%0A %s "
		 "-----END CERTIFICATE-----\r\n",
		base64_of(leaf)));
	bad(&r, "$ssl_client_escaped_cert",
	    text("X-SSL-Cert: %s\r\n", base64_of(leaf)));
	bad(&r, "more than 1",
	    text("X-SSL-Cert: %s\r\n", escaped(two, "-", true)));
	bad(&r, "hexadecimal", text("X-SSL-Cert: %s%%\r\n", value));
	bad(&r, "hexadecimal", text("X-SSL-Cert: %s%%0\r\n", value));
	bad(&r, "hexadecimal", text("X-SSL-Cert: %s%%0g\r\n", value));
	bad(&r, "hexadecimal", text("X-SSL-Cert: %s%%%%0A\r\n", value));
	bad(&r, "no text", text("X-SSL-Cert: %s%%00\r\n", value));
	bad(&r, "no text", text("X-SSL-Cert: %%00%s\r\n", value));
	bad(&r, "no text", text("X-SSL-Cert: %s%%ff\r\n", value));
	bad(&r, "nothing else", text("X-SSL-Cert: a%s\r\n", value));
	bad(&r, "nothing else", text("X-SSL-Cert: %s%%20\r\n", value));
	bad(&r, "nothing else", text("X-SSL-Cert: %s%s\r\n", value, "abc"));
	bad(&r, "no certificate",
	    text("X-SSL-Cert: -----BEGIN%%20CERTIFICATE-----%%0AMIIB"
		 "%%0A-----END%%20CERTIFICATE-----%%0A\r\n"));
	bad(&r, "nothing else",
	    text("X-SSL-Cert: -----BEGIN%%20PRIVATE%%20KEY-----%%0AMIIB"
		 "%%0A-----END%%20PRIVATE%%20KEY-----%%0A\r\n"));
	/* Another's format is not guessed. */
	bad(&r, "", text("X-SSL-Cert: :%s:\r\n", base64_of(leaf)));
}

static void
envoy(void **state)
{
	struct peer_header r =
	    rules_of(CONF_PEER_ENVOY, "x-forwarded-client-cert");
#define XFCC "x-forwarded-client-cert: "
	char *cert = nginx_of(leaf), *other = nginx_of(issuer);
	char *value = text("Hash=ab;Cert=\"%s\";Subject=\"\"", cert);
	char *chain =
	    escaped(text("%s%s", pem_of(leaf), pem_of(issuer)), "-", true);
	char *four = escaped(text("%s%s%s%s", pem_of(leaf), pem_of(issuer),
				 pem_of(issuer), pem_of(issuer)),
	    "-", true);

	common(&r, value);
	good(&r, 1, text(XFCC "Cert=\"%s\"\r\n", cert));
	good(&r, 1, text(XFCC "cErT=\"%s\"\r\n", cert));
	good(&r, 1, text(XFCC "Cert=%s\r\n", cert));
	good(&r, 2, text(XFCC "Chain=\"%s\"\r\n", chain));
	good(&r, 2,
	    text(XFCC "By=spiffe://a/b;Hash=0;Cert=\"%s\";Chain=\"%s\";"
		      "URI=spiffe://c;DNS=a;DNS=b\r\n",
		cert, chain));
	/* What stands in quotes ends nothing. */
	good(&r, 1,
	    text(XFCC "Subject=\"/CN=a,b;Cert=x\";Cert=\"%s\"\r\n", cert));
	good(&r, 1,
	    text(XFCC "Subject=\"CN=\\\"a\\\";Cert=\\\"x\\\",\";"
		      "Cert=\"%s\"\r\n",
		cert));
	good(&r, 1, text(XFCC "Subject=\"CN=a\\\\\";Cert=\"%s\"\r\n", cert));
	/* The last element counts; the peer may have written all others. */
	good(&r, 1, text(XFCC "Cert=\"%s\",Cert=\"%s\"\r\n", other, cert));
	bad(&r, "behind a quoted",
	    text(XFCC "Cert=\"%s\" ,Cert=\"%s\"\r\n", other, cert));
	good(&r, 1, text(XFCC "Cert=\"%s\", Cert=\"%s\"\r\n", other, cert));
	bad(&r, "neither Cert nor Chain",
	    text(XFCC "Cert=\"%s\",Hash=1\r\n", cert));
	bad(&r, "neither Cert nor Chain", text(XFCC "Hash=1;By=x\r\n"));
	bad(&r, "twice", text(XFCC "Cert=\"%s\";Cert=\"%s\"\r\n", cert, cert));
	bad(&r, "twice",
	    text(XFCC "Chain=\"%s\";cHAIN=\"%s\"\r\n", chain, chain));
	bad(&r, "does not begin with Cert",
	    text(XFCC "Cert=\"%s\";Chain=\"%s\"\r\n", other, chain));
	bad(&r, "more than 1", text(XFCC "Cert=\"%s\"\r\n", chain));
	bad(&r, "more than 3", text(XFCC "Chain=\"%s\"\r\n", four));
	bad(&r, "quote", text(XFCC "Cert=\"%s\r\n", cert));
	bad(&r, "quote", text(XFCC "Cert=%s\"\r\n", cert));
	bad(&r, "quote", text(XFCC "Subject=\"a\\\";Cert=%s\r\n", cert));
	bad(&r, "behind a quoted", text(XFCC "Cert=\"%s\"x\r\n", cert));
	bad(&r, "not Key=value", text(XFCC "Cert=\"%s\";\r\n", cert));
	bad(&r, "not Key=value", text(XFCC "Cert=\"%s\",\r\n", cert));
	bad(&r, "not Key=value", text(XFCC ",Cert=\"%s\"\r\n", cert));
	bad(&r, "not Key=value", text(XFCC "=x;Cert=\"%s\"\r\n", cert));
	bad(&r, "", text(XFCC "Cert=\"\"\r\n"));
	r.hop = 2;
	good(&r, 1, text(XFCC "Cert=\"%s\",Hash=1\r\n", cert));
	bad(&r, "1 elements", text(XFCC "Cert=\"%s\"\r\n", cert));
}

/* Envoy passes URIs and names of a peer's certificate on as they are. */
static void
envoy_forged(void **state)
{
	struct peer_header r =
	    rules_of(CONF_PEER_ENVOY, "x-forwarded-client-cert");
	char *cert = nginx_of(leaf), *other = nginx_of(issuer);
	static const char *const keys[] = {"URI", "DNS", "uri", "SAN", "Other"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *k = keys[i];

		r.hop = 1;
		bad(&r, "before Cert",
		    text(XFCC "Hash=1;Cert=\"%s\";%s=a:b,Hash=2;"
			      "Cert=\"%s\"\r\n",
			other, k, cert));
		bad(&r, "before Cert",
		    text(XFCC "Hash=1;%s=a:b;Cert=\"%s\"\r\n", k, cert));
		bad(&r, "before Cert",
		    text(XFCC "%s=a:b,Hash=2;Cert=%s\r\n", k, cert));
		bad(&r, "before Cert",
		    text(XFCC "Hash=1;%s=a:b;Chain=\"%s\"\r\n", k, cert));
		/* What cannot have made it up does not matter. */
		good(&r, 1, text(XFCC "Cert=\"%s\";%s=a:b\r\n", cert, k));
		good(&r, 1, text(XFCC "%s=\"a:b,c\",Cert=\"%s\"\r\n", k, cert));
		r.hop = 2;
		bad(&r, "before Cert",
		    text(XFCC "Cert=\"%s\";%s=a:b,Cert=\"%s\",Hash=3\r\n",
			other, k, cert));
		good(&r, 1,
		    text(XFCC "Cert=\"%s\";%s=a:b,Cert=\"%s\"\r\n", cert, k,
			other));
	}
	r.hop = 1;
	good(&r, 1, text(XFCC "By=a:b,By=a:c;Hash=1;Cert=\"%s\"\r\n", cert));
}

static void
traefik(void **state)
{
#define TLS_CERT "X-Forwarded-Tls-Client-Cert"
	const struct peer_header r = rules_of(CONF_PEER_TRAEFIK, TLS_CERT);
	char *value = base64_of(leaf), *other = base64_of(issuer);
	char *both = text("%s,%s", value, other);

	common(&r, value);
	good(&r, 2, text(TLS_CERT ": %s\r\n", both));
	/* As Traefik wrote it before 2.9.4. */
	good(&r, 1, text(TLS_CERT ": %s\r\n", escaped(value, "", true)));
	good(&r, 2, text(TLS_CERT ": %s\r\n", escaped(both, "", true)));
	bad(&r, "base64", text(TLS_CERT ": %s,\r\n", value));
	bad(&r, "base64", text(TLS_CERT ": ,%s\r\n", value));
	bad(&r, "base64", text(TLS_CERT ": %s,,%s\r\n", value, other));
	bad(&r, "base64", text(TLS_CERT ": %s=\r\n", value));
	bad(&r, "more behind it",
	    text(TLS_CERT ": %s\r\n", base64_behind(leaf)));
	bad(&r, "escaped", text(TLS_CERT ": %s, %s\r\n", value, other));
	bad(&r, "more than 3",
	    text(TLS_CERT ": %s,%s,%s\r\n", both, other, other));
	bad(&r, "", text(TLS_CERT ": -----BEGIN CERTIFICATE-----\r\n"));
}

static void
rfc9440(void **state)
{
	const struct peer_header r = rules_of(CONF_PEER_RFC9440, "Client-Cert");
	char *value = text(":%s:", base64_of(leaf));
	char *above = text(":%s:", base64_of(issuer));

	common(&r, value);
	good(&r, 2,
	    text("Client-Cert: %s\r\nClient-Cert-Chain: %s\r\n", value, above));
	good(&r, 3,
	    text("client-cert-chain: %s , %s\r\nclient-cert: %s\r\n", above,
		above, value));
	good(&r, 1, text("Client-Cert: %s\r\nClient-Cert-Chain:\r\n", value));
	/* Without the leaf the rest says nothing. */
	none(&r, text("Client-Cert-Chain: %s\r\n", value));
	bad(&r, "two colons", text("Client-Cert: %s\r\n", base64_of(leaf)));
	bad(&r, "two colons", text("Client-Cert: :%s\r\n", base64_of(leaf)));
	bad(&r, "two colons", text("Client-Cert: %s;a=b\r\n", value));
	bad(&r, "", text("Client-Cert: %s, %s\r\n", value, above));
	bad(&r, "two colons", text("Client-Cert: ::\r\n"));
	bad(&r, "two colons",
	    text("Client-Cert: %s\r\nClient-Cert-Chain: x\r\n", value));
	bad(&r, "two colons",
	    text(
		"Client-Cert: %s\r\nClient-Cert-Chain: %s,\r\n", value, above));
	bad(&r, "more than once",
	    text("Client-Cert: %s\r\nClient-Cert-Chain: %s\r\n"
		 "Client-Cert-Chain: %s\r\n",
		value, above, above));
	bad(&r, "more than 3",
	    text("Client-Cert: %s\r\nClient-Cert-Chain: %s,%s,%s\r\n", value,
		above, above, above));
}

/* A megabyte of anything is read once and refused. */
static void
megabytes(void **state)
{
	static const char units[][4] = {"%41", "A", "\"", "a=b", ",", ";", ":"};
	const enum conf_peer_format formats[] = {CONF_PEER_NGINX,
	    CONF_PEER_ENVOY, CONF_PEER_TRAEFIK, CONF_PEER_RFC9440};
	const size_t most = 1024 * 1024;

	for (size_t f = 0; f < 4; f++)
		for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
			const struct peer_header r = rules_of(formats[f], "X");
			char *value = keep(calloc(1, most + 16));

			for (char *to = value; to < value + most;)
				to = stpcpy(to, units[u]);
			bad(&r, "", text("X: %s\r\n", value));
		}
}

static struct peer_memory_key
key_of(const struct peer_header *rules, const char *lines)
{
	char *head = text("GET /any HTTP/1.1\r\nHost: h\r\n%s\r\n", lines);
	struct http_head *h = calloc(1, sizeof(*h));
	struct peer_memory_key key;
	const char *why = "";

	assert_non_null(h);
	assert_int_equal(http_parse_request(h, head, strlen(head), &why), 0);
	assert_int_equal(peer_memory_key_of(&key, rules, h), 0);
	free(h);
	return key;
}

/* Who is remembered is found by all that said who it is, and how it is read. */
static void
remembered_by_all_of_it(void **state)
{
	static const struct peer_header rules[] = {
	    {CONF_PEER_ENVOY, "x-peer", 1, 10},
	    {CONF_PEER_RFC9440, "x-peer", 1, 10},
	    {CONF_PEER_ENVOY, "x-other", 1, 10},
	    {CONF_PEER_ENVOY, "x-peer", 2, 10},
	    {CONF_PEER_ENVOY, "x-peer", 1, 9},
	};
	static const char *const lines[] = {
	    "x-peer: a\r\n",
	    "x-peer: b\r\n",
	    "x-peer: a\r\nx-peer: a\r\n",
	    "x-peer: a\r\nx-peer-chain: a\r\n",
	    "x-peer: a\r\nx-peer-chain: b\r\n",
	    "",
	};
	struct peer_memory_key first = key_of(&rules[0], lines[0]), key;

	(void)state;
	key = key_of(&rules[0], "A: 1\r\nx-peer: a\r\nB: 2\r\n");
	assert_memory_equal(&key, &first, sizeof(key));
	for (size_t i = 1; i < sizeof(rules) / sizeof(rules[0]); i++) {
		key = key_of(&rules[i], lines[0]);
		assert_memory_not_equal(&key, &first, sizeof(key));
	}
	for (size_t i = 1; i < sizeof(lines) / sizeof(lines[0]); i++) {
		key = key_of(&rules[0], lines[i]);
		assert_memory_not_equal(&key, &first, sizeof(key));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nginx),
	    cmocka_unit_test(envoy),
	    cmocka_unit_test(envoy_forged),
	    cmocka_unit_test(traefik),
	    cmocka_unit_test(rfc9440),
	    cmocka_unit_test(megabytes),
	    cmocka_unit_test(remembered_by_all_of_it),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
