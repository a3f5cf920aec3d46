/* err: see the header. Sentences are formatted here and nowhere else. */
#define ERROR_C
#include "cache/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "cache/base/text.h"

static void
err_fill(struct err *e, int code, const char *tail, const char *fmt, va_list ap)
{
	size_t len;

	if (e == NULL)
		return;
	memset(e, 0, sizeof(*e));
	e->code = code;
	len = text_vformat(e->msg, sizeof(e->msg), fmt, ap);
	if (tail != NULL && len < sizeof(e->msg))
		snprintf(e->msg + len, sizeof(e->msg) - len, ": %s", tail);
	for (char *p = e->msg; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}

int
err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_fill(e, code, NULL, fmt, ap);
	va_end(ap);
	return code;
}

int
err_sys(struct err *e, const char *fmt, ...)
{
	int saved = errno;
	char buf[96];
	va_list ap;

	va_start(ap, fmt);
	err_fill(e, E_IO, strerror_r(saved, buf, sizeof(buf)), fmt, ap);
	va_end(ap);
	if (e != NULL)
		e->sys_errno = saved;
	return E_IO;
}

int
err_ossl(struct err *e, int code, const char *fmt, ...)
{
	unsigned long ossl = ERR_peek_error();
	const char *reason = ossl != 0 ? ERR_reason_error_string(ossl) : NULL;
	va_list ap;

	va_start(ap, fmt);
	err_fill(e, code, reason, fmt, ap);
	va_end(ap);
	if (e != NULL)
		e->ossl = ossl;
	ERR_clear_error();
	return code;
}
