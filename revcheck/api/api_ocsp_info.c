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
#include "cache/evidence/evidence_file.h"
#include "revcheck/ocsp/ocsp_parse.h"
#include "revcheck/x509/certs.h"

static const uint8_t oid_nonce[] = {
    0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02};

/* Loading. */

struct only {
	unsigned char *der;
	size_t len, num;
	struct err why; /* of what is none */
};

static int
only_take(
    void *arg, struct evidence *e, enum crl_fault fault, const struct err *why)
{
	struct only *o = arg;

	(void)fault;
	o->num++;
	if (e == NULL) {
		o->why = *why;
	} else if (o->der == NULL) {
		o->der = malloc(e->der_len + 1);
		if (o->der == NULL)
			return E_NOMEM;
		memcpy(o->der, e->der, e->der_len);
		o->len = e->der_len;
	}
	return 0;
}

static int
only_read(struct only *o, int fd, const char *path, struct err *err)
{
	struct evidence_file *f =
	    evidence_file_new(EVIDENCE_OCSP, path, 0, NULL, only_take, o);
	int rc = 1;

	if (f == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	while (rc == 1)
		rc = evidence_file_step(f, fd, err);
	if (rc == 0)
		rc = evidence_file_finish(f, err);
	evidence_file_free(f);
	if (rc == E_NOMEM)
		return err_set(err, rc, "out of memory");
	if (rc == 0 && o->num > 1)
		return err_set(err, E_PARSE,
		    "cannot read '%s': it has %zu objects, one OCSP response "
		    "is expected",
		    path, o->num);
	if (rc == 0 && o->der == NULL)
		return err_set(
		    err, E_PARSE, "cannot read '%s': %s", path, o->why.msg);
	return rc;
}

int
revcheck_ocsp_load(unsigned char **out, size_t *out_len, const char *path,
    struct revcheck_error *err)
{
	struct only only = {.num = 0};
	struct err e = {0};
	int fd, rc;

	*out = NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_publish(
		    err, &e, err_sys(&e, "cannot open '%s'", path));
	rc = only_read(&only, fd, path, &e);
	close(fd);
	if (rc == 0) {
		*out = only.der;
		*out_len = only.len;
	} else {
		free(only.der);
	}
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
