/*
 * crlmake: writes CRLs for tests and benches, octet by octet, so that wrong
 * ones can be written as easily as right ones, and five million entries fast.
 */
#ifndef TESTS_LIB_CRLMAKE_H
#define TESTS_LIB_CRLMAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

/* A growing run of octets; aborts when out of memory. */
struct octets {
	uint8_t *p;
	size_t len, cap;
};
void octets_add(struct octets *o, const void *p, size_t len);
void octets_free(struct octets *o);
/* octets_tlv appends tag, minimal DER length and content. */
void octets_tlv(struct octets *o, int tag, const void *p, size_t len);
/* octets_wrap puts a header in front of everything from `from` on. */
void octets_wrap(struct octets *o, size_t from, int tag);
void octets_hex(struct octets *o, const char *hex);

/* One entry; zeroed members mean absent. */
struct crlmake_entry {
	const void *serial;
	size_t serial_len;
	const char *date;    /* "260101000000Z" (UTCTime) when NULL */
	int reason;          /* 0: no reasonCode; others as they are */
	const char *ext_hex; /* content of SEQUENCE OF, instead of reason */
};
void crlmake_entry(struct octets *o, const struct crlmake_entry *e);

struct crlmake {
	int version;        /* 0: v2; 1: absent; others: as written + 1 */
	const char *issuer; /* CN; "Test CA" when NULL */
	const uint8_t *issuer_der; /* a whole Name, instead of issuer */
	size_t issuer_der_len;
	const char *this_update, *next_update; /* UTCTime; NULL: 2026, 2036 */
	bool no_next_update;
	const struct octets *entries; /* NULL: revokedCertificates absent */
	const char *ext_hex;          /* content of SEQUENCE OF Extension */
	long number;   /* CRLNumber when ext_hex is NULL; 0: none */
	EVP_PKEY *key; /* NULL: a made-up signature */
	const char *alg_hex, *outer_alg_hex; /* NULL: ecdsa-with-SHA256 */
};

/* crlmake writes the CRL; free(): it never fails but by aborting. */
uint8_t *crlmake(const struct crlmake *how, size_t *len);

/*
 * crlmake_many is a CRL of num entries as large CRLs are: 16-octet serials, a
 * reason on every fourth; crlmake_entries is those alone. crlmake_serial is the
 * serial of entry i (16 octets), for i >= num one that is not listed.
 */
void crlmake_entries(struct octets *o, size_t num);
uint8_t *crlmake_many(size_t num, EVP_PKEY *key, size_t *len);
void crlmake_serial(size_t i, uint8_t out[16]);

/* crlmake_pem is malloc'd text. */
char *crlmake_pem(const uint8_t *der, size_t len);

#endif
