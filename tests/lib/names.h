/* names.h - a resolver that knows the names it was told, in place of the system's.
 *
 * Threads:  the test's.
 */
#ifndef TESTS_LIB_NAMES_H
#define TESTS_LIB_NAMES_H

#include <gio/gio.h>

/* Becomes GLib's default resolver until test_names_end(). */
void test_names_begin(void);
void test_names_end(void);

/* `address` NULL: questions for this name are never answered. */
void test_names_add(const char *host, const char *address);
/* `name`: "_autodiscover._tcp.example.com"; `target` NULL: never answered. */
void test_names_add_srv(const char *name, guint priority, guint weight, guint port,
                        const char *target);
/* What was asked for so far, a name to a line, or "SRV " and one. Valid until the next question. */
const char *test_names_asked(void);

#endif
