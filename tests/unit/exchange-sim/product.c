#include "tests/exchange-sim/product.h"

#include "tests/exchange-sim/call.h"
#include "tests/exchange-sim/schema.h"

#include <string.h>

static const char *const products[] = {
    "Exchange2007_SP1", "Exchange2010", "Exchange2010_SP1", "Exchange2010_SP2", "Exchange2013",
    "Exchange2013_SP1", "Exchange2016", "Exchange2019",     "ExchangeSE",
};

/* What the server says to an operation in the version named; `*ret_answer` is all of it. */
static char *
say(const char *product, const char *version, const char *operation, char **ret_answer)
{
    g_autoptr(ExgSimDirectory) directory = exg_sim_directory_new(NULL);
    exg_sim_directory_set_product(directory, exg_sim_product_find(product));
    g_assert_true(exg_sim_directory_add(directory, "ann@example.com", NULL));
    g_autofree char *request = g_strdup_printf(
        "<s:Envelope xmlns:s=\"" EXG_SIM_NS_SOAP "\" xmlns:t=\"" EXG_SIM_NS_TYPES
        "\" xmlns:m=\"" EXG_SIM_NS_MESSAGES
        "\"><s:Header><t:RequestServerVersion Version=\"%s\"/></s:Header><s:Body>%s</s:Body>"
        "</s:Envelope>",
        version, operation);
    ExgSimCaller caller = {.account = g_strdup("ann@example.com")};
    g_autoptr(ExgSimCall) call = exg_sim_call_new(directory, &caller, request, strlen(request));
    char *code = g_strdup(call->refusal.code);
    guint status;
    gsize length;
    g_autofree char *answer = exg_sim_call_execute(call, &status, &length);
    if (ret_answer != NULL)
        *ret_answer = g_steal_pointer(&answer);
    return code;
}

/* Each server takes the versions up to its own, and tells its own. */
static void
test_versions(void)
{
    static const char *const newest[] = {
        "Exchange2007_SP1", "Exchange2010", "Exchange2010_SP1", "Exchange2010_SP2", "Exchange2013",
        "Exchange2013_SP1", "Exchange2016", "Exchange2016",     "Exchange2016",
    };
    static const char request[] = "<m:ResolveNames ReturnFullContactData=\"false\">"
                                  "<m:UnresolvedEntry>ann</m:UnresolvedEntry></m:ResolveNames>";
    for (guint server = 0; server < G_N_ELEMENTS(products); server++) {
        const ExgSimProduct *product = exg_sim_product_find(products[server]);
        g_assert_cmpstr(product->newest, ==, newest[server]);
        for (guint asked = 0; asked < G_N_ELEMENTS(products) - 2; asked++) {
            g_autofree char *answer = NULL;
            g_autofree char *code = say(products[server], products[asked], request, &answer);
            g_autofree char *build = g_strdup_printf("MajorBuildNumber=\"%u\"", product->build[2]);
            g_assert_cmpstr(code, ==, asked <= server ? NULL : "ErrorInvalidServerVersion");
            g_assert_cmpint(strstr(answer, build) != NULL, ==, asked <= server);
        }
    }
    g_autofree char *dated = say("Exchange2019", "V2017_07_11", request, NULL);
    g_autofree char *unknown = say("ExchangeSE", "Exchange2019", request, NULL);
    g_assert_cmpstr(dated, ==, NULL);
    g_assert_cmpstr(unknown, ==, "ErrorInvalidServerVersion");
    g_assert_null(exg_sim_product_find("Exchange2003"));
}

/* Every operation against every server, in its own version and in the oldest. */
static void
test_operations(void)
{
    static const struct {
        const char *name;
        guint since; /* of `products` */
    } operations[] = {
        {"ConvertId", 0},
        {"CreateItem", 0},
        {"ExpandDL", 0},
        {"FindFolder", 0},
        {"FindItem", 0},
        {"GetFolder", 0},
        {"GetItem", 0},
        {"ResolveNames", 0},
        {"CopyItem", 0},
        {"CreateFolder", 0},
        {"DeleteFolder", 0},
        {"DeleteItem", 0},
        {"MoveItem", 0},
        {"SendItem", 0},
        {"Subscribe", 0},
        {"SyncFolderHierarchy", 0},
        {"SyncFolderItems", 0},
        {"Unsubscribe", 0},
        {"UpdateFolder", 0},
        {"UpdateItem", 0},
        {"GetUserAvailabilityRequest", 0},
        {"GetUserOofSettingsRequest", 0},
        {"GetServerTimeZones", 1},
        {"GetRoomLists", 1},
        {"GetRooms", 1},
        {"GetMailTips", 1},
        {"GetStreamingEvents", 2},
        {"GetSearchableMailboxes", 4},
    };
    for (guint server = 0; server < G_N_ELEMENTS(products); server++) {
        const char *version = exg_sim_product_find(products[server])->newest;
        for (guint i = 0; i < G_N_ELEMENTS(operations); i++) {
            g_autofree char *request = g_strdup_printf("<m:%s/>", operations[i].name);
            g_autofree char *own = say(products[server], version, request, NULL);
            g_autofree char *old = say(products[server], "Exchange2007_SP1", request, NULL);
            g_test_message("%s on %s", operations[i].name, products[server]);
            if (server < operations[i].since) {
                g_assert_cmpstr(own, ==, "ErrorInvalidRequest");
                g_assert_cmpstr(old, ==, "ErrorInvalidRequest");
                continue;
            }
            /* known: what is refused is an empty request */
            g_assert_true(own == NULL || g_str_equal(own, "ErrorSchemaValidation"));
            g_assert_cmpint(g_strcmp0(old, "ErrorInvalidServerVersion") == 0, ==,
                            operations[i].since > 0);
        }
    }
}

#define TRANSFER(name)                                                                             \
    "<m:" name "><m:ToFolderId><t:DistinguishedFolderId Id=\"inbox\"/></m:ToFolderId>"             \
    "<m:ItemIds><t:ItemId "                                                                        \
    "Id=\"A\"/></m:ItemIds><m:ReturnNewItemIds>true</m:ReturnNewItemIds></m:" name ">"

static void
test_elements(void)
{
    static const struct {
        const char *request;
        guint since;
    } cases[] = {
        {TRANSFER("MoveItem"), 2},
        {TRANSFER("CopyItem"), 2},
        {"<m:Subscribe><m:StreamingSubscriptionRequest SubscribeToAllFolders=\"true\">"
         "<t:EventTypes><t:EventType>NewMailEvent</t:EventType></t:EventTypes>"
         "</m:StreamingSubscriptionRequest></m:Subscribe>",
         2},
        {"<m:ResolveNames ReturnFullContactData=\"true\" ContactDataShape=\"Default\">"
         "<m:UnresolvedEntry>ann</m:UnresolvedEntry></m:ResolveNames>",
         3},
        {"<m:DeleteItem DeleteType=\"HardDelete\" SuppressReadReceipts=\"true\"><m:ItemIds>"
         "<t:ItemId Id=\"A\"/></m:ItemIds></m:DeleteItem>",
         5},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (guint server = 0; server < G_N_ELEMENTS(products); server++) {
            const char *version = exg_sim_product_find(products[server])->newest;
            g_autofree char *code = say(products[server], version, cases[i].request, NULL);
            g_test_message("%s: %s", products[server], cases[i].request);
            g_assert_cmpstr(code, ==, server < cases[i].since ? "ErrorSchemaValidation" : NULL);
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/exchange-sim/product/versions", test_versions);
    g_test_add_func("/exchange-sim/product/operations", test_operations);
    g_test_add_func("/exchange-sim/product/elements", test_elements);
    return g_test_run();
}
