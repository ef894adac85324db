/* Replies: what a backend says, and what may go out. */
#include "lmtp/reply.h"

#include <glib.h>
#include <string.h>

static void
test_format(void)
{
    char line[EXG_LMTP_REPLY_MAX_BYTES];
    ExgLmtpReply reply;
    exg_lmtp_reply_set(&reply, 250, "2.1.5", "%s", "Ok");
    gsize length = exg_lmtp_reply_format(&reply, false, line);
    g_assert_cmpmem(line, length, "250 2.1.5 Ok\r\n", 14);
    exg_lmtp_reply_set(&reply, 354, "", "Go");
    length = exg_lmtp_reply_format(&reply, false, line);
    g_assert_cmpmem(line, length, "354 Go\r\n", 8);
}

static void
test_injection(void)
{
    char line[EXG_LMTP_REPLY_MAX_BYTES];
    ExgLmtpReply reply;
    exg_lmtp_reply_set(&reply, 451, "4.3.0", "a\r\n250 2.0.0 b\tc\x7f\xc3\xa4");
    gsize length = exg_lmtp_reply_format(&reply, false, line);
    g_autofree char *text = g_strndup(line, length);
    g_assert_cmpstr(text, ==, "451 4.3.0 a??250 2.0.0 b?c???\r\n");
}

static void
test_longest(void)
{
    char line[EXG_LMTP_REPLY_MAX_BYTES];
    ExgLmtpReply reply;
    g_autofree char *text = g_strnfill(1000, 'x');
    exg_lmtp_reply_set(&reply, 451, "4.321.321", "%s", text);
    gsize length = exg_lmtp_reply_format(&reply, false, line);
    g_assert_cmpuint(length, >, EXG_LMTP_REPLY_TEXT_MAX_BYTES);
    g_assert_cmpuint(length, <, EXG_LMTP_REPLY_MAX_BYTES);
    g_assert_cmpmem(line + length - 3, 3, "x\r\n", 3);
}

static const struct {
    int code;
    const char *enhanced;
    int clean_code;
    const char *clean_enhanced;
} answers[] = {
    {250, "2.0.0", 250, "2.0.0"},    {251, "2.1.5", 250, "2.1.5"},  {452, "4.2.2", 452, "4.2.2"},
    {550, "5.1.1", 550, "5.1.1"},    {550, "4.1.1", 550, "5.0.0"},  {250, "5.0.0", 250, "2.0.0"},
    {451, "", 451, "4.0.0"},         {451, "4", 451, "4.0.0"},      {451, "4.3", 451, "4.0.0"},
    {451, "4.3.", 451, "4.0.0"},     {451, "4..3", 451, "4.0.0"},   {451, "4.3.0 x", 451, "4.0.0"},
    {451, "4.3333.0", 451, "4.0.0"}, {354, "3.0.0", 451, "4.0.0"},  {421, "4.3.2", 451, "4.3.2"},
    {0, "", 451, "4.0.0"},           {-1, "2.0.0", 451, "4.0.0"},   {600, "5.0.0", 451, "4.0.0"},
    {199, "2.0.0", 451, "4.0.0"},    {550, "55.1.1", 550, "5.0.0"},
};

static void
test_clean(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(answers); i++) {
        ExgLmtpReply answer, reply;
        exg_lmtp_reply_set(&answer, answers[i].code, answers[i].enhanced, "text");
        exg_lmtp_reply_clean(&answer, &reply);
        g_assert_cmpint(reply.code, ==, answers[i].clean_code);
        g_assert_cmpstr(reply.enhanced, ==, answers[i].clean_enhanced);
        g_assert_cmpstr(reply.text, ==, "text");
    }
}

static void
check_utf8(const char *text, const char *expected)
{
    ExgLmtpReply reply;
    char line[EXG_LMTP_REPLY_MAX_BYTES];
    exg_lmtp_reply_set(&reply, 250, "2.0.0", "%s", text);
    gsize length = exg_lmtp_reply_format(&reply, true, line);
    g_autofree char *whole = g_strdup_printf("250 2.0.0 %s\r\n", expected);
    g_assert_cmpmem(line, length, whole, strlen(whole));
}

static void
test_utf8(void)
{
    check_utf8("<gr\xc3\xbc\xc3\x9f"
               "e@x> stored",
               "<gr\xc3\xbc\xc3\x9f"
               "e@x> stored");
    check_utf8("\xf0\x9f\x93\xa7", "\xf0\x9f\x93\xa7");
    check_utf8("a\r\nb\x7f", "a??b?");
    check_utf8("\xc2\x85", "??"); /* a control character */
    check_utf8("\xc3", "?");      /* cut */
    check_utf8("\xff\xc3"
               "a\xed\xa0\x80",
               "??a???"); /* no UTF-8 */
    g_autofree char *many = g_strnfill(EXG_LMTP_REPLY_TEXT_MAX_BYTES - 1, 'x');
    g_autofree char *cut = g_strconcat(many, "\xc3\xbc", NULL);
    g_autofree char *shown = g_strconcat(many, "?", NULL);
    check_utf8(cut, shown);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lmtp/reply/format", test_format);
    g_test_add_func("/lmtp/reply/utf8", test_utf8);
    g_test_add_func("/lmtp/reply/injection", test_injection);
    g_test_add_func("/lmtp/reply/longest", test_longest);
    g_test_add_func("/lmtp/reply/clean", test_clean);
    return g_test_run();
}
