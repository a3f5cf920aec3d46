/* error: converts struct err to struct revcheck_error. */
#include <assert.h>
#include <string.h>

#include "revcheck/x509/certs.h"

static_assert(E_ARG == REVCHECK_E_ARG, "codes agree");
static_assert(E_NOMEM == REVCHECK_E_NOMEM, "codes agree");
static_assert(E_PARSE == REVCHECK_E_PARSE, "codes agree");
static_assert(E_CLOSED == REVCHECK_E_CLOSED, "codes agree");
static_assert(E_LIMIT == REVCHECK_E_LIMIT, "codes agree");
static_assert(E_IO == REVCHECK_E_IO, "codes agree");
static_assert(E_INTERNAL == REVCHECK_E_INTERNAL, "codes agree");
static_assert(
    sizeof(((struct err *)0)->msg) == sizeof(((struct revcheck_error *)0)->msg),
    "messages agree");

int
error_publish(struct revcheck_error *out, const struct err *in, int code)
{
	if (out == NULL || code >= 0)
		return code;
	memset(out, 0, sizeof(*out));
	out->code = code;
	if (in != NULL) {
		out->sys_errno = in->sys_errno;
		out->ossl = in->ossl;
		memcpy(out->msg, in->msg, sizeof(out->msg));
	}
	if (out->msg[0] == '\0')
		memcpy(out->msg, "out of memory", sizeof("out of memory"));
	return code;
}
