/* key_files: files with secrets that others may read are warned about. */
#ifndef GATEWAY_PROCESS_KEY_FILES_H
#define GATEWAY_PROCESS_KEY_FILES_H

#include "cache/base/log.h"
#include "gateway/conf/conf.h"

/* Those that conf names: keys, the secret of keys, the PIN. Any thread. */
void key_files_check(const struct log *log, const struct conf *conf);

#endif
