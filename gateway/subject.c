/* subject: one name, one text. Pure. */
#include "gateway/subject.h"

#include <string.h>

#include <openssl/bio.h>

bool
subject_text(char out[SUBJECT_MAX], X509 *cert)
{
	BIO *mem = BIO_new(BIO_s_mem());
	const char *text = NULL;
	bool ok = false;
	long len;

	memcpy(out, "?", 2);
	if (mem == NULL ||
	    X509_NAME_print_ex(
		mem, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) < 0)
		goto out;
	len = BIO_get_mem_data(mem, &text);
	/* Cut, a name could pass for another. */
	if (len < 0 || len >= SUBJECT_MAX || memchr(text, '\0', (size_t)len))
		goto out;
	memcpy(out, text, (size_t)len);
	out[len] = '\0';
	ok = true;
out:
	BIO_free(mem);
	return ok;
}
