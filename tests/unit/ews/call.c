/* What a call does before its caller hears of it: other versions, other endpoints, waiting. */
#include "common/ews/call-private.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "tests/lib/ews-fixture.h"
#include "tests/lib/http-fixture.h"

#include <string.h>

#define MAILBOX "ann@example.com"
#define HEAD_OF(build)                                                                             \
    "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "    \
    "xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" "                       \
    "xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\"><s:Header>"          \
    "<t:ServerVersionInfo " build "/></s:Header><s:Body>"
#define BUILD_2010                                                                                 \
    "MajorVersion=\"14\" MinorVersion=\"3\" MajorBuildNumber=\"123\" MinorBuildNumber=\"4\" "      \
    "Version=\"Exchange2010_SP2\""
#define BUILD_2019                                                                                 \
    "MajorVersion=\"15\" MinorVersion=\"2\" MajorBuildNumber=\"1544\" MinorBuildNumber=\"9\" "     \
    "Version=\"V2017_07_11\""
#define MESSAGE(operation, class, code)                                                            \
    "<m:" operation "Response><m:ResponseMessages><m:" operation                                   \
    "ResponseMessage ResponseClass=\"" class "\"><m:ResponseCode>" code                            \
                                             "</m:ResponseCode></m:" operation "ResponseMessage>"  \
                                             "</m:ResponseMessages></m:" operation                 \
                                             "Response></s:Body></s:Envelope>"
#define GOOD      HEAD_OF(BUILD_2019) MESSAGE("Read", "Success", "NoError")
#define GOOD_2010 HEAD_OF(BUILD_2010) MESSAGE("Read", "Success", "NoError")
#define STORED    HEAD_OF(BUILD_2019) MESSAGE("Store", "Success", "NoError")
#define FAULT(head, code)                                                                          \
    head "<s:Fault><faultcode>s:Client</faultcode><faultstring>no</faultstring><detail>"           \
         "<ResponseCode>" code "</ResponseCode></detail></s:Fault></s:Body></s:Envelope>"

typedef struct {
    HttpFixture http;
    TestServer *second; /* or NULL */
    ExgEwsService *service;
    ExgThrottle *throttle;
    GPtrArray *texts; /* what scripts send lives as long as the server */
    GPtrArray *sent;  /* the requests, as they were tapped */
    guint written;    /* payloads */
    guint calls;
    const char *result;
    GError *error;
} Fixture;

static void
write_payload(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer context)
{
    Fixture *fixture = (Fixture *)context;
    fixture->written++;
    exg_xml_start(writer, "m:Read");
}

static bool
decode(const ExgEwsOperation *operation, const ExgXmlNode *message, gpointer context,
       gpointer *ret_result, GError **error)
{
    if (!exg_ews_message_check(operation, message, error))
        return false;
    *ret_result = (gpointer)operation->name;
    return true;
}

static const ExgEwsOperation reading = {
    .name = "Read", .n_messages = 1, .write = write_payload, .decode = decode};
static const ExgEwsOperation storing = {
    .name = "Store", .once = true, .n_messages = 1, .write = write_payload, .decode = decode};
static const ExgEwsOperation young = {.name = "Read",
                                      .minimum_version = "Exchange2013",
                                      .n_messages = 1,
                                      .write = write_payload,
                                      .decode = decode};

static void
on_tap(const char *operation, const char *request, gsize length, gpointer data)
{
    Fixture *fixture = data;
    g_ptr_array_add(fixture->sent, g_strdup(request));
}

static void
set_service(Fixture *fixture, const char *const *urls, const char *version)
{
    exg_ews_service_unref(fixture->service);
    fixture->service = exg_ews_service_new_many(fixture->http.client, urls, version);
    exg_ews_service_set_tap(fixture->service, on_tap, fixture);
    if (fixture->throttle != NULL)
        exg_ews_service_set_throttle(fixture->service, fixture->throttle, "somebody");
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
    http_fixture_init(&fixture->http, NULL);
    fixture->http.client = exg_http_client_new(fixture->http.engine, &fixture->http.options);
    fixture->texts = g_ptr_array_new_with_free_func(g_free);
    fixture->sent = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *url = g_strdup(test_server_url(fixture->http.server, NULL, "/EWS"));
    const char *urls[] = {url, NULL};
    set_service(fixture, urls, NULL);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    g_clear_error(&fixture->error);
    exg_ews_service_unref(fixture->service);
    exg_throttle_unref(fixture->throttle);
    test_server_free(fixture->second);
    http_fixture_clear(&fixture->http);
    g_ptr_array_unref(fixture->texts);
    g_ptr_array_unref(fixture->sent);
}

static const char *
answer(Fixture *fixture, const char *status, const char *headers, const char *body)
{
    char *text = g_strdup_printf(
        "HTTP/1.1 %s\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: %zu\r\n%s\r\n%s",
        status, strlen(body), headers, body);
    g_ptr_array_add(fixture->texts, text);
    return text;
}

#define OK(body)   SEND(answer(fixture, "200 OK", "", body))
#define FAIL(body) SEND(answer(fixture, "500 Internal Server Error", "", body))
#define SERVE(...) test_server_script(fixture->http.server, __VA_ARGS__)

static void
be_tolerant(Fixture *fixture, gint64 budget_ms)
{
    const ExgEwsRetryPolicy policy = {.tolerant = true, .budget_ms = budget_ms};
    exg_ews_service_set_retry(fixture->service, &policy);
}

static void
on_done(GObject *source, GAsyncResult *result, gpointer data)
{
    Fixture *fixture = data;
    gpointer made = NULL;
    fixture->calls++;
    if (exg_ews_call_finish(result, g_task_get_source_tag(G_TASK(result)), &made, &fixture->error))
        fixture->result = made;
}

static void
start(Fixture *fixture, const ExgEwsOperation *operation, const char *mailbox,
      GCancellable *cancellable)
{
    fixture->calls = 0;
    fixture->result = NULL;
    g_clear_error(&fixture->error);
    g_ptr_array_set_size(fixture->sent, 0);
    const ExgEwsTarget target = {mailbox, mailbox != NULL ? EXG_EWS_IMPERSONATION : EXG_EWS_SELF};
    GMainContext *context = exg_engine_context(fixture->http.engine);
    g_main_context_push_thread_default(context);
    exg_ews_call_start(fixture->service, operation, &target, fixture, NULL,
                       exg_clock_deadline_ms(10 * 3600 * 1000), cancellable, on_done, fixture);
    g_main_context_pop_thread_default(context);
}

/* Whatever is waited for between two attempts passes at once. */
static void
finish(Fixture *fixture, gint64 step_ms)
{
    gint64 until = g_get_monotonic_time() + 20 * G_TIME_SPAN_SECOND;
    while (fixture->calls == 0 && g_get_monotonic_time() < until) {
        http_fixture_round(&fixture->http);
        ExgHttpClientStatistics statistics = http_fixture_statistics(&fixture->http);
        if (step_ms > 0 && statistics.sessions == statistics.idle && statistics.waiting == 0)
            exg_clock_advance(step_ms * 1000);
    }
    g_assert_cmpuint(fixture->calls, ==, 1);
    g_assert_true((fixture->result != NULL) != (fixture->error != NULL));
}

static void
call(Fixture *fixture, const ExgEwsOperation *operation)
{
    start(fixture, operation, MAILBOX, NULL);
    finish(fixture, 0);
}

static void
assert_versions(Fixture *fixture, const char *first, const char *second)
{
    const char *expected[] = {first, second};
    g_assert_cmpuint(fixture->sent->len, ==, second != NULL ? 2 : 1);
    for (guint i = 0; i < fixture->sent->len; i++) {
        g_autofree char *words = g_strdup_printf("Version=\"%s\"", expected[i]);
        g_assert_nonnull(strstr(g_ptr_array_index(fixture->sent, i), words));
    }
}

/* --- versions --------------------------------------------------------------------------------- */

static void
test_version_known(Fixture *fixture, gconstpointer data)
{
    SERVE(READ, OK(GOOD));
    call(fixture, &reading);
    g_assert_no_error(fixture->error);
    assert_versions(fixture, "Exchange2016", NULL);
    ExgEwsServerVersion version;
    exg_ews_service_server_version(fixture->service, &version);
    g_assert_cmpstr(version.build, ==, "15.2.1544.9");
    g_assert_cmpstr(version.product, ==, "Exchange 2019 or SE");
    g_assert_cmpstr(version.version, ==, "V2017_07_11");
    g_assert_cmpstr(version.speaks, ==, "Exchange2016"); /* what it was asked in is kept */
}

static void
test_version_older(Fixture *fixture, gconstpointer data)
{
    SERVE(READ, FAIL(FAULT(HEAD_OF(BUILD_2010), "ErrorInvalidServerVersion")), READ, OK(GOOD_2010),
          READ, OK(GOOD_2010));
    call(fixture, &reading);
    g_assert_no_error(fixture->error);
    assert_versions(fixture, "Exchange2016", "Exchange2010_SP2");
    g_assert_cmpuint(fixture->written, ==, 2); /* the payload is made anew */
    call(fixture, &reading);
    assert_versions(fixture, "Exchange2010_SP2", NULL);
    /* an operation that this server does not have is not sent */
    call(fixture, &young);
    g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_assert_nonnull(strstr(fixture->error->message, "Exchange2013"));
    g_assert_cmpuint(fixture->sent->len, ==, 0);
}

static void
test_version_for_once(Fixture *fixture, gconstpointer data)
{
    SERVE(READ, FAIL(FAULT(HEAD_OF(BUILD_2010), "ErrorInvalidServerVersion")), READ,
          OK(HEAD_OF(BUILD_2010) MESSAGE("Store", "Success", "NoError")));
    call(fixture, &storing);
    g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_CONFIG);
    assert_versions(fixture, "Exchange2013_SP1", NULL);
    call(fixture, &storing); /* what the refusal taught */
    g_assert_no_error(fixture->error);
    assert_versions(fixture, "Exchange2010_SP2", NULL);
}

static void
test_version_none(Fixture *fixture, gconstpointer data)
{
    for (guint i = 0; i < 5; i++)
        SERVE(READ, SEND(answer(fixture, "500 Internal Server Error", "Connection: close\r\n",
                                FAULT(HEAD_OF(""), "ErrorInvalidServerVersion"))));
    call(fixture, &young);
    g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_assert_nonnull(strstr(fixture->error->message, "No version of EWS down to Exchange2013"));
    g_assert_cmpuint(fixture->sent->len, ==, 5);
}

static void
test_malformed_request(Fixture *fixture, gconstpointer data)
{
    SERVE(READ, FAIL(FAULT(HEAD_OF(BUILD_2019), "ErrorInvalidRequest")));
    call(fixture, &reading);
    g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_PROTOCOL);
    g_assert_cmpstr(exg_error_facts(fixture->error)->service_code, ==, "ErrorInvalidRequest");
    g_assert_cmpuint(fixture->sent->len, ==, 1);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void
test_fail_fast(Fixture *fixture, gconstpointer data)
{
    SERVE(READ, SEND(answer(fixture, "503 Service Unavailable", "Retry-After: 1\r\n", "")));
    call(fixture, &reading);
    g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_BUSY);
    g_assert_cmpuint(fixture->sent->len, ==, 1);
}

static void
on_again(const GError *error, gint64 wait_ms, gpointer data)
{
    GString *told = data;
    g_assert_cmpint(wait_ms, >, 0);
    g_string_append_printf(told, "%d ", exg_error_facts(error)->http_status);
}

static void
test_tolerant(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GString) told = g_string_new(NULL);
    be_tolerant(fixture, 0);
    exg_ews_service_set_again(fixture->service, on_again, told);
    SERVE(READ, SEND(answer(fixture, "503 Service Unavailable", "Retry-After: 30\r\n", "")), READ,
          SEND(answer(fixture, "429 Too Many Requests", "", "")), READ,
          OK(HEAD_OF(BUILD_2019) MESSAGE("Read", "Error", "ErrorMailboxFailover")), READ, OK(GOOD));
    gint64 begin_us = exg_clock_monotonic_us();
    start(fixture, &reading, MAILBOX, NULL);
    finish(fixture, 500);
    g_assert_no_error(fixture->error);
    g_assert_cmpuint(fixture->sent->len, ==, 4);
    g_assert_cmpuint(fixture->written, ==, 4);
    g_assert_cmpstr(told->str, ==, "503 429 200 ");
    g_assert_cmpint(exg_clock_monotonic_us() - begin_us, >=, 32 * G_USEC_PER_SEC);
    ExgHttpClientStatistics statistics = http_fixture_statistics(&fixture->http);
    g_assert_cmpuint(statistics.connections, ==, 1);
}

static void
test_session_is_free(Fixture *fixture, gconstpointer data)
{
    be_tolerant(fixture, 0);
    SERVE(READ, SEND(answer(fixture, "503 Service Unavailable", "Retry-After: 30\r\n", "")), READ,
          OK(GOOD));
    start(fixture, &reading, MAILBOX, NULL);
    ExgHttpClientStatistics statistics = {0};
    http_fixture_until(&fixture->http, (statistics = http_fixture_statistics(&fixture->http),
                                        statistics.requests == 1 && statistics.idle == 1));
    g_assert_cmpuint(statistics.sessions, ==, 1);
    g_assert_cmpuint(fixture->calls, ==, 0);
    finish(fixture, 1000);
    g_assert_no_error(fixture->error);
}

static void
test_budget(Fixture *fixture, gconstpointer data)
{
    be_tolerant(fixture, 45000);
    SERVE(READ, SEND(answer(fixture, "503 Service Unavailable", "Retry-After: 30\r\n", "")), READ,
          SEND(answer(fixture, "503 Service Unavailable", "Retry-After: 30\r\n", "")));
    start(fixture, &reading, MAILBOX, NULL);
    finish(fixture, 1000);
    g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_BUSY);
    g_assert_nonnull(strstr(fixture->error->message, "gave up when asked to wait for 30.000 s"));
    g_assert_cmpuint(fixture->sent->len, ==, 2);
}

static void
test_cancelled_waiting(Fixture *fixture, gconstpointer data)
{
    be_tolerant(fixture, 0);
    SERVE(READ, SEND(answer(fixture, "503 Service Unavailable", "Retry-After: 3000\r\n", "")));
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    start(fixture, &reading, MAILBOX, cancellable);
    http_fixture_until(&fixture->http, http_fixture_statistics(&fixture->http).requests == 1);
    g_cancellable_cancel(cancellable);
    finish(fixture, 0);
    g_assert_error(fixture->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_assert_cmpuint(test_server_requests(fixture->http.server), ==, 1);
}

/* However temporary the answer is: what was sent whole is not sent again. */
static void
test_once(Fixture *fixture, gconstpointer data)
{
    be_tolerant(fixture, 0);
    SERVE(READ, SEND(answer(fixture, "503 Service Unavailable", "Retry-After: 1\r\n", "")), READ,
          OK(HEAD_OF(BUILD_2019) MESSAGE("Store", "Error", "ErrorServerBusy")), READ,
          OK(HEAD_OF(BUILD_2019) MESSAGE("Store", "Error", "ErrorTimeoutExpired")), READ,
          SEND(answer(fixture, "307 Temporary Redirect", "Location: /other\r\n", "")), READ, CLOSE);
    static const int codes[] = {EXG_ERROR_AMBIGUOUS, EXG_ERROR_BUSY, EXG_ERROR_AMBIGUOUS,
                                EXG_ERROR_PROTOCOL, EXG_ERROR_AMBIGUOUS};
    for (guint i = 0; i < G_N_ELEMENTS(codes); i++) {
        start(fixture, &storing, MAILBOX, NULL);
        finish(fixture, 1000);
        g_assert_error(fixture->error, EXG_ERROR, codes[i]);
        g_assert_cmpuint(fixture->sent->len, ==, 1);
        g_assert_cmpuint(test_server_requests(fixture->http.server), ==, i + 1);
    }
}

static void
test_throttle_waits(Fixture *fixture, gconstpointer data)
{
    const ExgThrottleOptions options = {0};
    fixture->throttle = exg_throttle_new(fixture->http.engine, &options);
    exg_ews_service_set_throttle(fixture->service, fixture->throttle, "somebody");
    SERVE(READ, SEND(answer(fixture, "503 Service Unavailable", "Retry-After: 30\r\n", "")), READ,
          OK(GOOD));
    call(fixture, &reading);
    g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_BUSY);
    /* another call waits for the end of the back-off before it sends anything */
    be_tolerant(fixture, 0);
    gint64 begin_us = exg_clock_monotonic_us();
    start(fixture, &reading, "bob@example.com", NULL);
    finish(fixture, 500);
    g_assert_no_error(fixture->error);
    g_assert_cmpuint(fixture->sent->len, ==, 1);
    g_assert_cmpint(exg_clock_monotonic_us() - begin_us, >=, 29 * G_USEC_PER_SEC);
}

/* --- logging in ------------------------------------------------------------------------------- */

static void
test_login_refused(Fixture *fixture, gconstpointer data)
{
    be_tolerant(fixture, 0);
    SERVE(READ, SEND(answer(fixture, "401 Unauthorized", "", "")), READ, OK(GOOD), READ,
          SEND(answer(fixture, "401 Unauthorized", "", "")), READ,
          SEND(answer(fixture, "401 Unauthorized", "", "")), READ,
          SEND(answer(fixture, "401 Unauthorized", "", "")));
    start(fixture, &reading, MAILBOX, NULL);
    finish(fixture, 1000);
    g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_AUTH);
    g_assert_cmpuint(fixture->sent->len, ==, 1); /* never accepted: once */
    call(fixture, &reading);
    g_assert_no_error(fixture->error);
    start(fixture, &reading, MAILBOX, NULL);
    finish(fixture, 1000);
    g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_AUTH);
    g_assert_cmpuint(fixture->sent->len, ==, 3); /* accepted before: twice more */
}

static void
test_forbidden(Fixture *fixture, gconstpointer data)
{
    static const struct {
        const char *headers, *body, *mend;
    } rows[] = {
        {"", "", "Set-CASMailbox -EwsEnabled $true"},
        {"X-MS-Diagnostics: 2000008;reason=\"The token contains no permissions, or permissions can "
         "not be understood.\"\r\n",
         "", "full_access_as_app"},
        {"", "The application is not in EwsAllowedAppIDs",
         "Set-OrganizationConfig -EwsAllowedAppIDs"},
        {"", "blocked by EwsApplicationAccessPolicy", "ApplicationAccessPolicy"},
        {"", "The mailbox has no license", "licence"},
        {"", "<h3>HTTP Error 403.7 - Forbidden</h3>", "client_certificate_file"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *headers = g_strconcat("Connection: close\r\n", rows[i].headers, NULL);
        SERVE(READ, SEND(answer(fixture, "403 Forbidden", headers, rows[i].body)));
        call(fixture, &reading);
        ews_test_assert_error(fixture->error, EXG_ERROR_DENIED, 451, "4.7.0");
        g_assert_nonnull(strstr(fixture->error->message, rows[i].mend));
    }
}

static void
test_details(Fixture *fixture, gconstpointer data)
{
    be_tolerant(fixture, 0);
    SERVE(READ,
          SEND(answer(fixture, "500 Internal Server Error",
                      "X-CasErrorCode: UserNotFound\r\nX-MS-Diagnostics: 4000000;reason=\"x\"\r\n"
                      "request-id: 17\r\n",
                      "")),
          READ, SEND(answer(fixture, "456 Blocked", "", "")));
    call(fixture, &reading);
    g_assert_nonnull(strstr(fixture->error->message, "(X-CasErrorCode: UserNotFound)"));
    g_assert_nonnull(strstr(fixture->error->message, "4000000;reason="));
    g_assert_cmpstr(exg_error_facts(fixture->error)->request_id, ==, "17");
    g_assert_cmpuint(fixture->sent->len, ==, 1);
    call(fixture, &reading);
    ews_test_assert_error(fixture->error, EXG_ERROR_AUTH, 451, "4.7.0");
}

/* --- other places ----------------------------------------------------------------------------- */

static void
test_redirects(Fixture *fixture, gconstpointer data)
{
    SERVE(READ, SEND(answer(fixture, "307 Temporary Redirect", "Location: /other?a=b\r\n", "")),
          READ, OK(GOOD), READ,
          SEND(answer(fixture, "308 Permanent Redirect", "Location: /third\r\n", "")), READ,
          SEND(answer(fixture, "308 Permanent Redirect", "Location: /fourth\r\n", "")), READ,
          SEND(answer(fixture, "307 Temporary Redirect",
                      "Location: https://evil.example.com/EWS\r\n", "")),
          READ, SEND(answer(fixture, "307 Temporary Redirect", "Location: /EWS\r\n", "")), READ,
          SEND(answer(fixture, "302 Found", "Location: /owa\r\n", "")));
    call(fixture, &reading);
    g_assert_no_error(fixture->error);
    g_autofree char *head = test_server_head(fixture->http.server, 1);
    g_assert_true(g_str_has_prefix(head, "POST /other?a=b HTTP/1.1\r\n"));
    static const char *const ends[] = {"/fourth", "evil.example.com", "/EWS", "/owa"};
    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        call(fixture, &reading);
        g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_PROTOCOL);
        g_assert_nonnull(strstr(fixture->error->message, ends[i]));
        g_assert_cmpuint(fixture->sent->len, ==, i == 0 ? 2 : 1);
    }
}

#define NOBODY_LISTENS "http://127.0.0.1:1"

static void
use_endpoints(Fixture *fixture, const char *first, const char *second)
{
    const char *urls[] = {first, second, NULL};
    const ExgThrottleOptions options = {.unreachable_after = 1};
    fixture->throttle = exg_throttle_new(fixture->http.engine, &options);
    set_service(fixture, urls, "Exchange2016");
}

static void
test_fail_over(Fixture *fixture, gconstpointer data)
{
    g_autofree char *url = g_strdup(test_server_url(fixture->http.server, NULL, "/EWS"));
    use_endpoints(fixture, NOBODY_LISTENS "/EWS", url);
    SERVE(READ, OK(STORED), READ, OK(STORED));
    call(fixture, &storing); /* nothing was sent: the other one gets it within the same call */
    g_assert_no_error(fixture->error);
    g_assert_cmpuint(fixture->sent->len, ==, 2);
    g_assert_cmpuint(test_server_requests(fixture->http.server), ==, 1);
    ExgEwsServerVersion version;
    exg_ews_service_server_version(fixture->service, &version);
    g_assert_cmpstr(version.endpoint, ==, url);
    call(fixture, &storing); /* the breaker of the first is open */
    g_assert_no_error(fixture->error);
    g_assert_cmpuint(fixture->sent->len, ==, 1);
}

static void
test_ambiguous_stays(Fixture *fixture, gconstpointer data)
{
    fixture->second = test_server_new(NULL);
    g_autofree char *first = g_strdup(test_server_url(fixture->http.server, NULL, "/EWS"));
    g_autofree char *second = g_strdup(test_server_url(fixture->second, NULL, "/EWS"));
    use_endpoints(fixture, first, second);
    be_tolerant(fixture, 0);
    SERVE(READ, CLOSE);
    start(fixture, &storing, MAILBOX, NULL);
    finish(fixture, 1000);
    g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_AMBIGUOUS);
    g_assert_cmpuint(fixture->sent->len, ==, 1);
    g_assert_cmpuint(test_server_requests(fixture->second), ==, 0);
}

static void
test_all_unreachable(Fixture *fixture, gconstpointer data)
{
    use_endpoints(fixture, NOBODY_LISTENS "/a", NOBODY_LISTENS "/b");
    call(fixture, &reading);
    g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_UNREACHABLE);
    g_assert_cmpuint(fixture->sent->len, ==, 2);
}

/* --- cookies and affinity --------------------------------------------------------------------- */

static void
assert_request_header(Fixture *fixture, guint index, const char *name, const char *expected)
{
    g_autofree char *head = test_server_head(fixture->http.server, index);
    g_autofree char *value = test_head_value(head, name);
    g_assert_cmpstr(value, ==, expected);
}

static void
test_cookies(Fixture *fixture, gconstpointer data)
{
    static const char set[] = "Set-Cookie: X-BackEndCookie=ann; path=/EWS; secure\r\n"
                              "Set-Cookie: exchangecookie=1; path=/\r\n";
    SERVE(READ, SEND(answer(fixture, "200 OK", set, GOOD)), READ, OK(GOOD), READ, OK(GOOD));
    call(fixture, &reading);
    start(fixture, &reading, "bob@example.com", NULL);
    finish(fixture, 0);
    call(fixture, &reading);
    assert_request_header(fixture, 0, "Cookie", NULL);
    assert_request_header(fixture, 1, "Cookie", NULL);
    assert_request_header(fixture, 2, "Cookie", "X-BackEndCookie=ann; exchangecookie=1");
    assert_request_header(fixture, 2, "X-PreferServerAffinity", NULL);
    assert_request_header(fixture, 1, "X-AnchorMailbox", "bob@example.com");
}

static void
start_near(Fixture *fixture, const char *mailbox)
{
    fixture->calls = 0;
    const ExgEwsTarget target = {mailbox, EXG_EWS_IMPERSONATION};
    GMainContext *context = exg_engine_context(fixture->http.engine);
    g_main_context_push_thread_default(context);
    exg_ews_call_start_near(fixture->service, &reading, &target, MAILBOX, fixture, NULL,
                            exg_clock_deadline_ms(30000), NULL, on_done, fixture);
    g_main_context_pop_thread_default(context);
    finish(fixture, 0);
    g_assert_no_error(fixture->error);
}

static void
test_affinity(Fixture *fixture, gconstpointer data)
{
    SERVE(READ,
          SEND(answer(fixture, "200 OK", "Set-Cookie: X-BackEndOverrideCookie=b~1\r\n", GOOD)),
          READ, OK(GOOD));
    start_near(fixture, "bob@example.com");
    start_near(fixture, "carl@example.com");
    assert_request_header(fixture, 0, "X-PreferServerAffinity", "true");
    assert_request_header(fixture, 0, "X-AnchorMailbox", MAILBOX);
    assert_request_header(fixture, 1, "Cookie", "X-BackEndOverrideCookie=b~1");
    assert_request_header(fixture, 1, "X-BackEndOverrideCookie", NULL);
    g_autofree char *body = test_server_body(fixture->http.server, 1);
    g_assert_nonnull(strstr(body, "<t:SmtpAddress>carl@example.com</t:SmtpAddress>"));
}

#define ADD(name, function)                                                                        \
    g_test_add("/ews/call/" name, Fixture, NULL, set_up, function, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("A6.8,A9.5,F10-one-request-tells-the-version", test_version_known);
    ADD("A9.6,A9.7,A9.10-older-server", test_version_older);
    ADD("A9.4-nothing-is-risked-with-what-must-not-be-repeated", test_version_for_once);
    ADD("A9.7-no-version-suits", test_version_none);
    ADD("A9.8,F16-malformed-request-is-sent-once", test_malformed_request);
    ADD("A13.1-fail-fast", test_fail_fast);
    ADD("A11.1,A11.3,A12.4,A13.2-fault-tolerant", test_tolerant);
    ADD("A13.7,F15-no-session-is-held-while-waiting", test_session_is_free);
    ADD("A13.3-budget", test_budget);
    ADD("F27-cancelled-while-waiting", test_cancelled_waiting);
    ADD("A12.3,F2-once-is-once", test_once);
    ADD("A13.6-back-off-of-the-throttle", test_throttle_waits);
    ADD("A11.5,A11.6,F14-refused-credentials", test_login_refused);
    ADD("A11.6-policy-403", test_forbidden);
    ADD("A8.4,A11.6-details-in-the-error", test_details);
    ADD("A11.6,A14-redirects", test_redirects);
    ADD("A12.2-fail-over", test_fail_over);
    ADD("F2-ambiguous-stays-with-its-endpoint", test_ambiguous_stays);
    ADD("all-endpoints-unreachable", test_all_unreachable);
    ADD("A18.1,A18.4,F22-cookies-by-mailbox", test_cookies);
    ADD("A18.2,A18.3-affinity", test_affinity);
    return g_test_run();
}
