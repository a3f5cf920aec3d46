/*
 * pkcs11: the hardware (or software) token of PKCS#11 2.40 that private keys
 * may live in. One a process, loaded when it is first asked for. Whatever the
 * module takes its time for happens on threads of the token's own; nothing of
 * it ever runs on a worker.
 *
 * A PIN that was refused is not tried again until another one is given, since
 * tokens lock themselves after a few.
 */
#ifndef GATEWAY_PKCS11_PKCS11_H
#define GATEWAY_PKCS11_PKCS11_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "cache/base/error.h"
#include "cache/base/log.h"
#include "gateway/pkcs11/pkcs11_uri.h"

struct event;
struct pkcs11;

#define PKCS11_ID_BYTES    16 /* CKA_ID of keys made here */
#define PKCS11_PIN_MAX     255
#define PKCS11_QUEUE_MAX   10000 /* signatures that wait */
#define PKCS11_THREADS_MAX 64

struct pkcs11_options {
	const char *module;
	struct pkcs11_uri where; /* which token of the module's */
	const char *pin;
	uint32_t threads;
	uint32_t timeout_ms; /* for calls that wait outside of jobs */
};

/*
 * Loads the module, finds the token and logs in, or says that this is done
 * already: then only the PIN may differ, and is used from the next login on.
 * E_ARG: another module or token. Waits.
 */
int pkcs11_open(struct pkcs11 **out, const struct pkcs11_options *o,
    struct err *err) MUST_USE;
/* Where it tells that the token went or came back; NULL: nowhere. */
void pkcs11_set_log(const struct log *log);
/* The token that is open, or NULL. */
struct pkcs11 *pkcs11_get0(void);
/*
 * At exit, after the last key: logs out, unloads nothing. False: a thread is in
 * the module and does not come back, and whoever ends the process must not
 * take down what it may still use: _exit.
 */
bool pkcs11_close(void) MUST_USE;

/* As the token calls itself. Constant. */
const struct pkcs11_uri *pkcs11_get0_name(const struct pkcs11 *t);

struct pkcs11_stats {
	bool up;
	bool refused; /* the PIN was: no more attempts */
	uint64_t signatures, failures, logins, losses;
	unsigned waiting;
	char why[256]; /* not up */
};
/* Thread-safe. */
void pkcs11_get_stats(struct pkcs11 *t, struct pkcs11_stats *out);

/* Keys: EVP_PKEYs whose private half stays where it is. */

enum pkcs11_kind {
	PKCS11_P256 = 0,
	PKCS11_P384,
	PKCS11_RSA3072,
	PKCS11_ED25519
};

/*
 * pkcs11_find looks for the one private key that `which` names; E_PARSE when
 * there is none, several, or one that cannot be used here. pkcs11_make makes
 * one that is sensitive and cannot be extracted; E_PARSE when the token has no
 * keys of that kind. Both wait, timeout_ms at
 * most, or, within a async_task, pause it for as long as it takes.
 * EVP_PKEY_free the result before pkcs11_close.
 */
int pkcs11_find(struct pkcs11 *t, EVP_PKEY **out,
    const struct pkcs11_uri *which, struct err *err) MUST_USE;
int pkcs11_make(struct pkcs11 *t, EVP_PKEY **out, enum pkcs11_kind kind,
    const unsigned char id[PKCS11_ID_BYTES], const char *label,
    struct err *err) MUST_USE;
/* Takes a key that pkcs11_make made out of the token again. */
int pkcs11_destroy(struct pkcs11 *t, const unsigned char id[PKCS11_ID_BYTES],
    struct err *err) MUST_USE;

/* The key is one of these. */
bool pkcs11_has(const EVP_PKEY *key);
/* What everybody may know of it, as an ordinary key; lends. */
EVP_PKEY *pkcs11_get0_public(EVP_PKEY *key);

#endif
