/*
 * ocsp: `revcheck ocsp`, one question to one responder and its answer, or one
 * response from a file. Checked by the engine's rules, without an engine; a
 * file without a certificate to ask about is shown (ocsp_show.c).
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/rand.h>

#include "revcheck/cli/ask.h"
#include "revcheck/cli/commands.h"
#include "revcheck/cli/fetch.h"
#include "revcheck/cli/ocsp_show.h"

#define RESPONSE_MAX 65536
#define NONCE_LEN    32

struct exchange {
	struct revcheck_certs *cert, *issuer, *responder;
	unsigned char nonce[NONCE_LEN];
	size_t nonce_len;
	unsigned char *request, *response; /* free() */
	size_t request_len, response_len;
	char *get_url; /* free(); NULL: POST */
	char **urls;   /* of the certificate */
	const char *url, *file;
	double seconds;
};

static int
load_one(struct revcheck_certs **out, struct opt *table, const char *name,
    bool needed)
{
	const char *path = opt_value(table, name);
	struct input in = {0};

	if (path == NULL)
		return needed ? cli_fail(EXIT_USAGE,
				    "option '%s' is missing: give a file with "
				    "a certificate",
				    name)
			      : 0;
	return input_chain(out, path, &in);
}

static int
read_response(struct exchange *x, const char *path)
{
	struct revcheck_error err;

	if (revcheck_ocsp_load(&x->response, &x->response_len, path, &err) != 0)
		return cli_fail_library(&err);
	return 0;
}

static int
make_request(struct exchange *x, struct opt *table)
{
	struct revcheck_error err;
	bool post = opt_given(table, "--post"), get = opt_given(table, "--get");

	if (post && get)
		return cli_fail(EXIT_USAGE,
		    "options '--get' and '--post' exclude each other");
	if (opt_given(table, "--nonce")) {
		x->nonce_len = NONCE_LEN;
		if (RAND_bytes(x->nonce, NONCE_LEN) != 1)
			return cli_fail(EXIT_SOFTWARE, "no random numbers");
		/* A cache on the way could not answer it anyway. */
		post = !get;
	}
	if (revcheck_ocsp_request(&x->request, &x->request_len,
		revcheck_certs_get0(x->cert, 0),
		revcheck_certs_get0(x->issuer, 0),
		x->nonce_len > 0 ? x->nonce : NULL, x->nonce_len, &err) != 0)
		return cli_fail_library(&err);
	if (!post &&
	    revcheck_ocsp_get_url(
		&x->get_url, x->url, x->request, x->request_len, &err) != 0 &&
	    get)
		return cli_fail(EXIT_USAGE, "option '--get': %s", err.msg);
	return 0;
}

static int
ask_responder(struct exchange *x, struct opt *table, char **urls)
{
	struct fetch f = {.max_bytes = RESPONSE_MAX,
	    .timeout_ms = 10000,
	    .proxy = opt_value(table, "--proxy"),
	    .content_type = "application/ocsp-request"};
	uint64_t timeout = 10000;
	int rc;

	x->url = opt_value(table, "--url");
	if (x->url == NULL && urls != NULL)
		x->url = urls[0];
	if (x->url == NULL)
		return cli_fail(EXIT_USAGE,
		    "the certificate names no OCSP responder: give one with "
		    "'--url'");
	if (!fetch_is_url(x->url))
		return cli_fail(EXIT_USAGE,
		    "the responder '%s' is not an http or https URL", x->url);
	rc = opt_number(table, "--timeout-ms", 1, 3600000, &timeout);
	if (rc == 0)
		rc = make_request(x, table);
	if (rc != 0)
		return rc;
	f.timeout_ms = (long)timeout;
	f.url = x->get_url != NULL ? x->get_url : x->url;
	if (x->get_url == NULL) {
		f.post = x->request;
		f.post_len = x->request_len;
	}
	rc = fetch_run(&f);
	x->response = f.body;
	x->response_len = f.len;
	x->seconds = f.seconds;
	return rc;
}

/* OpenSSL's dump of the whole response. */
static void
print_dump(const struct exchange *x)
{
	const unsigned char *p = x->response;
	OCSP_RESPONSE *r = d2i_OCSP_RESPONSE(NULL, &p, (long)x->response_len);
	BIO *out = BIO_new_fp(stdout, BIO_NOCLOSE);

	fflush(stdout);
	if (r == NULL || out == NULL || !OCSP_RESPONSE_print(out, r, 0))
		puts("  (OpenSSL cannot print it)");
	ERR_clear_error();
	BIO_free(out);
	OCSP_RESPONSE_free(r);
}

static int
print_json(const struct exchange *x, const struct revcheck_result *r,
    const char *remarks)
{
	cJSON *o = cJSON_CreateObject();
	int rc;
	const struct {
		const char *name;
		time_t t;
	} times[] = {{"producedAt", r->produced_at},
	    {"thisUpdate", r->this_update}, {"nextUpdate", r->next_update},
	    {"revocationDate", r->revoked_at}};

	cJSON_AddStringToObject(o, "status", revcheck_status_name(r->status));
	if (r->why != REVCHECK_WHY_NONE)
		cJSON_AddStringToObject(o, "why", revcheck_why_name(r->why));
	else
		cJSON_AddNullToObject(o, "why");
	if (r->status == REVCHECK_REVOKED && r->reason != REVCHECK_REASON_NONE)
		cJSON_AddStringToObject(
		    o, "reason", revcheck_reason_name(r->reason));
	else
		cJSON_AddNullToObject(o, "reason");
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		print_json_time(o, times[i].name, times[i].t);
	cJSON_AddStringToObject(o, "subject", r->subject);
	cJSON_AddStringToObject(o, "serial", r->serial);
	cJSON_AddStringToObject(o, "signer", r->signer);
	cJSON_AddStringToObject(o, "text", r->text);
	cJSON_AddStringToObject(o, "transport",
	    x->url == NULL           ? "file"
		: x->get_url != NULL ? "get"
				     : "post");
	cJSON_AddNumberToObject(o, "bytes", (double)x->response_len);
	print_json_text(o, "remarks", remarks);
	rc = print_document(o);
	cJSON_Delete(o);
	return rc;
}

static void
print_text(const struct exchange *x, const struct revcheck_result *r,
    int64_t at, const char *flaws)
{
	print_result(stdout, r, at, "OCSP response");
	print_field(stdout, "remarks", TINT_WARN, "%s", flaws);
	print_field(stdout, "size", TINT_NONE, "%zu bytes", x->response_len);
	if (x->url != NULL)
		print_field(stdout, "asked by", TINT_NONE, "%s%s, %.0f ms",
		    x->get_url != NULL ? "GET" : "POST",
		    x->nonce_len > 0 ? " with a nonce" : "", x->seconds * 1000);
}

static int
judge_and_print(struct exchange *x, struct opt *table)
{
	struct revcheck_policy policy = {.size = sizeof(policy)};
	struct revcheck_ocsp_query q = {.size = sizeof(q),
	    .cert = revcheck_certs_get0(x->cert, 0),
	    .issuer = revcheck_certs_get0(x->issuer, 0),
	    .response = x->response,
	    .response_len = x->response_len,
	    .policy = &policy};
	struct revcheck_ocsp_info info = {.size = sizeof(info)};
	struct revcheck_result r;
	struct revcheck_error err;
	uint64_t level = REVCHECK_SECURITY_LEVEL;
	int rc;

	if (opt_time(table, "--at", &q.at) != 0 ||
	    opt_number(table, "--security-level", 0, 5, &level) != 0 ||
	    ask_relax(&policy, table) != 0)
		return EXIT_USAGE;
	policy.security_level = level == 0 ? -1 : (int)level;
	if (x->nonce_len > 0) {
		policy.nonce = REVCHECK_NONCE_REQUIRED;
		q.nonce = x->nonce;
		q.nonce_len = x->nonce_len;
	}
	if (x->responder != NULL)
		q.signer = revcheck_certs_get0(x->responder, 0);
	if (revcheck_ocsp_judge(&r, &q, &err) != 0)
		return cli_fail_library(&err);
	/* One that does not parse has no remarks. */
	if (revcheck_ocsp_get_info(&info, x->response, x->response_len, &err) !=
	    0)
		info.flaws[0] = '\0';
	r.source =
	    x->url != NULL ? REVCHECK_SOURCE_NETWORK : REVCHECK_SOURCE_FILE;
	snprintf(r.url, sizeof(r.url), "%s", x->url != NULL ? x->url : x->file);
	if (opt_given(table, "--json")) {
		rc = print_json(x, &r, info.flaws);
		if (rc != 0)
			return rc;
	} else {
		print_text(x, &r, q.at != 0 ? q.at : time(NULL), info.flaws);
		if (opt_given(table, "--text"))
			print_dump(x);
	}
	switch (r.status) {
	case REVCHECK_GOOD:
		return EXIT_ACCEPTED;
	case REVCHECK_REVOKED:
		return EXIT_REVOKED;
	default:
		return EXIT_UNDETERMINED;
	}
}

/* Keeps the bytes for later, as they came. */
static int
write_response(const struct exchange *x, const char *path)
{
	FILE *f = fopen(path, "wb");
	bool ok;

	ok = f != NULL &&
	    fwrite(x->response, 1, x->response_len, f) == x->response_len;
	if (f != NULL && fclose(f) != 0)
		ok = false;
	return ok ? 0
		  : cli_fail(EXIT_SOFTWARE, "cannot write the response to '%s'",
			path);
}

/* A response that is only shown; its signature is checked if it can be. */
static int
show(struct exchange *x, struct opt *table)
{
	struct ocsp_shown v = {.name = x->file,
	    .response = x->response,
	    .response_len = x->response_len,
	    .json = opt_given(table, "--json")};
	struct revcheck_policy policy = {.size = sizeof(policy)};
	uint64_t level = REVCHECK_SECURITY_LEVEL;
	int rc;

	if (opt_time(table, "--at", &v.at) != 0 ||
	    opt_number(table, "--security-level", 0, 5, &level) != 0)
		return EXIT_USAGE;
	policy.security_level = level == 0 ? -1 : (int)level;
	v.policy = &policy;
	if (x->issuer != NULL)
		v.issuer = revcheck_certs_get0(x->issuer, 0);
	if (x->responder != NULL)
		v.responder = revcheck_certs_get0(x->responder, 0);
	rc = ocsp_show(&v);
	if (opt_given(table, "--text") && !v.json && rc != EXIT_INPUT)
		print_dump(x);
	return rc;
}

static int
run(struct exchange *x, struct opt *table)
{
	int rc;

	if (x->file != NULL) {
		rc = read_response(x, x->file);
	} else {
		x->urls = revcheck_ocsp_urls(revcheck_certs_get0(x->cert, 0));
		rc = ask_responder(x, table, x->urls);
	}
	if (rc == 0 && opt_given(table, "--respout"))
		rc = write_response(x, opt_value(table, "--respout"));
	if (rc != 0)
		return rc;
	return x->cert != NULL ? judge_and_print(x, table) : show(x, table);
}

int
cmd_ocsp(int argc, char **argv)
{
	struct opt table[] = {OPT_VALUE("--cert", "FILE"),
	    OPT_VALUE("--issuer", "FILE"), OPT_VALUE("--responder", "FILE"),
	    OPT_VALUE("--url", "URL"), OPT_VALUE("--respin", "FILE"),
	    OPT_VALUE("--respout", "FILE"), OPT_FLAG("--nonce"),
	    OPT_FLAG("--get"), OPT_FLAG("--post"),
	    OPT_VALUE("--timeout-ms", "N"), OPT_VALUE("--proxy", "URL"),
	    OPT_VALUE("--at", "TIME"), OPT_VALUES("--relax", "RULE"),
	    OPT_VALUE("--security-level", "0..5"), OPT_FLAG("--text"),
	    OPT_FLAG("--json"), OPT_COMMON, {0}};
	struct exchange x = {0};
	const char *file = NULL;
	bool needed;
	int rc, num;

	rc = opt_parse("ocsp", table, argc, argv, &file, 1, &num);
	if (rc != 0)
		return rc;
	if (num == 1 && opt_given(table, "--respin"))
		return cli_fail(EXIT_USAGE,
		    "give a response as an argument or with '--respin', not "
		    "both");
	x.file = num == 1 ? file : opt_value(table, "--respin");
	/* A file is shown without them. */
	needed = x.file == NULL || opt_given(table, "--cert");
	rc = load_one(&x.cert, table, "--cert", needed);
	if (rc == 0)
		rc = load_one(&x.issuer, table, "--issuer", needed);
	if (rc == 0)
		rc = load_one(&x.responder, table, "--responder", false);
	if (rc == 0)
		rc = run(&x, table);
	revcheck_ocsp_urls_free(x.urls);
	revcheck_certs_free(x.cert);
	revcheck_certs_free(x.issuer);
	revcheck_certs_free(x.responder);
	free(x.request);
	free(x.response);
	free(x.get_url);
	return rc;
}
