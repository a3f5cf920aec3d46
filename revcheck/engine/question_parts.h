/* What the files that make up a question know of each other. */
#ifndef REVCHECK_ENGINE_QUESTION_PARTS_H
#define REVCHECK_ENGINE_QUESTION_PARTS_H

#include "revcheck/engine/question.h"

/* Keeps the most telling failure. */
void question_complain(struct question *q, enum revcheck_why why,
    int http_status, const char *url, const char *msg);

/* Keeps the better of two results in *best: REVOKED, GOOD, telling UNKNOWN. */
void question_consider(
    struct revcheck_result *best, const struct revcheck_result *r, bool *have);

/* Sorts supplied evidence in, once. */
int
question_prepare(struct question *q, const struct request_env *env) MUST_USE;

/*
 * Looks into memory once; true when the resource must be fetched before going
 * on. `fetch` is false where an answer is known already and only evidence at
 * hand may still contradict it.
 */
bool question_wants(struct question *q, struct resource *r,
    const struct request_env *env, bool fetch);

/* Room for so many witnesses, or NULL. */
struct crl_evidence *question_witness_room(struct question *q, size_t want);

enum answer question_ask_ocsp(struct question *q, struct request_env *env,
    bool fetch, struct revcheck_result *best, bool *have,
    struct resource **need, struct question **owner);
enum answer question_ask_crl(struct question *q, struct request_env *env,
    bool fetch, struct revcheck_result *best, bool *have,
    struct resource **need, struct question **owner);

/*
 * The status of chain[index] as a signer of evidence. crl_only: it is an OCSP
 * responder, which is not asked about itself.
 */
enum answer
question_ask_signer(enum revcheck_status *status, struct question *parent,
    struct request_env *env, X509 *const *chain, size_t num_chain, size_t index,
    bool crl_only, struct resource **need, struct question **owner);

#endif
