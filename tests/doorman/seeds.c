/* seeds DIR: what the doorman's fuzzers begin with, one file each. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/cms.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "fixtures/doorman/base/issue.h"
#include "fixtures/doorman/base/wire.h"
#include "tests/doorman/proof_key.h"
#include "tests/doorman/vectors.h"

#define ID                                 \
	"AA112233445566778899AABBCCDDEEFF" \
	"00112233445566778899AABBCCDDEEFF"

#define ID_CSR                             \
	"BB112233445566778899AABBCCDDEEFF" \
	"00112233445566778899AABBCCDDEEFF"

static const char *dir;
static int num;

static void
seed(const char *kind, struct view v)
{
	char path[600];
	struct fault f;

	snprintf(path, sizeof(path), "%s/%d.doorman-%s", dir, num++, kind);
	if (file_replace(path, v, 0644, &f) != 0) {
		fprintf(stderr, "seeds: %s\n", f.msg);
		exit(1);
	}
}

static void
forms(void)
{
	static const char *const json[] = {
	    "{\"certificateSerialNumber\":\"0xFF\",\"csrRequestId\":\"" ID
	    "\",\"legalName\":\"CN=a, O=b\\\\, c, L=d, ST=e, C=GB\","
	    "\"reason\":\"KEY_COMPROMISE\",\"reporter\":\"ann\"}",
	    "{\"certificateSerialNumber\":123,\"reason\":\"SUPERSEDED\","
	    "\"reporter\":\"\\u00e9\"}",
	    "{\"legalName\":null}",
	};
	struct amqp_request r = {.serial = "255",
	    .csr_id = ID,
	    .reason = "KEY_COMPROMISE",
	    .reporter = "ann",
	    .has_name = true,
	    .country = "GB",
	    .organisation = "A, B"};
	uint8_t body[8192];

	for (size_t i = 0; i < sizeof(json) / sizeof(json[0]); i++) {
		snprintf((char *)body, sizeof(body), "0%s", json[i]);
		seed("form", view_of(body, strlen((char *)body)));
	}
	body[0] = '1';
	for (int i = 0; i < 8; i++) {
		r.plain_reason = i & 1;
		r.described_serial = i & 2;
		r.reversed = i & 4;
		seed("form",
		    view_of(
			body, 1 + amqp_encode(body + 1, sizeof(body) - 1, &r)));
	}
}

static void
lists(void)
{
	struct secret none = {.fd = 0};
	struct signing_key *key;
	struct issue_order o = {.kind = ISSUE_ROOT,
	    .subject = "CN=CA",
	    .now = 1800000000,
	    .days = 10};
	struct crl_add add[3];
	struct crl_plan plan = {.number = 300,
	    .url = "http://a/certificate-revocation-list/doorman",
	    .freshest_url = "http://a/delta",
	    .this_update = 1800000000,
	    .next_update = 4000000000,
	    .add = add};
	char spec[600];
	struct fault f;
	struct buf der;
	EVP_PKEY *pub;

	snprintf(spec, sizeof(spec), "file:%s/key", dir);
	if (signing_key_create(&pub, KEY_P256, spec, &none, false, &f) != 0 ||
	    signing_key_open(&key, spec, pub, &none, &f) != 0)
		exit(1);
	unlink(spec + 5);
	o.public_key = pub;
	plan.ca = issue_certificate(&o, key, &f);
	for (int i = 0; i < 3; i++) {
		snprintf(spec, sizeof(spec), "%d", 8 << (20 * i % 28));
		serial_from_hex(&add[i], spec);
		add[i].reason = i;
		add[i].revoked_at = 1700000000;
	}
	for (int i = 0; i < 6; i++) {
		plan.num_add = (size_t)i % 4;
		plan.is_delta = i > 3;
		buf_init(&der, 65536);
		if (plan.ca == NULL || crl_build(&der, &plan, key, &f) != 0)
			exit(1);
		seed("crl", buf_view(&der));
		buf_free(&der);
	}
	X509_free(plan.ca);
	EVP_PKEY_free(pub);
	signing_key_free(key);
}

static void
hello(struct buf *b)
{
	size_t begun;

	buf_init(b, 65536);
	begun = wire_begin(b, WIRE_HELLO);
	wire_u8(b, WIRE_VERSION);
	wire_u8(b, WIRE_VERSION);
	wire_text(b, "seed");
	wire_end(b, begun);
}

static void
sessions(void)
{
	for (unsigned type = WIRE_PING; type <= WIRE_LAST; type++) {
		struct buf b;
		size_t begun;

		hello(&b);
		begun = wire_begin(&b, type);
		if (type == WIRE_GET_CRL || type == WIRE_GET_APPROVED ||
		    type == WIRE_SUBMIT_CRL)
			wire_text(&b, "doorman");
		if (type == WIRE_GET_APPROVED || type == WIRE_GET_CSRS)
			wire_u64(&b, 0);
		if (type == WIRE_SUBMIT_CRL) {
			wire_u32(&b, WIRE_CLOCK_WAS_WRONG);
			wire_u32(&b, 1);
			wire_text(&b, ID);
			wire_bytes(&b, view_of("0\0", 2));
			wire_bytes(&b, view_of(NULL, 0));
		}
		if (type == WIRE_SUBMIT_CERT) {
			wire_text(&b, ID_CSR);
			wire_bytes(&b, view_of("0\0", 2));
		}
		if (type == WIRE_REPORT_FAILED) {
			wire_text(&b, ID);
			wire_text(&b, "the HSM refuses");
		}
		wire_end(&b, begun);
		seed("desk", buf_view(&b));
		buf_free(&b);
	}
}

static void
requests(void)
{
	static const char *const texts[] = {
	    "0POST /certificate?a=b HTTP/1.1\r\nHost: x\r\n"
	    "Content-Length: 12\r\nExpect: 100-continue\r\n"
	    "Connection: close, x\r\n\r\n",
	    "0POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
	    "0GET http://h:80/p HTTP/1.0\r\nAccept:\t*/*;q=0 \r\n\r\n",
	    "0CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n",
	    "13\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\nGET",
	    "10a\r\n0123456789\r\n00\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		seed("http", view_of(texts[i], strlen(texts[i])));
}

/* Signed by the officer of proof_key.h, and one that is not. */
static void
proofs(void)
{
	static const struct {
		unsigned flags;
		time_t at;
	} rows[] = {
	    {0, PROOF_TIME},
	    {CMS_USE_KEYID, PROOF_TIME},
	    {CMS_NOCERTS, PROOF_TIME},
	    {CMS_NOATTR, 0},
	    {0, PROOF_TIME - 86400},
	};
	BIO *cert_in = BIO_new_mem_buf(proof_cert, -1);
	BIO *key_in = BIO_new_mem_buf(proof_key, -1);
	X509 *cert = PEM_read_bio_X509(cert_in, NULL, NULL, NULL);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(key_in, NULL, NULL, NULL);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		BIO *in = BIO_new_mem_buf(PROOF_TEXT, -1);
		CMS_ContentInfo *cms =
		    CMS_sign(NULL, NULL, NULL, in, CMS_BINARY | CMS_PARTIAL);
		CMS_SignerInfo *si = CMS_add1_signer(cms, cert, key,
		    EVP_sha256(), CMS_BINARY | CMS_PARTIAL | rows[i].flags);
		ASN1_TIME *t = ASN1_TIME_set(NULL, rows[i].at);
		uint8_t *der = NULL;
		int len;

		if (rows[i].at != 0)
			CMS_signed_add1_attr_by_NID(
			    si, NID_pkcs9_signingTime, t->type, t, -1);
		if (CMS_final(cms, in, NULL, CMS_BINARY) != 1)
			exit(1);
		len = i2d_CMS_ContentInfo(cms, &der);
		seed("proof", view_of(der, (size_t)len));
		OPENSSL_free(der);
		ASN1_TIME_free(t);
		CMS_ContentInfo_free(cms);
		BIO_free(in);
	}
	X509_free(cert);
	EVP_PKEY_free(key);
	BIO_free(cert_in);
	BIO_free(key_in);
}

/* The first byte chooses what the rest is (fuzz_doorman_name.c). */
static void
name_seed(char kind, struct view v)
{
	struct buf b;

	buf_init(&b, 65536);
	buf_byte(&b, (unsigned char)kind);
	buf_add(&b, v.p, v.len);
	seed("name", buf_view(&b));
	buf_free(&b);
}

static void
request_seed(const char *subject, const char *names)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *req = X509_REQ_new();
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	uint8_t *der = NULL;
	struct fault f;
	X509_NAME *name = name_to_x509(subject, &f);
	int len;

	sk_X509_EXTENSION_push(
	    list, X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names));
	X509_REQ_set_subject_name(req, name);
	X509_REQ_set_pubkey(req, key);
	X509_REQ_add_extensions(req, list);
	X509_REQ_sign(req, key, EVP_sha256());
	len = i2d_X509_REQ(req, &der);
	name_seed(3, view_of(der, (size_t)len));
	OPENSSL_free(der);
	der = NULL;
	len = i2d_X509_NAME(name, &der);
	name_seed(1, view_of(der, (size_t)len));
	OPENSSL_free(der);
	X509_NAME_free(name);
	X509_REQ_free(req);
	EVP_PKEY_free(key);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

static void
names(void)
{
	static const char *const texts[] = {
	    "CN=a, OU=b, O=c\\, d, L=e, ST=f, C=GB",
	    "C=FR, O=Soci\xc3\xa9t\xc3\xa9 \\+ Fils",
	    "O=\xe6\x9d\xb1\xe4\xba\xac, C=JP", "O=\\ x\\ , C=GB"};
	static const char *const hosts[] = {"bank.example", "*.a-b.example",
	    "xn--mnchen-3ya.example", "xn--80ak6aa92e.com", "127.0.0.1"};
	static const char *const strangers[] = {"troll; approved by carol",
	    "a\x1b[2J\xc2\x9b\xe2\x80\xae", "e\xcc\x81\xff\xf0\x9f\x94\x91"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		name_seed(0, view_of(texts[i], strlen(texts[i])));
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		name_seed(2, view_of(hosts[i], strlen(hosts[i])));
	for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++)
		name_seed(4, view_of(strangers[i], strlen(strangers[i])));
	request_seed("O=Alice, C=GB", "DNS:a.example,IP:10.0.0.1");
	request_seed("CN=x, O=Bob, L=y, C=GB", "DNS:*.xn--mnchen-3ya.example");
}

int
main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: seeds DIR\n", stderr);
		return 2;
	}
	dir = argv[1];
	forms();
	lists();
	sessions();
	requests();
	proofs();
	names();
	return 0;
}
