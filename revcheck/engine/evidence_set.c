/*
 * evidence_set: reads files and directories of evidence. What cannot be read in
 * a directory becomes a broken item, so that the answer can report it. One
 * thread while it is being filled, any afterwards.
 */
#include "revcheck/engine/evidence_set.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "revcheck/x509/certs.h"
#include "revcheck/crl/crl.h"
#include "revcheck/ocsp/ocsp_parse.h"

#define EVIDENCE_SET_MAX         100000
#define EVIDENCE_SET_OCSP_MAX    ((size_t)1 << 20)
#define EVIDENCE_SET_PEM_OBJECTS 10000

static void
evidence_set_cleanup(struct evidence_item *s)
{
	evidence_free(s->evidence);
	free(s->name);
}

int
revcheck_evidence_new(
    struct revcheck_evidence **out, struct revcheck_error *err)
{
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return error_publish(err, NULL, E_NOMEM);
	ref_init(&(*out)->ref);
	pthread_mutex_init(&(*out)->lock, NULL);
	return 0;
}

struct revcheck_evidence *
evidence_set_up_ref(struct revcheck_evidence *e)
{
	ref_up(&e->ref);
	return e;
}

void
revcheck_evidence_free(struct revcheck_evidence *e)
{
	if (e == NULL || !ref_down(&e->ref))
		return;
	for (size_t i = 0; i < e->num; i++)
		evidence_set_cleanup(&e->v[i]);
	free(e->v);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

/* Takes s over on success. */
static int
evidence_set_push(
    struct revcheck_evidence *e, struct evidence_item *s, struct err *err)
{
	struct evidence_item *v;

	if (e->num == EVIDENCE_SET_MAX)
		return err_set(err, E_LIMIT, "more than %d pieces of evidence",
		    EVIDENCE_SET_MAX);
	if ((e->num & (e->num - 1)) == 0) {
		v = realloc(e->v, (e->num == 0 ? 1 : e->num * 2) * sizeof(*v));
		if (v == NULL)
			return err_set(err, E_NOMEM, "out of memory");
		e->v = v;
	}
	e->v[e->num++] = *s;
	return 0;
}

int
evidence_set_add_evidence(
    struct revcheck_evidence *set, struct evidence *e, const char *name)
{
	struct evidence_item s = {
	    .kind = REVCHECK_EVIDENCE_CRL, .name = strdup(name)};
	int rc;

	if (s.name == NULL)
		return E_NOMEM;
	s.evidence = evidence_up_ref(e);
	rc = evidence_set_push(set, &s, NULL);
	if (rc != 0)
		evidence_set_cleanup(&s);
	/* The set owns the name now: evidence_set_push has copied s into it. */
	return rc; /* NOLINT(clang-analyzer-unix.Malloc) */
}

static enum revcheck_why
why_of_fault(enum crl_fault f)
{
	switch (f) {
	case CRL_FAULT_TOO_LARGE:
	case CRL_FAULT_TOO_MANY_ENTRIES:
		return REVCHECK_WHY_TOO_LARGE;
	default:
		return REVCHECK_WHY_MALFORMED;
	}
}

/* Why these octets are not a response under any policy, or NONE. */
static enum revcheck_why
ocsp_broken(struct span der, struct err *why)
{
	struct ocsp_response r;

	if (der.len > EVIDENCE_SET_OCSP_MAX) {
		err_set(why, E_LIMIT,
		    "an OCSP response of %zu bytes, more than %d", der.len,
		    (int)EVIDENCE_SET_OCSP_MAX);
		return REVCHECK_WHY_TOO_LARGE;
	}
	return ocsp_parse(&r, der, why) == 0 ? REVCHECK_WHY_NONE
					     : REVCHECK_WHY_MALFORMED;
}

/*
 * One object in DER. With keep_broken, one that does not parse becomes a broken
 * item, else E_PARSE.
 */
static int
evidence_set_add_der(struct revcheck_evidence *e,
    enum revcheck_evidence_kind kind, struct span der, const char *name,
    bool keep_broken, struct err *err)
{
	struct evidence_item s = {.kind = kind};
	enum crl_fault fault = CRL_FAULT_NONE;
	struct crl *crl = NULL;
	struct err why = {0};
	int rc;

	s.name = strdup(name);
	if (s.name == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (kind == REVCHECK_EVIDENCE_CRL) {
		rc = crl_parse(der, NULL, &crl, &fault, &why);
		if (rc == 0) {
			s.evidence =
			    evidence_new_crl(crl, ORIGIN_FILE, name, 0);
			/* That frees the CRL when it fails. */
			if (s.evidence == NULL) {
				rc = err_set(err, E_NOMEM, "out of memory");
				goto fail;
			}
		} else if (fault == CRL_FAULT_NOMEM) {
			/* Not broken: what it lists must not be lost. */
			rc = err_set(err, E_NOMEM, "out of memory");
			goto fail;
		} else if (!keep_broken) {
			rc = err_set(err, E_PARSE, "'%s' is not a CRL: %s",
			    name, why.msg);
			goto fail;
		} else {
			s.broken = why_of_fault(fault);
			snprintf(
			    s.msg, sizeof(s.msg), "not a CRL: %.140s", why.msg);
		}
	} else if ((s.broken = ocsp_broken(der, &why)) != REVCHECK_WHY_NONE) {
		if (!keep_broken) {
			rc = err_set(err, E_PARSE, "'%s': %s", name, why.msg);
			goto fail;
		}
		snprintf(s.msg, sizeof(s.msg), "%.150s", why.msg);
	} else {
		s.evidence = evidence_new_ocsp(der, ORIGIN_FILE, name, 0);
		if (s.evidence == NULL) {
			rc = err_set(err, E_NOMEM, "out of memory");
			goto fail;
		}
	}
	rc = evidence_set_push(e, &s, err);
	if (rc == 0)
		return 0; /* NOLINT(clang-analyzer-unix.Malloc): e owns it */
fail:
	evidence_set_cleanup(&s);
	return rc;
}

static bool
looks_like_pem(struct span s)
{
	static const char mark[] = "-----BEGIN ";

	return s.len >= sizeof(mark) &&
	    memmem(s.p, s.len, mark, sizeof(mark) - 1) != NULL &&
	    s.p[0] != 0x30;
}

static int
evidence_set_add_pem(struct revcheck_evidence *e,
    enum revcheck_evidence_kind kind, struct span pem, const char *name,
    bool keep_broken, struct err *err)
{
	const char *want = kind == REVCHECK_EVIDENCE_CRL ? PEM_STRING_X509_CRL
							 : "OCSP RESPONSE";
	char *label = NULL, *header = NULL;
	unsigned char *der = NULL;
	long len;
	int rc = 0;
	size_t n = 0;
	BIO *bio;

	bio = BIO_new_mem_buf(pem.p, (int)pem.len);
	if (bio == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	while (rc == 0 && n < EVIDENCE_SET_PEM_OBJECTS &&
	    PEM_read_bio(bio, &label, &header, &der, &len) == 1) {
		if (strcmp(label, want) == 0) {
			rc = evidence_set_add_der(e, kind,
			    span_of(der, (size_t)len), name, keep_broken, err);
			n++;
		} else if (!keep_broken)
			rc = err_set(err, E_PARSE,
			    "'%s' holds a %s, %s was expected", name, label,
			    want);
		OPENSSL_free(label);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	BIO_free(bio);
	ERR_clear_error();
	if (rc == 0 && n == 0)
		/* The DER path reports that this is neither. */
		rc = evidence_set_add_der(e, kind, pem, name, keep_broken, err);
	return rc;
}

static int
evidence_set_add(struct revcheck_evidence *e, enum revcheck_evidence_kind kind,
    struct span data, const char *name, bool keep_broken, struct err *err)
{
	if (kind != REVCHECK_EVIDENCE_CRL && kind != REVCHECK_EVIDENCE_OCSP)
		return err_set(
		    err, E_ARG, "unknown kind of evidence %d", (int)kind);
	if (data.len > CRL_DEFAULT_MAX_BYTES)
		return err_set(err, E_LIMIT, "'%s' is larger than %zu bytes",
		    name, (size_t)CRL_DEFAULT_MAX_BYTES);
	if (looks_like_pem(data))
		return evidence_set_add_pem(
		    e, kind, data, name, keep_broken, err);
	return evidence_set_add_der(e, kind, data, name, keep_broken, err);
}

static int
evidence_set_add_path(struct revcheck_evidence *e,
    enum revcheck_evidence_kind kind, const char *path, bool keep_broken,
    struct err *err)
{
	struct err why = {0};
	unsigned char *buf;
	struct evidence_item s;
	size_t len;
	int rc;

	rc = certs_read_file(&buf, &len, path, CRL_DEFAULT_MAX_BYTES, &why);
	if (rc == 0) {
		rc = evidence_set_add(
		    e, kind, span_of(buf, len), path, keep_broken, err);
		free(buf);
		return rc;
	}
	if (!keep_broken || rc == E_NOMEM) {
		if (err != NULL)
			*err = why;
		return rc;
	}
	s = (struct evidence_item){.kind = kind,
	    .broken = REVCHECK_WHY_MALFORMED,
	    .name = strdup(path)};
	snprintf(s.msg, sizeof(s.msg), "%.159s", why.msg);
	if (s.name == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	rc = evidence_set_push(e, &s, err);
	if (rc != 0)
		evidence_set_cleanup(&s);
	return rc;
}

static int
not_hidden(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int
evidence_set_add_dir(struct revcheck_evidence *e,
    enum revcheck_evidence_kind kind, const char *dir, struct err *err)
{
	struct dirent **names = NULL;
	struct stat st;
	char *path;
	int n, rc = 0;

	/* Sorted, so that reports read the same everywhere. */
	n = scandir(dir, &names, not_hidden, alphasort);
	if (n == -1)
		return err_sys(err, "cannot read directory '%s'", dir);
	for (int i = 0; i < n; i++) {
		if (rc == 0 &&
		    asprintf(&path, "%s/%s", dir, names[i]->d_name) == -1)
			rc = err_set(err, E_NOMEM, "out of memory");
		else if (rc == 0) {
			/* A directory inside is no evidence. */
			if (stat(path, &st) == -1 || !S_ISDIR(st.st_mode))
				rc = evidence_set_add_path(
				    e, kind, path, true, err);
			free(path);
		}
		free(names[i]);
	}
	free(names);
	return rc;
}

int
revcheck_evidence_add_file(struct revcheck_evidence *e,
    enum revcheck_evidence_kind kind, const char *path,
    struct revcheck_error *err)
{
	struct err in = {0};
	struct stat st;
	int rc;

	if (stat(path, &st) == -1)
		rc = err_sys(&in, "cannot open '%s'", path);
	else if (S_ISDIR(st.st_mode))
		rc = evidence_set_add_dir(e, kind, path, &in);
	else
		rc = evidence_set_add_path(e, kind, path, false, &in);
	return error_publish(err, &in, rc);
}

int
revcheck_evidence_add(struct revcheck_evidence *e,
    enum revcheck_evidence_kind kind, const void *data, size_t len,
    const char *name, struct revcheck_error *err)
{
	struct err in = {0};

	return error_publish(err, &in,
	    evidence_set_add(e, kind, span_of(data, len), name, false, &in));
}
