/*
 * hsm: the scene of the tests of tokens: scene.h's, with the CA of the town's
 * doorman, a token of SoftHSM, and private keys that are in it.
 */
#ifndef TESTS_LIB_HSM_H
#define TESTS_LIB_HSM_H

#include <stdbool.h>

#include "tests/lib/enrol.h"
#include "tests/lib/softtoken.h"
#include "tests/lib/scene.h"

#define HSM_TOKEN "the gateway's"
#define HSM_URI   "pkcs11:token=the%20gateway%27s;"

extern struct pki_ca doorman;
extern char *doorman_pem; /* its certificate */

/*
 * The town, the token, its PIN in the file "pin" and a wrong one in "bad-pin",
 * and gw, whose keys are made in the token and whose name is "gateway".
 */
int hsm_setup(void **state);
int hsm_teardown(void **state);

/* g's keys are in the token, by that module (a path). */
void hsm_use(struct gateway *g, const char *module);
/* Its identity is near.pem and the key of that URI. */
void hsm_identity(struct gateway *g, const char *uri);
/*
 * Makes the key p2p/near by way of gw, and near.pem, the doorman's certificate
 * of it for near.example.
 */
void hsm_certify_near(void);

/* The good peer, who checks the chain and that the name is host's. */
void hsm_peer(struct tls_options *o, const char *host, int version);
void hsm_peer_free(struct tls_options *o);
/* A whole visit of its: did a line come back? */
bool hsm_visit(struct gateway *g, const char *host, int version);

/* A number of g's /metrics, -1: not there. */
double hsm_metric(struct gateway *g, const char *name);

#endif
