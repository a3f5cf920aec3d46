/* doorman_net: see the header. */
#include "tests/doorman/doorman_net.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sqlite3.h>

#define MORE_MAX 24

int
doorman_net_run(struct doorman_net *o, const char *program, const char *input,
    char **out, const char *const *arguments)
{
	char *path = fixture_path(program);
	char *log = xasprintf("%s.run%d.log", o->dir, o->runs++);
	const char *argv[MORE_MAX + 2] = {path};
	struct proc p;
	int rc, n = 1;

	for (; arguments != NULL && *arguments != NULL && n < MORE_MAX;)
		argv[n++] = *arguments++;
	proc_start(&p, program, log, argv);
	/* Who is turned away leaves before it reads: its status says so. */
	signal(SIGPIPE, SIG_IGN);
	if (input != NULL &&
	    write(p.in_fd, input, strlen(input)) != (ssize_t)strlen(input) &&
	    errno != EPIPE)
		fail_msg("%s does not read its input", program);
	rc = proc_wait(&p, WAIT_MS);
	if (out != NULL)
		*out = proc_log(&p);
	proc_cleanup(&p);
	free(log);
	free(path);
	return rc;
}

void
doorman_net_init(struct doorman_net *o, const char *dir, const char *input,
    const char *const *options)
{
	doorman_net_init_corda(o, dir, input, options);
	doorman_net_conf(o, "name_rules = any\n");
}

void
doorman_net_init_corda(struct doorman_net *o, const char *dir,
    const char *input, const char *const *options)
{
	const char *argv[MORE_MAX] = {"init", dir};
	char *out, *p, *end;
	int n = 2;

	memset(o, 0, sizeof(*o));
	o->dir = xstrdup(dir);
	for (; options != NULL && *options != NULL && n < MORE_MAX - 1;)
		argv[n++] = *options++;
	if (doorman_net_run(o, "doorman", input, &out, argv) != 0)
		fail_msg("init: %s", out);
	free(out);
	o->conf = xasprintf("%s/doorman.conf", dir);
	o->sign_conf = xasprintf("%s/sign.conf", dir);
	out = file_need(o->conf, NULL);
	p = strstr(out, "public_url = ");
	assert_non_null(p);
	p += strlen("public_url = ");
	end = strchr(p, '\n');
	o->url = xasprintf("%.*s", (int)(end - p), p);
	free(out);
}

void
doorman_net_conf(const struct doorman_net *o, const char *lines)
{
	file_append(o->conf, lines);
}

void
doorman_net_sign_conf(const struct doorman_net *o, const char *lines)
{
	file_append(o->sign_conf, lines);
}

void
doorman_net_start(struct doorman_net *o)
{
	char *path = fixture_path("doorman");
	char *log = xasprintf("%s.serve.log", o->dir), *line;
	const char *argv[] = {path, "serve", "-c", o->conf, NULL};

	proc_start(&o->serve, "doorman", log, argv);
	line = proc_await(&o->serve, "ready http=", WAIT_MS);
	if (line == NULL)
		fail_msg("doorman did not start: %s", proc_log_end(&o->serve));
	free(line);
	free(log);
	free(path);
}

void
doorman_net_stop(struct doorman_net *o)
{
	int rc;

	if (o->serve.name == NULL)
		return;
	rc = proc_stop(&o->serve, WAIT_MS);
	if (rc != 0)
		print_error("%s", proc_log(&o->serve));
	assert_int_equal(rc, 0);
	proc_cleanup(&o->serve);
	memset(&o->serve, 0, sizeof(o->serve));
}

void
doorman_net_free(struct doorman_net *o)
{
	doorman_net_stop(o);
	free(o->dir);
	free(o->url);
	free(o->conf);
	free(o->sign_conf);
	memset(o, 0, sizeof(*o));
}

void
doorman_net_says_args(struct doorman_net *o, int status, const char *want,
    const char *const *arguments)
{
	char *out;
	int rc = doorman_net_run(o, "doorman", NULL, &out, arguments);

	if (rc != status || strstr(out, want) == NULL)
		fail_msg("doorman %s: %d and not %d, no '%s' in: %s",
		    arguments[0], rc, status, want, out);
	free(out);
}

void
doorman_net_do_args(struct doorman_net *o, const char *const *arguments)
{
	const char *argv[MORE_MAX];
	char *out;
	int n = 0;

	while (*arguments != NULL && n < MORE_MAX - 3)
		argv[n++] = *arguments++;
	argv[n++] = "-c";
	argv[n++] = o->conf;
	argv[n] = NULL;
	if (doorman_net_run(o, "doorman", NULL, &out, argv) != 0)
		fail_msg("doorman %s: %s", argv[0], out);
	free(out);
}

int
doorman_net_sign_args(struct doorman_net *o, const char *input, char **out,
    const char *const *arguments)
{
	const char *argv[MORE_MAX] = {"-c", o->sign_conf, "-y", "0", "-p", "0"};
	int n = 6;

	while (*arguments != NULL && n < MORE_MAX - 1)
		argv[n++] = *arguments++;
	argv[n] = NULL;
	return doorman_net_run(o, "doorman-sign", input, out, argv);
}

long
doorman_net_post(const struct doorman_net *o, const char *json, char **text)
{
	char *url = xasprintf("%s/certificate-revocation-request", o->url);
	struct web w;
	long status;

	web_request(&w, "POST", url, NULL, json, "application/json");
	status = w.status;
	if (text != NULL)
		*text = xstrdup(w.body);
	web_free(&w);
	free(url);
	return status;
}

char *
doorman_net_state(const struct doorman_net *o, const char *kind, const char *id)
{
	char *url = xasprintf("%s/%s/%s", o->url, kind, id), *state;
	struct web w;

	web_request(&w, "GET", url, NULL, NULL, NULL);
	state = xstrdup(w.status == 200 ? json_text(w.json, "state") : w.body);
	web_free(&w);
	free(url);
	return state;
}

/* Each question is an event of its own: the service answers when it can. */
void
doorman_net_await(const struct doorman_net *o, const char *kind, const char *id,
    const char *want)
{
	time_t end = time(NULL) + WAIT_MS / 1000;
	char *state = NULL;

	do {
		free(state);
		state = doorman_net_state(o, kind, id);
		if (strcmp(state, want) == 0) {
			free(state);
			return;
		}
	} while (time(NULL) < end);
	fail_msg("request %s is %s and not %s", id, state, want);
}

char *
doorman_net_csr(struct doorman_net *o, const char *name, const char *subject)
{
	char *key = xasprintf("%s/%s.key", o->dir, name);
	char *csr = xasprintf("%s/%s.csr", o->dir, name);
	char *url = xasprintf("%s/certificate", o->url), *body, *id;
	char *san = xasprintf("subjectAltName=DNS:%s.example", name);
	const char *argv[] = {"/usr/bin/openssl", "req", "-new", "-newkey",
	    "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
	    key, "-subj", subject, "-addext", san, "-out", csr, NULL};
	struct web w;

	if (proc_run(argv, "openssl.log", WAIT_MS, NULL) != 0)
		fail_msg("openssl req");
	body = file_need(csr, NULL);
	web_request(&w, "POST", url, NULL, body, "application/pkcs10");
	if (w.status != 200)
		fail_msg("certificate request: %ld %s %s", w.status, w.body,
		    w.error);
	id = xstrdup(w.body);
	web_free(&w);
	free(body);
	free(san);
	free(url);
	free(csr);
	free(key);
	return id;
}

char *
doorman_net_enrol(struct doorman_net *o, const char *name, const char *subject,
    const char *secret)
{
	char *id = doorman_net_csr(o, name, subject), *out;
	char *pem = xasprintf("%s/%s.pem", o->dir, name);
	char *url = xasprintf("%s/certificate/%s", o->url, id);
	char *input = xasprintf("sign certificates +1\n%s\n", secret);
	struct web w;

	doorman_net_do(o, "tickets", "approve", id);
	if (doorman_net_sign(o, input, &out, "certificates") != 0)
		fail_msg("doorman-sign certificates: %s", out);
	free(out);
	web_request(&w, "GET", url, NULL, NULL, NULL);
	if (w.status != 200)
		fail_msg("certificate: %ld %s", w.status, w.body);
	file_write(pem, w.body, w.len);
	web_free(&w);
	free(input);
	free(url);
	free(pem);
	return id;
}

char *
doorman_net_serial(const struct doorman_net *o, const char *name)
{
	char *path = xasprintf("%s/%s.pem", o->dir, name), *hex, *copy;
	BIO *in = BIO_new_file(path, "r");
	X509 *cert = PEM_read_bio_X509(in, NULL, NULL, NULL);
	BIGNUM *bn;

	if (cert == NULL)
		fail_msg("no certificate in %s", path);
	bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	hex = BN_bn2hex(bn);
	copy = xstrdup(hex);
	OPENSSL_free(hex);
	BN_free(bn);
	X509_free(cert);
	BIO_free(in);
	free(path);
	return copy;
}

long
doorman_net_crl_number(const struct doorman_net *o, const char *list)
{
	char *url =
	    xasprintf("%s/certificate-revocation-list/%s", o->url, list);
	const unsigned char *p;
	ASN1_INTEGER *n;
	X509_CRL *crl;
	struct web w;
	long number = 0;

	web_request(&w, "GET", url, NULL, NULL, NULL);
	p = (unsigned char *)w.body;
	crl = w.status == 200 ? d2i_X509_CRL(NULL, &p, (long)w.len) : NULL;
	if (crl != NULL) {
		n = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
		number = ASN1_INTEGER_get(n);
		ASN1_INTEGER_free(n);
		X509_CRL_free(crl);
	}
	web_free(&w);
	free(url);
	return number;
}

/* The fake JIRA. */

void
jira_start(struct jira *j, struct doorman_net *o)
{
	char *path = fixture_path("doorman-jira"), *line, *where, *conf;
	const char *argv[] = {path, "robot:token", NULL};

	proc_start(&j->proc, "jira", "jira.log", argv);
	line = proc_await(&j->proc, "ready jira=", WAIT_MS);
	if (line == NULL)
		fail_msg("doorman-jira did not start");
	where = line_value(line, "jira");
	j->url = xasprintf("http://%s", where);
	conf = xasprintf("%s/jira.secret", o->dir);
	file_write(conf, "robot:token\n", strlen("robot:token\n"));
	free(conf);
	conf = xasprintf("tickets = jira\njira_url = %s\n"
			 "jira_project = REV\njira_credentials = jira.secret\n"
			 "ticket_poll_ms = 10\nticket_retry_max_ms = 200\n",
	    j->url);
	doorman_net_conf(o, conf);
	free(conf);
	free(where);
	free(line);
	free(path);
}

void
jira_stop(struct jira *j)
{
	if (j->proc.name != NULL)
		assert_int_equal(proc_stop(&j->proc, WAIT_MS), 0);
	proc_cleanup(&j->proc);
	free(j->url);
	memset(j, 0, sizeof(*j));
}

static void
jira_ask(
    const struct jira *j, const char *method, const char *path, struct web *w)
{
	char *url = xasprintf("%s%s", j->url, path);

	web_request(w, method, url, NULL,
	    strcmp(method, "POST") == 0 ? "" : NULL, NULL);
	if (w->status != 200)
		fail_msg("jira %s: %ld %s", path, w->status, w->error);
	free(url);
}

int
jira_issues(const struct jira *j, const char *request, char **key)
{
	char *label = xasprintf("doorman-%s", request);
	const cJSON *i;
	struct web w;
	int n = 0;

	jira_ask(j, "GET", "/fake/issues", &w);
	cJSON_ArrayForEach(i, w.json)
	{
		if (strcmp(json_text(i, "label"), label) != 0)
			continue;
		if (key != NULL && n == 0)
			*key = xstrdup(json_text(i, "key"));
		n++;
	}
	web_free(&w);
	free(label);
	return n;
}

int
jira_count(const struct jira *j)
{
	struct web w;
	int n;

	jira_ask(j, "GET", "/fake/issues", &w);
	n = cJSON_GetArraySize(w.json);
	web_free(&w);
	return n;
}

void
jira_decide(const struct jira *j, const char *request, const char *status,
    const char *who)
{
	char *key = NULL, *path;
	struct web w;

	assert_int_equal(jira_issues(j, request, &key), 1);
	path = xasprintf("/fake/issue/%s?status=%s&who=%s", key, status, who);
	jira_ask(j, "POST", path, &w);
	web_free(&w);
	free(path);
	free(key);
}

void
jira_break(const struct jira *j, int status)
{
	char *path = xasprintf("/fake/status?code=%d", status);
	struct web w;

	jira_ask(j, "POST", path, &w);
	web_free(&w);
	free(path);
}

void
jira_fake(const struct jira *j, const char *what)
{
	char *path = xasprintf("/fake/%s", what);
	struct web w;

	jira_ask(j, "POST", path, &w);
	web_free(&w);
	free(path);
}

void
jira_fake_issue(const struct jira *j, const char *request, const char *query)
{
	char *key = NULL, *what;

	assert_true(jira_issues(j, request, &key) >= 1);
	what = xasprintf("issue/%s?%s", key, query);
	jira_fake(j, what);
	free(what);
	free(key);
}

char *
jira_field(const struct jira *j, const char *request, const char *field)
{
	char *label = xasprintf("doorman-%s", request), *out = NULL;
	const cJSON *i, *value;
	struct web w;

	jira_ask(j, "GET", "/fake/issues", &w);
	cJSON_ArrayForEach(i, w.json)
	{
		if (strcmp(json_text(i, "label"), label) != 0)
			continue;
		value = cJSON_GetObjectItem(i, field);
		free(out);
		out = cJSON_IsString(value) ? xstrdup(value->valuestring)
					    : cJSON_PrintUnformatted(value);
	}
	web_free(&w);
	free(label);
	return out;
}

long
jira_calls(const struct jira *j)
{
	struct web w;
	long n;

	jira_ask(j, "GET", "/fake/calls", &w);
	n = (long)cJSON_GetNumberValue(w.json);
	web_free(&w);
	return n;
}

char *
doorman_net_column(
    const struct doorman_net *o, const char *id, const char *column)
{
	char *path = xasprintf("%s/doorman.sqlite", o->dir);
	char *sql = xasprintf("SELECT %s FROM request WHERE id=?", column);
	char *out = NULL;
	sqlite3_stmt *q = NULL;
	sqlite3 *db = NULL;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) !=
		SQLITE_OK ||
	    sqlite3_busy_timeout(db, WAIT_MS) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK ||
	    sqlite3_bind_text(q, 1, id, -1, SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_step(q) != SQLITE_ROW)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	out = xstrdup(sqlite3_column_type(q, 0) != SQLITE_NULL
		? (const char *)sqlite3_column_text(q, 0)
		: "");
	sqlite3_finalize(q);
	sqlite3_close(db);
	free(sql);
	free(path);
	return out;
}

void
doorman_net_await_column(const struct doorman_net *o, const char *id,
    const char *column, const char *text)
{
	time_t end = time(NULL) + WAIT_MS / 1000;
	char *s = NULL;

	for (;;) {
		s = doorman_net_column(o, id, column);
		if (strstr(s, text) != NULL)
			break;
		if (time(NULL) > end)
			fail_msg("%s is '%s', not '%s'", column, s, text);
		free(s);
		poll(NULL, 0, 20);
	}
	free(s);
}

/* Java. */

bool
have_java(void)
{
	return access("/usr/bin/java", X_OK) == 0;
}

void
java_says(const char *const *arguments)
{
	const char *top = getenv("TOP");
	char *source =
	    xasprintf("%s/tests/doorman/Check.java", top != NULL ? top : ".");
	const char *argv[16] = {
	    "/usr/bin/java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", source};
	char *out;
	int n = 4;

	while (*arguments != NULL && n < 15)
		argv[n++] = *arguments++;
	remove("java.log");
	/* It compiles its source first, on a machine that does other things. */
	if (proc_run(argv, "java.log", 4 * WAIT_MS, &out) != 0)
		fail_msg("java: %s", out);
	free(out);
	free(source);
}

void
doorman_net_sql(const struct doorman_net *o, const char *sql)
{
	char *path = xasprintf("%s/doorman.sqlite", o->dir), *why = NULL;
	sqlite3 *db = NULL;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) !=
		SQLITE_OK ||
	    sqlite3_busy_timeout(db, WAIT_MS) != SQLITE_OK ||
	    sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(db);
	free(path);
}
