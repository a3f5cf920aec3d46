/*
 * pkcs11_key: the calls by which others come by keys of a token. They wait, on
 * async_wait's terms.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/pkcs11/async_wait.h"
#include "gateway/pkcs11/pkcs11_internal.h"

/* Takes the job over: does it, and wraps the key that came of it. */
static int
run(struct pkcs11_job *job, EVP_PKEY **out, struct err *err)
{
	int rc = async_wait_for(job, err);

	if (rc == 0 && out != NULL)
		rc = pkcs11_pkey_new(out, job->key, err);
	pkcs11_job_drop(job);
	return rc;
}

int
pkcs11_find(struct pkcs11 *t, EVP_PKEY **out, const struct pkcs11_uri *which,
    struct err *err)
{
	struct pkcs11_job *job = pkcs11_job_new(t, PKCS11_WORK_FIND, NULL, 0);

	*out = NULL;
	if (job == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	job->which = *which;
	return run(job, out, err);
}

int
pkcs11_make(struct pkcs11 *t, EVP_PKEY **out, enum pkcs11_kind kind,
    const unsigned char id[PKCS11_ID_BYTES], const char *label, struct err *err)
{
	struct pkcs11_job *job = pkcs11_job_new(t, PKCS11_WORK_MAKE, NULL, 0);

	*out = NULL;
	if (job == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	job->kind = kind;
	memcpy(job->which.id, id, PKCS11_ID_BYTES);
	job->which.id_len = PKCS11_ID_BYTES;
	snprintf(job->which.object, sizeof(job->which.object), "%s", label);
	return run(job, out, err);
}

int
pkcs11_destroy(
    struct pkcs11 *t, const unsigned char id[PKCS11_ID_BYTES], struct err *err)
{
	struct pkcs11_job *job =
	    pkcs11_job_new(t, PKCS11_WORK_DESTROY, NULL, 0);

	if (job == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	memcpy(job->which.id, id, PKCS11_ID_BYTES);
	job->which.id_len = PKCS11_ID_BYTES;
	return run(job, NULL, err);
}
