/* Nonsense in the configurations of the service and of the signer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>

#include "fixtures/doorman/base/issue.h"
#include "fixtures/doorman/base/nearest.h"
#include "fixtures/doorman/base/url.h"
#include "fixtures/doorman/service/check.h"
#include "fixtures/doorman/service/conf/listen.h"
#include "fixtures/doorman/service/store/store.h"
#include "fixtures/doorman/sign/conf_check.h"
#include "tests/doorman/test_ca.h"

#define X100                                                         \
	"0123456789012345678901234567890123456789012345678901234567" \
	"890123456789012345678901234567890123456789"
#define BASE \
	"public_url = http://a\nroot_cert = root.pem\ndoorman_cert = ca.pem\n"

static struct test_ca root, ca, strange;

static void
write_bytes(const char *path, const char *bytes, size_t len, unsigned mode)
{
	struct fault f;

	if (file_replace(path, view_of(bytes, len), mode, &f) != 0)
		fail_msg("%s", f.msg);
}

static void
write_file(const char *path, const char *text)
{
	write_bytes(path, text, strlen(text), 0600);
}

static void
write_cert(const char *path, X509 *cert)
{
	struct fault f;

	assert_int_equal(cert_write_file(path, &cert, 1, &f), 0);
}

/* A certificate like another with one thing changed, signed again. */
static X509 *
changed(X509 *cert, EVP_PKEY *key, long begins, long ends, int without)
{
	X509 *x = X509_dup(cert);
	int at = without != 0 ? X509_get_ext_by_NID(x, without, -1) : -1;

	if (at >= 0)
		X509_EXTENSION_free(X509_delete_ext(x, at));
	X509_gmtime_adj(X509_getm_notBefore(x), begins);
	X509_gmtime_adj(X509_getm_notAfter(x), ends);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	return x;
}

static int
setup(void **state)
{
	time_t now = time(NULL);
	struct store st;
	struct fault f;
	BIO *out;
	X509 *x;

	(void)state;
	test_ca_make(&root, "Root", NULL, now);
	test_ca_make(&ca, "Doorman", &root, now);
	test_ca_make(&strange, "Strange", NULL, now);
	write_cert("root.pem", root.cert);
	write_cert("ca.pem", ca.cert);
	write_cert("strange.pem", strange.cert);
	x = changed(ca.cert, root.key, -90, -30, 0);
	write_cert("over.pem", x);
	X509_free(x);
	x = changed(ca.cert, root.key, 3600, 7200, 0);
	write_cert("early.pem", x);
	X509_free(x);
	x = changed(ca.cert, root.key, 0, 3600, NID_basic_constraints);
	write_cert("leaf.pem", x);
	X509_free(x);
	x = changed(ca.cert, root.key, 0, 3600, NID_key_usage);
	write_cert("nousage.pem", x);
	X509_free(x);
	write_file("text.pem", "hello\n");
	assert_int_equal(mkdir("folder", 0700), 0);
	out = BIO_new_file("sealed.key", "w");
	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(out, ca.key,
			     EVP_aes_256_cbc(), "secret", 6, NULL, NULL),
	    1);
	BIO_free(out);
	if (store_open(&st, "doorman.sqlite", true, &f) != 0)
		fail_msg("%s", f.msg);
	store_close(&st);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	test_ca_free(&root);
	test_ca_free(&ca);
	test_ca_free(&strange);
	return 0;
}

static void
config_says(const char *bytes, size_t len, const char *want, const char *row)
{
	struct fault f = {""};
	struct config c;
	int rc;

	write_bytes("t.conf", bytes, len, 0600);
	rc = config_read(&c, "t.conf", &f);
	if (rc == 0)
		config_cleanup(&c);
	if (want == NULL && rc != 0)
		fail_msg("%s: %s", row, f.msg);
	if (want != NULL && (rc == 0 || strstr(f.msg, want) == NULL))
		fail_msg("%s: not '%s' but '%s'", row, want, f.msg);
}

/* The form of the file. */
static void
lines_are_keys_and_values(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
	    {"", "t.conf: public_url is missing"},
	    {"public_url\n", "t.conf:1: expected 'key = value'"},
	    {"public_url =\n", "t.conf:1: public_url has no value"},
	    {"# x\n\nport = 1\n", "t.conf:3: unknown key 'port'"},
	    {"publicurl = http://a\n",
		"unknown key 'publicurl': did you mean 'public_url'?"},
	    {BASE "sign_uid = 1\n", "did you mean 'sign_uids'?"},
	    {BASE "Tickets = local\n", "did you mean 'tickets'?"},
	    {BASE "public_url = http://b\n",
		"t.conf:4: public_url is given twice: in line 1 already"},
	    {BASE "sign_idle_sec = 0\n",
		"t.conf:4: sign_idle_sec: '0' is not a number from 1 to"},
	    {BASE "sign_idle_sec = 5x\n",
		"sign_idle_sec: '5x' is not a number"},
	    {BASE "sign_idle_sec = 5s\n", "'5s' is not a number"},
	    {BASE "sign_idle_sec = 5 sec\n", "'5 sec' is not a number"},
	    {BASE "sign_idle_sec = 0x10\n", "'0x10' is not a number"},
	    {BASE "sign_idle_sec = +5\n", "'+5' is not a number"},
	    {BASE "sign_idle_sec = -5\n", "'-5' is not a number"},
	    {BASE "sign_idle_sec = 1e3\n", "'1e3' is not a number"},
	    {BASE "sign_idle_sec = 99999999999999999999\n", "is not a number"},
	    {BASE "sign_idle_sec =\n", "'' is not a number"},
	    {BASE "sign_idle_sec = 5 # five\n", "is not a number"},
	    {BASE "tickets = paper\n", "'paper' is not one of local|jira"},
	    {BASE "tickets = LOCAL\n", "'LOCAL' is not one of local|jira"},
	    {BASE "tickets =\n", "'' is not one of"},
	    {BASE "jira_project = \"P\"\n", "stands in quotation marks"},
	    {BASE "jira_project = 'P'\n", "stands in quotation marks"},
	    {BASE "jira_project = a\001b\n", "jira_project: the value has"},
	    {BASE "jira_project = a\xff\n", "jira_project: the value"},
	    {BASE "jira_project = a\xe2\x80\xae b\n",
		"jira_project: the value"},
	    {BASE "jira_project = " X100 X100 X100 X100 X100 X100 "\n",
		"longer than"},
	    /* Taken. */
	    {BASE, NULL},
	    {"\xef\xbb\xbf" BASE, NULL},
	    {"public_url=http://a\r\nroot_cert = root.pem\r\n"
	     "doorman_cert\t=\tca.pem \r\n",
		NULL},
	    {"  # a comment\n\t\n" BASE "sign_idle_sec=5", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		config_says(rows[i].text, strlen(rows[i].text), rows[i].says,
		    rows[i].text);
	config_says(BASE "\0", sizeof(BASE), "holds a NUL byte", "NUL");
	config_says("\xff\xfep\0u\0", 6, "holds a NUL byte", "UTF-16");
}

#define JIRA                                         \
	BASE "tickets = jira\njira_url = http://x\n" \
	     "jira_project = P\njira_credentials = c\n"

static void
values_are_sensible(void **state)
{
	static const struct {
		const char *line, *says;
	} rows[] = {
	    {BASE "sign_socket =\n", "nobody could sign"},
	    {BASE "sign_socket =\nsign_listen = 127.0.0.1:0\n"
		  "sign_uids = 0\n",
		"without a sign_socket nobody comes by user id"},
	    {BASE "sign_socket = /" X100 X100 "\n",
		"sign_socket: '/0123456789"},
	    {BASE "database =\n", "database: which file?"},
	    /* The user ids of signers. */
	    {BASE "sign_uids = 0\n", NULL},
	    {BASE "sign_uids = 0, 1000 ,4294967294\n", NULL},
	    {BASE "sign_uids = root\n", NULL},
	    {BASE "trusted_proxies = 10.0.0.0/8, ::1\n", NULL},
	    {BASE "trusted_proxies = proxy.example\n",
		"trusted_proxies: 'proxy.example' is not an IP address"},
	    {BASE "trusted_proxies = 0.0.0.0/0\n", "1 to 32 bits"},
	    {BASE "sign_uids = root, 0\n", "user id 0 stands there twice"},
	    {BASE "sign_uids = 1000,1000\n", "1000 stands there twice"},
	    {BASE "sign_uids = 4294967295\n", "'4294967295' is not a user id"},
	    {BASE "sign_uids = 4294967296\n", "'4294967296' is not a user id"},
	    {BASE "sign_uids = 99999999999999999999\n", "is not a user id"},
	    {BASE "sign_uids = -1\n", "'-1' is neither a user id nor"},
	    {BASE "sign_uids = +1\n", "'+1' is neither a user id nor"},
	    {BASE "sign_uids = 10x\n", "'10x' is neither a user id nor"},
	    {BASE "sign_uids = 0x10\n", "'0x10' is neither a user id nor"},
	    {BASE "sign_uids = 1000;1001\n", "is neither a user id nor"},
	    {BASE "sign_uids = 1000 1001\n", "is neither a user id nor"},
	    {BASE "sign_uids = no-such-user-here\n", "is neither a user id"},
	    {BASE "sign_uids = 1000,\n", "nothing between two commas"},
	    {BASE "sign_uids = ,\n", "nothing between two commas"},
	    {BASE "sign_uids = 1000,,1001\n", "nothing between two commas"},
	    /* Where to listen. */
	    {BASE "http_listen =\n", "http_listen: no HOST:PORT"},
	    {BASE "http_listen = 8080\n", "http_listen: '8080' is not of"},
	    {BASE "http_listen = 127.0.0.1\n", "is not of the form HOST:PORT"},
	    {BASE "http_listen = 127.0.0.1:\n", "has no port from 0 to 65535"},
	    {BASE "http_listen = 127.0.0.1:65536\n", "has no port from 0"},
	    {BASE "http_listen = 127.0.0.1:-1\n", "has no port from 0"},
	    {BASE "http_listen = 127.0.0.1:80x\n", "has no port from 0"},
	    {BASE "http_listen = 127.0.0.1: 80\n", "has no port from 0"},
	    {BASE "http_listen = 256.0.0.1:80\n", "neither an address nor"},
	    {BASE "http_listen = 127.1:80\n", "neither an address nor"},
	    {BASE "http_listen = ::1:80\n", "stands in brackets"},
	    {BASE "http_listen = [::1]\n", "is not of the form HOST:PORT"},
	    {BASE "http_listen = [::1]80\n", "is not of the form HOST:PORT"},
	    {BASE "http_listen = [127.0.0.1]:80\n", "neither an address nor"},
	    {BASE "http_listen = http://a:80\n", "is not of the form"},
	    {BASE "http_listen = 127.0.0.1:80 # x\n", "has no port from 0"},
	    {BASE "http_listen = a b:80\n", "neither an address nor"},
	    {BASE "http_listen = [::1]:80\n", NULL},
	    {BASE "http_listen = localhost:80\n", NULL},
	    {BASE "sign_listen = x\n", "sign_listen: 'x' is not of"},
	    {BASE "ocsp_listen = x\n", "ocsp_listen: 'x' is not of"},
	    {BASE "http_listen = 127.0.0.1:80\nsign_listen = 127.0.0.1:80\n",
		"http_listen and sign_listen are the same port"},
	    {BASE "http_listen = 0.0.0.0:80\nocsp_listen = 127.0.0.1:80\n",
		"http_listen and ocsp_listen are the same port"},
	    {BASE "sign_listen = 127.0.0.1:81\nocsp_listen = 0.0.0.0:81\n",
		"sign_listen and ocsp_listen are the same port"},
	    {BASE "http_listen = 127.0.0.1:80\nocsp_listen = 127.0.0.2:80\n",
		NULL},
	    {BASE "sign_listen = 127.0.0.1:81\nsign_tls_peer =\n",
		"sign_tls_peer: whose"},
	    /* Tickets. */
	    {BASE "tickets = jira\n", "jira_url"},
	    {BASE "tickets = jira\njira_url = ftp://x\n",
		"jira_url: 'ftp://x'"},
	    {BASE "tickets = jira\njira_url = http://x\n",
		"needs jira_project and"},
	    {JIRA, NULL},
	    {JIRA "jira_approved = Done\njira_rejected = Done\n",
		"are the same status"},
	    {JIRA "jira_approved = Done\njira_rejected = done\n",
		"are the same status"},
	    {JIRA "jira_approved =\n", "need the name of a status each"},
	    {JIRA "jira_api = cloud\njira_auth = bearer\njira_proxy = env\n",
		NULL},
	    {JIRA "jira_proxy = http://proxy:3128\n"
		  "jira_proxy_credentials = p\n",
		NULL},
	    {JIRA "jira_proxy = socks5h://127.0.0.1:1080\n", NULL},
	    {JIRA "jira_proxy = socks5://127.0.0.1:1080\n", "jira_proxy"},
	    {JIRA "jira_proxy = proxy:3128\n", "jira_proxy"},
	    {JIRA "jira_proxy = http://u:secret@proxy:3128\n",
		"jira_proxy: name and password go into a file"},
	    {JIRA "jira_proxy_credentials = p\n", "for which jira_proxy"},
	    {JIRA "jira_proxy = env\njira_proxy_credentials = p\n",
		"for which jira_proxy"},
	    {BASE "tickets = jira\njira_url = http://x\n"
		  "jira_project = P\" OR key = \"Q\njira_credentials = c\n",
		"is not the key of a project"},
	    {BASE "notify_command = mail\n", "notify_command: 'mail'"},
	    {BASE "notify_command = /bin/cat -n\n", NULL},
	    {JIRA "jira_issue_type =\n", "jira_issue_type: of which type"},
	    {JIRA "approvals_ca_compromise = 2\n", "is approved once"},
	    /* The CAs. */
	    {"public_url = http://a\nroot_cert = no.pem\n"
	     "doorman_cert = ca.pem\n",
		"root_cert: "},
	    {"public_url = http://a\nroot_cert =\ndoorman_cert = ca.pem\n",
		"root_cert: which file?"},
	    {"public_url = http://a\nroot_cert = text.pem\n"
	     "doorman_cert = ca.pem\n",
		"root_cert: cannot read a certificate from './text.pem'"},
	    {"public_url = http://a\nroot_cert = strange.pem\n"
	     "doorman_cert = ca.pem\n",
		"'./ca.pem' is not signed by './strange.pem'"},
	    {"public_url = http://a\nroot_cert = root.pem\n"
	     "doorman_cert = root.pem\n",
		"are the same certificate"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		config_says(rows[i].line, strlen(rows[i].line), rows[i].says,
		    rows[i].line);
}

static void
urls_are_where_the_world_looks(void **state)
{
	static const struct {
		unsigned flags;
		bool ok;
		const char *url;
	} rows[] = {
	    {0, true, "http://a"},
	    {0, true, "http://crl.example.com:8080"},
	    {0, true, "http://127.0.0.1:80"},
	    {0, true, "http://[::1]:80"},
	    {0, true, "http://[2001:db8::1]"},
	    {0, false, ""},
	    {0, false, "a"},
	    {0, false, "http://"},
	    {0, false, "https://a"},
	    {0, false, "ftp://a"},
	    {0, false, "http:/a"},
	    {0, false, "http://a/"},
	    {0, false, "http://a/b"},
	    {0, false, "http://a?b"},
	    {0, false, "http://a#b"},
	    {0, false, "http://u@a"},
	    {0, false, "http://u:p@a"},
	    {0, false, "http://a b"},
	    {0, false, "http://a:"},
	    {0, false, "http://a:0"},
	    {0, false, "http://a:65536"},
	    {0, false, "http://a:8080x"},
	    {0, false, "http://a:80:80"},
	    {0, false, "http://::1"},
	    {0, false, "http://[::1"},
	    {0, false, "http://[::g]"},
	    {0, false, "http://[::1]x"},
	    {0, false, "http://256.1.1.1"},
	    {0, false, "http://1.2.3"},
	    {0, false, "http://-a"},
	    {0, false, "http://:80"},
	    {URL_HTTPS, true, "https://a"},
	    {URL_HTTPS, false, "https://"},
	    {URL_PATH, true, "http://a/b/c"},
	    {URL_PATH, false, "http://a/b/"},
	    {URL_PATH, false, "http://a/b?c"},
	    {URL_PATH, false, "http://a/b#c"},
	    {URL_PATH, false, "http://a/b c"},
	    {URL_HTTPS | URL_PATH, true, "https://a:443/jira"},
	    {URL_HTTPS | URL_PATH, false, "https://a/jira?x=1"},
	};
	struct fault f;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if ((url_check(rows[i].url, rows[i].flags, &f) == 0) !=
		    rows[i].ok)
			fail_msg("'%s', %u", rows[i].url, rows[i].flags);
}

static void
who_may_sign(void **state)
{
	struct config c = {0};

	(void)state;
	assert_true(config_may_sign(&c, geteuid()));
	assert_false(config_may_sign(&c, geteuid() + 1));
	c.signers[c.num_signers++] = 1000;
	c.signers[c.num_signers++] = geteuid() + 2000;
	assert_true(config_may_sign(&c, 1000));
	assert_false(config_may_sign(&c, 1001));
	assert_false(config_may_sign(&c, 999));
	assert_false(config_may_sign(&c, geteuid()));
}

/* Whether one of the sentences has this in it. */
static bool
found(const struct findings *all, bool warning, const char *text)
{
	for (size_t i = 0; i < all->num; i++)
		if (all->rows[i].warning == warning &&
		    strstr(all->rows[i].text.msg, text) != NULL)
			return true;
	return false;
}

static void
dump(const struct findings *all)
{
	for (size_t i = 0; i < all->num; i++)
		print_error(
		    "%d %s\n", all->rows[i].warning, all->rows[i].text.msg);
}

static void
files_are_what_they_should_be(void **state)
{
	static const char ours[] = BASE "sign_socket = s.sock\n";
	static const struct {
		enum config_role role;
		bool warning;
		const char *text, *says;
	} rows[] = {
	    {CONFIG_SERVE, false, BASE "notify_command = /none/mail -t\n",
		"notify_command: cannot run '/none/mail'"},
	    {CONFIG_SERVE, false, BASE "notify_command = /tmp\n",
		"notify_command: cannot run '/tmp'"},
	    {CONFIG_SERVE, false,
		BASE "notify_command = /bin/cat\nnotify_template = none\n",
		"notify_template: "},
	    {CONFIG_SERVE, false, BASE "database = folder\n",
		"database: './folder' is a directory"},
	    {CONFIG_SERVE, false, BASE "database = none.sqlite\n",
		"database: there is no './none.sqlite'"},
	    {CONFIG_SERVE, false, BASE "database = none/d.sqlite\n",
		"there is no directory './none'"},
	    {CONFIG_SERVE, false, BASE "sign_socket = folder\n",
		"sign_socket: './folder' is a directory"},
	    {CONFIG_SERVE, false, BASE "sign_socket = text.pem\n",
		"sign_socket: './text.pem' is there and is no socket"},
	    {CONFIG_SERVE, false, BASE "sign_socket = none/s\n",
		"sign_socket: there is no directory './none'"},
	    {CONFIG_SERVE, false,
		"public_url = http://a\nroot_cert = leaf.pem\n"
		"doorman_cert = ca.pem\n",
		"root_cert: './leaf.pem' is not the certificate of a CA"},
	    {CONFIG_SERVE, false,
		"public_url = http://a\nroot_cert = root.pem\n"
		"doorman_cert = leaf.pem\n",
		"doorman_cert: './leaf.pem' is not the certificate of a CA"},
	    {CONFIG_SERVE, false,
		"public_url = http://a\nroot_cert = root.pem\n"
		"doorman_cert = over.pem\n",
		"doorman_cert: './over.pem' has expired"},
	    {CONFIG_SERVE, false,
		"public_url = http://a\nroot_cert = root.pem\n"
		"doorman_cert = early.pem\n",
		"doorman_cert: './early.pem' is not valid yet"},
	    {CONFIG_SERVE, true, JIRA "jira_issue_type = Task\n",
		"jira_credentials: './c' is a secret, and others may read it"},
	    {CONFIG_SERVE, true, BASE "jira_project = P\n",
		"what is said of JIRA counts for nothing"},
	    {CONFIG_SERVE, false,
		BASE "sign_listen = 127.0.0.1:0\nsign_tls_ca = root.pem\n"
		     "sign_tls_cert = ca.pem\nsign_tls_key = Root.key\n",
		"sign_tls_key: './Root.key' is not the key of the certificate"},
	    {CONFIG_SERVE, false,
		BASE "sign_listen = 127.0.0.1:0\nsign_tls_ca = strange.pem\n"
		     "sign_tls_cert = ca.pem\nsign_tls_key = Doorman.key\n",
		"sign_tls_cert: './ca.pem' is not signed by its CA"},
	    {CONFIG_SERVE, false, BASE "sign_listen = 127.0.0.1:0\n",
		"sign_tls_ca: cannot read './internal/ca.pem'"},
	    {CONFIG_OCSP, false, BASE "ocsp_root_key = folder\n",
		"ocsp_root_key: './folder' is a directory"},
	    {CONFIG_OCSP, false, BASE "ocsp_doorman_cert =\n",
		"ocsp_doorman_cert: which file?"},
	    {CONFIG_OCSP, false,
		BASE
		"ocsp_doorman_cert = ca.pem\nocsp_doorman_key = text.pem\n",
		"ocsp_doorman_key: './text.pem' holds no PEM private key"},
	    {CONFIG_OCSP, false,
		BASE "ocsp_doorman_cert = ca.pem\n"
		     "ocsp_doorman_key = sealed.key\n",
		"'./sealed.key' is under a passphrase, which a service"},
	    {CONFIG_OCSP, false, BASE "ocsp_index = none/index\n",
		"ocsp_index: there is no directory './none'"},
	};
	struct findings wrong;
	struct config c;

	(void)state;
	write_bytes("c", "u:t\n", 4, 0644);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		write_file("t.conf", rows[i].text);
		findings_init(&wrong, NULL);
		config_examine(&c, "t.conf", rows[i].role, &wrong);
		config_cleanup(&c);
		if (!found(&wrong, rows[i].warning, rows[i].says)) {
			dump(&wrong);
			fail_msg("not: %s", rows[i].says);
		}
	}
	write_file("t.conf", ours);
	findings_init(&wrong, NULL);
	config_examine(&c, "t.conf", CONFIG_SERVE, &wrong);
	config_cleanup(&c);
	dump(&wrong);
	assert_int_equal(wrong.num, 0);
}

static void
all_mistakes_are_said(void **state)
{
	static const char *const want[] = {
	    "t.conf:2: unknown key 'nonsense'",
	    "t.conf:3: sign_idle_sec: 'x' is not a number",
	    "t.conf: public_url: 'http://a/b'",
	    "t.conf: sign_uids: '-1'",
	    "t.conf: http_listen: 'x'",
	    "t.conf: root_cert: ",
	    "t.conf: doorman_cert: ",
	    "t.conf: database: ",
	};
	struct findings wrong;
	struct fault f = {""};
	struct config c;

	(void)state;
	write_file("t.conf",
	    "public_url = http://a/b\nnonsense = 1\nsign_idle_sec = x\n"
	    "sign_uids = -1\nhttp_listen = x\ndatabase = none\n");
	findings_init(&wrong, NULL);
	config_examine(&c, "t.conf", CONFIG_SERVE, &wrong);
	config_cleanup(&c);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		if (!found(&wrong, false, want[i])) {
			dump(&wrong);
			fail_msg("not: %s", want[i]);
		}
	assert_int_equal(wrong.num, sizeof(want) / sizeof(want[0]));
	assert_int_equal(findings_fault(&wrong, &f), -1);
	assert_non_null(strstr(f.msg, "(and 7 more"));
	/* More than there is room for are counted. */
	findings_init(&wrong, NULL);
	for (int i = 0; i < FINDINGS_MAX + 5; i++)
		findings_error(&wrong, "number %d", i);
	assert_int_equal(wrong.num, FINDINGS_MAX);
	assert_int_equal(wrong.num_errors, FINDINGS_MAX + 5);
	/* Errors that did not fit behind warnings are errors. */
	findings_init(&wrong, NULL);
	for (int i = 0; i < FINDINGS_MAX; i++)
		findings_warning(&wrong, "warning %d", i);
	assert_int_equal(findings_fault(&wrong, &f), 0);
	findings_error(&wrong, "late");
	assert_int_equal(findings_fault(&wrong, &f), -1);
}

#define SIGN "service = unix:/s\npublic_url = http://a\n"
#define CAS  "root_cert = root.pem\ndoorman_cert = ca.pem\n"
#define KEYS "root_key = file:Root.key\ndoorman_key = file:Doorman.key\n"

static void
the_signers_is_sensible_too(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
	    {SIGN CAS KEYS, NULL},
	    {"service = s\npublic_url = http://a\n" CAS KEYS,
		"neither unix:PATH nor tls:HOST:PORT"},
	    {"service = unix:\npublic_url = http://a\n" CAS KEYS,
		"unix: which socket?"},
	    {"service = unix:/" X100 X100 "\npublic_url = http://a\n" CAS KEYS,
		"is longer than"},
	    {"service = tls:host\npublic_url = http://a\n" CAS KEYS,
		"tls:HOST:PORT"},
	    {"service = tls:host:0\npublic_url = http://a\n" CAS KEYS,
		"tls:HOST:PORT"},
	    {"service = tls:host:99999\npublic_url = http://a\n" CAS KEYS,
		"tls:HOST:PORT"},
	    {"service = unix:/s\npublic_url = http://a/\n" CAS KEYS,
		"public_url: 'http://a/'"},
	    {SIGN CAS KEYS "ocsp_url = https://a\n", "ocsp_url: 'https://a'"},
	    {SIGN CAS KEYS "ocsp_url = http://a/ocsp\n", NULL},
	    {SIGN CAS KEYS "delta = maybe\n", "neither yes nor no"},
	    {SIGN CAS KEYS "doorman_next_update_min = 0\n", "is not a number"},
	    {SIGN CAS KEYS "doorman_next_update_min = 1d\n", "is not a number"},
	    {SIGN CAS KEYS "public_ulr = x\n", "did you mean 'public_url'?"},
	    {SIGN CAS "root_key = Root.key\ndoorman_key = file:Doorman.key\n",
		"is neither file:PATH nor pkcs11:"},
	    {SIGN CAS
		"root_key = file:none.key\ndoorman_key = file:Doorman.key\n",
		"root_key: cannot read './none.key'"},
	    {SIGN CAS
		"root_key = file:Root.key\ndoorman_key = file:sealed.key\n",
		NULL},
	    {SIGN CAS "root_key = file:Root.key\ndoorman_key = file:text.pem\n",
		"doorman_key: './text.pem' holds no PEM private key"},
	    {SIGN CAS
		"root_key = file:Doorman.key\ndoorman_key = file:Root.key\n",
		"root_key: './Doorman.key' is not the key of the certificate"},
	    {SIGN CAS "root_key = file:Root.key\ndoorman_key = file:Root.key\n",
		"are the same key"},
	    {SIGN CAS "root_key = pkcs11:module=/none.so;token=t;object=o\n"
		      "doorman_key = file:Doorman.key\n",
		"root_key: cannot read '/none.so'"},
	    {SIGN CAS
		"root_key = pkcs11:token=t\ndoorman_key = file:Doorman.key\n",
		"root_key: "},
	    {SIGN KEYS "root_cert = root.pem\ndoorman_cert = over.pem\n",
		"doorman_cert: './over.pem' has expired"},
	    {SIGN KEYS "root_cert = strange.pem\ndoorman_cert = ca.pem\n",
		"is not signed by"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct findings wrong;
		struct sign_config c;

		write_file("s.conf", rows[i].text);
		findings_init(&wrong, NULL);
		assert_int_equal(sign_config_examine(&c, "s.conf", &wrong), 0);
		wrong.where = "s.conf";
		sign_config_check_files(&c, &wrong);
		if (rows[i].says == NULL
			? wrong.num_errors > 0
			: !found(&wrong, false, rows[i].says)) {
			dump(&wrong);
			fail_msg("not %s: %s", rows[i].says, rows[i].text);
		}
	}
}

static void
what_was_meant_is_guessed(void **state)
{
	static const struct {
		const char *wrong, *meant;
	} rows[] = {
	    {"serv", "serve"},
	    {"sevre", "serve"},
	    {"nmae", "name"},
	    {"note", "note"},
	    {"x", NULL},
	    {"", NULL},
	    {"something else", NULL},
	    {X100, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nearest n;
		const char *word;

		nearest_init(&n, rows[i].wrong);
		nearest_offer(&n, "note");
		nearest_offer(&n, "name");
		nearest_offer(&n, "serve");
		word = nearest_word(&n);
		if (rows[i].meant == NULL
			? word != NULL
			: word == NULL || strcmp(word, rows[i].meant) != 0)
			fail_msg("'%s': '%s'", rows[i].wrong,
			    word != NULL ? word : "nothing");
	}
}

/* The rows of a table of the README, up to the next heading. */
static char *
readme_table(const char *heading)
{
	char path[4096], *text, *from, *end;
	struct buf whole;
	struct fault f;

	snprintf(path, sizeof(path), "%s/fixtures/doorman/README.md",
	    getenv("TOP") != NULL ? getenv("TOP") : ".");
	if (buf_read_file(&whole, path, 1u << 20, &f) != 0)
		fail_msg("%s", f.msg);
	from = strstr(buf_str(&whole), heading);
	if (from == NULL)
		fail_msg("no '%s'", heading);
	end = strstr(from + 3, "\n## ");
	text = strndup(from, end != NULL ? (size_t)(end - from) : SIZE_MAX);
	buf_free(&whole);
	return text;
}

static void
keys_are_in_the_readme(void **state)
{
	size_t num;

	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct conf_key *keys =
		    i == 0 ? config_keys(&num) : sign_config_keys(&num);
		char *table = readme_table(
		    i == 0 ? "\n## doorman.conf" : "\n## sign.conf");
		char *rows = strstr(table, "\n|---");

		assert_non_null(rows);
		for (size_t k = 0; k < num; k++) {
			char name[80];

			snprintf(name, sizeof(name), "`%s`", keys[k].name);
			if (strstr(rows, name) == NULL)
				fail_msg("the README has no row for %s", name);
		}
		free(table);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_are_keys_and_values),
	    cmocka_unit_test(values_are_sensible),
	    cmocka_unit_test(who_may_sign),
	    cmocka_unit_test(urls_are_where_the_world_looks),
	    cmocka_unit_test(files_are_what_they_should_be),
	    cmocka_unit_test(all_mistakes_are_said),
	    cmocka_unit_test(the_signers_is_sensible_too),
	    cmocka_unit_test(what_was_meant_is_guessed),
	    cmocka_unit_test(keys_are_in_the_readme),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
