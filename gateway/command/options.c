/* options: see the header. */
#include "gateway/command/options.h"

#include <getopt.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <sqlite3.h>

#include "gateway/base/nearest.h"
#include "revcheck/revcheck.h"

enum {
	OPT_CHECK_CONFIG = 256,
	OPT_CHECK_STATE,
	OPT_REST_FINGERPRINT,
	OPT_CONFIG_SCHEMA,
	OPT_HASH_PASSWORD,
	OPT_INIT,
	OPT_FLEET_CHECK,
	OPT_FLEET_CREATE,
	OPT_FLEET_ADOPT,
	OPT_FLEET_EXPORT,
	OPT_FLEET_IMPORT,
	OPT_DEMO_PKI,
	OPT_LISTEN,
	OPT_NODE,
	OPT_CERT,
	OPT_KEY,
	OPT_ANCHORS,
	OPT_CRL,
	OPT_MODE,
	OPT_STATE_DIR,
	OPT_ALLOW_CN,
	OPT_ALLOW_OU,
	OPT_ALLOW_DNS,
	OPT_ALLOW_URI
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"check-config", no_argument, NULL, OPT_CHECK_CONFIG},
    {"check-state", required_argument, NULL, OPT_CHECK_STATE},
    {"rest-fingerprint", no_argument, NULL, OPT_REST_FINGERPRINT},
    {"config-schema", no_argument, NULL, OPT_CONFIG_SCHEMA},
    {"hash-password", no_argument, NULL, OPT_HASH_PASSWORD},
    {"init", required_argument, NULL, OPT_INIT},
    {"fleet-check", no_argument, NULL, OPT_FLEET_CHECK},
    {"fleet-create", no_argument, NULL, OPT_FLEET_CREATE},
    {"fleet-adopt", no_argument, NULL, OPT_FLEET_ADOPT},
    {"fleet-export", required_argument, NULL, OPT_FLEET_EXPORT},
    {"fleet-import", required_argument, NULL, OPT_FLEET_IMPORT},
    {"demo-pki", no_argument, NULL, OPT_DEMO_PKI},
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"node", required_argument, NULL, OPT_NODE},
    {"cert", required_argument, NULL, OPT_CERT},
    {"key", required_argument, NULL, OPT_KEY},
    {"anchors", required_argument, NULL, OPT_ANCHORS},
    {"crl", required_argument, NULL, OPT_CRL},
    {"mode", required_argument, NULL, OPT_MODE},
    {"state-dir", required_argument, NULL, OPT_STATE_DIR},
    {"allow-cn", required_argument, NULL, OPT_ALLOW_CN},
    {"allow-ou", required_argument, NULL, OPT_ALLOW_OU},
    {"allow-dns", required_argument, NULL, OPT_ALLOW_DNS},
    {"allow-uri", required_argument, NULL, OPT_ALLOW_URI},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

void
options_usage(FILE *out)
{
	fputs("usage: p2p-gateway --config FILE [--check-config]\n"
	      "       p2p-gateway --listen ADDRESS:PORT --node HOST:PORT "
	      "--cert FILE [--key FILE]\n"
	      "                   --anchors FILE [--crl PATH] [--mode MODE] "
	      "[--state-dir "
	      "DIR]\n"
	      "                   [--allow-cn NAME] ... [--check-config]\n"
	      "       p2p-gateway --init DIR [--demo-pki] [--listen ...] "
	      "[--node ...] ...\n"
	      "       p2p-gateway --config-schema\n"
	      "       p2p-gateway --config FILE --rest-fingerprint\n"
	      "       p2p-gateway --check-state FILE\n"
	      "       p2p-gateway --config FILE --fleet-check|--fleet-create|"
	      "--fleet-adopt\n"
	      "       p2p-gateway --config FILE --fleet-export|--fleet-import "
	      "FILE\n"
	      "       p2p-gateway --hash-password\n"
	      "       p2p-gateway --version\n"
	      "A TLS front for a peer-to-peer node that checks every "
	      "certificate for revocation.\n"
	      "\n"
	      "  --config FILE      all that it does; see p2p-gateway.conf(5)\n"
	      "  --listen, --node   where peers connect, where their traffic "
	      "goes; several times\n"
	      "  --cert, --key      the gateway's certificate chain and key, "
	      "PEM; one file may\n"
	      "                     hold both\n"
	      "  --anchors FILE     the CAs that vouch for peers, PEM\n"
	      "  --crl PATH         a CRL, or a directory of them; several "
	      "times\n"
	      "  --mode MODE        HARD_FAIL, SOFT_FAIL or OFF\n"
	      "  --allow-cn, --allow-ou, --allow-dns, --allow-uri NAME\n"
	      "                     only peers with one of these names come "
	      "in; several times\n"
	      "  --init DIR         make a directory with an example to start "
	      "from; --demo-pki\n"
	      "                     also with a private CA, a peer and a "
	      "revoked peer\n"
	      "  --check-config     say whether it would start, and do not\n"
	      "  --config-schema    the JSON Schema of the file\n"
	      "  --hash-password    read a password, print its "
	      "password_hash\n"
	      "  --rest-fingerprint the SHA-256 of the certificate that REST "
	      "shows\n"
	      "  --check-state FILE look through a state.db for damage\n"
	      "  --fleet-check      try the engine of the file's fleet, say "
	      "what is wrong\n"
	      "  --fleet-create     make that fleet, of what is stored here\n"
	      "  --fleet-adopt      follow the fleet that is there, in place "
	      "of the one known\n"
	      "  --fleet-export, --fleet-import FILE\n"
	      "                     a sealed copy of what is known of the "
	      "fleet: a backup, and\n"
	      "                     the start of a machine while its engine "
	      "is down\n"
	      "See p2p-gateway(8).\n",
	    out);
}

void
options_version(FILE *out)
{
	fprintf(out, "p2p-gateway %s\n", REVCHECK_VERSION);
	fprintf(out, "%s\n", OpenSSL_version(OPENSSL_VERSION));
	fprintf(out, "%s\n", curl_version());
	fprintf(out, "libevent/%s cJSON/%s SQLite/%s\n", event_get_version(),
	    cJSON_Version(), sqlite3_libversion());
}

static bool
wrong(const char *what, const char *value)
{
	fprintf(stderr, "p2p-gateway: %s%s\n", what, value);
	fputs("p2p-gateway --help says what there is\n", stderr);
	return false;
}

/* An option that there is not, or one without its value. */
static bool
not_an_option(const char *word)
{
	struct nearest n;
	char name[NEAREST_MAX_LEN + 1];
	size_t len = strncmp(word, "--", 2) == 0 ? strcspn(word + 2, "=") : 0;

	if (len == 0 || len > NEAREST_MAX_LEN)
		return wrong("no such option: ", word);
	snprintf(name, sizeof(name), "%.*s", (int)len, word + 2);
	n = (struct nearest){.word = name};
	for (const struct option *o = long_options; o->name != NULL; o++)
		nearest_try(&n, o->name);
	if (n.best == NULL)
		return wrong("no such option: ", word);
	if (n.distance == 0)
		fprintf(stderr, "p2p-gateway: --%s %s a value\n", name,
		    strchr(word, '=') != NULL ? "takes not" : "needs");
	else
		fprintf(stderr,
		    "p2p-gateway: no such option: --%s; did you mean "
		    "--%s?\n",
		    name, n.best);
	fputs("p2p-gateway --help says what there is\n", stderr);
	return false;
}

static bool
add_one(const char **list, size_t *num, const char *value)
{
	if (*num == QUICK_ADDRESSES_MAX)
		return wrong("one too many: ", value);
	list[(*num)++] = value;
	return true;
}

static bool
add_rule(struct quick_conf *q, const char *condition)
{
	if (q->num_allow == QUICK_ALLOW_MAX)
		return wrong("one too many: ", optarg);
	q->allow[q->num_allow++] = (struct quick_allow){condition, optarg};
	return true;
}

/* What is asked for, if it is nothing that only adds to it. */
static enum options_action
action_of(int c)
{
	switch (c) {
	case OPT_CHECK_CONFIG:
		return OPTIONS_CHECK_CONFIG;
	case OPT_CHECK_STATE:
		return OPTIONS_CHECK_STATE;
	case OPT_REST_FINGERPRINT:
		return OPTIONS_REST_FINGERPRINT;
	case OPT_CONFIG_SCHEMA:
		return OPTIONS_CONFIG_SCHEMA;
	case OPT_HASH_PASSWORD:
		return OPTIONS_HASH_PASSWORD;
	case OPT_INIT:
		return OPTIONS_INIT;
	case OPT_FLEET_CHECK:
		return OPTIONS_FLEET_CHECK;
	case OPT_FLEET_CREATE:
		return OPTIONS_FLEET_CREATE;
	case OPT_FLEET_ADOPT:
		return OPTIONS_FLEET_ADOPT;
	case OPT_FLEET_EXPORT:
		return OPTIONS_FLEET_EXPORT;
	case OPT_FLEET_IMPORT:
		return OPTIONS_FLEET_IMPORT;
	case 'V':
		return OPTIONS_VERSION;
	default:
		return OPTIONS_RUN;
	}
}

static bool
take(struct options *o, int c)
{
	struct quick_conf *q = &o->quick;
	enum options_action action = action_of(c);

	if (action != OPTIONS_RUN) {
		if (o->action != OPTIONS_RUN && o->action != action)
			return wrong("one thing at a time, please", "");
		o->action = action;
	}
	switch (c) {
	case 'c':
	case OPT_CHECK_STATE:
	case OPT_INIT:
		if (o->path != NULL)
			return wrong("two files or directories: ", optarg);
		o->path = optarg;
		return true;
	case OPT_FLEET_EXPORT:
	case OPT_FLEET_IMPORT:
		o->fleet_file = optarg;
		return true;
	case OPT_DEMO_PKI:
		o->demo_pki = true;
		return true;
	case OPT_LISTEN:
		return add_one(q->listen, &q->num_listen, optarg);
	case OPT_NODE:
		return add_one(q->node, &q->num_node, optarg);
	case OPT_CERT:
		q->cert = optarg;
		return true;
	case OPT_KEY:
		q->key = optarg;
		return true;
	case OPT_ANCHORS:
		q->anchors = optarg;
		return true;
	case OPT_CRL:
		return add_one(q->crl, &q->num_crl, optarg);
	case OPT_MODE:
		q->mode = optarg;
		return true;
	case OPT_STATE_DIR:
		q->state_dir = optarg;
		return true;
	case OPT_ALLOW_CN:
		return add_rule(q, "cn");
	case OPT_ALLOW_OU:
		return add_rule(q, "ou");
	case OPT_ALLOW_DNS:
		return add_rule(q, "dns");
	case OPT_ALLOW_URI:
		return add_rule(q, "uri");
	default:
		return true;
	}
}

/* What does not go together. */
static bool
agrees(const struct options *o)
{
	bool runs = o->action == OPTIONS_RUN ||
	    o->action == OPTIONS_CHECK_CONFIG ||
	    o->action == OPTIONS_REST_FINGERPRINT;
	struct err err;

	if (o->demo_pki && o->action != OPTIONS_INIT)
		return wrong("--demo-pki goes with --init DIR", "");
	if (quick_conf_given(&o->quick) && !runs && o->action != OPTIONS_INIT)
		return wrong("--listen and its like go with --init DIR or with "
			     "nothing else",
		    "");
	if (o->action >= OPTIONS_FLEET_CHECK &&
	    o->action <= OPTIONS_FLEET_IMPORT && o->path == NULL)
		return wrong("--fleet-check and its like go with --config "
			     "FILE",
		    "");
	if (o->demo_pki &&
	    (o->quick.cert != NULL || o->quick.key != NULL ||
		o->quick.anchors != NULL))
		return wrong("--demo-pki makes certificates: --cert, --key and "
			     "--anchors do not go with it",
		    "");
	if (o->quick.num_allow > 0 && o->action == OPTIONS_INIT)
		return wrong("--allow-cn and its like do not go with --init: "
			     "its file takes them as `allow`",
		    "");
	if (!runs)
		return true;
	if (o->path != NULL)
		return quick_conf_given(&o->quick)
		    ? wrong("--config, or --listen and its like, but not both: "
			    "the file has keys for all of them",
			  "")
		    : true;
	if (!quick_conf_given(&o->quick)) {
		options_usage(stderr);
		return false;
	}
	return quick_conf_check(&o->quick, &err) == 0 ? true
						      : wrong(err.msg, "");
}

bool
options_parse(struct options *o, int argc, char **argv)
{
	int c;

	*o = (struct options){.action = OPTIONS_RUN};
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0) {
			o->action = OPTIONS_HELP;
			return true;
		}
	opterr = 0;
	for (;;) {
		int at = optind;

		c = getopt_long(argc, argv, "c:hV", long_options, NULL);
		if (c == -1)
			break;
		if (c == '?')
			return not_an_option(
			    argv[optind > at ? optind - 1 : at]);
		if (!take(o, c))
			return false;
	}
	if (optind < argc)
		return wrong("not an option: ", argv[optind]);
	return agrees(o);
}
