/*
 * pkcs11_queue: one thing that a token is asked to do, on a thread of its own.
 * Counted: one reference is the asker's, one the queue's. An asker that does
 * not want to wait any longer drops it, and may be gone when it is done.
 */
#ifndef GATEWAY_PKCS11_PKCS11_QUEUE_H
#define GATEWAY_PKCS11_PKCS11_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/queue.h>

#include <openssl/evp.h>

#include "cache/base/error.h"
#include "cache/base/ref.h"
#include "gateway/pkcs11/pkcs11.h"

struct event;
struct pkcs11_key;

#define PKCS11_SIGNATURE_MAX 1024

enum pkcs11_mechanism {
	PKCS11_ECDSA = 0, /* of a digest; DER comes back */
	PKCS11_RSA_PKCS1, /* of a digest */
	PKCS11_RSA_PSS,   /* of a digest */
	PKCS11_EDDSA      /* of the message */
};

enum pkcs11_work {
	PKCS11_WORK_NONE = 0, /* being logged in is all */
	PKCS11_WORK_FIND,
	PKCS11_WORK_MAKE,
	PKCS11_WORK_DESTROY,
	PKCS11_WORK_SIGN
};

struct pkcs11_job {
	struct ref ref;
	struct pkcs11 *token;
	enum pkcs11_work work;
	TAILQ_ENTRY(pkcs11_job) link;
	/* Under the token's lock. */
	bool queued, abandoned;
	struct event *wake; /* made active when it is done */
	atomic_bool done;

	struct pkcs11_key *key; /* SIGN; the result of FIND and MAKE */
	struct pkcs11_uri which;
	enum pkcs11_kind kind;

	enum pkcs11_mechanism mechanism;
	int digest_nid; /* 0 with PKCS11_EDDSA */
	unsigned salt_len;

	/* The answer, once it is done. */
	struct err err; /* code 0: well */
	unsigned char signature[PKCS11_SIGNATURE_MAX];
	size_t signature_len;

	size_t data_len;
	unsigned char data[]; /* to be signed */
};

/* A digest that a token can be told of. */
bool pkcs11_knows_digest(int nid);

/* NULL when out of memory; data is copied. */
struct pkcs11_job *pkcs11_job_new(struct pkcs11 *t, enum pkcs11_work work,
    const unsigned char *data, size_t len);

/* Into the queue. wake may be NULL. E_LIMIT: too many wait. Thread-safe. */
int pkcs11_job_start(
    struct pkcs11_job *job, struct event *wake, struct err *err) MUST_USE;

bool pkcs11_job_is_done(struct pkcs11_job *job);

/* Waits, timeout_ms at most. The job's error, or E_IO: it took too long. */
int pkcs11_job_wait(struct pkcs11_job *job, struct err *err) MUST_USE;

/*
 * Nobody waits any longer: undone work is left undone where it can be. On
 * return wake will not be touched.
 */
void pkcs11_job_abandon(struct pkcs11_job *job);
/* Abandons it and gives the asker's reference back. NULL is fine. */
void pkcs11_job_drop(struct pkcs11_job *job);

/* The queue's side. */
void pkcs11_job_finish(struct pkcs11_job *job);
void pkcs11_job_unref(struct pkcs11_job *job);

#endif
