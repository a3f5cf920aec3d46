/*
 * tls_lib_memory: the context of TLS gets over a moment without memory. Each
 * allocation for the first certificate that is read there fails once, in a
 * process of its own, and the next one is read all the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/tls/tls_lib_ctx.h"
#include "tests/lib/selfcert.h"

/* The allocation that fails, counted down; 0: none. */
static unsigned countdown;

static bool
fails(void)
{
	return countdown > 0 && --countdown == 0;
}

static void *
give(size_t len, const char *file, int line)
{
	(void)file, (void)line;
	return fails() ? NULL : malloc(len);
}

static void *
give_more(void *p, size_t len, const char *file, int line)
{
	(void)file, (void)line;
	return fails() ? NULL : realloc(p, len);
}

static void
take(void *p, const char *file, int line)
{
	(void)file, (void)line;
	free(p);
}

/* As a handshake reads it, and as its signature is verified. */
static bool
is_good(const unsigned char *der, int len)
{
	X509 *x = X509_new_ex(tls_lib_ctx(), NULL);
	EVP_PKEY *key = NULL;
	bool good = false;

	if (x != NULL && d2i_X509(&x, &der, len) != NULL) {
		key = X509_get0_pubkey(x);
		good = key != NULL && X509_verify(x, key) == 1;
		X509_free(x);
	}
	ERR_clear_error();
	return good;
}

enum {
	GOOD_AFTER,
	REFUSED_AFTER,
	NONE_FAILED
};

/* What a process finds whose n-th allocation for its first one fails. */
static int
after(unsigned n, const unsigned char *der, int len)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		countdown = n;
		(void)is_good(der, len);
		if (countdown > 0)
			_exit(NONE_FAILED);
		_exit(is_good(der, len) ? GOOD_AFTER : REFUSED_AFTER);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
what_had_no_memory_once(void **state)
{
	static const char *const subject[] = {"O", "Test", NULL};
	unsigned char *der = NULL;
	EVP_PKEY *key;
	X509 *x = selfcert_new(&key, subject);
	int len = i2d_X509(x, &der), found = GOOD_AFTER;
	unsigned n;

	(void)state;
	assert_non_null(tls_lib_ctx());
	for (n = 1; found == GOOD_AFTER; n++)
		found = after(n, der, len);
	if (found != NONE_FAILED)
		fail_msg("refused for ever (%d): allocation %u", found, n - 1);
	assert_true(n > 50);
	OPENSSL_free(der);
	X509_free(x);
	EVP_PKEY_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_had_no_memory_once),
	};

	if (CRYPTO_set_mem_functions(give, give_more, take) != 1)
		return 1;
	return cmocka_run_group_tests_name("tls_lib_memory", tests, NULL, NULL);
}
