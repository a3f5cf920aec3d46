/*
 * ask: what a question needs, made from options: whom to trust, which evidence,
 * an engine. Shared by check, connect and explain, which differ in where the
 * chain comes from and how the answer is told.
 */
#ifndef REVCHECK_CLI_ASK_H
#define REVCHECK_CLI_ASK_H

#include "revcheck/cli/anchors.h"
#include "revcheck/cli/cert_urls.h"
#include "revcheck/cli/cli.h"
#include "revcheck/cli/exchanges.h"
#include "revcheck/cli/input.h"

/* The options that say what is accepted, and by which evidence. */
#define ASK_OPTIONS                                                            \
	OPT_VALUES("--anchors", "FILE|DIR"),                                   \
	    OPT_VALUES("--untrusted", "FILE"), OPT_FLAG("--fetch-issuers"),    \
	    OPT_VALUES("--crl", "FILE|DIR"), OPT_VALUES("--ocsp", "FILE|DIR"), \
	    OPT_VALUE("--at", "TIME"), OPT_FLAG("--soft"),                     \
	    OPT_VALUE("--mode", "OFF|SOFT_FAIL|HARD_FAIL|ON"),                 \
	    OPT_VALUE("--method", "ocsp,crl|crl,ocsp|ocsp|crl|all"),           \
	    OPT_VALUE("--scope", "chain|leaf"), OPT_FLAG("--status-only"),     \
	    OPT_VALUE("--max-age", "SECONDS"),                                 \
	    OPT_VALUE("--no-next-update", "SECONDS"),                          \
	    OPT_VALUE("--skew", "SECONDS"),                                    \
	    OPT_VALUE("--nonce", "off|optional|required"),                     \
	    OPT_VALUES("--relax", "RULE"),                                     \
	    OPT_VALUE("--security-level", "0..5"),                             \
	    OPT_VALUE("--purpose", "none|tls-client|tls-server"),              \
	    OPT_FLAG("--offline"), OPT_VALUE("--deadline-ms", "N"),            \
	    OPT_VALUE("--state-dir", "DIR"),                                   \
	    OPT_VALUES("--allow-address", "ADDRESS"), OPT_FLAG("--any-port"),  \
	    OPT_VALUE("--proxy", "URL"), OPT_VALUE("--https-ca-file", "FILE"), \
	    OPT_VALUE("--password-file", "FILE"), OPT_FLAG("--urls"),          \
	    OPT_FLAG("--urlfetch"), OPT_FLAG("--json"), OPT_FLAG("--verbose"), \
	    OPT_COMMON

/* Zeroed, then ask_init, then cleaned up. */
struct ask {
	struct revcheck *rc;
	struct anchors anchors;
	struct input input;
	struct cert_list untrusted;
	struct revcheck_certs *untrusted_certs; /* the same */
	struct revcheck_evidence *evidence;
	struct revcheck_policy policy;
	struct revcheck_query query; /* all but its chain */
	struct revcheck_addresses *addresses;
	struct exchanges exchanges;
	struct url_list issuers_tried; /* by --fetch-issuers */
	const char *proxy,
	    *https_ca_file; /* for fetches besides the engine's */
	bool has_at;
	time_t at;    /* has_at: the time for everything; else now */
	bool patient; /* no --deadline-ms: what still arrives is waited for */
	bool offline, json, urls, fetch_issuers;
};

/* --relax into the policy; 0 or an exit status. */
int ask_relax(struct revcheck_policy *policy, struct opt *table);
/* keep: what is exchanged is read afterwards. 0 or an exit status. */
int ask_init(struct ask *a, struct opt *table, bool keep);
void ask_cleanup(struct ask *a);
/* One more certificate for paths. 0 or an exit status. */
int ask_add_untrusted(struct ask *a, X509 *x);
/*
 * --status-only takes leaf and issuer as given: *chain becomes these two.
 * Otherwise it stays. 0 or an exit status.
 */
int ask_pair(const struct ask *a, struct revcheck_certs **chain);
/* 0 and *rep, or an exit status. */
int ask_question(struct ask *a, struct revcheck_report **rep,
    const struct revcheck_certs *chain);
/* How a path of this chain is looked for: as the engine does. */
struct revcheck_path_query
ask_path_query(const struct ask *a, const struct revcheck_certs *chain);
/* Whether an answer came too early: what it lacked is arriving still. */
bool ask_too_early(
    struct ask *a, const struct revcheck_report *rep, uint64_t began_mono_ms);
/* The time that is judged for. */
time_t ask_now(const struct ask *a);

#endif
