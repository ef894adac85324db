#include "lmtp/group.h"

#include "common/base/disposition.h"
#include "lmtp/reply.h"

typedef struct {
    char *group;
    ExgEvent *event;
    ExgGroupDeliver deliver;
    gpointer deliver_data;
    ExgLmtpAnswer answer;
    gpointer data;
    guint open;         /* members without an answer; one more while they are begun */
    ExgLmtpReply worst; /* of the answers so far */
} Group;

static void
finish(Group *group, const ExgLmtpReply *reply)
{
    group->answer(reply, group->data);
    exg_event_unref(group->event);
    g_free(group->group);
    g_free(group);
}

static void
refuse(Group *group, int code, const char *enhanced, const char *why)
{
    ExgLmtpReply reply;
    exg_lmtp_reply_set(&reply, code, enhanced, "<%s> %s", group->group, why);
    finish(group, &reply);
}

/* To wait is worse than to be refused: what is refused now is refused after the wait as well. */
static int
badness(int code)
{
    return code < 300 ? 0 : code >= 500 ? 1 : 2;
}

static void
close_one(Group *group)
{
    if (--group->open > 0)
        return;
    if (group->worst.code == 250)
        exg_lmtp_reply_set(&group->worst, 250, "2.0.0",
                           "<%s> stored in Exchange for each of its members", group->group);
    finish(group, &group->worst);
}

static void
member_answered(const ExgLmtpReply *reply, gpointer data)
{
    Group *group = data;
    if (badness(reply->code) > badness(group->worst.code))
        group->worst = *reply;
    close_one(group);
}

static void
deliver_to(Group *group, const char *member)
{
    g_autoptr(ExgEvent) event = exg_event_new(group->event);
    exg_event_set(event, "member", member);
    group->deliver(member, event, member_answered, group, group->deliver_data);
}

static void
expanded(const ExgDirectoryMembers *members, const GError *error, gpointer data)
{
    Group *group = data;
    if (error != NULL) {
        ExgDisposition disposition = exg_disposition_of(error);
        bool temporary = disposition.smtp_code < 500;
        exg_event_set(group->event, "error", error->message);
        refuse(group, temporary ? disposition.smtp_code : 450,
               temporary ? disposition.enhanced : "4.2.1",
               "the members of this distribution group cannot be told now");
    } else if (members->outsider != NULL) {
        exg_event_set(group->event, "outsider", members->outsider);
        refuse(group, 550, "5.1.1",
               "is a distribution group with members that have no mailbox in Exchange");
    } else if (!members->complete) {
        refuse(group, 550, "5.1.1", "is a distribution group with too many members");
    } else if (members->mailboxes->len == 0) {
        refuse(group, 550, "5.1.1", "is a distribution group without members");
    } else {
        exg_event_set_int(group->event, "members", members->mailboxes->len);
        exg_lmtp_reply_set(&group->worst, 250, "2.0.0", "Ok");
        group->open = 1;
        for (guint i = 0; i < members->mailboxes->len; i++) {
            group->open++;
            deliver_to(group, g_ptr_array_index(members->mailboxes, i));
        }
        close_one(group);
    }
}

void
exg_group_deliver(ExgDirectory *directory, const char *address, ExgEvent *event, gint64 deadline_us,
                  GCancellable *cancellable, ExgGroupDeliver deliver, gpointer deliver_data,
                  ExgLmtpAnswer answer, gpointer data)
{
    Group *group = g_new0(Group, 1);
    group->group = g_strdup(address);
    group->event = exg_event_ref(event);
    group->deliver = deliver;
    group->deliver_data = deliver_data;
    group->answer = answer;
    group->data = data;
    exg_directory_expand(directory, address, deadline_us, cancellable, expanded, group);
}
