/* subject: see the header. */
#include "cache/base/subject.h"

#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/x509v3.h>

#include "cache/base/text.h"

#define HASH_HEX (2 * 32 + 1)

static void
put_hash(char *out, size_t room, const unsigned char md[32])
{
	char hex[HASH_HEX];

	text_hex(hex, md, 32);
	snprintf(out, room, "<sha256=%s>", hex);
}

/* Where to cut text, at most len: not within an escape, \, or \C3. */
static size_t
cut_at(const char *text, size_t len)
{
	size_t at = 0, n;

	while (at < len) {
		n = 1;
		if (text[at] == '\\')
			n = text_hex_value(text[at + 1]) >= 0 ? 3 : 2;
		if (at + n > len)
			break;
		at += n;
	}
	return at;
}

static void
put_cut(char *out, size_t room, const char *text, const X509_NAME *name)
{
	const size_t tail = strlen("...<sha256=>") + HASH_HEX;
	unsigned char md[32];
	size_t at;

	if (room < SUBJECT_ROOM_HASH ||
	    X509_NAME_digest(name, EVP_sha256(), md, NULL) != 1) {
		at = cut_at(text, room - 1);
		memcpy(out, text, at);
		out[at] = '\0';
		return;
	}
	at = cut_at(text, room - tail);
	memcpy(out, text, at);
	memcpy(out + at, "...", 3);
	put_hash(out + at + 3, room - at - 3, md);
}

void
subject_show_name(char *out, size_t room, const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len;

	out[0] = '\0';
	/* These flags escape control characters and everything >= 0x80. */
	if (bio == NULL || name == NULL || X509_NAME_entry_count(name) == 0 ||
	    X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) < 0 ||
	    BIO_write(bio, "", 1) != 1)
		goto out;
	len = BIO_get_mem_data(bio, &text) - 1;
	if ((size_t)len < room)
		memcpy(out, text, (size_t)len + 1);
	else
		put_cut(out, room, text, name);
out:
	BIO_free(bio);
}

/* Bytes that a stranger chose: all but plain ones as \XX. */
static void
put_bytes(char *out, size_t room, const char *kind, const ASN1_STRING *s)
{
	const unsigned char *p = ASN1_STRING_get0_data(s);
	size_t len = (size_t)ASN1_STRING_length(s), n = 0;

	n = (size_t)snprintf(out, room, "%s:", kind);
	for (size_t i = 0; i < len && n + 4 < room; i++) {
		if (p[i] > 0x20 && p[i] < 0x7f &&
		    strchr("'\"\\<>,;", p[i]) == NULL) {
			out[n++] = (char)p[i];
			continue;
		}
		out[n++] = '\\';
		text_hex_upper(out + n, &p[i], 1);
		n += 2;
	}
	if (n < room)
		out[n] = '\0';
}

static bool
show_general(char *out, size_t room, const GENERAL_NAME *g)
{
	char ip[INET6_ADDRSTRLEN];
	int len;

	switch (g->type) {
	case GEN_DNS:
		put_bytes(out, room, "DNS", g->d.dNSName);
		return true;
	case GEN_URI:
		put_bytes(out, room, "URI", g->d.uniformResourceIdentifier);
		return true;
	case GEN_EMAIL:
		put_bytes(out, room, "email", g->d.rfc822Name);
		return true;
	case GEN_IPADD:
		len = ASN1_STRING_length(g->d.iPAddress);
		if ((len != 4 && len != 16) ||
		    inet_ntop(len == 4 ? AF_INET : AF_INET6,
			ASN1_STRING_get0_data(g->d.iPAddress), ip,
			sizeof(ip)) == NULL)
			return false;
		snprintf(out, room, "IP:%s", ip);
		return true;
	default:
		return false;
	}
}

void
subject_show(char *out, size_t room, X509 *cert)
{
	GENERAL_NAMES *all;
	unsigned char md[32];
	bool shown = false;

	subject_show_name(out, room, X509_get_subject_name(cert));
	if (out[0] != '\0')
		return;
	all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(all) && !shown; i++)
		shown = show_general(out, room, sk_GENERAL_NAME_value(all, i));
	GENERAL_NAMES_free(all);
	if (!shown && X509_digest(cert, EVP_sha256(), md, NULL) == 1)
		put_hash(out, room, md);
}
