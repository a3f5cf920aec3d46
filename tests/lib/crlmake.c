/* crlmake: see the header. Test code: aborts when it cannot. */
#include "tests/lib/crlmake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>

static void *
must(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

void
octets_add(struct octets *o, const void *p, size_t len)
{
	if (o->len + len > o->cap) {
		o->cap = (o->len + len) * 2 + 64;
		o->p = must(realloc(o->p, o->cap));
	}
	if (len > 0)
		memcpy(o->p + o->len, p, len);
	o->len += len;
}

void
octets_free(struct octets *o)
{
	free(o->p);
	*o = (struct octets){0};
}

static size_t
header(uint8_t out[10], int tag, size_t len)
{
	size_t n = 0, num = 0;

	out[n++] = (uint8_t)tag;
	if (len < 0x80) {
		out[n++] = (uint8_t)len;
		return n;
	}
	for (size_t l = len; l > 0; l >>= 8)
		num++;
	out[n++] = (uint8_t)(0x80 | num);
	while (num-- > 0)
		out[n++] = (uint8_t)(len >> (8 * num));
	return n;
}

void
octets_tlv(struct octets *o, int tag, const void *p, size_t len)
{
	uint8_t h[10];

	octets_add(o, h, header(h, tag, len));
	octets_add(o, p, len);
}

void
octets_wrap(struct octets *o, size_t from, int tag)
{
	uint8_t h[10];
	size_t len = o->len - from, n = header(h, tag, len);

	octets_add(o, h, n);
	memmove(o->p + from + n, o->p + from, len);
	memcpy(o->p + from, h, n);
}

void
octets_hex(struct octets *o, const char *hex)
{
	char pair[3] = {0}, *end;
	uint8_t c;

	for (; *hex != '\0'; hex += 2) {
		while (*hex == ' ')
			hex++;
		if (*hex == '\0')
			break;
		/* Two at a time: sscanf would measure all that follows. */
		memcpy(pair, hex, 2);
		c = (uint8_t)strtoul(pair, &end, 16);
		if (end != pair + 2)
			abort();
		octets_add(o, &c, 1);
	}
}

void
crlmake_entry(struct octets *o, const struct crlmake_entry *e)
{
	static const uint8_t reason[] = {
	    0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01};
	const char *date = e->date != NULL ? e->date : "260101000000Z";
	size_t at = o->len, ext;
	uint8_t r = (uint8_t)e->reason;

	octets_tlv(o, 0x02, e->serial, e->serial_len);
	octets_tlv(o, strlen(date) == 15 ? 0x18 : 0x17, date, strlen(date));
	if (e->ext_hex != NULL || e->reason != 0) {
		ext = o->len;
		if (e->ext_hex != NULL) {
			octets_hex(o, e->ext_hex);
		} else {
			octets_add(o, reason, sizeof(reason));
			octets_add(o, &r, 1);
		}
		octets_wrap(o, ext, 0x30);
	}
	octets_wrap(o, at, 0x30);
}

static const char ecdsa_sha256[] = "300a06082a8648ce3d040302";

static void
sign(struct octets *o, EVP_PKEY *key)
{
	uint8_t sig[1 + 512] = {0};
	size_t len = sizeof(sig) - 1;
	EVP_MD_CTX *ctx;

	if (key == NULL) {
		memset(sig + 1, 0x5a, 64);
		len = 64;
	} else {
		ctx = must(EVP_MD_CTX_new());
		if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) !=
			1 ||
		    EVP_DigestSign(ctx, sig + 1, &len, o->p, o->len) != 1)
			abort();
		EVP_MD_CTX_free(ctx);
	}
	sig[0] = 0;
	/* The signature lies over tbs alone, which is all there is so far. */
	octets_tlv(o, 0x03, sig, len + 1);
}

static void
time_add(struct octets *o, const char *t)
{
	octets_tlv(o, strlen(t) == 15 ? 0x18 : 0x17, t, strlen(t));
}

static void
extensions(struct octets *o, const struct crlmake *how)
{
	size_t at = o->len, in;
	uint8_t n[4] = {(uint8_t)(how->number >> 24),
	    (uint8_t)(how->number >> 16), (uint8_t)(how->number >> 8),
	    (uint8_t)how->number};
	size_t skip = 0;

	if (how->ext_hex == NULL && how->number == 0)
		return;
	if (how->ext_hex != NULL) {
		octets_hex(o, how->ext_hex);
	} else {
		while (skip < 3 && n[skip] == 0 && n[skip + 1] < 0x80)
			skip++;
		octets_hex(o, "0603551d14");
		in = o->len;
		octets_tlv(o, 0x02, n + skip, 4 - skip);
		octets_wrap(o, in, 0x04);
		octets_wrap(o, at, 0x30);
	}
	octets_wrap(o, at, 0x30);
	octets_wrap(o, at, 0xa0);
}

static void
issuer_add(struct octets *o, const struct crlmake *how)
{
	const char *cn = how->issuer != NULL ? how->issuer : "Test CA";
	size_t at = o->len;

	if (how->issuer_der != NULL) {
		octets_add(o, how->issuer_der, how->issuer_der_len);
		return;
	}
	octets_hex(o, "0603550403");
	octets_tlv(o, 0x0c, cn, strlen(cn));
	octets_wrap(o, at, 0x30);
	octets_wrap(o, at, 0x31);
	octets_wrap(o, at, 0x30);
}

uint8_t *
crlmake(const struct crlmake *how, size_t *len)
{
	const char *alg = how->alg_hex != NULL ? how->alg_hex : ecdsa_sha256;
	struct octets o = {0}, tail = {0};
	size_t at;
	uint8_t v;

	if (how->entries != NULL) {
		o.cap = how->entries->len + 4096;
		o.p = must(malloc(o.cap));
	}
	if (how->version != 1) {
		v = how->version == 0 ? 1 : (uint8_t)(how->version - 1);
		octets_tlv(&o, 0x02, &v, 1);
	}
	octets_hex(&o, alg);
	issuer_add(&o, how);
	time_add(
	    &o, how->this_update != NULL ? how->this_update : "260101000000Z");
	if (!how->no_next_update)
		time_add(&o,
		    how->next_update != NULL ? how->next_update
					     : "360101000000Z");
	if (how->entries != NULL)
		octets_tlv(&o, 0x30, how->entries->p, how->entries->len);
	extensions(&o, how);
	octets_wrap(&o, 0, 0x30);
	at = o.len;
	sign(&o, how->key);
	octets_add(&tail, o.p + at, o.len - at);
	o.len = at;
	octets_hex(&o, how->outer_alg_hex != NULL ? how->outer_alg_hex : alg);
	octets_add(&o, tail.p, tail.len);
	octets_free(&tail);
	octets_wrap(&o, 0, 0x30);
	*len = o.len;
	return o.p;
}

void
crlmake_serial(size_t i, uint8_t out[16])
{
	uint64_t a = (uint64_t)i * 0x9e3779b97f4a7c15u + 0x1234567;
	uint64_t b = (uint64_t)i;

	a ^= a >> 29;
	a *= 0xbf58476d1ce4e5b9u;
	a ^= a >> 32;
	for (int k = 0; k < 8; k++) {
		out[k] = (uint8_t)(a >> (8 * k));
		out[8 + k] = (uint8_t)(b >> (8 * (7 - k)));
	}
	out[0] = (uint8_t)((out[0] & 0x3f) | 0x40);
}

void
crlmake_entries(struct octets *o, size_t num)
{
	uint8_t serial[16];
	char date[32];

	o->cap = o->len + num * 44 + 1024;
	o->p = must(realloc(o->p, o->cap));
	for (size_t i = 0; i < num; i++) {
		struct crlmake_entry e = {.serial = serial,
		    .serial_len = sizeof(serial),
		    .date = date,
		    .reason = i % 4 == 3 ? 4 : 0};

		crlmake_serial(i, serial);
		snprintf(date, sizeof(date), "%02u%02u%02u%02u%02u%02uZ",
		    (unsigned)(20 + i % 6), (unsigned)(1 + i * 7 % 12),
		    (unsigned)(1 + i * 11 % 28), (unsigned)(i * 5 % 24),
		    (unsigned)(i * 13 % 60), (unsigned)(i * 17 % 60));
		crlmake_entry(o, &e);
	}
}

uint8_t *
crlmake_many(size_t num, EVP_PKEY *key, size_t *len)
{
	struct octets entries = {0};
	struct crlmake how = {.entries = &entries, .number = 7, .key = key};
	uint8_t *p;

	crlmake_entries(&entries, num);
	p = crlmake(&how, len);
	octets_free(&entries);
	return p;
}

char *
crlmake_pem(const uint8_t *der, size_t len)
{
	static const char begin[] = "-----BEGIN X509 CRL-----\n";
	static const char end[] = "-----END X509 CRL-----\n";
	size_t at = 0, n;
	char *text = must(malloc(len * 2 + 256));

	memcpy(text, begin, sizeof(begin) - 1);
	at = sizeof(begin) - 1;
	while (len > 0) {
		n = len < 48 ? len : 48;
		at += (size_t)EVP_EncodeBlock(
		    (unsigned char *)text + at, der, (int)n);
		text[at++] = '\n';
		der += n;
		len -= n;
	}
	memcpy(text + at, end, sizeof(end));
	return text;
}
