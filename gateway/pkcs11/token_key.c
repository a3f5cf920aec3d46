/*
 * token_key: the calls by which others come by keys of a token. They wait, on
 * sign_wait's terms.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/pkcs11/sign_wait.h"
#include "gateway/pkcs11/token_internal.h"

/* Takes the job over: does it, and wraps the key that came of it. */
static int
run(struct token_job *job, EVP_PKEY **out, struct err *err)
{
	int rc = sign_wait_for(job, err);

	if (rc == 0 && out != NULL)
		rc = token_pkey_new(out, job->key, err);
	token_job_drop(job);
	return rc;
}

int
token_find(struct token *t, EVP_PKEY **out, const struct pkcs11_uri *which,
    struct err *err)
{
	struct token_job *job = token_job_new(t, TOKEN_WORK_FIND, NULL, 0);

	*out = NULL;
	if (job == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	job->which = *which;
	return run(job, out, err);
}

int
token_make(struct token *t, EVP_PKEY **out, enum token_kind kind,
    const unsigned char id[TOKEN_ID_BYTES], const char *label, struct err *err)
{
	struct token_job *job = token_job_new(t, TOKEN_WORK_MAKE, NULL, 0);

	*out = NULL;
	if (job == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	job->kind = kind;
	memcpy(job->which.id, id, TOKEN_ID_BYTES);
	job->which.id_len = TOKEN_ID_BYTES;
	snprintf(job->which.object, sizeof(job->which.object), "%s", label);
	return run(job, out, err);
}

int
token_destroy(
    struct token *t, const unsigned char id[TOKEN_ID_BYTES], struct err *err)
{
	struct token_job *job = token_job_new(t, TOKEN_WORK_DESTROY, NULL, 0);

	if (job == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	memcpy(job->which.id, id, TOKEN_ID_BYTES);
	job->which.id_len = TOKEN_ID_BYTES;
	return run(job, NULL, err);
}
