#include "common/ews/people/resolve-names-private.h"

#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/mime/address.h"

#include <string.h>

/* A contact of the directory shows no more addresses than these (EmailAddress1 to
 * EmailAddress3): with as many, there may be others. */
#define SHOWN_ADDRESSES 3

static const char types[] = EXG_EWS_TYPES_SPACE;

void
exg_ews_resolution_free(ExgEwsResolution *resolution)
{
    if (resolution == NULL)
        return;
    g_free(resolution->name);
    g_free(resolution->primary_address);
    g_free(resolution->mailbox_type);
    g_free(resolution);
}

static void
write_request(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer address)
{
    g_autofree char *entry = g_strconcat("smtp:", address, NULL);
    exg_xml_start(writer, "m:ResolveNames");
    exg_xml_attribute(writer, "ReturnFullContactData", "true");
    exg_xml_attribute(writer, "SearchScope", "ActiveDirectory");
    exg_xml_element(writer, "m:UnresolvedEntry", entry);
}

static const char *
text_of(const ExgXmlNode *parent, const char *name)
{
    const ExgXmlNode *node = exg_xml_node_child(parent, types, name);
    return node != NULL ? node->text : "";
}

static bool
is_same(const char *folded, const char *address)
{
    g_autofree char *other = exg_address_fold(address);
    return g_str_equal(folded, other);
}

/* "SMTP:a@b" is the primary address, "smtp:a@b" a further one; the prefix may be missing. Of
 * other kinds (X500:, SIP:), NULL. */
static const char *
smtp_address(const char *entry)
{
    if (g_ascii_strncasecmp(entry, "smtp:", 5) == 0)
        return entry + 5;
    return strchr(entry, '@') != NULL && strchr(entry, ':') == NULL ? entry : NULL;
}

typedef enum { HAS_IT, HAS_IT_NOT, PERHAPS } Match;

/* Compares an entry of the directory with the address. `*ret_primary` is its primary address, or
 * NULL. */
static Match
match(const ExgXmlNode *resolution, const char *folded, const char **ret_primary)
{
    const ExgXmlNode *mailbox = exg_xml_node_child(resolution, types, "Mailbox");
    const ExgXmlNode *contact = exg_xml_node_child(resolution, types, "Contact");
    const ExgXmlNode *list = exg_xml_node_child(contact, types, "EmailAddresses");
    const char *routing = text_of(mailbox, "RoutingType");
    const char *address = smtp_address(text_of(mailbox, "EmailAddress"));
    if (routing[0] != '\0' && g_ascii_strcasecmp(routing, "SMTP") != 0)
        address = NULL;
    *ret_primary = address;
    bool found = address != NULL && is_same(folded, address);
    guint count = 0;
    for (const ExgXmlNode *entry = exg_xml_node_child(list, types, "Entry"); entry != NULL;
         entry = exg_xml_node_next_same(entry)) {
        count++;
        address = smtp_address(entry->text);
        if (address == NULL)
            continue;
        found = found || is_same(folded, address);
        if (*ret_primary == NULL && g_str_has_prefix(entry->text, "SMTP:"))
            *ret_primary = address;
    }
    if (found)
        return HAS_IT;
    /* The server had its reason to show this entry. Only a list that is surely complete proves
     * that it was another one. */
    return count > 0 && count < SHOWN_ADDRESSES ? HAS_IT_NOT : PERHAPS;
}

static ExgEwsResolution *
resolution_new(const ExgXmlNode *node, const char *primary)
{
    const ExgXmlNode *mailbox = exg_xml_node_child(node, types, "Mailbox");
    ExgEwsResolution *resolution = g_new0(ExgEwsResolution, 1);
    resolution->name = g_strdup(text_of(mailbox, "Name"));
    resolution->primary_address = g_strdup(primary != NULL ? primary : "");
    resolution->mailbox_type = g_strdup(text_of(mailbox, "MailboxType"));
    return resolution;
}

static bool
search(const ExgEwsOperation *operation, const ExgXmlNode *set, const char *asked,
       gpointer *ret_result, GError **error)
{
    g_autofree char *folded = exg_address_fold(asked);
    const char *last = exg_xml_node_attribute(set, "IncludesLastItemInRange");
    bool complete = last != NULL && (g_str_equal(last, "true") || g_str_equal(last, "1"));
    guint count = 0;
    for (const ExgXmlNode *node = exg_xml_node_child(set, types, "Resolution"); node != NULL;
         node = exg_xml_node_next_same(node)) {
        const char *primary = NULL;
        Match matched = match(node, folded, &primary);
        if (matched == HAS_IT) {
            *ret_result = resolution_new(node, primary);
            return true;
        }
        complete = complete && matched == HAS_IT_NOT;
        count++;
    }
    if (!complete || count == 0) /* nobody at all would have been ErrorNameResolutionNoResults */
        return exg_ews_answer_senseless(operation, error,
                                        "it does not show whether somebody has the address");
    *ret_result = NULL;
    return true;
}

static bool
decode(const ExgEwsOperation *operation, const ExgXmlNode *message, gpointer context,
       gpointer *ret_result, GError **error)
{
    const char *class = exg_xml_node_attribute(message, "ResponseClass");
    const char *code = exg_ews_message_code(message);
    if (g_str_equal(code, "ErrorNameResolutionNoResults") && g_strcmp0(class, "Error") == 0) {
        *ret_result = NULL;
        return true;
    }
    if (!exg_ews_message_check_names(operation, message, error))
        return false;
    const ExgXmlNode *set = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, "ResolutionSet");
    return search(operation, set, context, ret_result, error);
}

static void
free_resolution(gpointer resolution)
{
    exg_ews_resolution_free(resolution);
}

const ExgEwsOperation exg_ews_resolve_names_operation = {
    .name = "ResolveNames",
    .own_mailbox = true,
    .n_messages = 1,
    .write = write_request,
    .decode = decode,
    .free_result = free_resolution,
};

static const ExgEwsTarget self = {.access = EXG_EWS_SELF};

ExgHttpBody *
exg_ews_resolve_names_body(const char *version, const char *address)
{
    return exg_ews_call_payload(&exg_ews_resolve_names_operation, version, &self, address);
}

void
exg_ews_resolve_names_async(ExgEwsService *service, const char *address, gint64 deadline_us,
                            GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    exg_ews_call_start(service, &exg_ews_resolve_names_operation, &self, g_strdup(address), g_free,
                       deadline_us, cancellable, callback, data);
}

bool
exg_ews_resolve_names_finish(ExgEwsService *service, GAsyncResult *result,
                             ExgEwsResolution **ret_resolution, GError **error)
{
    gpointer resolution = NULL;
    if (!exg_ews_call_finish(result, &exg_ews_resolve_names_operation, &resolution, error))
        return false;
    *ret_resolution = resolution;
    return true;
}
