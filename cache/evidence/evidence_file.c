/*
 * evidence_file: see the header. One thread at a time; holds the object at hand
 * and nothing of those before it. Does not verify.
 */
#include "cache/evidence/evidence_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/base/bytes.h"
#include "cache/der/der.h"
#include "cache/der/pem.h"

/* Looked at before it is decided what the file is. */
#define HEAD_BYTES 130
#define LINE_BYTES 80
#define READ_PIECE ((size_t)256 << 10)
/* A thread aside gets so long for a piece. */
#define ASIDE_WAIT_MS 10

enum file_state {
	FILE_HEAD = 0,
	FILE_TEXT, /* PEM, outside an object that is wanted */
	FILE_BODY, /* ... inside */
	FILE_DER,
	FILE_DONE, /* it was told what is wrong; the rest is not looked at */
};

struct evidence_file {
	enum evidence_kind kind;
	const char *name; /* borrowed until finish */
	time_t now;
	struct crl_limits limits;
	evidence_file_fn *fn;
	void *arg;
	enum file_state state;
	uint8_t *piece; /* of evidence_file_step, or NULL */
	uint8_t head[HEAD_BYTES];
	size_t num_head;
	uint64_t total;
	size_t num_told;
	struct err *err;
	/* The object at hand. */
	struct crl_builder *builder;
	bool aside;
	uint64_t bytes; /* 0: not known */
	size_t num_fed;
	struct bytes der; /* of an OCSP response */
	size_t object_line;
	/* Text. */
	struct pem pem;
	char line[LINE_BYTES];
	size_t num_line;
	bool line_long, blank;
	uint64_t num_text; /* outside objects */
	size_t line_no;
	char other[48]; /* what else there was first; empty: nothing */
	size_t other_line;
};

static const char *
expected(const struct evidence_file *f)
{
	return f->kind == EVIDENCE_CRL
	    ? "expected a CRL in DER or PEM"
	    : "expected an OCSP response in DER or PEM";
}

static const char *
label_of(enum evidence_kind kind)
{
	return kind == EVIDENCE_CRL ? "X509 CRL" : "OCSP RESPONSE";
}

struct evidence_file *
evidence_file_new(enum evidence_kind kind, const char *name, time_t now,
    const struct crl_limits *limits, evidence_file_fn *fn, void *arg)
{
	struct evidence_file *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->kind = kind;
	f->name = name;
	f->now = now;
	if (limits != NULL)
		f->limits = *limits;
	f->fn = fn;
	f->arg = arg;
	f->blank = true;
	f->line_no = 1;
	bytes_init(&f->der, EVIDENCE_FILE_MAX_OCSP);
	return f;
}

void
evidence_file_free(struct evidence_file *f)
{
	if (f == NULL)
		return;
	crl_builder_free(f->builder);
	bytes_cleanup(&f->der);
	free(f->piece);
	free(f);
}

void
evidence_file_aside(struct evidence_file *f, uint64_t bytes)
{
	f->aside = true;
	f->bytes = bytes;
}

/* Telling. */

static int
tell(struct evidence_file *f, struct evidence *e, enum crl_fault fault,
    const struct err *why)
{
	int rc;

	if (f->num_told++ == EVIDENCE_FILE_MAX_OBJECTS)
		return err_set(f->err, E_LIMIT,
		    "'%.150s' has more than %d objects", f->name,
		    EVIDENCE_FILE_MAX_OBJECTS);
	rc = f->fn(f->arg, e, fault, why);
	return rc == 0 ? 0 : err_set(f->err, rc, "reading ends");
}

/* What is wrong with an object, where it begins; line 0: in the file. */
static int PRINTF_LIKE(4, 5) tell_bad(struct evidence_file *f,
    enum crl_fault fault, size_t line, const char *fmt, ...)
{
	char text[200], where[40] = "";
	struct err why;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (line != 0)
		snprintf(where, sizeof(where), "line %zu: ", line);
	(void)err_set(&why, E_PARSE, "%s%s", where, text);
	return tell(f, NULL, fault, &why);
}

static int
nomem(struct evidence_file *f)
{
	return err_set(f->err, E_NOMEM, "out of memory");
}

/* Objects. */

static void
object_drop(struct evidence_file *f)
{
	crl_builder_free(f->builder);
	f->builder = NULL;
	f->der.len = 0;
}

static int
object_begin(struct evidence_file *f, size_t line)
{
	object_drop(f);
	f->object_line = line;
	f->num_fed = 0;
	if (f->kind != EVIDENCE_CRL)
		return 0;
	f->builder = crl_builder_new(&f->limits);
	return f->builder == NULL ? nomem(f) : 0;
}

/* What is wrong with the object at hand: it is passed over. */
static int
object_bad(struct evidence_file *f, enum crl_fault fault, const char *why)
{
	object_drop(f);
	f->state = f->state == FILE_DER ? FILE_DONE : FILE_TEXT;
	if (fault == CRL_FAULT_NOMEM)
		return nomem(f);
	return tell_bad(f, fault, f->object_line, "not %s: %s",
	    f->kind == EVIDENCE_CRL ? "a CRL" : "an OCSP response", why);
}

/* DER is one object; text may be many small ones. */
static bool
object_is_large(const struct evidence_file *f)
{
	return f->num_fed > CRL_ASIDE_FROM ||
	    (f->state == FILE_DER && f->bytes > CRL_ASIDE_FROM);
}

static int
object_feed(struct evidence_file *f, struct span der)
{
	enum crl_fault fault;
	struct err why;
	int rc;

	if (der.len == 0)
		return 0;
	if (f->kind == EVIDENCE_CRL) {
		f->num_fed += der.len;
		if (f->aside && object_is_large(f))
			(void)crl_builder_aside(f->builder, ASIDE_WAIT_MS);
		rc = crl_builder_feed(f->builder, der, &fault, &why);
		return rc == 0 ? 0 : object_bad(f, fault, why.msg);
	}
	rc = bytes_append(&f->der, der.p, der.len);
	if (rc == E_LIMIT)
		return object_bad(f, CRL_FAULT_TOO_LARGE,
		    "it is larger than 1 MiB, the limit");
	return rc == 0 ? 0 : nomem(f);
}

static int
object_end(struct evidence_file *f)
{
	struct crl *crl = NULL;
	struct evidence *e;
	enum crl_fault fault;
	struct err why;
	int rc;

	if (f->kind == EVIDENCE_CRL) {
		if (crl_builder_finish(f->builder, &crl, &fault, &why) != 0)
			return object_bad(f, fault, why.msg);
		e = evidence_new_crl(crl, ORIGIN_FILE, f->name, f->now);
	} else {
		e = evidence_new_ocsp(
		    bytes_span(&f->der), ORIGIN_FILE, f->name, f->now);
	}
	object_drop(f);
	f->state = f->state == FILE_DER ? FILE_DONE : FILE_TEXT;
	if (e == NULL)
		return nomem(f);
	rc = tell(f, e, CRL_FAULT_NONE, NULL);
	evidence_free(e);
	return rc;
}

/* Text. */

/* The line so far without its mark and the blanks around it. */
static struct span
line_trimmed(const struct evidence_file *f)
{
	const uint8_t *p = (const uint8_t *)f->line;
	struct span s = span_of(p, f->num_line);

	if (s.len >= 3 && memcmp(s.p, "\xef\xbb\xbf", 3) == 0)
		s = span_of(s.p + 3, s.len - 3);
	while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = span_of(s.p + 1, s.len - 1);
	while (s.len > 0 && isspace(s.p[s.len - 1]))
		s.len--;
	return s;
}

/* Words for a label that is not wanted. */
static void
note_other(struct evidence_file *f, const char *label)
{
	const char *word = "an object of another kind";

	if (f->other[0] != '\0')
		return;
	if (strstr(label, "PKCS7") != NULL ||
	    strstr(label, "PKCS #7") != NULL || strcmp(label, "CMS") == 0)
		word = "a PKCS#7 bundle";
	else if (strstr(label, "CERTIFICATE REQUEST") != NULL)
		word = "a certificate request";
	else if (strstr(label, "CERTIFICATE") != NULL)
		word = "a certificate";
	else if (strstr(label, "KEY") != NULL)
		word = "a key";
	else if (strcmp(label, "X509 CRL") == 0)
		word = "a CRL";
	else if (strcmp(label, "OCSP RESPONSE") == 0)
		word = "an OCSP response";
	snprintf(f->other, sizeof(f->other), "%s", word);
	f->other_line = f->line_no;
}

/* A whole line outside an object. */
static int
text_line(struct evidence_file *f)
{
	static const char begin[] = "-----BEGIN ", end[] = "-----";
	const size_t pre = sizeof(begin) - 1, post = sizeof(end) - 1;
	struct span s = line_trimmed(f);
	char label[LINE_BYTES];

	if (f->line_long || s.len <= pre + post ||
	    memcmp(s.p, begin, pre) != 0 ||
	    memcmp(s.p + s.len - post, end, post) != 0)
		return 0;
	snprintf(label, sizeof(label), "%.*s", (int)(s.len - pre - post),
	    (const char *)s.p + pre);
	if (strcmp(label, label_of(f->kind)) != 0) {
		note_other(f, label);
		return 0;
	}
	pem_init(&f->pem, label_of(f->kind));
	f->pem.state = PEM_BODY;
	f->state = FILE_BODY;
	return object_begin(f, f->line_no);
}

/* A part of a line inside an object, up to its end at most. */
static int
body_part(struct evidence_file *f, struct span part)
{
	uint8_t out[4096 + 2];
	size_t len = 0;
	int rc = 0;

	while (rc == 0 && part.len > 0 && f->state == FILE_BODY) {
		size_t n = part.len < 4096 ? part.len : 4096;

		if (!pem_feed(&f->pem, span_of(part.p, n), out, &len)) {
			snprintf((char *)out, sizeof(out),
			    "line %zu is neither base64 nor its END line",
			    f->line_no);
			return object_bad(
			    f, CRL_FAULT_MALFORMED, (const char *)out);
		}
		rc = object_feed(f, span_of(out, len));
		part = span_of(part.p + n, part.len - n);
	}
	if (rc == 0 && f->state == FILE_BODY && f->pem.state == PEM_AFTER)
		rc = object_end(f);
	return rc;
}

static int
text_part(struct evidence_file *f, struct span part)
{
	size_t room = sizeof(f->line) - f->num_line;
	bool whole =
	    part.p[part.len - 1] == '\n' || part.p[part.len - 1] == '\r';
	size_t n = part.len < room ? part.len : room;
	int rc = 0;

	memcpy(f->line + f->num_line, part.p, n);
	f->num_line += n;
	f->line_long = f->line_long || n < part.len;
	f->blank = f->blank && !f->line_long && line_trimmed(f).len == 0;
	if (f->state == FILE_BODY)
		rc = body_part(f, part);
	else if ((f->num_text += part.len) > EVIDENCE_FILE_MAX_TEXT)
		return err_set(f->err, E_LIMIT,
		    "'%.150s' has more than 1 GiB of text outside of objects; "
		    "%s",
		    f->name, expected(f));
	if (!whole)
		return rc;
	/* It may be the line that an object before it lacked the end of. */
	if (rc == 0 && f->state == FILE_TEXT)
		rc = text_line(f);
	f->num_line = 0;
	f->line_long = false;
	f->line_no += part.p[part.len - 1] == '\n';
	return rc;
}

static int
text_feed(struct evidence_file *f, struct span in)
{
	const uint8_t *lf, *cr;
	size_t n;
	int rc = 0;

	while (rc == 0 && in.len > 0) {
		lf = memchr(in.p, '\n', in.len);
		n = lf != NULL ? (size_t)(lf - in.p) + 1 : in.len;
		cr = memchr(in.p, '\r', n);
		if (cr != NULL)
			n = (size_t)(cr - in.p) + 1;
		rc = text_part(f, span_of(in.p, n));
		in = span_of(in.p + n, in.len - n);
	}
	return rc;
}

/* What the file is. */

/* DER: the header of the SEQUENCE at *at, and past it. */
static bool
enter(const struct evidence_file *f, size_t *at)
{
	size_t i = *at, long_form;

	if (i + 2 > f->num_head || f->head[i] != DER_SEQUENCE)
		return false;
	long_form = f->head[i + 1] >= 0x80 ? f->head[i + 1] & 0x7fu : 0;
	*at = i + 2 + long_form;
	return long_form <= 4;
}

static bool
head_has(const struct evidence_file *f, size_t at, const char *p, size_t len)
{
	return at + len <= f->num_head && memcmp(f->head + at, p, len) == 0;
}

/* What it is, as far as that can be said of DER that is not wanted. */
static const char *
der_kind(const struct evidence_file *f)
{
	size_t at = 0;

	if (!enter(f, &at))
		return NULL;
	if (head_has(f, at, "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07", 10))
		return "a PKCS#7 bundle";
	if (head_has(f, at, "\x02\x01\x03\x30", 4))
		return "a PKCS#12 file";
	if (f->kind == EVIDENCE_CRL && head_has(f, at, "\x0a\x01", 2))
		return "an OCSP response";
	if (enter(f, &at) && head_has(f, at, "\xa0\x03\x02\x01", 4))
		return "a certificate";
	return NULL;
}

static const char *
packed_kind(const struct evidence_file *f)
{
	if (head_has(f, 0, "\x1f\x8b", 2))
		return "gzip";
	if (head_has(f, 0, "PK\x03\x04", 4))
		return "zip";
	if (head_has(f, 0, "BZh", 3))
		return "bzip2";
	if (head_has(f, 0,
		"\xfd"
		"7zXZ",
		5))
		return "xz";
	return NULL;
}

/* A text may begin with '0', too, which is what a SEQUENCE begins with. */
static bool
looks_like_der(const struct evidence_file *f)
{
	uint8_t len = f->num_head > 1 ? f->head[1] : ' ';

	return f->num_head > 0 && f->head[0] == DER_SEQUENCE && !isprint(len) &&
	    !isspace(len);
}

static int
begin_der(struct evidence_file *f)
{
	const char *kind = der_kind(f);
	int rc;

	if (kind != NULL) {
		f->state = FILE_DONE;
		return tell_bad(
		    f, CRL_FAULT_MALFORMED, 0, "%s; %s", kind, expected(f));
	}
	f->state = FILE_DER;
	rc = object_begin(f, 0);
	return rc == 0 ? object_feed(f, span_of(f->head, f->num_head)) : rc;
}

static int
begin(struct evidence_file *f)
{
	const char *packed = packed_kind(f);

	if (packed != NULL || head_has(f, 0, "\xff\xfe", 2)) {
		f->state = FILE_DONE;
		return tell_bad(f, CRL_FAULT_MALFORMED, 0, "%s%s; %s",
		    packed != NULL ? "packed with " : "a text in UTF-16",
		    packed != NULL ? packed : "", expected(f));
	}
	if (looks_like_der(f))
		return begin_der(f);
	f->state = FILE_TEXT;
	return text_feed(f, span_of(f->head, f->num_head));
}

int
evidence_file_feed(struct evidence_file *f, struct span piece, struct err *err)
{
	size_t n;
	int rc = 0;

	f->err = err;
	f->total += piece.len;
	if (f->state == FILE_HEAD) {
		n = sizeof(f->head) - f->num_head;
		if (n > piece.len)
			n = piece.len;
		if (n > 0)
			memcpy(f->head + f->num_head, piece.p, n);
		f->num_head += n;
		piece = span_of(piece.p + n, piece.len - n);
		if (f->num_head == sizeof(f->head))
			rc = begin(f);
	}
	if (rc != 0 || piece.len == 0)
		return rc;
	if (f->state == FILE_DER)
		return object_feed(f, piece);
	return f->state == FILE_DONE ? 0 : text_feed(f, piece);
}

int
evidence_file_step(struct evidence_file *f, int fd, struct err *err)
{
	ssize_t n;
	int rc;

	if (f->piece == NULL)
		f->piece = malloc(READ_PIECE);
	if (f->piece == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	do
		n = read(fd, f->piece, READ_PIECE);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, "cannot read '%s'", f->name);
	rc = evidence_file_feed(f, span_of(f->piece, (size_t)n), err);
	return rc == 0 && n > 0 && f->state != FILE_DONE ? 1 : rc;
}

/* Nothing was found in it: what is it? */
static int
tell_nothing(struct evidence_file *f)
{
	if (f->total == 0)
		return tell_bad(f, CRL_FAULT_MALFORMED, 0, "an empty file; %s",
		    expected(f));
	if (f->blank)
		return tell_bad(f, CRL_FAULT_MALFORMED, 0,
		    "nothing but blanks; %s", expected(f));
	if (f->other[0] != '\0')
		return tell_bad(f, CRL_FAULT_MALFORMED, f->other_line, "%s; %s",
		    f->other, expected(f));
	if (f->head[0] == '<')
		return tell_bad(f, CRL_FAULT_MALFORMED, 0,
		    "neither DER nor PEM, it begins as a web page does; %s",
		    expected(f));
	return tell_bad(f, CRL_FAULT_MALFORMED, 0,
	    "neither DER nor PEM (no line '-----BEGIN %s-----'); %s",
	    label_of(f->kind), expected(f));
}

int
evidence_file_finish(struct evidence_file *f, struct err *err)
{
	int rc = 0;

	f->err = err;
	if (f->state == FILE_HEAD && f->num_head > 0)
		rc = begin(f);
	/* A last line need not end. */
	if (rc == 0 && (f->state == FILE_TEXT || f->state == FILE_BODY))
		rc = text_feed(f, span_of("\n", 1));
	if (rc == 0 && f->state == FILE_DER)
		rc = object_end(f);
	else if (rc == 0 && f->state == FILE_BODY)
		rc = object_bad(f, CRL_FAULT_MALFORMED,
		    "its END line is missing: the file is cut short");
	/* A whole DER that short looked like a text. */
	if (rc == 0 && f->num_told == 0 && f->total == f->num_head &&
	    f->num_head > 1 && f->head[0] == DER_SEQUENCE &&
	    f->total == 2u + f->head[1]) {
		rc = begin_der(f);
		if (rc == 0 && f->state == FILE_DER)
			rc = object_end(f);
	}
	return rc == 0 && f->num_told == 0 ? tell_nothing(f) : rc;
}
