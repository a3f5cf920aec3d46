/*
 * api_ocsp_info: what is written in an OCSP response, for tools. Nothing of it
 * is believed here. Any thread.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "cache/base/subject.h"
#include "cache/base/text.h"
#include "revcheck/api/judging.h"
#include "revcheck/ocsp/ocsp_parse.h"
#include "revcheck/x509/certs.h"

static const uint8_t oid_nonce[] = {
    0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02};

/* Loading. */

int
revcheck_ocsp_load(unsigned char **out, size_t *out_len, const char *path,
    struct revcheck_error *err)
{
	struct evidence *only = NULL;
	struct err e = {0};
	int fd, rc;

	*out = NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_publish(
		    err, &e, err_sys(&e, "cannot open '%s'", path));
	rc = judging_read(&only, EVIDENCE_OCSP, span_of(NULL, 0), fd, path, &e);
	close(fd);
	if (rc == 0 && (*out = malloc(only->der_len + 1)) == NULL)
		rc = err_set(&e, E_NOMEM, "out of memory");
	if (rc == 0) {
		memcpy(*out, only->der, only->der_len);
		*out_len = only->der_len;
	}
	evidence_free(only);
	return error_publish(err, &e, rc);
}

/* Text. */

/* Octets in hexadecimal, cut to fit. */
static void
describe_octets(char *out, size_t cap, struct span v)
{
	text_hex_upper(out, v.p, v.len < (cap - 1) / 2 ? v.len : (cap - 1) / 2);
}

/* The content octets of an OBJECT IDENTIFIER, by name. */
static void
describe_oid(char *out, size_t cap, struct span content)
{
	unsigned char der[2 + 127] = {DER_OID};
	const unsigned char *p = der;
	ASN1_OBJECT *o = NULL;

	out[0] = '\0';
	if (content.len == 0 || content.len > 127)
		return;
	der[1] = (unsigned char)content.len;
	memcpy(der + 2, content.p, content.len);
	o = d2i_ASN1_OBJECT(NULL, &p, (long)content.len + 2);
	if (o != NULL)
		OBJ_obj2txt(out, (int)cap, o, 0);
	ASN1_OBJECT_free(o);
	ERR_clear_error();
}

static void
describe_responder(char *out, size_t cap, const struct ocsp_response *r)
{
	const unsigned char *p = r->responder.p;
	X509_NAME *name;

	out[0] = '\0';
	if (r->by_key) {
		describe_octets(out, cap, r->responder);
	} else if (r->responder.len > 0) {
		name = d2i_X509_NAME(NULL, &p, (long)r->responder.len);
		subject_show_name(out, cap, name);
		X509_NAME_free(name);
		ERR_clear_error();
	}
}

static void
describe_nonce(char *out, size_t cap, const struct ocsp_response *r)
{
	struct ocsp_extension e;
	struct span inner;
	struct der d;

	out[0] = '\0';
	if (!ocsp_extension_find(
		r->extensions, span_of(oid_nonce, sizeof(oid_nonce)), &e))
		return;
	der_init(&d, e.value);
	if (!der_get(&d, DER_OCTET_STRING, &inner) || !der_done(&d))
		inner = e.value;
	describe_octets(out, cap, inner);
}

static void
describe_flaws(char *out, size_t cap, unsigned flaws)
{
	size_t len = 0;

	out[0] = '\0';
	for (unsigned bit = 1; bit != 0 && bit <= flaws; bit <<= 1)
		if ((flaws & bit) != 0 && len < cap)
			len += (size_t)snprintf(out + len, cap - len, "%s%s",
			    len > 0 ? ", " : "", ocsp_flaw_text(bit));
}

int
revcheck_ocsp_get_info(struct revcheck_ocsp_info *out, const void *response,
    size_t len, struct revcheck_error *err)
{
	struct revcheck_ocsp_info v = {.size = out->size, .bytes = len};
	struct ocsp_single single;
	struct ocsp_response r;
	struct err e = {0};
	struct span oid;
	struct der at;
	int rc;

	rc = ocsp_parse(&r, span_of(response, len), &e);
	if (rc != 0)
		return error_publish(err, &e, rc);
	snprintf(v.status, sizeof(v.status), "%s",
	    ocsp_response_status_name(r.status) != NULL
		? ocsp_response_status_name(r.status)
		: "undefined");
	describe_responder(v.responder, sizeof(v.responder), &r);
	der_init(&at, r.sig_alg);
	if (der_enter(&at, DER_SEQUENCE, &at) && der_get(&at, DER_OID, &oid))
		describe_oid(v.signature, sizeof(v.signature), oid);
	describe_nonce(v.nonce, sizeof(v.nonce), &r);
	v.produced_at = r.produced_at;
	der_init(&at, r.singles);
	while (ocsp_single_next(&at, &single))
		v.num_answers++;
	der_init(&at, r.certs);
	while (der_any(&at, NULL, NULL, NULL))
		v.num_certs++;
	describe_flaws(v.flaws, sizeof(v.flaws), r.flaws);
	memcpy(out, &v, out->size < sizeof(v) ? out->size : sizeof(v));
	return 0;
}

static void
answer_fill(struct revcheck_ocsp_answer *out, const struct ocsp_single *s)
{
	static const enum revcheck_status statuses[] = {
	    [OCSP_CERT_GOOD] = REVCHECK_GOOD,
	    [OCSP_CERT_REVOKED] = REVCHECK_REVOKED,
	    [OCSP_CERT_UNKNOWN] = REVCHECK_UNKNOWN};

	*out = (struct revcheck_ocsp_answer){
	    .status = statuses[s->status],
	    .reason = s->reason,
	    .revoked_at = s->revoked_at,
	    .this_update = s->this_update,
	    .next_update = s->next_update,
	};
	/* As it is written: a padded one shows. */
	describe_octets(out->serial, sizeof(out->serial), s->serial);
	describe_oid(out->hash, sizeof(out->hash), s->hash_oid);
	describe_octets(
	    out->issuer_name, sizeof(out->issuer_name), s->name_hash);
	describe_octets(out->issuer_key, sizeof(out->issuer_key), s->key_hash);
}

int
revcheck_ocsp_next(const void *response, size_t len, size_t *pos,
    struct revcheck_ocsp_answer *out)
{
	struct ocsp_single single;
	struct ocsp_response r;
	struct err e = {0};
	struct der at;

	if (ocsp_parse(&r, span_of(response, len), &e) != 0)
		return 0;
	if (*pos >= r.singles.len)
		return 0;
	der_init(&at, span_of(r.singles.p + *pos, r.singles.len - *pos));
	if (!ocsp_single_next(&at, &single))
		return 0;
	*pos = (size_t)(at.p - r.singles.p);
	answer_fill(out, &single);
	return 1;
}
