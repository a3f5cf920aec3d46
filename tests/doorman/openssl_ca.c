/* openssl_ca: see the header. */
#include "tests/doorman/openssl_ca.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGS_MAX 32

static const char conf[] =
    "[ca]\ndefault_ca = d\n"
    "[d]\n"
    "database = %s/index.txt\nnew_certs_dir = %s/certs\n"
    "certificate = %s/ca.pem\nprivate_key = %s/ca.key\n"
    "rand_serial = yes\ncrlnumber = %s/crlnumber\n"
    "default_md = sha256\ndefault_days = 365\ndefault_crl_days = 30\n"
    "policy = p\ncopy_extensions = copy\nunique_subject = no\n"
    "[p]\ncommonName = optional\norganizationName = supplied\n"
    "countryName = supplied\nlocalityName = optional\n"
    "[sub_ca]\nsubjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n"
    "[peer]\nbasicConstraints = critical,CA:FALSE\n"
    "keyUsage = critical,digitalSignature\nsubjectKeyIdentifier = hash\n"
    "authorityKeyIdentifier = keyid\n"
    "[plain]\nauthorityKeyIdentifier = keyid:always\n"
    "[point]\nauthorityKeyIdentifier = keyid:always\n"
    "issuingDistributionPoint = @idp\n"
    "[idp]\nfullname = URI:http://old.example/ca.crl\n"
    "onlyuser = TRUE\n";

void
openssl_args(const char *want, const char *const *argv)
{
	char *out;

	remove("openssl.log");
	if (proc_run(argv, "openssl.log", WAIT_MS, &out) != 0 ||
	    (want != NULL && strstr(out, want) == NULL))
		fail_msg("openssl %s: no '%s' in: %s", argv[1],
		    want != NULL ? want : "", out);
	free(out);
}

static void
write_text(const char *dir, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", dir, name);

	file_write(path, text, strlen(text));
	free(path);
}

void
openssl_ca_make(struct openssl_ca *ca, const char *dir, const char *subject,
    const char *key, const char *const *extensions)
{
	char *key_path = xasprintf("%s/ca.key", dir), *text;
	char *cert = xasprintf("%s/ca.pem", dir);
	char *certs = xasprintf("%s/certs", dir);
	const char *argv[ARGS_MAX] = {"/usr/bin/openssl", "req", "-x509",
	    "-newkey", key, "-pkeyopt",
	    strcmp(key, "rsa") == 0 ? "rsa_keygen_bits:2048"
				    : "ec_paramgen_curve:P-384",
	    "-nodes", "-keyout", key_path, "-out", cert, "-subj", subject,
	    "-days", "3650", "-addext",
	    "keyUsage=critical,keyCertSign,cRLSign"};
	int n = 18;

	for (; extensions != NULL && *extensions != NULL && n < ARGS_MAX - 2;
	     extensions++) {
		argv[n++] = "-addext";
		argv[n++] = *extensions;
	}
	ca->dir = xstrdup(dir);
	dir_make(dir);
	dir_make(certs);
	write_text(dir, "index.txt", "");
	write_text(dir, "crlnumber", "07\n");
	text = xasprintf(conf, dir, dir, dir, dir, dir);
	write_text(dir, "ca.cnf", text);
	openssl_args(NULL, argv);
	free(text);
	free(certs);
	free(cert);
	free(key_path);
}

void
openssl_ca_free(struct openssl_ca *ca)
{
	free(ca->dir);
	ca->dir = NULL;
}

void
openssl_ca_conf(const struct openssl_ca *ca, const char *text)
{
	char *path = xasprintf("%s/ca.cnf", ca->dir);

	file_append(path, text);
	free(path);
}

void
openssl_ca_sign(const struct openssl_ca *ca, const char *csr, const char *out,
    const char *section, const char *days)
{
	char *path = xasprintf("%s/ca.cnf", ca->dir);

	openssl("Database updated", "ca", "-config", path, "-batch", "-notext",
	    "-extensions", section, "-days", days, "-in", csr, "-out", out);
	free(path);
}

void
openssl_ca_issue(
    const struct openssl_ca *ca, const char *subject, const char *out)
{
	char *key = xasprintf("%s.key", out), *csr = xasprintf("%s.csr", out);

	openssl(NULL, "req", "-new", "-newkey", "ec", "-pkeyopt",
	    "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-subj",
	    subject, "-out", csr);
	openssl_ca_sign(ca, csr, out, "peer", "300");
	free(csr);
	free(key);
}

void
openssl_ca_revoke(
    const struct openssl_ca *ca, const char *cert, const char *reason)
{
	char *path = xasprintf("%s/ca.cnf", ca->dir);

	openssl("Database updated", "ca", "-config", path, "-revoke", cert,
	    "-crl_reason", reason);
	free(path);
}

void
openssl_ca_list(
    const struct openssl_ca *ca, const char *out, const char *section)
{
	char *path = xasprintf("%s/ca.cnf", ca->dir);

	if (strcmp(section, "no_extensions") == 0)
		openssl(NULL, "ca", "-config", path, "-gencrl", "-out", out);
	else
		openssl(NULL, "ca", "-config", path, "-gencrl", "-crlexts",
		    section, "-out", out);
	free(path);
}
