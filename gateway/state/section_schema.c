/*
 * section_schema: the sections and their keys, as data. Names, ranges and
 * defaults of the two corda sections are those their clients send.
 */
#include "gateway/state/section_store.h"

#define MS_MIN 500
#define ANY    INT32_MAX

/* clang-format off */
#define INTEGER(n, lo, hi, d, f, h) \
	{.type = SCHEMA_INTEGER, .name = n, .min = lo, .max = hi, .dflt = d, \
	 .flags = f, .help = h}
#define BOOLEAN(n, d, f, h) \
	{.type = SCHEMA_BOOLEAN, .name = n, .dflt = d, .flags = f, .help = h}
#define OBJECT(n, f, m, h) \
	{.type = SCHEMA_OBJECT, .name = n, .members = m, .flags = f, .help = h}
#define WORD(n, w, d, f, h) \
	{.type = SCHEMA_ENUM, .name = n, .words = w, .dflt = d, .flags = f, \
	 .help = h}
#define STRING(n, lo, hi, p, d, f, h) \
	{.type = SCHEMA_STRING, .name = n, .min = lo, .max = hi, \
	 .pattern = p, .dflt = d, .flags = f, .help = h}
#define ARRAY(n, lo, hi, m, f, h) \
	{.type = SCHEMA_ARRAY, .name = n, .min = lo, .max = hi, .members = m, \
	 .flags = f, .help = h}
#define END {.type = SCHEMA_END}
#define NOTHING SCHEMA_NO_EFFECT
#define LINK_ONLY "used by a link manager; no effect in this gateway"

static const char *const mode_words[] = {
	"OFF", "SOFT_FAIL", "HARD_FAIL", "ON", NULL};

/* Corda.p2p.linkManager. */

static const struct json_schema constant_members[] = {
	INTEGER("messageReplayPeriod", MS_MIN, ANY, "2000", NOTHING, LINK_ONLY),
	END};
static const struct json_schema backoff_members[] = {
	INTEGER("baseReplayPeriod", MS_MIN, ANY, "2000", NOTHING, LINK_ONLY),
	INTEGER("replayPeriodCutoff", MS_MIN, ANY, "10000", NOTHING, LINK_ONLY),
	END};
static const struct json_schema replay_members[] = {
	OBJECT("constant", NOTHING, constant_members, LINK_ONLY),
	OBJECT("exponentialBackoff", NOTHING, backoff_members, LINK_ONLY),
	END};
static const struct json_schema session_watch_members[] = {
	INTEGER("forMgm", 1, ANY, "1", NOTHING, LINK_ONLY),
	INTEGER("forMembers", 1, ANY, "2", NOTHING, LINK_ONLY),
	END};
static const struct json_schema link_mode_members[] = {
	WORD("mode", mode_words, "\"SOFT_FAIL\"", SCHEMA_ANY_CASE,
	    "revocation mode of all checks, session and TLS; ON is SOFT_FAIL"),
	END};
static const struct json_schema cache_members[] = {
	INTEGER("inboundSessionsCacheSize", 1, ANY, "10000", NOTHING,
	    LINK_ONLY),
	INTEGER("outboundSessionsCacheSize", 1, ANY, "10000", NOTHING,
	    LINK_ONLY),
	END};
static const struct json_schema tracker_members[] = {
	INTEGER("maxCacheSizeMegabytes", 1, ANY, "100", NOTHING, LINK_ONLY),
	INTEGER("maxCacheOffsetAge", 1, ANY, "50000", NOTHING, LINK_ONLY),
	INTEGER("maxNumberOfPersistenceRetries", 0, ANY, "3", NOTHING,
	    LINK_ONLY),
	INTEGER("statePersistencePeriodSeconds", 1, ANY, "1", NOTHING,
	    LINK_ONLY),
	INTEGER("outboundBatchProcessingTimeoutSeconds", 1, ANY, "30", NOTHING,
	    LINK_ONLY),
	END};
static const struct json_schema link_manager_members[] = {
	INTEGER("maxMessageSize", 1000, ANY, "1000000", NOTHING, LINK_ONLY),
	OBJECT("replayAlgorithm", NOTHING | SCHEMA_ONE_OF | SCHEMA_STRICT,
	    replay_members, LINK_ONLY),
	INTEGER("maxReplayingMessages", 1, ANY, "100", NOTHING, LINK_ONLY),
	BOOLEAN("heartbeatEnabled", "true", NOTHING, LINK_ONLY),
	INTEGER("heartbeatMessagePeriod", MS_MIN, ANY, "2000", NOTHING,
	    LINK_ONLY),
	INTEGER("sessionTimeout", MS_MIN, ANY, "60000", NOTHING, LINK_ONLY),
	INTEGER("sessionsPerPeer", 1, ANY, "null", NOTHING | SCHEMA_NULLABLE,
	    LINK_ONLY),
	OBJECT("numOfSessionsPerPeer", NOTHING, session_watch_members, LINK_ONLY),
	OBJECT("revocationCheck", 0, link_mode_members,
	    "whether and how strictly certificates are checked"),
	INTEGER("sessionRefreshThreshold", 0, 432000, "432000", NOTHING,
	    LINK_ONLY),
	OBJECT("sessionCache", NOTHING, cache_members, LINK_ONLY),
	OBJECT("deliveryTracker", NOTHING, tracker_members, LINK_ONLY),
	END};

/* Corda.p2p.gateway. */

static const struct json_schema server_members[] = {
	STRING("hostAddress", 1, 253, NULL, "\"0.0.0.0\"", NOTHING,
	    "kept; where the gateway listens is in its bootstrap file"),
	INTEGER("hostPort", 0, 65535, "8080", 0,
	    "in HTTP mode, the listener that serves urlPath, if one has this "
	    "port; if none has, all do. Where the gateway listens is in its "
	    "bootstrap file"),
	STRING("urlPath", 0, 0, "^/[/.a-zA-Z0-9-]*$", "\"/\"", 0,
	    "path served in HTTP mode; entries for one listener add up"),
	END};
static const struct json_schema server_item = OBJECT(NULL, 0, server_members, NULL);
static const char *const tls_words[] = {"ONE_WAY", "MUTUAL", NULL};
static const struct json_schema tls_mode_members[] = {
	WORD("mode", mode_words, "\"SOFT_FAIL\"", SCHEMA_ANY_CASE,
	    "mode for TLS alone; while it is not set, that of "
	    "corda.p2p.linkManager"),
	END};
static const struct json_schema ssl_members[] = {
	WORD("tlsType", tls_words, "\"ONE_WAY\"", SCHEMA_ANY_CASE,
	    "whether peers must show a certificate; until this section is "
	    "set, the bootstrap file decides"),
	OBJECT("revocationCheck", 0, tls_mode_members,
	    "revocation checks inside the TLS handshake"),
	END};
static const struct json_schema connection_members[] = {
	INTEGER("maxClientConnections", 1, 10000, "100", NOTHING, LINK_ONLY),
	INTEGER("acquireTimeout", 1, 3000, "10", NOTHING, LINK_ONLY),
	INTEGER("connectionIdleTimeout", 1, 3000, "60", 0,
	    "in HTTP mode, how long a connection to the node is kept between "
	    "requests, seconds; until it is set, the bootstrap file decides"),
	INTEGER("responseTimeout", 100, 10000, "3000", 0,
	    "in HTTP mode, how long the node may take to answer, ms; until "
	    "it is set, the bootstrap file decides"),
	INTEGER("retryDelay", 100, 10000, "2000", NOTHING, LINK_ONLY),
	INTEGER("initialReconnectionDelay", 1, 3000, "1", NOTHING, LINK_ONLY),
	INTEGER("maxReconnectionDelay", 1, 3000, "16", NOTHING, LINK_ONLY),
	END};
static const struct json_schema gateway_members[] = {
	ARRAY("serversConfiguration", 1, 1000, &server_item, 0,
	    "HTTP servers of the gateway"),
	OBJECT("sslConfig", 0, ssl_members, "TLS towards peers"),
	INTEGER("maxRequestSize", 10000000, 1LL << 40, "500000000", 0,
	    "largest request body in HTTP mode, bytes"),
	OBJECT("connectionConfig", SCHEMA_STRICT, connection_members,
	    "HTTP client connections"),
	END};

/* Revcheck. */

static const char *const order_words[] = {
	"OCSP_CRL", "CRL_OCSP", "OCSP", "CRL", "ALL", NULL};
static const char *const nonce_words[] = {
	"OFF", "OPTIONAL", "REQUIRED", NULL};
static const char *const relax_words[] = {
	"CRL_VERSION", "EMPTY_REVOKED", "EMPTY_IDP", "TRAILING", "NO_CRLSIGN",
	"SERIAL_PADDING", NULL};
static const struct json_schema relax_item = WORD(NULL, relax_words, NULL,
    SCHEMA_ANY_CASE, NULL);
static const struct json_schema text_item = STRING(NULL, 1, 2048, NULL, NULL, 0,
    NULL);
static const struct json_schema port_item = INTEGER(NULL, 1, 65535, NULL, 0, NULL);
static const struct json_schema issuer_members[] = {
	STRING("ski", 0, 0, "^([0-9a-fA-F]{2}:?)+$", NULL, SCHEMA_REQUIRED,
	    "subjectKeyIdentifier of the issuing CA, hexadecimal"),
	WORD("mode", mode_words, NULL, SCHEMA_ANY_CASE,
	    "instead of the mode in force"),
	BOOLEAN("exempt", "false", 0, "certificates of this CA are not asked "
	    "about"),
	ARRAY("ocspUrls", 1, 16, &text_item, 0,
	    "responders instead of those the certificates name"),
	ARRAY("crlUrls", 1, 16, &text_item, 0,
	    "CRLs besides those the certificates name"),
	STRING("ocspSigner", 1, 65536, NULL, NULL, 0,
	    "PEM of the one certificate that may sign OCSP responses"),
	END};
static const struct json_schema issuer_item = OBJECT(NULL, SCHEMA_STRICT,
    issuer_members, NULL);
static const struct json_schema recheck_members[] = {
	INTEGER("graceMs", 0, 3600000, "0", 0,
	    "time a live connection keeps after its peer is refused"),
	INTEGER("jitterMs", 0, 3600000, "0", 0,
	    "closing is spread over so long"),
	END};
static const struct json_schema own_members[] = {
	INTEGER("warnDays", 0, 3650, "30", 0,
	    "days before its end at which a certificate of our own is warned "
	    "about; 0: never"),
	INTEGER("errorDays", 0, 3650, "7", 0,
	    "likewise as an error; not more than warnDays"),
	BOOLEAN("staple", "true", 0,
	    "give clients that ask an OCSP response for our certificate"),
	END};
static const struct json_schema limit_members[] = {
	INTEGER("connectTimeoutMs", 1, 3600000, "2000", SCHEMA_RESTART,
	    "connecting to a responder or CRL server"),
	INTEGER("fetchTimeoutMs", 1, 3600000, "4000", SCHEMA_RESTART,
	    "one OCSP exchange"),
	INTEGER("crlTimeoutMs", 1, 3600000, "60000", SCHEMA_RESTART,
	    "one CRL download"),
	INTEGER("maxCrlBytes", 1, 1LL << 40, "134217728", SCHEMA_RESTART,
	    "largest CRL"),
	INTEGER("maxCrlEntries", 1, 1LL << 32, "10000000", SCHEMA_RESTART,
	    "entries of the largest CRL"),
	INTEGER("maxOcspBytes", 1, 16777216, "65536", SCHEMA_RESTART,
	    "largest OCSP response"),
	INTEGER("memoryBytes", 1, 1LL << 44, "536870912", SCHEMA_RESTART,
	    "evidence kept in memory"),
	INTEGER("maxRequests", 1, 10000000, "10000", SCHEMA_RESTART,
	    "questions pending at once"),
	END};
static const struct json_schema address_members[] = {
	ARRAY("allow", 0, 1000, &text_item, SCHEMA_RESTART,
	    "addresses, networks or names that may be fetched from though "
	    "they are refused by default"),
	BOOLEAN("refusePrivate", "false", SCHEMA_RESTART,
	    "refuse private address ranges too"),
	ARRAY("ports", 1, 64, &port_item, SCHEMA_RESTART,
	    "ports that may be fetched from; 80 and 443 when not set"),
	BOOLEAN("anyPort", "false", SCHEMA_RESTART, "allow every port"),
	END};
static const struct json_schema revcheck_members[] = {
	WORD("order", order_words, "\"OCSP_CRL\"", SCHEMA_ANY_CASE,
	    "which evidence is asked for first"),
	WORD("nonce", nonce_words, "\"OFF\"", SCHEMA_ANY_CASE,
	    "nonce in OCSP requests"),
	INTEGER("clockSkewSeconds", 0, 86400, "300", 0,
	    "difference of clocks that is tolerated"),
	INTEGER("maxAgeSeconds", 0, ANY, "0", 0,
	    "evidence is stale so long after thisUpdate; 0: only nextUpdate "
	    "counts"),
	INTEGER("noNextUpdateSeconds", 1, ANY, "86400", 0,
	    "how long evidence without nextUpdate is good for"),
	INTEGER("deadlineMs", 1, 3600000, "5000", 0,
	    "a whole check; must be shorter than the handshake timeout"),
	INTEGER("securityLevel", 0, 5, "1", 0,
	    "OpenSSL's security level for paths, TLS and evidence"),
	ARRAY("relax", 0, 6, &relax_item, 0,
	    "rules that may be bent for CAs that break the profile"),
	BOOLEAN("shadowMode", "false", 0,
	    "under SOFT_FAIL, count and log what HARD_FAIL would refuse"),
	INTEGER("softFailWindowSeconds", 0, ANY, "0", 0,
	    "SOFT_FAIL stops being soft after so long without evidence for an "
	    "issuer; 0: never"),
	INTEGER("warmUpMs", 0, 3600000, "10000", 0,
	    "after a switch to HARD_FAIL evidence is fetched for so long, at "
	    "most, before what is not determined is refused; 0: at once"),
	OBJECT("recheck", SCHEMA_STRICT, recheck_members,
	    "live connections after a change for the worse"),
	OBJECT("ownCertificates", SCHEMA_STRICT, own_members,
	    "the certificates that the gateway itself presents"),
	ARRAY("issuers", 0, 10000, &issuer_item, 0,
	    "what is different for one CA"),
	OBJECT("limits", SCHEMA_STRICT, limit_members, "fetching and keeping"),
	OBJECT("addresses", SCHEMA_STRICT, address_members,
	    "where evidence may be fetched from"),
	END};

const struct json_schema section_schemas[SECTION_NUM] = {
	[SECTION_LINK_MANAGER] = OBJECT("corda.p2p.linkManager",
	    SCHEMA_STRICT, link_manager_members,
	    "session certificates, and the one switch for revocation checks"),
	[SECTION_GATEWAY] = OBJECT("corda.p2p.gateway", SCHEMA_STRICT,
	    gateway_members, "the gateway towards peers"),
	[SECTION_REVCHECK] = OBJECT("revcheck", SCHEMA_STRICT,
	    revcheck_members, "how revocation is checked")};
/* clang-format on */
