#include "tests/exchange-sim/fault.h"

#include "common/base/error.h"

#include <glib/gstdio.h>
#include <string.h>

static ExgSimFault *
take(ExgSimFaults *faults, guint64 request, const char *operation, const char *mailbox, bool reused)
{
    const ExgSimFaultSubject subject = {.phase = EXG_SIM_AT_REQUEST,
                                        .request = request,
                                        .operation = operation,
                                        .mailbox = mailbox,
                                        .reused = reused};
    guint cursor = 0;
    return exg_sim_faults_take(faults, &subject, &cursor);
}

/* The name of the action that hits, or "". */
static const char *
hit(ExgSimFaults *faults, guint64 request, const char *operation, const char *mailbox, bool reused)
{
    g_autoptr(ExgSimFault) fault = take(faults, request, operation, mailbox, reused);
    return fault != NULL ? fault->name : "";
}

static void
add(ExgSimFaults *faults, const char *line)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(exg_sim_faults_add(faults, line, &error));
    g_assert_no_error(error);
}

static void
test_actions(void)
{
    static const struct {
        const char *line;
        ExgSimAction action;
        guint64 amount;
    } rules[] = {
        {"on * do delay 100", EXG_SIM_DELAY, 100},
        {"on * do late 100", EXG_SIM_LATE, 100},
        {"on * do slow 1", EXG_SIM_SLOW, 1},
        {"on * do reset", EXG_SIM_RESET, 0},
        {"on * do close-without-answer", EXG_SIM_CLOSE, 0},
        {"on * do stored-unanswered", EXG_SIM_CLOSE, 0},
        {"on * do stall", EXG_SIM_STALL, 0},
        {"on * do status 503", EXG_SIM_STATUS, 503},
        {"on * do html404", EXG_SIM_STATUS, 404},
        {"on * do unauthorized", EXG_SIM_UNAUTHORIZED, 0},
        {"on * do garbage", EXG_SIM_GARBAGE, 0},
        {"on * do xml-flood 1000000", EXG_SIM_FLOOD, 1000000},
        {"on * do code ErrorServerBusy", EXG_SIM_CODE, 0},
        {"on * do capacity 8 service=100", EXG_SIM_CAPACITY, 8},
        {"on * do truncate 0", EXG_SIM_TRUNCATE, 0},
        {"on * do no-itemid", EXG_SIM_NO_ITEM_ID, 0},
        {"  on\t*  do illegal-char-ref \r", EXG_SIM_ILLEGAL_CHAR, 0},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rules); i++) {
        g_autoptr(ExgSimFaults) faults = exg_sim_faults_new();
        add(faults, rules[i].line);
        g_autoptr(ExgSimFault) fault = take(faults, 1, "CreateItem", NULL, false);
        g_assert_nonnull(fault);
        g_assert_cmpint(fault->action, ==, rules[i].action);
        g_assert_cmpuint(fault->amount, ==, rules[i].amount);
        g_assert_cmpint(fault->stored, ==, strstr(rules[i].line, "stored") != NULL);
    }
}

static void
test_lie(void)
{
    g_autoptr(ExgSimFaults) faults = exg_sim_faults_new();
    add(faults, "on FindItem times=1 do lie");
    g_assert_cmpstr(hit(faults, 1, "CreateItem", NULL, false), ==, "");
    g_assert_cmpstr(hit(faults, 2, "FindItem", NULL, false), ==, "lie");
    g_assert_cmpstr(hit(faults, 3, "FindItem", NULL, false), ==, "");
}

static void
test_options(void)
{
    g_autoptr(ExgSimFaults) faults = exg_sim_faults_new();
    add(faults, "on CreateItem stored do code ErrorInternalServerError inner=ErrorServerBusy "
                "backoff=5000 fault");
    g_autoptr(ExgSimFault) code = take(faults, 1, "CreateItem", NULL, false);
    g_assert_true(code->stored);
    g_assert_true(code->as_fault);
    g_assert_cmpint(code->backoff_ms, ==, 5000);
    g_assert_cmpstr(code->inner, ==, "ErrorServerBusy");
    add(faults, "clear");
    g_assert_cmpuint(exg_sim_faults_count(faults), ==, 0);
    g_assert_cmpstr(code->code, ==, "ErrorInternalServerError"); /* outlives its removal */
    add(faults, "on CreateItem do status 429 retry-after=date html");
    g_autoptr(ExgSimFault) status = take(faults, 2, "CreateItem", NULL, false);
    g_assert_true(status->html);
    g_assert_cmpstr(status->retry_after, ==, "date");
}

static void
test_conditions(void)
{
    g_autoptr(ExgSimFaults) faults = exg_sim_faults_new();
    add(faults, "# nothing");
    add(faults, "");
    add(faults, "on CreateItem mailbox=Ann@example.com conn=reused do garbage");
    add(faults, "on CreateItem after=1 times=2 do stall");
    add(faults, "on * times=1 do reset");
    g_assert_cmpuint(exg_sim_faults_count(faults), ==, 3);
    g_assert_cmpstr(hit(faults, 1, "CreateItem", "ann@example.com", true), ==, "garbage");
    g_assert_cmpstr(hit(faults, 2, "CreateItem", "ann@example.com", false), ==,
                    "reset"); /* the stall lets one pass */
    g_assert_cmpstr(hit(faults, 3, "CreateItem", "bob@example.com", true), ==, "stall");
    g_assert_cmpstr(hit(faults, 4, "GetItem", "ann@example.com", true), ==, "");
    g_assert_cmpstr(hit(faults, 5, "CreateItem", NULL, true), ==, "stall");
    g_assert_cmpstr(hit(faults, 6, "CreateItem", NULL, true), ==, "");
    g_assert_cmpstr(hit(faults, 7, "CreateItem", "ann@example.com", true), ==, "garbage");
}

/* Delays let the rules after them act. */
static void
test_going_on(void)
{
    g_autoptr(ExgSimFaults) faults = exg_sim_faults_new();
    const ExgSimFaultSubject subject = {
        .phase = EXG_SIM_AT_REQUEST, .request = 1, .operation = "GetItem"};
    guint cursor = 0;
    add(faults, "on * do delay 5");
    add(faults, "on GetItem do garbage");
    g_autoptr(ExgSimFault) first = exg_sim_faults_take(faults, &subject, &cursor);
    g_assert_true(exg_sim_fault_goes_on(first));
    g_autoptr(ExgSimFault) second = exg_sim_faults_take(faults, &subject, &cursor);
    g_assert_cmpint(second->action, ==, EXG_SIM_GARBAGE);
    g_assert_false(exg_sim_fault_goes_on(second));
    g_assert_null(exg_sim_faults_take(faults, &subject, &cursor));
}

/* What has a place meets the later rules; what finds none is refused. */
static void
test_capacity(void)
{
    g_autoptr(ExgSimFaults) faults = exg_sim_faults_new();
    add(faults, "on CreateItem do capacity 1 service=100 backoff=500");
    g_autoptr(ExgSimFault) fault = take(faults, 1, "CreateItem", NULL, false);
    g_assert_cmpint(fault->service_ms, ==, 100);
    g_assert_cmpstr(fault->code, ==, "ErrorServerBusy");
    g_assert_cmpint(fault->backoff_ms, ==, 500);
    g_assert_true(exg_sim_fault_goes_on(fault));
    fault->in_service++;
    g_assert_false(exg_sim_fault_goes_on(fault));
    fault->in_service--;
    g_assert_true(exg_sim_fault_goes_on(fault));
}

static void
test_bytes(void)
{
    g_autoptr(ExgSimFaults) faults = exg_sim_faults_new();
    add(faults, "on CreateItem after=1 do reset-after-request-bytes 100");
    for (guint64 request = 1; request <= 2; request++) {
        for (guint64 bytes = 0; bytes <= 200; bytes += 50) {
            ExgSimFaultSubject subject = {.phase = EXG_SIM_AT_BYTES,
                                          .request = request,
                                          .operation = "CreateItem",
                                          .bytes = bytes};
            guint cursor = 0;
            g_autoptr(ExgSimFault) fault = exg_sim_faults_take(faults, &subject, &cursor);
            g_assert_cmpint(fault != NULL, ==, request == 2 && bytes == 100);
        }
    }
    /* Not what the operation is when the request is complete. */
    g_assert_cmpstr(hit(faults, 3, "CreateItem", NULL, false), ==, "");
}

static void
test_connect(void)
{
    g_autoptr(ExgSimFaults) faults = exg_sim_faults_new();
    const ExgSimFaultSubject subject = {.phase = EXG_SIM_AT_CONNECT, .request = 9};
    guint cursor = 0;
    add(faults, "on * do reset");
    add(faults, "on connect do tls-alert");
    g_autoptr(ExgSimFault) fault = exg_sim_faults_take(faults, &subject, &cursor);
    g_assert_cmpint(fault->action, ==, EXG_SIM_TLS_ALERT);
}

static void
test_bad(void)
{
    static const char *const bad[] = {
        "off",
        "on",
        "on do",
        "on CreateItem",
        "on CreateItem do",
        "on CreateItem do nothing",
        "on CreateItem,GetItem do reset",
        "on CreateItem when=now do reset",
        "on CreateItem after=x do reset",
        "on CreateItem times=-1 do reset",
        "on CreateItem times=4294967296 do reset",
        "on CreateItem conn=old do reset",
        "on CreateItem mailbox= do reset",
        "on CreateItem do delay",
        "on CreateItem do delay soon",
        "on CreateItem do slow 0",
        "on CreateItem do reset now",
        "on CreateItem do status",
        "on CreateItem do status 99",
        "on CreateItem do status 600",
        "on CreateItem do status 503 retry-after=tomorrow",
        "on CreateItem do code",
        "on CreateItem do code Error-Busy",
        "on CreateItem do code ErrorServerBusy backoff=",
        "on CreateItem do code ErrorServerBusy html",
        "on CreateItem do capacity",
        "on CreateItem do capacity 1 service=soon",
        "on CreateItem do capacity 1 inner=ErrorServerBusy",
        "on CreateItem do reset backoff=1",
        "on CreateItem do tls-alert",
        "on CreateItem do lie",
        "on connect do garbage",
        "clear all",
    };
    g_autoptr(ExgSimFaults) faults = exg_sim_faults_new();
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_test_message("%s", bad[i]);
        g_assert_false(exg_sim_faults_add(faults, bad[i], &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    }
    g_assert_cmpuint(exg_sim_faults_count(faults), ==, 0);
}

/* A rule that was cut is an error or another rule, never a crash. */
static void
test_cut(void)
{
    static const char line[] = "on CreateItem mailbox=a@example.com after=1 times=2 conn=new "
                               "stored do code ErrorX backoff=1 inner=ErrorY fault";
    guint good = 0;
    for (gsize length = 0; length <= strlen(line); length++) {
        g_autoptr(ExgSimFaults) faults = exg_sim_faults_new();
        g_autofree char *cut = g_strndup(line, length);
        good += exg_sim_faults_add(faults, cut, NULL);
    }
    g_assert_cmpuint(good, >, 10);
    g_assert_cmpuint(good, <, 40);
}

static void
test_file(void)
{
    g_autoptr(ExgSimFaults) faults = exg_sim_faults_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("scenario-XXXXXX", &path, &error);
    g_assert_no_error(error);
    g_assert_cmpint(fd, >=, 0);
    g_close(fd, NULL);
    g_assert_true(
        g_file_set_contents(path, "# a scenario\n\non * do reset\non * do stall\n", -1, &error));
    g_assert_true(exg_sim_faults_add_file(faults, path, &error));
    g_assert_cmpuint(exg_sim_faults_count(faults), ==, 2);
    g_assert_true(g_file_set_contents(path, "on * do reset\nnonsense\n", -1, &error));
    g_assert_false(exg_sim_faults_add_file(faults, path, &error));
    g_assert_nonnull(strstr(error->message, ":2: "));
    g_assert_cmpint(g_unlink(path), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/exchange-sim/fault/actions", test_actions);
    g_test_add_func("/exchange-sim/fault/options", test_options);
    g_test_add_func("/exchange-sim/fault/lie", test_lie);
    g_test_add_func("/exchange-sim/fault/conditions", test_conditions);
    g_test_add_func("/exchange-sim/fault/going-on", test_going_on);
    g_test_add_func("/exchange-sim/fault/capacity", test_capacity);
    g_test_add_func("/exchange-sim/fault/bytes", test_bytes);
    g_test_add_func("/exchange-sim/fault/connect", test_connect);
    g_test_add_func("/exchange-sim/fault/bad", test_bad);
    g_test_add_func("/exchange-sim/fault/cut", test_cut);
    g_test_add_func("/exchange-sim/fault/file", test_file);
    return g_test_run();
}
