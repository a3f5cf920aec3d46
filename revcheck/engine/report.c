/* report: see the header. Any thread. */
#include "revcheck/engine/report.h"

#include <stdlib.h>
#include <string.h>

#include "cache/base/subject.h"
#include "revcheck/x509/describe.h"

struct revcheck_report *
report_new(size_t num)
{
	struct revcheck_report *r;

	r = calloc(1,
	    sizeof(*r) + num * sizeof(r->results[0]) +
		num * sizeof(r->modes[0]));
	if (r == NULL)
		return NULL;
	ref_init(&r->ref);
	r->num = num;
	r->index = -1;
	r->path_error = X509_V_OK;
	r->modes = (enum revcheck_mode *)(void *)&r->results[num];
	for (size_t i = 0; i < num; i++) {
		r->results[i].reason = REVCHECK_REASON_NONE;
		r->results[i].submitted_index = SIZE_MAX;
	}
	return r;
}

struct revcheck_report *
revcheck_report_up_ref(struct revcheck_report *r)
{
	ref_up(&r->ref);
	return r;
}

void
revcheck_report_free(struct revcheck_report *r)
{
	if (r == NULL || !ref_down(&r->ref))
		return;
	for (size_t i = 0; r->responses != NULL && i < r->num; i++)
		free(r->responses[i].der);
	free(r->responses);
	for (size_t i = 0; r->tries != NULL && i < r->num; i++)
		free(r->tries[i].v);
	free(r->tries);
	free(r->sources);
	free(r);
}

void
report_describe(struct revcheck_result *res, X509 *cert)
{
	subject_show(res->subject, sizeof(res->subject), cert);
	subject_show_name(
	    res->issuer, sizeof(res->issuer), X509_get_issuer_name(cert));
	describe_serial(
	    res->serial, sizeof(res->serial), X509_get0_serialNumber(cert));
}

int
report_keep_response(struct revcheck_report *r, size_t i, struct span der)
{
	struct report_response *x;

	if (r->responses == NULL)
		r->responses = calloc(r->num, sizeof(*r->responses));
	if (r->responses == NULL)
		return E_NOMEM;
	x = &r->responses[i];
	x->der = malloc(der.len);
	if (x->der == NULL)
		return E_NOMEM;
	memcpy(x->der, der.p, der.len);
	x->len = der.len;
	return 0;
}

const void *
revcheck_report_response(const struct revcheck_report *r, size_t i, size_t *len)
{
	*len = 0;
	if (r->responses == NULL || i >= r->num)
		return NULL;
	*len = r->responses[i].len;
	return r->responses[i].der;
}

int
report_keep_tries(struct revcheck_report *r, size_t i,
    const struct revcheck_result *v, size_t num)
{
	struct report_tries *t;

	if (r->tries == NULL)
		r->tries = calloc(r->num, sizeof(*r->tries));
	if (r->tries == NULL)
		return E_NOMEM;
	t = &r->tries[i];
	t->v = calloc(num + 1, sizeof(*v));
	if (t->v == NULL)
		return E_NOMEM;
	memcpy(t->v, v, num * sizeof(*v));
	t->num = num;
	return 0;
}

size_t
revcheck_report_num_tries(const struct revcheck_report *r, size_t i)
{
	return r->tries != NULL && i < r->num ? r->tries[i].num : 0;
}

const struct revcheck_result *
revcheck_report_get0_try(const struct revcheck_report *r, size_t i, size_t k)
{
	return k < revcheck_report_num_tries(r, i) ? &r->tries[i].v[k] : NULL;
}

int
revcheck_report_allows(const struct revcheck_report *r)
{
	return r->allow ? 1 : 0;
}

enum revcheck_status
revcheck_report_status(const struct revcheck_report *r)
{
	return r->status;
}

enum revcheck_why
revcheck_report_why(const struct revcheck_report *r)
{
	return r->why;
}

enum revcheck_mode
revcheck_report_mode(const struct revcheck_report *r)
{
	return r->mode;
}

int
revcheck_report_index(const struct revcheck_report *r)
{
	return r->index;
}

int
revcheck_report_path_error(const struct revcheck_report *r)
{
	return r->path_error;
}

int
revcheck_report_shadow_refuses(const struct revcheck_report *r)
{
	return r->shadow_refuses ? 1 : 0;
}

size_t
revcheck_report_num(const struct revcheck_report *r)
{
	return r->num;
}

const struct revcheck_result *
revcheck_report_get0(const struct revcheck_report *r, size_t i)
{
	return i < r->num ? &r->results[i] : NULL;
}

const char *
revcheck_report_text(const struct revcheck_report *r)
{
	return r->text;
}

const char *
revcheck_report_notes(const struct revcheck_report *r)
{
	return r->notes;
}

int
revcheck_report_x509_error(const struct revcheck_report *r)
{
	if (r->allow)
		return X509_V_OK;
	switch (r->status) {
	case REVCHECK_REVOKED:
		return X509_V_ERR_CERT_REVOKED;
	case REVCHECK_PATH_INVALID:
		return r->path_error != X509_V_OK ? r->path_error
						  : X509_V_ERR_UNSPECIFIED;
	default:
		/* Not in OpenSSL's alert table: certificate_unknown(46). */
		return X509_V_ERR_OCSP_CERT_UNKNOWN;
	}
}
