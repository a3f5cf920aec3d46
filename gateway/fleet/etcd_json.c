/*
 * etcd_json: the texts of requests; and base64. Answers: etcd_json_read.c.
 */
#include "gateway/fleet/etcd_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

const char *
etcd_json_path(enum etcd_call call)
{
	static const char *const paths[ETCD_NUM_CALLS] = {
	    [ETCD_LOGIN] = "/v3/auth/authenticate",
	    [ETCD_RANGE] = "/v3/kv/range",
	    [ETCD_TXN] = "/v3/kv/txn",
	    [ETCD_WATCH] = "/v3/watch",
	    [ETCD_GRANT] = "/v3/lease/grant",
	    [ETCD_KEEPALIVE] = "/v3/lease/keepalive",
	    [ETCD_REVOKE] = "/v3/lease/revoke",
	};

	return paths[call];
}

const char *
engine_result_text(enum engine_result r)
{
	static const char *const texts[ENGINE_NUM_RESULTS] = {
	    [ENGINE_UNKNOWN] = "unknown",
	    [ENGINE_DONE] = "done",
	    [ENGINE_LOST] = "lost",
	    [ENGINE_REFUSED] = "refused",
	    [ENGINE_DENIED] = "denied",
	    [ENGINE_FULL] = "full",
	    [ENGINE_COMPACTED] = "compacted",
	    [ENGINE_NO_LEASE] = "no_lease",
	    [ENGINE_TOO_LONG] = "too_long",
	    [ENGINE_AWAY] = "away",
	};

	return texts[r];
}

bool
etcd_json_key(const char *key)
{
	size_t len = strnlen(key, ENGINE_MAX_KEY + 1);

	if (len == 0 || len > ENGINE_MAX_KEY)
		return false;
	for (size_t i = 0; i < len; i++)
		if (key[i] <= ' ' || key[i] > '~')
			return false;
	return true;
}

static int
put_text(struct bytes *out, const char *text)
{
	return bytes_append(out, text, strlen(text));
}

/* `,"name":` of a member that is not the first, `"name":` of one that is. */
static int
put_name(struct bytes *out, const char *name)
{
	bool first = out->len > 0 && out->p[out->len - 1] == '{';

	return bytes_printf(out, "%s\"%s\":", first ? "" : ",", name);
}

static int
put_number(struct bytes *out, const char *name, int64_t n)
{
	int rc = put_name(out, name);

	return rc != 0 ? rc : bytes_printf(out, "\"%" PRId64 "\"", n);
}

/* A member of base64, of up to two runs of bytes, one behind the other. */
static int
put_bytes(struct bytes *out, const char *name, struct span a, struct span b)
{
	struct bytes both;
	size_t len = a.len + b.len, room = (len + 2) / 3 * 4 + 1;
	int rc = put_name(out, name);

	bytes_init(&both, SIZE_MAX / 4);
	if (rc == 0)
		rc = put_text(out, "\"");
	if (rc == 0)
		rc = bytes_reserve(out, room);
	if (rc == 0)
		rc = bytes_append(&both, a.p, a.len);
	if (rc == 0)
		rc = bytes_append(&both, b.p, b.len);
	if (rc == 0 && len > 0)
		out->len += (size_t)EVP_EncodeBlock(
		    out->p + out->len, both.p, (int)len);
	if (rc == 0)
		rc = put_text(out, "\"");
	bytes_cleanup(&both);
	return rc;
}

static struct span
text_span(const char *s)
{
	return span_of(s, strlen(s));
}

static int
put_key(struct bytes *out, const char *prefix, const char *key)
{
	if (!etcd_json_key(key))
		return E_ARG;
	return put_bytes(out, "key", text_span(prefix), text_span(key));
}

/*
 * The first key that does not begin with prefix and below any more: they are
 * ASCII, so the last octet can be one more.
 */
static int
put_end(struct bytes *out, const char *prefix, const char *below)
{
	char end[2 * ENGINE_MAX_KEY + 1];
	int len = snprintf(end, sizeof(end), "%s%s", prefix, below);

	if (len <= 0 || (size_t)len >= sizeof(end))
		return E_ARG;
	end[len - 1]++;
	return put_bytes(
	    out, "range_end", span_of(end, (size_t)len), span_of("", 0));
}

int
etcd_json_get(
    struct bytes *out, const char *prefix, const char *key, bool linearizable)
{
	int rc = put_text(out, "{");

	if (rc == 0)
		rc = put_key(out, prefix, key);
	if (rc == 0 && !linearizable)
		rc = put_text(out, ",\"serializable\":true");
	return rc != 0 ? rc : put_text(out, "}");
}

int
etcd_json_list(struct bytes *out, const char *prefix, const char *below,
    const char *after, int64_t revision, unsigned limit)
{
	char from[ENGINE_MAX_KEY + 2];
	size_t len = strlen(after != NULL ? after : below);
	int rc = put_text(out, "{");

	if (len > ENGINE_MAX_KEY)
		return E_ARG;
	memcpy(from, after != NULL ? after : below, len + 1);
	/* The next key that there can be is the same with a NUL behind it. */
	if (after != NULL)
		len++;
	if (rc == 0)
		rc = put_bytes(
		    out, "key", text_span(prefix), span_of(from, len));
	if (rc == 0)
		rc = put_end(out, prefix, below);
	if (rc == 0 && revision > 0)
		rc = put_number(out, "revision", revision);
	if (rc == 0)
		rc = put_number(out, "limit", limit);
	return rc != 0 ? rc : put_text(out, "}");
}

/* The last change is of this revision; of what is absent etcd says 0 for it. */
static int
put_compare(
    struct bytes *out, const char *prefix, const struct fleet_compare *c)
{
	int rc = put_text(out, "{");

	if (rc == 0)
		rc = put_key(out, prefix, c->key);
	if (rc == 0)
		rc = put_text(out, ",\"target\":\"MOD\",\"result\":\"EQUAL\"");
	if (rc == 0)
		rc = put_number(out, "mod_revision", c->revision);
	return rc != 0 ? rc : put_text(out, "}");
}

static int
put_op(struct bytes *out, const char *prefix, const struct fleet_op *op)
{
	static const char *const kinds[] = {
	    [FLEET_OP_PUT] = "{\"request_put\":{",
	    [FLEET_OP_DELETE] = "{\"request_delete_range\":{",
	    [FLEET_OP_GET] = "{\"request_range\":{",
	};
	int rc = put_text(out, kinds[op->kind]);

	if (rc == 0)
		rc = put_key(out, prefix, op->key);
	if (rc == 0 && op->kind == FLEET_OP_PUT)
		rc = put_bytes(
		    out, "value", span_of(op->value, op->len), span_of("", 0));
	if (rc == 0 && op->kind == FLEET_OP_PUT && op->lease != 0)
		rc = put_number(out, "lease", op->lease);
	return rc != 0 ? rc : put_text(out, "}}");
}

int
etcd_json_txn(struct bytes *out, const char *prefix,
    const struct fleet_compare *compare, size_t num_compare,
    const struct fleet_op *op, size_t num_op)
{
	int rc = put_text(out, "{\"compare\":[");

	if (num_compare > ENGINE_MAX_OPS || num_op > ENGINE_MAX_OPS)
		return E_LIMIT;
	for (size_t i = 0; i < num_compare && rc == 0; i++) {
		if (i > 0)
			rc = put_text(out, ",");
		if (rc == 0)
			rc = put_compare(out, prefix, &compare[i]);
	}
	if (rc == 0)
		rc = put_text(out, "],\"success\":[");
	for (size_t i = 0; i < num_op && rc == 0; i++) {
		if (i > 0)
			rc = put_text(out, ",");
		if (rc == 0)
			rc = put_op(out, prefix, &op[i]);
	}
	return rc != 0 ? rc : put_text(out, "]}");
}

/* `fragment`: events of many changes come in parts that a line has room for. */
int
etcd_json_watch(struct bytes *out, const char *prefix, int64_t from)
{
	int rc = put_text(out, "{\"create_request\":{");

	if (rc == 0)
		rc = put_bytes(out, "key", text_span(prefix), span_of("", 0));
	if (rc == 0)
		rc = put_end(out, prefix, "");
	if (rc == 0)
		rc = put_number(out, "start_revision", from);
	return rc != 0 ? rc : put_text(out, ",\"fragment\":true}}");
}

int
etcd_json_grant(struct bytes *out, unsigned ttl_sec)
{
	return bytes_printf(out, "{\"TTL\":\"%u\"}", ttl_sec);
}

int
etcd_json_lease(struct bytes *out, int64_t lease)
{
	return bytes_printf(out, "{\"ID\":\"%" PRId64 "\"}", lease);
}

int
etcd_json_login(struct bytes *out, const char *user, const char *password)
{
	cJSON *o = cJSON_CreateObject();
	char *text = NULL;
	int rc = E_NOMEM;

	if (cJSON_AddStringToObject(o, "name", user) != NULL &&
	    cJSON_AddStringToObject(o, "password", password) != NULL)
		text = cJSON_PrintUnformatted(o);
	if (text != NULL) {
		rc = put_text(out, text);
		OPENSSL_cleanse(text, strlen(text));
	}
	cJSON_free(text);
	cJSON_Delete(o);
	return rc;
}
