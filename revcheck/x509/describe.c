/* describe: see the header. Pure; any thread; never fails, cuts instead. */
#include "revcheck/x509/describe.h"

#include <openssl/bio.h>

#include "cache/base/text.h"

void
describe_name(char *out, size_t cap, const X509_NAME *name)
{
	BIO *bio;
	int n;

	if (cap == 0)
		return;
	out[0] = '\0';
	bio = BIO_new(BIO_s_mem());
	if (bio == NULL)
		return;
	/* RFC 2253 flags escape control characters and everything >= 0x80. */
	if (name != NULL &&
	    X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0) {
		n = BIO_read(bio, out, (int)cap - 1);
		out[n > 0 ? n : 0] = '\0';
	}
	BIO_free(bio);
}

void
describe_serial(char *out, size_t cap, const ASN1_INTEGER *serial)
{
	size_t n = 0;
	int len;
	const unsigned char *p;

	if (cap < 4) {
		if (cap > 0)
			out[0] = '\0';
		return;
	}
	if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER)
		out[n++] = '-';
	p = ASN1_STRING_get0_data(serial);
	len = ASN1_STRING_length(serial);
	if (len == 0) {
		p = (const unsigned char *)"";
		len = 1;
	}
	if ((size_t)len > (cap - 1 - n) / 2)
		len = (int)((cap - 1 - n) / 2);
	text_hex_upper(out + n, p, (size_t)len);
}
