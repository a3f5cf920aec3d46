/* path_verify: see the header. Path building is OpenSSL's; keeps nothing. */
#include "gateway/tls/path_verify.h"

#include <stdbool.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#define PATH_VERIFY_MAX_PATH 102 /* OpenSSL builds no longer one */

static int
copy_path(struct revcheck_certs **path, X509_STORE_CTX *ctx, struct err *err)
{
	const STACK_OF(X509) *found = X509_STORE_CTX_get0_chain(ctx);
	X509 *list[PATH_VERIFY_MAX_PATH];
	struct revcheck_error why;
	int num = sk_X509_num(found);

	if (num < 1 || num > PATH_VERIFY_MAX_PATH)
		return err_set(err, E_PARSE, "its path is too long");
	for (int i = 0; i < num; i++)
		list[i] = sk_X509_value(found, i);
	if (revcheck_certs_from_x509(path, list, (size_t)num, &why) != 0)
		return err_set(err, why.code, "%s", why.msg);
	return 0;
}

static bool
prepare(X509_STORE_CTX *ctx, STACK_OF(X509) * others,
    const struct revcheck_certs *chain, struct revcheck_trust *trust,
    unsigned flags)
{
	for (size_t i = 1; i < revcheck_certs_num(chain); i++)
		if (sk_X509_push(others, revcheck_certs_get0(chain, i)) <= 0)
			return false;
	if (X509_STORE_CTX_init(ctx, revcheck_trust_get0_store(trust),
		revcheck_certs_get0(chain, 0), others) != 1)
		return false;
	/* Any certificate of the trust ends a path, self-signed or not. */
	X509_STORE_CTX_set_flags(ctx,
	    X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST |
		((flags & PATH_VERIFY_ANY_TIME) != 0 ? X509_V_FLAG_NO_CHECK_TIME
						     : 0));
	return true;
}

int
path_verify(struct revcheck_certs **path, const struct revcheck_certs *chain,
    struct revcheck_trust *trust, unsigned flags, struct err *err)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *others = sk_X509_new_null();
	int rc = E_NOMEM;

	if (path != NULL)
		*path = NULL;
	if (ctx == NULL || others == NULL ||
	    !prepare(ctx, others, chain, trust, flags))
		err_set(err, rc, "out of memory");
	else if (X509_verify_cert(ctx) != 1)
		rc = err_set(err, E_PARSE, "%s",
		    X509_verify_cert_error_string(
			X509_STORE_CTX_get_error(ctx)));
	else
		rc = path != NULL ? copy_path(path, ctx, err) : 0;
	X509_STORE_CTX_free(ctx);
	sk_X509_free(others);
	ERR_clear_error();
	return rc;
}
