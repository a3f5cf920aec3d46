/*
 * evidence_file: what operators give as CRLs and OCSP responses. Rows of files,
 * each fed at once and in pieces, against what is found in it and the sentence
 * about what is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/evidence/evidence_file.h"
#include "tests/lib/crlmake.h"

/* What was told: "5 6 !" are numbers, and ! an object that is none. */
struct told {
	char found[200];
	char why[300]; /* of the last one that is none */
	enum crl_fault fault;
	unsigned num, stop_at;
};

static int
hear(void *arg, struct evidence *e, enum crl_fault fault, const struct err *why)
{
	struct told *t = arg;
	size_t len = strlen(t->found);
	struct span v;
	bool critical;

	assert_true((e == NULL) == (why != NULL));
	if (e == NULL) {
		snprintf(t->why, sizeof(t->why), "%s", why->msg);
		t->fault = fault;
		assert_true(fault != CRL_FAULT_NONE);
		snprintf(t->found + len, sizeof(t->found) - len, "! ");
	} else if (e->kind == EVIDENCE_OCSP) {
		snprintf(t->found + len, sizeof(t->found) - len, "%zu ",
		    evidence_der(e).len);
	} else {
		assert_string_equal(e->url, "name");
		assert_int_equal(e->origin, ORIGIN_FILE);
		assert_int_equal(e->fetched_at, 77);
		assert_true(crl_extension(
		    e->crl, span_of("\x55\x1d\x14", 3), &critical, &v));
		snprintf(t->found + len, sizeof(t->found) - len, "%d ", v.p[2]);
	}
	return ++t->num == t->stop_at ? E_CLOSED : 0;
}

static int
read_file(struct told *t, enum evidence_kind kind, const struct octets *in,
    size_t piece, const struct crl_limits *limits, struct err *err)
{
	struct evidence_file *f;
	int rc = 0;

	f = evidence_file_new(kind, "name", 77, limits, hear, t);
	assert_non_null(f);
	for (size_t at = 0; rc == 0 && at < in->len; at += piece)
		rc = evidence_file_feed(f,
		    span_of(in->p + at,
			in->len - at < piece ? in->len - at : piece),
		    err);
	if (rc == 0)
		rc = evidence_file_finish(f, err);
	evidence_file_free(f);
	return rc;
}

/*
 * A file as written: %D a CRL in DER, %P one in PEM, of number 5, 6 and so on;
 * %C its body alone; %B a byte order mark; %Z a zero octet.
 */
static void
put_text(struct octets *o, const char *p)
{
	long number = 5;
	uint8_t *der;
	char *pem;
	size_t len;

	for (; *p != '\0'; p++) {
		if (*p != '%') {
			octets_add(o, p, 1);
			continue;
		}
		p++;
		der = crlmake(&(struct crlmake){.number = number}, &len);
		pem = crlmake_pem(der, len);
		if (*p == 'D') {
			octets_add(o, der, len);
		} else if (*p == 'P') {
			octets_add(o, pem, strlen(pem));
		} else if (*p == 'C') {
			const char *a = strchr(pem, '\n') + 1;

			octets_add(o, a, (size_t)(strstr(a, "--") - a));
		} else {
			octets_add(o, *p == 'B' ? "\xef\xbb\xbf" : "\0",
			    *p == 'B' ? 3 : 1);
		}
		number += strchr("DPC", *p) != NULL;
		free(pem);
		free(der);
	}
}

#define BEGIN "-----BEGIN X509 CRL-----\n"
#define END   "-----END X509 CRL-----\n"
#define CERT  "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"

static const struct row {
	const char *name, *file, *found;
	const char *why; /* a part of the sentence, or NULL */
} rows[] = {
    {"DER", "%D", "5 ", NULL},
    {"PEM", "%P", "5 ", NULL},
    {"several", "%P%P%P", "5 6 7 ", NULL},
    {"text around them", "# crl one\n%P\nand another:\n\n%P# end", "5 6 ",
	NULL},
    {"a text that begins with 0", "0 of 1\n%P", "5 ", NULL},
    {"byte order mark", "%B%P", "5 ", NULL},
    {"byte order marks in the middle", "%B%P%B%P", "5 6 ", NULL},
    {"blanks before the line", " \t" BEGIN "%C" END, "5 ", NULL},
    {"blanks behind the line", "-----BEGIN X509 CRL-----  \n%C" END, "5 ",
	NULL},
    {"CRLF", "-----BEGIN X509 CRL-----\r\n%C-----END X509 CRL-----\r\n%P",
	"5 6 ", NULL},
    {"CR", "-----BEGIN X509 CRL-----\r%C-----END X509 CRL-----\r%P", "5 6 ",
	NULL},
    {"no line feed at the end", BEGIN "%C-----END X509 CRL-----", "5 ", NULL},
    {"beside a certificate", CERT "%P" CERT, "5 ", NULL},
    {"a broken one among good ones", "%P" BEGIN "MAMC\n" END "%P", "5 ! 6 ",
	"not a CRL: "},
    {"its place", "one\ntwo\n" BEGIN "MAMC\n" END, "! ", "line 3: not a CRL: "},
    {"not base64", "%P\n" BEGIN "MA*C\n" END "%P", "5 ! 6 ",
	"is neither base64 nor its END line"},
    {"where it is not base64", BEGIN "MAMC\nMA*C\n" END, "! ", "line 3 is"},
    {"no END", "%P" BEGIN "%C", "5 ! ", "its END line is missing"},
    {"no END before the next", BEGIN "%C%P", "! 6 ", "neither base64 nor"},
    {"END of something else", BEGIN "%C-----END CERTIFICATE-----\n%P", "! 6 ",
	"neither base64 nor"},
    {"cut short", BEGIN "MIIBAAAA\n" END, "! ", "not a CRL: "},
    {"empty", "", "! ", "an empty file; expected a CRL in DER or PEM"},
    {"blanks", "%B \n\r\n\t", "! ", "nothing but blanks"},
    {"a certificate", "\n\n" CERT, "! ",
	"line 3: a certificate; expected a CRL in DER or PEM"},
    {"a key", "-----BEGIN EC PRIVATE KEY-----\nMIIB\n", "! ", "line 1: a key;"},
    {"PKCS#7 in PEM", "-----BEGIN PKCS7-----\nMIIB\n-----END PKCS7-----\n",
	"! ", "line 1: a PKCS#7 bundle; expected a CRL"},
    {"PKCS#7 in DER",
	"\x30\x82\x02\x10\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0",
	"! ", "a PKCS#7 bundle; expected a CRL"},
    {"a certificate in DER", "\x30\x82\x02\x10\x30\x82\x01\x10\xa0\x03\x02\x01",
	"! ", "a certificate; expected a CRL"},
    {"PKCS#12", "\x30\x82\x02\x10\x02\x01\x03\x30\x82", "! ",
	"a PKCS#12 file; expected a CRL"},
    {"an OCSP response", "\x30\x82\x02\x10\x0a\x01", "! ",
	"an OCSP response; expected a CRL"},
    {"gzip", "\x1f\x8b\x08", "! ", "packed with gzip; expected a CRL"},
    {"zip", "PK\x03\x04", "! ", "packed with zip;"},
    {"UTF-16", "\xff\xfe-%Z-", "! ", "a text in UTF-16;"},
    {"a web page", "<html><body>404</body></html>", "! ", "as a web page"},
    {"rubbish", "no CRL", "! ", "no line '-----BEGIN X509 CRL-----'"},
    {"broken DER", "\x30\x82\x02\x10\x05\x01", "! ", "not a CRL: malformed"},
};

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct octets in = {0};

		put_text(&in, r->file);
		for (size_t piece = 1; piece < 2000; piece += piece) {
			struct told t = {.num = 0};
			struct err err;

			assert_int_equal(
			    read_file(&t, EVIDENCE_CRL, &in, piece, NULL, &err),
			    0);
			if (strcmp(t.found, r->found) != 0 ||
			    (r->why != NULL && strstr(t.why, r->why) == NULL))
				fail_msg("%s, by %zu: '%s' (%s)", r->name,
				    piece, t.found, t.why);
		}
		octets_free(&in);
	}
}

static void
test_ocsp(void **state)
{
	struct octets in = {0};
	struct told t = {.num = 0};
	struct err err;

	(void)state;
	/* tryLater: so short that it might be a text. */
	octets_hex(&in, "30030a0103");
	assert_int_equal(read_file(&t, EVIDENCE_OCSP, &in, 2, NULL, &err), 0);
	assert_string_equal(t.found, "5 ");
	octets_free(&in);
	/* As long as a printable character says. */
	octets_hex(&in, "302004");
	octets_tlv(&in, 4, "0123456789abcdef0123456789abc", 29);
	t = (struct told){.num = 0};
	in.p[1] = (uint8_t)(in.len - 2);
	assert_int_equal(read_file(&t, EVIDENCE_OCSP, &in, 2, NULL, &err), 0);
	assert_string_equal(t.found, "34 ");
	octets_free(&in);
	octets_add(&in,
	    "-----BEGIN OCSP RESPONSE-----\nMAMKAQM=\n"
	    "-----END OCSP RESPONSE-----\n" CERT,
	    68 + 59);
	t = (struct told){.num = 0};
	assert_int_equal(read_file(&t, EVIDENCE_OCSP, &in, 9, NULL, &err), 0);
	assert_string_equal(t.found, "5 ");
	octets_free(&in);
	put_text(&in, "%P");
	t = (struct told){.num = 0};
	assert_int_equal(read_file(&t, EVIDENCE_OCSP, &in, 9, NULL, &err), 0);
	assert_string_equal(t.found, "! ");
	assert_non_null(strstr(t.why, "line 1: a CRL; expected an OCSP"));
	octets_free(&in);
}

static void
test_bounds(void **state)
{
	static const uint8_t zeros[4096];
	struct crl_limits limits = {.max_bytes = 100};
	struct told t = {.num = 0};
	struct octets in = {0};
	struct err err;

	(void)state;
	put_text(&in, "%P");
	assert_int_equal(
	    read_file(&t, EVIDENCE_CRL, &in, 64, &limits, &err), 0);
	assert_string_equal(t.found, "! ");
	assert_int_equal(t.fault, CRL_FAULT_TOO_LARGE);
	/* Who reads may end it. */
	t = (struct told){.stop_at = 1};
	assert_int_equal(
	    read_file(&t, EVIDENCE_CRL, &in, 64, NULL, &err), E_CLOSED);
	octets_free(&in);
	octets_hex(&in, "30840fffffff");
	while (in.len <= EVIDENCE_FILE_MAX_OCSP)
		octets_add(&in, zeros, sizeof(zeros));
	t = (struct told){.num = 0};
	assert_int_equal(
	    read_file(&t, EVIDENCE_OCSP, &in, 4096, NULL, &err), 0);
	assert_string_equal(t.found, "! ");
	assert_int_equal(t.fault, CRL_FAULT_TOO_LARGE);
	octets_free(&in);
	for (int i = 0; i <= EVIDENCE_FILE_MAX_OBJECTS; i++)
		octets_add(&in, BEGIN END, sizeof(BEGIN END) - 1);
	t = (struct told){.num = 0};
	assert_int_equal(
	    read_file(&t, EVIDENCE_CRL, &in, 65536, NULL, &err), E_LIMIT);
	assert_int_equal(t.num, EVIDENCE_FILE_MAX_OBJECTS);
	octets_free(&in);
}

/* A device, or a pipe from one, ends the reading at last. */
static void
test_text_without_end(void **state)
{
	struct told t = {0};
	struct evidence_file *f =
	    evidence_file_new(EVIDENCE_CRL, "zero", 77, NULL, hear, &t);
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC), rc;
	struct err err = {0};

	(void)state;
	assert_non_null(f);
	assert_true(fd >= 0);
	do
		rc = evidence_file_step(f, fd, &err);
	while (rc == 1);
	assert_int_equal(rc, E_LIMIT);
	assert_non_null(strstr(err.msg, "'zero' has more than 1 GiB of text"));
	assert_non_null(strstr(err.msg, "expected a CRL"));
	assert_int_equal(t.num, 0);
	evidence_file_free(f);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_ocsp),
	    cmocka_unit_test(test_bounds),
	    cmocka_unit_test(test_text_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
