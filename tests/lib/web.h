/* web.h - many web servers on two ports of this process, and the names by which they are found: for
 * tests of code that goes from host to host.
 *
 * All names lead to one address; the name in the TLS handshake, or in Host, tells which server is
 * meant. A server is a set of rules: what it answers to which path. What came in is kept, and whether
 * it carried credentials, those of a header or the certificate that every server asks for. Names that were not given do not exist; a name may also be one that is
 * never answered. The names are those of GLib's default resolver while the web lives.
 *
 * Threads:  all functions from the test's thread, which is also the one that looks up names; a
 *           connection has a thread of its own.
 */
#ifndef TESTS_LIB_WEB_H
#define TESTS_LIB_WEB_H

#include "tests/lib/certificates.h"

#include <glib.h>

typedef struct TestWeb TestWeb;

typedef enum {
    TEST_WEB_ANSWER, /* `text`, a whole HTTP answer */
    TEST_WEB_ONCE,   /* the same, and then no more */
    TEST_WEB_SILENT, /* takes the request and says nothing */
    TEST_WEB_RESET,  /* sends `amount` bytes of `text`, then a TCP reset */
    TEST_WEB_FLOOD,  /* a head, then `text` again and again, `amount` bytes in all */
    TEST_WEB_DELAY,  /* `text` after `amount` milliseconds */
    TEST_WEB_HOLD    /* `text` after test_web_release() */
} TestWebAction;

/* `authority` signs the servers' certificates and must outlive the web. */
TestWeb *test_web_new(const TestIdentity *authority);
void test_web_free(TestWeb *web);
guint16 test_web_https_port(const TestWeb *web);
guint16 test_web_http_port(const TestWeb *web);

/* A name, with a server whose certificate is in order. Before anything is asked, as the next two. */
void test_web_add_host(TestWeb *web, const char *host);
/* A name that leads to a server with this certificate (copied), or, for NULL, with another host's. */
void test_web_add_impostor(TestWeb *web, const char *host, const TestIdentity *identity);
/* A name whose server takes connections and does not even shake hands. */
void test_web_add_black_hole(TestWeb *web, const char *host);
/* A name where nobody listens. */
void test_web_add_refusal(TestWeb *web, const char *host);
/* A name that the resolver never answers. */
void test_web_add_silent_name(TestWeb *web, const char *host);
/* An SRV record of _autodiscover._tcp.DOMAIN. */
void test_web_add_srv(TestWeb *web, const char *domain, guint priority, guint weight, guint port,
                      const char *target);

/* The first rule that fits acts; without one: 404. `path` is how the path begins, in any case. Text
 * is copied. */
void test_web_rule(TestWeb *web, const char *scheme, const char *host, const char *path,
                   TestWebAction action, const char *text, gsize amount);
/* Lets all answers go that are held, now or later. */
void test_web_release(TestWeb *web);
/* "HTTP/1.1 STATUS x" with a header line or NULL, and a body. (transfer full) */
char *test_web_answer(int status, const char *header, const char *type, const char *body);

/* What came, as lines "https://host/path" or "https://host/path with credentials", in the order of
 * arrival. (transfer full) */
char *test_web_log(TestWeb *web);
/* A header line's value in each request whose URL (as in the log) begins so, "" where there was none.
 * (transfer full) */
GStrv test_web_headers(TestWeb *web, const char *url, const char *name);
/* Connections that are open now. */
guint test_web_connections(TestWeb *web);
/* Requests to a host; those with credentials. */
guint test_web_requests(TestWeb *web, const char *host);
guint test_web_credentials(TestWeb *web, const char *host);
/* Hosts that saw a credential, separated by blanks, "" for none. (transfer full) */
char *test_web_trusted(TestWeb *web);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestWeb, test_web_free)

#endif
