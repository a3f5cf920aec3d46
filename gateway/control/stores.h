/*
 * stores: all that the operator keeps over REST: sections, denylist, allowed
 * subjects, keys, certificates and members. Control thread.
 */
#ifndef GATEWAY_CONTROL_STORES_H
#define GATEWAY_CONTROL_STORES_H

#include "cache/base/error.h"
#include "cache/base/log.h"
#include "gateway/conf/conf.h"

struct allowed_subjects;
struct certstore;
struct denylist;
struct keystore;
struct members;
struct section_store;
struct state_db;

struct stores {
	struct state_db *db; /* what the others are kept in */
	struct section_store *sections;
	struct denylist *denylist;
	struct allowed_subjects *subjects;
	struct keystore *keys;
	struct certstore *certs;
	struct members *members;
};

/*
 * stores_open reads what is in the state directory of conf, which is made when
 * it is not there. What cannot be read is an error: nothing is left out that
 * would make the gateway less strict. Close also after an error.
 */
int stores_open(struct stores *s, const struct conf *conf,
    const struct log *log, struct err *err) MUST_USE;
void stores_close(struct stores *s);

/* Where keys are made from now on: conf has been read again. */
void stores_set_key_place(struct stores *s, const struct conf *conf);

/*
 * Whether the directory is one, or could be made, and the secret of keys is
 * usable. Makes nothing.
 */
int stores_check(const struct conf *conf, struct err *err) MUST_USE;

#endif
