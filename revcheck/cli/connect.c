/*
 * connect: `revcheck connect`, a live TLS server: its chain and staple, and
 * whether its certificate has the name that was asked for.
 */
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <openssl/x509v3.h>

#include "revcheck/cli/commands.h"
#include "revcheck/cli/dial.h"
#include "revcheck/cli/single.h"

/* What the server was seen to be. */
struct server {
	struct target target;
	char sni[256], name[256]; /* empty: none is sent, none is checked */
	struct dial dial;
	bool named;                  /* the certificate has the name */
	char names[512];             /* that it has */
	const unsigned char *staple; /* lent by dial */
	size_t staple_len;
	struct revcheck_result staple_says; /* staple_len > 0 */
};

/* Options. */

/* Without what only finds the way: the last dot of a name, a zone. */
static void
as_certified(char *name)
{
	size_t n = strlen(name);

	if (target_is_address(name))
		name[strcspn(name, "%")] = '\0';
	else if (n > 1 && name[n - 1] == '.')
		name[n - 1] = '\0';
}

static int
read_names(struct server *s, struct opt *table)
{
	const char *sni = opt_value(table, "--servername"),
		   *name = opt_value(table, "--name");
	const struct target *t = &s->target;
	int rc = opt_exclude(table, "--name", "--no-name");

	if (rc == 0 && sni != NULL)
		rc = target_ascii_name(s->sni, sni);
	if (rc == 0 && name != NULL)
		rc = target_ascii_name(s->name, name);
	if (rc != 0)
		return rc;
	if (s->sni[0] != '\0' && target_is_address(s->sni))
		return cli_fail(EXIT_USAGE,
		    "option '--servername' expects a name, not an address "
		    "(RFC 6066 3): '%s'",
		    s->sni);
	/* Who is asked for is who has to answer. */
	if (name == NULL)
		snprintf(s->name, sizeof(s->name), "%s",
		    sni != NULL ? s->sni : t->host);
	/* RFC 6066 3: no address in server_name. */
	if (sni == NULL && !t->is_address)
		snprintf(s->sni, sizeof(s->sni), "%s", t->host);
	else if (sni == NULL && !target_is_address(s->name))
		snprintf(s->sni, sizeof(s->sni), "%s", s->name);
	as_certified(s->name);
	as_certified(s->sni);
	if (opt_given(table, "--no-name"))
		s->name[0] = '\0';
	return 0;
}

static int
read_target(struct server *s, struct opt *table, const char *text)
{
	int starttls = STARTTLS_COUNT, rc;

	rc = opt_word(table, "--starttls", starttls_names, &starttls);
	if (rc == 0)
		rc = target_parse(&s->target, text, (enum starttls)starttls);
	return rc != 0 ? rc : read_names(s, table);
}

/* What the server sent becomes the question. */

static int
take_chain(struct single *q, struct server *s)
{
	STACK_OF(X509) *sent = SSL_get_peer_cert_chain(s->dial.ssl);
	struct cert_list l = {0};
	struct revcheck_error err;
	long len;
	int rc = 0;

	if (sk_X509_num(sent) <= 0)
		return cli_fail(EXIT_UNAVAILABLE,
		    "'%s:%s' showed no certificate", s->target.host,
		    s->target.port);
	for (int i = 0; rc == 0 && i < sk_X509_num(sent); i++)
		rc = cert_list_add(&l, sk_X509_value(sent, i));
	if (rc == 0 &&
	    revcheck_certs_from_x509(&q->chain, l.v, l.num, &err) != 0)
		rc = cli_fail_library(&err);
	cert_list_cleanup(&l);
	len = SSL_get_tlsext_status_ocsp_resp(s->dial.ssl, &s->staple);
	if (len > 0) {
		s->staple_len = (size_t)len;
		q->ask->query.staple = s->staple;
		q->ask->query.staple_len = s->staple_len;
	}
	return rc;
}

/* Its name. */

static void
add_text(char *out, size_t cap, const char *text, size_t len)
{
	size_t n = strlen(out);

	if (n + len + 3 < cap)
		snprintf(out + n, cap - n, "%s%.*s", n > 0 ? ", " : "",
		    (int)len, text);
}

/* The names that a certificate has, for people. */
static void
list_names(char *out, size_t cap, X509 *cert)
{
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	char cn[256] = "";

	out[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);
		ASN1_OCTET_STRING *ip;
		char *text;

		if (g->type == GEN_DNS) {
			add_text(out, cap,
			    (const char *)ASN1_STRING_get0_data(g->d.dNSName),
			    (size_t)ASN1_STRING_length(g->d.dNSName));
		} else if (g->type == GEN_IPADD) {
			ip = g->d.iPAddress;
			text = ip->length == 4 ? OPENSSL_malloc(16) : NULL;
			if (text != NULL)
				snprintf(text, 16, "%u.%u.%u.%u", ip->data[0],
				    ip->data[1], ip->data[2], ip->data[3]);
			add_text(out, cap,
			    text != NULL ? text : "an IPv6 address",
			    text != NULL ? strlen(text) : 15);
			OPENSSL_free(text);
		}
	}
	GENERAL_NAMES_free(names);
	if (out[0] == '\0' &&
	    X509_NAME_get_text_by_NID(X509_get_subject_name(cert),
		NID_commonName, cn, sizeof(cn)) > 0)
		add_text(out, cap, cn, strlen(cn));
	print_plain(out);
}

static void
check_name(struct server *s, X509 *leaf)
{
	list_names(s->names, sizeof(s->names), leaf);
	if (s->name[0] == '\0')
		return;
	s->named = target_is_address(s->name)
	    ? X509_check_ip_asc(leaf, s->name, 0) == 1
	    : X509_check_host(leaf, s->name, 0,
		  X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

static void
judge_name(struct single *q, const struct server *s)
{
	char text[900];

	if (s->name[0] == '\0' || s->named)
		return;
	snprintf(text, sizeof(text), "the certificate is not for '%s'%s%s",
	    s->name,
	    s->names[0] != '\0' ? ": it is for " : ", nor for any host",
	    s->names);
	answer_wrong_name(&q->answer, text);
}

/* Its staple. */

static void
judge_staple(struct single *q, struct server *s)
{
	const struct revcheck_certs *c = q->path != NULL ? q->path : q->chain;
	struct revcheck_policy policy = q->ask->policy;
	struct revcheck_ocsp_query o = {.size = sizeof(o),
	    .cert = revcheck_certs_get0(c, 0),
	    .response = s->staple,
	    .response_len = s->staple_len,
	    .at = q->ask->query.at,
	    .policy = &policy};
	struct revcheck_error err;

	if (s->staple_len == 0)
		return;
	policy.nonce = REVCHECK_NONCE_OFF;
	if (revcheck_certs_num(c) > 1)
		o.issuer = revcheck_certs_get0(c, 1);
	if (o.issuer != NULL &&
	    revcheck_ocsp_judge(&s->staple_says, &o, &err) == 0)
		return;
	s->staple_says.status = REVCHECK_UNKNOWN;
	s->staple_says.why = REVCHECK_WHY_SIGNER_UNKNOWN;
	snprintf(s->staple_says.text, sizeof(s->staple_says.text),
	    "the issuer of the certificate is not known");
}

static bool
staple_verified(const struct server *s)
{
	return s->staple_len > 0 && s->staple_says.status != REVCHECK_UNKNOWN;
}

/* Telling. */

static void
print_server(const struct server *s)
{
	const struct revcheck_result *r = &s->staple_says;
	bool verified = staple_verified(s);

	printf("%s%s:%s%s\n", tint_on(stdout, TINT_BOLD), s->target.host,
	    s->target.port, tint_off(stdout));
	print_field(stdout, "address", TINT_NONE, "%s", s->dial.address);
	if (s->target.starttls != STARTTLS_NONE)
		print_field(stdout, "STARTTLS", TINT_NONE, "%s",
		    starttls_names[s->target.starttls]);
	print_field(stdout, "protocol", TINT_NONE, "%s, %s",
	    SSL_get_version(s->dial.ssl), SSL_get_cipher_name(s->dial.ssl));
	if (s->name[0] == '\0')
		print_field(stdout, "name", TINT_WARN,
		    "not checked (--no-name): the certificate is for %s",
		    s->names);
	else
		print_field(stdout, "name", s->named ? TINT_NONE : TINT_BAD,
		    s->named ? "the certificate is for '%s'"
			     : "the certificate is not for '%s'",
		    s->name);
	if (s->staple_len == 0)
		print_field(stdout, "staple", TINT_NONE, "none");
	else
		print_field(stdout, "staple",
		    verified ? print_status_tint(r->status) : TINT_WARN,
		    "an OCSP response of %zu bytes: %s%s%s", s->staple_len,
		    revcheck_status_name(r->status), verified ? "" : ", ",
		    verified ? "" : r->text);
	fputc('\n', stdout);
}

static void
json_server(cJSON *o, const struct server *s)
{
	const struct revcheck_result *r = &s->staple_says;
	cJSON *x;

	cJSON_AddStringToObject(o, "host", s->target.host);
	cJSON_AddNumberToObject(o, "port", atoi(s->target.port));
	print_json_text(o, "address", s->dial.address);
	print_json_text(o, "starttls",
	    s->target.starttls != STARTTLS_NONE
		? starttls_names[s->target.starttls]
		: "");
	print_json_text(o, "serverName", s->sni);
	cJSON_AddStringToObject(o, "protocol", SSL_get_version(s->dial.ssl));
	cJSON_AddStringToObject(o, "cipher", SSL_get_cipher_name(s->dial.ssl));
	x = cJSON_AddObjectToObject(o, "name");
	print_json_text(x, "checked", s->name);
	if (s->name[0] != '\0')
		cJSON_AddBoolToObject(x, "matches", s->named);
	else
		cJSON_AddNullToObject(x, "matches");
	print_json_text(x, "certificateNames", s->names);
	x = cJSON_AddObjectToObject(o, "staple");
	cJSON_AddBoolToObject(x, "present", s->staple_len > 0);
	cJSON_AddNumberToObject(x, "bytes", (double)s->staple_len);
	print_json_text(x, "status",
	    s->staple_len > 0 ? revcheck_status_name(r->status) : "");
	cJSON_AddBoolToObject(x, "verified", staple_verified(s));
	print_json_text(x, "why",
	    r->why != REVCHECK_WHY_NONE ? revcheck_why_name(r->why) : "");
	print_json_time(x, "thisUpdate", r->this_update);
	print_json_time(x, "nextUpdate", r->next_update);
	print_json_text(x, "text", r->text);
}

static int
tell(struct single *q, const struct server *s)
{
	cJSON *json;
	int rc = 0;

	if (q->ask->json) {
		json = single_json(q);
		if (json != NULL)
			json_server(json, s);
		rc = json != NULL ? print_document(json) : EXIT_SOFTWARE;
		cJSON_Delete(json);
	} else {
		print_server(s);
		answer_print(stdout, &q->answer, q->ask);
		single_print_more(stdout, q);
	}
	return rc != 0 ? rc : single_end(q);
}

int
cmd_connect(int argc, char **argv)
{
	struct opt table[] = {OPT_VALUE("--servername", "NAME"),
	    OPT_VALUE("--name", "NAME"), OPT_FLAG("--no-name"),
	    OPT_VALUE("--starttls",
		"none|smtp|lmtp|imap|pop3|ftp|nntp|sieve|ldap|postgres|mysql|"
		"xmpp|xmpp-server"),
	    OPT_VALUE("--cert", "FILE"), OPT_VALUE("--key", "FILE"),
	    OPT_VALUE("--timeout-ms", "N"), ASK_OPTIONS, {0}};
	struct ask a = {.query.purpose = 2};
	struct single q = {.ask = &a};
	struct server s = {.dial.fd = -1};
	const char *target;
	uint64_t timeout = 10000;
	int rc, num;

	rc = opt_parse("connect", table, argc, argv, &target, 1, &num);
	if (rc != 0)
		return rc;
	if (num != 1)
		return cli_fail(
		    EXIT_USAGE, "give a server: HOST, HOST:PORT or a URL");
	if (read_target(&s, table, target) != 0 ||
	    opt_number(table, "--timeout-ms", 1, 3600000, &timeout) != 0)
		return EXIT_USAGE;
	rc = ask_init(&a, table, false);
	s.dial.target = &s.target;
	s.dial.sni = s.sni[0] != '\0' ? s.sni : NULL;
	s.dial.cert = opt_value(table, "--cert");
	s.dial.key = opt_value(table, "--key");
	s.dial.end_mono_ms = cli_mono_ms() + timeout;
	if (rc == 0)
		rc = dial_server(&s.dial);
	if (rc == 0)
		rc = take_chain(&q, &s);
	if (rc == 0) {
		check_name(&s, revcheck_certs_get0(q.chain, 0));
		rc = single_ask(&q);
	}
	if (rc == 0) {
		judge_name(&q, &s);
		judge_staple(&q, &s);
		rc = tell(&q, &s);
	}
	single_cleanup(&q);
	ask_cleanup(&a);
	dial_cleanup(&s.dial);
	return rc;
}
