/*
 * proof_key: an officer's key and certificate that never change: seeds are
 * signed in one process and judged in another. PROOF_TIME: when they are.
 */
#ifndef TESTS_DOORMAN_PROOF_KEY_H
#define TESTS_DOORMAN_PROOF_KEY_H

#define PROOF_TIME 1800000000
/* All that was ever signed with it. */
#define PROOF_TEXT                                                  \
	"{\"legalName\":\"O=Alice\",\"reason\":\"KEY_COMPROMISE\"," \
	"\"reporter\":\"me\"}"

static const char proof_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4cIYGsBICiVBNQue\n"
    "MpLbqH2Oyi2/R3TGlXajHYsAZI2hRANCAAQ58ruzagr6kRZVIutDw9SwJREzRaoh\n"
    "GN51o7kIeOZvG9PBhwHKEZyl8kx0r1AGTj4WIQW/c32qxOeMs4CD9qWu\n"
    "-----END PRIVATE KEY-----\n";

static const char proof_cert[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBqTCCAU+gAwIBAgIUckG/QKVK/eDEeQ/4Jaqq1gLG/g8wCgYIKoZIzj0EAwIw\n"
    "KTEMMAoGA1UEAwwDQW5uMQwwCgYDVQQKDANTZWMxCzAJBgNVBAYTAkdCMCAXDTI2\n"
    "MTEzMDEwNDQxMloYDzIxMDkwMTE5MTA0NDEyWjApMQwwCgYDVQQDDANBbm4xDDAK\n"
    "BgNVBAoMA1NlYzELMAkGA1UEBhMCR0IwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n"
    "AAQ58ruzagr6kRZVIutDw9SwJREzRaohGN51o7kIeOZvG9PBhwHKEZyl8kx0r1AG\n"
    "Tj4WIQW/c32qxOeMs4CD9qWuo1MwUTAdBgNVHQ4EFgQUtbo4JFawobofw+TMzTyd\n"
    "f2be8xQwHwYDVR0jBBgwFoAUtbo4JFawobofw+TMzTydf2be8xQwDwYDVR0TAQH/\n"
    "BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAPpxrrxlr1B9Q/auPGvl5Ssk1igy/y\n"
    "oNIXh2L0dKewLAIhAKxfDvhWMInwE9wtf4ac6zA2PBfkoo0JtxbZyUuRBKgY\n"
    "-----END CERTIFICATE-----\n";

#endif
