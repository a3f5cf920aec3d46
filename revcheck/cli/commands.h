/* commands: one function each; argv without the name. The exit status. */
#ifndef REVCHECK_CLI_COMMANDS_H
#define REVCHECK_CLI_COMMANDS_H

int cmd_check(int argc, char **argv);
int cmd_connect(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_crl(int argc, char **argv);
int cmd_ocsp(int argc, char **argv);
int cmd_cache(int argc, char **argv);

#endif
