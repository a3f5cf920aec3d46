/* describe: see the header. Pure; any thread; never fails, cuts instead. */
#include "revcheck/x509/describe.h"

#include <stdint.h>
#include <string.h>

#include <openssl/bio.h>

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
	static const char hex[] = "0123456789ABCDEF";
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
	for (int i = 0; i < len && n + 3 <= cap; i++) {
		out[n++] = hex[p[i] >> 4];
		out[n++] = hex[p[i] & 15];
	}
	if (len == 0) {
		out[n++] = '0';
		out[n++] = '0';
	}
	out[n] = '\0';
}

/* Digits of n, least significant last, no more than width. */
static void
put_digits(char *p, int width, int64_t n)
{
	for (int i = width - 1; i >= 0; i--, n /= 10)
		p[i] = (char)('0' + n % 10);
}

/*
 * By hand and not by strftime, which looks at the time zone and takes longer
 * than the whole look-up that it describes.
 */
void
describe_time(char out[DESCRIBE_TIME_LEN], time_t t)
{
	int64_t days, sec, era, doe, yoe, doy, mp, year;

	if (t == 0 || t < -62135596800 || t > 253402300799) {
		memcpy(out, "-", 2);
		return;
	}
	days = t / 86400;
	sec = t % 86400;
	if (sec < 0) {
		sec += 86400;
		days--;
	}
	/* Civil from days, proleptic Gregorian, years beginning in March. */
	days += 719468;
	era = days / 146097;
	doe = days - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	year = yoe + era * 400 + (mp >= 10);
	memcpy(out, "0000-00-00T00:00:00Z", 21);
	put_digits(out, 4, year);
	put_digits(out + 5, 2, mp < 10 ? mp + 3 : mp - 9);
	put_digits(out + 8, 2, doy - (153 * mp + 2) / 5 + 1);
	put_digits(out + 11, 2, sec / 3600);
	put_digits(out + 14, 2, sec / 60 % 60);
	put_digits(out + 17, 2, sec % 60);
}
