/* cert_check_internal: what the files of cert_check share. */
#ifndef REVCHECK_ENGINE_CERT_CHECK_INTERNAL_H
#define REVCHECK_ENGINE_CERT_CHECK_INTERNAL_H

#include "revcheck/engine/cert_check.h"
#include "revcheck/engine/document_proof.h"

/* Keeps the most telling failure. */
void cert_check_complain(struct cert_check *q, enum revcheck_why why,
    int http_status, const char *url, const char *msg);

/* Notes what a piece of evidence says by itself, once, if that is asked for. */
void cert_check_note(struct cert_check *q, const struct revcheck_result *r);

/*
 * Keeps the better of two results in *best: REVOKED, GOOD, telling UNKNOWN.
 * True: that is r.
 */
bool cert_check_consider(
    struct revcheck_result *best, const struct revcheck_result *r, bool *have);

/* Sorts supplied evidence in, once. */
int cert_check_prepare(
    struct cert_check *q, const struct request_env *env) MUST_USE;

/* Looks into memory, once. */
void cert_check_look(struct source *r, const struct request_env *env);
/*
 * Whether the source must be asked before going on: what it holds does not
 * answer. `fetch` is false where an answer is known and only evidence at hand
 * may contradict it.
 */
bool cert_check_wants(struct cert_check *q, struct source *r,
    const struct request_env *env, bool fetch);
/*
 * Keeps what was found about the signer of e. The archive took e for an answer
 * and looked no further: where its signer is not good, it is asked once more.
 */
void cert_check_doubt(struct source *r, struct evidence *e,
    enum revcheck_status signer, const struct request_env *env);
/* Where a document of it came from. */
enum revcheck_source
cert_check_source_of(const struct source *r, const struct evidence *e);

struct document_asker
cert_check_asker(const struct cert_check *q, const struct request_env *env);
/* Keeps a proof as long as q; takes it. E_NOMEM: freed. */
int cert_check_own(struct cert_check *q, struct crl_proof *proof) MUST_USE;

/* Room for so many CRLs, or NULL. */
struct crl_evidence *
cert_check_evidence_room(struct cert_check *q, size_t want);

enum answer cert_check_ask_ocsp(struct cert_check *q, struct request_env *env,
    bool fetch, struct revcheck_result *best, bool *have, struct source **need,
    struct cert_check **owner);
enum answer cert_check_ask_crl(struct cert_check *q, struct request_env *env,
    bool fetch, struct revcheck_result *best, bool *have, struct source **need,
    struct cert_check **owner);

/*
 * The status of chain[index] as a signer of evidence. crl_only: it is an OCSP
 * responder, which is not asked about itself.
 */
enum answer
cert_check_ask_signer(enum revcheck_status *status, struct cert_check *parent,
    struct request_env *env, X509 *const *chain, size_t num_chain, size_t index,
    bool crl_only, struct source **need, struct cert_check **owner);

#endif
