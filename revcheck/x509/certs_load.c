/*
 * certs_load: reads lists of certificates and trusts from PEM or DER. An error
 * names the object, the file and what was expected. Any thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "revcheck/x509/certs.h"

int
certs_read_file(unsigned char **out, size_t *out_len, const char *path,
    size_t max, struct err *err)
{
	unsigned char *buf = NULL, *grown;
	size_t len = 0, cap = 0;
	struct stat st;
	ssize_t n;
	int fd, rc;

	*out = NULL;
	*out_len = 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1)
		return err_sys(err, "cannot open '%s'", path);
	if (fstat(fd, &st) == -1) {
		rc = err_sys(err, "cannot read '%s'", path);
		goto out;
	}
	if (S_ISDIR(st.st_mode)) {
		rc = err_set(err, E_IO,
		    "cannot read '%s': is a directory, a file was expected",
		    path);
		goto out;
	}
	for (;;) {
		if (len == cap) {
			cap = cap != 0 ? cap * 2
			    : st.st_size > 0 && (uintmax_t)st.st_size < max
			    ? (size_t)st.st_size + 1
			    : 16384;
			grown = realloc(buf, cap);
			if (grown == NULL) {
				rc = err_set(err, E_NOMEM, "out of memory");
				goto out;
			}
			buf = grown;
		}
		n = read(fd, buf + len, cap - len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			rc = err_sys(err, "cannot read '%s'", path);
			goto out;
		}
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max) {
			rc = err_set(err, E_LIMIT,
			    "cannot read '%s': larger than %zu bytes", path,
			    max);
			goto out;
		}
	}
	*out = buf;
	*out_len = len;
	buf = NULL;
	rc = 0;
out:
	free(buf);
	close(fd);
	return rc;
}

static int
certs_append(struct revcheck_certs *c, X509 *x, size_t max, const char *name,
    struct err *err)
{
	X509 **v;

	if (c->num == max)
		return err_set(err, E_LIMIT,
		    "'%s' holds more than %zu certificates", name, max);
	if ((c->num & (c->num - 1)) == 0) {
		v = realloc(c->v, (c->num == 0 ? 1 : c->num * 2) * sizeof(*v));
		if (v == NULL)
			return err_set(err, E_NOMEM, "out of memory");
		c->v = v;
	}
	c->v[c->num++] = x;
	return 0;
}

/* One DER certificate with nothing after it. */
static X509 *
certs_one_der(const unsigned char *p, long len)
{
	const unsigned char *end = p;
	X509 *x = d2i_X509(NULL, &end, len);

	if (x != NULL && end != p + len) {
		X509_free(x);
		return NULL;
	}
	return x;
}

static int
certs_parse_pem(struct revcheck_certs *c, BIO *bio, const char *name,
    size_t max, struct err *err)
{
	char *label = NULL, *header = NULL;
	unsigned char *der = NULL;
	long len;
	X509 *x;
	int rc;

	while (PEM_read_bio(bio, &label, &header, &der, &len) == 1) {
		x = NULL;
		rc = 0;
		if (strcmp(label, PEM_STRING_X509) != 0 &&
		    strcmp(label, PEM_STRING_X509_TRUSTED) != 0 &&
		    strcmp(label, PEM_STRING_X509_OLD) != 0)
			rc = err_set(err, E_PARSE,
			    "'%s': object %zu is a %s, a CERTIFICATE was "
			    "expected",
			    name, c->num + 1, label);
		if (rc == 0) {
			x = certs_one_der(der, len);
			if (x == NULL)
				rc = err_ossl(err, E_PARSE,
				    "'%s': object %zu is not a certificate",
				    name, c->num + 1);
		}
		OPENSSL_free(label);
		OPENSSL_free(header);
		OPENSSL_free(der);
		if (rc == 0)
			rc = certs_append(c, x, max, name, err);
		if (rc != 0) {
			X509_free(x);
			return rc;
		}
	}
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return err_ossl(err, E_PARSE, "'%s': object %zu is broken PEM",
		    name, c->num + 1);
	ERR_clear_error();
	return 0;
}

static int
certs_parse(struct revcheck_certs **out, const void *data, size_t len,
    const char *name, size_t max, struct err *err)
{
	struct revcheck_certs *c;
	BIO *bio = NULL;
	X509 *x = NULL;
	int rc;

	*out = NULL;
	ERR_clear_error();
	if (len > INT_MAX)
		return err_set(err, E_LIMIT, "'%s' is too large", name);
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (len > 0 && ((const unsigned char *)data)[0] == 0x30) {
		x = certs_one_der(data, (long)len);
		if (x == NULL) {
			rc = err_ossl(err, E_PARSE,
			    "'%s' is not one DER certificate", name);
			goto out;
		}
		rc = certs_append(c, x, max, name, err);
		if (rc != 0) {
			X509_free(x);
			goto out;
		}
	} else {
		bio = BIO_new_mem_buf(data, (int)len);
		if (bio == NULL) {
			rc = err_set(err, E_NOMEM, "out of memory");
			goto out;
		}
		rc = certs_parse_pem(c, bio, name, max, err);
		if (rc != 0)
			goto out;
	}
	if (c->num == 0) {
		rc = err_set(err, E_PARSE,
		    "'%s' holds no certificate, PEM or DER was expected", name);
		goto out;
	}
	*out = c;
	c = NULL;
	rc = 0;
out:
	BIO_free(bio);
	revcheck_certs_free(c);
	return rc;
}

static int
certs_load(
    struct revcheck_certs **out, const char *path, size_t max, struct err *err)
{
	unsigned char *buf;
	size_t len;
	int rc;

	*out = NULL;
	rc = certs_read_file(&buf, &len, path, CERTS_FILE_MAX, err);
	if (rc != 0)
		return rc;
	rc = certs_parse(out, buf, len, path, max, err);
	free(buf);
	return rc;
}

int
revcheck_certs_load(
    struct revcheck_certs **out, const char *path, struct revcheck_error *err)
{
	struct err e = {0};

	return error_publish(err, &e, certs_load(out, path, CERTS_MAX, &e));
}

int
revcheck_certs_parse(struct revcheck_certs **out, const void *data, size_t len,
    const char *name, struct revcheck_error *err)
{
	struct err e = {0};

	return error_publish(
	    err, &e, certs_parse(out, data, len, name, CERTS_MAX, &e));
}

int
revcheck_trust_load(
    struct revcheck_trust **out, const char *path, struct revcheck_error *err)
{
	struct revcheck_certs *c = NULL;
	struct err e = {0};
	int rc;

	*out = NULL;
	rc = certs_load(&c, path, CERTS_ANCHORS_MAX, &e);
	if (rc != 0)
		return error_publish(err, &e, rc);
	rc = revcheck_trust_new(out, c->v, c->num, err);
	revcheck_certs_free(c);
	return rc;
}
