/*
 * tls_rig_evidence: what the clients' issuer says about them: CRLs of any
 * size, written octet by octet, and the index of the OCSP responder.
 */
#include "tests/bench/tls_rig_parts.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fixtures/lib/fixture.h"

#define WWW "www/certificate-revocation-list"

static const ASN1_INTEGER *
serial_of(struct rig *r, size_t client)
{
	rig_mint(r, client + 1);
	return X509_get0_serialNumber(r->clients[client].leaf);
}

void
rig_list_client(struct rig *r, struct octets *list, size_t client)
{
	const ASN1_INTEGER *serial = serial_of(r, client);
	struct crlmake_entry e = {.serial = ASN1_STRING_get0_data(serial),
	    .serial_len = (size_t)ASN1_STRING_length(serial),
	    .reason = 1};

	crlmake_entry(list, &e);
}

static uint8_t *
make_crl(struct rig *r, const struct octets *list, size_t *len)
{
	struct crlmake how = {.key = r->issuer_key,
	    .number = ++r->crl_number,
	    .entries = list->len > 0 ? list : NULL};
	char now[80];
	time_t t = time(NULL);
	struct tm tm;

	gmtime_r(&t, &tm);
	snprintf(now, sizeof(now), "%02d%02d%02d%02d%02d%02dZ",
	    tm.tm_year % 100, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec);
	how.this_update = now;
	if (!X509_NAME_get0_der(X509_get_subject_name(r->issuer),
		&how.issuer_der, &how.issuer_der_len))
		rig_give_up("the issuer has no name");
	return crlmake(&how, len);
}

/* Else the kernel writes it to the disk while something is measured. */
static void
file_settle(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) != 0)
		rig_give_up("cannot write '%s'", path);
	close(fd);
}

void
rig_write_crl(struct rig *r, const struct octets *list, const char *path)
{
	size_t len;
	uint8_t *der = make_crl(r, list, &len);

	file_write(path, der, len);
	file_settle(path);
	free(der);
}

void
rig_yield_web(struct rig *r)
{
	const struct sched_param none = {0};

	if (sched_setscheduler(r->web, SCHED_IDLE, &none) != 0)
		rig_give_up("cannot set the CRL server back");
}

void
rig_publish(struct rig *r, const struct octets *list)
{
	char *path = xasprintf("%s/" WWW "/doorman", r->net);

	rig_write_crl(r, list, path);
	free(path);
}

void
rig_write_pem(struct rig *r, const char *path)
{
	static const char *const names[] = {"doorman", "root"};
	struct octets all = {0};

	for (size_t i = 0; i < 2; i++) {
		char *from = xasprintf("%s/" WWW "/%s", r->net, names[i]), *pem;
		size_t len;
		char *der = file_need(from, &len);

		pem = crlmake_pem((const uint8_t *)der, len);
		octets_add(&all, pem, strlen(pem));
		free(pem);
		free(der);
		free(from);
	}
	file_write(path, all.p, all.len);
	octets_free(&all);
}

void
rig_enrol(struct rig *r, size_t first, size_t num)
{
	char *path = xasprintf("%s/doorman/index.txt", r->net);

	for (size_t i = first; i < first + num; i++) {
		BIGNUM *bn = ASN1_INTEGER_to_BN(serial_of(r, i), NULL);
		char *hex = BN_bn2hex(bn), *line;

		line = xasprintf(
		    "V\t360101000000Z\t\t%s\tunknown\t/O=client %zu\n", hex, i);
		file_append(path, line);
		free(line);
		OPENSSL_free(hex);
		BN_free(bn);
	}
	free(path);
}
