/* input: see the header. */
#include "revcheck/cli/input.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>

#include "revcheck/cli/cli.h"
#include "revcheck/cli/pkcs12.h"

#define INPUT_MAX ((size_t)64 << 20)

/* Lists. */

int
cert_list_add(struct cert_list *l, X509 *x)
{
	X509 **v;

	if (l->num == l->cap) {
		l->cap = l->cap == 0 ? 8 : l->cap * 2;
		v = realloc(l->v, l->cap * sizeof(X509 *));
		if (v == NULL)
			return cli_fail(EXIT_SOFTWARE, "out of memory");
		l->v = v;
	}
	X509_up_ref(x);
	l->v[l->num++] = x;
	return 0;
}

void
cert_list_cleanup(struct cert_list *l)
{
	for (size_t i = 0; i < l->num; i++)
		X509_free(l->v[i]);
	free(l->v);
	*l = (struct cert_list){0};
}

bool
cert_list_has(const struct cert_list *l, X509 *x)
{
	for (size_t i = 0; i < l->num; i++)
		if (X509_cmp(l->v[i], x) == 0)
			return true;
	return false;
}

/* Takes x itself, not a reference. */
static int
take(struct cert_list *l, X509 *x)
{
	int rc = cert_list_add(l, x);

	X509_free(x);
	return rc;
}

/* Files. */

static int
read_stream(unsigned char **out, size_t *len, FILE *f, const char *name)
{
	size_t cap = 16384, n;
	unsigned char *p, *buf = malloc(cap);

	*len = 0;
	while (buf != NULL) {
		n = fread(buf + *len, 1, cap - *len - 1, f);
		*len += n;
		if (n == 0)
			break;
		if (*len > INPUT_MAX) {
			free(buf);
			return cli_fail(EXIT_INPUT,
			    "cannot read '%s': larger than %zu bytes", name,
			    INPUT_MAX);
		}
		if (*len < cap - 1)
			continue;
		cap *= 2;
		p = realloc(buf, cap);
		if (p == NULL)
			free(buf);
		buf = p;
	}
	if (buf == NULL)
		return cli_fail(EXIT_SOFTWARE, "out of memory");
	if (ferror(f)) {
		free(buf);
		return cli_fail(
		    EXIT_INPUT, "cannot read '%s': %s", name, strerror(errno));
	}
	buf[*len] = '\0';
	*out = buf;
	return 0;
}

int
input_read(unsigned char **out, size_t *len, const char *path, struct input *in)
{
	struct stat st;
	FILE *f;
	int rc;

	*out = NULL;
	*len = 0;
	if (strcmp(path, "-") == 0) {
		if (in == NULL || in->stdin_taken)
			return cli_fail(EXIT_USAGE,
			    "'-' is standard input, which can be read once");
		in->stdin_taken = true;
		return read_stream(out, len, stdin, "standard input");
	}
	f = fopen(path, "rbe");
	if (f == NULL)
		return cli_fail(
		    EXIT_INPUT, "cannot open '%s': %s", path, strerror(errno));
	if (fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode))
		rc = cli_fail(EXIT_INPUT,
		    "cannot read '%s': is a directory, a file was expected",
		    path);
	else
		rc = read_stream(out, len, f, path);
	fclose(f);
	return rc;
}

/* What is inside. */

static bool
is_issuer_of_another(const struct cert_list *l, size_t from, size_t i)
{
	for (size_t j = from; j < l->num; j++)
		if (j != i &&
		    X509_NAME_cmp(X509_get_subject_name(l->v[i]),
			X509_get_issuer_name(l->v[j])) == 0)
			return true;
	return false;
}

/* What came without an order: who has issued none of the others is the leaf. */
static void
leaf_first(struct cert_list *l, size_t from)
{
	X509 *leaf;

	for (size_t i = from; i < l->num; i++) {
		if (is_issuer_of_another(l, from, i))
			continue;
		leaf = l->v[i];
		memmove(
		    l->v + from + 1, l->v + from, (i - from) * sizeof(X509 *));
		l->v[from] = leaf;
		return;
	}
}

static int
add_stack(struct cert_list *out, STACK_OF(X509) * certs)
{
	size_t from = out->num;
	int rc = 0;

	for (int i = 0; rc == 0 && i < sk_X509_num(certs); i++)
		rc = cert_list_add(out, sk_X509_value(certs, i));
	leaf_first(out, from);
	return rc;
}

/* 1: it was one; 0: it is something else; else an exit status below zero. */
static int
parse_pkcs7(struct cert_list *out, const unsigned char *p, size_t len, int *rc)
{
	const unsigned char *at = p;
	PKCS7 *p7 = d2i_PKCS7(NULL, &at, (long)len);
	STACK_OF(X509) *certs = NULL;

	ERR_clear_error();
	if (p7 == NULL)
		return 0;
	if (PKCS7_type_is_signed(p7) && p7->d.sign != NULL)
		certs = p7->d.sign->cert;
	else if (PKCS7_type_is_signedAndEnveloped(p7) &&
	    p7->d.signed_and_enveloped != NULL)
		certs = p7->d.signed_and_enveloped->cert;
	*rc = certs != NULL ? add_stack(out, certs) : 0;
	PKCS7_free(p7);
	return 1;
}

static bool
parse_x509(struct cert_list *out, const unsigned char *p, size_t len, int *rc)
{
	const unsigned char *at = p;
	X509 *x = d2i_X509(NULL, &at, (long)len);

	ERR_clear_error();
	if (x == NULL)
		return false;
	if (at != p + len) {
		X509_free(x);
		return false;
	}
	*rc = take(out, x);
	return true;
}

static int
parse_der(struct cert_list *out, const unsigned char *p, size_t len,
    const char *name, struct input *in)
{
	STACK_OF(X509) *certs = NULL;
	int rc = 0;

	if (parse_x509(out, p, len, &rc) || parse_pkcs7(out, p, len, &rc))
		return rc;
	if (in != NULL && pkcs12_is(p, len)) {
		rc = pkcs12_certs(&certs, p, len, name, in->password_file);
		if (rc == 0)
			rc = add_stack(out, certs);
		sk_X509_pop_free(certs, X509_free);
		return rc;
	}
	return cli_fail(EXIT_INPUT,
	    "'%s' is not a certificate, PKCS#7 or PKCS#12 in DER", name);
}

/* One object; what is no certificate and no PKCS#7 is passed over. */
static int
parse_object(struct cert_list *out, const char *label, const unsigned char *p,
    size_t len, const char *name, size_t ordinal, bool *known)
{
	int rc = 0;

	*known = true;
	if (strcmp(label, PEM_STRING_X509) == 0 ||
	    strcmp(label, PEM_STRING_X509_TRUSTED) == 0 ||
	    strcmp(label, PEM_STRING_X509_OLD) == 0) {
		const unsigned char *at = p;
		X509 *x = strcmp(label, PEM_STRING_X509_TRUSTED) == 0
		    ? d2i_X509_AUX(NULL, &at, (long)len)
		    : d2i_X509(NULL, &at, (long)len);

		ERR_clear_error();
		if (x != NULL && at == p + len)
			return take(out, x);
		X509_free(x);
		return cli_fail(EXIT_INPUT,
		    "'%s': object %zu is not a certificate", name, ordinal);
	}
	if (strcmp(label, PEM_STRING_PKCS7) == 0 ||
	    strcmp(label, PEM_STRING_PKCS7_SIGNED) == 0 ||
	    strcmp(label, PEM_STRING_CMS) == 0) {
		if (parse_pkcs7(out, p, len, &rc) == 1)
			return rc;
		return cli_fail(EXIT_INPUT, "'%s': object %zu is not PKCS#7",
		    name, ordinal);
	}
	*known = false;
	return 0;
}

static int
parse_pem(struct cert_list *out, const void *data, size_t len, const char *name)
{
	BIO *bio = BIO_new_mem_buf(data, (int)len);
	char *label = NULL, *header = NULL, other[80] = "";
	unsigned char *der = NULL;
	size_t ordinal = 0, from = out->num;
	bool known;
	long n;
	int rc = 0;

	if (bio == NULL)
		return cli_fail(EXIT_SOFTWARE, "out of memory");
	while (rc == 0 && PEM_read_bio(bio, &label, &header, &der, &n) == 1) {
		rc = parse_object(
		    out, label, der, (size_t)n, name, ++ordinal, &known);
		if (!known)
			snprintf(other, sizeof(other), "%s", label);
		OPENSSL_free(label);
		OPENSSL_free(header);
		OPENSSL_clear_free(der, (size_t)n);
	}
	BIO_free(bio);
	if (rc == 0 &&
	    ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		rc = cli_fail(EXIT_INPUT, "'%s': object %zu is broken PEM",
		    name, ordinal + 1);
	ERR_clear_error();
	if (rc != 0 || out->num > from)
		return rc;
	if (other[0] != '\0')
		return cli_fail(EXIT_INPUT,
		    "'%s' holds no certificate but a %s", name, other);
	return cli_fail(EXIT_INPUT,
	    "'%s' holds no certificate: PEM, DER, PKCS#7 or PKCS#12 was "
	    "expected",
	    name);
}

int
input_parse(struct cert_list *out, const void *data, size_t len,
    const char *name, struct input *in)
{
	size_t from = out->num;
	int rc;

	ERR_clear_error();
	if (len > INT_MAX)
		return cli_fail(EXIT_INPUT, "'%s' is too large", name);
	if (len == 0)
		return cli_fail(EXIT_INPUT, "'%s' is empty", name);
	rc = ((const unsigned char *)data)[0] == 0x30
	    ? parse_der(out, data, len, name, in)
	    : parse_pem(out, data, len, name);
	if (rc == 0 && out->num == from)
		rc = cli_fail(EXIT_INPUT, "'%s' holds no certificate", name);
	return rc;
}

int
input_certs(struct cert_list *out, const char *path, struct input *in)
{
	unsigned char *data = NULL;
	size_t len = 0;
	int rc = input_read(&data, &len, path, in);

	if (rc != 0 || data == NULL)
		return rc;
	rc = input_parse(out, data, len,
	    strcmp(path, "-") == 0 ? "standard input" : path, in);
	/* There may have been a key in it. */
	OPENSSL_cleanse(data, len);
	free(data);
	return rc;
}

int
input_chain(struct revcheck_certs **out, const char *path, struct input *in)
{
	struct cert_list l = {0};
	struct revcheck_error err;
	int rc = input_certs(&l, path, in);

	*out = NULL;
	if (rc == 0 && revcheck_certs_from_x509(out, l.v, l.num, &err) != 0)
		rc = err.code == REVCHECK_E_LIMIT
		    ? cli_fail(EXIT_INPUT,
			  "'%s' holds %zu certificates: a chain has at most "
			  "100",
			  path, l.num)
		    : cli_fail_library(&err);
	cert_list_cleanup(&l);
	return rc;
}
