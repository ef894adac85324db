/* Postfix's policy requests: at every cut, byte by byte, and what is none. */
#include "milter/policy-service.h"

#include <string.h>

#define FIRST                                                                                      \
    "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nhelo_name=a.b=c\n"     \
    "queue_id=\nsender=writer@sink.test\nrecipient=ann@example.test\nrecipient_count=0\n"          \
    "client_address=192.0.2.7\nclient_name=unknown\nsasl_method=\nsasl_username=\nsize=12345\n"    \
    "ccert_subject=\n\n"
#define SECOND                                                                                     \
    "request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient=b=b@example.test\n"               \
    "sender=\nsasl_username=joe\n\n"

/* Feeds `bytes` as the stream does: what is not taken comes again, with more. Counts the requests
 * that get complete; the last is in `request`. */
static guint
feed(ExgPolicyRequest *request, GString *kept, const char *bytes, gsize length,
     ExgMapProgress *ret_progress)
{
    guint complete = 0;
    g_string_append_len(kept, bytes, (gssize)length);
    for (;;) {
        gsize used = 0;
        g_autofree guint8 *copy = g_malloc(MAX(kept->len, 1));
        memcpy(copy, kept->str, kept->len);
        *ret_progress = exg_policy_request_feed(request, copy, kept->len, &used);
        g_assert_cmpuint(used, <=, kept->len);
        g_string_erase(kept, 0, (gssize)used);
        if (*ret_progress != EXG_MAP_REQUEST)
            return complete;
        complete++;
        g_assert_cmpuint(used, >, 0);
        if (kept->len == 0)
            return complete;
    }
}

static void
check_second(const ExgPolicyRequest *request)
{
    ExgMapQuestion question;
    g_assert_true(exg_policy_request_question(request, &question));
    g_assert_cmpstr(question.recipient, ==, "b=b@example.test");
    g_assert_cmpstr(question.sender, ==, "");
    g_assert_null(question.client_address);
    g_assert_true(question.authenticated);
    g_assert_cmpuint(question.size_bytes, ==, 0);
}

static void
test_whole(void)
{
    g_auto(ExgPolicyRequest) request = {.bytes = 0};
    g_autoptr(GString) kept = g_string_new(NULL);
    ExgMapProgress progress;
    ExgMapQuestion question;
    g_assert_cmpuint(feed(&request, kept, FIRST, strlen(FIRST), &progress), ==, 1);
    g_assert_cmpint(progress, ==, EXG_MAP_REQUEST);
    g_assert_true(exg_policy_request_question(&request, &question));
    g_assert_cmpstr(question.recipient, ==, "ann@example.test");
    g_assert_cmpstr(question.sender, ==, "writer@sink.test");
    g_assert_cmpstr(question.client_address, ==, "192.0.2.7");
    g_assert_false(question.authenticated);
    g_assert_cmpuint(question.size_bytes, ==, 12345);
    /* Nothing of the first is left in the second. */
    g_assert_cmpuint(feed(&request, kept, SECOND, strlen(SECOND), &progress), ==, 1);
    check_second(&request);
}

static void
test_every_cut(void)
{
    static const char bytes[] = FIRST SECOND;
    gsize length = strlen(bytes);
    for (gsize cut = 0; cut <= length; cut++) {
        g_auto(ExgPolicyRequest) request = {.bytes = 0};
        g_autoptr(GString) kept = g_string_new(NULL);
        ExgMapProgress progress;
        guint complete = feed(&request, kept, bytes, cut, &progress);
        complete += feed(&request, kept, bytes + cut, length - cut, &progress);
        g_assert_cmpuint(complete, ==, 2);
        check_second(&request);
    }
}

static void
test_byte_by_byte(void)
{
    static const char bytes[] = FIRST SECOND;
    g_auto(ExgPolicyRequest) request = {.bytes = 0};
    g_autoptr(GString) kept = g_string_new(NULL);
    guint complete = 0;
    for (gsize i = 0; i < strlen(bytes); i++) {
        ExgMapProgress progress;
        complete += feed(&request, kept, bytes + i, 1, &progress);
        g_assert_cmpint(progress, !=, EXG_MAP_BROKEN);
    }
    g_assert_cmpuint(complete, ==, 2);
    check_second(&request);
}

static void
test_nothing_to_say(void)
{
    static const char *const requests[] = {
        "\n",
        "recipient=a@x.test\n\n",
        "request=smtpd_access_policy\nrecipient=a@x.test\n\n",
        "request=other\nprotocol_state=RCPT\nrecipient=a@x.test\n\n",
        "request=smtpd_access_policy\nprotocol_state=DATA\nrecipient=a@x.test\n\n",
        "request=smtpd_access_policy\nprotocol_state=RCPT\n\n",
        "request=smtpd_access_policy\nprotocol_state=RCPT\nrecipients=a@x.test\n\n",
    };
    for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_auto(ExgPolicyRequest) request = {.bytes = 0};
        g_autoptr(GString) kept = g_string_new(NULL);
        ExgMapProgress progress;
        ExgMapQuestion question;
        g_assert_cmpuint(feed(&request, kept, requests[i], strlen(requests[i]), &progress), ==, 1);
        g_assert_false(exg_policy_request_question(&request, &question));
    }
}

static void
test_sizes(void)
{
    static const struct {
        const char *text;
        guint64 size;
    } sizes[] = {{"0", 0},  {"7", 7}, {"18446744073709551615", G_MAXUINT64},
                 {"-1", 0}, {"x", 0}, {"", 0}};
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_auto(ExgPolicyRequest) request = {.bytes = 0};
        g_autoptr(GString) kept = g_string_new(NULL);
        g_autofree char *bytes = g_strdup_printf(
            "request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient=a@x.test\nsize=%s\n\n",
            sizes[i].text);
        ExgMapProgress progress;
        ExgMapQuestion question;
        g_assert_cmpuint(feed(&request, kept, bytes, strlen(bytes), &progress), ==, 1);
        g_assert_true(exg_policy_request_question(&request, &question));
        g_assert_cmpuint(question.size_bytes, ==, sizes[i].size);
    }
}

static void
check_broken(const char *bytes, gsize length)
{
    g_auto(ExgPolicyRequest) request = {.bytes = 0};
    g_autoptr(GString) kept = g_string_new(NULL);
    ExgMapProgress progress;
    g_assert_cmpuint(feed(&request, kept, bytes, length, &progress), ==, 0);
    g_assert_cmpint(progress, ==, EXG_MAP_BROKEN);
}

static void
test_broken(void)
{
    check_broken("no attribute\n", 13);
    check_broken("=value\n", 7);
    check_broken("a=\0b\n", 5);
    check_broken("26:recipients ann@example.com,\n", 31);
    g_autofree char *line = g_strnfill(EXG_POLICY_LINE_MAX_BYTES, 'x');
    check_broken(line, EXG_POLICY_LINE_MAX_BYTES);

    /* A line as long as may be, and as many as may be. */
    line[1] = '=';
    line[EXG_POLICY_LINE_MAX_BYTES - 1] = '\n';
    g_auto(ExgPolicyRequest) request = {.bytes = 0};
    g_autoptr(GString) kept = g_string_new(NULL);
    ExgMapProgress progress;
    for (gsize taken = 0; taken < EXG_POLICY_MAX_BYTES; taken += EXG_POLICY_LINE_MAX_BYTES) {
        g_assert_cmpuint(feed(&request, kept, line, EXG_POLICY_LINE_MAX_BYTES, &progress), ==, 0);
        g_assert_cmpint(progress, ==, EXG_MAP_MORE);
    }
    g_assert_cmpuint(feed(&request, kept, "\n", 1, &progress), ==, 0);
    g_assert_cmpint(progress, ==, EXG_MAP_BROKEN);
}

static void
test_answer(void)
{
    g_autoptr(GString) reply = g_string_new("what was there");
    exg_policy_service_answer(reply, "DUNNO");
    g_assert_cmpstr(reply->str, ==, "action=DUNNO\n\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/milter/policy-service/whole", test_whole);
    g_test_add_func("/milter/policy-service/every-cut", test_every_cut);
    g_test_add_func("/milter/policy-service/byte-by-byte", test_byte_by_byte);
    g_test_add_func("/milter/policy-service/nothing-to-say", test_nothing_to_say);
    g_test_add_func("/milter/policy-service/sizes", test_sizes);
    g_test_add_func("/milter/policy-service/broken", test_broken);
    g_test_add_func("/milter/policy-service/answer", test_answer);
    return g_test_run();
}
