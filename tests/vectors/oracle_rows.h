/*
 * oracle_rows: where OpenSSL's verification answers a row otherwise than the
 * row says, what it answers, and why the row stands.
 */
#ifndef TESTS_VECTORS_ORACLE_ROWS_H
#define TESTS_VECTORS_ORACLE_ROWS_H

struct oracle_row {
	const char *name;
	const char *openssl; /* good, revoked, unknown */
};

static const struct oracle_row oracle_rows[] = {
    /*
     * It stops at the expired CRL (error 12) before it looks for the
     * serial; listed is revoked.
     */
    {"next_update_passed_listed", "unknown"},
    {"next_update_passed_on_hold", "unknown"},
    {"next_update_pre2000_listed", "unknown"},
    {"expired_base_lists_current_delta", "unknown"},
    /*
     * It allows no clock skew; we allow 300 s by default.
     */
    {"within_skew_future", "unknown"},
    {"within_skew_past", "unknown"},
    {"hold_released_within_the_skew", "revoked"},
    /*
     * It takes a CRL without nextUpdate for ever; RFC 5280 5.1.2.5 wants
     * one, and we give it an age.
     */
    {"next_update_missing_old", "good"},
    /*
     * It picks one CRL, by thisUpdate alone, first of equals; an entry is
     * not removed before the certificate expires (5), and numbers increase
     * (5.2.3).
     */
    {"stale_lists_fresh_does_not", "good"},
    {"lower_number_later_date_does_not_hide_listing", "good"},
    {"same_date_second_lists", "good"},
    {"twenty_crls", "good"},
    {"hold_not_released_by_lower_number", "good"},
    {"hold_not_released_by_same_number", "good"},
    {"hold_not_released_by_other_scope", "good"},
    {"hold_not_released_by_silence_about_holds", "good"},
    {"hold_with_unknown_critical_extension_not_released", "good"},
    {"hold_released_by_other_signer_in_good_standing", "revoked"},
    {"sixteen_crls", "good"},
    {"seventeen_crls", "good"},
    {"eighteen_crls", "good"},
    {"named_twice_hold_as_own_key_by_issuer", "good"},
    {"named_twice_key_as_own_hold_by_issuer", "good"},
    /*
     * removeFromCRL means something in a delta only (5.3.1); it takes the
     * entry for none.
     */
    {"remove_from_crl_in_complete_crl", "good"},
    /*
     * It does not check the version against extensions (5.1.2.1).
     */
    {"version_1_explicit", "good"},
    {"version_3", "good"},
    {"version_1_with_extensions", "good"},
    {"version_1_with_entry_extensions", "good"},
    /*
     * What cannot be read as a whole it does not read at all; what an
     * authentic CRL lists is revoked, flaws of form or not.
     */
    {"serial_padded_entry_listed", "unknown"},
    {"serial_padded_elsewhere_listed", "unknown"},
    {"next_before_this_listed", "unknown"},
    {"next_update_fraction_listed", "unknown"},
    {"this_update_offset_listed", "unknown"},
    {"this_update_unreadable_listed", "unknown"},
    {"entry_date_no_date_listed", "unknown"},
    {"entry_rest_listed", "unknown"},
    {"entry_extension_unreadable_listed", "unknown"},
    {"extension_unreadable_listed", "unknown"},
    {"idp_of_two_kinds_but_listed", "unknown"},
    /*
     * Fractions of a second are cut off.
     */
    {"this_update_fraction", "unknown"},
    /*
     * Malformed or forbidden extensions are ignored by it; 5.2.3, 5.2.4,
     * 5.2.6, 5.3.1 say what they are made of.
     */
    {"crl_number_21_octets", "good"},
    {"crl_number_negative", "good"},
    {"crl_number_not_an_integer", "good"},
    {"reason_seven", "good"},
    {"reason_eleven", "good"},
    {"reason_not_enumerated", "good"},
    {"entry_invalidity_utc_time", "good"},
    {"entry_date_without_seconds", "good"},
    {"duplicate_extension", "good"},
    {"duplicate_entry_extension", "good"},
    {"malformed_aki", "good"},
    {"malformed_freshest", "good"},
    {"base_number_malformed", "good"},
    /*
     * Its parser is one of BER here; 5.1 asks for DER.
     */
    {"extension_default_false", "good"},
    {"entry_default_false", "good"},
    /*
     * It reads the first object and leaves the rest of the file.
     */
    {"trailing_octet", "good"},
    {"trailing_garbage", "good"},
    /*
     * It stops at the critical extension (error 36); what the issuer lists
     * is revoked all the same.
     */
    {"crl_number_critical_listed", "unknown"},
    {"unknown_critical_crl_extension_listed", "unknown"},
    {"unknown_critical_entry_extension_listed", "unknown"},
    {"unknown_critical_entry_extension_elsewhere_listed", "unknown"},
    {"pkits_4_4_8_unknown_crl_entry_extension", "unknown"},
    {"pkits_4_4_9_unknown_crl_extension", "unknown"},
    /*
     * It takes known extensions for unknown ones when they are critical.
     */
    {"critical_reason_code", "unknown"},
    {"critical_freshest", "unknown"},
    /*
     * It verifies the best scoring CRL and never tries the next one:
     * whoever can place a forged CRL beside it denies service.
     */
    {"bad_signature_beside_good_one", "unknown"},
    {"forged_newer_without_aki_beside_genuine", "unknown"},
    {"forged_newer_without_aki_beside_genuine_listing", "unknown"},
    {"forged_listing_beside_genuine", "unknown"},
    /*
     * It never validates a CRL path within a CRL path, and so no CRL that
     * covers its own signer; 4.14.30 of the NIST suite wants it.
     */
    {"self_issued_crl_key", "unknown"},
    {"self_issued_crl_key_listed", "unknown"},
    {"key_rollover_new_with_old", "unknown"},
    {"crl_issuer_covers_itself", "unknown"},
    {"pkits_4_14_30_crl_issuer", "unknown"},
    /*
     * An undetermined signer is an error 54 to it; the listing is
     * authentic.
     */
    {"separate_crl_key_status_unknown_lists", "unknown"},
    /*
     * Its security level is for certificates; a CRL by SHA-1 or MD5 is as
     * easily forged.
     */
    {"rsa_sha1_level_1", "good"},
    {"rsa_sha1_by_default", "good"},
    {"rsa_pss_defaults_level_1", "good"},
    {"rsa_md5_level_1", "good"},
    {"ecdsa_sha1_level_1", "good"},
    /*
     * It folds case in ASCII only.
     */
    {"name_latin1_and_utf8", "unknown"},
    /*
     * It asks about the anchor; an anchor's own status is nobody's
     * question (6.1).
     */
    {"anchor_listed_on_its_own_crl", "revoked"},
    {"anchor_is_not_self_signed", "unknown"},
    /*
     * Revoked and expired: it names the revocation first, we the path.
     */
    {"leaf_expired", "revoked"},
    /*
     * The end of 6.3.3: a point with the name of the certificate issuer is
     * assumed; it has no such step.
     */
    {"idp_dn_of_issuer_without_cdp", "unknown"},
    /*
     * It compares URIs and DNS names byte by byte; 7.2 and 7.4 do not.
     */
    {"uri_host_case_does_not", "unknown"},
    {"dns_names_compare", "unknown"},
    /*
     * It compares the encoding of a relative name with another order of
     * the same set.
     */
    {"relative_multi_valued", "unknown"},
    /*
     * It compares names that no CRL needs, which has been a way to crash
     * it.
     */
    {"x400_names_are_never_equal", "good"},
    {"edi_party_names_are_never_equal", "good"},
    {"other_names_are_never_equal", "good"},
    /*
     * It uses a CRL whose issuingDistributionPoint it could not read, or
     * that is empty (5.2.5), as one without.
     */
    {"idp_empty", "good"},
    {"idp_all_false", "good"},
    {"idp_trailing", "good"},
    {"idp_not_a_sequence", "good"},
    {"idp_unknown_field", "good"},
    {"idp_boolean_of_two_octets", "good"},
    {"idp_name_of_neither_kind", "good"},
    /*
     * It takes an empty ReasonFlags for all reasons.
     */
    {"no_reasons_at_all", "good"},
    /*
     * 5.3.3: certificateIssuer only in an indirect CRL, and a Name.
     */
    {"certificate_issuer_in_direct_crl", "good"},
    {"certificate_issuer_in_direct_crl_of_other", "good"},
    {"certificate_issuer_in_direct_crl_is_not_sticky", "good"},
    {"certificate_issuer_uri_in_direct_crl_listed", "good"},
    {"certificate_issuer_uri_in_indirect_crl_listed", "good"},
    {"idp_unreadable_names_no_other_issuers", "good"},
    {"certificate_issuer_uri_alone", "good"},
    /*
     * (b)(2)(i): with no name in the point, the IDP must name the
     * cRLIssuer.
     */
    {"crl_issuer_alone_idp_uri", "good"},
    /*
     * 4.2.1.13: no relative name with more than one cRLIssuer.
     */
    {"crl_issuer_relative_two_issuers", "good"},
    /*
     * Who may list a certificate revokes it in whatever CRL, of another
     * scope, or not valid yet; and the key decides who signed.
     */
    {"not_yet_valid_listed", "unknown"},
    {"aki_of_another_key_listed", "unknown"},
    {"no_aki_second_of_two_keys_signed", "unknown"},
    {"shard_substituted_listed_there", "unknown"},
    {"partition_of_the_issuers_name_listed", "unknown"},
    {"only_ca_listed_leaf", "unknown"},
    {"reasons_flag_listed_other_scope", "unknown"},
    {"indirect_of_another_point_lists", "unknown"},
    {"delta_of_another_shard_lists", "good"},
    /*
     * 5.2.5: onlyContainsUserCerts leaves out version 1 and 2.
     */
    {"only_user_version_1", "good"},
    /*
     * A delta that lists the certificate, without a base: it has no CRL at
     * all.
     */
    {"delta_alone_listed", "unknown"},
    /*
     * It uses a delta only where freshestCRL points to one; a supplied
     * delta is as authentic.
     */
    {"delta_lists", "good"},
    {"hold_in_base_removed_by_delta", "revoked"},
    {"removal_by_delta_of_same_scope", "revoked"},
    {"removal_by_delta_both_without_aki", "revoked"},
    {"base_earlier_than_complete_lists", "good"},
    {"expired_delta_lists", "good"},
    {"two_deltas_the_later_one_lists", "good"},
    {"hold_in_later_delta_removal_in_earlier", "good"},
    {"removal_by_delta_of_signer_in_good_standing", "revoked"},
    {"removal_of_hold_with_unknown_extension", "revoked"},
    {"removal_and_key_compromise_in_one_delta", "good"},
    {"removal_and_hold_in_one_delta", "good"},
    {"named_twice_removed_as_own_key_by_issuer", "good"},
    {"named_twice_key_as_own_removed_by_issuer", "good"},
    {"named_twice_removed_as_own_hold_by_issuer", "good"},
    {"named_twice_by_issuer", "good"},
    /*
     * What a CRL lists is revoked, though its signer's status is not known,
     * or an entry has a critical extension nobody understands.
     */
    {"removal_by_delta_of_signer_of_unknown_status", "unknown"},
    {"removal_of_hold_with_unknown_critical_extension", "unknown"},
    /*
     * (a)(1)(i), 5.2.4: an expired complete CRL and a current delta that
     * fits are a current one together.
     */
    {"expired_base_and_current_delta", "unknown"},
    {"expired_base_hold_removed_by_delta", "unknown"},
};

/*
 * What 3.0.19 answers, on machines that have not got 3.0.22 yet; the two in
 * between may answer either way:
 * they do not compare the signature algorithm inside with the one outside
 * (5.1.1.2), nor look whether a CRL with some reasons is a delta.
 */
#define ORACLE_NEWER 0x30000160ul /* 3.0.22 */
static const struct oracle_row oracle_older_rows[] = {
    {"algorithms_differ", "good"},
    {"algorithms_differ_listed", "revoked"},
    {"rsa_parameters_differ", "good"},
    {"delta_alone_with_some_reasons", "good"},
};

#endif
