/* describe: see the header. Pure; any thread; never fails, cuts instead. */
#include "revcheck/x509/describe.h"

#include "cache/base/text.h"

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
