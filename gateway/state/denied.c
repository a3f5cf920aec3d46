/* denied: see the header. */
#include "gateway/state/denied.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "cache/base/subject.h"
#include "cache/base/text.h"
#include "gateway/base/dn.h"
#include "gateway/base/json.h"

#define MAX_NOTE 256

void
denied_cleanup(struct denied *e)
{
	free(e->issuer);
	free(e->note);
	free(e->who);
	free(e->subject);
	*e = (struct denied){0};
}

/*
 * Digits, colons allowed between, "0x" before; an odd number of them has a zero
 * in front. The number of digits, or -1.
 */
static int
hex_parse(uint8_t *out, size_t max, const char *text)
{
	size_t n = 0, num = 0, digits;
	uint8_t v = 0;

	if (strncmp(text, "0x", 2) == 0)
		text += 2;
	for (const char *p = text; *p != '\0'; p++)
		num += *p != ':';
	if (num == 0 || num > 2 * max)
		return -1;
	digits = num % 2;
	for (; *text != '\0'; text++) {
		if (*text == ':')
			continue;
		if (text_hex_value(*text) < 0)
			return -1;
		v = (uint8_t)(v << 4 | text_hex_value(*text));
		if (++digits % 2 == 0)
			out[n++] = v;
	}
	return (int)num;
}

/* INTEGER content octets: minimal, a zero in front of a high bit. */
static void
serial_normal(struct denied *e)
{
	size_t zeros = 0;

	while (zeros + 1 < e->serial_len && e->serial[zeros] == 0)
		zeros++;
	memmove(e->serial, e->serial + zeros, e->serial_len - zeros);
	e->serial_len -= zeros;
	if (e->serial[0] >= 0x80) {
		memmove(e->serial + 1, e->serial, e->serial_len++);
		e->serial[0] = 0;
	}
}

/* The name of an entry: the first half of a hash of what it denies. */
static void
entry_name(struct denied *e)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t md[EVP_MAX_MD_SIZE] = {0};
	uint32_t len = (uint32_t)e->issuer_len;

	if (ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1) {
		if (e->is_spki) {
			EVP_DigestUpdate(ctx, e->spki, sizeof(e->spki));
		} else {
			EVP_DigestUpdate(ctx, &len, sizeof(len));
			EVP_DigestUpdate(ctx, e->issuer, e->issuer_len);
			EVP_DigestUpdate(ctx, e->serial, e->serial_len);
		}
		EVP_DigestFinal_ex(ctx, md, NULL);
	}
	EVP_MD_CTX_free(ctx);
	text_hex(e->id, md, (DENIED_ID_SIZE - 1) / 2);
}

/* From JSON. */

static int
take_issuer(struct denied *e, const X509_NAME *name, struct err *err)
{
	unsigned char *der = NULL;
	int len = i2d_X509_NAME(name, &der);

	if (len <= 0 || (e->issuer = malloc((size_t)len)) == NULL) {
		OPENSSL_free(der);
		return err_ossl(err, E_NOMEM, "out of memory");
	}
	memcpy(e->issuer, der, (size_t)len);
	e->issuer_len = (size_t)len;
	OPENSSL_free(der);
	return 0;
}

static int
from_certificate(struct denied *e, const char *pem, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x =
	    bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, (void *)"") : NULL;
	const ASN1_INTEGER *serial;
	char subject[DN_MAX];
	BIGNUM *bn;
	int rc;

	BIO_free(bio);
	if (x == NULL)
		return err_ossl(
		    err, E_PARSE, "certificate is not a certificate in PEM");
	serial = X509_get0_serialNumber(x);
	bn = ASN1_INTEGER_to_BN(serial, NULL);
	if (bn == NULL || BN_is_negative(bn) ||
	    BN_num_bytes(bn) >= (int)sizeof(e->serial)) {
		BN_free(bn);
		X509_free(x);
		return err_set(err, E_PARSE,
		    "the certificate's serial number cannot be listed");
	}
	e->serial_len = (size_t)BN_bn2bin(bn, e->serial);
	BN_free(bn);
	if (e->serial_len == 0)
		e->serial_len = 1;
	rc = take_issuer(e, X509_get_issuer_name(x), err);
	subject_show(subject, sizeof(subject), x);
	e->subject = strdup(subject);
	if (rc == 0 && e->subject == NULL)
		rc = err_set(err, E_NOMEM, "out of memory");
	X509_free(x);
	return rc;
}

static int
from_base64_issuer(struct denied *e, const char *text, struct err *err)
{
	size_t len = strlen(text);
	unsigned char *der = malloc(len / 4 * 3 + 4);
	const unsigned char *p = der;
	X509_NAME *name = NULL;
	int n, rc;

	if (der == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	n = len % 4 == 0 && len > 0
	    ? EVP_DecodeBlock(der, (const unsigned char *)text, (int)len)
	    : -1;
	/* Padding was decoded to zeros. */
	for (size_t i = len; n > 0 && text[i - 1] == '='; i--)
		n--;
	if (n > 0)
		name = d2i_X509_NAME(NULL, &p, n);
	if (name != NULL && p != der + n) {
		X509_NAME_free(name);
		name = NULL;
	}
	rc = name != NULL ? take_issuer(e, name, err)
			  : err_ossl(err, E_PARSE,
				"issuer is not a Name in base64 DER (a DN "
				"in text does not say how it is encoded)");
	X509_NAME_free(name);
	free(der);
	return rc;
}

static int
from_description(struct denied *e, const cJSON *o, struct err *err)
{
	const char *pem = json_get_string(o, "certificate");
	const char *issuer = json_get_string(o, "issuer");
	const char *serial = json_get_string(o, "serial");
	const char *spki = json_get_string(o, "spkiSha256");
	int n;

	if ((pem != NULL) + (issuer != NULL || serial != NULL) +
		(spki != NULL) !=
	    1)
		return err_set(err, E_PARSE,
		    "expected one of certificate, issuer with serial, or "
		    "spkiSha256");
	if (spki != NULL) {
		e->is_spki = true;
		return hex_parse(e->spki, sizeof(e->spki), spki) == 64
		    ? 0
		    : err_set(err, E_PARSE,
			  "spkiSha256 is not 64 hexadecimal digits");
	}
	if (pem != NULL)
		return from_certificate(e, pem, err);
	if (issuer == NULL || serial == NULL)
		return err_set(
		    err, E_PARSE, "issuer and serial are needed together");
	n = hex_parse(e->serial, sizeof(e->serial) - 1, serial);
	if (n <= 0)
		return err_set(err, E_PARSE,
		    "serial is not a number in hexadecimal digits");
	e->serial_len = ((size_t)n + 1) / 2;
	return from_base64_issuer(e, issuer, err);
}

static int
read_until(struct denied *e, const cJSON *item, struct err *err)
{
	const char *text = cJSON_GetStringValue(item);
	time_t until;

	if (item == NULL || cJSON_IsNull(item))
		return 0;
	if (json_to_int(item, 0, DENIED_MAX_UNTIL, &e->until) == 0)
		return 0;
	/* 0 is for ever: a date that is none must not become it. */
	if (text == NULL || !text_time_parse(&until, text) || until <= 0)
		return err_set(err, E_PARSE,
		    "until is not a time: expected one after 1970 and before "
		    "10000 such as \"2030-01-31T12:00:00Z\", or seconds since "
		    "1970");
	e->until = until;
	return 0;
}

/* Also one whose end has passed. */
static int
read_entry(struct denied *e, const cJSON *o, const char *who, struct err *err)
{
	const char *note = json_get_string(o, "reason");
	int rc;

	*e = (struct denied){.added_at = time(NULL)};
	rc = from_description(e, o, err);
	if (rc == 0)
		rc = read_until(e, json_get(o, "until"), err);
	if (rc == 0 && note != NULL && strlen(note) > MAX_NOTE)
		rc = err_set(
		    err, E_PARSE, "reason is longer than %d bytes", MAX_NOTE);
	if (rc == 0) {
		if (!e->is_spki)
			serial_normal(e);
		entry_name(e);
		e->note = strdup(note != NULL ? note : "");
		e->who = strdup(who);
		if (e->note == NULL || e->who == NULL)
			rc = err_set(err, E_NOMEM, "out of memory");
	}
	if (rc != 0)
		denied_cleanup(e);
	return rc;
}

int
denied_parse(struct denied *e, const cJSON *o, const char *who, struct err *err)
{
	int rc = read_entry(e, o, who, err);

	/* Who asks for it thinks that somebody is shut out. */
	if (rc == 0 && e->until != 0 && e->until <= e->added_at) {
		denied_cleanup(e);
		rc = err_set(err, E_PARSE,
		    "until has passed: the entry would shut nobody out");
	}
	return rc;
}

/* 0 and *at when o has such a time, or null. */
static bool
time_of(const cJSON *o, const char *name, int64_t *at)
{
	const char *text = json_get_string(o, name);
	time_t t = 0;

	*at = 0;
	if (text == NULL)
		return cJSON_IsNull(json_get(o, name));
	if (!text_time_parse(&t, text) || t < 0)
		return false;
	*at = t;
	return true;
}

int
denied_of_json(struct denied *e, const cJSON *o, struct err *err)
{
	const char *id = json_get_string(o, "id");
	const char *who = json_get_string(o, "addedBy");
	const char *subject = json_get_string(o, "subject");
	int rc = who != NULL ? read_entry(e, o, who, err)
			     : err_set(err, E_PARSE, "nobody added it");

	if (rc != 0)
		return rc;
	if (id == NULL || strcmp(id, e->id) != 0)
		rc = err_set(err, E_PARSE, "the id is that of another entry");
	else if (!time_of(o, "addedAt", &e->added_at))
		rc = err_set(err, E_PARSE, "addedAt is not a time");
	else if (subject != NULL && e->subject == NULL &&
	    (e->subject = strdup(subject)) == NULL)
		rc = err_set(err, E_NOMEM, "out of memory");
	if (rc != 0)
		denied_cleanup(e);
	return rc;
}

/* Rows. */

static bool
copy_blob(uint8_t **out, size_t *len, const void *p, size_t n)
{
	*out = p != NULL ? malloc(n) : NULL;
	if (*out != NULL)
		memcpy(*out, p, n);
	*len = n;
	return *out != NULL;
}

/* What it denies; false when no change can have written it. */
static bool
entry_take_target(struct denied *e, const struct state_row *row)
{
	char id[DENIED_ID_SIZE];
	const char *stored = state_row_text(row, 0);
	size_t issuer_len, serial_len, spki_len;
	const void *issuer = state_row_blob(row, 1, &issuer_len);
	const void *serial = state_row_blob(row, 2, &serial_len);
	const void *spki = state_row_blob(row, 3, &spki_len);

	e->is_spki = spki != NULL;
	if (e->is_spki) {
		if (spki_len != sizeof(e->spki))
			return false;
		memcpy(e->spki, spki, spki_len);
	} else {
		if (serial_len == 0 || serial_len > sizeof(e->serial) ||
		    !copy_blob(&e->issuer, &e->issuer_len, issuer, issuer_len))
			return false;
		memcpy(e->serial, serial, serial_len);
		e->serial_len = serial_len;
	}
	entry_name(e);
	memcpy(id, e->id, sizeof(id));
	return stored != NULL && strcmp(id, stored) == 0;
}

/*
 * What a start does with a row, and what was just written is held against. The
 * name says what is denied, so that a row which was changed by hand shows.
 */
int
denied_of_row(struct denied *e, const struct state_row *row, struct err *err)
{
	const char *id = state_row_text(row, 0);
	const char *note = state_row_text(row, 5);
	const char *who = state_row_text(row, 7);
	const char *subject = state_row_text(row, 8);
	bool ok;

	*e = (struct denied){
	    .until = state_row_int(row, 4), .added_at = state_row_int(row, 6)};
	ok = entry_take_target(e, row) && e->until >= 0 &&
	    e->until <= DENIED_MAX_UNTIL && e->added_at >= 0 &&
	    e->added_at <= DENIED_MAX_UNTIL && note != NULL &&
	    strlen(note) <= MAX_NOTE && who != NULL;
	if (ok) {
		e->note = strdup(note);
		e->who = strdup(who);
		if (subject != NULL)
			e->subject = strdup(subject);
		if (e->note != NULL && e->who != NULL &&
		    (subject == NULL || e->subject != NULL))
			return 0;
	}
	denied_cleanup(e);
	return ok
	    ? err_set(err, E_NOMEM, "out of memory")
	    : err_set(err, E_PARSE, "table denied, id '%.20s' cannot be read",
		  id != NULL ? id : "?");
}

bool
denied_same(const struct denied *a, const struct denied *b)
{
	return strcmp(a->id, b->id) == 0 && a->is_spki == b->is_spki &&
	    a->issuer_len == b->issuer_len && a->serial_len == b->serial_len &&
	    memcmp(a->spki, b->spki, sizeof(a->spki)) == 0 &&
	    memcmp(a->serial, b->serial, a->serial_len) == 0 &&
	    (a->is_spki || memcmp(a->issuer, b->issuer, a->issuer_len) == 0) &&
	    a->until == b->until && a->added_at == b->added_at &&
	    strcmp(a->note, b->note) == 0 && strcmp(a->who, b->who) == 0;
}

struct revcheck_deny
denied_deny(const struct denied *e)
{
	struct revcheck_deny deny = {
	    .until = (time_t)e->until, .note = e->note};

	if (e->is_spki) {
		deny.spki_sha256 = e->spki;
		return deny;
	}
	deny.issuer_der = e->issuer;
	deny.issuer_len = e->issuer_len;
	deny.serial = e->serial;
	deny.serial_len = e->serial_len;
	return deny;
}

/* To JSON. */

static void
add_issuer(cJSON *o, const struct denied *e)
{
	const unsigned char *p = e->issuer;
	X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)e->issuer_len);
	char *b64 = malloc(e->issuer_len / 3 * 4 + 8);
	char *text = name != NULL ? dn_dup(name) : NULL;

	if (b64 != NULL) {
		EVP_EncodeBlock(
		    (unsigned char *)b64, e->issuer, (int)e->issuer_len);
		cJSON_AddStringToObject(o, "issuer", b64);
	}
	if (text != NULL)
		cJSON_AddStringToObject(o, "issuerName", text);
	free(text);
	X509_NAME_free(name);
	free(b64);
}

cJSON *
denied_json(const struct denied *e)
{
	char hex[2 * DENIED_MAX_SERIAL + 1];
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "id", e->id);
	if (e->is_spki) {
		text_hex(hex, e->spki, sizeof(e->spki));
		cJSON_AddStringToObject(o, "spkiSha256", hex);
	} else {
		add_issuer(o, e);
		text_hex(hex, e->serial, e->serial_len);
		cJSON_AddStringToObject(o, "serial", hex);
	}
	if (e->subject != NULL)
		cJSON_AddStringToObject(o, "subject", e->subject);
	cJSON_AddStringToObject(o, "reason", e->note);
	json_add_time(o, "until", (time_t)e->until);
	json_add_time(o, "addedAt", (time_t)e->added_at);
	cJSON_AddStringToObject(o, "addedBy", e->who);
	return o;
}
