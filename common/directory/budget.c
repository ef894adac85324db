#include "common/directory/budget-private.h"

#define MINUTE_US (60 * G_USEC_PER_SEC)

/* `rate` tokens come back in `period_us`, up to `size` of them. Counted in `period_us`ths of a
 * token, which keeps the fractions. */
typedef struct {
    gint64 level;
    gint64 since_us;
} Bucket;

typedef struct {
    gint64 rate, period_us, size; /* `size` in tokens */
} Measure;

typedef struct {
    char *name;
    Bucket bucket;
    GList link; /* of the budget's clients */
} Client;

struct ExgDirectoryBudget {
    Measure all, each; /* rate 0: no limit */
    Bucket bucket;
    GHashTable *by_name;
    GQueue clients; /* the one seen last at the head */
    guint max_clients;
};

/* --- buckets ---------------------------------------------------------------------------------- */

static gint64
full(const Measure *measure)
{
    return measure->size * measure->period_us;
}

static void
refill(Bucket *bucket, const Measure *measure, gint64 now_us)
{
    gint64 passed_us = MAX(now_us - bucket->since_us, 0);
    bucket->since_us = now_us;
    /* So long that it is full whatever was in it; and the product below stays small. */
    if (passed_us >= full(measure) / measure->rate)
        bucket->level = full(measure);
    else
        bucket->level = MIN(bucket->level + passed_us * measure->rate, full(measure));
}

static bool
has_token(Bucket *bucket, const Measure *measure, gint64 now_us)
{
    refill(bucket, measure, now_us);
    return bucket->level >= measure->period_us;
}

/* --- clients ---------------------------------------------------------------------------------- */

static void
client_free(gpointer data)
{
    Client *client = data;
    g_free(client->name);
    g_free(client);
}

static void
forget_oldest(ExgDirectoryBudget *budget)
{
    Client *client = g_queue_peek_tail(&budget->clients);
    g_queue_unlink(&budget->clients, &client->link);
    g_hash_table_remove(budget->by_name, client->name);
}

static Client *
provide_client(ExgDirectoryBudget *budget, const char *name, gint64 now_us)
{
    Client *client = g_hash_table_lookup(budget->by_name, name);
    if (client != NULL) {
        g_queue_unlink(&budget->clients, &client->link);
    } else {
        if (budget->clients.length >= budget->max_clients)
            forget_oldest(budget);
        client = g_new0(Client, 1);
        client->name = g_strdup(name);
        client->link.data = client;
        client->bucket = (Bucket){full(&budget->each), now_us};
        g_hash_table_insert(budget->by_name, client->name, client);
    }
    g_queue_push_head_link(&budget->clients, &client->link);
    return client;
}

/* --- the face --------------------------------------------------------------------------------- */

ExgDirectoryBudget *
exg_directory_budget_new(guint per_second, guint per_client_minute, guint max_clients)
{
    ExgDirectoryBudget *budget = g_new0(ExgDirectoryBudget, 1);
    budget->all = (Measure){per_second, G_USEC_PER_SEC, (gint64)per_second * EXG_DIRECTORY_BURST_S};
    budget->each = (Measure){per_client_minute, MINUTE_US, per_client_minute};
    budget->bucket.level = full(&budget->all);
    budget->max_clients = max_clients > 0 ? max_clients : EXG_DIRECTORY_MAX_CLIENTS;
    budget->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, client_free);
    return budget;
}

void
exg_directory_budget_free(ExgDirectoryBudget *budget)
{
    if (budget == NULL)
        return;
    g_hash_table_unref(budget->by_name);
    g_free(budget);
}

ExgBudgetAnswer
exg_directory_budget_take(ExgDirectoryBudget *budget, const char *name, gint64 now_us)
{
    Client *client = NULL;
    if (name != NULL && budget->each.rate > 0) {
        client = provide_client(budget, name, now_us);
        if (!has_token(&client->bucket, &budget->each, now_us))
            return EXG_BUDGET_CLIENT_SPENT;
    }
    if (budget->all.rate > 0) {
        if (!has_token(&budget->bucket, &budget->all, now_us))
            return EXG_BUDGET_ALL_SPENT;
        budget->bucket.level -= budget->all.period_us;
    }
    if (client != NULL)
        client->bucket.level -= budget->each.period_us;
    return EXG_BUDGET_GRANTED;
}

void
exg_directory_budget_give_back(ExgDirectoryBudget *budget, const char *name, gint64 now_us)
{
    Client *client = name != NULL ? g_hash_table_lookup(budget->by_name, name) : NULL;
    if (client == NULL)
        return;
    refill(&client->bucket, &budget->each, now_us);
    client->bucket.level = MIN(client->bucket.level + budget->each.period_us, full(&budget->each));
}

guint
exg_directory_budget_clients(const ExgDirectoryBudget *budget)
{
    return budget->clients.length;
}
