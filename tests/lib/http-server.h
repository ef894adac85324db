/* http-server.h - an HTTP server that does what a script says, for tests of the client.
 *
 * It lives in the test's process: one thread accepts, one thread per connection runs a script on a
 * blocking socket. The n-th connection runs the n-th script; connections past the last one run the
 * last one again, if it was given with test_server_repeat(), or are closed at once. What came in is
 * counted and kept.
 *
 * Threads:  all functions from the test's thread; scripts run in threads of their own.
 * Limits:   a request is read up to 256 MiB; the first 1 MiB of its body is kept.
 */
#ifndef TESTS_LIB_HTTP_SERVER_H
#define TESTS_LIB_HTTP_SERVER_H

#include "tests/lib/certificates.h"

#include <glib.h>
#include <stdbool.h>

typedef struct TestServer TestServer;
typedef struct TestPeer TestPeer; /* one connection, seen from the server */

typedef enum {
    TEST_END,
    TEST_READ,       /* a request, whole; if the client is gone the script is over */
    TEST_READ_HEAD,  /* its head alone */
    TEST_READ_BYTES, /* `count` bytes */
    TEST_SEND,       /* `text` */
    TEST_SEND_MANY,  /* `text` again and again, `count` times; stops when the client is gone */
    TEST_HOLD,       /* wait for test_server_release() */
    TEST_RESET,      /* close with a TCP reset */
    TEST_CLOSE,      /* close the connection; also what happens at the end of a script */
    TEST_CALL        /* `function` */
} TestAction;

typedef struct {
    TestAction action;
    const char *text;
    gsize count;
    void (*function)(TestPeer *peer, gpointer data);
    gpointer data;
} TestStep;

#define READ             {.action = TEST_READ}
#define READ_HEAD        {.action = TEST_READ_HEAD}
#define READ_BYTES(n)    {.action = TEST_READ_BYTES, .count = (n)}
#define SEND(t)          {.action = TEST_SEND, .text = (t)}
#define SEND_MANY(t, n)  {.action = TEST_SEND_MANY, .text = (t), .count = (n)}
#define HOLD             {.action = TEST_HOLD}
#define RESET            {.action = TEST_RESET}
#define CLOSE            {.action = TEST_CLOSE}
#define CALL(f, d)       {.action = TEST_CALL, .function = (f), .data = (d)}
#define OK_ANSWER        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* `identity`: NULL for plain HTTP; outlives the server. */
TestServer *test_server_new(const TestIdentity *identity);
/* GnuTLS priority string for TLS, e.g. to offer old versions only. Before the first connection. */
void test_server_set_priority(TestServer *server, const char *priority);
/* Waits for all its threads; scripts that still hold are released. */
void test_server_free(TestServer *server);

guint16 test_server_port(const TestServer *server);
/* "http://127.0.0.1:PORT/path"; static until the next call. `host` NULL: 127.0.0.1. */
char *test_server_url(const TestServer *server, const char *host, const char *path);

/* Adds the script of the next connection; copied up to its TEST_END, texts are not. */
void test_server_add(TestServer *server, const TestStep *steps);
#define test_server_script(server, ...)                                                            \
    test_server_add((server), (const TestStep[]){__VA_ARGS__, {.action = TEST_END}})
/* The last script serves all further connections too. */
void test_server_repeat(TestServer *server);
/* Lets one TEST_HOLD pass. */
void test_server_release(TestServer *server);
/* Waits until that many connections, or requests (with their whole body), have come; false after
 * a minute. */
bool test_server_wait_connections(TestServer *server, guint count);
bool test_server_wait_requests(TestServer *server, guint count);
/* Waits until that many scripts have come to their end. */
bool test_server_wait_ended(TestServer *server, guint count);
/* Waits until that many scripts are at a TEST_HOLD. */
bool test_server_wait_holding(TestServer *server, guint count);

guint test_server_connections(TestServer *server);
/* Scripts at a TEST_HOLD now. */
guint test_server_holding(TestServer *server);
/* Requests read with their whole body, in the order of their completion. */
guint test_server_requests(TestServer *server);
/* Body bytes read, of whole requests and of others. */
guint64 test_server_body_bytes(TestServer *server);
/* (transfer full) The head of a request, with its empty line; its body. NULL past the last. */
char *test_server_head(TestServer *server, guint index);
char *test_server_body(TestServer *server, guint index);
/* A field of the form that is a request's body, or NULL. (transfer full) */
char *test_server_field(TestServer *server, guint index, const char *name);
void test_server_assert_field(TestServer *server, guint index, const char *name, const char *value);

/* --- for scripts' functions ------------------------------------------------------------------------ */

/* The next request; false if the client is gone. Both may be NULL; (transfer full). */
bool test_peer_read(TestPeer *peer, char **ret_head, char **ret_body);
bool test_peer_send(TestPeer *peer, const void *data, gsize length);
/* The value of a header line of a head, or NULL. (transfer full) */
char *test_head_value(const char *head, const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestServer, test_server_free)

#endif
