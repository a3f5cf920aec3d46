/* conf_words: the words that values of keys are, and what they stand for. */
#include <openssl/ssl.h>

#include "gateway/conf/conf.h"
#include "gateway/conf/conf_rows.h"

const struct conf_word conf_mode_words[] = {{"OFF", REVCHECK_MODE_OFF},
    {"SOFT_FAIL", REVCHECK_MODE_SOFT_FAIL},
    {"HARD_FAIL", REVCHECK_MODE_HARD_FAIL}, {"ON", REVCHECK_MODE_SOFT_FAIL},
    {NULL, 0}};
const struct conf_word conf_order_words[] = {
    {"OCSP_CRL", REVCHECK_ORDER_OCSP_CRL},
    {"CRL_OCSP", REVCHECK_ORDER_CRL_OCSP}, {"OCSP", REVCHECK_ORDER_OCSP},
    {"CRL", REVCHECK_ORDER_CRL}, {"ALL", REVCHECK_ORDER_ALL}, {NULL, 0}};
const struct conf_word conf_nonce_words[] = {{"OFF", REVCHECK_NONCE_OFF},
    {"OPTIONAL", REVCHECK_NONCE_OPTIONAL},
    {"REQUIRED", REVCHECK_NONCE_REQUIRED}, {NULL, 0}};
const struct conf_word conf_relax_words[] = {
    {"CRL_VERSION", REVCHECK_RELAX_CRL_VERSION},
    {"EMPTY_REVOKED", REVCHECK_RELAX_EMPTY_REVOKED},
    {"EMPTY_IDP", REVCHECK_RELAX_EMPTY_IDP},
    {"TRAILING", REVCHECK_RELAX_TRAILING},
    {"NO_CRLSIGN", REVCHECK_RELAX_NO_CRLSIGN},
    {"SERIAL_PADDING", REVCHECK_RELAX_SERIAL_PADDING},
    {"CRL_DATES", REVCHECK_RELAX_CRL_DATES},
    {"CRL_EXTENSIONS", REVCHECK_RELAX_CRL_EXTENSIONS},
    {"STRICT_EMPTY_REVOKED", REVCHECK_STRICT_EMPTY_REVOKED}, {NULL, 0}};
const struct conf_word conf_proxy_words[] = {
    {"off", CONF_PROXY_OFF}, {"v2", CONF_PROXY_V2}, {NULL, 0}};
const struct conf_word conf_profile_words[] = {
    {"corda", CONF_HTTP_CORDA}, {"any", CONF_HTTP_ANY}, {NULL, 0}};
const struct conf_word conf_version_words[] = {
    {"1.2", TLS1_2_VERSION}, {"1.3", TLS1_3_VERSION}, {NULL, 0}};
const struct conf_word conf_type_words[] = {
    {"MUTUAL", CONF_TLS_MUTUAL}, {"ONE_WAY", CONF_TLS_ONE_WAY}, {NULL, 0}};
const struct conf_word conf_format_words[] = {
    {"text", CONF_LOG_TEXT}, {"json", CONF_LOG_JSON}, {NULL, 0}};
const struct conf_word conf_level_words[] = {{"error", LOG_LEVEL_ERROR},
    {"warn", LOG_LEVEL_WARN}, {"info", LOG_LEVEL_INFO},
    {"debug", LOG_LEVEL_DEBUG}, {NULL, 0}};
const struct conf_word conf_peer_words[] = {{"nginx", CONF_PEER_NGINX},
    {"envoy", CONF_PEER_ENVOY}, {"traefik", CONF_PEER_TRAEFIK},
    {"rfc9440", CONF_PEER_RFC9440}, {NULL, 0}};
const struct conf_word conf_share_words[] = {{"config", CONF_SHARE_CONFIG},
    {"denylist", CONF_SHARE_DENYLIST}, {"subjects", CONF_SHARE_SUBJECTS},
    {"holdings", CONF_SHARE_HOLDINGS}, {"revocations", CONF_SHARE_REVOCATIONS},
    {"evidence", CONF_SHARE_EVIDENCE}, {"sessions", CONF_SHARE_SESSIONS},
    {"keys", CONF_SHARE_KEYS}, {NULL, 0}};
const struct conf_word conf_key_categories[] = {{"ACCOUNTS", 1 << 0},
    {"CI", 1 << 1}, {"LEDGER", 1 << 2}, {"NOTARY", 1 << 3},
    {"PRE_AUTH", 1 << 4}, {"SESSION_INIT", 1 << 5}, {"TLS", 1 << 6},
    {"JWT_KEY", 1 << 7}, {NULL, 0}};
