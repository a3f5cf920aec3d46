/* dn: names to text, from text, and against each other. Pure. */
#include "gateway/base/dn.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>

#include "cache/base/text.h"

bool
dn_text(char out[DN_MAX], X509 *cert)
{
	return dn_name_text(out, X509_get_subject_name(cert));
}

/* From text. */

/*
 * In front, as the text begins with the last RDN; set: 0 for an RDN of its own,
 * 1 into the one that is in front.
 */
static int
put_entry(X509_NAME *name, int set, const char *type, int kind,
    const void *value, int n)
{
	return X509_NAME_add_entry_by_txt(name, type, kind, value, n, 0, set) ==
		1
	    ? 0
	    : -1;
}

#define STRINGS \
	(B_ASN1_DIRECTORYSTRING | B_ASN1_IA5STRING | B_ASN1_NUMERICSTRING)

/* RFC 2253 2.4: "#" and the value's encoding in hexadecimal digits. */
static int
add_encoded(
    X509_NAME *name, int set, const char *type, const char *hex, size_t len)
{
	unsigned char der[DN_MAX / 2], *utf8 = NULL;
	const unsigned char *p = der;
	ASN1_TYPE *t = NULL;
	int rc = -1, n;

	for (size_t i = 0; i < len; i++)
		if (text_hex_value(hex[i]) < 0)
			return -1;
	if (len == 0 || len % 2 != 0 || len / 2 > sizeof(der))
		return -1;
	for (size_t i = 0; i < len / 2; i++)
		der[i] = (unsigned char)((text_hex_value(hex[2 * i]) << 4) |
		    text_hex_value(hex[2 * i + 1]));
	t = d2i_ASN1_TYPE(NULL, &p, (long)(len / 2));
	/* Names have strings; ASN1_TYPE keeps some others elsewhere. */
	if (t == NULL || p != der + len / 2 ||
	    (ASN1_tag2bit(t->type) & STRINGS) == 0)
		goto out;
	/* A type without a name is written so again: exactly as it was. */
	if (OBJ_txt2nid(type) == NID_undef)
		rc = put_entry(name, set, type, t->type,
		    ASN1_STRING_get0_data(t->value.asn1_string),
		    ASN1_STRING_length(t->value.asn1_string));
	else if ((n = ASN1_STRING_to_UTF8(&utf8, t->value.asn1_string)) > 0)
		rc = put_entry(name, set, type, MBSTRING_UTF8, utf8, n);
out:
	OPENSSL_free(utf8);
	ASN1_TYPE_free(t);
	return rc;
}

/* One "type=value" into the name. RFC 2253 section 2.4 escapes. */
static int
add_part(X509_NAME *name, int set, const char *part, size_t len)
{
	char type[64], value[DN_MAX];
	const char *eq = memchr(part, '=', len);
	size_t n = 0, t;

	if (eq == NULL)
		return -1;
	while (part < eq && *part == ' ')
		part++, len--;
	t = (size_t)(eq - part);
	while (t > 0 && part[t - 1] == ' ')
		t--;
	if (t == 0 || t >= sizeof(type))
		return -1;
	memcpy(type, part, t);
	type[t] = '\0';
	len -= (size_t)(eq - part) + 1;
	part = eq + 1;
	while (len > 0 && *part == ' ')
		part++, len--;
	while (len > 0 && part[len - 1] == ' ' &&
	    (len < 2 || part[len - 2] != '\\'))
		len--;
	if (len > 0 && *part == '#')
		return add_encoded(name, set, type, part + 1, len - 1);
	for (size_t i = 0; i < len; i++) {
		int high = i + 2 < len ? text_hex_value(part[i + 1]) : -1;
		int low = high >= 0 ? text_hex_value(part[i + 2]) : -1;

		/* Cut, it would be another's. */
		if (n == sizeof(value))
			return -1;
		if (part[i] != '\\' || i + 1 >= len)
			value[n++] = part[i];
		else if (low >= 0) {
			value[n++] = (char)(high << 4 | low);
			i += 2;
		} else {
			value[n++] = part[++i];
		}
	}
	return n > 0 ? put_entry(name, set, type, MBSTRING_UTF8, value, (int)n)
		     : -1;
}

X509_NAME *
dn_parse(const char *text)
{
	X509_NAME *name = X509_NAME_new();
	const char *start = text;
	bool ok = name != NULL;
	int set = 0;

	for (const char *p = text; ok; p++) {
		if (*p == '\\' && p[1] != '\0') {
			p++;
			continue;
		}
		if (*p != ',' && *p != '+' && *p != '\0')
			continue;
		ok = add_part(name, set, start, (size_t)(p - start)) == 0;
		if (*p == '\0')
			break;
		set = *p == '+';
		start = p + 1;
	}
	/* Octets that are no characters show here. */
	if (ok && i2d_X509_NAME(name, NULL) > 0)
		return name;
	X509_NAME_free(name);
	return NULL;
}

/* Comparing. */

static X509_NAME *
single(const X509_NAME_ENTRY *e)
{
	X509_NAME *name = X509_NAME_new();

	if (name != NULL && X509_NAME_add_entry(name, e, 0, 0) == 1)
		return name;
	X509_NAME_free(name);
	return NULL;
}

/* Whether every attribute of a is one of b. */
static bool
within(const X509_NAME *a, const X509_NAME *b)
{
	for (int i = 0; i < X509_NAME_entry_count(a); i++) {
		X509_NAME *x = single(X509_NAME_get_entry(a, i));
		bool found = false;

		for (int j = 0; j < X509_NAME_entry_count(b) && !found; j++) {
			X509_NAME *y = single(X509_NAME_get_entry(b, j));

			found =
			    x != NULL && y != NULL && X509_NAME_cmp(x, y) == 0;
			X509_NAME_free(y);
		}
		X509_NAME_free(x);
		if (!found)
			return false;
	}
	return true;
}

bool
dn_same(const X509_NAME *a, const X509_NAME *b)
{
	return X509_NAME_entry_count(a) == X509_NAME_entry_count(b) &&
	    X509_NAME_entry_count(a) <= DN_MAX_PARTS && within(a, b) &&
	    within(b, a);
}

char *
dn_dup(const X509_NAME *name)
{
	BIO *mem = BIO_new(BIO_s_mem());
	char *text = NULL;
	const char *p;
	long len;

	if (mem != NULL &&
	    X509_NAME_print_ex(mem, name, 0, XN_FLAG_RFC2253) >= 0) {
		len = BIO_get_mem_data(mem, &p);
		/* A NUL is escaped; if it were not, a name could be cut. */
		if (len > 0 && memchr(p, '\0', (size_t)len) == NULL)
			text = strndup(p, (size_t)len);
	}
	BIO_free(mem);
	return text;
}

bool
dn_name_text(char out[DN_MAX], const X509_NAME *name)
{
	char *text = dn_dup(name);
	/* Cut, a name could pass for another. */
	bool fits = text != NULL && strlen(text) < DN_MAX;

	text_copy(out, DN_MAX, fits ? text : "");
	free(text);
	return fits;
}
