/*
 * fuzz_names: what names somebody or something in one line of text. The first
 * byte chooses the reader:
 *
 *   A address, a one to listen on     H head of a CONNECT
 *   R rule of who may be asked        D distinguished name
 *   P pkcs11: URI                     B HTTP Basic credentials
 *   N a rule's name, a line further a certificate's
 *
 * What is read says the same when it is written and read again; what a reader
 * of somebody else knows, ours must agree with.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "cache/base/subject.h"
#include "cache/fetch/address_rules.h"
#include "gateway/base/address.h"
#include "gateway/base/dn.h"
#include "gateway/base/name_pattern.h"
#include "gateway/dataplane/outbound.h"
#include "gateway/pkcs11/pkcs11_uri.h"
#include "gateway/rest/rest_auth.h"

extern const char fuzz_seeds[];
const char fuzz_seeds[] = ".name";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A numeric address is shown, and what is shown means the same. */
static void
check_address(const char *text, bool listen)
{
	char shown[ADDRESS_TEXT_MAX];
	struct address a, again;
	struct err err = {0};

	if (address_parse(&a, text, listen, &err) != 0) {
		assert(err.msg[0] != '\0');
		return;
	}
	assert(strcmp(a.text, text) == 0);
	assert((a.path != NULL) != (a.host != NULL));
	assert(listen || a.path != NULL || a.port != 0);
	assert(!listen || a.sa_len != 0);
	if (a.sa_len != 0) {
		assert(address_is(&a, &a.sa));
		address_text(shown, &a.sa);
		assert(strpbrk(shown, " \t\r\n'") == NULL);
	}
	if (a.sa_len != 0 && strchr(shown, '?') == NULL) {
		assert(address_parse(&again, shown, listen, &err) == 0);
		assert(address_is(&again, &a.sa));
		address_cleanup(&again);
	}
	address_cleanup(&a);
}

/* Whom the text allows is its own first address, and not a far one. */
static void
check_rule(const char *text)
{
	const char *allow[] = {text, NULL};
	struct address_rules *r, *none;
	struct sockaddr_in in = {.sin_family = AF_INET};
	char host[64], *slash;
	struct err err = {0};

	if (address_rules_new(&r, allow, true, &err) != 0) {
		assert(err.code == E_ARG && err.msg[0] != '\0');
		return;
	}
	assert(address_rules_new(&none, NULL, true, &err) == 0);
	snprintf(host, sizeof(host), "%s", text);
	slash = strchr(host, '/');
	if (slash != NULL)
		*slash = '\0';
	if (inet_pton(AF_INET, host, &in.sin_addr) == 1)
		assert(address_rules_refused(
			   r, "x.example", (struct sockaddr *)&in) == NULL);
	/* Of IPv6 also the IPv4 address inside must be allowed. */
	assert(strlen(text) >= sizeof(host) || strchr(text, ':') != NULL ||
	    address_rules_literal_refused(r, host) == NULL);
	/* One rule more refuses nobody that none of them refuses. */
	inet_pton(AF_INET, "192.0.2.1", &in.sin_addr);
	assert(address_rules_refused(r, "x.example", (struct sockaddr *)&in) ==
	    NULL);
	/* Loopback is allowed by what covers it, or by its name. */
	inet_pton(AF_INET, "127.0.0.1", &in.sin_addr);
	if (strpbrk(text, "/:") == NULL &&
	    strcasestr(text, "example") == NULL &&
	    strncmp(text, "127.0.0.1", 10) != 0)
		assert(address_rules_refused(
			   r, "x.example", (struct sockaddr *)&in) != NULL);
	address_rules_free(r);
	address_rules_free(none);
}

static size_t
put_escaped(char *out, const char *name, const void *value, size_t len)
{
	const unsigned char *p = value;
	size_t n = 0;

	if (len == 0)
		return 0;
	n += (size_t)sprintf(out, "%s=", name);
	for (size_t i = 0; i < len; i++)
		n += (size_t)sprintf(out + n, "%%%02x", p[i]);
	n += (size_t)sprintf(out + n, ";");
	return n;
}

static void
check_pkcs11(const char *text)
{
	struct pkcs11_uri u, again;
	struct err err = {0};
	char out[2048] = PKCS11_URI_SCHEME;
	size_t n = strlen(out);

	if (pkcs11_uri_parse(&u, text, &err) != 0) {
		assert(err.code == E_PARSE && err.msg[0] != '\0');
		return;
	}
	n += put_escaped(out + n, "token", u.token, strlen(u.token));
	n += put_escaped(
	    out + n, "manufacturer", u.manufacturer, strlen(u.manufacturer));
	n += put_escaped(out + n, "model", u.model, strlen(u.model));
	n += put_escaped(out + n, "serial", u.serial, strlen(u.serial));
	n += put_escaped(out + n, "object", u.object, strlen(u.object));
	n += put_escaped(out + n, "id", u.id, u.id_len);
	if (out[n - 1] == ';')
		out[n - 1] = '\0';
	assert(pkcs11_uri_parse(&again, out, &err) == 0);
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
	assert(memcmp(&u, &again, sizeof(u)) == 0);
	assert(pkcs11_uri_same_token(&u, &again));
}

/* Whom it leads to is one of the list only if the list says so. */
static void
check_connect(const char *text)
{
	static const char *const patterns[] = {
	    "*.example:443", "*:*", "a.example:443", "[::1]:*"};
	struct outbound_target t;
	struct address a;
	char again[1024];

	if (outbound_parse_connect(&t, &a, text) != 0) {
		address_cleanup(&a);
		return;
	}
	assert(strncmp(text + 8, t.text, strlen(t.text)) == 0);
	assert(text[8 + strlen(t.text)] == ' ');
	assert(a.host != NULL && a.path == NULL && a.port != 0);
	assert(strcmp(a.host, t.host) == 0 && strstr(t.text, t.host) != NULL);
	assert(strpbrk(t.text, " \t\r\n/@") == NULL);
	assert(outbound_pattern_matches(t.text, t.text) || t.text[0] == '*');
	assert(outbound_pattern_matches("*:*", t.text));
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		(void)outbound_pattern_matches(patterns[i], t.text);
	if (outbound_pattern_matches("*.example:443", t.text))
		assert(a.port == 443 && strlen(t.host) > 8);
	address_cleanup(&a);
	snprintf(again, sizeof(again), "CONNECT %s HTTP/1.1", t.text);
	assert(outbound_parse_connect(&t, &a, again) == 0);
	address_cleanup(&a);
}

/* The same attributes in the same order, whatever form they were written in. */
static void
check_dn(const char *text)
{
	X509_NAME *name = dn_parse(text), *again;
	char shown[DN_MAX], exact[DN_MAX];
	unsigned char *der = NULL, *der2 = NULL;
	int len, len2;

	ERR_clear_error();
	if (name == NULL)
		return;
	assert(X509_NAME_entry_count(name) > 0);
	subject_show_name(shown, sizeof(shown), name);
	assert(shown[0] != '\0');
	for (const char *p = shown; *p != '\0'; p++)
		assert(*p >= 0x20 && *p < 0x7f);
	if (dn_name_text(exact, name)) {
		assert(strcmp(exact, shown) == 0);
		again = dn_parse(exact);
		assert(again != NULL);
		len = i2d_X509_NAME(name, &der);
		len2 = i2d_X509_NAME(again, &der2);
		assert(len > 0 && len == len2);
		assert(memcmp(der, der2, (size_t)len) == 0);
		assert(X509_NAME_entry_count(name) > DN_MAX_PARTS ||
		    dn_same(name, again));
		X509_NAME_free(again);
		OPENSSL_free(der);
		OPENSSL_free(der2);
	} else {
		assert(strstr(shown, "...<sha256=") != NULL);
	}
	X509_NAME_free(name);
}

/* What was read, written down as RFC 7617 says, is the same pair. */
static void
check_basic(const char *text)
{
	char buf[512], buf2[512], *password = NULL, *password2 = NULL;
	char again[2048] = "Basic ";
	int n = rest_auth_decode(buf, sizeof(buf), text, &password);
	unsigned char plain[512];

	if (n < 0)
		return;
	assert(password > buf && password <= buf + n);
	assert(strlen(buf) + 1 + strlen(password) == (size_t)n);
	assert(strchr(buf, ':') == NULL);
	memcpy(plain, buf, (size_t)n);
	plain[strlen(buf)] = ':';
	EVP_EncodeBlock((unsigned char *)again + 6, plain, n);
	assert(rest_auth_decode(buf2, sizeof(buf2), again, &password2) == n);
	assert(strcmp(buf, buf2) == 0 && strcmp(password, password2) == 0);
}

static size_t
count(const char *text, size_t len, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == c;
	return n;
}

/*
 * What holds under a rule is as deep as the rule, ends as it does, and has no
 * octet that no name has; what is no wildcard holds under itself.
 */
static void
check_pattern(const char *text)
{
	char *line = strndup(text, strcspn(text, "\n"));
	const char *name = text + strcspn(text, "\n");
	size_t len = strlen(name), wild, own;

	assert(line != NULL);
	name += len > 0;
	len -= len > 0;
	own = strlen(line);
	wild = count(line, own, '*');
	if (name_pattern_dns_valid(line)) {
		assert(wild > 0 || name_pattern_dns(line, line, own));
		if (name_pattern_dns(line, name, len)) {
			assert(count(name, len, '*') == 0);
			assert(count(name, len, '.') == count(line, own, '.'));
		}
	}
	if (name_pattern_uri_valid(line)) {
		assert(wild > 0 || name_pattern_uri(line, line, own));
		if (name_pattern_uri(line, name, len)) {
			assert(count(name, len, '/') >= count(line, own, '/'));
			assert(wild > 0 || len == own);
		}
	}
	if (name_pattern_email_valid(line)) {
		assert(wild > 0 || name_pattern_email(line, line, own));
		if (name_pattern_email(line, name, len))
			assert(wild > 0 || len == own);
	}
	if (name_pattern_path(line, name, len))
		assert(len >= own && memcmp(line, name, own) == 0);
	free(name_pattern_serial(line));
	free(line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	assert(text != NULL);
	switch (data[0]) {
	case 'A':
		check_address(text, false);
		break;
	case 'a':
		check_address(text, true);
		break;
	case 'R':
		check_rule(text);
		break;
	case 'P':
		check_pkcs11(text);
		break;
	case 'H':
		check_connect(text);
		break;
	case 'D':
		check_dn(text);
		break;
	case 'B':
		check_basic(text);
		break;
	case 'N':
		check_pattern(text);
		break;
	default:
		break;
	}
	free(text);
	return 0;
}
