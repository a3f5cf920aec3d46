/* pkcs11_internal: what the files of the token share with each other only. */
#ifndef GATEWAY_PKCS11_PKCS11_INTERNAL_H
#define GATEWAY_PKCS11_PKCS11_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include <sys/queue.h>

#include <p11-kit-1/p11-kit/pkcs11.h>

#include "cache/base/ref.h"
#include "gateway/pkcs11/pkcs11.h"
#include "gateway/pkcs11/pkcs11_queue.h"

/* Not in every header of PKCS#11 2.40. */
#ifndef CKK_EC_EDWARDS
#define CKK_EC_EDWARDS 0x40UL
#endif
#ifndef CKM_EC_EDWARDS_KEY_PAIR_GEN
#define CKM_EC_EDWARDS_KEY_PAIR_GEN 0x1055UL
#endif
#ifndef CKM_EDDSA
#define CKM_EDDSA 0x1057UL
#endif

enum pkcs11_state {
	PKCS11_DOWN = 0,
	PKCS11_UP,
	PKCS11_REFUSED /* the PIN */
};

/* Counted; constant but for what is under the token's lock. */
struct pkcs11_key {
	struct ref ref;
	struct pkcs11 *token;
	unsigned char id[PKCS11_ID_MAX];
	size_t id_len; /* 0: found by label */
	char label[PKCS11_LABEL_MAX + 1];
	EVP_PKEY *public;
	/* Under the token's lock. */
	CK_OBJECT_HANDLE handle;
	unsigned generation; /* in which handle was good; 0: none */
};

TAILQ_HEAD(pkcs11_queue, pkcs11_job);

/* Lives from pkcs11_open to pkcs11_close. */
struct pkcs11 {
	char *module;
	struct pkcs11_uri where; /* as asked for */
	uint32_t timeout_ms;

	/*
	 * Calls into the module hold it shared; to log in anew, or to start
	 * the module anew, one thread holds it alone.
	 */
	pthread_rwlock_t gate;
	void *library;
	CK_FUNCTION_LIST_PTR fn;
	bool initialized; /* by us */
	CK_SLOT_ID slot;
	unsigned attempts; /* in vain, one after the other */

	pthread_mutex_t lock; /* for all that follows */
	pthread_cond_t work, done;
	struct pkcs11_queue queue;
	unsigned num_queued;
	enum pkcs11_state state;
	unsigned generation; /* of sessions and handles; rises with a login */
	bool connecting, stopping;
	bool proved; /* something has worked since the login */
	uint64_t retry_at_mono_ms;
	uint32_t backoff_ms;
	struct err why; /* not up */
	char pin[PKCS11_PIN_MAX + 1];
	struct pkcs11_uri name; /* of the token itself */
	struct pkcs11_stats stats;
	pthread_t threads[PKCS11_THREADS_MAX];
	uint32_t num_threads;
};

/* One thread's session. */
struct pkcs11_thread {
	struct pkcs11 *token;
	CK_SESSION_HANDLE session;
	unsigned generation; /* 0: no session */
};

/* pkcs11_module.c: the module and the login; gate held alone. */

/* E_PARSE when it is the PIN's fault: never to be tried again. */
int pkcs11_connect(struct pkcs11 *t, CK_SESSION_HANDLE *session,
    const char *pin, struct pkcs11_uri *name, struct err *err) MUST_USE;
void pkcs11_finalize(struct pkcs11 *t);
/* err_set with what a status means. */
int pkcs11_fail(struct err *err, int code, const char *what, CK_RV rv);
/* The session, the login or the token itself is gone. */
bool pkcs11_is_lost(CK_RV rv);

/* On a session; the gate is held shared. */

/*
 * What a job does. CKR_OK with job->err.code 0 or set, or a status of the
 * module's with job->err set.
 */
CK_RV pkcs11_do_find(struct pkcs11_thread *s, struct pkcs11_job *job);
CK_RV pkcs11_do_make(struct pkcs11_thread *s, struct pkcs11_job *job);
CK_RV pkcs11_do_destroy(struct pkcs11_thread *s, struct pkcs11_job *job);
CK_RV pkcs11_do_sign(struct pkcs11_thread *s, struct pkcs11_job *job);

/* Fills up to max handles; *num says how many there are at least. */
CK_RV pkcs11_search(struct pkcs11_thread *s, CK_OBJECT_CLASS class,
    const unsigned char *id, size_t id_len, const char *label,
    CK_OBJECT_HANDLE *out, CK_ULONG max, CK_ULONG *num);

/* Keys. */

/* Takes a reference on public. NULL when out of memory. */
struct pkcs11_key *pkcs11_key_new(struct pkcs11 *t, const unsigned char *id,
    size_t id_len, const char *label, EVP_PKEY *public);
struct pkcs11_key *pkcs11_key_up_ref(struct pkcs11_key *k);
void pkcs11_key_free(struct pkcs11_key *k);

/* pkcs11_provider.c: wraps a key for OpenSSL; takes a reference on it. */
int pkcs11_pkey_new(
    EVP_PKEY **out, struct pkcs11_key *key, struct err *err) MUST_USE;
int pkcs11_provider_load(struct err *err) MUST_USE;
void pkcs11_provider_unload(void);

#endif
