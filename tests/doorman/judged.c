/* judged: see the header. */
#include "tests/doorman/judged.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fixtures/doorman/base/csr.h"
#include "tests/doorman/test_ca.h"

void
test_judged(const char *row, const void *p, size_t len, const char *says)
{
	struct fault f = {""};
	struct csr csr;
	/* Exactly as long as it is: a read beyond the end shows. */
	uint8_t *copy = malloc(len + 1);
	int rc;

	memcpy(copy, p, len);
	rc = csr_read(&csr, view_of(copy, len), &f);
	if (says == NULL ? rc != 0 : rc == 0 || strstr(f.msg, says) == NULL)
		fail_msg("%s: %d '%s'", row, rc, f.msg);
	if (rc == 0)
		csr_cleanup(&csr);
	free(copy);
}

void
test_judged_request(const char *row, X509_REQ *req, const char *says)
{
	struct buf der;

	buf_init(&der, 65536);
	test_csr_der(&der, req);
	test_judged(row, der.p, der.len, says);
	buf_free(&der);
}
