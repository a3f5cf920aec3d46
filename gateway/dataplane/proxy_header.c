/*
 * proxy_header: encodes the header of the PROXY protocol, version 2. Pure, but
 * for proxy_header_send, which puts it in front of what the relay sends to the
 * node.
 */
#include "gateway/dataplane/proxy_header.h"

#include <string.h>

#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "cache/base/subject.h"
#include "gateway/base/dn.h"
#include "gateway/conf/conf.h"
#include "gateway/dataplane/conn.h"
#include "gateway/dataplane/runtime.h"

/* Signature and addresses, and the fixed part of what is said of TLS. */
#define FIXED_MAX (16 + 36 + 3 + 5 + 3 + 16)

#define PROXY_HEADER_SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

/* Types and flags of the protocol (HAProxy's proxy-protocol.txt, 2.2). */
enum {
	PROXY_HEADER_TYPE_ALPN = 0x01,
	PROXY_HEADER_TYPE_AUTHORITY = 0x02,
	PROXY_HEADER_TYPE_SSL = 0x20,
	PROXY_HEADER_SUBTYPE_VERSION = 0x21,
	PROXY_HEADER_SUBTYPE_CN = 0x22,
	PROXY_HEADER_SUBTYPE_CERTIFICATE = 0x28,
	PROXY_HEADER_CLIENT_SSL = 0x01,
	PROXY_HEADER_CLIENT_CERT_CONN = 0x02,
	PROXY_HEADER_CLIENT_CERT_SESS = 0x04
};

struct proxy_header_out {
	uint8_t *p;
	size_t len, max;
};

/* There is room: the fixed parts come first, and values are looked at. */
static void
proxy_header_put(struct proxy_header_out *o, const void *p, size_t len)
{
	memcpy(o->p + o->len, p, len);
	o->len += len;
}

static void
proxy_header_put_u8(struct proxy_header_out *o, unsigned v)
{
	uint8_t b = (uint8_t)v;

	proxy_header_put(o, &b, 1);
}

/* Nothing for NULL, and for what does not fit. */
static void
proxy_header_put_tlv(
    struct proxy_header_out *o, unsigned type, const void *p, size_t len)
{
	if (p == NULL || o->max - o->len < 3 || o->max - o->len - 3 < len)
		return;
	proxy_header_put_u8(o, type);
	proxy_header_put_u8(o, (unsigned)len >> 8);
	proxy_header_put_u8(o, (unsigned)len & 0xff);
	proxy_header_put(o, p, len);
}

static void
proxy_header_put_text(
    struct proxy_header_out *o, unsigned type, const char *text)
{
	proxy_header_put_tlv(o, type, text, text == NULL ? 0 : strlen(text));
}

static void
proxy_header_set_u16(struct proxy_header_out *o, size_t at, size_t v)
{
	o->p[at] = (uint8_t)(v >> 8);
	o->p[at + 1] = (uint8_t)v;
}

static void
proxy_header_put_addresses(
    struct proxy_header_out *o, const struct proxy_header *p)
{
	sa_family_t family = p->from == NULL ? AF_UNSPEC : p->from->ss_family;

	if (p->to == NULL || p->to->ss_family != family)
		family = AF_UNSPEC;
	if (family == AF_INET) {
		const struct sockaddr_in *f = (const void *)p->from;
		const struct sockaddr_in *t = (const void *)p->to;

		proxy_header_put_u8(o, 0x11); /* TCP over IPv4 */
		proxy_header_put(o, "\0\0", 2);
		proxy_header_put(o, &f->sin_addr, 4);
		proxy_header_put(o, &t->sin_addr, 4);
		proxy_header_put(o, &f->sin_port, 2);
		proxy_header_put(o, &t->sin_port, 2);
	} else if (family == AF_INET6) {
		const struct sockaddr_in6 *f = (const void *)p->from;
		const struct sockaddr_in6 *t = (const void *)p->to;

		proxy_header_put_u8(o, 0x21); /* TCP over IPv6 */
		proxy_header_put(o, "\0\0", 2);
		proxy_header_put(o, &f->sin6_addr, 16);
		proxy_header_put(o, &t->sin6_addr, 16);
		proxy_header_put(o, &f->sin6_port, 2);
		proxy_header_put(o, &t->sin6_port, 2);
	} else {
		proxy_header_put_u8(o, 0x00); /* unspecified: no addresses */
		proxy_header_put(o, "\0\0", 2);
	}
}

static void
proxy_header_put_ssl(struct proxy_header_out *o, const struct proxy_header *p)
{
	/* What was presented was verified, or there would be no connection. */
	uint8_t verify[4] = {0, 0, 0, p->verified ? 0 : 1};
	unsigned client = PROXY_HEADER_CLIENT_SSL;
	size_t at;

	if (p->tls_version == NULL || o->max - o->len < 3 + 5)
		return;
	if (p->common_name != NULL || p->leaf_sha256 != NULL)
		client |= PROXY_HEADER_CLIENT_CERT_CONN |
		    PROXY_HEADER_CLIENT_CERT_SESS;
	proxy_header_put_u8(o, PROXY_HEADER_TYPE_SSL);
	at = o->len;
	proxy_header_put(o, "\0\0", 2);
	proxy_header_put_u8(o, client);
	proxy_header_put(o, verify, sizeof(verify));
	proxy_header_put_text(o, PROXY_HEADER_SUBTYPE_VERSION, p->tls_version);
	proxy_header_put_text(o, PROXY_HEADER_SUBTYPE_CN, p->common_name);
	proxy_header_put_tlv(o, PROXY_HEADER_SUBTYPE_CERTIFICATE,
	    p->certificate, p->certificate_len);
	proxy_header_set_u16(o, at, o->len - at - 2);
}

/* out is written, by way of struct proxy_header_out. */
size_t /* NOLINTNEXTLINE(readability-non-const-parameter) */
proxy_header_encode(uint8_t out[PROXY_HEADER_MAX], const struct proxy_header *p)
{
	uint8_t buf[PROXY_HEADER_MAX - FIXED_MAX];
	struct proxy_header_out o = {.p = out, .max = PROXY_HEADER_MAX};
	struct proxy_header_out rest = {.p = buf, .max = sizeof(buf)};

	proxy_header_put_text(&rest, PROXY_HEADER_TYPE_STATUS, p->status);
	proxy_header_put_tlv(
	    &rest, PROXY_HEADER_TYPE_LEAF_SHA256, p->leaf_sha256, 32);
	proxy_header_put_tlv(
	    &rest, PROXY_HEADER_TYPE_ALPN, p->alpn, p->alpn_len);
	proxy_header_put_text(
	    &rest, PROXY_HEADER_TYPE_AUTHORITY, p->server_name);
	proxy_header_put_text(&rest, PROXY_HEADER_TYPE_SUBJECT, p->subject);
	proxy_header_put(&o, PROXY_HEADER_SIGNATURE, 12);
	proxy_header_put_u8(&o, p->from == NULL ? 0x20 : 0x21);
	proxy_header_put_addresses(&o, p);
	/* Last in room, though not in place: what may be of any length. */
	o.max -= rest.len;
	proxy_header_put_ssl(&o, p);
	proxy_header_put(&o, rest.p, rest.len);
	proxy_header_set_u16(&o, 14, o.len - 16);
	return o.len;
}

/* The last common name, as UTF-8; free with OPENSSL_free. */
static char *
proxy_header_common_name(X509 *leaf)
{
	X509_NAME *name = X509_get_subject_name(leaf);
	unsigned char *utf8 = NULL;
	int at = -1, next, len;

	while (
	    (next = X509_NAME_get_index_by_NID(name, NID_commonName, at)) >= 0)
		at = next;
	if (at < 0)
		return NULL;
	len = ASN1_STRING_to_UTF8(
	    &utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	if (len < 0)
		return NULL;
	/* A NUL inside would make another name of it. */
	if (strlen((char *)utf8) != (size_t)len) {
		OPENSSL_free(utf8);
		return NULL;
	}
	return (char *)utf8;
}

/* What is said of the peer's certificate. subject: DN_MAX bytes. */
static void
proxy_header_add_leaf(struct proxy_header *p, const struct conn *c, X509 *leaf,
    char *subject, uint8_t md[32])
{
	p->verified = 1;
	p->status = decision_status_name(c->found.status);
	if (X509_digest(leaf, EVP_sha256(), md, NULL) == 1)
		p->leaf_sha256 = md;
	subject_show(subject, DN_MAX, leaf);
	p->subject = subject;
}

size_t
proxy_header_make(uint8_t out[PROXY_HEADER_MAX], const struct conn *c)
{
	struct sockaddr_storage to = {.ss_family = AF_UNSPEC};
	socklen_t to_len = sizeof(to);
	char *cn = NULL, subject[DN_MAX];
	unsigned char md[32], *der = NULL;
	struct proxy_header p = {.from = c->remote, .to = &to};
	unsigned alpn_len = 0;
	X509 *leaf;
	int len = 0;

	(void)getsockname(c->tls_fd, (struct sockaddr *)&to, &to_len);
	p.tls_version = SSL_get_version(c->ssl);
	p.server_name = SSL_get_servername(c->ssl, TLSEXT_NAMETYPE_host_name);
	SSL_get0_alpn_selected(c->ssl, &p.alpn, &alpn_len);
	p.alpn_len = alpn_len;
	leaf = c->certs == NULL ? NULL : revcheck_certs_get0(c->certs, 0);
	if (leaf != NULL) {
		proxy_header_add_leaf(&p, c, leaf, subject, md);
		cn = proxy_header_common_name(leaf);
		p.common_name = cn;
		if (c->runtime->conf->node.proxy_certificate)
			len = i2d_X509(leaf, &der);
		p.certificate = len > 0 ? der : NULL;
		p.certificate_len = len > 0 ? (size_t)len : 0;
	}
	len = (int)proxy_header_encode(out, &p);
	OPENSSL_free(cn);
	OPENSSL_free(der);
	return (size_t)len;
}

int
proxy_header_send(struct conn *c)
{
	uint8_t out[PROXY_HEADER_MAX];

	return relay_prepend_up(&c->relay, out, proxy_header_make(out, c));
}
