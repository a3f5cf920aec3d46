/*
 * pkcs12: see the header. In a library context of its own, with the legacy
 * provider where it is installed: files of older tools are encrypted with RC2,
 * and what they need must not become usable for anything else.
 */
#include "revcheck/cli/pkcs12.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/ui.h>

#include "revcheck/cli/cli.h"

#define PASSWORD_MAX 1024

struct pkcs12 {
	OSSL_LIB_CTX *ctx;
	OSSL_PROVIDER *providers[2];
	PKCS12 *p12;
};

bool
pkcs12_is(const unsigned char *p, size_t len)
{
	const unsigned char *at = p;
	PKCS12 *p12 = d2i_PKCS12(NULL, &at, (long)len);

	ERR_clear_error();
	PKCS12_free(p12);
	return p12 != NULL;
}

static bool
open_p12(struct pkcs12 *x, const unsigned char *p, size_t len)
{
	x->ctx = OSSL_LIB_CTX_new();
	if (x->ctx == NULL)
		return false;
	x->providers[0] = OSSL_PROVIDER_load(x->ctx, "default");
	x->providers[1] = OSSL_PROVIDER_load(x->ctx, "legacy");
	ERR_clear_error();
	x->p12 = PKCS12_init_ex(NID_pkcs7_data, x->ctx, NULL);
	return x->providers[0] != NULL && x->p12 != NULL &&
	    d2i_PKCS12(&x->p12, &p, (long)len) != NULL;
}

static void
close_p12(struct pkcs12 *x)
{
	PKCS12_free(x->p12);
	for (size_t i = 0; i < 2; i++)
		if (x->providers[i] != NULL)
			OSSL_PROVIDER_unload(x->providers[i]);
	OSSL_LIB_CTX_free(x->ctx);
}

/* The first line; false: said why. */
static bool
password_of_file(char out[PASSWORD_MAX], const char *path)
{
	FILE *f = fopen(path, "re");
	bool ok;

	if (f == NULL) {
		cli_fail(
		    EXIT_INPUT, "cannot open '%s': %s", path, strerror(errno));
		return false;
	}
	errno = 0;
	ok = fgets(out, PASSWORD_MAX, f) != NULL || !ferror(f);
	if (feof(f) && out[0] == '\0')
		ok = true;
	fclose(f);
	if (!ok)
		cli_fail(
		    EXIT_INPUT, "cannot read '%s': %s", path, strerror(errno));
	out[strcspn(out, "\r\n")] = '\0';
	return ok;
}

/*
 * Asks on the terminal, without echo. False: there is none, or nothing came;
 * OpenSSL's way of asking would read standard input then.
 */
static bool
password_of_tty(char out[PASSWORD_MAX], const char *name)
{
	char prompt[320];
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct termios was, quiet;
	bool is_quiet, ok;

	out[0] = '\0';
	if (tty < 0)
		return false;
	snprintf(prompt, sizeof(prompt), "password of '%.250s': ", name);
	print_plain(prompt);
	/* OpenSSL asks first: what is typed at once would be shown. */
	is_quiet = tcgetattr(tty, &was) == 0;
	if (is_quiet) {
		quiet = was;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		is_quiet = tcsetattr(tty, TCSAFLUSH, &quiet) == 0;
	}
	ok = UI_UTIL_read_pw_string(out, PASSWORD_MAX, prompt, 0) == 0;
	if (is_quiet)
		(void)tcsetattr(tty, TCSANOW, &was);
	close(tty);
	return ok;
}

/* A copy in the usual library context. */
static bool
add_copy(STACK_OF(X509) * out, X509 *x)
{
	unsigned char *der = NULL;
	int len = i2d_X509(x, &der);
	const unsigned char *at = der;
	X509 *copy = len > 0 ? d2i_X509(NULL, &at, len) : NULL;
	bool ok = copy != NULL && sk_X509_push(out, copy) > 0;

	if (!ok)
		X509_free(copy);
	OPENSSL_free(der);
	return ok;
}

/* The certificate of the key first, then the others. */
static bool
take_certs(STACK_OF(X509) * *out, PKCS12 *p12, const char *password)
{
	STACK_OF(X509) *others = NULL;
	EVP_PKEY *key = NULL;
	X509 *own = NULL;
	bool ok = PKCS12_parse(p12, password, &key, &own, &others) == 1;

	if (ok) {
		*out = sk_X509_new_null();
		ok = *out != NULL && (own == NULL || add_copy(*out, own));
		for (int i = 0; ok && i < sk_X509_num(others); i++)
			ok = add_copy(*out, sk_X509_value(others, i));
	}
	EVP_PKEY_free(key);
	X509_free(own);
	sk_X509_pop_free(others, X509_free);
	return ok;
}

static bool
opens_with(PKCS12 *p12, const char *password)
{
	return PKCS12_mac_present(p12) == 0 ||
	    PKCS12_verify_mac(p12, password, -1) == 1;
}

static int
password_for(char out[PASSWORD_MAX], PKCS12 *p12, const char *name,
    const char *password_file)
{
	out[0] = '\0';
	if (password_file != NULL) {
		if (!password_of_file(out, password_file))
			return EXIT_INPUT;
	} else if (!opens_with(p12, "") && !opens_with(p12, NULL) &&
	    !password_of_tty(out, name)) {
		return cli_fail(EXIT_INPUT,
		    "'%s' has a password: give '--password-file' with it in "
		    "its first line",
		    name);
	}
	if (!opens_with(p12, out) && (out[0] != '\0' || !opens_with(p12, NULL)))
		return cli_fail(
		    EXIT_INPUT, "'%s' does not open with that password", name);
	return 0;
}

int
pkcs12_certs(STACK_OF(X509) * *out, const unsigned char *p, size_t len,
    const char *name, const char *password_file)
{
	struct pkcs12 x = {0};
	char password[PASSWORD_MAX];
	unsigned long e;
	int rc;

	*out = NULL;
	if (!open_p12(&x, p, len)) {
		rc = cli_fail(
		    EXIT_SOFTWARE, "cannot read PKCS#12 in '%s'", name);
		goto out;
	}
	rc = password_for(password, x.p12, name, password_file);
	ERR_clear_error();
	if (rc == 0 && !take_certs(out, x.p12, password)) {
		e = ERR_peek_last_error();
		rc = cli_fail(EXIT_INPUT, "'%s' cannot be opened: %s", name,
		    e != 0 ? ERR_reason_error_string(e) : "broken PKCS#12");
	}
	OPENSSL_cleanse(password, sizeof(password));
out:
	ERR_clear_error();
	close_p12(&x);
	return rc;
}
