/*
 * etcd_json: what etcd's JSON interface (/v3/...: grpc-gateway's rendering of
 * its protocol buffers) is asked and answers, as texts and as the structs of
 * engine.h. Pure, no I/O, any thread. Whatever comes from there is a
 * stranger's: strict JSON, types checked, everything bounded. A record that is
 * wrong in itself is left out and counted; an answer that is wrong in its own
 * members is no answer.
 *
 * Numbers of 64 bits are strings there, bytes are base64, and what is zero or
 * empty is not there at all.
 */
#ifndef GATEWAY_FLEET_ETCD_JSON_H
#define GATEWAY_FLEET_ETCD_JSON_H

#include <cjson/cJSON.h>

#include "cache/base/bytes.h"
#include "gateway/fleet/engine.h"

/* JSON values in one answer: what it may cost to read it. */
#define ETCD_JSON_MAX_VALUES 262144

enum etcd_call {
	ETCD_LOGIN = 0,
	ETCD_RANGE,
	ETCD_TXN,
	ETCD_WATCH,
	ETCD_GRANT,
	ETCD_KEEPALIVE,
	ETCD_REVOKE,
	ETCD_NUM_CALLS
};

/* "/v3/kv/range" */
const char *etcd_json_path(enum etcd_call call);

/* Whether a key may be used: 1 to ENGINE_MAX_KEY graphic ASCII characters. */
bool etcd_json_key(const char *key);

/* Each appends one request. E_ARG: a key is none; E_LIMIT, E_NOMEM. */
int etcd_json_get(struct bytes *out, const char *prefix, const char *key,
    bool linearizable) MUST_USE;
int etcd_json_list(struct bytes *out, const char *prefix, const char *below,
    const char *after, int64_t revision, unsigned limit) MUST_USE;
int etcd_json_txn(struct bytes *out, const char *prefix,
    const struct fleet_compare *compare, size_t num_compare,
    const struct fleet_op *op, size_t num_op) MUST_USE;
int
etcd_json_watch(struct bytes *out, const char *prefix, int64_t from) MUST_USE;
int etcd_json_grant(struct bytes *out, unsigned ttl_sec) MUST_USE;
/* For keepalive and revoke. */
int etcd_json_lease(struct bytes *out, int64_t lease) MUST_USE;
int etcd_json_login(
    struct bytes *out, const char *user, const char *password) MUST_USE;

/* One answer, or one line of a watch. Zeroed: nothing. */
struct etcd_said {
	char last[ENGINE_MAX_KEY + 1]; /* answer.last, once it is set */
	struct engine_answer answer;   /* lends from what is below */
	const char *token;             /* of a login */
	/* It is the token that was refused: another is to be had. */
	bool stale_token;
	/* There are no users at this etcd. */
	bool no_users;
	/* Of a watch. */
	bool created, canceled, fragment;
	int64_t compact_revision;
	cJSON *tree;
	struct fleet_kv *kv;
	struct err err; /* answer.why */
};

/*
 * etcd_json_read reads the answer to a call that came with this status of HTTP.
 * It always says something: what cannot be read is ENGINE_UNKNOWN, and
 * answer.why says why. text is one JSON value, not kept; prefix as it was asked
 * with.
 */
void etcd_json_read(struct etcd_said *out, enum etcd_call call, int status,
    const char *text, size_t len, const char *prefix);
void etcd_json_free(struct etcd_said *s);

#endif
