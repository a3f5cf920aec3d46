/*
 * ui_files: the files of the status page, which are in the program. Constant;
 * any thread. A debug build whose P2P_GATEWAY_UI_DIR is set reads them from
 * that directory each time, on the control thread.
 */
#ifndef GATEWAY_UI_UI_FILES_H
#define GATEWAY_UI_UI_FILES_H

#include <stddef.h>

enum ui_file {
	UI_FILE_INDEX = 0, /* a form: has {{name}} where a text belongs */
	UI_FILE_REFUSED,   /* for who may not see the page */
	UI_FILE_STYLE,
	UI_FILE_SCRIPT,
	UI_FILE_ICON,
	UI_NUM_FILES
};

struct ui_bytes {
	const char *data; /* not terminated */
	size_t len;
	const char *type; /* of its content */
};

struct ui_bytes ui_file_get(enum ui_file file);

#endif
