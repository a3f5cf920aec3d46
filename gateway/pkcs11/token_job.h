/*
 * token_job: one thing that a token is asked to do, on a thread of its own.
 * Counted: one reference is the asker's, one the queue's. An asker that does
 * not want to wait any longer drops it, and may be gone when it is done.
 */
#ifndef GATEWAY_PKCS11_TOKEN_JOB_H
#define GATEWAY_PKCS11_TOKEN_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/queue.h>

#include <openssl/evp.h>

#include "cache/base/error.h"
#include "cache/base/ref.h"
#include "gateway/pkcs11/token.h"

struct event;
struct token_key;

#define TOKEN_SIGNATURE_MAX 1024

enum token_mechanism {
	TOKEN_ECDSA = 0, /* of a digest; DER comes back */
	TOKEN_RSA_PKCS1, /* of a digest */
	TOKEN_RSA_PSS,   /* of a digest */
	TOKEN_EDDSA      /* of the message */
};

enum token_work {
	TOKEN_WORK_NONE = 0, /* being logged in is all */
	TOKEN_WORK_FIND,
	TOKEN_WORK_MAKE,
	TOKEN_WORK_DESTROY,
	TOKEN_WORK_SIGN
};

struct token_job {
	struct ref ref;
	struct token *token;
	enum token_work work;
	TAILQ_ENTRY(token_job) link;
	/* Under the token's lock. */
	bool queued, abandoned;
	struct event *wake; /* made active when it is done */
	atomic_bool done;

	struct token_key *key; /* SIGN; the result of FIND and MAKE */
	struct pkcs11_uri which;
	enum token_kind kind;

	enum token_mechanism mechanism;
	int digest_nid; /* 0 with TOKEN_EDDSA */
	unsigned salt_len;

	/* The answer, once it is done. */
	struct err err; /* code 0: well */
	unsigned char signature[TOKEN_SIGNATURE_MAX];
	size_t signature_len;

	size_t data_len;
	unsigned char data[]; /* to be signed */
};

/* A digest that a token can be told of. */
bool token_knows_digest(int nid);

/* NULL when out of memory; data is copied. */
struct token_job *token_job_new(struct token *t, enum token_work work,
    const unsigned char *data, size_t len);

/* Into the queue. wake may be NULL. E_LIMIT: too many wait. Thread-safe. */
int token_job_start(
    struct token_job *job, struct event *wake, struct err *err) MUST_USE;

bool token_job_is_done(struct token_job *job);

/* Waits, timeout_ms at most. The job's error, or E_IO: it took too long. */
int token_job_wait(struct token_job *job, struct err *err) MUST_USE;

/*
 * Nobody waits any longer: undone work is left undone where it can be. On
 * return wake will not be touched.
 */
void token_job_abandon(struct token_job *job);
/* Abandons it and gives the asker's reference back. NULL is fine. */
void token_job_drop(struct token_job *job);

/* The queue's side. */
void token_job_finish(struct token_job *job);
void token_job_unref(struct token_job *job);

#endif
