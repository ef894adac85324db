/* subscription.h - who wants to be told what happens in which folders, and what has not been told yet.
 *
 * Threads:  the engine's.
 * Limits:   EXG_SIM_SUBSCRIPTIONS_MAX; EXG_SIM_EVENTS_MAX wait for each, the oldest are lost first.
 */
#ifndef EXG_SIM_SUBSCRIPTION_H
#define EXG_SIM_SUBSCRIPTION_H

#include "common/xml/writer.h"
#include "tests/exchange-sim/mailbox.h"

#define EXG_SIM_SUBSCRIPTIONS_MAX 10000
#define EXG_SIM_EVENTS_MAX        1000

typedef struct ExgSimSubscription ExgSimSubscription;
typedef struct ExgSimSubscriptions ExgSimSubscriptions;

ExgSimSubscriptions *exg_sim_subscriptions_new(void);
void exg_sim_subscriptions_free(ExgSimSubscriptions *subscriptions);

/* `folders`: of const ExgSimFolder, taken; NULL: all. `kinds`: bits by ExgSimEventKind. Answers its
 * id, or NULL if there are too many. */
const char *exg_sim_subscriptions_add(ExgSimSubscriptions *subscriptions,
                                      const ExgSimMailbox *mailbox, GPtrArray *folders, guint kinds);
bool exg_sim_subscriptions_remove(ExgSimSubscriptions *subscriptions, const char *id);
/* All of them, as when the server was started anew. Answers how many. */
guint exg_sim_subscriptions_clear(ExgSimSubscriptions *subscriptions);
ExgSimSubscription *exg_sim_subscriptions_find(ExgSimSubscriptions *subscriptions, const char *id);
/* An ExgSimWatch; `data` are the subscriptions. */
void exg_sim_subscriptions_watch(const ExgSimMailbox *mailbox, const ExgSimEvent *event,
                                 gpointer data);

/* Is told when there is something to tell: `lost`: the subscription has gone, or somebody else
 * listens to it from here on. */
typedef void (*ExgSimListener)(ExgSimSubscription *subscription, bool lost, gpointer data);
/* NULL: nobody. */
void exg_sim_subscription_listen(ExgSimSubscription *subscription, ExgSimListener listener,
                                 gpointer data);
bool exg_sim_subscription_has_news(const ExgSimSubscription *subscription);
/* Writes m:Notification with all that waits; with nothing, t:StatusEvent. */
void exg_sim_subscription_write(ExgSimSubscription *subscription, ExgXmlWriter *writer);

#endif
