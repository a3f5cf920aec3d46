/*
 * denylist: entries in memory, each change first in a journal, then in the
 * engine. Entries past their date stay listed until they are removed; the
 * engine knows the date.
 */
#include "gateway/state/denylist.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "gateway/base/journal.h"
#include "gateway/base/json.h"

#define MAX_NOTE   256
#define COMPACT_AT (4 * 1024 * 1024)

struct entry {
	char id[DENYLIST_ID_SIZE];
	uint8_t *issuer; /* DER Name; NULL with spki */
	size_t issuer_len;
	uint8_t serial[64];
	size_t serial_len;
	uint8_t spki[32];
	bool is_spki;
	time_t until, added_at;
	char *note, *who, *shown; /* shown: the issuer as text */
};

struct denylist {
	struct entry *entries;
	size_t num;
	struct journal *journal;
};

static void
entry_cleanup(struct entry *e)
{
	free(e->issuer);
	free(e->note);
	free(e->who);
	free(e->shown);
	*e = (struct entry){0};
}

static void
hex_text(char *out, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		snprintf(out + 2 * i, 3, "%02x", p[i]);
	out[2 * len] = '\0';
}

/* Digits in pairs, colons allowed between; the number of bytes or -1. */
static int
hex_parse(uint8_t *out, size_t max, const char *text)
{
	size_t n = 0, digits = 0;
	uint8_t v = 0;

	if (strncmp(text, "0x", 2) == 0)
		text += 2;
	/* An odd number of digits has a zero in front. */
	for (const char *p = text; *p != '\0'; p++)
		digits += *p != ':';
	if (digits == 0 || digits > 2 * max)
		return -1;
	digits = digits % 2;
	for (; *text != '\0'; text++) {
		if (*text == ':')
			continue;
		if (!isxdigit((unsigned char)*text))
			return -1;
		v = (uint8_t)(v << 4 |
		    (isdigit((unsigned char)*text)
			    ? *text - '0'
			    : (*text | 0x20) - 'a' + 10));
		if (++digits % 2 == 0)
			out[n++] = v;
	}
	return (int)n;
}

/* INTEGER content octets: minimal, a zero in front of a high bit. */
static void
serial_normal(struct entry *e)
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
entry_name(struct entry *e)
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
	hex_text(e->id, md, (DENYLIST_ID_SIZE - 1) / 2);
}

/* From JSON. */

static int
take_issuer(struct entry *e, const X509_NAME *name, struct err *err)
{
	BIO *bio = BIO_new(BIO_s_mem());
	unsigned char *der = NULL;
	char *text;
	long n;
	int len = i2d_X509_NAME(name, &der);

	if (bio == NULL || len <= 0 ||
	    X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) < 0) {
		BIO_free(bio);
		OPENSSL_free(der);
		return err_ossl(err, E_NOMEM, "out of memory");
	}
	n = BIO_get_mem_data(bio, &text);
	e->shown = strndup(text, (size_t)n);
	BIO_free(bio);
	e->issuer = malloc((size_t)len);
	if (e->issuer != NULL)
		memcpy(e->issuer, der, (size_t)len);
	e->issuer_len = (size_t)len;
	OPENSSL_free(der);
	return e->issuer != NULL && e->shown != NULL
	    ? 0
	    : err_set(err, E_NOMEM, "out of memory");
}

static int
from_certificate(struct entry *e, const char *pem, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	const ASN1_INTEGER *serial;
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
	X509_free(x);
	return rc;
}

static int
from_base64_issuer(struct entry *e, const char *text, struct err *err)
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
	if (n > 0)
		name = d2i_X509_NAME(NULL, &p, n);
	rc = name != NULL ? take_issuer(e, name, err)
			  : err_ossl(err, E_PARSE,
				"issuer is not a Name in base64 DER (a DN "
				"in text does not say how it is encoded)");
	X509_NAME_free(name);
	free(der);
	return rc;
}

static int
from_description(struct entry *e, const cJSON *o, struct err *err)
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
		return hex_parse(e->spki, sizeof(e->spki), spki) == 32
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
	e->serial_len = (size_t)n;
	return from_base64_issuer(e, issuer, err);
}

static int
read_until(struct entry *e, const cJSON *item, struct err *err)
{
	const char *text = cJSON_GetStringValue(item);
	struct tm tm = {0};
	const char *end;
	int64_t v;

	if (item == NULL || cJSON_IsNull(item))
		return 0;
	if (json_to_int(item, 0, INT64_C(1) << 40, &v) == 0) {
		e->until = (time_t)v;
		return 0;
	}
	end = text != NULL ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;
	if (end == NULL || *end != '\0')
		return err_set(err, E_PARSE,
		    "until is not a time: expected \"2030-01-31T12:00:00Z\" "
		    "or seconds since 1970");
	e->until = timegm(&tm);
	return 0;
}

static int
entry_parse(struct entry *e, const cJSON *o, const char *who, struct err *err)
{
	const char *note = json_get_string(o, "reason");
	int rc;

	*e = (struct entry){.added_at = time(NULL)};
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
		entry_cleanup(e);
	return rc;
}

/* To JSON. */

/* As it is kept and shown: issuer in base64, so that it can be read back. */
static cJSON *
entry_json(const struct entry *e)
{
	cJSON *o = cJSON_CreateObject();
	char hex[2 * 64 + 1], when[32];
	struct tm tm;
	char *b64;

	cJSON_AddStringToObject(o, "id", e->id);
	if (e->is_spki) {
		hex_text(hex, e->spki, sizeof(e->spki));
		cJSON_AddStringToObject(o, "spkiSha256", hex);
	} else {
		b64 = malloc(e->issuer_len / 3 * 4 + 8);
		if (b64 != NULL) {
			EVP_EncodeBlock((unsigned char *)b64, e->issuer,
			    (int)e->issuer_len);
			cJSON_AddStringToObject(o, "issuer", b64);
		}
		free(b64);
		cJSON_AddStringToObject(o, "issuerName", e->shown);
		hex_text(hex, e->serial, e->serial_len);
		cJSON_AddStringToObject(o, "serial", hex);
	}
	cJSON_AddStringToObject(o, "reason", e->note);
	if (e->until != 0) {
		gmtime_r(&e->until, &tm);
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
		cJSON_AddStringToObject(o, "until", when);
	} else {
		cJSON_AddNullToObject(o, "until");
	}
	gmtime_r(&e->added_at, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	cJSON_AddStringToObject(o, "addedAt", when);
	cJSON_AddNumberToObject(o, "addedAtSec", (double)e->added_at);
	cJSON_AddStringToObject(o, "addedBy", e->who);
	return o;
}

cJSON *
denylist_json(const struct denylist *d)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < d->num; i++) {
		cJSON *o = entry_json(&d->entries[i]);

		cJSON_DeleteItemFromObjectCaseSensitive(o, "addedAtSec");
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

size_t
denylist_num(const struct denylist *d)
{
	return d->num;
}

/* Changes. */

static struct entry *
find(const struct denylist *d, const char *id)
{
	for (size_t i = 0; i < d->num; i++)
		if (strcmp(d->entries[i].id, id) == 0)
			return &d->entries[i];
	return NULL;
}

/* Takes *e over, also on failure. */
static int
insert(struct denylist *d, struct entry *e, struct err *err)
{
	struct entry *have = find(d, e->id), *grown;

	if (have != NULL) {
		entry_cleanup(have);
		*have = *e;
		return 0;
	}
	grown = d->num < DENYLIST_MAX
	    ? realloc(d->entries, (d->num + 1) * sizeof(*grown))
	    : NULL;
	if (grown == NULL) {
		entry_cleanup(e);
		return err_set(err, E_LIMIT,
		    "the denylist has %d entries already", DENYLIST_MAX);
	}
	d->entries = grown;
	d->entries[d->num++] = *e;
	return 0;
}

static void delete (struct denylist *d, struct entry *e)
{
	size_t i = (size_t)(e - d->entries);

	entry_cleanup(e);
	memmove(e, e + 1, (--d->num - i) * sizeof(*e));
}

static int
replay(void *arg, const cJSON *record, struct err *err)
{
	struct denylist *d = arg;
	const char *gone = json_get_string(record, "removed");
	const char *who = json_get_string(record, "addedBy");
	struct entry e, *have;
	int64_t at;
	int rc;

	if (gone != NULL) {
		have = find(d, gone);
		if (have != NULL)
			delete (d, have);
		return 0;
	}
	rc = entry_parse(&e, record, who != NULL ? who : "", err);
	if (rc != 0)
		return rc;
	if (json_to_int(
		json_get(record, "addedAtSec"), 0, INT64_C(1) << 40, &at) == 0)
		e.added_at = (time_t)at;
	return insert(d, &e, err);
}

int
denylist_open(struct denylist **out, const char *dir, const struct log *log,
    struct err *err)
{
	struct denylist *d = calloc(1, sizeof(*d));
	int rc = 0;

	*out = NULL;
	if (d == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (dir != NULL)
		rc = journal_open_in(
		    &d->journal, dir, "denylist.journal", replay, d, log, err);
	if (rc == 0 && d->journal != NULL &&
	    journal_size(d->journal) > COMPACT_AT) {
		cJSON *all = cJSON_CreateArray();

		for (size_t i = 0; i < d->num; i++)
			cJSON_AddItemToArray(all, entry_json(&d->entries[i]));
		rc = journal_rewrite(d->journal, all, err);
		cJSON_Delete(all);
	}
	if (rc != 0) {
		denylist_close(d);
		return rc;
	}
	*out = d;
	return 0;
}

void
denylist_close(struct denylist *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->num; i++)
		entry_cleanup(&d->entries[i]);
	free(d->entries);
	journal_close(d->journal);
	free(d);
}

int
denylist_apply(const struct denylist *d, struct revcheck *rc, struct err *err)
{
	struct revcheck_deny *list =
	    calloc(d->num > 0 ? d->num : 1, sizeof(*list));
	struct revcheck_error why;
	int ret;

	if (list == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	for (size_t i = 0; i < d->num; i++) {
		const struct entry *e = &d->entries[i];

		list[i].until = e->until;
		list[i].note = e->note;
		if (e->is_spki) {
			list[i].spki_sha256 = e->spki;
			continue;
		}
		list[i].issuer_der = e->issuer;
		list[i].issuer_len = e->issuer_len;
		list[i].serial = e->serial;
		list[i].serial_len = e->serial_len;
	}
	ret = revcheck_set_denylist(rc, list, d->num, &why);
	free(list);
	return ret == 0 ? 0 : err_set(err, ret, "%s", why.msg);
}

int
denylist_add(struct denylist *d, struct revcheck *rc, const cJSON *o,
    const char *who, char id[DENYLIST_ID_SIZE], struct err *err)
{
	struct entry e;
	cJSON *record;
	int ret = entry_parse(&e, o, who, err);

	if (ret != 0)
		return ret;
	memcpy(id, e.id, DENYLIST_ID_SIZE);
	record = entry_json(&e);
	if (d->journal != NULL)
		ret = journal_append(d->journal, record, err);
	cJSON_Delete(record);
	if (ret != 0) {
		entry_cleanup(&e);
		return ret;
	}
	ret = insert(d, &e, err);
	return ret == 0 ? denylist_apply(d, rc, err) : ret;
}

int
denylist_remove(
    struct denylist *d, struct revcheck *rc, const char *id, struct err *err)
{
	struct entry *e = find(d, id);
	cJSON *record;
	int ret = 0;

	if (e == NULL)
		return err_set(err, E_ARG, "there is no entry '%.32s'", id);
	record = cJSON_CreateObject();
	cJSON_AddStringToObject(record, "removed", id);
	if (d->journal != NULL)
		ret = journal_append(d->journal, record, err);
	cJSON_Delete(record);
	if (ret != 0)
		return ret;
	delete (d, e);
	return denylist_apply(d, rc, err);
}
