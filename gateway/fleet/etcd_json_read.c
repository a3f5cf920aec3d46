/*
 * etcd_json_read: etcd's answers. See etcd_json.h.
 */
#include "gateway/fleet/etcd_json.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base/json.h"

/* Codes of gRPC, as etcd gives them (google.golang.org/grpc/codes). */
enum grpc_code {
	GRPC_INVALID_ARGUMENT = 3,
	GRPC_NOT_FOUND = 5,
	GRPC_ALREADY_EXISTS = 6,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_FAILED_PRECONDITION = 9,
	GRPC_OUT_OF_RANGE = 11,
	GRPC_UNAUTHENTICATED = 16,
};

/* Types. */

/* A number of 64 bits: decimal digits in a string; what is absent is 0. */
static bool
get_number(const cJSON *o, const char *name, int64_t *out)
{
	const cJSON *item = json_get(o, name);
	const char *s = cJSON_GetStringValue(item);
	int64_t n = 0;

	*out = 0;
	if (item == NULL)
		return true;
	if (s == NULL || s[0] == '\0' || strlen(s) > 19 || strchr(s, '-'))
		return false;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9' || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, *s - '0', &n))
			return false;
	}
	*out = n;
	return true;
}

static bool
get_flag(const cJSON *o, const char *name, bool *out)
{
	const cJSON *item = json_get(o, name);

	*out = cJSON_IsTrue(item);
	return item == NULL || cJSON_IsBool(item);
}

static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/*
 * RFC 4648 section 4 with padding, and nothing else: decoded in place, which
 * is shorter, with a NUL behind it.
 */
static bool
base64_decode(char *text, size_t *out_len)
{
	size_t len = strlen(text), pad = 0, n = 0;
	uint32_t bits = 0;

	if (len % 4 != 0)
		return false;
	while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < len - pad; i++) {
		int v = base64_value(text[i]);

		if (v < 0)
			return false;
		bits = bits << 6 | (uint32_t)v;
		if (i % 4 == 1)
			text[n++] = (char)(bits >> 4);
		else if (i % 4 == 2)
			text[n++] = (char)(bits >> 2);
		else if (i % 4 == 3)
			text[n++] = (char)bits;
	}
	/* Bits that no octet has: 4 with two '=', 2 with one. */
	if ((pad == 2 && (bits & 0xf) != 0) || (pad == 1 && (bits & 3) != 0))
		return false;
	*out_len = n;
	text[n] = '\0';
	return true;
}

/* Bytes of a member; absent: none, which is no NULL. */
static bool
get_bytes(const cJSON *o, const char *name, char **out, size_t *len)
{
	static char none[1];
	const cJSON *item = json_get(o, name);

	*out = none;
	*len = 0;
	if (item == NULL)
		return true;
	if (!cJSON_IsString(item))
		return false;
	*out = item->valuestring;
	return base64_decode(item->valuestring, len);
}

/* Records. */

/*
 * Where to go on after this key, whoever has written it. Ours are short and
 * have no octet up to a space, so none of them is passed over.
 */
static void
note_last(struct etcd_said *s, const char *key, size_t key_len)
{
	size_t len = strnlen(key, sizeof(s->last));
	bool cut = len < key_len;

	/* Beyond a NUL, or all that is longer and begins so. */
	if (len < sizeof(s->last) - 1) {
		memcpy(s->last, key, len);
		s->last[len] = cut ? '\1' : '\0';
		s->last[len + 1] = '\0';
	} else {
		len = sizeof(s->last) - 1;
		memcpy(s->last, key, len);
		s->last[len] = '\0';
		while (cut && len > 0 && (uint8_t)s->last[len - 1] == 0xff)
			s->last[--len] = '\0';
		if (cut && len > 0)
			s->last[len - 1]++;
	}
	s->answer.last = s->last;
}

/* False: it is none, or its key is none of ours. */
static bool
read_kv(struct etcd_said *s, struct fleet_kv *kv, const cJSON *o,
    const char *prefix, bool deleted)
{
	size_t len = strlen(prefix), key_len;
	char *key, *value;

	memset(kv, 0, sizeof(*kv));
	if (!cJSON_IsObject(o) || !get_bytes(o, "key", &key, &key_len))
		return false;
	if (key_len > len && memcmp(key, prefix, len) == 0)
		note_last(s, key + len, key_len - len);
	if (!get_bytes(o, "value", &value, &kv->len) ||
	    !get_number(o, "mod_revision", &kv->revision) ||
	    !get_number(o, "create_revision", &kv->create_revision) ||
	    !get_number(o, "lease", &kv->lease))
		return false;
	if (key_len <= len || strlen(key) != key_len ||
	    memcmp(key, prefix, len) != 0 || !etcd_json_key(key + len) ||
	    kv->revision == 0 || (kv->create_revision == 0) != deleted)
		return false;
	kv->key = key + len;
	kv->value = deleted ? NULL : (const uint8_t *)value;
	if (deleted)
		kv->len = 0;
	return true;
}

static void
take_kv(struct etcd_said *s, const cJSON *o, const char *prefix, bool deleted)
{
	if (read_kv(s, &s->kv[s->answer.num], o, prefix, deleted))
		s->answer.num++;
	else
		s->answer.damaged++;
}

/* Room for so many more; the array of a response may be absent. */
static bool
room_for(struct etcd_said *s, const cJSON *array, size_t *more)
{
	struct fleet_kv *kv;

	*more = 0;
	if (array == NULL)
		return true;
	if (!cJSON_IsArray(array))
		return false;
	*more = (size_t)cJSON_GetArraySize(array);
	kv = realloc(s->kv, (s->answer.num + *more + 1) * sizeof(*kv));
	if (kv == NULL)
		return false;
	s->kv = kv;
	return true;
}

static bool
read_range(struct etcd_said *s, const cJSON *o, const char *prefix)
{
	const cJSON *kvs = json_get(o, "kvs"), *item;
	size_t more;

	if (!cJSON_IsObject(o) || !get_flag(o, "more", &s->answer.more) ||
	    !room_for(s, kvs, &more))
		return false;
	cJSON_ArrayForEach(item, kvs) take_kv(s, item, prefix, false);
	return true;
}

static bool
read_txn(struct etcd_said *s, const cJSON *o, const char *prefix)
{
	const cJSON *all = json_get(o, "responses"), *item, *range;
	bool succeeded;

	if (!get_flag(o, "succeeded", &succeeded) ||
	    (all != NULL && !cJSON_IsArray(all)))
		return false;
	s->answer.result = succeeded ? ENGINE_DONE : ENGINE_LOST;
	cJSON_ArrayForEach(item, all)
	{
		range = json_get(item, "response_range");
		if (!cJSON_IsObject(item) ||
		    (range != NULL && !read_range(s, range, prefix)))
			return false;
	}
	s->answer.more = false;
	return true;
}

static bool
read_lease(struct etcd_said *s, const cJSON *o)
{
	if (!get_number(o, "ID", &s->answer.lease) ||
	    !get_number(o, "TTL", &s->answer.ttl_sec) || s->answer.lease == 0)
		return false;
	/* A keepalive of one that has ended says so by having no time left. */
	if (s->answer.ttl_sec == 0) {
		s->answer.result = ENGINE_NO_LEASE;
		err_set(&s->err, E_ARG, "the lease has ended");
	}
	return true;
}

static bool
read_event(struct etcd_said *s, const cJSON *o, const char *prefix)
{
	const cJSON *type = json_get(o, "type");
	const char *word = cJSON_GetStringValue(type);

	/* What kind it is, is needed for what follows from it. */
	if (!cJSON_IsObject(o) ||
	    (type != NULL &&
		(word == NULL ||
		    (strcmp(word, "PUT") != 0 && strcmp(word, "DELETE") != 0))))
		return false;
	take_kv(s, json_get(o, "kv"), prefix,
	    word != NULL && strcmp(word, "DELETE") == 0);
	return true;
}

static bool
read_watch(struct etcd_said *s, const cJSON *o, const char *prefix)
{
	const cJSON *events = json_get(o, "events"), *item;
	const char *reason = json_get_string(o, "cancel_reason");
	size_t more;

	if (!get_flag(o, "created", &s->created) ||
	    !get_flag(o, "canceled", &s->canceled) ||
	    !get_flag(o, "fragment", &s->fragment) ||
	    !get_number(o, "compact_revision", &s->compact_revision) ||
	    !room_for(s, events, &more))
		return false;
	cJSON_ArrayForEach(
	    item, events) if (!read_event(s, item, prefix)) return false;
	if (!s->canceled)
		return true;
	s->answer.result =
	    s->compact_revision > 0 ? ENGINE_COMPACTED : ENGINE_REFUSED;
	if (reason != NULL && strstr(reason, "permission denied") != NULL)
		s->answer.result = ENGINE_DENIED;
	err_set(&s->err, E_ARG, "the watch was ended: %.150s",
	    s->compact_revision > 0 ? "its revision is no longer kept"
		: reason != NULL    ? reason
				    : "no reason was given");
	return true;
}

/* The token is used as a header: nothing in it may end one. */
static bool
read_login(struct etcd_said *s, const cJSON *o)
{
	s->token = json_get_string(o, "token");
	if (s->token == NULL || s->token[0] == '\0' ||
	    strlen(s->token) > ENGINE_MAX_TOKEN)
		return false;
	for (const char *c = s->token; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			return false;
	return true;
}

static bool
read_body(struct etcd_said *s, enum etcd_call call, const cJSON *o,
    const char *prefix)
{
	const cJSON *header = json_get(o, "header");

	s->answer.result = ENGINE_DONE;
	if (!cJSON_IsObject(o) || !cJSON_IsObject(header) ||
	    !get_number(header, "revision", &s->answer.revision))
		return false;
	switch (call) {
	case ETCD_RANGE:
		return read_range(s, o, prefix);
	case ETCD_TXN:
		return read_txn(s, o, prefix);
	case ETCD_WATCH:
		return read_watch(s, o, prefix);
	case ETCD_GRANT:
	case ETCD_KEEPALIVE:
		return read_lease(s, o);
	case ETCD_LOGIN:
		return read_login(s, o);
	default:
		return true;
	}
}

/* Errors. */

static bool
says(const char *message, const char *text)
{
	return strstr(message, text) != NULL;
}

/*
 * What an error means: by its code, and by etcd's own words where one code
 * stands for many things (etcdserver/api/v3rpc/rpctypes/error.go).
 */
static enum engine_result
error_result(struct etcd_said *s, const char *message)
{
	/* The token was forgotten, is none, or is older than the users. */
	s->stale_token = says(message, "invalid auth token") ||
	    says(message, "auth store is old") ||
	    says(message, "user name is empty");
	s->no_users = says(message, "authentication is not enabled");
	if (says(message, "authentication failed"))
		return ENGINE_DENIED;
	if (says(message, "space exceeded"))
		return ENGINE_FULL;
	if (says(message, "has been compacted"))
		return ENGINE_COMPACTED;
	if (says(message, "lease not found"))
		return ENGINE_NO_LEASE;
	switch (s->answer.code) {
	case GRPC_PERMISSION_DENIED:
	case GRPC_UNAUTHENTICATED:
		return ENGINE_DENIED;
	case GRPC_INVALID_ARGUMENT:
	case GRPC_NOT_FOUND:
	case GRPC_ALREADY_EXISTS:
	case GRPC_RESOURCE_EXHAUSTED:
	case GRPC_FAILED_PRECONDITION:
	case GRPC_OUT_OF_RANGE:
		return s->stale_token ? ENGINE_DENIED : ENGINE_REFUSED;
	default:
		/* Without a leader, timed out, broken: it may have worked. */
		return ENGINE_UNKNOWN;
	}
}

#define COMMON_NAME                                               \
	"CommonName of client sending a request against gateway " \
	"will be ignored and not used as expected"

/* No JSON: a proxy, or the interface is off. One sentence is etcd's own. */
static void
read_plain(struct etcd_said *s, const char *text, size_t len)
{
	bool name = memmem(text, len, COMMON_NAME, strlen(COMMON_NAME)) != NULL;

	if (name)
		s->answer.result = ENGINE_DENIED;
	err_set(&s->err, E_PARSE, "%s (status %d)",
	    name ? COMMON_NAME : "it does not answer as etcd does",
	    s->answer.status);
}

/*
 * {"code":n,"message":text}, of a stream {"error":{"grpc_code":n,...}}. What
 * is said at a login may be what was sent: of that only known words are shown.
 */
static void
read_error(struct etcd_said *s, enum etcd_call call, const cJSON *o)
{
	const cJSON *inner = json_get(o, "error");
	const char *message;
	int64_t code;

	if (cJSON_IsObject(inner))
		o = inner;
	message = json_get_string(o, "message");
	if (json_to_int(json_get(o, o == inner ? "grpc_code" : "code"), 0, 1000,
		&code) != 0 ||
	    message == NULL) {
		read_plain(s, "", 0);
		return;
	}
	s->answer.code = (int)code;
	s->answer.result = error_result(s, message);
	if (call == ETCD_LOGIN && s->answer.result != ENGINE_DENIED &&
	    !s->no_users)
		err_set(&s->err, E_ARG,
		    "the login failed with status %d, code %d",
		    s->answer.status, s->answer.code);
	else if (call == ETCD_LOGIN && !s->no_users)
		err_set(&s->err, E_ARG, "user or password are wrong");
	else
		err_set(&s->err, E_ARG, "%.200s (status %d)", message,
		    s->answer.status);
}

/* What it costs to build a tree is known by what stands between its values. */
static bool
too_many_values(const char *text, size_t len)
{
	size_t num = 0;

	for (size_t i = 0; i < len; i++)
		num += text[i] == ',' || text[i] == '[' || text[i] == '{';
	return num > ETCD_JSON_MAX_VALUES;
}

static bool
read_tree(struct etcd_said *s, const char *text, size_t len)
{
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	if (len > ENGINE_MAX_LINE || too_many_values(text, len)) {
		s->answer.result = ENGINE_TOO_LONG;
		err_set(&s->err, E_LIMIT, "the answer is too long");
		return false;
	}
	return json_parse(&s->tree, text, len, &s->err) == 0;
}

void
etcd_json_read(struct etcd_said *s, enum etcd_call call, int status,
    const char *text, size_t len, const char *prefix)
{
	bool stream = call == ETCD_WATCH || call == ETCD_KEEPALIVE;
	const cJSON *o;

	memset(s, 0, sizeof(*s));
	s->answer.status = status;
	s->answer.why = s->err.msg;
	if (!read_tree(s, text, len)) {
		if (status != 200 && s->answer.result == ENGINE_UNKNOWN)
			read_plain(s, text, len);
		return;
	}
	o = stream && status == 200 ? json_get(s->tree, "result") : s->tree;
	if (status != 200 || o == NULL) {
		read_error(s, call, s->tree);
		return;
	}
	if (!read_body(s, call, o, prefix)) {
		free(s->kv);
		s->kv = NULL;
		s->answer =
		    (struct engine_answer){.status = status, .why = s->err.msg};
		s->token = NULL;
		s->created = s->canceled = s->fragment = false;
		err_set(&s->err, E_PARSE, "its answer to %s is none of etcd's",
		    etcd_json_path(call));
		return;
	}
	s->answer.kv = s->kv;
}

void
etcd_json_free(struct etcd_said *s)
{
	cJSON_Delete(s->tree);
	free(s->kv);
	memset(s, 0, sizeof(*s));
}
